"""OGC 21-026, Cloud Optimized GeoTIFF 1.0: classes that can be seen in the file itself.

The class of the server, http-range, is not among them. Where the text, read by the letter, fails
what it recommends elsewhere (masks, rotated images), the letter is told beside the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from tinycog.tiff.image import Image
from tinycog.tiff.spec import MASK, REDUCED, Compression, Tag
from tinycog.validator.earth_engine import tiled
from tinycog.validator.facts import JudgedFile
from tinycog.validator.levels import data_order, first_block, order_of_all
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of

CLASSIC_BYTES = 1 << 32
"""4 GByte, as 2^32: the text does not define it."""

DECIMAL_BYTES = 4 * 10**9

FACTORS = (2, 10)
"""How many times smaller a level may be than the one before."""

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


# --- geotiff-overviews ---------------------------------------------------------------------------


def _is_reduced(image: Image) -> bool:
    return bool(image.subfile_type & REDUCED)


def _chain(facts: JudgedFile) -> list[Image]:
    """Return the images of the chain itself, without those of SubIFDs."""
    places = facts.places
    return [p.image for p in places if len(p.path) == 1 and p.image is not None]


def _is_smaller(image: Image, before: Image) -> bool:
    """Return whether both sides are smaller; a side of one pixel cannot be."""
    pairs = zip(image.size, before.size, strict=True)
    return all(side < other or side == other == 1 for side, other in pairs)


def full_image(facts: JudgedFile) -> Rows:
    """One image at least must be of full resolution."""
    if all(map(_is_reduced, facts.images())):
        yield Observation("every IFD is marked as reduced", None, facts.main.ifd.offset)


def linked(facts: JudgedFile) -> Rows:
    """Overviews must stand in the chain of IFDs, behind what they are overviews of."""
    for place in facts.places:
        if len(place.path) > 1 and place.image is not None and _is_reduced(place.image):
            text = f"{facts.name_of(place.image)} is a SubIFD, not linked from the IFD before"
            yield Observation(text, None, place.ifd.offset)


def sizes(facts: JudgedFile) -> Rows:
    """Each overview must be smaller than the one before; masks are looked at by themselves."""
    images = _chain(facts)
    for kind in (0, MASK):
        same = [image for image in images if image.subfile_type & MASK == kind]
        for before, image in pairwise(same):
            if _is_reduced(image) and not _is_smaller(image, before):
                yield _larger(facts, image, before)
    for before, image in pairwise(images):
        differ = (before.subfile_type ^ image.subfile_type) & MASK
        if differ and _is_reduced(image) and not _is_smaller(image, before):
            yield _larger(facts, image, before)._replace(kind="literal")


def _larger(facts: JudgedFile, image: Image, before: Image) -> Observation:
    text = f"{facts.name_of(image)} is not smaller than {facts.name_of(before)}, the IFD before"
    return Observation(text, None, image.ifd.offset)


def chain_end(facts: JudgedFile) -> Rows:
    """Behind the last overview must come a full image, or the end of the chain."""
    for found in facts.chain.findings:
        name = found.rule.rpartition(".")[2]
        if name in ("loop", "unreadable"):
            yield Observation(found.message, found.offset, found.ifd)
        elif name in ("count", "far"):
            yield Observation(found.message, found.offset, found.ifd, "unknown")


def recommended_order(facts: JudgedFile) -> Rows:
    """Pixels of the smallest level should come first, those of the image last."""
    levels = facts.pyramid.levels
    if facts.is_whole:
        yield from order_of_all(facts)
        return
    firsts = [first_block(facts, image) for image in levels]
    for seen in data_order(firsts, levels):
        yield seen._replace(kind="note") if seen.kind == "unknown" else seen


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
        if _is_reduced(image):
            continue
        entries = image.ifd.entries
        needed = (Tag.ModelPixelScale, Tag.ModelTiepoint, Tag.GeoKeyDirectory)
        lacking = [tag for tag in needed if tag not in entries]
        has_matrix = Tag.ModelTransformation in entries and Tag.GeoKeyDirectory in entries
        if lacking:
            text = f"{facts.name_of(image)} lacks {', '.join(tag.name for tag in lacking)}"
            is_literal = has_matrix or image.subfile_type & MASK
            text += "; ModelTransformation stands for them" if has_matrix else ""
            kind = "literal" if is_literal else "broken"
            yield Observation(text, None, image.ifd.offset, kind)


def point_of_origin(facts: JudgedFile) -> Rows:
    """Overviews must carry no georeference."""
    for image in facts.images():
        found = [tag.name for tag in PLACE_TAGS if tag in image.ifd.entries]
        if _is_reduced(image) and found:
            text = f"{facts.name_of(image)} is reduced, and carries {', '.join(found)}"
            yield Observation(text, None, image.ifd.offset)


# --- optimized_geotiff ---------------------------------------------------------------------------


def geokeys(facts: JudgedFile) -> Rows:
    """Full images must be georeferenced by GeoKeys."""
    for image in facts.images():
        if not _is_reduced(image) and Tag.GeoKeyDirectory not in image.ifd.entries:
            kind = "literal" if image.subfile_type & MASK else "broken"
            text = f"{facts.name_of(image)} has no GeoKeyDirectory"
            yield Observation(text, None, image.ifd.offset, kind)


def factors(facts: JudgedFile) -> Rows:
    """Each level must be 2 to 10 times smaller than the one before, rounded."""
    low, high = FACTORS
    for z, (before, image) in enumerate(pairwise(facts.pyramid.levels), 1):
        pairs = list(zip(before.size, image.size, strict=True))
        ratios = [f"{other / side:.4g}" for other, side in pairs]
        text = f"level {z} is {' and '.join(ratios)} times smaller than level {z - 1}"
        if not all(other // high <= side <= -(-other // low) for other, side in pairs):
            yield Observation(f"{text}, expected 2 to 10", None, image.ifd.offset)
        elif not all(low <= other / side <= high or other == 1 for other, side in pairs):
            yield Observation(
                f"{text}: 2 to 10 but for rounding", None, image.ifd.offset, "literal"
            )


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


OGC = "OGC 21-026, {}"

WRITE = "write it anew: tinycog.write, or gdal_translate -of COG"


def _rule(
    id: str,  # noqa: A002 - as the field is called
    says: str,
    check: Callable[[JudgedFile], Iterable[Observation]],
    remedy: str = WRITE,
    *,
    needs_all: bool = False,
) -> Rule:
    """Make a rule: what its id calls a requirement is an error, a recommendation a warning."""
    severity = "error" if id.startswith("/req/") else "warning"
    return Rule(id, severity, says, OGC.format(id), remedy, check, needs_all=needs_all)


FORMAT = (
    _rule("/req/geotiff-format/use-geotiff", "a file over 4 GByte is a BigTIFF", big_if_large),
    _rule("/req/geotiff-format/tiling", "every image is tiled", tiled),
    _rule(
        "/rec/geotiff-format/use-geotiff",
        "a file under 4 GByte is a classic TIFF",
        classic_if_small,
        "write it with bigtiff=False",
    ),
    _rule(
        "/rec/geotiff-format/rec-compression",
        "tiles are compressed",
        compressed,
        'write it with compression="deflate"',
    ),
)

OVERVIEWS_ID = "/req/geotiff-overviews/overviews"

OVERVIEWS = (
    _rule(
        f"{OVERVIEWS_ID} A",
        "one image at least is of full resolution",
        full_image,
        needs_all=True,
    ),
    _rule(f"{OVERVIEWS_ID} B, D", "overviews follow their image in the chain of IFDs", linked),
    _rule(f"{OVERVIEWS_ID} C, E", "each reduced IFD is smaller than the IFD before", sizes),
    _rule(f"{OVERVIEWS_ID} F", "behind overviews come a full image or the end", chain_end),
    _rule(
        "/rec/geotiff-overviews/ifd-order",
        "pixels lie from the smallest level to the image",
        recommended_order,
    ),
)

GEOREFERENCE = "give crs= and transform= when it is written"

KEYS = (
    _rule(
        "/req/geotiff-keys/basic-metadata-format",
        "geospatial metadata are those of GeoTIFF",
        metadata_format,
        GEOREFERENCE,
    ),
    _rule(
        "/req/geotiff-keys/georeference",
        "full images carry ModelPixelScale, ModelTiepoint and GeoKeyDirectory",
        georeference,
        GEOREFERENCE,
    ),
    _rule(
        "/req/geotiff-keys/point-of-origin",
        "reduced images carry no georeference",
        point_of_origin,
    ),
)

OPTIMIZED = (
    _rule(
        "/req/optimized_geotiff/geotiff",
        "full images are georeferenced by GeoKeys",
        geokeys,
        GEOREFERENCE,
    ),
    _rule(
        "/req/optimized_geotiff/number A",
        "each level is 2 to 10 times smaller than the one before",
        factors,
    ),
    _rule(
        "/req/optimized_geotiff/number B",
        "the last level is one tile wide or high",
        last_level,
        needs_all=True,
    ),
    _rule("/req/optimized_geotiff/small-sizes A", "tiles are square", square_tiles),
    _rule(
        "/req/optimized_geotiff/small-sizes B",
        "tiles are not larger than a common screen",
        viewport,
        "choose tiles of 512 pixels",
    ),
    _rule(
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
