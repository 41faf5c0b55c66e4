"""Convert coordinates from one CRS to another, by pyproj (an extra).

pyproj's `ProjError` is translated here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.geo.crs import Crs

if TYPE_CHECKING:
    import pyproj

BODIES = re.compile(r"same celestial body(?: \((.+?) vs (.+?)\))?")

Transform = Callable[[Any, Any], tuple[Any, Any]]
"""(xs, ys) -> (xs, ys)."""


def into_crs(points: NDArray[np.float64], crs: Any, to: Crs | None) -> NDArray[np.float64]:  # noqa: ANN401 - anything pyproj accepts
    """Convert points (n, 2) from any CRS to the file's.

    Raises:
        UsageError: one of them is unknown, or pyproj is not installed.
    """
    transform = transformer(crs, to)
    x, y = transform(points[:, 0], points[:, 1])
    return np.stack([np.asarray(x), np.asarray(y)], 1)


def transformer(crs: Any, to: Crs | None) -> Transform:  # noqa: ANN401 - anything pyproj accepts
    """Return a function (xs, ys) -> (xs, ys) from any CRS to the file's.

    Raises:
        UsageError: a CRS is unknown, there is no way between them, or pyproj is not installed.
    """
    if to is None:
        message = "the file does not say where it lies in a CRS: leave out crs="
        raise UsageError(message)
    target = to.to_pyproj()
    from pyproj.exceptions import ProjError  # noqa: PLC0415 - an extra

    try:
        source = _known(crs)
        return _transform(source, target)
    except ProjError as exc:
        raise UsageError(_no_way(crs, to, str(exc))) from exc


def _no_way(crs: Any, to: Crs, why: str) -> str:  # noqa: ANN401 - see `transformer`
    """Return why there is no way; PROJ names the bodies if they differ (geotiff.crs.body)."""
    shown = str(crs) if isinstance(crs, Crs) else repr(crs)
    if (bodies := BODIES.search(why)) is not None:
        names = f", {bodies[1]} and {bodies[2]}" if bodies[1] else ""
        return f"{shown} and {to} are of different bodies{names}: there is no way between them"
    return (
        f"the CRS {shown} is unknown, or does not lead to {to}:"
        " give a code ('EPSG:4326'), WKT, or a pyproj.CRS"
    )


def _known(crs: Any) -> pyproj.CRS:  # noqa: ANN401 - see `transformer`
    import pyproj  # noqa: PLC0415 - an extra

    if isinstance(crs, Crs):
        return crs.to_pyproj()
    return pyproj.CRS.from_user_input(crs)  # pyright: ignore[reportUnknownMemberType]


@lru_cache(maxsize=32)
def _transform(source: pyproj.CRS, target: pyproj.CRS) -> Transform:
    """Make a transformer, once for all tiles of a map; threads may share it."""
    import pyproj  # noqa: PLC0415 - an extra

    return pyproj.Transformer.from_crs(source, target, always_xy=True).transform
