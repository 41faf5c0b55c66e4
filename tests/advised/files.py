"""Files that break rules, of many kinds of pixels: which advice they are given, and which not.

Those of each rule are of `validation/files.py`; here are kinds of pixels that advice could harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from validation.files import BREAKING, COG, GEO, Maker, cog, entry, good, put
from validation.files import masked as masks

import tinycog.sync
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.ghost import make_ghost
from tinycog.tiff.layout import PlacedTiff
from tinycog.tiff.spec import CLASSIC, Tag

TOOLS = ("tinycog", "gdal_translate")

SIDE = 600

PLACE = {"crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6)}


class Case(NamedTuple):
    """A file that breaks a rule.

    Attributes:
        name: of the case.
        rule: that it breaks.
        make: makes the file.
        tools: those that are advised.
    """

    name: str
    rule: str
    make: Maker
    tools: tuple[str, ...] = TOOLS


def pixels(dtype: str, bands: int = 1) -> Any:
    """A pattern that fills the range of a type."""
    base = np.add.outer(np.arange(SIDE) // 7 * 5, np.arange(SIDE) // 3)
    image = np.stack([base * (band + 1) % 251 - 100 for band in range(bands)])
    return image.astype(dtype) if np.dtype(dtype).kind != "u" else (image + 100).astype(dtype)


def written(image: Any, **options: object) -> bytes:
    """A file by the writer, with options that break rules."""
    return tinycog.sync.write(bytes, image, **{**PLACE, **options}).data  # pyright: ignore[reportArgumentType, reportCallIssue]


def palette() -> bytes:
    """Classes with colours, without overviews."""
    colours = Field(Tag.ColorMap, "SHORT", list(range(0, 768 * 85, 85)))
    photometric = Field(Tag.PhotometricInterpretation, "SHORT", 3)
    image = make_image(pixels("uint8") % 16, tile=(256, 256), compression=8)
    return cog(image.having(*GEO, colours, photometric))


def one_bit(*, white: bool = False) -> bytes:
    """Samples of one bit, without overviews."""
    photometric = Field(Tag.PhotometricInterpretation, "SHORT", 0 if white else 1)
    return cog(make_image(pixels("uint8") > 90, tile=(256, 256)).having(*GEO, photometric))


def painted(photometric: int, bands: int = 1) -> bytes:
    """Samples that mean other colours than grey or red, green and blue, without overviews."""
    image = make_image(pixels("uint8", bands), tile=(256, 256), compression=8).without(338)
    return cog(image.having(*GEO, Field(Tag.PhotometricInterpretation, "SHORT", photometric)))


def two_pages() -> bytes:
    """Two images in strips, of different pixels."""
    pages = [
        make_image(image, rows_per_strip=16) for image in (pixels("uint8"), pixels("uint8") + 1)
    ]
    return make_tiff([pages[0].having(*GEO), pages[1]])


def masked(dtype: str = "uint8", bands: int = 1) -> bytes:
    """Pixels with a mask image, and no overviews."""
    image = pixels(dtype, bands)
    hidden = np.broadcast_to(image[:1] < 40, image.shape)
    return written(np.ma.MaskedArray(image, mask=hidden), mask="internal", overviews=[])


def rgba(**options: object) -> bytes:
    """Colours with an alpha band."""
    image = pixels("uint8", 4)
    image[3] = np.where(image[0] > 90, 255, 0)
    extra = Field(Tag.ExtraSamples, "SHORT", [2])
    rgb = Field(Tag.PhotometricInterpretation, "SHORT", 2)
    fields = [Field(tag, "ASCII", text) for tag, text in ((42113, "0"),) if options.get("nodata")]
    return cog(make_image(image, tile=(256, 256), compression=8).having(*GEO, extra, rgb, *fields))


def exchanged(data: bytes, one: tuple[int, int], other: tuple[int, int]) -> bytes:
    """A file in which two tiles (page, tile) are where the other one was, each still whole."""
    tags = Tag.TileOffsets, Tag.TileByteCounts
    for tag in tags:
        first, second = (entry(data, tag, page).offset + 4 * i for page, i in (one, other))
        values = data[first : first + 4], data[second : second + 4]
        data = put(put(data, first, values[1]), second, values[0])
    return data


def small_mask_tiles() -> bytes:
    """A mask whose tiles are smaller than the image's, and are said to lie behind these."""
    image = make_image(pixels("uint8"), tile=(256, 256), compression=8).having(*GEO)
    mask = make_image(pixels("uint8") > 90, tile=(128, 128), compression=8, subfile_type=4)
    transparency = Field(Tag.PhotometricInterpretation, "SHORT", 4)
    directories = image, mask.having(transparency)
    ghost = make_ghost(masks=True)
    return b"".join(PlacedTiff(directories, "<", CLASSIC, COG, ghost).pieces())


def coded(compression: str, dtype: str = "uint8", bands: int = 1, **options: object) -> Maker:
    """A file by the writer in a compression."""
    return lambda: written(pixels(dtype, bands), compression=compression, **options)


