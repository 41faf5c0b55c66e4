"""Ranges that one event loop fetches for all: the others wait for them, and do not ask again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress

from tinycog.tiff.ranges import ByteRange

PATIENCE = 0.25
"""Seconds without an end after which a loop that is waited for must show that it still turns."""


class Claim:
    """Ranges that a loop fetches; to be released, whatever came of it."""

    def __init__(self, claims: Claims, ranges: Sequence[ByteRange]) -> None:
        """Claim ranges for the running event loop."""
        self.loop = asyncio.get_running_loop()
        self.ranges = ranges
        self.waiting: list[Future[None]] = []
        self._claims = claims

    def overlaps(self, ranges: Sequence[ByteRange]) -> bool:
        """Return whether they have bytes in common."""
        return any(a.start < b.stop and b.start < a.stop for a in self.ranges for b in ranges)

    def release(self) -> None:
        """Have all who wait look again."""
        for waiting in self._claims.drop(self):
            with suppress(Exception):  # who waited was cancelled
                waiting.set_result(None)


class Claims:
    """Ranges of one file that are being fetched, by event loops of any threads."""

    def __init__(self) -> None:
        """Start without any."""
        self._lock = threading.Lock()
        self._claims: list[Claim] = []

    async def claim(self, ranges: Sequence[ByteRange]) -> Claim | None:
        """Claim ranges, unless another loop fetches some of them: then wait for that.

        Returns:
            None if another loop has fetched, or has failed to: look what is still missing.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            found = [claim for claim in self._claims if claim.loop is not loop]
            other = next((claim for claim in found if claim.overlaps(ranges)), None)
            if other is None:
                claim = Claim(self, ranges)
                self._claims.append(claim)
                return claim
            waiting: Future[None] = Future()
            other.waiting.append(waiting)
        await self._wait(other, waiting)
        return None

    async def _wait(self, claim: Claim, waiting: Future[None]) -> None:
        """Wait for the end of a claim, or take it from a loop that does not turn any more."""
        ended = asyncio.wrap_future(waiting)
        try:
            while not ended.done():
                await asyncio.wait([ended], timeout=PATIENCE)
                if not ended.done() and not await _turns(claim.loop):
                    self.drop(claim)
                    return
        finally:
            ended.cancel()

    def drop(self, claim: Claim) -> list[Future[None]]:
        """Forget a claim; return who waits for it."""
        with self._lock:
            if claim in self._claims:
                self._claims.remove(claim)
            waiting, claim.waiting = claim.waiting, []
        return waiting


async def _turns(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether another event loop runs what it is given, soon."""
    answer: Future[None] = Future()
    try:
        loop.call_soon_threadsafe(answer.set_result, None)
    except RuntimeError:  # it is closed
        return False
    turned = asyncio.wrap_future(answer)
    await asyncio.wait([turned], timeout=PATIENCE)
    return turned.done()
