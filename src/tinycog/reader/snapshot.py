"""A header kept outside the handle, so that opening the file again costs no request.

As bytes: `MAGIC`, 8 bytes of BLAKE2b of what follows, and that, deflated by zlib: a line of JSON,
[size, generation, [[start, length], ...]], and the bytes of these ranges in turn. That is short:
an index of many files holds many. As a document for JSON: `SnapshotDocument`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypedDict, cast

from tinycog.errors import UsageError

VERSION = 2
ANY_MAGIC = b"tinycog"
MAGIC = ANY_MAGIC + str(VERSION).encode()

JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

CHECKSUM_BYTES = 8
LEVEL = 4
"""Of Deflate: an index is packed at 100 MB a second, to two thirds."""

MOST_KEPT = 4
"""Snapshots that stay unpacked: `open` looks whether one is good, and its handle takes it over."""

MAX_BYTES = 1 << 30
"""Bytes of a file that a snapshot holds at most."""


class SnapshotDocument(TypedDict):
    """A snapshot as JSON holds it.

    Attributes:
        tinycog_snapshot: the version of this format, 2.
        size: length of the file in bytes, None if not known.
        generation: name of the file's generation, None if nothing names it.
        ranges: absolute position and length of each part of the file that is kept.
        data: the bytes of these parts, one after the other, deflated (zlib), in base64.
    """

    tinycog_snapshot: int
    size: int | None
    generation: str | None
    ranges: list[list[int]]
    data: str


class Snapshot(NamedTuple):
    """What was known of a file.

    Attributes:
        size: length of the file in bytes, None if not known.
        generation: name of the file's generation, None if nothing names it; each response is
            compared with it, so that a stale snapshot is noticed.
        parts: absolute positions and bytes of what has arrived of header and index.
    """

    size: int | None
    generation: str | None
    parts: Sequence[tuple[int, bytes]] = ()

    def pack(self) -> bytes:
        """Return it as bytes."""
        facts = [self.size, self.generation, self._ranges()]
        head = JSON.encode(facts).encode()
        body = zlib.compress(b"\n".join([head, self._content()]), LEVEL)
        return MAGIC + _checksum(body) + body

    def document(self) -> SnapshotDocument:
        """Return it as a document for JSON."""
        data = base64.b64encode(zlib.compress(self._content(), LEVEL)).decode()
        return {
            "tinycog_snapshot": VERSION,
            "size": self.size,
            "generation": self.generation,
            "ranges": self._ranges(),
            "data": data,
        }

    def _ranges(self) -> list[list[int]]:
        return [[start, len(data)] for start, data in self.parts]

    def _content(self) -> bytes:
        return b"".join(data for _, data in self.parts)


@lru_cache(maxsize=MOST_KEPT)
def _unpacked(given: bytes) -> Snapshot:
    return _unpack(given)


def unpack(given: object) -> Snapshot:
    """Return the snapshot that bytes hold, or a document.

    Raises:
        UsageError: it is not a snapshot, or of another version, or was changed or cut.
    """
    return _unpacked(given) if isinstance(given, bytes) else _unpack(given)


def _unpack(given: object) -> Snapshot:
    try:
        if isinstance(given, Mapping):
            return _of_document(cast("Mapping[str, Any]", given))
        return _of_bytes(given)
    except UsageError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as exc:
        message = f"the snapshot cannot be read: {type(exc).__name__}: {exc}"
        raise UsageError(message) from exc


def _of_bytes(given: object) -> Snapshot:
    if isinstance(given, str | int):
        message = f"a snapshot is bytes, or a document of them: not a {type(given).__name__}"
        raise UsageError(message)
    data = bytes(given)  # type: ignore[arg-type] - a TypeError says what it is
    if not data.startswith(MAGIC):
        is_other = data.startswith(ANY_MAGIC)
        what = "a snapshot of another version, take it anew" if is_other else "not a snapshot"
        message = f"{what}: it starts with {data[:20]!r}, expected {MAGIC!r}"
        raise UsageError(message)
    rest = data[len(MAGIC) :]
    checksum, body = rest[:CHECKSUM_BYTES], rest[CHECKSUM_BYTES:]
    if checksum != _checksum(body):
        message = "the snapshot was changed or cut: its checksum does not fit"
        raise UsageError(message)
    line, _, content = _inflated(body).partition(b"\n")
    size, generation, ranges = json.loads(line)
    return _parsed(size, generation, ranges, content)


def _of_document(document: Mapping[str, Any]) -> Snapshot:
    version = document.get("tinycog_snapshot")
    if version != VERSION:
        message = f"not a snapshot of version {VERSION}: its tinycog_snapshot is {version!r}"
        raise UsageError(message)
    content = _inflated(base64.b64decode(document["data"], validate=True))
    return _parsed(document["size"], document["generation"], document["ranges"], content)


def _inflated(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    found = stream.decompress(data, MAX_BYTES)
    if not stream.eof or stream.unused_data:
        message = "its data end too early, or too late"
        raise ValueError(message)
    return found


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=CHECKSUM_BYTES).digest()


def pinned(snapshot: Snapshot | None, pin: str) -> Snapshot:
    """Return a snapshot that pins a generation: the one given, or an empty one.

    Raises:
        UsageError: the snapshot is not known to be of that generation, or the pin names none.
    """
    if not pin or str(pin).startswith("W/"):
        message = f"{pin!r} names no generation: a weak ETag stays when bytes change"
        raise UsageError(message)
    if snapshot is None:
        return Snapshot(None, str(pin))
    if snapshot.generation != pin:
        tag = snapshot.generation
        found = "no named generation" if tag is None else f"the generation {tag}"
        message = f"the snapshot is of {found}, not of {pin}"
        raise UsageError(message)
    return snapshot


def _parsed(given: Any, generation: Any, ranges: Any, content: bytes) -> Snapshot:  # noqa: ANN401 - whatever JSON held
    size = None if given is None else _natural(given)
    parts: list[tuple[int, bytes]] = []
    offset = 0
    for start, length in ranges:
        if _natural(start) + _natural(length) > (sys.maxsize if size is None else size):
            message = f"bytes {start} to {start + length} lie beyond the end of the file at {size}"
            raise ValueError(message)
        parts.append((start, content[offset : offset + length]))
        offset += length
    if offset != len(content):
        message = f"{len(content)} bytes of the file, expected {offset}"
        raise ValueError(message)
    return Snapshot(size, None if generation is None else str(generation), tuple(parts))


def _natural(value: Any) -> int:  # noqa: ANN401 - whatever JSON held
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        message = f"{value!r} is not a position or length"
        raise ValueError(message)
    return value
