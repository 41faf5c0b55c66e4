"""An open file to an asset: all that its header says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

import tinycog
from tinycog.argument_types import MaskKind
from tinycog.collection.asset import Asset
from tinycog.errors import UnsupportedError, UsageError
from tinycog.extras import check_installed
from tinycog.geo.footprint import footprints

NO_TRANSFORM = (1, 0, 0, 0, 1, 0)
"""What `Cog.transform` is of a file that has none."""


def with_header(asset: Asset, cog: tinycog.Cog) -> Asset:
    """Return an asset with the facts of a file that is open, to be `placed`.

    Times and properties stay; so does where it lies, of a file that does not say it itself (control
    points, no CRS).
    """
    facts: dict[str, Any] = {
        "shape": cog.shape[1:],
        "bands": _band_names(asset, cog),
        "resolution": None,
        "generation": cog.pin,
        "snapshot": cog.snapshot(),
        **_sample_facts(cog),
    }
    crs = cog.crs
    if crs is not None and not cog.gcps and tuple(cog.transform)[:6] != NO_TRANSFORM:
        facts |= {"crs": crs_text(crs), "transform": cog.transform, "resolution": cog.res}
        facts |= {"bounds": None, "geometry": None}
    return replace(asset, **facts)


def _band_names(asset: Asset, cog: tinycog.Cog) -> tuple[str | None, ...]:
    """Return descriptions of bands; where the file has none, what was said of them before."""
    own = cog.descriptions
    if asset.bands is None:
        return own
    told = asset.bands if len(asset.bands) == len(own) else own
    return tuple(name or before for name, before in zip(own, told, strict=True))


def placed(assets: Sequence[Asset]) -> list[Asset]:
    """Return assets with bounds and footprints, where these follow from their transforms.

    Those of one CRS are transformed together: one by one they would take as long as their headers.
    """
    check_installed("geo", "pyproj")
    found = list(assets)
    rows: dict[str, list[int]] = {}
    for i, one in enumerate(found):
        if one.bounds is None and one.crs is not None and one.transform is not None and one.shape:
            rows.setdefault(one.crs, []).append(i)
    for crs, numbers in rows.items():
        transforms = [tuple(found[i].transform or ()) for i in numbers]
        shapes = [found[i].shape or (0, 0) for i in numbers]
        with suppress(UsageError, UnsupportedError):  # PROJ knows no way to the Earth
            places = footprints(crs, transforms, shapes)
            for i, place in zip(numbers, places, strict=True):
                if place is not None:
                    found[i] = replace(found[i], bounds=place.bounds, geometry=place.geometry)
    return found


def _sample_facts(cog: tinycog.Cog) -> Mapping[str, object]:
    try:
        return {"dtype": _name_of(cog.dtype), "nodata": cog.nodata, "mask": mask_kind(cog)}
    except UnsupportedError:  # no numpy type can hold the samples
        return {"dtype": None, "nodata": None, "mask": None}


@lru_cache(maxsize=64)
def _name_of(dtype: np.dtype[Any]) -> str:
    """Return numpy's name of a dtype, which takes longer to make than a snapshot."""
    return str(dtype)


def mask_kind(cog: tinycog.Cog) -> MaskKind:
    """Return what says which pixels are valid."""
    if cog.has_mask:
        return "internal"
    flags = {flag for band in cog.mask_flags for flag in band}
    return "alpha" if "alpha" in flags else "nodata" if "nodata" in flags else "none"


def crs_text(crs: tinycog.Crs) -> str | None:
    """Return a CRS as "EPSG:32633", else as WKT 2; None if PROJ cannot build it."""
    if crs.epsg is not None:
        return f"EPSG:{crs.epsg}"
    try:
        return crs.to_wkt()
    except UnsupportedError:
        return None
