"""Convert samples to 8-bit RGB or RGBA for viewing (tiff.colour.rgb).

Everywhere else samples stay data: a palette index is a number, MinIsWhite is not inverted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UnsupportedError
from tinycog.tiff.image import Image
from tinycog.tiff.spec import ALPHA, Photometric, name_of

Pixels = NDArray[np.generic]

Bytes = NDArray[np.uint8]

MAX_BYTE = 255

BYTE_STEP = 257
"""Divisor of 16-bit colours to 8 bits: 65535 becomes 255."""


def to_rgb(image: Image, pixels: Pixels, colormap: NDArray[np.uint16] | None) -> Bytes:
    """Convert decoded (bands, rows, cols) to uint8 (3, rows, cols), or 4 bands with alpha.

    `colormap` is (entries, 3), needed only for a palette.

    Raises:
        UnsupportedError: the photometric interpretation has no conversion, or samples are not
            unsigned integers.
    """
    convert, count = _conversion(image)
    if image.dtype.kind != "u" or image.samples < count:
        message = f"{image.samples} bands of {image.dtype} have no colours of their own"
        raise UnsupportedError(message, feature="rgb", value=str(image.dtype))
    if image.photometric == Photometric.PALETTE:
        colours = _palette(pixels, colormap)
    else:
        colours = convert(_to_bytes(pixels[:count], image.bits))
    alpha = [
        _to_bytes(pixels[count + i : count + i + 1], image.bits)
        for i, kind in enumerate(image.extra_samples)
        if kind in ALPHA
    ]
    return np.concatenate([colours, *alpha[:1]]) if alpha else colours


def _conversion(image: Image) -> tuple[Callable[[Bytes], Bytes], int]:
    """Return the conversion of colour samples to RGB, and how many samples it takes."""
    try:
        return CONVERSIONS[image.photometric]
    except KeyError:
        name = name_of(Photometric, image.photometric)
        message = f"colours of photometric {name} are not supported"
        raise UnsupportedError(message, feature="photometric", value=image.photometric) from None


def _to_bytes(samples: Pixels, bits: int) -> Bytes:
    """Scale unsigned samples of `bits` bits to 8, full range to full range."""
    if bits == 8:  # noqa: PLR2004 - already bytes
        return samples.astype(np.uint8, copy=False)
    return np.rint(samples.astype(np.float64) * (MAX_BYTE / (2.0**bits - 1))).astype(np.uint8)


def _palette(pixels: Pixels, colormap: NDArray[np.uint16] | None) -> Bytes:
    """Look up indices; a map whose values all fit 8 bits holds 8 bits (tiff.colour.palette)."""
    if colormap is None or not len(colormap):
        message = "a palette image without a usable ColorMap has no colours"
        raise UnsupportedError(message, feature="ColorMap")
    table = palette_table(colormap)
    index = np.minimum(pixels[0].astype(np.intp), len(table) - 1)
    return table[index].transpose(2, 0, 1)


def palette_table(colormap: NDArray[np.uint16]) -> Bytes:
    """Convert the colours of a palette to 8 bits (tiff.colour.palette).

    A ColorMap whose values are all at most 255 was written with 8 bits.
    """
    scale = 1 if colormap.max(initial=0) <= MAX_BYTE else BYTE_STEP
    return (colormap // scale).astype(np.uint8)


def _gray(light: Bytes) -> Bytes:
    return np.repeat(light, 3, axis=0)


def _inverted_gray(dark: Bytes) -> Bytes:
    return np.repeat(MAX_BYTE - dark, 3, axis=0)


def _same(colours: Bytes) -> Bytes:
    return colours


def _from_inks(inks: Bytes) -> Bytes:
    """Convert CMYK without a profile, as libtiff does (tiff.colour.cmyk)."""
    light = MAX_BYTE - inks.astype(np.uint16)
    return (light[:3] * light[3:4] // MAX_BYTE).astype(np.uint8)


CONVERSIONS: dict[int, tuple[Callable[[Bytes], Bytes], int]] = {
    Photometric.MIN_IS_WHITE: (_inverted_gray, 1),
    Photometric.MIN_IS_BLACK: (_gray, 1),
    Photometric.MASK: (_gray, 1),
    Photometric.RGB: (_same, 3),
    Photometric.PALETTE: (_same, 1),
    Photometric.SEPARATED: (_from_inks, 4),
    Photometric.YCBCR: (_same, 3),  # decoding has made RGB of it
}
"""Conversions by photometric interpretation, and how many samples they take."""
