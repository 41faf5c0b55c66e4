"""What a source is: what a reader needs of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from tinycog.errors import RangeMismatchError
from tinycog.tiff.ranges import ByteRange


class RangeSink(Protocol):
    """Who takes the answer to a range, piece by piece."""

    @property
    def generation(self) -> str | None:
        """The tag that is wanted, if one is known: a server may be asked for that generation."""
        ...

    @property
    def seconds_left(self) -> float:
        """How long it may still take if no more bytes come (http.time)."""
        ...

    def begin(self, size: int | None, generation: str | None) -> None:
        """Take its head, once, before any bytes.

        Args:
            size: length of the whole object in bytes, if it was told.
            generation: what names this state of the object (a strong ETag, a time), if known.

        Raises:
            SourceChangedError: it is not the object that was read before.
        """
        ...

    def write(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes; they are not changed afterwards."""
        ...

    def write_whole(self, data: bytes) -> None:
        """Take the whole object besides, if that came where a range was asked."""
        ...

    def buffer(self, max_bytes: int) -> memoryview:
        """Where at most `max_bytes` may be written next: saves a copy against `write`."""
        ...

    def advance(self, count: int) -> None:
        """Take the first `count` bytes that were written to the last buffer."""
        ...


@runtime_checkable
class Source(Protocol):
    """An object that can be read by ranges; it pickles, and opens itself anew after that."""

    @property
    def name(self) -> str:
        """Say what is read, for messages: a url, a path."""
        ...

    @property
    def origin(self) -> str:
        """Name the server: what is read from the same one shares its slots and its measured rates.

        A url's scheme, host and port, say.
        """
        ...

    async def aopen(self) -> None:
        """Make ready to read; called before each read, so it costs nothing the next time."""
        ...

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Read the bytes of a range into `answer`; fewer only where the object ends inside it.

        Raises:
            SourceError: they cannot be had.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what is open; a later read opens it again."""
        ...


Done = Callable[[Exception | None], None]
"""Told once, in the event loop, of what `read_range` would return, or raise."""

SendRange = Callable[[ByteRange, RangeSink, Done], Callable[[], None] | None]
"""What a source may have besides, as `send_range`: begin to read at once, without a task.

That saves much of what a request costs us. `done` is told later, never at once. What comes back is
a function that gives the request up, after which nobody is told; or None, if nothing was done since
something must be waited for: then `read_range` is called.
"""


def answer_whole(name: str, part: ByteRange, data: bytes | memoryview, answer: RangeSink) -> None:
    """Give an answer that does not tell the object's size: a short one means its end.

    Raises:
        RangeMismatchError: there are more bytes than were asked.
    """
    if len(data) > part.length:
        message = f"{len(data)} bytes came where {part.length} were asked"
        raise RangeMismatchError(message, url=name, range=part)
    is_end = 0 < len(data) < part.length
    answer.begin(part.start + len(data) if is_end else None, None)
    answer.write(data)
