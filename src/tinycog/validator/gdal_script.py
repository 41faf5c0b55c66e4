"""What GDAL's validate_cloud_optimized_geotiff.py says, to the letter."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from itertools import pairwise

import numpy as np

from tinycog.tiff.ghost import LEADER_LENGTH
from tinycog.tiff.image import Image
from tinycog.validator import gdal_view
from tinycog.validator.facts import BlockIndex, JudgedFile, WrongFrames
from tinycog.validator.levels import UNKNOWN, data_order, first_block, ifd_order
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of

LARGE = 512
"""Pixels of a side above which tiles and overviews are asked for."""

WIDEST_STRIP = 1024
"""Pixels of a row up to which strips pass as tiles."""

FIRST_IFDS = (8, 16)
"""Where the first IFD stands when nothing lies between header and IFD."""

NO_FRAMES = WrongFrames()

Rows = Iterator[Observation]


def _is_large(image: Image) -> bool:
    return max(image.size) > LARGE


def _is_untiled(image: Image) -> bool:
    width = image.grid.tile_width
    return width == image.grid.width and width > WIDEST_STRIP


def external(facts: JudgedFile) -> Rows:
    """Overviews must not lie in a file beside."""
    if facts.has_ovr:
        yield Observation("overviews lie in an .ovr file beside")


def main_tiled(facts: JudgedFile) -> Rows:
    """A large image must be tiled."""
    image = facts.main
    if _is_large(image) and _is_untiled(image):
        text = f"the image of {image.grid.width} by {image.grid.height} pixels is not tiled"
        yield Observation(text, None, image.ifd.offset)


def main_overviews(facts: JudgedFile) -> Rows:
    """A large image should have overviews."""
    image = facts.main
    if _is_large(image) and len(gdal_view.levels(facts)) == 1:
        text = f"the image of {image.grid.width} by {image.grid.height} pixels has no overviews"
        yield Observation(text, None, image.ifd.offset)


def first_ifd(facts: JudgedFile) -> Rows:
    """The first IFD must stand at 8, 16, or behind the ghost area."""
    at = facts.main.ifd.offset
    expected = facts.ghost.next_even
    if at not in (*FIRST_IFDS, expected):
        yield Observation(f"the first IFD is expected at byte {expected}", at, at)


def _promises(facts: JudgedFile, words: str) -> bool:
    """Return whether the ghost area says something; it is read behind an IFD that is moved only."""
    return facts.main.ifd.offset not in FIRST_IFDS and words in facts.ghost.text


def edition(facts: JudgedFile) -> Rows:
    """The file must not have been edited so that its layout is lost."""
    if _promises(facts, "KNOWN_INCOMPATIBLE_EDITION=YES"):
        yield Observation("KNOWN_INCOMPATIBLE_EDITION=YES is declared in the ghost area")


def overview_sizes(facts: JudgedFile) -> Rows:
    """No overview may be larger than the level before."""
    for z, (before, image) in enumerate(pairwise(gdal_view.levels(facts)), 1):
        if image.grid.width > before.grid.width or image.grid.height > before.grid.height:
            text = f"level {z} is larger than level {z - 1}"
            yield Observation(text, None, image.ifd.offset)


def levels_in_order(facts: JudgedFile) -> Rows:
    """IFDs of levels must lie one behind the other."""
    return ifd_order(gdal_view.levels(facts))


def overview_tiled(facts: JudgedFile) -> Rows:
    """Overviews must be tiled."""
    for z, image in enumerate(gdal_view.levels(facts)[1:], 1):
        if _is_untiled(image):
            yield Observation(f"level {z} is not tiled", None, image.ifd.offset)


def data_behind_ifds(facts: JudgedFile) -> Rows:
    """The first block of the smallest level must lie behind its IFD."""
    image = gdal_view.levels(facts)[-1]
    at, first = image.ifd.offset, first_block(facts, image)
    if first is None:
        yield Observation(UNKNOWN.format("the smallest level"), None, at, "unknown")
    elif first and first < at:
        text = f"the first block of the smallest level lies before its IFD, at {at}"
        yield Observation(text, first, at)


def block_data_order(facts: JudgedFile) -> Rows:
    """First blocks must lie from the smallest level to the largest."""
    levels = gdal_view.levels(facts)
    return data_order([first_block(facts, image) for image in levels], levels)


# --- every block ---------------------------------------------------------------------------------


def _full(facts: JudgedFile) -> Iterator[tuple[str, Image, BlockIndex, Image | None]]:
    """Yield images whose blocks are looked at, with name, index and mask; of the first band."""
    masks = gdal_view.masks(facts)
    for z, image in enumerate(gdal_view.levels(facts)):
        mask = masks.get(image.ifd.offset)
        yield f"level {z}", image, facts.indices[image.ifd.offset], mask
        if mask is not None and mask.ifd.offset in facts.indices:
            yield f"mask of level {z}", mask, facts.indices[mask.ifd.offset], None


def _first_band(index: BlockIndex, image: Image) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets (0 where not stored) and byte counts of the blocks of the first band."""
    count = min(image.grid.across * image.grid.down, len(index.offsets), len(index.counts))
    stored = index.stored()[:count]
    return np.where(stored, index.offsets[:count], 0), np.where(stored, index.counts[:count], 0)


