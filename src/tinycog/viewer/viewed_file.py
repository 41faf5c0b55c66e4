"""One file that is open, and what was worked out about it; a few of many are kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import tinycog
from tinycog.errors import SourceChangedError, UnsupportedError
from tinycog.fetch.single_flight import SingleFlight
from tinycog.raster import Raster
from tinycog.viewer.facts import ViewFacts, read_facts
from tinycog.viewer.given import Given, GivenFile
from tinycog.viewer.look import Look
from tinycog.viewer.pictures import Rgba, as_rgba, stretched
from tinycog.viewer.spreads import Sample, Spread, pooled_spread, read_sample
from tinycog.viewer.traffic import RequestLog

MOST_OPEN = 64
"""Files that are kept open."""

Read = Callable[[tinycog.Cog, Look, bool], Awaitable[Raster]]
"""Reads pixels in bands of a look; in colours (rgb=True) if the last argument says so."""


class ViewedFile:
    """A file that is open, and what was worked out about it, each once.

    Attributes:
        given: which file it is.
        cog: the handle.
        log: its requests, numbered.
    """

    def __init__(self, given: GivenFile) -> None:
        """Make the handle; nothing is read."""
        self.given, self.cog = given, given.open()
        self.log = RequestLog(self.cog)
        self._flight = SingleFlight()
        self._facts: ViewFacts | None = None
        self._spreads: dict[int, Spread] = {}
        self._about = ""

    async def facts(self) -> ViewFacts:
        """Return what the page shows of it.

        Raises:
            TinycogError: the file cannot be opened.
        """
        if self._facts is None:
            self._facts = await self._flight.run("facts", lambda: read_facts(self.cog))
        return self._facts

    async def spreads(self, indexes: Sequence[int]) -> tuple[list[Spread], str]:
        """Return how the values of bands are spread, and what was looked at, in words.

        Raises:
            TinycogError: there is no such band, or its pixels cannot be read.
        """
        await self.cog
        wanted = tuple(dict.fromkeys(one for one in indexes if one not in self._spreads))
        if wanted:
            await self._flight.run(wanted, lambda: self._read_spreads(wanted))
        return [self._spreads[one] for one in indexes], self._about

    async def sample(self, indexes: Sequence[int]) -> Sample:
        """Read pixels that stand for the file."""
        await self.cog
        return await read_sample(self.cog, indexes)

    async def _read_spreads(self, indexes: Sequence[int]) -> None:
        sample = await self.sample(indexes)
        for band, index in enumerate(indexes):
            self._spreads[index] = await asyncio.to_thread(pooled_spread, [sample], band)
        self._about = sample.about

    async def look(self, asked: Look) -> Look:
        """Return a look with all that is not said: bands, stretch, colormap of the file.

        Cost: that of `spreads`, where percentiles are needed.
        """
        facts = await self.facts()
        if facts.has_colours and asked.is_plain:
            return asked
        indexes = asked.indexes or (facts.indexes if asked.colormap is None else facts.indexes[:1])
        name = asked.colormap
        if name is None and asked.indexes is None and facts.is_inverted:
            name = "gray_r"
        return await self._stretched(asked._replace(indexes=indexes, colormap=name))

    async def _stretched(self, look: Look) -> Look:
        indexes = look.indexes or ()
        low, high = look.low, look.high
        if low is None or high is None:
            spreads, _ = await self.spreads(indexes)
            low = low or tuple(one.low for one in spreads)
            high = high or tuple(one.high for one in spreads)
        return look._replace(low=_each(low, len(indexes)), high=_each(high, len(indexes)))

    async def picture(self, asked: Look, read: Read) -> tuple[Rgba, Raster]:
        """Return pixels as a look shows them, and as they were read.

        Raises:
            TinycogError: they cannot be read.
        """
        look = await self.look(asked)
        if look.indexes is None:
            raster = await read(self.cog, look, True)  # noqa: FBT003 - see `Read`
            return await asyncio.to_thread(as_rgba, raster), raster
        raster = await read(self.cog, look, False)  # noqa: FBT003 - see `Read`
        if raster.dtype.kind not in "uifcb":
            message = f"samples of {raster.dtype} cannot be shown"
            raise UnsupportedError(message, feature="picture", value=str(raster.dtype))
        rgba = await asyncio.to_thread(
            stretched, raster, look.low or (), look.high or (), look.colormap
        )
        return rgba, raster


class ViewedFiles:
    """Files of what was given, the last used ones kept open."""

    def __init__(self, given: Given) -> None:
        """Open none yet."""
        self.given = given
        self._files: OrderedDict[str, ViewedFile] = OrderedDict()

    def get(self, key: str) -> ViewedFile:
        """Return a file, without any I/O.

        Raises:
            NotFoundError: there is none of that key.
        """
        return self.keep(self.given.find(key))

    def keep(self, found: GivenFile) -> ViewedFile:
        """Return a file that was found, without any I/O."""
        kept = self._files.get(found.key)
        if kept is None or kept.given.path != found.path:
            kept = self._files[found.key] = ViewedFile(found)
        self._files.move_to_end(found.key)
        while len(self._files) > MOST_OPEN:  # reads that go on end; connections end by themselves
            self._files.popitem(last=False)
        return kept

    def forget(self, error: Exception, key: str) -> None:
        """Open a file anew next time, if it was replaced by another."""
        if isinstance(error, SourceChangedError):
            self._files.pop(key, None)

    async def aclose(self) -> None:
        """Close all."""
        for file in self._files.values():
            await file.cog.aclose()
        self._files.clear()


def _each(ends: tuple[float, ...], count: int) -> tuple[float, ...]:
    """Return one value for each band."""
    return ends * count if len(ends) == 1 else ends