WHOLE: Mapping[str, Maker] = {
    "gdal/opened": coded("jpeg2000"),
    "rio-cogeo/opened": coded("jpeg2000"),
    "gdal/data-order": lambda: exchanged(good(), (0, 0), (1, 0)),
    "rio-cogeo/data-order": lambda: exchanged(good(), (0, 0), (1, 0)),
    "gdal/block-order": lambda: exchanged(good(), (0, 1), (0, 2)),
    "tiff/block-order": lambda: exchanged(good(), (0, 1), (0, 2)),
    "gdal/mask-size": small_mask_tiles,
    "gdal/mask-place": lambda: exchanged(masks(), (1, 0), (1, 4)),
    "ee/upload-codec": coded("packbits"),
    "ee/upload-codec-lossy": coded("jpeg", bands=3, photometric="rgb"),
    "ee/upload-codec-slow": coded("lzma", "uint16"),
}
"""Files that break a rule, and can be read: those of `BREAKING` hold pixels that nobody can."""

NO_OVERVIEWS = "gdal/overviews"

KINDS: Mapping[str, tuple[str, Maker, tuple[str, ...]]] = {
    **{
        f"{dtype}-{bands}": (
            NO_OVERVIEWS,
            lambda dtype=dtype, bands=bands: written(pixels(dtype, bands), overviews=[]),
            TOOLS,
        )
        for dtype in (
            "uint8",
            "uint16",
            "int16",
            "int32",
            "uint32",
            "float32",
            "float64",
            "complex64",
        )
        for bands in (1, 3, 5)
    },
    "int8": (NO_OVERVIEWS, lambda: written(pixels("int8"), overviews=[]), TOOLS[:1]),
    "int64": (NO_OVERVIEWS, lambda: written(pixels("int64"), overviews=[]), TOOLS),
    "nodata": (NO_OVERVIEWS, lambda: written(pixels("int16"), nodata=-7, overviews=[]), TOOLS),
    "palette": (NO_OVERVIEWS, palette, TOOLS),
    "one-bit": (NO_OVERVIEWS, one_bit, TOOLS),
    "one-bit-white": (NO_OVERVIEWS, lambda: one_bit(white=True), TOOLS[1:]),
    "white": (NO_OVERVIEWS, lambda: painted(0), TOOLS[1:]),
    "cmyk": (NO_OVERVIEWS, lambda: painted(5, 4), ()),
    "lab": (NO_OVERVIEWS, lambda: painted(8, 3), ()),
    "ycbcr": (NO_OVERVIEWS, coded("jpeg", bands=3, overviews=[]), TOOLS),
    "mask": (NO_OVERVIEWS, masked, TOOLS),
    "mask-uint16": (NO_OVERVIEWS, lambda: masked("uint16", 2), TOOLS),
    "alpha": (NO_OVERVIEWS, rgba, TOOLS),
    "pages": ("ee/tiled", two_pages, ()),
    "upload-mask-1": ("ee/upload-masking", masked, TOOLS[:1]),
    "upload-mask-3": ("ee/upload-masking", lambda: masked("uint8", 3), TOOLS[:1]),
    "upload-mask-uint16": ("ee/upload-masking", lambda: masked("uint16"), ()),
    "upload-alpha-nodata": ("ee/upload-masking", lambda: rgba(nodata=True), TOOLS[1:]),
    **{
        f"predictor-{dtype}": (
            "ee/predictor",
            lambda dtype=dtype: written(pixels(dtype), predictor=1, compression="lzw"),
            TOOLS,
        )
        for dtype in ("uint8", "int16", "uint32", "float32", "float64")
    },
    "predictor-complex": (
        "ee/predictor",
        lambda: written(pixels("complex64"), predictor=1, compression="lzw"),
        (),
    ),
    "rio-narrow": (
        "rio-cogeo/tiled",
        lambda: written(np.ascontiguousarray(np.tile(pixels("uint8"), (1, 3, 1))[:, :, :512])),
        TOOLS,
    ),
    "rio-narrow-overview": (
        "rio-cogeo/overview-tiled",
        lambda: written(np.tile(pixels("uint8"), (1, 4, 2))[:, :, :1024]),
        TOOLS,
    ),
}
"""Kinds of pixels, and what is done to them: the rule, the file, the tools that are advised."""

NOT_ADVISED = frozenset(
    {
        "/req/geotiff-keys/basic-metadata-format",
        "/req/geotiff-keys/georeference",
        "/req/optimized_geotiff/geotiff",
        "t17/basic-metadata",
        "t17/georeference",
        "ee/upload-size",
        "tiff/block-inside",
        "tiff/block-overlap",
        "tiff/block-stored",
        "tiff/index-length",
        "/req/optimized_geotiff/small-sizes B",
        "/req/core/big-offsets size",
        "/req/geotiff-overviews/overviews C",
        "/req/geotiff-overviews/overviews D",
        "t17/overviews-c",
        "t17/overviews-d",
        "/req/core/bifd classic",
        "rio-cogeo/decimation",
    }
)
"""Rules whose files no command mends: the place is not known, pixels are lost, a limit is met, only
the letter is broken, or the file has another image, which would be lost."""


BY_US = ("gdal/opened", "rio-cogeo/opened", "ee/upload-masking", "ee/external-interleave")
"""Rules that only tinycog can mend: GDAL does not read the file, makes no alpha of a mask, or no
COG band by band (before 3.11)."""


def cases() -> list[Case]:
    """All of them: one for each rule, and the kinds of pixels."""
    of_rules = [
        Case(rule, rule, make, () if rule in NOT_ADVISED else TOOLS[: 1 + (rule not in BY_US)])
        for rule, make in {**BREAKING, **WHOLE}.items()
    ]
    return of_rules + [Case(name, *kind) for name, kind in KINDS.items()]
