"""Pieces to a function of the caller's."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial

from tinycog.exporting.piecewise import ReadPiece
from tinycog.raster import Raster
from tinycog.sources.stores.threads import called
from tinycog.window import Window

Sink = Callable[[Window, Raster], Awaitable[object] | object]
"""Takes a window, in pixels of the result, and what lies in it."""


class ToSink:
    """See `PieceSink`: calls a function with each piece, one after the other, in their order.

    One that is not async is called in a thread. Its errors are the caller's, as they are.
    """

    def __init__(self, sink: Sink) -> None:
        """Take the function."""
        self.name = getattr(sink, "__qualname__", type(sink).__qualname__)
        call = getattr(sink, "__call__", sink)  # noqa: B004 - an object with an async one
        self._is_async = inspect.iscoroutinefunction(sink) or inspect.iscoroutinefunction(call)
        self._sink = sink

    async def open(self, *, again: bool) -> bool:
        """Return that what went to the function is there."""
        return again

    async def write(self, piece: ReadPiece) -> None:
        """Call the function."""
        if self._is_async:
            found = self._sink(piece.window, piece.raster)
        else:
            found = await asyncio.to_thread(called, partial(self._sink, piece.window, piece.raster))
        if inspect.isawaitable(found):
            await found

    async def sync(self) -> None:
        """Do nothing: what the function does with pieces is its own."""

    async def seal(self) -> str:
        """Return nothing: the function has all."""
        return ""

    async def was_published(self, sealed: str) -> bool:
        """Return whether the function had all."""
        return sealed == ""

    async def publish(self, *, masked: bool) -> None:
        """Do nothing."""
        del masked

    async def tidy(self, *, masked: bool) -> None:
        """Do nothing."""
        del masked

    async def close(self, *, removed: bool) -> None:
        """Do nothing."""
        del removed
