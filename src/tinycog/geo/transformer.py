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


def into_crs(points: NDArray[np.float64], crs: Any, to: Any) -> NDArray[np.float64]:  # noqa: ANN401 - anything pyproj accepts
    """Convert points (n, 2) from one CRS to another, each anything that pyproj accepts.

    Raises:
        UsageError: as `transformer`.
    """
    x, y = transformer(crs, to)(points[:, 0], points[:, 1])
    return np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], 1)


def transformer(crs: Any, to: Any) -> Transform:  # noqa: ANN401 - anything pyproj accepts
    """Return a function (xs, ys) -> (xs, ys) from one CRS to another.

    Raises:
        UsageError: a CRS is unknown, there is no way between them, or pyproj is not installed.
        UnsupportedError: PROJ cannot build the file's.
    """
    source, target = both(crs, to)
    from pyproj.exceptions import ProjError  # noqa: PLC0415 - an extra

    try:
        return _transform(source, target)
    except ProjError as exc:
        raise _no_way(crs, to, str(exc)) from exc


def both(crs: Any, to: Any) -> tuple[pyproj.CRS, pyproj.CRS]:  # noqa: ANN401 - anything pyproj accepts
    """Return two CRSs as pyproj's.

    Raises:
        UsageError: one is unknown, or pyproj is not installed.
        UnsupportedError: PROJ cannot build the file's.
    """
    ours = next((one for one in (crs, to) if isinstance(one, Crs)), None)
    if ours is not None:
        ours.to_pyproj()  # first: it tells where pyproj is lacking
    from pyproj.exceptions import ProjError  # noqa: PLC0415 - an extra

    try:
        return _known(crs), _known(to)
    except ProjError as exc:
        raise _no_way(crs, to, str(exc)) from exc


def _known(crs: Any) -> pyproj.CRS:  # noqa: ANN401 - see `transformer`
    import pyproj  # noqa: PLC0415 - an extra

    if isinstance(crs, Crs):
        return crs.to_pyproj()
    return pyproj.CRS.from_user_input(crs)  # pyright: ignore[reportUnknownMemberType]


def _no_way(crs: object, to: object, why: str) -> UsageError:
    """Return why there is no way; PROJ names the bodies if they differ (geotiff.crs.body)."""
    one, other = (str(v) if isinstance(v, Crs) else repr(v) for v in (crs, to))
    if (bodies := BODIES.search(why)) is not None:
        names = f", {bodies[1]} and {bodies[2]}" if bodies[1] else ""
        message = f"{one} and {other} are of different bodies{names}: there is no way between them"
    else:
        message = (
            f"the CRS {one} is unknown, or does not lead to {other}:"
            " give a code ('EPSG:4326'), WKT, or a pyproj.CRS"
        )
    return UsageError(message)


@lru_cache(maxsize=64)
def _transform(source: pyproj.CRS, target: pyproj.CRS) -> Transform:
    """Make a transformer, once for all tiles of a map; threads may share it."""
    import pyproj  # noqa: PLC0415 - an extra

    return pyproj.Transformer.from_crs(source, target, always_xy=True).transform