def block_order(facts: JudgedFile) -> Rows:
    """Blocks must lie row by row where BLOCK_ORDER=ROW_MAJOR is declared."""
    if not _promises(facts, "BLOCK_ORDER=ROW_MAJOR"):
        return
    interleaved = _promises(facts, "MASK_INTERLEAVED_WITH_IMAGERY=YES")
    for name, image, index, mask in _full(facts):
        offsets, _ = _first_band(index, image)
        if interleaved and mask is not None and _same_blocks(image, mask):
            masks, _ = _first_band(facts.indices[mask.ifd.offset], mask)
            if len(masks) == len(offsets):
                offsets = np.where(offsets == 0, masks, offsets)
        # as the script does, what is not stored is 0, and whatever comes next is larger
        wrong = np.flatnonzero((offsets[1:] != 0) & (offsets[1:] < offsets[:-1])) + 1
        if len(wrong):
            i = int(wrong[0])
            text = f"block {_place(i, image)} of {name} lies before the one before it{_more(wrong)}"
            yield Observation(text, int(offsets[i]), image.ifd.offset)


def leaders(facts: JudgedFile) -> Rows:
    """Leaders must hold the byte counts where BLOCK_LEADER=SIZE_AS_UINT4 is declared."""
    if not _promises(facts, "BLOCK_LEADER=SIZE_AS_UINT4"):
        return
    yield from _leaders_beyond(facts)
    for name, image, _, _ in _full(facts):
        wrong = facts.frames.get(image.ifd.offset, NO_FRAMES)
        if wrong.leader is not None:
            block, offset, told = wrong.leader
            text = (
                f"the leader of block {_place(block, image)} of {name} tells {told}"
                f" bytes, not its byte count{_more(range(wrong.leaders))}"
            )
            yield Observation(text, offset - LEADER_LENGTH, image.ifd.offset)


def _leaders_beyond(facts: JudgedFile) -> Rows:
    """Yield images with a leader that the file does not hold: the script fails there."""
    for name, image, index, _ in _full(facts):
        offsets, _ = _first_band(index, image)
        beyond = np.flatnonzero(offsets > np.uint64(facts.size or 1 << 62))
        if len(beyond):
            place = _place(int(beyond[0]), image)
            text = f"the leader of block {place} of {name} lies beyond the end of the file"
            yield Observation(text + _more(beyond), int(offsets[beyond[0]]), image.ifd.offset)


def trailers(facts: JudgedFile) -> Rows:
    """Trailers must repeat the last bytes where BLOCK_TRAILER is declared."""
    if not _promises(facts, "BLOCK_TRAILER=LAST_4_BYTES_REPEATED"):
        return
    for name, image, _, _ in _full(facts):
        wrong = facts.frames.get(image.ifd.offset, NO_FRAMES)
        if wrong.trailer is not None:
            place, more = _place(wrong.trailer.block, image), _more(range(wrong.trailers))
            text = f"the trailer of block {place} of {name} does not repeat its end{more}"
            yield Observation(text, wrong.trailer.offset, image.ifd.offset)


def _same_blocks(image: Image, mask: Image) -> bool:
    one, other = image.grid, mask.grid
    return (one.tile_width, one.tile_height) == (other.tile_width, other.tile_height)


def mask_blocks(facts: JudgedFile) -> Rows:
    """Interleaved masks must have blocks of the size of the image's."""
    if not _promises(facts, "MASK_INTERLEAVED_WITH_IMAGERY=YES"):
        return
    for name, image, _, mask in _full(facts):
        if mask is not None and not _same_blocks(image, mask):
            text = f"the mask of {name} has blocks of another size"
            yield Observation(text, None, mask.ifd.offset)


def mask_places(facts: JudgedFile) -> Rows:
    """Blocks of interleaved masks must lie right behind those of the image."""
    if not _promises(facts, "MASK_INTERLEAVED_WITH_IMAGERY=YES"):
        return
    between = LEADER_LENGTH * _promises(facts, "BLOCK_LEADER=SIZE_AS_UINT4")
    between += LEADER_LENGTH * _promises(facts, "BLOCK_TRAILER=LAST_4_BYTES_REPEATED")
    for name, image, index, mask in _full(facts):
        if mask is None or not _same_blocks(image, mask):
            continue
        offsets, counts = _first_band(index, image)
        masks, _ = _first_band(facts.indices[mask.ifd.offset], mask)
        n = min(len(offsets), len(masks))
        offsets, counts, masks = offsets[:n], counts[:n], masks[:n]
        wrong = np.flatnonzero(
            (offsets != 0) & (masks != 0) & (masks != offsets + counts + between)
        )
        if len(wrong):
            i = int(wrong[0])
            text = (
                f"block {_place(i, image)} of the mask of {name} does not lie right behind that"
                f" of the image{_more(wrong)}"
            )
            yield Observation(text, int(masks[i]), mask.ifd.offset)


