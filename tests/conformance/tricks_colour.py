"""Tricks with colour and pictures: YCbCr without JPEG, JPEG streams of our own, CCITT in two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from conformance.by_gdal import ENV
from conformance.case import Case
from conformance.hand import CODECS, cut, directory_of
from conformance.pixels import Pixels
from conformance.tricks import Made, Trick
from tinycog.spec import Tag
from tinycog.testing import Field

SUBSAMPLINGS = tuple(product((1, 2, 4), (1, 2, 4)))


def _ycbcr(case: Case, data: Pixels, *, across: int, down: int, tags: bool = False) -> Made:
    """Data units of lumas and one pair of chromas, as TIFF 6 section 21 has them."""
    code, compress = CODECS[case.codec]
    tiles = [bytes(compress(_units(block, across, down))) for block in cut(case, data)]
    made = directory_of(case, data, code, tiles)
    made = made.having(Field(Tag.YCbCrSubSampling, "SHORT", [across, down]))
    if tags:
        black_white = [(16, 1), (235, 1), (128, 1), (240, 1), (128, 1), (240, 1)]
        made = made.having(
            Field(Tag.YCbCrCoefficients, "RATIONAL", [(2126, 10_000), (7152, 10_000), (722, 10_000)]),
            Field(Tag.ReferenceBlackWhite, "RATIONAL", black_white),
        )
    return Made([made], [None])


def _units(block: NDArray[Any], across: int, down: int) -> bytes:
    rows, cols, _ = block.shape
    padded = np.pad(block, [(0, -rows % down), (0, -cols % across), (0, 0)], mode="edge")
    high, wide = padded.shape[0] // down, padded.shape[1] // across
    luma = padded[..., 0].reshape(high, down, wide, across).transpose(0, 2, 1, 3)
    chroma = padded[::down, ::across, 1:]
    return np.concatenate([luma.reshape(high, wide, -1), chroma], axis=2).tobytes()


def _jpeg(case: Case, data: Pixels, *, full: bool = False, **how: Any) -> Made:
    """JPEG streams with all their tables and markers inside."""
    tiles = []
    for block in cut(case, data):
        if full and not case.tiled:
            block = np.pad(block, [(0, case.strip_rows - len(block)), (0, 0), (0, 0)], mode="edge")
        samples = np.ascontiguousarray(block[..., 0] if block.shape[2] == 1 else block)
        tiles.append(bytes(imagecodecs.jpeg8_encode(samples, level=95, **how)))
    directory = directory_of(case, data, 7, tiles)
    has_own_view = how.get("outcolorspace") == "YCBCR" and case.photometric != "ycbcr"
    return Made([directory], [None if has_own_view else data])


def _old_jpeg(case: Case, data: Pixels) -> Made:
    made = _jpeg(case, data, colorspace="RGB", outcolorspace="YCBCR")
    return Made([made.directories[0].having(Field(Tag.Compression, "SHORT", 6))], [data])


def _unturned(case: Case, data: Pixels, *, code: int, turned: bool = False) -> Made:
    """FillOrder 2 with a codec of whole pictures, its bits turned or not."""
    tiles = [_picture(code, np.ascontiguousarray(block)) for block in cut(case, data)]
    if turned:
        tiles = [bytes(imagecodecs.bitorder_encode(tile)) for tile in tiles]
    made = directory_of(case, data, code, tiles)
    return Made([made.having(Field(Tag.FillOrder, "SHORT", 2))], [data])


def _picture(code: int, block: NDArray[Any]) -> bytes:
    encoders = {
        34887: imagecodecs.lerc_encode,
        34712: partial(imagecodecs.jpeg2k_encode, reversible=True, codecformat="J2K"),
        50001: partial(imagecodecs.webp_encode, lossless=True),
        50002: partial(imagecodecs.jpegxl_encode, lossless=True),
        34933: imagecodecs.png_encode,
    }
    return bytes(encoders[code](block))


def _predicted(case: Case, data: Pixels, *, code: int) -> Made:
    """A Predictor tag with a codec that does not know it."""
    made = _unturned(case, data, code=code).directories[0].without(Tag.FillOrder)
    return Made([made.having(Field(Tag.Predictor, "SHORT", 2))], [data])


# --- CCITT in two dimensions: libtiff encodes the rows, we put them together ---------------------

END_OF_LINE = "000000000001"
END_OF_BLOCK = END_OF_LINE * 2


def _ccitt(case: Case, data: Pixels, *, code: int, options: int = 0, turned: bool = False) -> Made:
    tiles = [_faxed(block[..., 0], code, options) for block in cut(case, data)]
    made = directory_of(case, data, code, tiles)
    if options:
        made = made.having(Field(Tag.T4Options, "LONG", options))
    if turned:
        tiles = [bytes(imagecodecs.bitorder_encode(tile)) for tile in tiles]
        made = replace(made, tiles=tiles).having(Field(Tag.FillOrder, "SHORT", 2))
    return Made([made], [data])


def _faxed(rows: NDArray[Any], code: int, options: int) -> bytes:
    if code != 3:
        return _by_libtiff(rows, {2: "CCITTRLE", 4: "CCITTFAX4"}[code])
    digits = ""
    for i, row in enumerate(rows):
        if options & 4:  # the line end is to end on a whole byte
            digits += "0" * (-(len(digits) + len(END_OF_LINE)) % 8)
        digits += END_OF_LINE
        is_plain = not options & 1 or i % 4 == 0
        digits += "" if not options & 1 else str(int(is_plain))
        digits += _plain_row(row) if is_plain else _row_after(rows[i - 1], row)
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def _plain_row(row: NDArray[Any]) -> str:
    """Modified Huffman; the zeros that fill its last byte are legal before a line end."""
    return _digits(_by_libtiff(row[None], "CCITTRLE"))


def _row_after(before: NDArray[Any], row: NDArray[Any]) -> str:
    """The code of a row whose reference is the one before: what it adds to a T.6 stream."""
    one = _digits(_by_libtiff(before[None], "CCITTFAX4")).rstrip("0")
    both = _digits(_by_libtiff(np.stack([before, row]), "CCITTFAX4")).rstrip("0")
    return both.removesuffix(END_OF_BLOCK)[len(one.removesuffix(END_OF_BLOCK)) :]


def _digits(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in data)


def _by_libtiff(rows: NDArray[Any], codec: str) -> bytes:
    height, width = rows.shape
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8"}
    with rasterio.Env(**ENV), MemoryFile() as memory:
        with memory.open(**profile, NBITS=1, COMPRESS=codec, BLOCKYSIZE=height) as target:
            target.write(rows[None])
        with memory.open() as source:
            place = source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)
            length = source.get_tag_item("BLOCK_SIZE_0_0", "TIFF", bidx=1)
        memory.seek(int(place))
        return memory.read(int(length))


TRICKS: Mapping[str, Trick] = {
    **{
        f"YCbCr {across}x{down} without JPEG{', with tags' * tags}": partial(
            _ycbcr, across=across, down=down, tags=tags
        )
        for (across, down), tags in product(SUBSAMPLINGS, (False, True))
    },
    "JPEG, last strip is full": partial(_jpeg, full=True),
    "JPEG, RGB with Adobe marker": partial(_jpeg, colorspace="RGB", outcolorspace="RGB"),
    "JPEG, YCbCr with JFIF marker": partial(_jpeg, colorspace="RGB", outcolorspace="YCBCR"),
    "JPEG, CMYK with Adobe marker": partial(_jpeg, colorspace="CMYK", outcolorspace="CMYK"),
    "JPEG, compression 6": _old_jpeg,
    "CCITT T.4, line ends on whole bytes": partial(_ccitt, code=3, options=4),
    "CCITT T.4, two-dimensional": partial(_ccitt, code=3, options=1),
    "CCITT T.4, two-dimensional, whole bytes": partial(_ccitt, code=3, options=5),
    **{
        f"CCITT {name}, FillOrder 2": partial(_ccitt, code=code, turned=True)
        for name, code in (("RLE", 2), ("T.4", 3), ("T.6", 4))
    },
    **{
        f"{name}, FillOrder 2{', bits turned' * turned}": partial(_unturned, code=code, turned=turned)
        for name, code in (("LERC", 34887), ("JPEG 2000", 34712), ("WebP", 50001), ("PNG", 34933))
        for turned in (False, True)
    },
    **{
        f"{name}, Predictor 2 ignored": partial(_predicted, code=code)
        for name, code in (("LERC", 34887), ("JPEG 2000", 34712), ("WebP", 50001), ("PNG", 34933))
    },
}
