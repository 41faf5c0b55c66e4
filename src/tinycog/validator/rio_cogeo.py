"""What rio-cogeo 7.0.4's cog_validate says, to the letter."""

from __future__ import annotations

from collections.abc import Iterator

from tinycog.tiff.image import Image
from tinycog.validator import gdal_view
from tinycog.validator.facts import JudgedFile
from tinycog.validator.gdal_script import LARGE, external, levels_in_order
from tinycog.validator.levels import UNKNOWN, data_order
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of

FARTHEST_IFD = 300
"""Position of the first IFD up to which a ghost area may explain it."""

Rows = Iterator[Observation]


def _is_strip(image: Image) -> bool:
    return max(image.size) > LARGE and image.grid.tile_width == image.grid.width


def main_tiled(facts: JudgedFile) -> Rows:
    """A large image must have more than one block in a row."""
    if _is_strip(facts.main):
        text = "the image has a side above 512 and one block in a row"
        yield Observation(text, None, facts.main.ifd.offset)


def main_overviews(facts: JudgedFile) -> Rows:
    """A large image should have overviews."""
    if max(facts.main.size) > LARGE and len(gdal_view.levels(facts)) == 1:
        text = "the image has a side above 512 and no overviews"
        yield Observation(text, None, facts.main.ifd.offset)


def first_ifd(facts: JudgedFile) -> Rows:
    """The first IFD must lie near the beginning."""
    at = facts.main.ifd.offset
    if at > FARTHEST_IFD:
        yield Observation(f"the first IFD lies beyond byte {FARTHEST_IFD}", at, at)


def edition(facts: JudgedFile) -> Rows:
    """The file must not have been edited so that its layout is lost."""
    if "KNOWN_INCOMPATIBLE_EDITION=YES" in facts.ghost.text:
        yield Observation("KNOWN_INCOMPATIBLE_EDITION=YES is declared in the ghost area")


def _decimations(facts: JudgedFile) -> list[int]:
    """Return how many times each overview is narrower, as rasterio says it."""
    width = facts.main.grid.width
    return [round(width / image.grid.width) for image in gdal_view.levels(facts)[1:]]


def sorted_overviews(facts: JudgedFile) -> Rows:
    """Overviews must be sorted by their decimation."""
    found = _decimations(facts)
    if found != sorted(found):
        yield Observation(f"overviews are not sorted: their decimations are {found}")


def decimations(facts: JudgedFile) -> Rows:
    """Overviews must be at least half as wide."""
    overviews = gdal_view.levels(facts)[1:]
    for z, (image, found) in enumerate(zip(overviews, _decimations(facts), strict=True), 1):
        if found <= 1:
            text = f"level {z} is {found} times narrower than level 0, expected 2 at least"
            yield Observation(text, None, image.ifd.offset)


def _firsts(facts: JudgedFile) -> list[int | None]:
    """Return the first blocks that it finds: it looks for them with sides of blocks exchanged.

    Overviews are looked through with the blocks of the image; a level without any is left out, and
    one more than twice as wide as the image, of which rio-cogeo fails to count the blocks.
    """
    rows, cols = facts.main.grid.tile_height, facts.main.grid.tile_width
    width, height = facts.main.size
    found: list[int | None] = []
    for image, factor in zip(gdal_view.levels(facts), (1, *_decimations(facts)), strict=True):
        if factor == 0:
            continue
        grid, index = image.grid, facts.indices[image.ifd.offset]
        across = min(-(-(width // factor) // rows), grid.across)
        down = min(-(-(height // factor) // cols), grid.down)
        first = index.first_stored(across, down, grid.across)
        if first != 0:
            found.append(first)
    return found


def data_behind_ifds(facts: JudgedFile) -> Rows:
    """The first block of the smallest level must lie behind its IFD."""
    firsts, last = _firsts(facts), gdal_view.levels(facts)[-1].ifd.offset
    if firsts and firsts[-1] is None:
        yield Observation(UNKNOWN.format("the smallest level"), None, last, "unknown")
    elif firsts and firsts[-1] is not None and firsts[-1] < last:
        text = f"the first block of the smallest level lies before its IFD, at {last}"
        yield Observation(text, firsts[-1], last)


def block_data_order(facts: JudgedFile) -> Rows:
    """First blocks must lie from the smallest level to the largest."""
    return data_order(_firsts(facts), gdal_view.levels(facts))


def overview_tiled(facts: JudgedFile) -> Rows:
    """Large overviews must have more than one block in a row."""
    for z, image in enumerate(gdal_view.levels(facts)[1:], 1):
        if _is_strip(image):
            text = f"level {z} has a side above 512 and one block in a row"
            if not image.grid.strips:
                text += ", though it is tiled: rio-cogeo takes a level one tile wide for untiled"
            yield Observation(text, None, image.ifd.offset)


SOURCE = "rio-cogeo 7.0.4, cog_validate()"

REWRITE = "write it anew: tinycog.write, or rio cogeo create"

RULES = (
    Rule(
        "rio-cogeo/opened",
        "error",
        "GDAL opens the file: it has the codec, and can count the blocks",
        SOURCE,
        REWRITE,
        gdal_view.opened,
    ),
    Rule(
        "rio-cogeo/external-overviews",
        "error",
        "overviews lie in the file, not in an .ovr beside it",
        SOURCE,
        REWRITE,
        external,
    ),
    Rule(
        "rio-cogeo/tiled",
        "error",
        "an image with a side above 512 has more than one block in a row",
        SOURCE,
        REWRITE,
        main_tiled,
    ),
    Rule(
        "rio-cogeo/overviews",
        "warning",
        "an image with a side above 512 has overviews",
        SOURCE,
        REWRITE,
        main_overviews,
        needs_all=True,
    ),
    Rule(
        "rio-cogeo/first-ifd",
        "error",
        "the first IFD lies at byte 300 or before",
        SOURCE,
        "write it anew: an edit has moved the IFD",
        first_ifd,
    ),
    Rule(
        "rio-cogeo/edition",
        "error",
        "KNOWN_INCOMPATIBLE_EDITION=YES does not stand in the ghost area",
        SOURCE,
        "write it anew: an edit has broken the layout",
        edition,
    ),
    Rule(
        "rio-cogeo/sorted",
        "error",
        "overviews are sorted by how many times they are narrower",
        SOURCE,
        REWRITE,
        sorted_overviews,
    ),
    Rule(
        "rio-cogeo/decimation",
        "error",
        "each overview is at least 2 times narrower than the image, rounded",
        SOURCE,
        REWRITE,
        decimations,
    ),
    Rule(
        "rio-cogeo/ifd-order",
        "error",
        "the IFD of each overview lies behind that of the level before it",
        SOURCE,
        REWRITE,
        levels_in_order,
    ),
    Rule(
        "rio-cogeo/data-after-ifds",
        "error",
        "the first block that is found of the smallest level lies behind its IFD",
        SOURCE,
        REWRITE,
        data_behind_ifds,
        needs_all=True,
    ),
    Rule(
        "rio-cogeo/data-order",
        "error",
        "the first blocks that are found of levels lie from the smallest level to the largest",
        SOURCE,
        REWRITE,
        block_data_order,
    ),
    Rule(
        "rio-cogeo/overview-tiled",
        "error",
        "an overview with a side above 512 has more than one block in a row",
        SOURCE,
        "choose a tile size with which no level is exactly one tile wide",
        overview_tiled,
    ),
)

PROFILE = ValidationProfile("rio-cogeo", "rio-cogeo 7.0.4, cog_validate()", {"cog": ids_of(*RULES)})
