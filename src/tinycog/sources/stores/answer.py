"""What a read of a range is asked for, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tinycog.tiff.ranges import ByteRange


class ObjectRead(NamedTuple):
    """A range of an object that is wanted.

    Attributes:
        fs: the fsspec file system; fsspec has no types.
        path: the object's path in it.
        part: the bytes wanted.
        generation: name of the generation that they must be of, None if any may come.
        arrived: called with a number of bytes as they arrive, from any thread.
        name: the object, for messages.
    """

    fs: Any
    path: str
    part: ByteRange
    generation: str | None
    arrived: Callable[[int], None]
    name: str


class ObjectAnswer(NamedTuple):
    """The bytes of a range, and what is known of their object.

    Attributes:
        data: the bytes; fewer than wanted if the object ends inside the range.
        size: length of the object in bytes, None if it is not told.
        names: names of the generation of exactly these bytes, the best one first.
    """

    data: bytes
    size: int | None
    names: tuple[str, ...]


class ReplacedError(Exception):
    """The object is of another generation than the one that is wanted.

    Attributes:
        expected, found: names of the generations; None if the file system does not tell.
        where: `gs://bucket/object` of a store whose urls may name a generation, else "".
    """

    def __init__(self, expected: str | None, found: str | None, where: str = "") -> None:
        """Keep both names."""
        super().__init__(expected, found, where)
        self.expected = expected
        self.found = found
        self.where = where


def chosen_name(names: tuple[str, ...], expected: str | None) -> str | None:
    """Return the name to compare: the expected one if it is among them, else the best one."""
    if expected is not None and expected in names:
        return expected
    return names[0] if names else None
