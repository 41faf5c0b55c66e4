"""Longitudes: every meridian has many, a full turn apart (geotiff.place.longitude).

A file may count them from -180 or from 0, and so may a caller. No I/O.
"""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UnsupportedError
from tinycog.geo.crs import Crs
from tinycog.geo.epsg_codes import GRAD, unit_code
from tinycog.geo.keys import GeoKey
from tinycog.geo.units import DEGREE, UNITS, unit_of

TURNS = (0, -1, 1)
"""Full turns by which coordinates of a caller may differ from the file's; none is preferred."""


def full_turn(crs: Crs | None) -> float | None:
    """Return a full turn in the CRS's own unit; None where x is no longitude."""
    if crs is None or not crs.is_geographic:
        return None
    horizontal = crs.horizontal or crs
    code = horizontal.epsg
    unit = UNITS[GRAD] if code is not None and unit_code(code) == GRAD else DEGREE
    if code is None:
        try:
            unit = unit_of(crs.keys, GeoKey.GeogAngularUnits, GeoKey.GeogAngularUnitSize, unit)
        except UnsupportedError:  # no coordinates can be transformed either
            return None
    return turn_in(unit.factor)


def turn_in(factor: float) -> float:
    """Return a full turn in units of `factor` radians: 360 in degrees, 400 in grads."""
    return float(f"{2 * pi / factor:.12g}")


def into_extent(
    xs: NDArray[np.float64], left: float, right: float, turn: float | None
) -> NDArray[np.float64]:
    """Return longitudes as a file counts them: a full turn on where only that lies in it.

    Args:
        xs: longitudes.
        left: where the file begins.
        right: where it ends.
        turn: a full turn; None where `xs` are no longitudes.
    """
    if turn is None:
        return xs
    with np.errstate(invalid="ignore"):
        xs = np.where((xs < left) & (xs + turn <= right), xs + turn, xs)
        return np.where((xs > right) & (xs - turn >= left), xs - turn, xs)


def spans_in_extent(
    span: tuple[float, float], extent: tuple[float, float], turn: float, least: float
) -> list[tuple[float, float]]:
    """Return where a span of longitudes lies in a file, as the file counts them.

    Args:
        span: (left, right), left <= right.
        extent: (left, right) of the file.
        turn: a full turn.
        least: what two spans that overlap have in common at least.

    Returns:
        (left, right) of one span; of two where the span lies at both ends of the file, the one
        without a turn first; of none where it lies outside. A span of a full turn in a file of a
        full turn is all of the file.
    """
    (left, right), (first, last) = span, extent
    if right - left >= turn - least and last - first >= turn - least:
        return [extent]
    turned = [(left + n * turn, right + n * turn) for n in TURNS]
    return [(a, b) for a, b in turned if min(b, last) - max(a, first) > least]
