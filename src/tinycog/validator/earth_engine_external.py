"""Earth Engine's rules of COG-backed assets by its newer page, with ImportExternalImage."""

from __future__ import annotations

from functools import partial

from tinycog.validator import earth_engine
from tinycog.validator.earth_engine import WRITE, Rows
from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of

SIDES = (256, 512, 1024, 2048)
"""Pixels that a side of a tile may have."""

BEST_SIDE = 512
"""Pixels that a side of a tile should have at least."""

PAGE = "Earth Engine, Cloud GeoTiff-Backed Earth Engine Assets (ImportExternalImage): {}"


def interleave(facts: JudgedFile) -> Rows:
    """Bands should lie one after the other."""
    for image in facts.pyramid.levels:
        if image.samples > 1 and image.grid.planes == 1:
            text = f"{facts.name_of(image)} stores its bands pixel by pixel; by bands is advised"
            yield Observation(text, None, image.ifd.offset)


MUST = (
    Rule(
        "ee/external-tile-size",
        "error",
        "tiles are square, with sides of 256, 512, 1024 or 2048 pixels",
        PAGE.format("the TIFF MUST be"),
        WRITE,
        partial(
            earth_engine.tile_sides,
            is_right=lambda width, height: width == height and width in SIDES,
            expected="squares of 256 to 2048 in powers of two",
        ),
    ),
)

BEST = (
    Rule(
        "ee/external-tile-512",
        "warning",
        "tiles have 512 by 512 pixels or more",
        PAGE.format("For best performance"),
        "tinycog.write(..., blocksize=512)",
        partial(
            earth_engine.tile_sides,
            is_right=lambda width, height: min(width, height) >= BEST_SIDE,
            expected="512 by 512 or more",
        ),
    ),
    Rule(
        "ee/external-interleave",
        "warning",
        "bands lie one after the other",
        PAGE.format("INTERLEAVE"),
        'tinycog.write(..., interleave="band")',
        interleave,
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