def _place(index: int, image: Image) -> str:
    across = image.grid.across
    return f"({index % across}, {index // across % image.grid.down})"


def _more(wrong: Sized) -> str:
    others = len(wrong) - 1
    return f", and {others} more" if others else ""


SCRIPT = "GDAL validate_cloud_optimized_geotiff.py, {}"

REWRITE = "write it anew: tinycog.write, or gdal_translate -of COG"

STRUCTURE = (
    Rule(
        "gdal/opened",
        "error",
        "GDAL opens the file: it has the codec, and can count the blocks",
        SCRIPT.format("validate()"),
        REWRITE,
        gdal_view.opened,
    ),
    Rule(
        "gdal/external-overviews",
        "error",
        "overviews lie in the file, not in an .ovr beside it",
        SCRIPT.format("validate()"),
        REWRITE,
        external,
    ),
    Rule(
        "gdal/tiled",
        "error",
        "an image with a side above 512 is tiled, unless its rows have at most 1024 pixels",
        SCRIPT.format("validate()"),
        REWRITE,
        main_tiled,
    ),
    Rule(
        "gdal/overviews",
        "warning",
        "an image with a side above 512 has overviews",
        SCRIPT.format("validate()"),
        REWRITE,
        main_overviews,
        needs_all=True,
    ),
    Rule(
        "gdal/first-ifd",
        "error",
        "the first IFD stands at byte 8, 16, or at the first even one behind the ghost area",
        SCRIPT.format("validate()"),
        "write it anew: an edit has moved the IFD",
        first_ifd,
    ),
    Rule(
        "gdal/edition",
        "error",
        "KNOWN_INCOMPATIBLE_EDITION=YES does not stand in the ghost area",
        SCRIPT.format("validate()"),
        "write it anew: an edit has broken the layout",
        edition,
    ),
    Rule(
        "gdal/overview-size",
        "error",
        "no overview is larger than the level before it",
        SCRIPT.format("validate()"),
        REWRITE,
        overview_sizes,
    ),
    Rule(
        "gdal/overview-tiled",
        "error",
        "overviews are tiled, unless their rows have at most 1024 pixels",
        SCRIPT.format("validate()"),
        REWRITE,
        overview_tiled,
    ),
    Rule(
        "gdal/ifd-order",
        "error",
        "the IFD of each overview lies behind that of the level before it",
        SCRIPT.format("validate()"),
        REWRITE,
        levels_in_order,
    ),
    Rule(
        "gdal/data-after-ifds",
        "error",
        "the first stored block of the smallest level lies behind its IFD",
        SCRIPT.format("validate()"),
        REWRITE,
        data_behind_ifds,
        needs_all=True,
    ),
    Rule(
        "gdal/data-order",
        "error",
        "the first stored blocks of levels lie from the smallest level to the largest",
        SCRIPT.format("validate()"),
        REWRITE,
        block_data_order,
    ),
)

BLOCKS = (
    Rule(
        "gdal/block-order",
        "error",
        "blocks lie row by row where that is declared",
        SCRIPT.format("full_check_band()"),
        REWRITE,
        block_order,
        "tiles",
    ),
    Rule(
        "gdal/leader",
        "error",
        "leaders hold the byte count where they are declared",
        SCRIPT.format("full_check_band()"),
        REWRITE,
        leaders,
        "tiles",
    ),
    Rule(
        "gdal/trailer",
        "error",
        "trailers repeat the last 4 bytes where they are declared",
        SCRIPT.format("full_check_band()"),
        REWRITE,
        trailers,
        "tiles",
    ),
    Rule(
        "gdal/mask-size",
        "error",
        "blocks of interleaved masks have the size of the image's",
        SCRIPT.format("full_check_band()"),
        REWRITE,
        mask_blocks,
        "tiles",
    ),
    Rule(
        "gdal/mask-place",
        "error",
        "blocks of interleaved masks lie right behind the image's",
        SCRIPT.format("full_check_band()"),
        REWRITE,
        mask_places,
        "tiles",
    ),
)

PROFILE = ValidationProfile(
    "gdal",
    "validate_cloud_optimized_geotiff.py of GDAL 3.6 to 3.12",
    {"structure": ids_of(*STRUCTURE), "blocks": ids_of(*BLOCKS)},
)
