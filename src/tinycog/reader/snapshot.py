"""A header kept outside the handle, so that opening the file again costs no request."""

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
        size: length of the file in bytes, if known.
        tag: what names the generation of the file, if anything does: every answer is held against
            it, so that a stale snapshot is noticed.
        parts: absolute positions and bytes of the header.
    """

    size: int | None
    tag: str | None
    parts: tuple[tuple[int, bytes], ...]


def pack(buffer: SparseBuffer, tag: str | None) -> bytes:
    """All that is held: a checksum, a line of JSON, the bytes."""
    parts = buffer.parts()
    places = [[start, len(data)] for start, data in parts]
    facts = {"size": buffer.size, "tag": tag, "parts": places}
    body = json.dumps(facts).encode() + b"\n" + b"".join(data for _, data in parts)
    return MAGIC + _checksum(body) + b"\n" + body


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()


def unpack(data: bytes) -> Snapshot:
    """What `pack` made.

    Raises:
        UsageError: it is no such thing, or was cut.
    """
    try:
        found = bytes(data)
    except TypeError as exc:
        message = f"a snapshot is bytes, not a {type(data).__name__}"
        raise UsageError(message) from exc
    if not found.startswith(MAGIC):
        message = f"not a snapshot: it starts with {found[:20]!r}, expected {MAGIC!r}"
        raise UsageError(message)
    checksum, _, body = found.removeprefix(MAGIC).partition(b"\n")
    if checksum != _checksum(body):
        message = "the snapshot was changed or cut: its checksum does not fit"
        raise UsageError(message)
    try:
        return _parsed(body)
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        message = f"the snapshot cannot be read: {type(exc).__name__}: {exc}"
        raise UsageError(message) from exc


def pinned(snapshot: bytes | None, pin: str) -> bytes:
    """The snapshot, or an empty one, that demands a generation.

    Raises:
        UsageError: it is not known to be of that one, or the pin names none.
    """
    if not pin or str(pin).startswith("W/"):
        message = f"{pin!r} names no generation: a weak ETag stays when bytes change"
        raise UsageError(message)
    if snapshot is None:
        return pack(SparseBuffer(), str(pin))
    tag = unpack(snapshot).tag
    if tag != pin:
        message = f"the snapshot is of the generation {tag or 'that it does not tell'}, not {pin}"
        raise UsageError(message)
    return snapshot


def _parsed(body: bytes) -> Snapshot:
    head, _, rest = body.partition(b"\n")
    facts = json.loads(head)
    size = sys.maxsize if facts["size"] is None else _natural(facts["size"])
    parts: list[tuple[int, bytes]] = []
    at = 0
    for start, length in facts["parts"]:
        if _natural(start) + _natural(length) > size:
            message = f"bytes {start} to {start + length} lie beyond the end of the file at {size}"
            raise ValueError(message)
        parts.append((start, rest[at : at + length]))
        at += length
    if at != len(rest):
        message = f"{len(rest)} bytes of the file, expected {at}"
        raise ValueError(message)
    return Snapshot(
        facts["size"], None if facts["tag"] is None else str(facts["tag"]), tuple(parts)
    )


def _natural(value: Any) -> int:  # noqa: ANN401 - whatever JSON held
    if not isinstance(value, int) or value < 0:
        message = f"{value!r} is no position or length"
        raise ValueError(message)
    return value
