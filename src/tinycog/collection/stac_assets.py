"""Which assets of a STAC item are meant, and what is said of each: asset before item.

Of the extensions proj and raster, of their older versions too (cog.collection.stac).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from affine import Affine

from tinycog.collection.asset import COMMON_NAME, Asset
from tinycog.collection.times import to_time
from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.footprint import box_geometry, footprint

Document = Mapping[str, Any]

TIFF_TYPES = ("image/tiff", "image/vnd.stac.geotiff", "image/geotiff")
TIFF_ENDINGS = (".tif", ".tiff")
TIMES = ("datetime", "start_datetime", "end_datetime")
NUMBERS = {"int", "uint", "float", "cfloat"}
NUMPY_NAMES = {"cfloat32": "complex64", "cfloat64": "complex128"}
AFFINE, MATRIX = 6, 9
"""Numbers of proj:transform: without the last row, and with it."""

OFF = 0.01
"""Pixels by which proj:transform may differ from proj:bbox."""


def chosen_keys(item: Document, wanted: Sequence[str] | None) -> list[str]:
    """Return the keys of the assets that are meant.

    Raises:
        UsageError: the item has none of these.
    """
    assets = item.get("assets")
    keys = list(cast("Document", assets)) if isinstance(assets, Mapping) else []
    if wanted is None:
        found = [key for key in keys if is_tiff(item["assets"][key])]
        if not found:
            message = f"the item {item.get('id')!r} has no asset that is a TIFF, of {keys}"
            raise UsageError(message)
        return found
    lacking = [key for key in wanted if key not in keys]
    if lacking:
        message = f"the item {item.get('id')!r} has no asset {lacking[0]!r}, but {keys}"
        raise UsageError(message)
    return list(wanted)


def is_tiff(asset: Document) -> bool:
    """Return whether an asset is a TIFF, by its media type, else by the ending of its url."""
    kind = asset.get("type")
    if isinstance(kind, str):
        return kind.partition(";")[0].strip().lower() in TIFF_TYPES
    path = str(asset.get("href", "")).partition("?")[0].partition("#")[0]
    return path.lower().endswith(TIFF_ENDINGS)


def asset_of(item: Document, key: str, base: str | None) -> Asset:
    """Return what an item says of one of its assets.

    Raises:
        UsageError: the asset has no absolute url, or a time is none.
    """
    asset: Document = item["assets"][key]
    own: Document = item.get("properties") or {}
    name = f"{item.get('id')}/{key}"
    start, end = _times(asset, own, name)
    shape, transform, crs = _grid(asset, own)
    bounds = _bounds(item.get("bbox"))
    geometry = item.get("geometry")
    if bounds is None and crs is not None and transform is not None and shape is not None:
        with suppress(UsageError, UnsupportedError):
            bounds, geometry = footprint(crs, tuple(transform), shape)
    bands = _bands(asset, own)
    properties = {key: value for key, value in own.items() if value is not None}
    return Asset(
        name,
        absolute(str(asset.get("href")), base, name),
        bounds=bounds,
        geometry=geometry or (None if bounds is None else box_geometry(bounds)),
        crs=crs,
        transform=transform,
        shape=shape,
        bands=tuple(band.get("name") or band.get("description") for band in bands) or None,
        dtype=_dtype(asset, bands),
        nodata=_nodata(asset, bands),
        resolution=None if transform is None else _resolution(transform),
        properties=properties
        | {"item": item.get("id"), "asset": key}
        | _common_names(bands)
        | ({"collection": item["collection"]} if item.get("collection") else {}),
        start=start,
        end=end,
    )


def absolute(href: str, base: str | None, name: str) -> str:
    """Return a url that is not relative to that of the item.

    Raises:
        UsageError: it is, and that is not known.
    """
    if urlsplit(href).scheme or href.startswith("/"):
        return href.removeprefix("file://")
    if base is None:
        message = (
            f"the url of asset {name!r} is relative, {href!r}, and the item has no absolute link"
            " to itself: give its path or url"
        )
        raise UsageError(message)
    if "://" in base:
        scheme, _, rest = base.partition("://")  # urljoin knows only some schemes
        return f"{scheme}://{urljoin(f'http://{rest}', href).removeprefix('http://')}"
    return urljoin(base, href)


def _times(asset: Document, own: Document, name: str) -> tuple[datetime | None, datetime | None]:
    """Return beginning and end: of the asset if it has any, else of the item."""
    said = asset if any(asset.get(key) for key in TIMES) else own
    at, start, end = (to_time(said.get(key), f"{key} of asset {name!r}") for key in TIMES)
    return (start or at, end) if start or end else (at, None)


def _first(key: str, *places: Document) -> Any:  # noqa: ANN401 - of JSON
    return next((place[key] for place in places if place.get(key) is not None), None)


def _grid(
    asset: Document, own: Document
) -> tuple[tuple[int, int] | None, Affine | None, str | None]:
    """Return shape, transform and CRS, as far as they are said and do not contradict each other."""
    given = _first("proj:shape", asset, own)
    shape = None
    with suppress(ValueError, TypeError):
        rows, cols = given
        shape = (int(rows), int(cols))
    crs = _crs(asset) or _crs(own)
    numbers = _first("proj:transform", asset, own)
    if not isinstance(numbers, list) or len(cast("list[Any]", numbers)) not in (AFFINE, MATRIX):
        return shape, None, crs
    try:
        transform = Affine(*map(float, cast("list[Any]", numbers)[:AFFINE]))
    except (TypeError, ValueError):
        return shape, None, crs
    if not transform.determinant or _contradicts(transform, shape, _first("proj:bbox", asset, own)):
        return shape, None, crs
    return shape, transform, crs


def _contradicts(transform: Affine, shape: tuple[int, int] | None, bbox: object) -> bool:
    """Return whether a transform is not that of the bounds in the same CRS (cog.collection.grid).

    Centres of pixels in place of corners are half a pixel off; GDAL's order of numbers is far off.
    """
    if shape is None or not isinstance(bbox, list) or len(cast("list[Any]", bbox)) != 4:  # noqa: PLR2004 - sides
        return False
    rows, cols = shape
    a, b, c, d, e, f = tuple(transform)[:AFFINE]
    xs = [c, c + a * cols, c + b * rows, c + a * cols + b * rows]
    ys = [f, f + d * cols, f + e * rows, f + d * cols + e * rows]
    width, height = _resolution(transform)
    found = (min(xs), min(ys), max(xs), max(ys))
    limits = (width, height, width, height)
    return any(
        abs(one - float(said)) > OFF * limit
        for one, said, limit in zip(found, cast("list[Any]", bbox), limits, strict=True)
    )


def _resolution(transform: Affine) -> tuple[float, float]:
    a, b, _, d, e, _ = tuple(transform)[:AFFINE]
    return (a * a + d * d) ** 0.5, (b * b + e * e) ** 0.5


def _crs(said: Document) -> str | None:
    """Return the CRS that an asset or an item names: a code, WKT, or PROJJSON as text."""
    if said.get("proj:code"):
        return str(said["proj:code"])
    if said.get("proj:epsg"):
        return f"EPSG:{said['proj:epsg']}"
    if said.get("proj:wkt2"):
        return str(said["proj:wkt2"])
    return json.dumps(said["proj:projjson"]) if said.get("proj:projjson") else None


def _bounds(bbox: Any) -> tuple[float, float, float, float] | None:  # noqa: ANN401 - of JSON
    """Return the bounds of an item, which may have heights."""
    with suppress(TypeError, ValueError):
        numbers = [float(number) for number in bbox]
        if len(numbers) == 6:  # noqa: PLR2004 - with heights
            del numbers[5], numbers[2]
        west, south, east, north = numbers
        return west, south, east, north
    return None


def _bands(asset: Document, own: Document) -> list[Document]:
    """Return what is said of each band: by STAC 1.1, else by raster:bands and eo:bands."""
    if asset.get("bands"):
        return list(asset["bands"])
    raster: list[Document] = asset.get("raster:bands") or []
    eo: list[Document] = asset.get("eo:bands") or []
    if raster and eo and len(raster) != len(eo):
        eo = []
    if raster or eo:
        nothing: Document = {}
        longer = max(len(raster), len(eo))
        pairs = zip(raster or [nothing] * longer, eo or [nothing] * longer, strict=True)
        return [{**one, **other} for one, other in pairs]
    return list(own.get("bands") or ())


def _common_names(bands: Sequence[Document]) -> dict[str, object]:
    """Return the property of the common names of bands, "red": of one, or of each, None without."""
    names = [band.get(COMMON_NAME) or band.get("common_name") for band in bands]
    if not any(names):
        return {}
    return {COMMON_NAME: names[0] if len(names) == 1 else names}


def _same(values: Iterable[object]) -> Any:  # noqa: ANN401 - of JSON
    """Return what all bands have; None if they differ."""
    found = list(values)
    return found[0] if found and all(value == found[0] for value in found) else None


def _dtype(asset: Document, bands: Sequence[Document]) -> str | None:
    said = _same(band.get("data_type") for band in bands) or asset.get("data_type")
    if not isinstance(said, str) or said.rstrip("0123456789") not in NUMBERS:
        return None
    return NUMPY_NAMES.get(said, None if said.startswith("c") else said)


def _nodata(asset: Document, bands: Sequence[Document]) -> float | None:
    """Return nodata: of all bands alike, else of the asset; STAC writes NaN as text."""
    said: Any = _same(band.get("nodata") for band in bands)
    if said is None and all(band.get("nodata") is None for band in bands):
        said = asset.get("nodata")
    with suppress(ValueError, TypeError):
        return said if isinstance(said, int) or said is None else float(said)
    return None
