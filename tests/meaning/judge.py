"""Every way of reading a file, held against the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np

import tinycog
from meaning.case import LEFT, PIXEL, SIZE, TILE, TOP, ZOOM, Case
from meaning.truth import Facts, Truth, ask_gdal, mean


async def differences(case: Case) -> list[str]:
    """Return the ways of reading a case that do not give the truth, and in what they differ."""
    data = case.data()
    facts = ask_gdal(data)
    cog = await tinycog.open(data)
    found: list[str] = []
    if not same_number(cog.nodata, facts.nodata):
        found.append(f"nodata: {cog.nodata}, expected {facts.nodata}")
    if cog.info()["mask_flags"] != facts.flags:
        found.append(f"mask_flags: {cog.info()['mask_flags']}, expected {facts.flags}")
    async for way, raster, truth in ways(data, cog, facts, case):
        found += [f"{way}: {what}" for what in compared(raster, truth)]
    return found


def same_number(one: float | None, other: float | None) -> bool:
    """Return whether two nodata values are the same."""
    both = (one, other)
    return one == other or (None not in both and all(n != n for n in both))  # noqa: PLR0124 - NaN


def compared(raster: tinycog.Raster, truth: Truth) -> list[str]:
    """Return in what a raster differs."""
    pairs = {
        "pixels": (raster.data, truth.pixels),
        "band_masks": (raster.band_masks, truth.band_masks),
        "mask": (raster.mask, truth.mask),
        "masked()": (np.ma.getmaskarray(raster.masked()), ~truth.band_masks),
    }
    return [
        f"{name} differ in {_count(one, other)}"
        for name, (one, other) in pairs.items()
        if _count(one, other)
    ]


def _count(one: np.ndarray, other: np.ndarray) -> str:
    if one.shape != other.shape:
        return f"shape: {one.shape}, expected {other.shape}"
    same = (one == other) | ((one != one) & (other != other))  # noqa: PLR0124 - NaN
    return "" if same.all() else f"{np.count_nonzero(~same)} of {same.size}"


Way = tuple[str, tinycog.Raster, Truth]


async def ways(data: bytes, cog: tinycog.Cog, facts: Facts, case: Case) -> AsyncIterator[Way]:
    """Iterate over all ways of reading, each with what it should give."""
    fill = 0 if cog.nodata is None else cog.nodata
    for masked in (None, True):
        async for way, raster, truth in _of_levels(cog, facts, fill, masked=masked):
            yield f"{way}, masked={masked}", raster, truth
    async for one in _of_tiles(data, cog, facts):
        yield one
    async for one in _of_points(cog, facts):
        yield one
    if case.layout != "strips":
        async for one in _of_web_tiles(cog, facts):
            yield one


async def _of_levels(
    cog: tinycog.Cog, facts: Facts, fill: float, *, masked: bool | None
) -> AsyncIterator[Way]:
    full, half = facts.levels
    part = np.s_[5:40], np.s_[3:50]
    yield "read", await cog.read(masked=masked), full
    yield "level", await cog.read(level=1, masked=masked), half
    yield "overview", await cog.overviews[0].read(masked=masked), half
    yield "preview", await cog.preview(SIZE // 2, masked=masked), half
    window = (part[1].start, part[0].start, 47, 35)
    yield "window", await cog.read(window=window, masked=masked), full.part(*part)
    bounds = (
        LEFT + part[1].start * PIXEL,
        TOP - part[0].stop * PIXEL,
        LEFT + part[1].stop * PIXEL,
        TOP - part[0].start * PIXEL,
    )
    yield "bounds", await cog.read(bounds=bounds, masked=masked), full.part(*part)
    wide = (-2, -2, SIZE + 5, SIZE + 5)
    boundless = await cog.read(window=wide, boundless=True, masked=masked)
    yield "boundless", boundless, full.padded(2, 3, fill)
    quarter = (SIZE // 4, SIZE // 4)
    yield "shape", await cog.read(shape=quarter, masked=masked), half.every(2)
    for level, truth, step in ((0, full, 4), (1, half, 2)):
        blended = await cog.read(shape=quarter, level=level, resampling="average", masked=masked)
        # indices of a palette are never blended (tiff.colour.indices)
        expected = truth.every(step) if cog.colormap else mean(truth, step, fill)
        yield f"average of level {level}", blended, expected
    bands = [cog.count - 1, 0] if cog.count > 1 else [0]
    picked = await cog.read(bands=bands, masked=True)
    yield "bands", picked, _bands(cog, full, bands)


def _bands(cog: tinycog.Cog, truth: Truth, bands: list[int]) -> Truth:
    masks = truth.band_masks[bands]
    flags = cog.info()["mask_flags"]
    is_one = any("per_dataset" in of_band for of_band in flags) or cog.colorinterp[-1] == "alpha"
    return Truth(truth.pixels[bands], masks, truth.mask if is_one else np.logical_or.reduce(masks))


async def _of_tiles(data: bytes, cog: tinycog.Cog, facts: Facts) -> AsyncIterator[Way]:
    for z, truth in enumerate(facts.levels):
        down, across = cog.levels[z].grid
        places = [(z, x, y) for y in range(down) for x in range(across)]
        rasters = {
            "read_tiles": await cog.read_tiles(places),
            "read_tile": [await cog.read_tile(*place) for place in places],
            "read_tile, masked=True": [await cog.read_tile(*p, masked=True) for p in places],
            "read_tile, not opened": [await tinycog.open(data).read_tile(*p) for p in places[:2]],
            "iter_tiles": [tile async for tile in cog.iter_tiles(level=z)],
        }
        for way, tiles in rasters.items():
            for tile in tiles:
                top, left = int(tile.window.row_off), int(tile.window.col_off)
                rows, cols = slice(top, top + tile.height), slice(left, left + tile.width)
                yield f"{way} of level {z}", tile, truth.part(rows, cols)


async def _of_points(cog: tinycog.Cog, facts: Facts) -> AsyncIterator[Way]:
    for z, truth in enumerate(facts.levels):
        rows, cols = np.indices(truth.mask.shape).reshape(2, -1)[:, ::7]
        transform = cog.levels[z].transform
        places = zip(cols + 0.5, rows + 0.5, strict=True)
        values = await cog.points([transform @ place for place in places], level=z)
        shown = tinycog.Raster(
            values.data.T[:, None], z, tinycog.Window(0, 0, len(rows), 1), cog.nodata
        )
        object.__setattr__(shown, "validity", _Told(values))
        expected = Truth(*(array[..., None, rows, cols] for array in truth))
        yield f"points of level {z}", shown, expected


class _Told(tinycog.Validity):
    """The masks that `points` told."""

    def __init__(self, values: tinycog.Values) -> None:
        self._values = values

    def mask(self, data: np.ndarray) -> np.ndarray:
        del data
        return self._values.mask[None]

    def band_masks(self, data: np.ndarray) -> np.ndarray:
        del data
        return self._values.band_masks.T[:, None]


async def _of_web_tiles(cog: tinycog.Cog, facts: Facts) -> AsyncIterator[Way]:
    for z, truth in enumerate(facts.levels):
        zoom = ZOOM - z
        first = 2**zoom // 4
        for y, x in ((0, 0), (1, 1)):
            part = slice(y * TILE, (y + 1) * TILE), slice(x * TILE, (x + 1) * TILE)
            place = (zoom, first + x, first + y)
            stored = await cog.read_web_tile(*place, tilesize=TILE)
            yield f"stored web tile of level {z}", stored, truth.part(*part)
    # 8 pixels for a web tile of which level 1 stores 16 are warped
    half, fill = facts.levels[1], 0 if cog.nodata is None else cog.nodata
    warped = await cog.read_web_tile(ZOOM - 1, 1, 1, tilesize=8, resampling="nearest")
    yield "warped web tile", warped, half.part(slice(0, TILE), slice(0, TILE)).every(2).filled(fill)
