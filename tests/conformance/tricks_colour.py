"""Tricks with colour and pictures: YCbCr without JPEG, JPEG streams of our own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from conformance.case import Case
from conformance.hand import CODECS, cut, directory_of
from conformance.pixels import Pixels
from conformance.tricks import Made, Trick
from tinycog.testing import Field
from tinycog.tiff.spec import Tag

SUBSAMPLINGS = tuple(product((1, 2, 4), (1, 2, 4)))


def _ycbcr(case: Case, data: Pixels, *, across: int, down: int, tags: bool = False) -> Made:
    """Data units of lumas and one pair of chromas, as TIFF 6 section 21 has them."""
    code, compress = CODECS[case.codec]
    tiles = [bytes(compress(_units(block, across, down))) for block in cut(case, data)]
    made = directory_of(case, data, code, tiles)
    made = made.having(Field(Tag.YCbCrSubSampling, "SHORT", [across, down]))
    if tags:
        made = made.having(
            Field(Tag.YCbCrCoefficients, "RATIONAL", [(round(n * 10_000), 10_000) for n in HDTV]),
            Field(Tag.ReferenceBlackWhite, "RATIONAL", [(n, 1) for n in STUDIO]),
        )
    blocks = [_repeated(block, across, down) for block in cut(case, data)]
    black_white = STUDIO if tags else (0, 255, 128, 255, 128, 255)
    seen = [_to_rgb(block, HDTV if tags else PAL, black_white) for block in blocks]
    return Made([made], [_joined(data, seen)])


PAL, HDTV = (0.299, 0.587, 0.114), (0.2126, 0.7152, 0.0722)
STUDIO = (16, 235, 128, 240, 128, 240)


def _repeated(block: NDArray[Any], across: int, down: int) -> NDArray[Any]:
    """The block with the chroma that is left of it, that of the first pixel of each unit."""
    rows, cols, _ = block.shape
    out = block.copy()
    chroma = block[::down, ::across, 1:].repeat(down, axis=0).repeat(across, axis=1)
    out[..., 1:] = chroma[:rows, :cols]
    return out


def _to_rgb(
    block: NDArray[Any], luma: tuple[float, ...], black_white: tuple[int, ...]
) -> NDArray[Any]:
    """TIFF 6 section 21 in real numbers: readers round it in their own ways."""
    codes = block.astype(np.float64)
    pairs = [(black_white[i], black_white[i + 1]) for i in (0, 2, 4)]
    y, cb, cr = (
        (codes[..., i] - low) * (255 if i == 0 else 127) / (high - low)
        for i, (low, high) in enumerate(pairs)
    )
    red, blue = cr * (2 - 2 * luma[0]) + y, cb * (2 - 2 * luma[2]) + y
    green = (y - luma[0] * red - luma[2] * blue) / luma[1]
    return np.rint(np.stack([red, green, blue], axis=2)).clip(0, 255).astype(np.uint8)


def _joined(data: Pixels, blocks: list[NDArray[Any]]) -> Pixels:
    """Blocks put together again, all bands in one plane."""
    out = np.zeros_like(data)
    height, width = blocks[0].shape[:2]
    across = -(-data.shape[2] // width)
    for i, block in enumerate(blocks):
        top, left = i // across * height, i % across * width
        there = out[:, top : top + height, left : left + width]
        there[...] = block.transpose(2, 0, 1)[:, : there.shape[1], : there.shape[2]]
    return out


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
        missing = case.strip_rows - len(block) if full and not case.tiled else 0
        rows = np.pad(block, [(0, missing), (0, 0), (0, 0)], mode="edge")
        samples = np.ascontiguousarray(rows[..., 0] if rows.shape[2] == 1 else rows)
        tiles.append(bytes(imagecodecs.jpeg8_encode(samples, level=95, **how)))
    return Made([directory_of(case, data, 7, tiles)], [data])


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
    "JPEG, YCbCr 4:4:4 with JFIF marker": partial(
        _jpeg, colorspace="RGB", outcolorspace="YCBCR", subsampling="444"
    ),
    "JPEG, CMYK with Adobe marker": partial(_jpeg, colorspace="CMYK", outcolorspace="CMYK"),
    "JPEG, compression 6": _old_jpeg,
    **{
        f"{name}, FillOrder 2{', bits turned' * turned}": partial(
            _unturned, code=code, turned=turned
        )
        for name, code in (("LERC", 34887), ("JPEG 2000", 34712), ("WebP", 50001), ("PNG", 34933))
        for turned in (False, True)
    },
    **{
        f"{name}, Predictor 2 ignored": partial(_predicted, code=code)
        for name, code in (("LERC", 34887), ("JPEG 2000", 34712), ("WebP", 50001), ("PNG", 34933))
    },
}
