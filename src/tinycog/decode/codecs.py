"""The table from compression code to codec.

A new codec is one line here and, where imagecodecs needs more than the bytes, one small function in
the module for its kind (tiff.compression.code, tiff.compression.jpeg2000, tiff.compression.jpegxl,
tiff.compression.jpegxr, tiff.compression.png, tiff.compression.zstd,
tiff.compression.packbits).
"""

from __future__ import annotations

from collections.abc import Mapping

import imagecodecs

from tinycog.decode import jpeg, jpeg2000, jpegxl, lerc, libtiff, lossless, pictures, png, streams
from tinycog.decode.codec import Codec
from tinycog.tiff.spec import Compression

DEFLATE = Codec("Deflate", lossless.decode_deflate, predicted=True, pieces=streams.inflate)
ZSTD = Codec(
    "ZSTD",
    lossless.lenient(imagecodecs.zstd_decode, "too small", "Src size is incorrect"),
    predicted=True,
    pieces=streams.zstd_pieces(),
)
PACKBITS = lossless.lenient(imagecodecs.packbits_decode, "TOO_SMALL", "INPUT_CORRUPT")
JPEG_2000 = jpeg2000.decode_jpeg2000
JPEG_XL = jpegxl.decode_jpegxl
JPEG_XR = pictures.whole(imagecodecs.jpegxr_decode)

CODECS: Mapping[int, Codec] = {
    # bytes to bytes
    Compression.NONE: Codec("uncompressed", lossless.decode_none, pieces=streams.cut),
    Compression.PACKBITS: Codec("PackBits", PACKBITS, pieces=streams.unpack_runs),
    Compression.LZW: Codec("LZW", lossless.decode_lzw, predicted=True),
    Compression.DEFLATE: DEFLATE,
    Compression.OLD_DEFLATE: DEFLATE,
    Compression.DEFLATE_PIXTIFF: DEFLATE,
    Compression.ZSTD: ZSTD,
    Compression.ZSTD_EARLY: ZSTD,
    Compression.LZMA: Codec("LZMA", lossless.decode_lzma, predicted=True, pieces=streams.unpack_xz),
    # bytes to samples
    Compression.CCITT_RLE: Codec("CCITT RLE", libtiff.decode_strip, "samples"),
    Compression.CCITT_T4: Codec("CCITT T.4", libtiff.decode_strip, "samples"),
    Compression.CCITT_T6: Codec("CCITT T.6", libtiff.decode_strip, "samples"),
    Compression.NEXT: Codec("NeXT", libtiff.decode_strip, "samples"),
    Compression.THUNDERSCAN: Codec("ThunderScan", libtiff.decode_strip, "samples"),
    Compression.SGI_LOG: Codec("SGILog", libtiff.decode_strip, "samples"),
    Compression.LERC: Codec("LERC", lerc.decode_lerc, "samples"),
    Compression.WEBP: Codec("WebP", pictures.decode_webp, "samples"),
    Compression.WEBP_EARLY: Codec("WebP", pictures.decode_webp, "samples"),
    # bytes to samples; FillOrder does not apply to their bits
    Compression.JPEG: Codec("JPEG", jpeg.decode_jpeg, "samples", reversible=False),
    Compression.OLD_JPEG: Codec("JPEG", jpeg.decode_old_jpeg, "samples", reversible=False),
    Compression.JPEG_ALT: Codec("JPEG", jpeg.decode_jpeg, "samples", reversible=False),
    Compression.JPEG_LOSSY_DNG: Codec("JPEG", jpeg.decode_jpeg, "samples", reversible=False),
    Compression.JPEG_2000: Codec("JPEG 2000", JPEG_2000, "samples", reversible=False),
    Compression.JPEG_2000_ALT: Codec("JPEG 2000", JPEG_2000, "samples", reversible=False),
    Compression.JPEG_2000_APERIO_YCBCR: Codec(
        "JPEG 2000", jpeg2000.decode_aperio, "samples", reversible=False
    ),
    Compression.JPEG_2000_APERIO_RGB: Codec("JPEG 2000", JPEG_2000, "samples", reversible=False),
    Compression.JPEG_XL: Codec("JPEG XL", JPEG_XL, "samples", reversible=False),
    Compression.JPEG_XL_DNG: Codec("JPEG XL", JPEG_XL, "samples", reversible=False),
    Compression.JPEG_XR: Codec("JPEG XR", JPEG_XR, "samples", reversible=False, safe=False),
    Compression.JPEG_XR_NDPI: Codec("JPEG XR", JPEG_XR, "samples", reversible=False, safe=False),
    Compression.PNG: Codec("PNG", png.decode_png, "samples", reversible=False),
}
