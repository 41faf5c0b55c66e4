"""Objects uploaded in numbered parts: level 0 while it is written, the head last, in front of it.

How it is cut, and what is held back for the parts in front, is a `PartPlan` (`parts`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from tinycog.errors import SourceError
from tinycog.targets.body import PartBody
from tinycog.targets.parts import PartPlan
from tinycog.tiff.ranges import ByteRange

IN_FLIGHT = 2
"""Parts that are sent at the same time, beside the one that fills."""


CONTENT_TYPE = "image/tiff"

CHUNK = 1 << 18
"""Bytes that are copied at once."""

T = TypeVar("T")


class ObjectUpload(Protocol):
    """One object of a store while it is uploaded; nothing of it is seen before `complete`.

    See store.upload.published.

    Attributes:
        name: of the object, for messages; no secret in it.
    """

    name: str

    @property
    def id(self) -> str:
        """By which the store knows it while it is open; "" where it has no name of its own."""
        ...

    async def begin(self) -> None:
        """Open the upload.

        Raises:
            UsageError: the object exists and must not be overwritten.
            SourceError: it cannot be written.
        """
        ...

    async def put_part(self, number: int, body: PartBody) -> None:
        """Send the whole of `body`, which stands at its end, as the part of that number (from 1).

        Raises:
            SourceError: it cannot be sent.
        """
        ...

    async def copy_part(self, number: int, source: str, etag: str, part: ByteRange) -> None:
        """Have the store copy bytes of another object into the part of that number.

        Args:
            number: from 1 on.
            source: url of the object, in the same store.
            etag: that the object must still have.
            part: which of its bytes.

        Raises:
            SourceChangedError: the object has another ETag.
            SourceError: they cannot be copied.
        """
        ...

    async def complete(self, size: int) -> None:
        """Publish all parts in the order of their numbers, `size` bytes in all, at once.

        Raises:
            UsageError: the object exists by now and must not be overwritten.
            SourceError: it cannot be published.
        """
        ...

    async def abort(self) -> None:
        """Drop the upload, if it is open. Repeated calls do nothing."""
        ...


class MultipartTarget:
    """A target (`WriteTarget`) that sends parts while later ones are made.

    Any failure and any cancellation drops the upload before it is raised (store.upload.dropped).

    Attributes:
        name: of the object.
        memory: bytes that it holds at most.
        spools_body: whether level 0 is put aside whole, which happens where parts must be equal.
    """

    def __init__(self, upload: ObjectUpload, plan: PartPlan, folder: str | None = None) -> None:
        """Send to `upload` in parts as `plan` says.

        Args:
            upload: takes the parts.
            plan: how the file is cut.
            folder: for long parts in front; None: where `tempfile` makes its files.
        """
        self.name = upload.name
        self.memory = plan.memory(IN_FLIGHT)
        self.spools_body = plan.held is None
        self._upload = upload
        self._plan = plan
        self._folder = folder
        self._bodies: set[PartBody] = set()
        self._held: PartBody
        self._filling: PartBody
        self._sizes = plan.body_sizes()
        self._part_size = next(self._sizes)
        self._number = plan.head_parts + 1
        self._size = 0
        self._sending: dict[asyncio.Task[None], tuple[int, PartBody]] = {}
        self._aborting: asyncio.Task[None] | None = None

    @property
    def upload_id(self) -> str:
        """By which the store knows the upload while it is open; "" where it has no name."""
        return self._upload.id

    async def begin(self) -> None:
        """Open the upload: whether it may be written shows before the first pixel is read.

        Raises:
            UsageError: the object exists and must not be overwritten.
            SourceError: it cannot be written.
        """
        async with self._dropped_on_failure():
            self._held, self._filling = self._new_body(self._plan.held), self._new_body()
            await self._upload.begin()

    async def append(self, data: bytes | memoryview) -> None:
        """Take the next bytes of level 0, and send each part that is full.

        Raises:
            SourceError: a part cannot be sent, this one or an earlier one.
            LimitError: the object gets too long for the store.
        """
        async with self._dropped_on_failure():
            self._reap()
            view = memoryview(data).cast("B")
            self._size += len(view)
            held = self._plan.held
            kept = len(view) if held is None else max(held - self._held.tell(), 0)
            self._held.write(view[:kept])
            await self._fill(view[kept:])

    async def finish(self, head: AsyncIterator[bytes | memoryview], head_length: int) -> None:
        """Send the head with what was held back as the first parts, and publish the object.

        Raises:
            UsageError: the object exists by now and must not be overwritten.
            SourceError: it cannot be sent or published.
            LimitError: the object is too long for the store.
        """
        async with self._dropped_on_failure():
            first = self._plan.head_parts + 1
            is_alone = self._number == first and not self._filling.tell()
            if self._filling.tell():
                await self._send_filled(self._number)
            length = head_length + self._held.tell()
            sizes = self._plan.head_sizes(length, is_alone=is_alone)
            await self._send_front(_joined(head, self._held), sizes)
            while self._sending:
                await self._wait()
            await self._upload.complete(self._size + head_length)
            self._drop_bodies()

    async def abort(self) -> None:
        """Drop what was sent. Repeated calls do nothing; a cancellation waits for the end of it."""
        if self._aborting is None:
            self._aborting = asyncio.create_task(self._abort())
        await finished(self._aborting)

    async def _abort(self) -> None:
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        self._sending.clear()
        self._drop_bodies()
        await self._upload.abort()

    @asynccontextmanager
    async def _dropped_on_failure(self) -> AsyncGenerator[None]:
        if self._aborting is not None:
            message = "its upload was dropped, so that nothing more can be written"
            raise SourceError(message, url=self.name)
        try:
            yield
        except BaseException:
            await self.abort()
            raise

    async def _fill(self, view: memoryview) -> None:
        """Add bytes of level 0 to the part that fills, and send each one that is full."""
        while view:
            room = self._part_size - self._filling.tell()
            self._filling.write(view[:room])
            view = view[room:]
            if self._filling.tell() == self._part_size:
                await self._send_filled(self._number)
                self._part_size = next(self._sizes)
                self._number += 1

    async def _send_front(self, data: AsyncIterator[bytes | memoryview], sizes: list[int]) -> None:
        """Cut what stands in front into parts of these lengths in bytes, and send them.

        Raises:
            SourceError: there is more or less of it than that.
        """
        number, left = 1, sizes[::-1]
        async for chunk in data:
            view = memoryview(chunk).cast("B")
            while view and left:
                room = left[-1] - self._filling.tell()
                self._filling.write(view[:room])
                view = view[room:]
                if self._filling.tell() == left[-1]:
                    left.pop()
                    await self._send_filled(number)
                    number += 1
            if view:
                break
        else:
            if not left:
                return
        message = f"what stands in front is not the {sum(sizes)} bytes that were said"
        raise SourceError(message, url=self.name)

    async def _send_filled(self, number: int) -> None:
        """Send what has been filled as a part, as soon as few enough are on their way."""
        room = IN_FLIGHT * self._plan.largest
        size = min(self._filling.tell(), self._plan.largest)  # in memory
        while self._sending and sum(held for held, _ in self._sending.values()) + size > room:
            await self._wait()
        task = asyncio.create_task(self._upload.put_part(number, self._filling))
        self._sending[task] = size, self._filling
        self._filling = self._new_body()

    async def _wait(self) -> None:
        await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        self._reap()

    def _reap(self) -> None:
        """Forget the parts that have arrived.

        Raises:
            SourceError: one could not be sent.
        """
        for task in [task for task in self._sending if task.done()]:
            task.result()
            _, body = self._sending.pop(task)
            self._bodies.remove(body)
            body.drop()

    def _new_body(self, size: int | None = None) -> PartBody:
        """Return an empty body; of a long one the rest is in a temporary file."""
        body = PartBody(max(size or 0, self._plan.largest), self._folder)
        self._bodies.add(body)
        return body

    def _drop_bodies(self) -> None:
        while self._bodies:
            self._bodies.pop().drop()


async def finished(task: asyncio.Task[T]) -> T:
    """Wait for the end of a task; if this is cancelled meanwhile, that is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled
    return task.result()


async def _joined(
    head: AsyncIterator[bytes | memoryview], held: PartBody
) -> AsyncIterator[bytes | memoryview]:
    async for chunk in head:
        yield chunk
    held.seek(0)
    while chunk := held.read(CHUNK):
        yield chunk
