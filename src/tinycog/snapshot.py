"""A header kept outside the handle, so that opening the file again costs no request."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from tinycog.buffer import SparseBuffer
from tinycog.errors import UsageError

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
    """All that is held, loose parts apart: a line of JSON, then the bytes."""
    parts = buffer.kept()
    places = [[start, len(data)] for start, data in parts]
    facts = {"size": buffer.size, "tag": tag, "parts": places}
    return MAGIC + json.dumps(facts).encode() + b"\n" + b"".join(data for _, data in parts)


def unpack(data: bytes) -> Snapshot:
    """What `pack` made.

    Raises:
        UsageError: it is no such thing, or was cut.
    """
    head, newline, body = bytes(data).removeprefix(MAGIC).partition(b"\n")
    if not bytes(data).startswith(MAGIC) or not newline:
        message = f"not a snapshot: it starts with {bytes(data)[:20]!r}, expected {MAGIC!r}"
        raise UsageError(message)
    try:
        facts = json.loads(head)
        size, tag, places = facts["size"], facts["tag"], facts["parts"]
        parts: list[tuple[int, bytes]] = []
        at = 0
        for start, length in places:
            parts.append((_natural(start), body[at : at + _natural(length)]))
            at += length
    except (ValueError, TypeError, KeyError) as exc:
        message = f"the snapshot cannot be read: {type(exc).__name__}: {exc}"
        raise UsageError(message) from exc
    if at != len(body):
        message = f"the snapshot holds {len(body)} bytes of the file, expected {at}"
        raise UsageError(message)
    return Snapshot(
        None if size is None else _natural(size), None if tag is None else str(tag), tuple(parts)
    )


def _natural(value: Any) -> int:  # noqa: ANN401 - whatever JSON held
    if not isinstance(value, int) or value < 0:
        message = f"{value!r} is no position or length"
        raise ValueError(message)
    return value
