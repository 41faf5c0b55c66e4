"""Iterators of ((row, col), block), async or plain, in any order."""

from __future__ import annotations

import operator
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from typing import Any, cast

from tinycog.errors import UsageError
from tinycog.writer.pixel_source import PixelBlock, Region
from tinycog.writer.sources.blocks import BlockMaker
from tinycog.writer.sources.in_thread import in_thread
from tinycog.writer.sources.told import Told, as_dtype, as_shape

THREAD = "tinycog-source"
"""Name of the thread that a plain iterator runs in."""

Pairs = Iterable[object] | AsyncIterable[object]
"""What yields ((row, col), block)."""


class IteratorSource:
    """Blocks (bands, rows, cols), or (rows, cols) for one band, as they come; see `PixelSource`.

    (row, col) is the first pixel of the block. Blocks may be masked arrays. A plain iterator runs
    in a thread of its own, an async one in the event loop; generators are closed at the end, on
    errors and when the write is cancelled. It can be read once, and may fill one array again and
    again.
    """

    origin: tuple[int, int] = (0, 0)
    is_asked: bool = False
    copies: bool = True
    lends: bool = True
    generation: str | None = None
    has_valid: bool | None = None
    chunk: tuple[int, int] = (1, 1)
    memory: int = 0

    def __init__(self, pairs: Pairs, told: Told) -> None:
        """Keep the iterator; nothing is taken from it.

        Raises:
            UsageError: the caller does not say its shape and dtype.
        """
        if told.shape is None or told.dtype is None:
            message = "an iterator does not tell its size: say shape=(bands, rows, cols) and dtype="
            raise UsageError(message)
        shape, self.dtype = as_shape(told.shape), as_dtype(told.dtype)
        self.bands, self.rows, self.cols = shape
        self.facts = told.facts
        self._pairs = pairs
        self._maker = BlockMaker(shape, self.dtype, self.facts.nodata, self.has_valid)

    async def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give all blocks, in the order of the iterator."""
        del regions
        async with aclosing(self._items()) as items:
            async for item in items:
                yield self._block(item)
                del item

    async def _items(self) -> AsyncGenerator[object, None]:
        if isinstance(self._pairs, AsyncIterable):
            iterator: AsyncIterator[object] = aiter(self._pairs)
            try:
                async for item in iterator:
                    yield item
                    del item
            finally:
                close = getattr(iterator, "aclose", None)
                if close is not None:
                    await close()
            return
        plain: Iterator[object] = iter(self._pairs)
        async with aclosing(in_thread(plain, THREAD)) as items:
            async for item in items:
                yield item
                del item

    def _block(self, item: object) -> PixelBlock:
        """Make a block of what the iterator gave.

        Raises:
            UsageError: it is no ((row, col), block), or the block does not fit.
        """
        try:
            (row, col), found = cast("Any", item)
            row, col = operator.index(row), operator.index(col)
        except (TypeError, ValueError) as exc:
            message = (
                f"the iterator gave a {type(item).__name__}, expected ((row, col), block) with the"
                " first pixel of the block"
            )
            raise UsageError(message) from exc
        return self._maker.make(row, col, found)
