"""The table from compression code to how it is encoded: the mirror of `decode.codecs`.

A new one is one line here, and a function in the module for its kind (tiff.encode.codes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from tinycog.encode import jpeg, lerc, lossless, pictures
from tinycog.encode.compressor import Choice, Compressor, NumberRange
from tinycog.tiff.spec import Compression

BOOLS = Choice((True, False))
PERCENT = NumberRange(1, 100)
LEVEL = NumberRange(-math.inf, math.inf)
"""Each library says which it has (`lossless.level_of`)."""

DEFLATE_OPTIONS = {"level": LEVEL, "library": Choice(("libdeflate", "isa-l"))}
LERC_OPTIONS = {
    "max_z_error": NumberRange(0, 1e300, whole=False),
    "wrapper": Choice(("deflate", "zstd")),
    "level": LEVEL,
}
LERC_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")

COMPRESSORS: Mapping[int, Compressor] = {
    # bytes
    Compression.NONE: Compressor("uncompressed", lossless.store, rows_apart=True),
    Compression.LZW: Compressor("LZW", lossless.lzw, predicted=True),
    Compression.DEFLATE: Compressor(
        "Deflate", lossless.deflate, predicted=True, options=DEFLATE_OPTIONS, work_bytes=5 << 20
    ),
    Compression.PACKBITS: Compressor("PackBits", lossless.packbits),
    Compression.LZMA: Compressor(
        "LZMA", lossless.lzma, predicted=True, options={"level": LEVEL}, work_bytes=96 << 20
    ),
    Compression.ZSTD: Compressor(
        "ZSTD", lossless.zstd, predicted=True, options={"level": LEVEL}, work_bytes=20 << 20
    ),
    # samples
    Compression.JPEG: Compressor(
        "JPEG",
        jpeg.jpeg,
        "samples",
        options={"quality": PERCENT, "photometric": Choice(("ycbcr", "rgb"))},
        dtypes=("uint8",),
        samples=(1, 2, 3, 4),
        repeats_edges=True,
        fields=jpeg.jpeg_fields,
        is_lossless=lambda _: False,
    ),
    Compression.LERC: Compressor(
        "LERC",
        lerc.lerc,
        "samples",
        options=LERC_OPTIONS,
        dtypes=LERC_DTYPES,
        both_orders=False,
        fields=lerc.lerc_fields,
        is_lossless=lerc.keeps_values,
        keeps_nan=True,
        work_bytes=20 << 20,  # of its wrapper
    ),
    Compression.WEBP: Compressor(
        "WebP",
        pictures.webp,
        "samples",
        options={"quality": PERCENT, "lossless": BOOLS},
        dtypes=("uint8",),
        samples=(3, 4),
        repeats_edges=True,
        is_lossless=pictures.is_lossless_webp,
        work_tiles=24,
    ),
    Compression.JPEG_XL: Compressor(
        "JPEG XL",
        pictures.jpeg_xl,
        "samples",
        options={
            "lossless": BOOLS,
            "distance": NumberRange(0.01, 25, whole=False),
            "effort": NumberRange(1, 9),
        },
        dtypes=("uint8", "uint16", "float32"),
        repeats_edges=True,
        work_tiles=32,
        is_lossless=pictures.is_lossless,
    ),
    Compression.JPEG_2000: Compressor(
        "JPEG 2000",
        pictures.jpeg_2000,
        "samples",
        options={"lossless": BOOLS, "quality": NumberRange(1, 200, whole=False)},
        dtypes=("uint8", "int8", "uint16", "int16"),
        repeats_edges=True,
        work_tiles=12,
        is_lossless=pictures.is_lossless,
    ),
}
