"""An open file to an asset: all that its header says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import tinycog
from tinycog.argument_types import MaskKind
from tinycog.collection.asset import Asset
from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.footprint import footprint


NO_TRANSFORM = (1, 0, 0, 0, 1, 0)
"""What `Cog.transform` is of a file that has none."""


def with_header(asset: Asset, cog: tinycog.Cog) -> Asset:
    """Return an asset with the facts of a file that is open; place, times, properties stay.

    Where it lies is the file's to say, but of a file that does not say it (control points, no CRS)
    it stays what was known.
    """
    facts: dict[str, Any] = {
        "shape": cog.shape[1:],
        "bands": cog.descriptions,
        "resolution": None,
        "generation": cog.pin,
        "snapshot": cog.snapshot(),
        **_sample_facts(cog),
    }
    crs = cog.crs
    if crs is not None and not cog.gcps and tuple(cog.transform)[:6] != NO_TRANSFORM:
        facts |= {"crs": crs_text(crs), "transform": cog.transform, "resolution": cog.res}
        facts |= _place(facts["crs"], cog)
    return replace(asset, **facts)


def _sample_facts(cog: tinycog.Cog) -> Mapping[str, object]:
    profile = cog.profile
    mask = None if profile["dtype"] is None else mask_kind(cog)
    return {"dtype": profile["dtype"], "nodata": profile["nodata"], "mask": mask}


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


def _place(crs: str | None, cog: tinycog.Cog) -> Mapping[str, object]:
    """Return footprint and bounds; nothing if it has no place on the Earth."""
    if crs is None:
        return {"bounds": None, "geometry": None}
    try:
        found = footprint(crs, cog.transform, cog.shape[1:])
    except (UsageError, UnsupportedError):
        return {"bounds": None, "geometry": None}
    return found._asdict()
