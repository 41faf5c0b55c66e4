"""Functions of other libraries by their own names and arguments, so that programs run unchanged.

::

    from tinycog.compat import write_cog                # for datacube.utils.cog.write_cog

    write_cog(xx.isel(time=0).red, "red.tif").compute()  # of dask
    data = write_cog(xx.isel(time=0).red.compute(), ":mem:")
"""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import tinycog
import tinycog.sync
from tinycog.argument_types import NamedMember

IN_MEMORY = ":mem:"
"""Name that stands for bytes."""

BLOCKSIZE = 512
"""Rows and columns of tiles, unless the caller says so; smaller images have no overviews."""

BLOCK_STEP = 16
"""TIFF's tiles are multiples of it."""

OVERVIEW_LEVELS = (2, 4, 8, 16, 32)
"""Shrink factors, unless the caller says so."""

PREDICTED = ("deflate", "lzw", "zstd", "lzma")
"""Compressions that GDAL applies a predictor before."""

LEVEL_OPTIONS = {"deflate": "zlevel", "zstd": "zstd_level", "lzma": "lzma_preset"}
"""GDAL's options for the effort of a compression."""

QUALITY_OPTIONS = {"jpeg": "jpeg_quality", "webp": "webp_level"}
"""GDAL's options for the quality of a compression."""

DEFAULT_LEVELS = {"deflate": 6}
"""Efforts, unless the caller says so."""

RAISED_ZLEVELS = range(6, 10)
"""ZLEVELs for which GDAL asks libdeflate for one more (tiff.encode.deflate)."""

PREDICTORS = {"no": 1, "standard": 2, "floating_point": 3}
"""Predictors by the names of GDAL's COG driver."""

RGB = ("red", "green", "blue")

NODATA_NAMES = ("nodata", "_FillValue", "missing_value", "fill_value", "nodatavals")
"""Attributes that may hold nodata."""

DEFAULT_PREDICTORS = {"i": 2, "u": 2, "b": 2, "f": 3}
"""Predictors by kinds of dtypes, unless the caller says so."""

READ_ATTRIBUTES = frozenset(
    (
        *NODATA_NAMES,
        *("crs", "transform", "res", "grid_mapping"),
    )
)
"""Attributes of a DataArray that tell of nodata and place: datacube writes nothing of others."""

Options = dict[str, Any]
"""Arguments of `tinycog.write`, or creation options of GDAL's by their names in lower case."""


def write_cog(
    geo_im: Any,  # noqa: ANN401 - a DataArray
    fname: str | os.PathLike[str],
    overwrite: bool = False,  # noqa: FBT001, FBT002 - datacube's order
    blocksize: int | None = None,
    ovr_blocksize: int | None = None,
    overview_resampling: str | NamedMember | None = None,
    overview_levels: Sequence[int] | None = None,
    use_windowed_writes: bool = False,  # noqa: FBT001, FBT002 - the same
    intermediate_compression: bool | str | Mapping[str, object] = False,  # noqa: FBT001, FBT002 - the same
    **extra_rio_opts: object,
) -> Any:  # noqa: ANN401 - a path, bytes, or a Delayed of dask
    """Write a DataArray as a COG, as datacube's function of this name.

    Args:
        geo_im: a DataArray with its georeference; of dask, nothing is written before `.compute()`.
        fname: path, or ":mem:" for bytes.
        overwrite: replace an existing file.
        blocksize: rows and columns of tiles; by default 512.
        ovr_blocksize: the same of overviews; by default that of the image.
        overview_resampling: name, or member of rasterio's `Resampling`; by default "nearest".
        overview_levels: shrink factors, powers of two, or none; by default 2 to 32, and none of an
            image with less than 512 rows or columns.
        use_windowed_writes: needs nothing: images are always written block by block.
        intermediate_compression: needs nothing: there is no intermediate file.
        extra_rio_opts: `nodata`, by default that of the array, else NaN of floats; `crs`,
            `transform`; and GDAL's creation options: `compress` (by default "deflate"), `zlevel`,
            `predictor`, ...

    Returns:
        The path; bytes for ":mem:"; a Delayed of either for an array of dask.

    Raises:
        TargetExistsError: the file exists, and `overwrite` is False: a FileExistsError, which is an
            IOError. Of dask, by `.compute()`.
        UsageError: an option cannot be honoured, or it is no DataArray.
        TinycogError: it cannot be written.
    """
    del use_windowed_writes, intermediate_compression
    xarray = sys.modules.get("xarray")  # who has a DataArray has loaded it
    if xarray is None or not isinstance(geo_im, xarray.DataArray):
        message = f"geo_im is a DataArray with its georeference, not a {type(geo_im).__name__}"
        raise tinycog.UsageError(message)
    is_memory = fname == IN_MEMORY
    geo_im = _bare(geo_im)
    options = _creation_options(extra_rio_opts, geo_im)
    options["blocksize"] = _multiple(options.get("blocksize") or blocksize or BLOCKSIZE)
    if ovr_blocksize is not None:
        options["overview_blocksize"] = _multiple(ovr_blocksize)
    options["overview_resampling"] = _method(overview_resampling)
    options["overviews"] = _overviews(overview_levels, geo_im)
    if not is_memory:
        options["overwrite"] = overwrite
    target: Any = bytes if is_memory else fname
    is_lazy = geo_im.chunks is not None
    blocking: Any = tinycog.sync
    try:  # of dask, what cannot be is told now, and nothing runs
        written = blocking.write(target, geo_im, **options, **({"plan": True} if is_lazy else {}))
    except tinycog.UnsupportedError as exc:
        raise tinycog.UsageError(str(exc)) from exc
    if not is_lazy:
        return _result(written, fname)
    delayed: Any = import_module("dask.delayed")
    return delayed.delayed(_result)(tinycog.write(target, geo_im, **options), fname)


