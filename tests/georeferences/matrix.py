"""All cases, and the part of every day."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain

from pyproj.database import query_crs_info
from pyproj.enums import PJType

from georeferences import by_gdal, by_hand, models
from georeferences.case import Case

SHARE = 3
"""Cases of each group in the part of every day."""

KINDS = (
    PJType.PROJECTED_CRS,
    PJType.GEOGRAPHIC_2D_CRS,
    PJType.GEOGRAPHIC_3D_CRS,
    PJType.GEOCENTRIC_CRS,
    PJType.COMPOUND_CRS,
)


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every case but those of the whole registry; names are unique."""
    return tuple(chain(by_gdal.cases(), by_hand.cases(), models.cases()))


def sample(cases: Sequence[Case]) -> list[Case]:
    """Return some of each group, spread over it."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    return [case for group in groups.values() for case in group[:: -(-len(group) // SHARE)]]


def registry(step: int) -> list[Case]:
    """Return a case of every `step`-th CRS of EPSG's registry, deprecated ones apart."""
    codes = [int(info.code) for kind in KINDS for info in query_crs_info("EPSG", kind)]
    return [by_gdal.epsg_case("registry", code) for code in codes[::step]]


@cache
def _by_name() -> dict[str, Case]:
    return {case.name: case for case in all_cases()}


def case_of(name: str) -> Case:
    """Return the case of that name."""
    group, _, code = name.partition(": ")
    return by_gdal.epsg_case(group, int(code)) if group == "registry" else _by_name()[name]
