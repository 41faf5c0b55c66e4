"""The table from compression code to codec.

A new codec is one line here and, where imagecodecs needs more than the bytes, one small function in
the room for its kind (tiff.compression.code, tiff.compression.jpeg2000, tiff.compression.jpegxl,
tiff.compression.jpegxr, tiff.compression.png).
"""

from __future__ import annotations

from collections.abc import Mapping

import imagecodecs

from tinycog.decode import bilevel, jpeg, lerc, libtiff, lossless, pictures
from tinycog.decode.segment import Codec
from tinycog.spec import Compression

CODECS: Mapping[int, Codec] = {
    # bytes to bytes
    Compression.NONE: Codec("uncompressed", lossless.decode_none),
    Compression.PACKBITS: Codec("PackBits", lossless.decode_packbits),
    Compression.LZW: Codec("LZW", lossless.decode_lzw, predicted=True),
    Compression.DEFLATE: Codec("Deflate", lossless.decode_deflate, predicted=True),
    Compression.OLD_DEFLATE: Codec("Deflate", lossless.decode_deflate, predicted=True),
    Compression.ZSTD: Codec("ZSTD", lossless.decode_zstd, predicted=True),
    Compression.ZSTD_EARLY: Codec("ZSTD", lossless.decode_zstd, predicted=True),
    Compression.LZMA: Codec("LZMA", lossless.decode_lzma, predicted=True),
    # bytes to samples
    Compression.CCITT_RLE: Codec("CCITT RLE", bilevel.decode_rle, "samples"),
    Compression.CCITT_RLE_WORD: Codec("CCITT RLE", libtiff.decode_strip, "samples"),
    Compression.CCITT_T4: Codec("CCITT T.4", bilevel.decode_t4, "samples"),
    Compression.CCITT_T6: Codec("CCITT T.6", bilevel.decode_t6, "samples"),
    Compression.JPEG: Codec("JPEG", jpeg.decode_jpeg, "samples", reversible=False),
    Compression.OLD_JPEG: Codec(
        "old-style JPEG", jpeg.decode_old_jpeg, "samples", reversible=False
    ),
    Compression.JPEG_LOSSY_DNG: Codec("JPEG", jpeg.decode_jpeg, "samples", reversible=False),
    Compression.LERC: Codec("LERC", lerc.decode_lerc, "samples"),
    Compression.WEBP: Codec("WebP", pictures.decode_webp, "samples"),
    Compression.WEBP_EARLY: Codec("WebP", pictures.decode_webp, "samples"),
    Compression.JPEG_2000: Codec("JPEG 2000", pictures.whole(imagecodecs.jpeg2k_decode), "samples"),
    Compression.JPEG_2000_APERIO_RGB: Codec(
        "JPEG 2000", pictures.whole(imagecodecs.jpeg2k_decode), "samples"
    ),
    Compression.JPEG_XL: Codec("JPEG XL", pictures.whole(imagecodecs.jpegxl_decode), "samples"),
    Compression.JPEG_XL_DNG: Codec("JPEG XL", pictures.whole(imagecodecs.jpegxl_decode), "samples"),
    Compression.NEXT: Codec("NeXT", libtiff.decode_strip, "samples"),
    Compression.THUNDERSCAN: Codec("ThunderScan", libtiff.decode_strip, "samples"),
    Compression.SGI_LOG: Codec("SGILog", libtiff.decode_strip, "samples"),
    Compression.PNG: Codec("PNG", pictures.whole(imagecodecs.png_decode), "samples"),
    Compression.JPEG_XR: Codec("JPEG XR", pictures.whole(imagecodecs.jpegxr_decode), "samples"),
}
