"""Pack a header into bytes, so that opening the file again costs no request."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any, NamedTuple

from tinycog.errors import UsageError
from tinycog.tiff.buffer import SparseBuffer

MAGIC = b"tinycog snapshot 1\n"


class Snapshot(NamedTuple):
    """What was known of a file.

    Attributes:
        size: length of the file in bytes, None if not known.
        tag: name of the file's generation, None if nothing names it; each response is compared
            with it, so that a stale snapshot is noticed.
        parts: absolute positions and bytes of what was cached of header and index.
    """

    size: int | None
    tag: str | None
    parts: tuple[tuple[int, bytes], ...]


def pack(buffer: SparseBuffer, tag: str | None) -> bytes:
    """Pack all that is cached: a checksum, a line of JSON, the bytes."""
    parts = buffer.parts()
    spans = [[start, len(data)] for start, data in parts]
    head = {"size": buffer.size, "tag": tag, "parts": spans}
    body = json.dumps(head).encode() + b"\n" + b"".join(data for _, data in parts)
    return MAGIC + _checksum(body) + b"\n" + body


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def unpack(data: bytes) -> Snapshot:
    """Unpack what `pack` returned.

    Raises:
        UsageError: it is not a snapshot, or was changed or cut.
    """
    try:
        snapshot = bytes(data)
    except TypeError as exc:
        message = f"a snapshot is bytes, not a {type(data).__name__}"
        raise UsageError(message) from exc
    if not snapshot.startswith(MAGIC):
        message = f"not a snapshot: it starts with {snapshot[:20]!r}, expected {MAGIC!r}"
        raise UsageError(message)
    checksum, _, body = snapshot.removeprefix(MAGIC).partition(b"\n")
    if checksum != _checksum(body):
        message = "the snapshot was changed or cut: its checksum does not fit"
        raise UsageError(message)
    try:
        return _parsed(body)
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        message = f"the snapshot cannot be read: {type(exc).__name__}: {exc}"
        raise UsageError(message) from exc


def pinned(snapshot: bytes | None, pin: str) -> bytes:
    """Return a snapshot that pins a generation: the one given, or an empty one.

    Raises:
        UsageError: the snapshot is not known to be of that generation, or the pin names none.
    """
    if not pin or str(pin).startswith("W/"):
        message = f"{pin!r} names no generation: a weak ETag stays when bytes change"
        raise UsageError(message)
    if snapshot is None:
        return pack(SparseBuffer(), str(pin))
    tag = unpack(snapshot).tag
    if tag != pin:
        found = "no named generation" if tag is None else f"the generation {tag}"
        message = f"the snapshot is of {found}, not of {pin}"
        raise UsageError(message)
    return snapshot


def _parsed(body: bytes) -> Snapshot:
    line, _, content = body.partition(b"\n")
    head = json.loads(line)
    size = sys.maxsize if head["size"] is None else _natural(head["size"])
    parts: list[tuple[int, bytes]] = []
    offset = 0
    for start, length in head["parts"]:
        if _natural(start) + _natural(length) > size:
            message = f"bytes {start} to {start + length} lie beyond the end of the file at {size}"
            raise ValueError(message)
        parts.append((start, content[offset : offset + length]))
        offset += length
    if offset != len(content):
        message = f"{len(content)} bytes of the file, expected {offset}"
        raise ValueError(message)
    return Snapshot(head["size"], None if head["tag"] is None else str(head["tag"]), tuple(parts))


def _natural(value: Any) -> int:  # noqa: ANN401 - whatever JSON held
    if not isinstance(value, int) or value < 0:
        message = f"{value!r} is not a position or length"
        raise ValueError(message)
    return value
