"""The test suite of a source: what every reader may rely on. Works with any test runner.

::

    import pytest
    from tinycog.testing import SourceSuite

    @pytest.mark.asyncio                     # not needed with asyncio_mode = "auto"
    class TestMySource(SourceSuite):
        secrets = ("hunter2",)

        @pytest.fixture(autouse=True)        # if `make` needs a fixture
        def _folder(self, tmp_path):
            self.folder = tmp_path

        def make(self, data):
            (self.folder / "a.tif").write_bytes(data)
            return MySource(self.folder / "a.tif", password="hunter2")

        def make_missing(self):
            return MySource(self.folder / "no.tif", password="hunter2")
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from typing import Any, ClassVar, cast

from tinycog.argument_types import Where
from tinycog.checks import Pinning
from tinycog.errors import NotFoundError, RangeNotSatisfiableError
from tinycog.sources.factory import make_source
from tinycog.sources.protocol import NO_VALIDATORS, EagerSource, Source
from tinycog.tiff.ranges import ByteRange

Opens = Source | Where
"""What `tinycog.open` takes: a source, an async function `get_range`, a url, a path."""

Made = Opens | Awaitable[Opens] | AbstractContextManager[Opens] | AbstractAsyncContextManager[Opens]
"""What `SourceSuite.make` may return."""

BUFFER_BYTES = 100
"""Largest buffer of a `RangeRecorder`: short, so that sources have to ask for several."""

CANCEL_SECONDS = 0.05
"""How long a cancelled read is watched for bytes that still arrive."""


class RangeRecorder:
    """A `RangeSink` that records what a source passes to it, and checks the order of the calls.

    Attributes:
        generation: the expected generation, for the source.
        seconds_left: the deadline, for the source.
        pinning: what is compared, for the source.
        size: length of the object, as passed to `begin`; None if it was not.
        found: the generation that was passed to `begin`.
        validators: what else was passed there.
        skipped: number of bytes that came though they were not requested.
        whole: the object that was passed to `write_whole`.
        begun: number of calls of `begin`.
    """

    def __init__(self, generation: str | None = None, seconds_left: float = 30.0) -> None:
        """Record nothing yet."""
        self.generation = generation
        self.seconds_left = seconds_left
        self.pinning: Pinning = "strict"
        self.size: int | None = None
        self.found: str | None = None
        self.validators: Mapping[str, str] = NO_VALIDATORS
        self.skipped = 0
        self.whole = b""
        self.begun = 0
        self._chunks: list[bytes | memoryview] = []
        self._copies: list[bytes] = []
        self._buffer: bytearray | None = None

    @property
    def data(self) -> bytes:
        """The bytes that have arrived."""
        for chunk, copy in zip(self._chunks, self._copies, strict=True):
            check(bytes(chunk) == copy, "the source changed bytes after `write`")
        return b"".join(self._copies)

    def begin(
        self,
        size: int | None,
        generation: str | None,
        validators: Mapping[str, str] = NO_VALIDATORS,
    ) -> None:
        """Record the head."""
        check(not self._copies, "`begin` was called after bytes")
        self.begun += 1
        self.size, self.found, self.validators = size, generation, validators

    def skip(self, count: int) -> None:
        """Count bytes that were not requested."""
        self.skipped += count

    def write(self, chunk: bytes | memoryview) -> None:
        """Record bytes, and hold on to them to see that they do not change."""
        check(self.begun == 1, f"`begin` was called {self.begun} times before bytes")
        self._chunks.append(chunk)
        self._copies.append(bytes(chunk))

    def write_whole(self, data: bytes) -> None:
        """Record the whole object."""
        check(self.begun == 1, "`write_whole` was called before `begin`")
        self.whole = data

    def buffer(self, max_bytes: int) -> memoryview:
        """Return a short buffer."""
        check(max_bytes > 0, f"`buffer` was called for {max_bytes} bytes")
        self._buffer = bytearray(min(max_bytes, BUFFER_BYTES))
        return memoryview(self._buffer)

    def advance(self, count: int) -> None:
        """Record what was written to the buffer."""
        buffer, self._buffer = self._buffer, None
        if buffer is None:
            message = "`advance` was called without `buffer`"
            raise AssertionError(message)
        check(count <= len(buffer), f"`advance` by {count} bytes of a buffer of {len(buffer)}")
        self.write(bytes(buffer[:count]))


class SourceSuite:
    """Tests that every source must pass; a subclass says how to make one.

    Attributes:
        data: the object's bytes, which `make` is given; at least 200.
        secrets: texts that `name`, `origin`, `repr` and errors must not show.
        is_picklable: whether the source pickles; without that it cannot be sent to a process.
    """

    data: ClassVar[bytes] = bytes(i * 7 % 251 for i in range(1000))
    secrets: ClassVar[tuple[str, ...]] = ()
    is_picklable: ClassVar[bool] = True

    def make(self, data: bytes) -> Made:
        """Return a source of an object with these bytes.

        May be async, and may be a context manager that gives the source and cleans up after it.
        Whatever else `tinycog.open` takes will do too: an async function, a url.
        """
        raise NotImplementedError

    def make_missing(self) -> Made | None:
        """Return a source of an object that does not exist; None if there can be no such source."""
        return None

    # --- ranges ----------------------------------------------------------------------------------

    async def test_it_is_a_source(self) -> None:
        """The source has all members of the protocol, and names that are texts."""
        async with self._source() as source:
            for text in (source.name, source.origin):
                check(bool(text) and isinstance(text, str), f"a name is {text!r}")  # pyright: ignore[reportUnnecessaryIsInstance]

    async def test_the_whole_object_is_read(self) -> None:
        """The range of the whole object gives all its bytes."""
        async with self._source() as source:
            await self._check_range(source, 0, len(self.data))

    async def test_a_range_is_half_open_and_no_more_is_sent(self) -> None:
        """Ranges give exactly their bytes: the first, the last, some between."""
        size = len(self.data)
        ends = [(0, 1), (0, size - 1), (1, size), (size - 1, size), (size // 4, size // 2)]
        async with self._source() as source:
            for start, stop in ends:
                await self._check_range(source, start, stop)

    async def test_a_range_across_the_end_is_short_and_tells_the_size(self) -> None:
        """A range that the object ends in gives what there is, and the object's size."""
        size = len(self.data)
        async with self._source() as source:
            for start, stop in [(size - 100, size + 100), (0, 2 * size), (size - 1, size + 1)]:
                answer = await self._check_range(source, start, stop)
                check(answer.size == size, f"the size is {answer.size} instead of {size}")

    async def test_a_range_behind_the_end_has_no_bytes(self) -> None:
        """A range that begins at or after the end is empty, or is not satisfiable."""
        size = len(self.data)
        async with self._source() as source:
            for start in (size, size + 100):
                try:
                    answer = await read_range(source, start, start + 10)
                except RangeNotSatisfiableError as error:
                    told = error.size
                else:
                    told = answer.size
                    check(not answer.data, f"{len(answer.data)} bytes lie behind the end")
                check(told in (None, size), f"the size is {told} instead of {size}")

    async def test_the_generation_stays_the_same(self) -> None:
        """An object that does not change is of one generation in all answers."""
        async with self._source() as source:
            first = await read_range(source, 0, 10)
            second = await read_range(source, 50, 60)
        check(first.found == second.found, f"generations {first.found!r} and {second.found!r}")

    # --- states ----------------------------------------------------------------------------------

    async def test_ranges_are_read_concurrently(self) -> None:
        """Concurrent reads do not mix."""
        step = len(self.data) // 20
        starts = range(0, len(self.data) - step, step)
        async with self._source() as source:
            await asyncio.gather(*(self._check_range(source, at, at + step) for at in starts))

    async def test_a_cancelled_read_ends_and_leaves_the_source_usable(self) -> None:
        """After `CancelledError` no bytes arrive, and other ranges are read."""
        async with self._source() as source:
            for turns in range(4):
                answer = RangeRecorder()
                reading = asyncio.ensure_future(_read_into(source, 0, len(self.data), answer))
                for _ in range(turns):
                    await asyncio.sleep(0)
                reading.cancel()
                await asyncio.wait([reading])
                arrived = len(answer.data)
                await asyncio.sleep(CANCEL_SECONDS)
                check(len(answer.data) == arrived, "bytes arrived after the read was cancelled")
                await self._check_range(source, 10, 20)

    async def test_a_closed_source_opens_again(self) -> None:
        """A source may be closed before the first read, and twice, and read afterwards."""
        async with self._source() as source:
            await source.aclose()
            await self._check_range(source, 0, 10)
            await source.aclose()
            await source.aclose()
            await self._check_range(source, 100, 200)

    async def test_a_pickle_reads_the_same_object(self) -> None:
        """A source that has been read pickles, with its name and origin, and reads on."""
        if not self.is_picklable:
            return
        async with self._source() as source:
            await self._check_range(source, 0, 10)
            again = pickle.loads(pickle.dumps(source))  # noqa: S301 - dumped right here
            check((again.name, again.origin) == (source.name, source.origin), "other names")
            await self._check_range(again, 100, 200)
            await again.aclose()

    async def test_another_event_loop_reads_too(self) -> None:
        """A source that was read in one event loop is read in another, and then in the first."""
        async with self._source() as source:
            await self._check_range(source, 0, 10)
            await asyncio.to_thread(asyncio.run, self._check_range(source, 10, 20))
            await self._check_range(source, 20, 30)

    async def test_what_is_sent_at_once_is_the_same(self) -> None:
        """`send_range`, if there is one, sends the same bytes, and calls `done` once, later."""
        async with self._source() as source:
            if not isinstance(source, EagerSource):
                return
            await self._check_range(source, 0, 10)
            answer = RangeRecorder()
            errors: asyncio.Queue[Exception | None] = asyncio.Queue()
            cancel = source.send_range(ByteRange(100, 200), answer, errors.put_nowait)
            check(errors.empty(), "`done` was called before `send_range` returned")
            if cancel is None:
                return
            error = await errors.get()
            check(error is None, f"it failed: {error!r}")
            check(answer.data == self.data[100:200], "other bytes than those of the range")
            await self._check_cancelled_send(source)

    # --- errors ----------------------------------------------------------------------------------

    async def test_secrets_are_not_shown(self) -> None:
        """Neither name nor origin nor repr shows a credential."""
        async with self._source() as source:
            await self._check_range(source, 0, 10)
            self._check_no_secrets(source.name, source.origin, repr(source))

    async def test_a_missing_object_is_a_not_found_error(self) -> None:
        """An object that does not exist is a `NotFoundError` that names it."""
        made = self.make_missing()
        if made is None:
            return
        async with entered(made) as source:
            try:
                await read_range(source, 0, 10)
            except NotFoundError as error:
                check(source.name in str(error), f"{error} does not name {source.name}")
                self._check_no_secrets(str(error), repr(error))
            else:
                message = f"{source.name} was read, though it should not exist"
                raise AssertionError(message)

    # ---------------------------------------------------------------------------------------------

    def _source(self) -> AbstractAsyncContextManager[Source]:
        return entered(self.make(self.data))

    async def _check_range(self, source: Source, start: int, stop: int) -> RangeRecorder:
        answer = await read_range(source, start, stop)
        check(answer.begun == 1, f"`begin` was called {answer.begun} times")
        check(
            answer.data == self.data[start:stop],
            f"{len(answer.data)} bytes that are not bytes {start} to {stop} of the object",
        )
        size = len(self.data)
        check(answer.size in (None, size), f"the size is {answer.size} instead of {size}")
        check(answer.whole in (b"", self.data), "`write_whole` got other bytes than the object's")
        return answer

    async def _check_cancelled_send(self, source: EagerSource) -> None:
        errors: list[Exception | None] = []
        cancel = source.send_range(ByteRange(0, 100), RangeRecorder(), errors.append)
        if cancel is not None:
            cancel()
            await asyncio.sleep(CANCEL_SECONDS)
            check(not errors, "`done` was called after the request was cancelled")
        await self._check_range(source, 10, 20)

    def _check_no_secrets(self, *texts: str) -> None:
        for text in texts:
            for secret in self.secrets:
                check(secret not in text, f"a secret is shown in {text.replace(secret, '***')}")


