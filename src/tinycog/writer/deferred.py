"""Tiles that wait until it is known how all tiles are encoded, which one of them decides.

Predictor and level may be chosen by a sample. It is the first tile in row-major order whose pixels
are not all alike, whatever order tiles come in: the same pixels give the same bytes. In that order
nothing waits for long, and the tiles before it are one pixel each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.thread_pool import run_in_pool
from tinycog.writer.aside import Put, put_aside, read_back
from tinycog.writer.assemble import NO_SAMPLES, RawTile, Samples
from tinycog.writer.in_order import Spools
from tinycog.writer.tile_work import Encoders


class Aside(NamedTuple):
    """A tile that was put aside.

    Attributes:
        tile: without its samples, and without its mask if that was put aside with them.
        shape: of the samples.
        pixel: value of all its pixels, where they are alike.
        put: where they are, else.
    """

    tile: RawTile
    shape: tuple[int, ...]
    pixel: NDArray[Any] | None
    put: Put | None


class Deferred:
    """Tiles that wait until their encoders are known.

    Attributes:
        encoders: of level 0 and of overviews, None as long as they are not known.
        sample: the tile that decided; None if none did.
    """

    def __init__(
        self,
        choose: Callable[[RawTile | None], Sequence[Encoders]],
        spool: Spools,
        across: int,
        encoders: Sequence[Encoders] | None = None,
    ) -> None:
        """Start without a tile.

        Args:
            choose: makes the encoders, for pixels like those of a tile; None = for any. It is
                called in a worker thread.
            spool: for tiles that wait.
            across: tiles of a row of level 0.
            encoders: where nothing has to be chosen.
        """
        self.encoders = encoders
        self.sample: RawTile | None = None
        self._choose = choose
        self._spool = spool
        self._across = across
        self._waiting: list[Aside] = []
        self._level_0: dict[int, Aside] = {}
        self._next = 0

    @property
    def is_decided(self) -> bool:
        """Whether the encoders are known."""
        return self.encoders is not None

    async def add(self, tile: RawTile) -> Sequence[Aside]:
        """Put a tile aside; return all that wait no longer, once the encoders are known."""
        aside = await self._put_aside(tile)
        self._waiting.append(aside)
        if tile.level:
            return ()
        self._level_0[tile.y * self._across + tile.x] = aside
        while (first := self._level_0.get(self._next)) is not None:
            if first.pixel is None:
                sample = tile if first is aside else await self.load(first)
                return await self._decided(sample)
            del self._level_0[self._next]
            self._next += 1
        return ()

    async def decide(self) -> Sequence[Aside]:
        """Choose the encoders when all tiles of level 0 have come: those that lack are alike."""
        first = next((one for _, one in sorted(self._level_0.items()) if one.pixel is None), None)
        return await self._decided(None if first is None else await self.load(first))

    async def decide_by(self, sample: RawTile | None) -> None:
        """Choose the encoders by a tile, before any has come."""
        self.encoders = await run_in_pool(self._choose, sample)

    async def _decided(self, sample: RawTile | None) -> Sequence[Aside]:
        await self.decide_by(sample)
        self.sample = None if sample is None else sample._replace(samples=NO_SAMPLES, valid=None)
        waiting, self._waiting, self._level_0 = self._waiting, [], {}
        return waiting

    async def load(self, aside: Aside, *, is_last: bool = False) -> RawTile:
        """Return a tile that was put aside; if `is_last`, it is not asked for again."""
        tile, shape, pixel, put = aside
        samples, valid = np.empty(0), None
        if put is not None:
            samples, (valid,) = await read_back(self._spool, put, is_last=is_last)
        if pixel is not None:
            samples = np.broadcast_to(pixel, shape)
        return tile._replace(samples=samples, valid=valid)

    async def _put_aside(self, tile: RawTile) -> Aside:
        samples, valid = tile.samples, tile.valid
        bare = tile._replace(samples=NO_SAMPLES, valid=None)
        pixel = samples[0, 0].copy() if _is_flat(samples) else None
        put = None
        if pixel is None or valid is not None:
            put = await put_aside(
                self._spool, samples if pixel is None else samples[:, :, :0], valid
            )
        return Aside(bare, samples.shape, pixel, put)


def _is_flat(samples: Samples) -> bool:
    """Return whether all pixels are alike, bit by bit."""
    if samples.dtype.itemsize <= 8:  # noqa: PLR2004 - the widest integer
        samples = samples.view(f"u{samples.dtype.itemsize}")
    pixel = samples[0, 0]
    return bool((samples[-1, -1] == pixel).all()) and bool((samples == pixel).all())
