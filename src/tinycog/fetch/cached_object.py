"""What a cache holds of the object of one handle, and a scheduler that asks it first."""

from __future__ import annotations

import asyncio
import hashlib
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from tinycog.cache.protocol import Block, BlockKind, Cache
from tinycog.fetch.cache_io import io_of
from tinycog.fetch.ledger import Ledger
from tinycog.fetch.range_request import HEADER, PIXELS, WAITING, RangeRequest, fail_all
from tinycog.fetch.scheduler import Scheduler
from tinycog.sources.identity import Identity
from tinycog.tiff.ranges import ByteRange

MOST_SECONDS = 5.0
"""How long a read waits for a cache: what has not come then is requested."""

READ_AT_ONCE = 8
"""Blocks that one thread reads; more are read by several."""

FACTS = struct.Struct("<QQ")
"""What a block of its own holds: the size of the object, and the length of its head."""


class CachedObject:
    """The blocks of one object: of the generation that a handle reads, once that is known.

    Attributes:
        waits: whether blocks are not there at once.
    """

    def __init__(self, cache: Cache, identity: Identity, ledger: Ledger) -> None:
        """Keep what names the object; nothing is read.

        Args:
            cache: holds the blocks.
            identity: what is read, and by whom (cache.identity).
            ledger: tells size and generation, and takes bytes of the header.
        """
        self._io = io_of(cache)
        self.waits = bool(cache.waits)
        self._identity = identity
        self._ledger = ledger
        self._known: tuple[tuple[object, ...], str | None] = ((), None)
        self._has_head = False

    def _named(self) -> str | None:
        """Return the name of the object in the cache, made anew if more is known of it.

        None where nothing is cached of it: as long as its size is not known, and see `_hashed`.
        """
        pin = self._ledger.pin
        facts = pin.required, pin.size, pin.is_answered
        known, name = self._known
        if facts != known:
            name = None if pin.size is None else self._hashed(pin.size)
            self._known = facts, name  # at once: other threads look at it
        return name

    def _hashed(self, size: int | None) -> str | None:
        """Return a name of identity, generation and size; None without a generation.

        That is where it is not known, may be that of other bytes, or was not yet answered to these
        credentials (cache.generation, cache.identity).
        """
        pin = self._ledger.pin
        generation = pin.lasting
        if generation is None or not (self._identity.is_whole or pin.is_answered):
            return None
        text = repr((self._identity.name, generation, size))
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    def _facts_block(self) -> Block | None:
        name = self._hashed(None)
        return None if name is None else Block(name, "header", ByteRange(0, FACTS.size))

    # --- header ----------------------------------------------------------------------------------

    async def recall_head(self) -> None:
        """Put the head of the file into the buffer, once, if it is not there but cached.

        A handle with a snapshot lacks some of it. What else it lacks is then what others asked for.
        """
        block = None if self._has_head else self._facts_block()
        if block is None:
            return
        ledger = self._ledger
        (facts,) = await self._get([block])
        if facts is not None and len(facts) == FACTS.size:
            size, stop = FACTS.unpack(facts)
            if ledger.pin.size is None:
                ledger.keep_size(size)
            name, head = self._named(), ByteRange(0, stop)
            if name is not None and ledger.pin.size == size and ledger.buffer.missing([head]):
                (data,) = await self._get([Block(name, "header", head)])
                if data is not None and len(data) == stop:
                    ledger.buffer.put(0, data)
        self._has_head = True

    async def recall(self, gaps: Sequence[ByteRange], *, loose: bool) -> list[ByteRange]:
        """Put what is cached of the header into the buffer; return what is still missing."""
        ledger = self._ledger
        name = self._named()
        if name is None:
            return list(gaps)
        missing = list(dict.fromkeys(ledger.buffer.missing(gaps)))
        found = await self._get([Block(name, "header", gap) for gap in missing])
        for gap, data in zip(missing, found, strict=True):
            if data is not None and len(data) == gap.length:
                ledger.buffer.put(gap.start, data, loose=loose)
        return ledger.buffer.missing(gaps)

    async def _get(self, blocks: Sequence[Block]) -> Sequence[bytes | None]:
        if not self.waits:
            return self._io.get_now(blocks)
        loop = asyncio.get_running_loop()
        found: list[bytes | None] = [None] * len(blocks)
        done: asyncio.Future[None] = loop.create_future()
        left = len(blocks)

        def take(first: int, part: Sequence[bytes | None]) -> None:
            nonlocal left
            found[first : first + len(part)] = part
            left -= len(part)
            if not left and not done.done():
                done.set_result(None)

        if blocks:
            self.begin_get(blocks, loop, take)
            await done
        return found

    def begin_get(
        self,
        blocks: Sequence[Block],
        loop: asyncio.AbstractEventLoop,
        take: Callable[[int, Sequence[bytes | None]], None],
    ) -> None:
        """Get blocks in threads; `take` is called in the loop with parts and where each begins.

        What does not come in time is not there.
        """
        starts = range(0, len(blocks), READ_AT_ONCE)
        waiting = {first: blocks[first : first + READ_AT_ONCE] for first in starts}

        def arrive(first: int, part: Sequence[bytes | None]) -> None:
            if waiting.pop(first, None) is not None:
                take(first, part)
            if not waiting:
                late.cancel()

        def give_up() -> None:
            for first, part in list(waiting.items()):
                arrive(first, [None] * len(part))

        def done(first: int, part: Sequence[bytes | None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: no caller waits
                loop.call_soon_threadsafe(arrive, first, part)

        late = loop.call_later(MOST_SECONDS, give_up)
        for first, part in list(waiting.items()):
            self._io.begin_get(part, partial(done, first))

    # --- tiles -----------------------------------------------------------------------------------

    def tile(self, part: ByteRange) -> Block | None:
        """Return the block of a stored tile; None where it cannot be cached."""
        name = self._named()
        return None if name is None else Block(name, "tile", part)

    def get_now(self, block: Block) -> bytes | None:
        """Return the bytes of a block that is there at once, else None."""
        (data,) = self._io.get_now([block])
        return data

    async def missing(self, parts: Sequence[ByteRange]) -> list[ByteRange]:
        """Return the ranges of tiles that are not cached; they are not read."""
        name = self._named()
        if name is None or not parts:
            return list(parts)
        blocks = [Block(name, "tile", part) for part in parts]
        has = [False] * len(blocks)
        if self.waits:
            with suppress(TimeoutError):
                async with asyncio.timeout(MOST_SECONDS):
                    has = await asyncio.to_thread(self._io.has_now, blocks)
        else:
            has = self._io.has_now(blocks)
        return [part for part, is_there in zip(parts, has, strict=True) if not is_there]

    def before(self, scheduler: Scheduler) -> CachingScheduler:
        """Return a scheduler that looks here first for tiles, and keeps them."""
        return CachingScheduler(scheduler, self)

    # --- what was read ---------------------------------------------------------------------------

    def keep(self, kind: BlockKind, part: ByteRange, data: bytes | memoryview) -> None:
        """Keep bytes that came from the source: all of a range, or up to the end of the object."""
        name, size = self._named(), self._ledger.pin.size
        if name is None or size is None:
            return
        part = ByteRange(part.start, min(part.stop, size))
        if part.length < 1 or len(data) != part.length:
            return
        blocks = {Block(name, kind, part): bytes(data)}
        facts = self._facts_block() if kind == "header" and part.start == 0 else None
        if facts is not None:
            self._has_head = True
            blocks[facts] = FACTS.pack(size, part.stop)
        self._io.put(blocks)

    def remove(self, parts: Sequence[ByteRange]) -> None:
        """Remove stored tiles: they cannot be decoded, so they are asked of the source again."""
        name = self._named()
        if name is not None and parts:
            self._io.remove([Block(name, "tile", part) for part in parts])


class CachingScheduler:
    """A scheduler that asks the cache first: only what that lacks is sent, planned together."""

    def __init__(self, scheduler: Scheduler, cached: CachedObject) -> None:
        """Stand before a scheduler of the running event loop."""
        self._scheduler = scheduler
        self._cached = cached
        self._loop = asyncio.get_running_loop()
        self._queue: list[tuple[Block, RangeRequest]] = []
        self._look_up_is_due = False

    def submit(self, request: RangeRequest) -> None:
        """Queue a range request; one for a tile that is there at once is answered at once.

        Those for the header have been looked for before. What is asked for again, after it failed,
        is not looked for again.
        """
        if request.priority == HEADER:
            self._scheduler.submit(request)
            return
        block = self._cached.tile(request.part) if request.priority == PIXELS else None
        if block is None:
            self._send(request)
        elif self._cached.waits:
            self._queue.append((block, request))
            if not self._look_up_is_due:
                self._look_up_is_due = True
                self._loop.call_soon(self._look_up)
        elif not _answer(request, self._cached.get_now(block)):
            self._send(request)

    def flush(self) -> None:
        """Look for what is queued, and send what has been looked for, without waiting."""
        if self._queue:
            self._look_up()
        self._scheduler.flush()

    def _look_up(self) -> None:
        self._look_up_is_due = False
        queue, self._queue = self._queue, []
        queue = [item for item in queue if item[1].state == WAITING]
        if not queue:
            return
        requests = [request for _, request in queue]
        missed: list[RangeRequest] = []
        left = len(requests)

        def take(first: int, part: Sequence[bytes | None]) -> None:
            nonlocal left
            left -= len(part)
            for request, data in zip(requests[first:], part, strict=False):
                if not _answer(request, data):
                    missed.append(request)
            if not left:
                for request in missed:
                    self._send(request)
                self._scheduler.flush()

        try:
            self._cached.begin_get([block for block, _ in queue], self._loop, take)
        except Exception as exc:  # noqa: BLE001 - passed on to the readers
            fail_all(requests, exc)

    def _send(self, request: RangeRequest) -> None:
        """Have a range requested, and keep what comes."""
        if request.state == WAITING:
            request.deliver = partial(self._keep, request.part, request.deliver)
            self._scheduler.submit(request)

    def _keep(
        self, part: ByteRange, deliver: Callable[[memoryview], None], data: memoryview
    ) -> None:
        self._cached.keep("tile", part, data)
        deliver(data)


def _answer(request: RangeRequest, data: bytes | None) -> bool:
    """Deliver cached bytes; return whether there are any. Nobody may wait for them any more."""
    if request.state != WAITING:
        return True
    if data is None or len(data) != request.part.length:
        return False
    request.hand(memoryview(data))
    return True
