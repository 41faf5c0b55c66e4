"""The interface of a source, and of the sink that receives the bytes of one range."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from tinycog.checks import Pinning
from tinycog.errors import RangeMismatchError
from tinycog.tiff.ranges import ByteRange

ETAG, WEAK_ETAG, LAST_MODIFIED = "ETag", "weak ETag", "Last-Modified"
"""Kinds of validators: a strong ETag, a weak one, the time of the last modification."""

DATE = "Date"
"""Time of the response, which stands among the validators: what Last-Modified is held against."""

NO_VALIDATORS: Mapping[str, str] = MappingProxyType({})


class RangeSink(Protocol):
    """Receiver of one range: `begin` once, then the bytes in order.

    The bytes come by `write`, or by `buffer` and `advance` in turn. They are those of the range and
    no more. The source calls these methods in the event loop of `read_range`.
    """

    @property
    def generation(self) -> str | None:
        """Expected generation, if known: a source may ask the server for it (If-Match)."""
        ...

    @property
    def pinning(self) -> Pinning:
        """What is compared; where it is not "strict", a source compares no generations either."""
        ...

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline of the request if no more bytes arrive (http.time)."""
        ...

    def begin(
        self,
        size: int | None,
        generation: str | None,
        validators: Mapping[str, str] = NO_VALIDATORS,
    ) -> None:
        """Accept the response head, once, before any bytes.

        Args:
            size: length of the whole object in bytes, if known.
            generation: name of this state of the object (a strong ETag, a modification time), if
                known.
            validators: all that names it, by kind (`{"ETag": '"e"', "Last-Modified": ...}`), the
                best first: so that a response that lacks one is compared by the others. They need
                not be passed again where `generation` is the expected one.

        Raises:
            SourceChangedError: size or generation differ from those of earlier responses.
        """
        ...

    def write(self, chunk: bytes | memoryview) -> None:
        """Accept the next bytes; the source must not change them afterwards."""
        ...

    def skip(self, count: int) -> None:
        """Take note of bytes that came though they were not requested, for the log."""
        ...

    def write_whole(self, data: bytes) -> None:
        """Accept the whole object, where a server sent it instead of a range.

        Comes between `begin` and the bytes of the range, and does not replace them.
        """
        ...

    def buffer(self, max_bytes: int) -> memoryview:
        """Return memory for the next bytes, at most `max_bytes`; saves the copy of `write`."""
        ...

    def advance(self, count: int) -> None:
        """Accept the first `count` bytes of the last buffer."""
        ...


@runtime_checkable
class Source(Protocol):
    """An object that is read by ranges. Subclass `tinycog.testing.SourceSuite` to test one.

    It may be read from any number of event loops. Its pickle is not open and opens itself again.
    """

    @property
    def name(self) -> str:
        """Name for messages (a url, a path), without credentials."""
        ...

    @property
    def origin(self) -> str:
        """Name of the server: a url's scheme, host and port, say.

        Sources of the same origin share its limit of concurrent requests and its measured speed.
        """
        ...

    async def aopen(self) -> None:
        """Prepare for reading. Called before each read: must be cheap once open."""
        ...

    async def read_range(self, part: ByteRange, answer: RangeSink, /) -> None:
        """Read the bytes of a range, never an empty one, into the sink.

        Fewer bytes than `part.length` are the first ones: the rest is requested again, unless the
        size that was passed to `begin` says that the object ends there.

        Raises:
            SourceError: the bytes cannot be read. A range that begins at or after the end of the
                object is a `RangeNotSatisfiableError`, or an answer without bytes.
        """
        ...

    async def aclose(self) -> None:
        """Release open resources; a later read opens them again."""
        ...


Done = Callable[[Exception | None], None]
"""Called once, in the event loop, with what `read_range` would raise, or None."""

SendRange = Callable[[ByteRange, RangeSink, Done], Callable[[], None] | None]
"""Type of `EagerSource.send_range`."""


@runtime_checkable
class EagerSource(Source, Protocol):
    """A source that can also send a request at once, without a task: less CPU for each request."""

    def send_range(
        self, part: ByteRange, answer: RangeSink, done: Done, /
    ) -> Callable[[], None] | None:
        """Send a request without waiting, and call `done` later, never before this returns.

        Returns:
            A function that cancels the request, after which `done` is not called; or None if
            nothing was sent because that would have to wait: `read_range` is called instead.
        """
        ...


def answer_whole(
    name: str,
    part: ByteRange,
    data: bytes | memoryview,
    sink: RangeSink,
    size: int | None = None,
    generation: str | None = None,
) -> None:
    """Pass on the bytes of a range; where the size is not known, a short answer shows the end.

    Raises:
        RangeMismatchError: there are more bytes than the range has.
    """
    check_length(name, part, data)
    if size is None and 0 < len(data) < part.length:
        size = part.start + len(data)
    sink.begin(size, generation)
    sink.write(data)


def check_length(name: str, part: ByteRange, data: bytes | memoryview) -> None:
    """Check that no more bytes came than a range has.

    Raises:
        RangeMismatchError: there are more.
    """
    if len(data) > part.length:
        message = f"{len(data)} bytes came where {part.length} were asked"
        raise RangeMismatchError(message, url=name, range=part)
