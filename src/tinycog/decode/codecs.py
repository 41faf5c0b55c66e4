"""The table from compression code to codec.

A new codec is one line here and, where imagecodecs needs more than the bytes, one small function in
the module for its kind (tiff.compression.code, tiff.compression.jpeg2000, tiff.compression.jpegxl,
tiff.compression.jpegxr, tiff.compression.png, tiff.compression.zstd,
tiff.compression.packbits).
"""

from __future__ import annotations

from collections.abc import Mapping

from tinycog.decode.codec import Codec
from tinycog.tiff.spec import Compression

DEFLATE = Codec(
    "Deflate",
    "lossless.decode_deflate",
    predicted=True,
    by_pieces="streams.inflate",
    library="deflate_decode",
)
ZSTD = Codec(
    "ZSTD",
    "lossless.decode_zstd",
    predicted=True,
    by_pieces="streams.unpack_frames",
    library="zstd_decode",
)
LIBTIFF = "libtiff.decode_strip"
WEBP = Codec("WebP", "pictures.decode_webp", "samples", library="webp_decode")
JPEG = Codec("JPEG", "jpeg.decode_jpeg", "samples", reversible=False, library="jpeg_decode")
JPEG_2000 = Codec("JPEG 2000", "jpeg2000.decode_jpeg2000", "samples", reversible=False)
JPEG_XL = Codec("JPEG XL", "jpegxl.decode_jpegxl", "samples", reversible=False)
JPEG_XR = Codec("JPEG XR", "pictures.decode_jpegxr", "samples", reversible=False, safe=False)

CODECS: Mapping[int, Codec] = {
    # bytes to bytes
    Compression.NONE: Codec("uncompressed", "lossless.decode_none", by_pieces="streams.cut"),
    Compression.PACKBITS: Codec(
        "PackBits",
        "lossless.decode_packbits",
        by_pieces="streams.unpack_runs",
        library="packbits_decode",
    ),
    Compression.LZW: Codec("LZW", "lossless.decode_lzw", predicted=True, library="lzw_decode"),
    Compression.DEFLATE: DEFLATE,
    Compression.OLD_DEFLATE: DEFLATE,
    Compression.DEFLATE_PIXTIFF: DEFLATE,
    Compression.ZSTD: ZSTD,
    Compression.ZSTD_EARLY: ZSTD,
    Compression.LZMA: Codec(
        "LZMA", "lossless.decode_lzma", predicted=True, by_pieces="streams.unpack_xz"
    ),
    # bytes to samples
    Compression.CCITT_RLE: Codec("CCITT RLE", LIBTIFF, "samples"),
    Compression.CCITT_T4: Codec("CCITT T.4", LIBTIFF, "samples"),
    Compression.CCITT_T6: Codec("CCITT T.6", LIBTIFF, "samples"),
    Compression.NEXT: Codec("NeXT", LIBTIFF, "samples"),
    Compression.THUNDERSCAN: Codec("ThunderScan", LIBTIFF, "samples"),
    Compression.SGI_LOG: Codec("SGILog", LIBTIFF, "samples"),
    Compression.LERC: Codec("LERC", "lerc.decode_lerc", "samples", library="lerc_decode"),
    Compression.WEBP: WEBP,
    Compression.WEBP_EARLY: WEBP,
    # bytes to samples; FillOrder does not apply to their bits
    Compression.JPEG: JPEG,
    Compression.OLD_JPEG: Codec("JPEG", "jpeg.decode_old_jpeg", "samples", reversible=False),
    Compression.JPEG_ALT: JPEG,
    Compression.JPEG_LOSSY_DNG: JPEG,
    Compression.JPEG_2000: JPEG_2000,
    Compression.JPEG_2000_ALT: JPEG_2000,
    Compression.JPEG_2000_APERIO_YCBCR: Codec(
        "JPEG 2000", "jpeg2000.decode_aperio", "samples", reversible=False
    ),
    Compression.JPEG_2000_APERIO_RGB: JPEG_2000,
    Compression.JPEG_XL: JPEG_XL,
    Compression.JPEG_XL_DNG: JPEG_XL,
    Compression.JPEG_XR: JPEG_XR,
    Compression.JPEG_XR_NDPI: JPEG_XR,
    Compression.PNG: Codec("PNG", "png.decode_png", "samples", reversible=False),
}
