"""Which assets lie in an area and in a time, and have certain properties: by columns alone.

Bounds come first, as arrays; footprints only where these meet (cog.collection.filter).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import CrsLike, GeometryLike
from tinycog.checks import check_bounds
from tinycog.collection.asset import Asset
from tinycog.collection.property_columns import PropertyColumn
from tinycog.collection.rows import AssetRows
from tinycog.collection.times import NO_TIME, TimeLike, to_number, to_time
from tinycog.errors import UsageError
from tinycog.extras import check_installed
from tinycog.geo.footprint import DEGREES, TURN, in_degrees, points_of
from tinycog.geo.outline import bounds_into

Mask = NDArray[np.bool_]
Numbers = NDArray[np.intp]


AssetTest = Mapping[str, object] | Callable[[Asset], bool]
"""What assets are kept: values by property, or a function of an asset."""


@dataclass(frozen=True)
class AssetFilter:
    """What assets are kept.

    Attributes:
        boxes: (west, south, east, north) of the area, west <= east; None for no area.
        geometry: the area in longitudes and latitudes, None for bounds alone.
        start: microseconds since 1970, from which on; None for no time.
        end: microseconds since 1970, before which; None for no time.
        values: what each property must be.
        test: function of an asset.
    """

    boxes: tuple[float, float, float, float] | None
    geometry: Mapping[str, Any] | None
    start: int | None
    end: int | None
    values: Mapping[str, object]
    test: Callable[[Asset], bool] | None

    @classmethod
    def of(
        cls,
        bounds: Sequence[float] | None,
        geometry: GeometryLike | None,
        crs: CrsLike | None,
        start: TimeLike | None,
        end: TimeLike | None,
        where: AssetTest | None,
    ) -> AssetFilter:
        """Check what a caller wants.

        Raises:
            UsageError: it makes no sense.
        """
        if bounds is not None and geometry is not None:
            raise UsageError("give bounds= or geometry=, not both")
        if crs is not None and bounds is None and geometry is None:
            raise UsageError("crs= is that of bounds= or geometry=: give one of these")
        shape, box = None, None
        if bounds is not None:
            box = _box(bounds, crs)
        if geometry is not None:
            shape = _geometry(geometry, crs)
            xs, ys = zip(*points_of(shape), strict=True)
            box = min(xs), min(ys), max(xs), max(ys)
        begin, stop = (
            None if time is None else to_number(to_time(time, name))
            for name, time in (("start=", start), ("end=", end))
        )
        if begin is not None and stop is not None and begin >= stop:
            message = f"start= {start!r} is not before end= {end!r}, which is not included itself"
            raise UsageError(message)
        if where is not None and not isinstance(where, Mapping) and not callable(where):
            message = f"where= is a mapping of properties or a function, not {where!r}"
            raise UsageError(message)
        values: Mapping[str, object] = {}
        test = None
        if isinstance(where, Mapping):
            values = cast("Mapping[str, object]", where)
        else:
            test = where
        return cls(box, shape, begin, stop, values, test)

    def keep(self, rows: AssetRows, numbers: Numbers) -> Numbers:
        """Return which of some rows are kept."""
        columns = rows.columns
        if self.start is not None or self.end is not None:
            numbers = numbers[self._in_time(columns.times[numbers])]
        if self.boxes is not None:
            numbers = numbers[_meets(columns.bounds[numbers], self.boxes)]
        for name, wanted in self.values.items():
            column = columns.properties.get(name)
            numbers = (
                numbers[:0] if column is None else _having(rows, column, numbers, name, wanted)
            )
        if self.geometry is not None and len(numbers):
            numbers = numbers[_intersects(columns.wkb(numbers), self.geometry)]
        if self.test is not None:
            passes = [bool(self.test(rows.asset(row))) for row in numbers.tolist()]
            numbers = numbers[np.array(passes, np.bool_)]
        return numbers

    def keep_unknown(self, rows: AssetRows, numbers: Numbers) -> Numbers:
        """Return which of some rows lie in the box, or lie nobody knows where."""
        if self.boxes is None:
            return numbers
        bounds = rows.columns.bounds[numbers]
        return numbers[_meets(bounds, self.boxes) | np.isnan(bounds).any(axis=1)]

    def check_properties(self, all_rows: Iterable[AssetRows]) -> None:
        """Check that some asset has each property that is asked for.

        Raises:
            UsageError: none has one: it is misspelt.
        """
        held = list(all_rows)
        if not self.values or not held:
            return
        known = {name for rows in held for name in rows.columns.properties}
        for name in self.values:
            if name not in known:
                near = difflib.get_close_matches(name, known, 3) or sorted(known)[:8]
                message = (
                    f"no asset has the property {name!r}; there is {', '.join(near) or 'none'}"
                )
                raise UsageError(message)

    def _in_time(self, times: NDArray[np.int64]) -> Mask:
        found = times[:, 0] != NO_TIME
        if self.start is not None:
            found &= times[:, 1] >= self.start
        if self.end is not None:
            found &= times[:, 0] < self.end
        return found


def _box(bounds: Sequence[float], crs: CrsLike | None) -> tuple[float, float, float, float]:
    if crs is None:
        left, bottom, right, top = check_bounds(bounds, around=True)
    else:
        left, bottom, right, top = bounds_into(bounds, crs, DEGREES)
    return left, bottom, (right + TURN if left > right else right), top


def _geometry(given: GeometryLike, crs: CrsLike | None) -> Mapping[str, Any]:
    found: Any = given if isinstance(given, Mapping) else getattr(given, "__geo_interface__", None)
    try:
        found = found["geometry"] if found["type"] == "Feature" else found
        shape: Mapping[str, Any] = found if crs is None else in_degrees(found, crs)
        if next(points_of(shape), None) is None:
            raise UsageError("geometry= is empty")
    except (KeyError, TypeError, IndexError, ValueError) as exc:
        if isinstance(exc, UsageError):
            raise
        message = (
            "geometry= is GeoJSON, or an object with __geo_interface__, not"
            f" {str(given)[:80]!r}: {exc}"
        )
        raise UsageError(message) from exc
    return shape


def _meets(bounds: NDArray[np.float64], box: tuple[float, float, float, float]) -> Mask:
    """Return which bounds have a point in common with a box, edges included."""
    left, bottom, right, top = box
    west, south, east, north = (bounds[:, side] for side in range(4))
    east = east + TURN * (west > east)
    found = (south <= top) & (north >= bottom)
    across = np.zeros(len(bounds), np.bool_)
    for turn in (-2 * TURN, -TURN, 0.0, TURN, 2 * TURN):
        across |= (west <= right + turn) & (east >= left + turn)
    return found & across


def _intersects(footprints: Sequence[bytes | None], geometry: Mapping[str, Any]) -> Mask:
    """Return which footprints have a point in common with a geometry.

    Raises:
        UsageError: shapely is not installed, or the geometry is none.
    """
    check_installed("collections", "shapely")
    shapely: Any = import_module("shapely")
    affinity: Any = import_module("shapely.affinity")
    shapes = shapely.from_wkb(np.array(footprints, object))
    try:
        area = shapely.geometry.shape(geometry)
    except Exception as exc:
        message = f"geometry= is no GeoJSON that shapely reads: {exc}"
        raise UsageError(message) from exc
    found = np.zeros(len(shapes), np.bool_)
    for turn in (-TURN, 0.0, TURN):
        west, _, east, _ = area.bounds
        if turn == 0 or max(abs(west), abs(east)) > TURN / 2:
            moved = affinity.translate(area, turn) if turn else area
            shapely.prepare(moved)
            found |= shapely.intersects(moved, shapes)
    return found


def _having(
    rows: AssetRows, column: PropertyColumn, numbers: Numbers, name: str, wanted: object
) -> Numbers:
    """Return which rows have a property of a wanted value."""
    test = _test_of(name, wanted)
    if column.kind != "other":
        return numbers[column.where(test, numbers)]
    numbers = numbers[column.present[numbers]]
    values = (rows.asset(row).properties[name] for row in numbers.tolist())
    return numbers[np.fromiter(map(test, values), np.bool_, len(numbers))]


def _test_of(name: str, wanted: object) -> Callable[[object], bool]:
    """Return what tests a value: equal, in a range with its ends, or one of several.

    Raises:
        UsageError: a range has not two ends, or ends that do not compare with the values.
    """
    if isinstance(wanted, tuple):
        ends = cast("tuple[Any, ...]", wanted)
        if len(ends) != 2:  # noqa: PLR2004 - from, to
            message = f"where= has {wanted!r} for {name!r}: a range is (low, high), None for no end"
            raise UsageError(message)
        return lambda value: _lies_in(value, *ends, name)
    if isinstance(wanted, list | set | frozenset):
        some = cast("Iterable[object]", wanted)
        values = list(some)
        return lambda value: value in values
    return lambda value: value == wanted


def _lies_in(value: Any, low: Any, high: Any, name: str) -> bool:  # noqa: ANN401 - of JSON
    try:
        return (low is None or low <= value) and (high is None or value <= high)
    except TypeError as exc:
        message = f"where= has a range of {low!r} to {high!r} for {name!r}, which can be {value!r}"
        raise UsageError(message) from exc
