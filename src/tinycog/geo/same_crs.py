"""Whether coordinates of two files mean the same, names aside."""

from __future__ import annotations

from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.crs import Crs


def is_same_crs(one: Crs | None, other: Crs | None) -> bool | None:
    """Return whether coordinates mean the same in two CRSs.

    None where that cannot be known: one of them has no code, and pyproj is not installed or cannot
    build it.
    """
    if one is None or other is None or one.epoch != other.epoch:
        return one == other
    if one == other:
        return True
    if one.epsg is not None and other.epsg is not None:
        return one.epsg == other.epsg and is_same_crs(one.vertical, other.vertical)
    try:
        first, second = one.to_pyproj(), other.to_pyproj()
    except (UsageError, UnsupportedError):
        return None
    from tinycog.geo.user_keys import is_same  # noqa: PLC0415 - loads pyproj

    return is_same(first, second)
