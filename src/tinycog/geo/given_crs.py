"""A CRS that a caller names, as a `Crs`."""

from __future__ import annotations

from tinycog.argument_types import CrsLike
from tinycog.errors import Finding, UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.make_crs import make_crs
from tinycog.geo.write_keys import keys_of_crs


def given_crs(crs: CrsLike) -> Crs:
    """Return the CRS.

    Raises:
        UsageError: it is none, or one that GeoKeys cannot tell.
    """
    if isinstance(crs, Crs):
        return crs
    found: list[Finding] = []
    made = make_crs(keys_of_crs(crs), found)
    if made is None:
        message = f"crs={crs!r} is no CRS that a place can be given in"
        raise UsageError(message)
    return made
