"""An object of S3, or of a store like it, that is replaced by copies of most of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from tinycog.targets.body import PartBody
from tinycog.targets.multipart import IN_FLIGHT
from tinycog.targets.parts import PartRules
from tinycog.targets.pieces import Piece, parts_of, piece_length
from tinycog.targets.s3 import S3Upload
from tinycog.targets.update_target import Sent
from tinycog.tiff.ranges import ByteRange

COPIES_IN_FLIGHT = 8
"""Parts that the store copies at the same time."""


class UpdateObject:
    """An object that is replaced (`UpdateTarget`, store.update.pinned).

    Attributes:
        name: url of the object.
    """

    def __init__(self, upload: S3Upload, rules: PartRules) -> None:
        """Take the upload that replaces it; nothing is requested before `open`."""
        self.name = upload.name
        self._upload = upload
        self._rules = rules
        self._etag = ""
        self._size = 0

    async def open(self) -> int:
        """Find the object, and return its length in bytes.

        Raises:
            SourceError: it is not there, or may not be read.
        """
        self._size, self._etag = await self._upload.find()
        return self._size

    async def read(self, start: int, stop: int) -> bytes:
        """Return bytes of the object.

        Raises:
            SourceChangedError: it was replaced meanwhile.
            SourceError: they cannot be read.
        """
        stop = min(stop, self._size)
        return await self._upload.read(ByteRange(start, stop)) if start < stop else b""

    async def publish(self, pieces: Sequence[Piece]) -> Sent:
        """Replace the object.

        Raises:
            SourceChangedError: it was replaced meanwhile; it stays so.
            SourceError, LimitError: it cannot be written; the object stays as it was.
        """
        parts = list(enumerate(parts_of(pieces, self._rules), 1))
        copies = [(number, part[0]) for number, part in parts if _is_copied(part)]
        sends = [(number, part) for number, part in parts if not _is_copied(part)]
        await self._upload.begin()
        await _all_done(
            [
                (IN_FLIGHT, [partial(self._send, *one) for one in sends]),
                (COPIES_IN_FLIGHT, [partial(self._copy, *one) for one in copies]),
            ]
        )
        sent = sum(piece_length(piece) for _, part in sends for piece in part)
        copied = sum(piece_length(piece) for _, piece in copies)
        await self._upload.complete(sent + copied)
        return Sent(sent, copied)

    async def close(self) -> None:
        """Drop the upload, if it is open. Repeated calls do nothing."""
        await self._upload.abort()

    async def _copy(self, number: int, part: Piece) -> None:
        if isinstance(part, ByteRange):
            await self._upload.copy_part(number, self.name, self._etag, part)

    async def _send(self, number: int, part: Iterable[Piece]) -> None:
        body = PartBody(sum(map(piece_length, part)))
        try:
            for piece in part:
                is_old = isinstance(piece, ByteRange)
                body.write(await self.read(*piece) if is_old else piece)
            await self._upload.put_part(number, body)
        finally:
            body.drop()


def _is_copied(part: Sequence[Piece]) -> bool:
    return len(part) == 1 and isinstance(part[0], ByteRange)


async def _all_done(groups: Iterable[tuple[int, Iterable[Callable[[], Awaitable[None]]]]]) -> None:
    """Call functions, of each group so many at once; the first error ends all of them.

    Raises:
        Exception: the first one.
    """

    async def run(slots: asyncio.Semaphore, work: Callable[[], Awaitable[None]]) -> None:
        async with slots:
            await work()

    tasks: list[asyncio.Task[None]] = []
    for count, group in groups:
        slots = asyncio.Semaphore(count)
        tasks += [asyncio.create_task(run(slots, work)) for work in group]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
