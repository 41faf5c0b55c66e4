"""Earth Engine's rules: of COG-backed assets, and of images that are uploaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise

from tinycog.tiff.image import Image
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import ALPHA, Compression, Predictor, SampleFormat, Tag, name_of
from tinycog.validator.among_files import SET_RULES
from tinycog.validator.facts import JudgedFile
from tinycog.validator.measures import compressions, tile_sides
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of

SIDES = (16, 32, 64, 128, 256, 512, 1024)
"""Pixels that a side of a tile may have."""

BEST_SIDE = 256

DEFLATE = (Compression.DEFLATE, Compression.OLD_DEFLATE)

LISTED = frozenset(
    {
        Compression.NONE,
        *DEFLATE,
        Compression.JPEG_XL,
        Compression.JPEG_XL_DNG,
        Compression.LERC,
        Compression.LZMA,
        Compression.LZW,
        Compression.WEBP,
        Compression.ZSTD,
    }
)
"""Compressions that the page on uploads names as accepted, and none at all."""

LOW_LEVELS = {0x01: "level 0 or 1", 0x5E: "levels 2 to 5", 0x9C: "level 6"}
"""What the second byte of a zlib stream tells of its level, where that is below 7 (RFC 1950)."""

MOST_BYTES = 10 * 10**9
"""Bytes of a file that the Code Editor takes; 10 GB in powers of two are a little more."""

Rows = Iterator[Observation]


def tiled(facts: JudgedFile) -> Rows:
    """Every image must be tiled."""
    for image in facts.images():
        if image.grid.strips:
            text = f"{facts.name_of(image)} is stored in strips"
            yield Observation(text, None, image.ifd.offset)


def ifds_first(facts: JudgedFile) -> Rows:
    """All IFDs and their values must lie before the first block that is stored."""
    firsts: list[int] = []
    is_known = True
    for image in facts.images():
        index = facts.indices.get(image.ifd.offset)
        if index is not None and len(stored := index.offsets[index.stored()]):
            firsts.append(int(stored.min()))
        is_known &= index is not None and len(index.offsets) >= index.total
    spans = sorted((part, ifd.offset) for ifd in facts.ifds for part in facts.spans_of(ifd))
    part, last = max(spans, key=lambda span: span[0].stop)
    unread = facts.chain.next_offset
    if firsts and min(firsts) < unread:
        text = f"the IFD at byte {unread} lies behind the first block of pixels"
        yield Observation(text, min(firsts), unread)
    elif firsts and min(firsts) < part.stop:
        text = f"an IFD or its values end at byte {part.stop}, behind the first block of pixels"
        yield Observation(text, min(firsts), last)
    elif not is_known and not _are_together(facts.ghost.next_even, [span for span, _ in spans]):
        text = "blocks of an index that was not read may lie before IFDs: look at all tiles"
        yield Observation(text, None, last, "unknown")


def _are_together(start: int, spans: Sequence[ByteRange]) -> bool:
    """Return whether ranges follow each other from a start, without room for a block."""
    for part in spans:
        if part.start > start + 1:
            return False
        start = max(start, part.stop)
    return True


def overviews(facts: JudgedFile) -> Rows:
    """An image of more than one tile should have overviews that halve it again and again."""
    image = facts.main
    if not facts.overviews and image.grid.across * image.grid.down > 1:
        yield Observation("the image has no overviews", None, image.ifd.offset)
    for z, (before, level) in enumerate(pairwise(facts.pyramid.levels), 1):
        if not all(map(_is_power_of_two, before.size, level.size)):
            text = f"level {z} is not smaller than level {z - 1} by a power of two"
            yield Observation(text, None, level.ifd.offset)


def _is_power_of_two(before: int, side: int) -> bool:
    """Return whether a side is another divided by a power of two, rounded down or up."""
    factors = (1 << n for n in range(1, 32))
    return (before, side) == (1, 1) or any(
        before // factor <= side <= -(-before // factor) for factor in factors if side
    )


def _levels(facts: JudgedFile, is_right: Callable[[Image], bool], text: str) -> Rows:
    """Levels should be stored in a way; the message is filled with name and compression."""
    for image in facts.pyramid.levels:
        if not is_right(image):
            name, codec = facts.name_of(image), name_of(Compression, image.compression)
            yield Observation(
                text.format(name=name, codec=codec, predictor=image.predictor),
                None,
                image.ifd.offset,
            )


def _has_predictor(image: Image) -> bool:
    is_float = SampleFormat.FLOAT in image.sample_formats
    right = (Predictor.HORIZONTAL, Predictor.FLOATING_POINT) if is_float else (2,)
    has_none = image.compression not in (*DEFLATE, Compression.LZW, Compression.ZSTD)
    return has_none or image.predictor in right


def level_nine(facts: JudgedFile) -> Rows:
    """Deflate should be of level 9: the second byte of a stream tells levels below 7."""
    levels = [image for image in facts.pyramid.levels if image.compression in DEFLATE]
    for image in levels:
        flags = facts.stream_flags.get(image.ifd.offset)
        if flags in LOW_LEVELS:
            text = f"Deflate of {facts.name_of(image)} is of {LOW_LEVELS[flags]}; 9 is advised"
            yield Observation(text, None, image.ifd.offset)
    if levels and not facts.stream_flags:
        text = "the level of Deflate cannot be known without a tile; 9 is advised"
        yield Observation(text, None, facts.main.ifd.offset, "note")


def upload_size(facts: JudgedFile) -> Rows:
    """The Code Editor takes 10 GB."""
    if facts.size is not None and facts.size > MOST_BYTES:
        text = f"the file has {facts.size} bytes: the Code Editor takes 10 GB"
        kind = "literal" if facts.size <= 10 << 30 else "broken"
        yield Observation(text, None, None, kind)


def masking(facts: JudgedFile) -> Rows:
    """Pixels should be masked by nodata, or by an alpha band of uint8, the last one."""
    image = facts.main
    has_alpha = bool(image.extra_samples) and image.extra_samples[-1] in ALPHA
    if any(mask is not None for mask in facts.pyramid.masks):
        text = "a mask image is none of the ways of masking that the page names: nodata, alpha"
        yield Observation(text, None, image.ifd.offset)
    elif has_alpha and image.bits_per_sample[-1] != 8:  # noqa: PLR2004 - bits
        text = f"the alpha band has {image.bits_per_sample[-1]} bits, expected 8"
        yield Observation(text, None, image.ifd.offset)
    elif has_alpha and Tag.GDALNoData in image.ifd.entries:
        text = "the file has both nodata and an alpha band: only one masks"
        yield Observation(text, None, image.ifd.offset)


PAGE = "Earth Engine, COG-backed assets: {}"

UPLOADS = "Earth Engine, Uploading image data: {}"

WRITE = 'tinycog.write(..., profile="earth-engine")'

MUST = (
    Rule(
        "ee/tiled", "error", "every image is tiled", PAGE.format("the TIFF MUST be"), WRITE, tiled
    ),
    Rule(
        "ee/tile-size",
        "error",
        "tiles are square, with sides of 16, 32, 64, 128, 256, 512 or 1024 pixels",
        PAGE.format("the TIFF MUST be"),
        WRITE,
        partial(tile_sides, sides=SIDES),
    ),
    Rule(
        "ee/ifds-first",
        "error",
        "all IFDs lie at the beginning, before pixels",
        PAGE.format("the TIFF MUST be"),
        WRITE,
        ifds_first,
        stops=True,
    ),
)

BEST = (
    Rule(
        "ee/tile-256",
        "warning",
        "tiles have 256 by 256 pixels",
        PAGE.format("For best performance"),
        WRITE,
        partial(tile_sides, sides=(BEST_SIDE,)),
    ),
    Rule(
        "ee/overviews",
        "warning",
        "overviews are smaller by powers of two",
        PAGE.format("For best performance"),
        WRITE,
        overviews,
        needs_all=True,
    ),
    Rule(
        "ee/codec",
        "warning",
        "levels are compressed by Deflate or LZW",
        PAGE.format("For best performance"),
        WRITE,
        partial(compressions, codes=(*DEFLATE, Compression.LZW)),
    ),
    Rule(
        "ee/level",
        "warning",
        "Deflate is of level 9",
        PAGE.format("For best performance"),
        WRITE,
        level_nine,
    ),
    Rule(
        "ee/predictor",
        "warning",
        "the predictor is 2, or 3 for floats",
        PAGE.format("For best performance"),
        WRITE,
        partial(
            _levels,
            is_right=_has_predictor,
            text="{name} has predictor {predictor}; 2, or 3 for floats, is advised",
        ),
    ),
)

UPLOAD = (
    Rule(
        "ee/upload-codec",
        "error",
        "the compression is one of those that are named as accepted, or none",
        UPLOADS.format("compression"),
        "compress by ZSTD",
        partial(compressions, codes=LISTED | {Compression.JPEG}),
    ),
    Rule(
        "ee/upload-codec-lossy",
        "warning",
        "the compression is not JPEG, which may change values and is not in the list",
        UPLOADS.format("compression"),
        "compress by ZSTD",
        partial(
            _levels,
            is_right=lambda image: image.compression != Compression.JPEG,
            text="{name} is compressed by {codec}, which may change values",
        ),
    ),
    Rule(
        "ee/upload-codec-slow",
        "warning",
        "the compression is neither none nor LZMA",
        UPLOADS.format("compression"),
        "compress by ZSTD",
        partial(
            _levels,
            is_right=lambda image: image.compression not in (Compression.NONE, Compression.LZMA),
            text="{name} is compressed by {codec}, which is slow; ZSTD is advised",
        ),
    ),
    Rule(
        "ee/upload-masking",
        "warning",
        "pixels are masked by nodata, or by a last band of uint8 that is alpha",
        UPLOADS.format("masking mode"),
        "give nodata, or an alpha band, instead of a mask",
        masking,
    ),
    Rule(
        "ee/upload-size",
        "warning",
        "the file has at most 10 GB: more is not taken by the Code Editor",
        UPLOADS.format("file size"),
        "upload it by the command line",
        upload_size,
    ),
)

PROFILE = ValidationProfile(
    "earth-engine",
    "Earth Engine, COG-backed assets",
    {"must": ids_of(*MUST), "best": ids_of(*BEST)},
)

UPLOAD_PROFILE = ValidationProfile(
    "earth-engine-upload",
    "Earth Engine, Uploading image data",
    {"upload": ids_of(*UPLOAD)},
    among_files={"tiles": tuple(SET_RULES)},
)
