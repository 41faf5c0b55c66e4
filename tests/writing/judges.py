"""Who judges a file that tinycog wrote: each says what is wrong with it."""

# pyright: reportMissingImports=false
from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import tinycog
from tinycog.pixels.overviews.reducer import make_reducer
from writing.by_profiles import NOT_GDALS, by_profiles
from writing.matrix import Case

ONE_WIDE = "Invalid Decimation 1 "
"""What rio-cogeo says, wrongly, of the levels of an image that is one pixel wide or high."""

ONE_TILE_WIDE = "is not tiled"
"""What it says, wrongly, of an image that is as wide as its tiles."""

ULPS = 1e-12
"""Relative difference of statistics that are summed in another order."""


class Expected(NamedTuple):
    """Pixels of a level, (bands, rows, cols), and which of them are valid; None = all."""

    pixels: NDArray[Any]
    valid: NDArray[np.bool_] | None


def expected(case: Case) -> Expected:
    """What a reader has to get of full resolution."""
    pixels = case.pixels()
    if not case.masked:
        return Expected(pixels, None)
    valid = case.valid()
    kind = case.options["mask"]
    if kind == "nodata":
        pixels[:, ~valid] = case.options["nodata"]
    if kind == "alpha":
        top = np.iinfo(pixels.dtype).max
        pixels = np.concatenate([pixels, np.where(valid, top, 0)[None].astype(pixels.dtype)])
    return Expected(pixels, valid)


def levels(case: Case) -> Iterator[Expected]:
    """Full resolution, and each level made of all of the one before, at once."""
    options = case.options
    pixels, valid = case.pixels(), case.valid() if case.masked else None
    if options.get("mask") == "nodata" and valid is not None:
        pixels[:, ~valid] = options["nodata"]
    names = options.get("colorinterp", [])
    alpha = names.index("alpha") if "alpha" in names else None
    is_indexed = "colormap" in options or options.get("bits") == 1
    samples = pixels.transpose(1, 2, 0)
    while True:
        yield Expected(samples.transpose(2, 0, 1), valid)
        reducer = make_reducer(
            options["overview_resampling"],
            samples.dtype,
            *samples.shape[:2],
            like=options.get("like"),
            nodata=options.get("nodata"),
            alpha=alpha,
            has_mask=case.masked,
            indexed=is_indexed,
        )
        block = (0, 0, *reducer.sizes)
        row, col, row_stop, col_stop = reducer.support(block)
        cut = None if valid is None else valid[row:row_stop, col:col_stop]
        samples, valid = reducer.reduce(samples[row:row_stop, col:col_stop], cut, block)


def _differs(found: NDArray[Any], wanted: NDArray[Any]) -> bool:
    is_float = wanted.dtype.kind in "fc"
    return found.dtype != wanted.dtype or not np.array_equal(found, wanted, equal_nan=is_float)


def by_tinycog(case: Case, path: Path) -> list[str]:
    """What tinycog reads otherwise, of any level."""
    return asyncio.run(_by_tinycog(case, path))


async def _by_tinycog(case: Case, path: Path) -> list[str]:
    async with tinycog.open(path) as cog:
        found = [str(finding) for finding in cog.findings]
        wanted = expected(case)
        raster = await cog.read(masked=True)
        if case.is_lossless and _differs(raster.data, wanted.pixels):
            found.append("tinycog reads other pixels")
        if wanted.valid is not None and not np.array_equal(raster.mask, wanted.valid):
            found.append("tinycog reads another mask")
        sizes = {level.shape[1:]: z for z, level in enumerate(cog.levels)}
        left = set(range(1, len(sizes)))
        for made in levels(case):
            z = sizes.get(made.pixels.shape[1:], 0)
            if z:
                found += _compared(case, z, made, await cog.read_level(z, masked=True))
                left.discard(z)
            if not left or max(made.pixels.shape[1:]) == 1:
                break
        if left:
            found.append(f"levels {left} have sizes of their own")
    return found


def _compared(case: Case, z: int, made: Expected, raster: Any) -> list[str]:
    """What differs in an overview from what is made of the whole level before."""
    found: list[str] = []
    pixels = made.pixels
    if case.options.get("mask") == "alpha":
        top = np.iinfo(pixels.dtype).max
        opacity = np.full(pixels.shape[1:], top, pixels.dtype)
        if made.valid is not None:
            opacity[~made.valid] = 0
        pixels = np.concatenate([pixels, opacity[None]])
    if case.is_lossless and _differs(raster.data, pixels):
        found.append(f"level {z} has other pixels than the reduced level before")
    if case.options.get("mask") == "internal":
        valid = np.ones(pixels.shape[1:], bool) if made.valid is None else made.valid
        if not np.array_equal(raster.mask, valid):
            found.append(f"level {z} has another mask than the reduced level before")
    return found


