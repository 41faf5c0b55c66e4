"""OGC 21-026, Cloud Optimized GeoTIFF 1.0: classes that can be seen in the file itself.

The class of the server, http-range, is not among them. Where the text, read by the letter, fails
what it recommends elsewhere (masks, rotated images), the letter is told beside the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

from tinycog.tiff.spec import Compression, Tag
from tinycog.validator.earth_engine import tiled
from tinycog.validator.facts import JudgedFile
from tinycog.validator.measures import overview_factors
from tinycog.validator.ogc_overviews import OVERVIEWS, is_mask, is_reduced, ogc_rule
from tinycog.validator.rule import Observation, ValidationProfile, ids_of

CLASSIC_BYTES = 1 << 32
"""4 GByte, as 2^32: the text does not define it."""

DECIMAL_BYTES = 4 * 10**9

VIEWPORT = 1024
"""Pixels of a common screen: the text names 512 and 1024 for tiles."""

PLACE_TAGS = (Tag.ModelPixelScale, Tag.ModelTiepoint, Tag.ModelTransformation, Tag.GeoKeyDirectory)

Rows = Iterator[Observation]


# --- geotiff-format ------------------------------------------------------------------------------


def big_if_large(facts: JudgedFile) -> Rows:
    """A file above 4 GByte must be a BigTIFF."""
    size = facts.size or 0
    if not facts.is_big and size > DECIMAL_BYTES:
        text = f"a classic TIFF of {size} bytes: above 4 GByte it must be a BigTIFF"
        yield Observation(text, 0, None, "broken" if size > CLASSIC_BYTES else "literal")


def classic_if_small(facts: JudgedFile) -> Rows:
    """A file below 4 GByte should not be a BigTIFF."""
    if facts.is_big and facts.size is not None and facts.size < DECIMAL_BYTES:
        yield Observation(f"a BigTIFF of {facts.size} bytes: a classic TIFF can hold it", 0)


def compressed(facts: JudgedFile) -> Rows:
    """Tiles should be compressed."""
    for image in facts.images():
        if image.compression == Compression.NONE:
            text = f"{facts.name_of(image)} is not compressed"
            yield Observation(text, None, image.ifd.offset)


# --- geotiff-keys --------------------------------------------------------------------------------


def metadata_format(facts: JudgedFile) -> Rows:
    """Geospatial metadata must be those of GeoTIFF, and in order."""
    if Tag.GeoKeyDirectory not in facts.main.ifd.entries:
        yield Observation("the image has no GeoKeyDirectory", None, facts.main.ifd.offset)
    for found in facts.geo_findings:
        yield Observation(found.message, found.offset, found.ifd)


def georeference(facts: JudgedFile) -> Rows:
    """Full images must carry scale, tiepoint and GeoKeys; ModelTransformation is as good."""
    for image in facts.images():
        if is_reduced(image):
            continue
        entries = image.ifd.entries
        needed = (Tag.ModelPixelScale, Tag.ModelTiepoint, Tag.GeoKeyDirectory)
        lacking = [tag for tag in needed if tag not in entries]
        has_matrix = Tag.ModelTransformation in entries and Tag.GeoKeyDirectory in entries
        if lacking:
            text = f"{facts.name_of(image)} lacks {', '.join(tag.name for tag in lacking)}"
            is_literal = has_matrix or is_mask(image)
            text += "; ModelTransformation stands for them" if has_matrix else ""
            kind = "literal" if is_literal else "broken"
            yield Observation(text, None, image.ifd.offset, kind)


def point_of_origin(facts: JudgedFile) -> Rows:
    """Overviews must carry no georeference."""
    for image in facts.images():
        found = [tag.name for tag in PLACE_TAGS if tag in image.ifd.entries]
        if is_reduced(image) and found:
            text = f"{facts.name_of(image)} is reduced, and carries {', '.join(found)}"
            yield Observation(text, None, image.ifd.offset)


# --- optimized_geotiff ---------------------------------------------------------------------------


def geokeys(facts: JudgedFile) -> Rows:
    """Full images must be georeferenced by GeoKeys."""
    for image in facts.images():
        if not is_reduced(image) and Tag.GeoKeyDirectory not in image.ifd.entries:
            kind = "literal" if is_mask(image) else "broken"
            text = f"{facts.name_of(image)} has no GeoKeyDirectory"
            yield Observation(text, None, image.ifd.offset, kind)


def last_level(facts: JudgedFile) -> Rows:
    """The last level must be one tile wide or high."""
    image = facts.pyramid.levels[-1]
    if image.grid.across > 1 and image.grid.down > 1:
        text = f"the last level has {image.grid.across} by {image.grid.down} tiles"
        yield Observation(f"{text}, expected one across or down", None, image.ifd.offset)


def square_tiles(facts: JudgedFile) -> Rows:
    """Tiles must be square."""
    for image in facts.images():
        width, height = image.grid.tile_width, image.grid.tile_height
        if width != height:
            text = f"{facts.name_of(image)} has tiles of {width} by {height} pixels"
            yield Observation(text, None, image.ifd.offset)


def viewport(facts: JudgedFile) -> Rows:
    """Tiles must not be larger than a common screen."""
    for image in facts.images():
        side = max(image.grid.tile_width, image.grid.tile_height)
        if side > VIEWPORT:
            text = f"{facts.name_of(image)} has tiles with a side of {side} pixels: whether a"
            text += " common screen holds them is not defined; 512 and 1024 are named"
            yield Observation(text, None, image.ifd.offset, "literal")


def recommended_sizes(facts: JudgedFile) -> Rows:
    """Tiles should be alike, with sides of 256, 512 or 1024, and each level half the one before."""
    found = {(one.grid.tile_width, one.grid.tile_height) for one in facts.pyramid.levels}
    if found - {(256, 256), (512, 512), (1024, 1024)} or len(found) > 1:
        listed = ", ".join(f"{width} by {height}" for width, height in sorted(found))
        yield Observation(f"tiles have {listed} pixels; 256, 512 or 1024 squared are advised")
    for z, (before, image) in enumerate(pairwise(facts.pyramid.levels), 1):
        pairs: Sequence[tuple[int, int]] = list(zip(before.size, image.size, strict=True))
        if not all(other // 2 <= side <= -(-other // 2) for other, side in pairs):
            text = f"level {z} is not half of level {z - 1}"
            yield Observation(text, None, image.ifd.offset)


FORMAT = (
    ogc_rule("/req/geotiff-format/use-geotiff", "a file over 4 GByte is a BigTIFF", big_if_large),
    ogc_rule("/req/geotiff-format/tiling", "every image is tiled", tiled),
    ogc_rule(
        "/rec/geotiff-format/use-geotiff",
        "a file under 4 GByte is a classic TIFF",
        classic_if_small,
        "write it with bigtiff=False",
    ),
    ogc_rule(
        "/rec/geotiff-format/rec-compression",
        "tiles are compressed",
        compressed,
        'write it with compression="deflate"',
    ),
)

GEOREFERENCE = "give crs= and transform= when it is written"

KEYS = (
    ogc_rule(
        "/req/geotiff-keys/basic-metadata-format",
        "geospatial metadata are those of GeoTIFF",
        metadata_format,
        GEOREFERENCE,
    ),
    ogc_rule(
        "/req/geotiff-keys/georeference",
        "full images carry ModelPixelScale, ModelTiepoint and GeoKeyDirectory",
        georeference,
        GEOREFERENCE,
    ),
    ogc_rule(
        "/req/geotiff-keys/point-of-origin",
        "reduced images carry no georeference",
        point_of_origin,
    ),
)

OPTIMIZED = (
    ogc_rule(
        "/req/optimized_geotiff/geotiff",
        "full images are georeferenced by GeoKeys",
        geokeys,
        GEOREFERENCE,
    ),
    ogc_rule(
        "/req/optimized_geotiff/number A",
        "each level is 2 to 10 times smaller than the one before",
        partial(overview_factors, low=2, high=10),
    ),
    ogc_rule(
        "/req/optimized_geotiff/number B",
        "the last level is one tile wide or high",
        last_level,
        needs_all=True,
    ),
    ogc_rule("/req/optimized_geotiff/small-sizes A", "tiles are square", square_tiles),
    ogc_rule(
        "/req/optimized_geotiff/small-sizes B",
        "tiles are not larger than a common screen",
        viewport,
        "choose tiles of 512 pixels",
    ),
    ogc_rule(
        "/rec/optimized-geotiff/size-and-numbers",
        "tiles are alike, of 256, 512 or 1024 pixels, and levels halve",
        recommended_sizes,
        "choose tiles of 512 pixels",
    ),
)

PROFILE = ValidationProfile(
    "ogc-cog",
    "OGC 21-026, Cloud Optimized GeoTIFF 1.0",
    {
        "/req/geotiff-format": ids_of(*FORMAT),
        "/req/geotiff-overviews": ids_of(*FORMAT, *OVERVIEWS),
        "/req/geotiff-keys": ids_of(*FORMAT, *KEYS),
        "/req/optimized_geotiff": ids_of(*FORMAT, *OVERVIEWS, *KEYS, *OPTIMIZED),
    },
)
"""Each class holds the rules of those that it depends on."""
