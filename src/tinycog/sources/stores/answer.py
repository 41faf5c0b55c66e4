"""What a read of a range is asked for, and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from tinycog.errors import UsageError
from tinycog.sources.condition import REFUSED, Condition
from tinycog.sources.protocol import RangeSink
from tinycog.sources.stores.names import best_of
from tinycog.sources.stores.status import status_of
from tinycog.tiff.ranges import ByteRange

T = TypeVar("T")


class ObjectRead(NamedTuple):
    """A range of an object that is wanted.

    Attributes:
        fs: the file system or store; fsspec has no types.
        path: the object's path in it.
        part: the bytes wanted.
        generation: name of the generation that they must be of, None if any may come.
        arrived: called with a number of bytes as they arrive, from any thread.
        name: the object, for messages.
        condition: whether to ask for the generation by If-Match.
        is_pinned: whether generations are compared at all.
    """

    fs: Any
    path: str
    part: ByteRange
    generation: str | None
    arrived: Callable[[int], None]
    name: str
    condition: Condition
    is_pinned: bool


class ObjectAnswer(NamedTuple):
    """The bytes of a range, and what is known of their object.

    Attributes:
        data: the bytes; fewer than wanted if the object ends inside the range.
        size: length of the object in bytes, None if it is not told.
        names: names of the generation of exactly these bytes by kind, the best one first.
    """

    data: bytes
    size: int | None
    names: Mapping[str, str]


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


def chosen_name(names: Mapping[str, str], expected: str | None) -> str | None:
    """Return the name to compare: the expected one if it is among them, else the best one."""
    return expected if expected in names.values() else best_of(names)


def begin_answer(
    sink: RangeSink, name: str, teller: str, size: int | None, names: Mapping[str, str]
) -> None:
    """Pass on what is known of an object, by the name of its generation that is expected.

    Args:
        sink: receives it.
        name: the object, for messages.
        teller: who should tell the generation, for messages.
        size: length of the object in bytes, if it is known.
        names: names of its generation by kind.

    Raises:
        UsageError: a generation is wanted, and none is told.
        SourceChangedError: the object was replaced.
    """
    generation = chosen_name(names, sink.generation)
    if generation is None and sink.generation is not None:
        message = (
            f"the generation {sink.generation} is wanted (pin=, or that of a snapshot), but"
            f" {teller} tells none of {name}: neither an ETag nor a version, a checksum or a time"
        )
        raise UsageError(message)
    sink.begin(size, generation, names)


async def ask(wanted: ObjectRead, send: Callable[[str | None], Awaitable[T]]) -> T:
    """Ask for a range with If-Match; if that is refused, once without (http.pin.match).

    Args:
        wanted: the range.
        send: asks on condition of an ETag, or without one.

    Raises:
        ReplacedError: the object has another ETag now.
        Exception: whatever `send` raises.
    """
    etag = wanted.condition.etag(wanted.generation)
    if etag is None:
        return await send(None)
    try:
        return await send(etag)
    except Exception as exc:
        if status_of(exc) not in REFUSED:
            raise
    answer = await send(None)
    wanted.condition.is_understood = False
    return answer


def check_unchanged(wanted: ObjectRead, etag: str | None, names: Mapping[str, str]) -> None:
    """Check that an answer without If-Match is of the generation that If-Match was refused for.

    Raises:
        ReplacedError: it is of another one, or of one that has no name.
    """
    was_refused = etag is None and wanted.condition.etag(wanted.generation) is not None
    if was_refused and wanted.generation not in names.values():
        raise ReplacedError(wanted.generation, best_of(names))
