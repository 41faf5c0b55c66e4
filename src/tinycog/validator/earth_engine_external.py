"""Earth Engine's rules of COG-backed assets by its newer page, with ImportExternalImage."""

from __future__ import annotations

from functools import partial

from tinycog.validator.earth_engine import WRITE
from tinycog.validator.measures import interleaves, tile_sides
from tinycog.validator.rule import Rule, ValidationProfile, ids_of

SIDES = (256, 512, 1024, 2048)
"""Pixels that a side of a tile may have."""

BEST_SIDES = SIDES[1:]
"""Those that are best: 512 or more."""

PAGE = "Earth Engine, Cloud GeoTiff-Backed Earth Engine Assets (ImportExternalImage): {}"


MUST = (
    Rule(
        "ee/external-tile-size",
        "error",
        "tiles are square, with sides of 256, 512, 1024 or 2048 pixels",
        PAGE.format("the TIFF MUST be"),
        WRITE,
        partial(tile_sides, sides=SIDES),
    ),
)

BEST = (
    Rule(
        "ee/external-tile-512",
        "warning",
        "tiles have 512 by 512 pixels or more",
        PAGE.format("For best performance"),
        "tinycog.write(..., blocksize=512)",
        partial(tile_sides, sides=BEST_SIDES),
    ),
    Rule(
        "ee/external-interleave",
        "warning",
        "bands lie one after the other",
        PAGE.format("INTERLEAVE"),
        'tinycog.write(..., interleave="band")',
        partial(interleaves, names=("band",)),
    ),
)

PROFILE = ValidationProfile(
    "earth-engine-external",
    "Earth Engine, COG-backed assets by ImportExternalImage",
    {
        "must": ("ee/tiled", *ids_of(*MUST), "ee/ifds-first"),
        "best": (*ids_of(*BEST), "ee/overviews"),
    },
)
