"""YCbCr that no JPEG codec has converted: subsampled data units to RGB, as libtiff computes it.

GDAL and libtiff are the only readers of such files, so theirs is the arithmetic:
fixed point of 16 bits, chroma repeated over its block.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import UnsupportedError
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Tag

Table = NDArray[np.int64]

SUBSAMPLINGS = {(h, v) for h in (1, 2, 4) for v in (1, 2, 4)}
LUMA = (0.299, 0.587, 0.114)
REFERENCE = (0.0, 255.0, 128.0, 255.0, 128.0, 255.0)
MAX_NUMBER = 1 << 16
"""Larger numbers in tags are not colours."""

SHIFT = 16
HALF = 1 << (SHIFT - 1)


def ycbcr_to_rgb(segment: Segment, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert decompressed data units to RGB, (rows, cols, 3)."""
    _refuse_unread(segment)
    luma, cb, cr = _planes(segment, raw)
    return np.stack(components_to_rgb(segment.image, luma, cb, cr), axis=2)


def components_to_rgb(
    image: Image, luma: NDArray[np.uint8], cb: NDArray[np.uint8], cr: NDArray[np.uint8]
) -> list[NDArray[np.uint8]]:
    """Convert components of the same shape to red, green and blue (tiff.ycbcr.colour).

    Raises:
        UnsupportedError: numbers in the tags are no colours.
    """
    y_table, cr_red, cb_blue, cr_green, cb_green = _tables(image)
    light = y_table[luma]
    colours = (
        light + cr_red[cr],
        light + ((cb_green[cb] + cr_green[cr]) >> SHIFT),
        light + cb_blue[cb],
    )
    return [np.clip(colour, 0, 255).astype(np.uint8) for colour in colours]


def _refuse_unread(segment: Segment) -> None:
    """Refuse what libtiff does not read, or only in part (tiff.ycbcr.subsampling, tiff.ycbcr.torn).

    It counts the bytes of a strip by rows, but a row of units need not divide evenly into rows:
    then it drops the last bytes, and readers differ.
    """
    across, down = factors = segment.image.subsampling
    if segment.samples != 3 or segment.image.bits != 8 or factors not in SUBSAMPLINGS:  # noqa: PLR2004
        stored = f"{segment.samples} samples of {segment.image.bits} bits, subsampling {factors}"
        message = f"uncompressed YCbCr of {stored} is not supported"
        raise UnsupportedError(message, feature="YCbCrSubSampling", value=factors)
    if segment.image.grid.strips and -(-segment.cols // across) * (across * down + 2) % down:
        message = (
            f"YCbCr strips {segment.cols} wide, subsampled {across} by {down}, are not supported"
        )
        raise UnsupportedError(message, feature="YCbCrSubSampling", value=(across, down))


def _planes(segment: Segment, raw: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Return Y, Cb and Cr as (rows, cols), of units of h by v Y, a Cb, a Cr (tiff.ycbcr.units)."""
    across, down = segment.image.subsampling
    units = raw.reshape(-1, -(-segment.cols // across), across * down + 2)
    luma = units[..., :-2].reshape(*units.shape[:2], down, across).transpose(0, 2, 1, 3)
    luma = luma.reshape(units.shape[0] * down, -1)
    chroma = (np.repeat(np.repeat(units[..., i], down, 0), across, 1) for i in (-2, -1))
    return tuple(plane[: segment.rows, : segment.cols] for plane in (luma, *chroma))


def _tables(image: Image) -> tuple[Table, Table, Table, Table, Table]:
    """Return what each code adds to each colour, rounded in libtiff's order (tiff.ycbcr.colour)."""
    red, green, blue = _fractions(image, Tag.YCbCrCoefficients, LUMA)
    y0, y1, cb0, cb1, cr0, cr1 = _fractions(image, Tag.ReferenceBlackWhite, REFERENCE)
    codes = np.arange(256)
    y_table = _scaled(codes, y0, y1, 255)
    cb = _scaled(codes - 128, cb0 - 128, cb1 - 128, 127)
    cr = _scaled(codes - 128, cr0 - 128, cr1 - 128, 127)
    to_red, to_blue = 2 - 2 * red, 2 - 2 * blue
    return (
        y_table,
        (_fixed(to_red) * cr + HALF) >> SHIFT,
        (_fixed(to_blue) * cb + HALF) >> SHIFT,
        -_fixed(red * to_red / green) * cr,
        -_fixed(blue * to_blue / green) * cb + HALF,
    )


def _fractions(image: Image, tag: Tag, default: tuple[float, ...]) -> tuple[float, ...]:
    """Return the numbers of a tag in single precision, as libtiff; the default if unusable."""
    value = image.options.get(tag)
    if not isinstance(value, tuple) or len(value) != len(default):
        return default
    numbers = [v[0] / (v[1] or 1) if isinstance(v, tuple) else float(v) for v in value]
    usable = all(numbers) if tag == Tag.YCbCrCoefficients else True
    if not all(abs(n) < MAX_NUMBER for n in numbers):  # nor NaN
        message = f"{tag.name} {numbers} is not supported"
        raise UnsupportedError(message, feature=tag.name, value=numbers)
    return tuple(float(np.float32(n)) for n in numbers) if usable else default


def _scaled(codes: NDArray[np.int64], black: float, white: float, top: float) -> Table:
    span = (white - black) or 1.0
    return np.trunc((codes - np.trunc(black)) * np.float32(top) / np.float32(span)).astype(np.int64)


def _fixed(value: float) -> int:
    return int(min(max(value, 0.0), 2.0) * (1 << SHIFT) + 0.5)
