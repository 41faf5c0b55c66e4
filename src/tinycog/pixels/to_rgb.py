"""Convert samples to 8-bit RGB or RGBA for viewing (tiff.colour.rgb).

Everywhere else samples stay data: a palette index is a number, MinIsWhite is not inverted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UnsupportedError
from tinycog.pixels.colouring import BYTE_BITS, CMYK_INKS, Colouring
from tinycog.pixels.lab import LAB_SPACES, lab_to_rgb
from tinycog.tiff.colormap import palette_unit
from tinycog.tiff.spec import ALPHA, ExtraSample, Photometric, name_of

Pixels = NDArray[np.generic]

Bytes = NDArray[np.uint8]

MAX_BYTE = 255


def to_rgb(
    colouring: Colouring, pixels: Pixels, colormap: NDArray[np.uint16] | None = None
) -> Bytes:
    """Convert decoded (bands, rows, cols) to uint8 (3, rows, cols), or 4 bands with alpha.

    `colormap` is (entries, 3), needed only for a palette. Associated alpha is divided out.

    Raises:
        UnsupportedError: the photometric interpretation has no conversion, or samples are not
            unsigned integers.
    """
    convert, count = _conversion(colouring)
    if pixels.dtype.kind != "u" or len(pixels) < count:
        message = f"{len(pixels)} bands of {pixels.dtype} have no colours of their own"
        raise UnsupportedError(message, feature="rgb", value=str(pixels.dtype))
    if colouring.photometric == Photometric.PALETTE:
        colours = _palette(pixels, colormap)
    elif colouring.photometric in LAB_SPACES:
        colours = lab_to_rgb(pixels[:3], colouring.photometric, colouring.bits)
    else:
        colours = convert(_to_bytes(pixels[:count], colouring.bits))
    for band, kind in zip(pixels[count:], colouring.extra_samples, strict=False):
        if kind in ALPHA:
            alpha = _to_bytes(band[None], colouring.bits)
            if kind == ExtraSample.ASSOCIATED_ALPHA:
                colours = _divided(colours, alpha)
            return np.concatenate([colours, alpha])
    return colours


def _conversion(colouring: Colouring) -> tuple[Callable[[Bytes], Bytes], int]:
    """Return the conversion of colour samples to RGB, and how many samples it takes."""
    if colouring.photometric == Photometric.SEPARATED and colouring.ink_set != CMYK_INKS:
        message = f"inks of InkSet {colouring.ink_set} have no known colours"
        raise UnsupportedError(message, feature="InkSet", value=colouring.ink_set)
    try:
        return CONVERSIONS[colouring.photometric]
    except KeyError:
        name = name_of(Photometric, colouring.photometric)
        message = f"colours of photometric {name} are not supported"
        raise UnsupportedError(
            message, feature="photometric", value=colouring.photometric
        ) from None


def _to_bytes(samples: Pixels, bits: int) -> Bytes:
    """Scale unsigned samples of `bits` bits to 8, full range to full range."""
    if bits == BYTE_BITS:
        return samples.astype(np.uint8, copy=False)
    return np.rint(samples.astype(np.float64) * (MAX_BYTE / (2.0**bits - 1))).astype(np.uint8)


def _divided(colours: Bytes, alpha: Bytes) -> Bytes:
    """Divide colours by the alpha that they are multiplied by."""
    whole = colours.astype(np.float64) * MAX_BYTE / np.maximum(alpha, 1)
    return np.minimum(np.rint(whole), MAX_BYTE).astype(np.uint8)


def _palette(pixels: Pixels, colormap: NDArray[np.uint16] | None) -> Bytes:
    """Look up indices; one beyond the map has its last colour (tiff.colour.palette)."""
    if colormap is None or not len(colormap):
        message = "a palette image without a usable ColorMap has no colours"
        raise UnsupportedError(message, feature="ColorMap")
    table = palette_table(colormap)
    index = np.minimum(pixels[0].astype(np.intp), len(table) - 1)
    return table[index].transpose(2, 0, 1)


def palette_table(colormap: NDArray[np.uint16]) -> Bytes:
    """Convert the colours of a palette to 8 bits."""
    return (colormap // palette_unit(colormap)).astype(np.uint8)


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
    **dict.fromkeys(LAB_SPACES, (_same, 3)),
}
"""Conversions by photometric interpretation, and how many samples they take."""
