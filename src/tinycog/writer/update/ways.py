"""The ways in which a file may have been written, as far as tiles of it leave several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.encode.tile_format import CodecOptions
from tinycog.errors import UnsupportedError, UsageError
from tinycog.writer.update.old import OldTiles
from tinycog.writer.update.recover import (
    WrittenBy,
    can_mark,
    codec_names,
    method_names,
)
from tinycog.writer.update.region import Place
from tinycog.writer.update.stored import StoredLevel
from tinycog.writer.update.trials import fitting_codecs, fitting_methods

TELLING = 8
"""How many times more is stored of a tile that is looked at besides those that change."""


class Ways:
    """How a file may have been written: fewer ways with each tile that they are held against.

    Attributes:
        written: how the overviews may have been made; not empty.
        codecs: what the codec may have been told; not empty.
    """

    def __init__(
        self,
        written: Sequence[WrittenBy],
        codecs: Sequence[CodecOptions],
        old: OldTiles,
        level: StoredLevel,
    ) -> None:
        """Take all that may be, and the tiles of a file whose level 0 is `level`."""
        self.written = written
        self.codecs = codecs
        self._old = old
        self._level = level

    def hold_alpha(self, samples: NDArray[Any], whose: str) -> None:
        """Leave only those in which the last band may be what samples, of all bands, have there.

        Args:
            samples: (rows, cols, bands).
            whose: they are, for the message.

        Raises:
            UsageError: the file was written otherwise.
        """
        bits = self._level.image.bits
        if not any(one.marks_alpha for one in self.written) or can_mark(samples, bits):
            return
        left = [one for one in self.written if not one.marks_alpha]
        if not left:
            message = (
                "the last band is made of a mask, so that it is 0 or the most that there is, but"
                f" {whose} has other values there"
            )
            raise UsageError(message)
        self.written = left

    async def try_near(self, places: Sequence[Place]) -> None:
        """Hold them against the tile of which most is stored, and one that tells far more, if any.

        Args:
            places: of level 0, that are read anyhow.

        Raises:
            UnsupportedError: none fits.
        """
        near = max(places, key=self._bytes_of, default=None)
        nbytes = 0 if near is None else self._bytes_of(near)
        if near is not None and nbytes:
            await self._try(near)
        await self.try_longest(TELLING * nbytes)

    async def try_longest(self, least: int = 0) -> None:
        """Hold them against the tile of level 0 that tells most, if more than `least` bytes are it.

        Raises:
            UnsupportedError: none fits.
        """
        for place in self._longest(1):
            if self._bytes_of(place) > least:
                await self._try(place)

    async def try_more_codecs(self, count: int) -> None:
        """Hold what the codec may have been told against all tiles that are there, and more.

        Args:
            count: of tiles that are read besides.

        Raises:
            UnsupportedError: nothing fits.
        """
        await self._old.load(self._longest(count))
        await self._try_codecs(list(self._old.decoded))

    def _longest(self, count: int) -> list[Place]:
        """Return the tiles of level 0 of which most is stored: they tell most."""
        level = self._level
        lengths = level.index.image.sum(axis=0)
        positions = np.argsort(lengths, kind="stable")[max(len(lengths) - count, 0) :]
        return [(0, *divmod(int(p), level.grid.across)) for p in positions if lengths[p]]

    def _bytes_of(self, place: Place) -> int:
        """Return the bytes that are stored of a tile of level 0."""
        level = self._level
        return int(level.index.image[:, level.position(*place[1:])].sum())

    async def _try(self, place: Place) -> None:
        """Leave only what gives a tile as it is stored, and what the next level has of it.

        Raises:
            UnsupportedError: nothing does.
        """
        await self._old.load([place])
        self.hold_alpha(self._old.decoded[place].samples, "the file")
        await self._try_codecs([place])
        found = await fitting_methods(self.written, self._old, place)
        if not found:
            message = (
                f"the overviews are not those of {method_names(self.written)}: say which"
                " overview_resampling= they were made by (and like=), or write the file anew"
            )
            raise UnsupportedError(message, feature="update", value="overview_resampling")
        self.written = found

    async def _try_codecs(self, places: Sequence[Place]) -> None:
        """Leave only what the codec may have been told that gave tiles as they are stored.

        Raises:
            UnsupportedError: nothing did.
        """
        for place in places:
            tile, stored = self._old.decoded[place], self._old.stored[place]
            if not stored.payloads:
                continue
            told = await fitting_codecs(self.written[0], self.codecs, tile, stored)
            if not told:
                z, y, x = place
                word, values = codec_names(self.codecs)
                message = (
                    f"tile x={x}, y={y} of level {z} is not as it is encoded here (tried: {word}"
                    f"{values or 'none'}): it was by another level, another version of the codec,"
                    " or with loss; write the file anew"
                )
                raise UnsupportedError(message, feature="update", value="level")
            self.codecs = told