def _result(written: Any, fname: str | os.PathLike[str]) -> object:  # noqa: ANN401 - of any target
    """Return what datacube's function does: the bytes, or where they are."""
    if fname == IN_MEMORY:
        return written.data
    return fname if "://" in os.fspath(fname) else Path(fname)


def _bare(geo_im: Any) -> Any:  # noqa: ANN401 - a DataArray
    """Return a DataArray with the attributes that datacube reads; its pixels are the same."""
    attributes: Mapping[Hashable, object] = geo_im.attrs
    found = geo_im.copy(deep=False)
    found.attrs = {name: one for name, one in attributes.items() if name in READ_ATTRIBUTES}
    return found


def _multiple(size: int) -> int:
    """Return the size of tiles, as datacube adjusts it."""
    if size % BLOCK_STEP:
        warnings.warn("Block size must be a multiple of 16, will be adjusted", stacklevel=3)
    return -(-size // BLOCK_STEP) * BLOCK_STEP


def _method(method: str | NamedMember | None) -> str:
    """Return the name of a resampling method."""
    return str(getattr(method, "name", method) or "nearest").lower()


def _overviews(levels: Sequence[int] | None, geo_im: Any) -> list[int]:  # noqa: ANN401 - a DataArray
    """Return the shrink factors of overviews.

    Raises:
        UsageError: one is no power of two.
    """
    if levels is not None:
        factors = sorted({_whole("overview_levels", factor) for factor in levels})
        if any(factor < 2 or factor & (factor - 1) for factor in factors):  # noqa: PLR2004 - the first
            message = f"overview_levels={[*levels]}: expected powers of two"
            raise tinycog.UsageError(message)
        return factors
    sizes = [size for name, size in geo_im.sizes.items() if name in _spatial(geo_im)]
    return [] if min(sizes) < BLOCKSIZE else [*OVERVIEW_LEVELS]


def _spatial(geo_im: Any) -> tuple[object, ...]:  # noqa: ANN401 - a DataArray
    """Return the dimensions of rows and columns: all but that of bands, which is no coordinate."""
    names = {"y", "x", "latitude", "longitude", "lat", "lon"}
    found = tuple(name for name in geo_im.dims if name in names)
    return found if len(found) > 1 else tuple(geo_im.dims)[-2:]


def _creation_options(given: Mapping[str, object], geo_im: Any) -> Options:  # noqa: ANN401 - a DataArray
    """Return creation options of GDAL's as arguments of `tinycog.write`.

    Args:
        given: options as rasterio takes them: names in any case, values as text or numbers.
        geo_im: whose dtype and attributes decide on defaults.

    Raises:
        UsageError: one cannot be honoured.
    """
    left = {name.lower(): value for name, value in given.items() if value is not None}
    options = {name: left.pop(name) for name in ("crs", "transform", "nodata") if name in left}
    has_nodata = any(geo_im.attrs.get(name) is not None for name in NODATA_NAMES)
    if "nodata" not in options and geo_im.dtype.kind == "f" and not has_nodata:
        options["nodata"] = math.nan
    options |= _codec_options(left, geo_im.dtype.kind)
    if "photometric" in left:
        options |= _photometric(left.pop("photometric"), str(options["compression"]), geo_im)
    widths = [left.pop(name) for name in ("blockxsize", "blockysize") if name in left]
    if widths:
        options["blocksize"] = _same_sides(widths)
    for name, read in OTHERS.items():
        if name in left:
            options |= read(name, left.pop(name))
    if left:
        names = ", ".join(sorted(left))
        message = f"{names}: not understood with compress={options['compression']}; leave it out"
        raise tinycog.UsageError(message)
    return options


def _codec_options(left: Options, kind: str) -> Options:
    """Take what is for the codec out of creation options."""
    compression = str(left.pop("compress", "deflate")).lower()
    options: Options = {"compression": compression}
    codec = compression.removeprefix("lerc_")
    level = left.pop(LEVEL_OPTIONS.get(codec, ""), DEFAULT_LEVELS.get(codec))
    numbers = {"level": level, "quality": left.pop(QUALITY_OPTIONS.get(codec, ""), None)}
    if compression in PREDICTED:
        predictor = str(left.pop("predictor", DEFAULT_PREDICTORS.get(kind, 1)))
        numbers["predictor"] = PREDICTORS.get(predictor.lower(), predictor)
    found = {name: _whole(name, value) for name, value in numbers.items() if value is not None}
    if codec == "deflate" and found["level"] in RAISED_ZLEVELS:
        found["level"] += 1
    return options | found


def _photometric(value: object, compression: str, geo_im: Any) -> Options:  # noqa: ANN401 - a DataArray
    """Take the colours that GDAL is told.

    Raises:
        UsageError: they do not fit the bands.
    """
    word = str(value).lower()
    bands = math.prod(size for name, size in geo_im.sizes.items() if name not in _spatial(geo_im))
    if compression == "jpeg" and word in ("ycbcr", "rgb"):
        return {"photometric": word}
    if word == "rgb" and bands == len(RGB):
        return {"colorinterp": RGB}
    if word == "minisblack":
        return {"colorinterp": ("gray", *["undefined"] * (bands - 1))}
    message = f"photometric={value!r} cannot be had of {bands} bands with compress={compression}"
    raise tinycog.UsageError(message)


def _whole(name: str, value: Any) -> int:  # noqa: ANN401 - as rasterio takes it
    try:
        return int(value)
    except (TypeError, ValueError):
        message = f"{name} must be a whole number, not {value!r}"
        raise tinycog.UsageError(message) from None


def _same_sides(sizes: Sequence[Any]) -> int:
    """Return the size of square tiles.

    Raises:
        UsageError: they would not be square.
    """
    found = {_whole("blockxsize", size) for size in sizes}
    if len(found) > 1:
        message = f"blockxsize and blockysize are {sorted(found)}: tiles are square"
        raise tinycog.UsageError(message)
    return found.pop()


def _only(*allowed: str) -> Callable[[str, object], Options]:
    """Return what takes an option that needs nothing, where it has one of these values."""

    def read(name: str, value: object) -> Options:
        if str(value).lower() not in allowed:
            message = f"{name}={value!r} cannot be had, only {' or '.join(allowed)}"
            raise tinycog.UsageError(message)
        return {}

    return read


def _renamed(to: str, convert: Callable[[Any], object]) -> Callable[[str, object], Options]:
    """Return what takes an option that `tinycog.write` has by another name."""

    def read(name: str, value: object) -> Options:
        try:
            return {to: convert(value)}
        except (KeyError, TypeError, ValueError):
            message = f"{name}={value!r} is not understood"
            raise tinycog.UsageError(message) from None

    return read


def _yes(value: object) -> bool:
    """Return what GDAL makes of a switch."""
    return {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}[
        str(value).lower()
    ]


def _bigtiff(value: object) -> bool | None:
    """Return what GDAL makes of it; None = if it is needed, which is known before it is written."""
    return None if str(value).lower() in ("if_needed", "if_safer") else _yes(value)


def _anything(name: str, value: object) -> Options:
    """Take an option that changes nothing of the file."""
    del name, value
    return {}


BYTE_ORDERS = {"little": "<", "big": ">", "native": "<" if sys.byteorder == "little" else ">"}
"""Byte orders by GDAL's names."""

OTHERS: Mapping[str, Callable[[str, object], Options]] = {
    "driver": _only("gtiff", "cog"),
    "tiled": _only("true", "yes"),
    "copy_src_overviews": _only("true", "yes"),
    "bigtiff": _renamed("bigtiff", _bigtiff),
    "nbits": _renamed("bits", int),
    "num_threads": _anything,
    "interleave": _renamed("interleave", lambda value: str(value).lower()),
    "sparse_ok": _renamed("sparse", _yes),
    "max_z_error": _renamed("max_z_error", float),
    "webp_lossless": _renamed("lossless", _yes),
    "jxl_lossless": _renamed("lossless", _yes),
    "endianness": _renamed("byte_order", lambda value: BYTE_ORDERS[str(value).lower()]),
    "statistics": _renamed("statistics", _yes),
    "dtype": _renamed("dtype", lambda value: value),
}
"""Further options of rasterio's and GDAL's, and what is made of each."""
