"""Where the pixels of a DataArray lie: dimensions, CRS, transform, control points."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import CrsLike
from tinycog.errors import UsageError
from tinycog.geo.transform import GroundControlPoint

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

SPATIAL_DIMS = (("y", "x"), ("latitude", "longitude"), ("lat", "lon"))
"""Names of rows and columns, as rioxarray and odc-geo look for them."""

CF_AXES = (
    ("axis", "Y", "X"),
    ("standard_name", "projection_y_coordinate", "projection_x_coordinate"),
)
"""Attributes of coordinates that tell which is which, by CF."""

GRID_MAPPING = "spatial_ref"
"""Coordinate that holds the CRS, where nothing names another."""

WKT_NAMES = ("crs_wkt", "spatial_ref")
"""Attributes that hold the CRS as text, by CF and by GDAL."""

TOLERANCE = 0.01
"""Pixels that a coordinate may be off a straight line, besides the rounding of its dtype."""

ROUNDINGS = 4
"""Steps of rounding that a coordinate may have gone through."""

GEO_TRANSFORM_LENGTH = 6


class Spacing(NamedTuple):
    """Coordinates of the centres of pixels along one dimension.

    Attributes:
        first: coordinate of the first.
        step: from one to the next; None where there is but one.
        slack: how far a coordinate may be off.
    """

    first: float
    step: float | None
    slack: float


def spatial_dims(array: Any) -> tuple[Hashable, Hashable]:  # noqa: ANN401 - xarray's
    """Return the names of the dimensions of rows and columns.

    By their names, by CF's attributes of their coordinates, or as `rio.set_spatial_dims` was told.

    Raises:
        UsageError: nothing says which they are.
    """
    dims: tuple[Hashable, ...] = tuple(array.dims)
    for down, across in SPATIAL_DIMS:
        if down in dims and across in dims:
            return down, across
    for name, *values in CF_AXES:
        found = [
            [
                dim
                for dim in dims
                if dim in array.coords and array.coords[dim].attrs.get(name) == one
            ]
            for one in values
        ]
        if all(len(each) == 1 for each in found):
            return found[0][0], found[1][0]
    accessor = getattr(array, "rio", None)
    try:
        if accessor is not None:
            return accessor.y_dim, accessor.x_dim
    except Exception:  # noqa: BLE001, S110 - rioxarray's own, which is not imported here
        pass
    names = ", ".join(map(str, dims)) or "none"
    message = f"which dimensions are rows and columns? expected y and x, found {names}: rename them"
    raise UsageError(message)


def grid_mapping(array: Any) -> Mapping[str, Any]:  # noqa: ANN401 - xarray's
    """Return the attributes of the coordinate that holds CRS and transform; empty without one."""
    name = array.encoding.get("grid_mapping", array.attrs.get("grid_mapping", GRID_MAPPING))
    name = str(name).split(":", maxsplit=1)[0].strip()
    return array.coords[name].attrs if name in array.coords else {}


def crs_of(array: Any, down: Hashable) -> CrsLike | None:  # noqa: ANN401 - xarray's
    """Return the CRS: of the grid mapping, else the attribute `crs` of the array or its rows.

    Raises:
        UsageError: it is told by parameters only.
    """
    mapping = grid_mapping(array)
    for name in WKT_NAMES:
        if mapping.get(name):
            return mapping[name]
    if "grid_mapping_name" in mapping:
        message = (
            "the grid mapping tells its CRS by CF's parameters alone, without crs_wkt: say crs="
        )
        raise UsageError(message)
    coordinate: Mapping[str, Any] = array.coords[down].attrs if down in array.coords else {}
    return array.attrs.get("crs", coordinate.get("crs"))


def transform_of(array: Any, down: Hashable, across: Hashable) -> Affine | None:  # noqa: ANN401 - xarray's
    """Return the transform to the outer corners of pixels; None where nothing says it.

    Coordinates say it, since a GeoTransform may be that of a larger array; where it agrees with
    them it is exact. It says what they cannot: a rotation, or the size of a single pixel.

    Raises:
        UsageError: the coordinates are not evenly spaced, or are of one pixel and nothing says its
            size.
    """
    told = _told_transform(array)
    if told is not None and (told.b or told.d):
        return told
    if down not in array.coords or across not in array.coords:
        return told
    rows, cols = _grid(array, down), _grid(array, across)
    if told is not None and _agrees(told, array.sizes[down], rows, array.sizes[across], cols):
        return told
    height = rows.step if rows.step is not None or told is None else told.e
    width = cols.step if cols.step is not None or told is None else told.a
    if height is None or width is None:
        message = f"one pixel does not tell its size in {down} or {across}: say transform="
        raise UsageError(message)
    from affine import Affine  # noqa: PLC0415 - loads attrs

    return Affine(width, 0, cols.first - width / 2, 0, height, rows.first - height / 2)


def _told_transform(array: Any) -> Affine | None:  # noqa: ANN401 - xarray's
    """Return the GeoTransform of the grid mapping, or the attribute `transform`."""
    from affine import Affine  # noqa: PLC0415 - loads attrs

    text, numbers = grid_mapping(array).get("GeoTransform"), array.attrs.get("transform")
    try:
        if text is not None:
            c, a, b, f, d, e = map(float, str(text).split())
            return Affine(a, b, c, d, e, f)
        if numbers is not None:
            return Affine(*map(float, [*numbers][:GEO_TRANSFORM_LENGTH]))
    except (TypeError, ValueError) as exc:
        message = f"the transform of the array is not six numbers: {text or numbers!r}"
        raise UsageError(message) from exc
    return None


def _grid(array: Any, dim: Hashable) -> Spacing:  # noqa: ANN401 - xarray's
    """Return the grid that the coordinates of a dimension make.

    Raises:
        UsageError: they make none.
    """
    given: NDArray[Any] = np.asarray(array.coords[dim].values)
    if given.ndim != 1 or given.dtype.kind not in "iuf" or not np.isfinite(given).all():
        message = f"the coordinates of {dim} are not numbers, one for each pixel: say transform="
        raise UsageError(message)
    found = given.astype(np.float64)
    rounding = np.finfo(given.dtype).eps if given.dtype.kind == "f" else 0.0
    slack = ROUNDINGS * float(rounding) * float(np.abs(found).max())
    if len(found) == 1:
        return Spacing(float(found[0]), None, slack)
    step = float((found[-1] - found[0]) / (len(found) - 1))
    slack += TOLERANCE * abs(step)
    if not step or np.abs(found[0] + step * np.arange(len(found)) - found).max() > slack:
        message = f"the coordinates of {dim} are not evenly spaced, which no transform can say"
        raise UsageError(message)
    return Spacing(float(found[0]), step, slack)


def _agrees(told: Affine, height: int, rows: Spacing, width: int, cols: Spacing) -> bool:
    """Return whether a transform leads to the first and last centres of rows and columns."""
    for origin, size, count, grid in (
        (told.f, told.e, height, rows),
        (told.c, told.a, width, cols),
    ):
        step = size if grid.step is None else grid.step
        slack = grid.slack + (TOLERANCE * abs(size) if grid.step is None else 0)
        ends = (0.5, grid.first), (count - 0.5, grid.first + (count - 1) * step)
        if any(abs(origin + at * size - centre) > slack for at, centre in ends):
            return False
    return True


def gcps_of(array: Any) -> tuple[GroundControlPoint, ...]:  # noqa: ANN401 - xarray's
    """Return the control points of the grid mapping, as rioxarray keeps them.

    Raises:
        UsageError: they are not what it makes.
    """
    text = grid_mapping(array).get("gcps")
    if text is None:
        return ()
    try:
        document: Any = json.loads(text) if isinstance(text, str) else text
        return tuple(map(_control_point, document["features"]))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        message = "the attribute gcps is not the GeoJSON that rioxarray makes of control points"
        raise UsageError(message) from exc


def _control_point(feature: Any) -> GroundControlPoint:  # noqa: ANN401 - JSON
    own = feature["properties"]
    x, y, *z = map(float, feature["geometry"]["coordinates"])
    return GroundControlPoint(
        float(own["row"]), float(own["col"]), x, y, z[0] if z else 0.0, str(own.get("id", ""))
    )
