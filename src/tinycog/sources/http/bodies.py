"""Bodies of responses that are not a plain part of the object: what is done with each. No I/O.

The body of a 206 of known length goes into the sink as it comes. These are collected, or cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tinycog.errors import SourceError
from tinycog.sources.http.errors import TransportError
from tinycog.sources.http.response import wrong_length
from tinycog.sources.protocol import RangeSink
from tinycog.tiff.ranges import ByteRange

ERROR_BYTES = 4096
"""Bytes of the body of a refusal that are read."""


class WholeObjects(Protocol):
    """Bounds how many whole objects are kept: one at a time.

    Attributes:
        keeps_whole: whether one may be kept now.
    """

    keeps_whole: bool


class UnframedPart:
    """A 206 whose length only its end tells: passed on when it is right (http.range.length)."""

    def __init__(self, url: str, part: ByteRange, sink: RangeSink, length: int) -> None:
        """Expect `length` bytes, as Content-Range says."""
        self._url = url
        self._part = part
        self._sink = sink
        self._length = length
        self._data = bytearray()

    def write(self, chunk: bytes) -> None:
        """Collect bytes.

        Raises:
            RangeMismatchError: there are more of them than there should be.
        """
        self._data += chunk
        if len(self._data) > self._length:
            raise wrong_length(self._url, self._part, f"{len(self._data)} or more", self._length)

    def finish(self) -> None:
        """Pass them on.

        Raises:
            TransportError: there are fewer; nothing else would tell that the body was cut off.
        """
        missing = self._length - len(self._data)
        if missing:
            message = f"the response ended {missing} bytes early"
            raise TransportError(message)
        self._sink.write(bytes(self._data))

    def fail(self, error: Exception) -> Exception:
        """Return the error: a part that is not whole is none."""
        return error

    def close(self) -> None:
        """Nothing is held."""


class WholeObject:
    """A 200 that is short enough: the range is cut out of it (http.status.whole)."""

    def __init__(self, owner: WholeObjects, part: ByteRange, sink: RangeSink, size: int) -> None:
        """Take its length; the sink has taken the head."""
        self._part = part
        self._sink = sink
        self._at = 0
        self._owner = owner
        self._data = bytearray() if owner.keeps_whole and size else None
        if self._data is not None:
            owner.keeps_whole = False

    def write(self, chunk: bytes) -> None:
        """Collect bytes, or pass those of the range on."""
        if self._data is not None:
            self._data += chunk
            return
        start = max(self._part.start - self._at, 0)
        inside = chunk[start : max(self._part.stop - self._at, 0)]
        self._at += len(chunk)
        self._sink.skip(len(chunk) - len(inside))
        if inside:
            self._sink.write(inside)

    def finish(self) -> None:
        """Pass all on, and the range of it."""
        if self._data is not None:
            whole = bytes(self._data)
            inside = memoryview(whole)[self._part.start : self._part.stop]
            self._sink.skip(len(whole) - len(inside))
            self._sink.write_whole(whole)  # first: a reader may request more of it at once
            self._sink.write(inside)

    def fail(self, error: Exception) -> Exception:
        """Return the error: an object that is not whole is none."""
        self._sink.skip(len(self._data or b""))
        return error

    def close(self) -> None:
        """Let another object be kept."""
        if self._data is not None:
            self._data = None
            self._owner.keeps_whole = True


class UnsizedObject:
    """A 200 whose length only its end tells: taken if it is short enough (http.status.whole)."""

    def __init__(
        self,
        owner: WholeObjects,
        sink: RangeSink,
        most: int,
        make_body: Callable[[int], WholeObject],
        make_error: Callable[[], SourceError],
    ) -> None:
        """Collect no more than `most` bytes.

        Args:
            owner: keeps one object at a time.
            sink: is told of bytes that are dropped.
            most: number of bytes that are taken.
            make_body: passes head and length on; returns what takes the object.
            make_error: makes the error of one that is longer.
        """
        self._owner = owner
        self._sink = sink
        self._most = most
        self._make_body = make_body
        self._make_error = make_error
        self._data = bytearray()
        owner.keeps_whole = False

    def write(self, chunk: bytes) -> None:
        """Collect bytes.

        Raises:
            RangeUnsupportedError: there are too many.
        """
        self._data += chunk
        if len(self._data) > self._most:
            raise self._make_error()

    def finish(self) -> None:
        """Pass head and object on, as its length is known now."""
        data, self._data = bytes(self._data), bytearray()
        self._owner.keeps_whole = True
        body = self._make_body(len(data))
        try:
            body.write(data)
            body.finish()
        finally:
            body.close()

    def fail(self, error: Exception) -> Exception:
        """Return the error: an object that is not whole is none."""
        self._sink.skip(len(self._data))
        return error

    def close(self) -> None:
        """Let another object be kept."""
        self._data = bytearray()
        self._owner.keeps_whole = True


class ErrorBody:
    """A refusal whose body may say why, and that it passes: S3's 400 of a slow connection."""

    def __init__(self, make_error: Callable[[bytes], SourceError], *, decides: bool) -> None:
        """Take what makes the error of the body, as far as it has come.

        Args:
            make_error: makes it.
            decides: whether the body alone says if the refusal passes.
        """
        self._make_error = make_error
        self._decides = decides
        self._data = b""

    def write(self, chunk: bytes) -> None:
        """Collect bytes; raise the error when there are enough."""
        self._data += chunk
        if len(self._data) >= ERROR_BYTES:
            self.finish()

    def finish(self) -> None:
        """Raise the error."""
        raise self._make_error(self._data)

    def fail(self, error: Exception) -> Exception:
        """Return the error of what has come, unless the rest may say that it passes."""
        is_open = self._decides or isinstance(error, SourceError)
        return error if is_open else self._make_error(self._data)

    def close(self) -> None:
        """Nothing is held."""
