"""Where ten pixels of a file lie by tinycog, and by GDAL with PROJ."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pyproj
import rasterio
from geo_files import in_rasterio
from numpy.typing import NDArray
from pyproj.exceptions import CRSError, ProjError

import tinycog
from georeferences.case import SIDE, Case, Place

Word = Literal["right", "refused", "wrong", "leaked"]
VERDICTS: tuple[Word, ...] = ("right", "refused", "wrong", "leaked")
Points = NDArray[np.float64]

PIXEL_METRES, PIXEL_DEGREES = 10.0, 0.0001
TOLERANCE = 0.01
"""Of a pixel."""

POINTS: Points = np.array(
    [
        *((0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)),
        *((0.1, 0.7), (0.3, 0.2), (0.62, 0.9), (0.9, 0.35), (0.77, 0.04)),
    ]
)
"""As fractions of the image's width and height."""

NOWHERE = ("local", "geocentric", "vertical")
"""Kinds of CRSs whose coordinates are compared as they are."""

NO_PLACE: Place = (PIXEL_METRES, 0.0, 1000.0, 0.0, -PIXEL_METRES, 2000.0)


@dataclass(frozen=True)
class Outcome:
    """What came of a case; `why` has a text for every word but "right"."""

    case: Case
    word: Word
    why: str = ""


@dataclass(frozen=True)
class Seen:
    """What GDAL says of a file."""

    crs: pyproj.CRS | None
    transform: rasterio.Affine
    gcps: Sequence[Any]
    unit: str | None


def judge(case: Case) -> Outcome:
    """Read a case by both, and say whether they agree."""
    data = case.make(NO_PLACE)
    if case.placed:
        data = case.make(place_of(see(data).crs, case.near))
    seen = see(data)
    try:
        cog, crs = asyncio.run(read(data))
    except tinycog.TinycogError as exc:
        return Outcome(case, "refused", f"{type(exc).__name__}: {exc}")
    except Exception as exc:  # noqa: BLE001 - whatever leaks
        return Outcome(case, "leaked", f"{type(exc).__name__}: {exc}")
    why = differences(cog, crs, seen)
    return Outcome(case, "wrong" if why else "right", why)


async def read(data: bytes) -> tuple[tinycog.Cog, pyproj.CRS | None]:
    """Read the georeference of a file by tinycog."""
    cog = await tinycog.open(data)
    return cog, None if cog.crs is None else cog.crs.to_pyproj()


def see(data: bytes) -> Seen:
    """Read the georeference of a file by GDAL; PROJ parses the CRS."""
    with in_rasterio(data) as dataset:
        gcps, gcps_crs = dataset.gcps
        crs = dataset.crs or gcps_crs
        wkt = crs.to_wkt(version="WKT2_2019") if crs else ""
        unit = dataset.units[0]
        return Seen(pyproj.CRS.from_wkt(wkt) if wkt else None, dataset.transform, gcps, unit)


def place_of(crs: pyproj.CRS | None, near: tuple[float, float]) -> Place:
    """Return the transform of an image whose middle lies there; any if the CRS knows no places."""
    to_degrees = None if crs is None else transformer(flat(crs), None)
    if crs is None or to_degrees is None:
        return NO_PLACE
    x, y = to_degrees.transform(*near, direction="INVERSE")
    size = PIXEL_DEGREES * math.pi / 180 if flat(crs).is_geographic else PIXEL_METRES
    size /= crs.axis_info[0].unit_conversion_factor
    if not math.isfinite(x + y):
        return NO_PLACE
    return (size, 0.0, x - size * SIDE / 2, 0.0, -size, y + size * SIDE / 2)


# --- what differs --------------------------------------------------------------------------------


def differences(cog: tinycog.Cog, crs: pyproj.CRS | None, seen: Seen) -> str:
    """Say what differs; an empty string if nothing does."""
    kinds = (None if cog.crs is None else cog.crs.kind, kind_of(crs), kind_of(seen.crs))
    if len(set(kinds)) > 1:
        return f"{cog.crs} is of the kinds {kinds[0]}, {kinds[1]}; GDAL has {kinds[2]}"
    if (cog.units[0] or None) != (seen.unit or None):
        return f"unit {cog.units[0]}, GDAL has {seen.unit}"
    return _gcps(cog, seen) or _heights(crs, seen.crs) or _places(cog, crs, seen)


def _gcps(cog: tinycog.Cog, seen: Seen) -> str:
    if len(cog.gcps) != len(seen.gcps):
        return f"{len(cog.gcps)} control points, GDAL has {len(seen.gcps)}"
    for ours, theirs in zip(cog.gcps, seen.gcps, strict=True):
        point = (theirs.row, theirs.col, theirs.x, theirs.y, theirs.z or 0.0)
        if not np.allclose(ours[:5], point, rtol=0, atol=1e-9, equal_nan=True):
            return f"a control point {ours}, GDAL has {point}"
    return ""