async def read_range(source: Source, start: int, stop: int) -> RangeRecorder:
    """Read bytes `start` to `stop` (half-open) of a source into a recorder."""
    answer = RangeRecorder()
    await _read_into(source, start, stop, answer)
    return answer


async def _read_into(source: Source, start: int, stop: int, answer: RangeRecorder) -> None:
    await source.aopen()
    await source.read_range(ByteRange(start, stop), answer)


@asynccontextmanager
async def entered(made: Made) -> AsyncGenerator[Source, None]:
    """Give the source that `SourceSuite.make` made, and close it afterwards."""
    opens: Any = made
    async with AsyncExitStack() as stack:
        if isinstance(opens, Source | os.PathLike | memoryview):
            pass  # though some of them are context managers
        elif isinstance(opens, AbstractAsyncContextManager):
            opens = await stack.enter_async_context(
                cast("AbstractAsyncContextManager[Opens]", opens)
            )
        elif isinstance(opens, AbstractContextManager):
            opens = stack.enter_context(cast("AbstractContextManager[Opens]", opens))
        elif isinstance(opens, Awaitable):
            opens = await cast("Awaitable[Opens]", opens)
        source = make_source(cast("Opens", opens))
        stack.push_async_callback(source.aclose)
        yield source


def check(is_so: bool, message: str) -> None:  # noqa: FBT001 - as `assert`, which -O leaves out
    """Raise an `AssertionError` unless it is so."""
    if not is_so:
        raise AssertionError(message)
