"""All files of a folder or an index on one map: the first that has a pixel is on top."""

from __future__ import annotations

import asyncio
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from tinycog.collection.asset import Asset
from tinycog.collection.collection import Collection
from tinycog.errors import LimitError, NotFoundError, TinycogError
from tinycog.fetch.single_flight import SingleFlight
from tinycog.viewer.facts import MapPlace, place_of
from tinycog.viewer.given import MOST_LISTED
from tinycog.viewer.look import Look
from tinycog.viewer.pictures import ALPHA, Rgba, over
from tinycog.viewer.spreads import Spread, pooled_spread
from tinycog.viewer.tile_blocks import TileBlock
from tinycog.viewer.viewed_file import Read, ViewedFiles

MOST_AT_ONCE = 64
"""Files that are read for one picture."""

MOST_SAMPLED = 8
"""Files whose values make up the common stretch."""

DEGREES_TO_METRES = 6378137.0 * np.pi / 180


class TilePicture(NamedTuple):
    """Tiles of all files.

    Attributes:
        rgba: its pixels.
        lost: files that could not be read, by name and error.
    """

    rgba: Rgba
    lost: tuple[tuple[str, TinycogError], ...]


class FilesTogether:
    """All files with a place on the map, shown alike: by one stretch for all."""

    def __init__(self, files: ViewedFiles) -> None:
        """Read nothing yet."""
        self._files = files
        self._flight = SingleFlight()
        self._spreads: dict[tuple[int, ...], list[Spread]] = {}
        self._of: Collection | None = None
        self._place: MapPlace | None = None

    async def collection(self) -> tuple[Collection, list[str]]:
        """Return the files, and their keys."""
        found, keys = await self._files.given.collection()
        if found is not self._of:  # another folder by now
            self._of, self._spreads, self._place = found, {}, None
        return found, keys

    async def footprints(self) -> dict[str, Any]:
        """Return outlines of the files as GeoJSON, and those that could not be read."""
        collection, keys = await self.collection()
        features = [
            {
                "type": "Feature",
                "geometry": asset.geometry,
                "properties": {"key": key, "name": asset.name},
            }
            for asset, key in zip(collection[:MOST_LISTED], keys, strict=False)
            if asset.geometry is not None
        ]
        return {
            "type": "FeatureCollection",
            "features": features,
            "count": len(collection),
            "is_all": len(collection) <= MOST_LISTED,
            "failed": [
                {"name": one.name, "error": self._files.given.shown(str(one.error))}
                for one in collection.failed[:100]
            ],
        }

    async def place(self) -> MapPlace:
        """Return where all files lie.

        Raises:
            NotFoundError: none has a place on the map.
        """
        collection, _ = await self.collection()
        if self._place is None:
            self._place = await asyncio.to_thread(self._place_of, collection)
        return self._place

    def _place_of(self, collection: Collection) -> MapPlace:
        known = [one for one in collection if one.bounds is not None]
        if not known:
            raise NotFoundError("no file has a place on the map", url=self._files.given.title)
        bounds = np.array([one.bounds for one in known], float)
        west, south = bounds[:, :2].min(0).tolist()
        turned = np.where(bounds[:, 2] < bounds[:, 0], bounds[:, 2] + 360, bounds[:, 2])
        east, north = float(turned.max()), float(bounds[:, 3].max())
        finest = min((_degrees_a_pixel(one) for one in known), default=0.0)
        columns = (east - west) / finest if finest > 0 and isfinite(finest) else 256
        return place_of((west, max(south, -90), east, min(north, 90)), None, round(columns))

    async def look(self, asked: Look) -> Look:
        """Return a look with bands and stretch of all files, taken from some of them.

        Raises:
            NotFoundError: there are no files.
            TinycogError: none of the samples can be read.
        """
        _, keys = await self.collection()
        if not keys:
            raise NotFoundError("there are no files to show", url=self._files.given.title)
        first = self._files.get(keys[0])
        facts = await first.facts()
        if facts.has_colours and asked.is_plain:
            return asked
        indexes = asked.indexes or (facts.indexes if asked.colormap is None else facts.indexes[:1])
        low, high = asked.low, asked.high
        if low is None or high is None:
            spreads = await self.spreads(indexes)
            low = low or tuple(one.low for one in spreads)
            high = high or tuple(one.high for one in spreads)
        return asked._replace(indexes=indexes, low=low, high=high)

    async def spreads(self, indexes: tuple[int, ...]) -> list[Spread]:
        """Return how the values of bands are spread in some of the files, taken together."""
        _, keys = await self.collection()
        return await self._flight.run(indexes, lambda: self._pooled(keys, indexes))

    async def picture(self, block: TileBlock, asked: Look, read: Read) -> TilePicture:
        """Return web tiles of all files that touch them.

        Raises:
            UsageError: there are no such web tiles.
            LimitError: too many files touch them.
        """
        look = await self.look(asked)
        collection, _ = await self.collection()
        touching = collection.filter(bounds=_degrees(*block.bounds))
        if len(touching) > MOST_AT_ONCE:
            message = f"{len(touching):,} files lie here, at most {MOST_AT_ONCE} are read: zoom in"
            raise LimitError(message, limit="tiles", asked=len(touching), allowed=MOST_AT_ONCE)
        found = await asyncio.gather(
            *(self._one(asset, look, read) for asset in touching), return_exceptions=True
        )
        pictures: list[Rgba] = [np.zeros((*block.shape, ALPHA + 1), np.uint8)]
        lost: list[tuple[str, TinycogError]] = []
        for asset, one in zip(touching, found, strict=True):
            if isinstance(one, TinycogError):
                lost.append((asset.name, one))
            elif isinstance(one, BaseException):
                raise one
            else:
                pictures.append(one)
        return TilePicture(await asyncio.to_thread(over, pictures), tuple(lost))

    async def _one(self, asset: Asset, look: Look, read: Read) -> Rgba:
        given = self._files.given.of_asset(asset)
        try:
            rgba, _ = await self._files.keep(given).picture(look, read)
        except TinycogError as error:
            self._files.forget(error, given.key)
            raise
        return rgba

    async def _pooled(self, keys: list[str], indexes: tuple[int, ...]) -> list[Spread]:
        if indexes in self._spreads:
            return self._spreads[indexes]
        step = -(-len(keys) // MOST_SAMPLED)
        found = await asyncio.gather(
            *(self._files.get(key).sample(indexes) for key in keys[::step]), return_exceptions=True
        )
        samples = [one for one in found if not isinstance(one, BaseException)]
        if not samples:
            raise next(one for one in found if isinstance(one, BaseException))
        pooled = [
            await asyncio.to_thread(pooled_spread, samples, band) for band in range(len(indexes))
        ]
        self._spreads[indexes] = pooled
        return pooled


def _degrees(
    left: float, bottom: float, right: float, top: float
) -> tuple[float, float, float, float]:
    """Return bounds of Web Mercator in degrees."""
    south, north = (
        float(np.degrees(2 * np.arctan(np.exp(one / 6378137.0)) - np.pi / 2))
        for one in (bottom, top)
    )
    return left / DEGREES_TO_METRES, south, right / DEGREES_TO_METRES, north


def _degrees_a_pixel(asset: Asset) -> float:
    """Return how many degrees of longitude a pixel of a file has."""
    if asset.bounds is None or asset.shape is None:
        return 1.0
    west, _, east, _ = asset.bounds
    return ((east - west) % 360 or 360) / max(asset.shape[1], 1)