def _heights(crs: pyproj.CRS | None, theirs: pyproj.CRS | None) -> str:
    """Compare names and vertical parts of compound CRSs."""
    if crs is None or theirs is None or not (crs.is_compound and theirs.is_compound):
        return ""
    ups = [one.sub_crs_list[1].axis_info[0] for one in (crs, theirs)]
    if (ups[0].direction, ups[0].unit_name) != (ups[1].direction, ups[1].unit_name):
        return f"heights {ups[0]}, GDAL has {ups[1]}"
    if "unknown" in theirs.name or _plain(crs.name) == _plain(theirs.name):
        return ""
    return f"the name {crs.name!r}, GDAL has {theirs.name!r}"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _places(cog: tinycog.Cog, crs: pyproj.CRS | None, seen: Seen) -> str:
    """Compare the places of ten points."""
    pixels = POINTS * (cog.width, cog.height)
    ours, theirs = apply(cog.transform, pixels), apply(seen.transform, pixels)
    sizes = (
        np.hypot(seen.transform.a, seen.transform.d),
        np.hypot(seen.transform.b, seen.transform.e),
    )
    if crs is None or seen.crs is None or kind_of(crs) in NOWHERE:
        factors = (
            (1.0, 1.0) if crs is None or seen.crs is None else (_factor(crs), _factor(seen.crs))
        )
        off = np.abs(ours * factors[0] - theirs * factors[1]) / factors[1] / sizes
        return "" if off.max() < TOLERANCE else f"{off.max():.4g} pixels off"
    off = min(_pixels_between(crs, ours, one, theirs) for one in _readings(seen.crs))
    return "" if off < TOLERANCE else f"{off:.4g} pixels off"


def _readings(crs: pyproj.CRS) -> list[pyproj.CRS]:
    """Return a CRS of GDAL's, and what PROJ has of its code: WKT 1 loses methods on its way."""
    code = crs.to_json_dict().get("id", {})
    try:
        return [crs, pyproj.CRS.from_authority(code["authority"], code["code"])]
    except (CRSError, KeyError):
        return [crs]


def _pixels_between(crs: pyproj.CRS, ours: Points, other: pyproj.CRS, theirs: Points) -> float:
    """Return the largest distance of points, in pixels of theirs; inf if only one has places."""
    one, two = common(flat(crs), flat(other))
    if one is None or two is None:
        return 0.0 if one is None and two is None else math.inf
    if not np.isclose(radii(crs), radii(other), rtol=1e-9, atol=0).all():
        return math.inf
    a, b = (np.stack(to.transform(*xy.T)) for to, xy in ((one, ours), (two, theirs)))
    if not np.isfinite(b).any():
        return 0.0 if not np.isfinite(a).any() else math.inf
    ellipsoid = pyproj.Geod(a=radii(crs)[0], b=radii(crs)[1])
    off = ellipsoid.inv(*a, *b)[2]
    side = ellipsoid.inv(*b[:, 0], *b[:, 1])[2] / SIDE
    return math.inf if not np.isfinite(off).all() else float(np.max(off) / side)


def apply(transform: rasterio.Affine, pixels: Points) -> Points:
    """Return coordinates of pixels, both (n, 2)."""
    a, b, c, d, e, f = transform[:6]
    col, row = pixels.T
    return np.stack([a * col + b * row + c, d * col + e * row + f], 1)


# --- CRSs ----------------------------------------------------------------------------------------


def common(crs: pyproj.CRS, other: pyproj.CRS) -> tuple[Any, Any]:
    """Return transformers of both to degrees: each to its own datum if that is one, else WGS 84.

    None stands for a CRS that PROJ knows no way from.
    """
    bases = [one.geodetic_crs for one in (crs, other)]
    if bases[0] is not None and bases[0].equals(bases[1], ignore_axis_order=True):
        return transformer(crs, None), transformer(other, None)
    world = transformer(crs, 4326), transformer(other, 4326)
    return world if None not in world else (transformer(crs, None), transformer(other, None))


@cache
def transformer(crs: pyproj.CRS, epsg: int | None) -> Any:
    """Return a transformer to longitudes and latitudes in degrees; None if there is none."""
    try:
        target = _in_degrees(crs) if epsg is None else pyproj.CRS.from_epsg(epsg)
        found = pyproj.Transformer.from_crs(crs, target, always_xy=True)
        found.transform(0.0, 0.0)
    except (CRSError, ProjError):
        return None
    return found


def _in_degrees(crs: pyproj.CRS) -> pyproj.CRS:
    """Return the geographic CRS of the same datum, in degrees from its own meridian."""
    base = crs.geodetic_crs
    definition = {} if base is None else base.to_json_dict()
    axes = [
        {"name": name, "abbreviation": short, "direction": to, "unit": "degree"}
        for name, short, to in (("Latitude", "lat", "north"), ("Longitude", "lon", "east"))
    ]
    system = {"subtype": "ellipsoidal", "axis": axes}
    kept = {
        k: v for k, v in definition.items() if k in ("$schema", "name", "datum", "datum_ensemble")
    }
    return pyproj.CRS.from_json_dict({**kept, "type": "GeographicCRS", "coordinate_system": system})


def flat(crs: pyproj.CRS) -> pyproj.CRS:
    """Return a CRS without its heights."""
    if crs.is_compound:
        return flat(crs.sub_crs_list[0])
    if crs.is_bound and crs.source_crs is not None and crs.source_crs.is_compound:
        return flat(crs.source_crs)
    return crs


def kind_of(crs: pyproj.CRS | None) -> str | None:
    """Return the kind, in the words of `tinycog.Crs`."""
    if crs is None:
        return None
    if crs.is_bound and crs.source_crs is not None:
        return kind_of(crs.source_crs)
    kinds = {
        "compound": crs.is_compound,
        "projected": crs.is_projected,
        "geographic": crs.is_geographic,
        "geocentric": crs.is_geocentric,
        "vertical": crs.is_vertical,
        "local": crs.is_engineering,
    }
    return next(kind for kind, is_kind in kinds.items() if is_kind)


def radii(crs: pyproj.CRS) -> tuple[float, float]:
    """Return both semi-axes in metres."""
    ellipsoid = flat(crs).ellipsoid
    assert ellipsoid is not None
    return ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre


def _factor(crs: pyproj.CRS) -> float:
    return flat(crs).axis_info[0].unit_conversion_factor