def by_rasterio(case: Case, path: Path) -> list[str]:
    """What GDAL reads otherwise: pixels, the mask, facts, statistics."""
    import rasterio  # noqa: PLC0415 - a peer

    if case.options["compression"] in NOT_GDALS:
        return []
    wanted = expected(case)
    with rasterio.open(path) as dataset:
        found: list[str] = []
        if case.is_lossless and _differs(dataset.read(), wanted.pixels):
            found.append("rasterio reads other pixels")
        if wanted.valid is not None:
            masks = dataset.read_masks()
            valid = masks.any(0) if case.options["mask"] == "nodata" else masks[0] > 0
            if not np.array_equal(valid, wanted.valid):
                found.append("rasterio reads another mask")
        if (layout := dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT")) != "COG":
            found.append(f"GDAL calls the layout {layout}")
        found += [f"rasterio: {text}" for text in _facts(case, dataset)]
        found += [f"rasterio: {text}" for text in _statistics(case, dataset)]
    return found


FURTHEST = 1 << 53
"""Nodata beyond which rasterio may tell none, though GDAL does."""


def _facts(case: Case, dataset: Any) -> Iterator[str]:
    """What GDAL tells otherwise than was said."""
    options = case.options
    told = {
        "transform": dataset.transform,
        "descriptions": list(dataset.descriptions),
        "scales": list(dataset.scales),
        "offsets": list(dataset.offsets),
        "units": list(dataset.units),
        "colorinterp": [one.name for one in dataset.colorinterp],
        "nodata": dataset.nodata,
        "area_or_point": dataset.tags().get("AREA_OR_POINT"),
    }
    extra = options.get("mask") == "alpha"
    nothing = {"descriptions": [None], "scales": [1.0], "offsets": [0.0], "units": [None]}
    for name, value in told.items():
        if name not in options:
            continue
        wanted = options[name]
        wanted = [*wanted, *(nothing[name] if extra else [])] if name in nothing else wanted
        is_nan = isinstance(wanted, float) and math.isnan(wanted)
        if name == "nodata" and abs(options[name]) > FURTHEST:
            continue
        if value != wanted and not (is_nan and math.isnan(value)):
            yield f"{name} {value}, not {wanted}"
    yield from _colours(options, dataset)
    yield from _places(options, dataset)
    for name, value in options.get("tags", {}).items():
        if dataset.tags().get(name, "") != value:
            yield f"tag {name} {dataset.tags().get(name)!r}"


def _colours(options: dict[str, Any], dataset: Any) -> Iterator[str]:
    structure = dataset.tags(1, ns="IMAGE_STRUCTURE")
    if "bits" in options and structure.get("NBITS") != str(options["bits"]):
        yield f"other bits than {options['bits']}"
    if "colormap" in options:
        colours = dict(options["colormap"])
        if options.get("nodata") in colours:  # GDAL has it transparent
            colours[options["nodata"]] = (*colours[options["nodata"]][:3], 0)
        if dataset.colormap(1) != colours:
            yield "another colormap"


def _places(options: dict[str, Any], dataset: Any) -> Iterator[str]:
    if "crs" in options:
        crs = dataset.gcps[1] if "gcps" in options else dataset.crs
        if crs is None or crs.to_epsg() != options["crs"]:
            yield f"crs {crs}"
    if "gcps" in options:
        points = [(p.row, p.col, p.x, p.y, p.z) for p in dataset.gcps[0]]
        if points != [tuple(point)[:5] for point in options["gcps"]]:
            yield f"gcps {points}"
    if "rpcs" in options:
        rpcs, wanted = dataset.rpcs, options["rpcs"]
        names = ("height_off", "lat_scale", "line_num_coeff", "samp_off", "err_rand")
        if rpcs is None or any(
            not np.allclose(getattr(rpcs, name), getattr(wanted, name)) for name in names
        ):
            yield f"rpcs {rpcs}"


def _statistics(case: Case, dataset: Any) -> Iterator[str]:
    """What statistics are not those of numpy."""
    if not case.options.get("statistics"):
        return
    for band, plane in enumerate(case.pixels(), 1):
        valid = _counts(case, plane)
        values = plane[valid].astype(np.longdouble)
        tags = dataset.tags(band)
        if not values.size:
            if "STATISTICS_MEAN" in tags:
                yield f"band {band} has statistics of no pixels"
            continue
        wanted = {
            "MINIMUM": values.min(),
            "MAXIMUM": values.max(),
            "MEAN": values.mean(),
            "STDDEV": values.std(),
            "VALID_PERCENT": 100 * valid.mean(),
        }
        for name, value in wanted.items():
            text = tags.get(f"STATISTICS_{name}", "nan")
            scale = float(abs(value) if name != "STDDEV" else np.abs(values).max())
            if not abs(float(text) - float(value)) <= ULPS * max(scale, 1e-300):
                yield f"band {band} has {name} {text}, not {value}"


def _counts(case: Case, plane: NDArray[Any]) -> NDArray[np.bool_]:
    """Which pixels of a band its statistics are of."""
    valid = case.valid() if case.masked else np.ones(plane.shape, bool)
    nodata = case.options.get("nodata")
    if nodata is not None and not math.isnan(nodata):
        valid = valid & (plane != plane.dtype.type(nodata))
    return valid & ~np.isnan(plane) if plane.dtype.kind == "f" else valid


def by_gdals_driver(case: Case, path: Path) -> list[str]:
    """What overviews like GDAL's differ in from those that its COG driver makes."""
    import rasterio  # noqa: PLC0415 - a peer
    from rasterio.io import MemoryFile  # noqa: PLC0415
    from rasterio.shutil import copy  # noqa: PLC0415

    if case.options.get("like") != "gdal":
        return []
    pixels, options = case.pixels(), case.options
    bands, rows, cols = pixels.shape
    profile = {"count": bands, "height": rows, "width": cols, "dtype": pixels.dtype}
    theirs = path.with_name("gdal.tif")
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", nodata=options.get("nodata"), **profile) as dataset:
            dataset.write(pixels)
        with memory.open() as dataset:
            copy(
                dataset,
                theirs,
                driver="COG",
                BLOCKSIZE=options["blocksize"],
                OVERVIEW_RESAMPLING=options["overview_resampling"],
            )
    with rasterio.open(path) as ours, rasterio.open(theirs) as peer:
        if ours.overviews(1) != peer.overviews(1):
            return [f"overviews {ours.overviews(1)}, of GDAL {peer.overviews(1)}"]
        count = len(ours.overviews(1))
    found: list[str] = []
    for z in range(count):
        if 1 in (rows >> z, cols >> z):
            break  # GDAL makes other pixels of a row or column by itself
        with (
            rasterio.open(path, overview_level=z) as ours,
            rasterio.open(theirs, overview_level=z) as peer,
        ):
            if _differs(ours.read(), peer.read()):
                found.append(f"overview {z} is not GDAL's")
    return found


def by_tifffile(case: Case, path: Path) -> list[str]:
    """What tifffile reads otherwise."""
    import tifffile  # noqa: PLC0415 - a peer

    wanted = expected(case).pixels
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        if case.dtype.startswith("complex") and case.options.get("predictor") == 2:
            return []  # it has no differences of complex numbers
        pixels = page.asarray()
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8)
    bands, rows, cols = wanted.shape
    if not case.is_planar and bands > 1:
        pixels = np.moveaxis(pixels.reshape(rows, cols, bands), 2, 0)
    if case.is_lossless and _differs(pixels.reshape(wanted.shape), wanted):
        return ["tifffile reads other pixels"]
    return []


def by_rio_cogeo(case: Case, path: Path) -> list[str]:
    """What rio-cogeo finds, strict; nothing where it is not installed."""
    if case.options["compression"] in NOT_GDALS:
        return []
    try:
        from rio_cogeo.cogeo import cog_validate  # noqa: PLC0415 - a peer
    except ImportError:
        return []
    _, errors, notes = cog_validate(path, strict=True, quiet=True)
    wrong = {ONE_WIDE}
    if case.options["blocksize"] == case.shape[2]:
        wrong.add(ONE_TILE_WIDE)
    return [
        f"rio-cogeo: {text}"
        for text in (*errors, *notes)
        if not any(part in text for part in wrong)
    ]


JUDGES: Sequence[Callable[[Case, Path], list[str]]] = (
    by_tinycog,
    by_rasterio,
    by_gdals_driver,
    by_tifffile,
    by_rio_cogeo,
    by_profiles,
)
