"""How an image is stored and sensed, as GDAL's metadata items tell it (gdal.metadata.structure).

Domains IMAGE_STRUCTURE and RPC: no tag holds these items, they repeat what other tags say.
"""

from __future__ import annotations

from tinycog.geo.transform import RPC
from tinycog.tiff.ghost import Ghost
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression, ExtraSample, Photometric, Tag

IMAGE_STRUCTURE, RPC_DOMAIN, EXIF = "IMAGE_STRUCTURE", "RPC", "EXIF"

TILING_SCHEME = "TILING_SCHEME"
"""Domain in which GDAL tells of the grid that the tiles of a file lie on."""

REPEATED = (IMAGE_STRUCTURE, RPC_DOMAIN, EXIF)
"""Domains whose items repeat what other tags say."""

NAMES: dict[int, str] = {
    Compression.CCITT_RLE: "CCITTRLE",
    Compression.CCITT_T4: "CCITTFAX3",
    Compression.CCITT_T6: "CCITTFAX4",
    Compression.LZW: "LZW",
    Compression.OLD_JPEG: "OJPEG",
    Compression.JPEG: "JPEG",
    Compression.DEFLATE: "DEFLATE",
    Compression.OLD_DEFLATE: "DEFLATE",
    Compression.PACKBITS: "PACKBITS",
    Compression.NEXT: "NEXT",
    Compression.THUNDERSCAN: "THUNDERSCAN",
    Compression.SGI_LOG: "SGILOG",
    Compression.SGI_LOG24: "SGILOG24",
    Compression.PIXAR_FILM: "PIXARFILM",
    Compression.PIXAR_LOG: "PIXARLOG",
    Compression.CCITT_RLE_WORD: "CCITTRLEW",
    Compression.JPEG_2000: "JP2000",
    Compression.JBIG: "JBIG",
    Compression.LERC: "LERC",
    Compression.LZMA: "LZMA",
    Compression.ZSTD: "ZSTD",
    Compression.WEBP: "WEBP",
    Compression.JPEG_XL: "JXL",
    Compression.JPEG_XL_DNG: "JXL",
}
"""GDAL's names of compressions; of others it gives the code."""

LERC_NAMES = {1: "LERC_DEFLATE", 2: "LERC_ZSTD"}
"""Its names of LERC by the second number of LercParameters."""

CONVERTED = {
    Photometric.SEPARATED: "CMYK",
    Photometric.YCBCR: "YCbCr",
    Photometric.CIELAB: "CIELAB",
}
"""What GDAL converts to RGB, by its names."""

PREDICTING = (Compression.LZW, Compression.DEFLATE, Compression.ZSTD)
"""Compressions of which GDAL tells the predictor."""

ALPHA, PREMULTIPLIED = "ALPHA", "PREMULTIPLIED"
"""Item of a band of opacity by which colours are multiplied, and its text."""

WHOLE_BITS = (8, 16, 32, 64, 128)
"""Bits of samples that fill their dtype."""


def structure_of(image: Image, ghost: Ghost | None) -> dict[str, str]:
    """Return the items of an image in the domain IMAGE_STRUCTURE.

    What GDAL finds out by decoding tiles, such as JPEG_QUALITY, is left out.
    """
    items: dict[str, str] = {}
    if ghost is not None and ghost.valid and ghost.items.get("LAYOUT") == "IFDS_BEFORE_DATA":
        items["LAYOUT"] = "COG"
    if image.compression != Compression.NONE:
        items["COMPRESSION"] = _compression(image)
    items["INTERLEAVE"] = "BAND" if image.grid.planes > 1 or image.samples == 1 else "PIXEL"
    if image.predictor > 1 and image.compression in PREDICTING:
        items["PREDICTOR"] = str(image.predictor)
    is_ycbcr = image.photometric == Photometric.YCBCR
    if is_ycbcr or (image.photometric in CONVERTED and set(image.bits_per_sample) == {8}):
        items["SOURCE_COLOR_SPACE"] = CONVERTED[Photometric(image.photometric)]
    if image.photometric == Photometric.MIN_IS_WHITE:
        items["MINISWHITE"] = "YES"
    return items


def _compression(image: Image) -> str:
    name = NAMES.get(image.compression, str(image.compression))
    if image.compression == Compression.JPEG and image.photometric == Photometric.YCBCR:
        return "YCbCr JPEG"
    if image.compression == Compression.LERC:
        found = image.options.get(Tag.LercParameters)
        if isinstance(found, tuple) and len(found) > 1 and isinstance(found[1], int):
            return LERC_NAMES.get(found[1], name)
    return name


def band_structure(image: Image, band: int) -> dict[str, str]:
    """Return the items of a band in the domain IMAGE_STRUCTURE: bits, and kind of alpha."""
    items: dict[str, str] = {}
    bits = image.bits_per_sample[band]
    is_float = image.sample_formats[band] in (3, 6)
    if bits not in WHOLE_BITS or (is_float and bits == 16):  # noqa: PLR2004 - half floats
        items["NBITS"] = str(bits)
    extra = band - (image.samples - len(image.extra_samples))
    if extra >= 0 and image.extra_samples[extra] == ExtraSample.ASSOCIATED_ALPHA:
        items[ALPHA] = PREMULTIPLIED
    return items


def rpc_items(rpcs: RPC | None) -> dict[str, str]:
    """Return the items of the domain RPC: numbers in 15 digits, coefficients with blanks."""
    if rpcs is None:
        return {}
    return {name.upper(): _text(value) for name, value in zip(RPC._fields, rpcs, strict=True)}


def _text(value: float | tuple[float, ...]) -> str:
    numbers = value if isinstance(value, tuple) else (value,)
    return " ".join(f"{number:.15g}" for number in numbers)
