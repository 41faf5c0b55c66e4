"""Samples to what a person would look at: 8-bit RGB or RGBA (tiff.colour.rgb).

Samples stay data everywhere else: a palette index is a number, MinIsWhite is not inverted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UnsupportedError
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Photometric, name_of

Pixels = NDArray[np.generic]

Bytes = NDArray[np.uint8]

ALPHAS = (1, 2)
"""Values of ExtraSamples that are alpha: associated and unassociated."""

TOP = 255

WORDS_OF_BYTES = 257
"""What a 16-bit colour is divided by to give 8 bits: 65535 becomes 255."""


def to_rgb(image: Image, pixels: Pixels, colormap: NDArray[np.uint16] | None) -> Bytes:
    """Turn (bands, rows, cols) as decoded into uint8 (3, rows, cols), or 4 bands with alpha.

    `colormap` is (entries, 3), needed for a palette only.

    Raises:
        UnsupportedError: the photometric, or samples that are not unsigned integers.
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
        if kind in ALPHAS
    ]
    return np.concatenate([colours, *alpha[:1]]) if alpha else colours


def _conversion(image: Image) -> tuple[Callable[[Bytes], Bytes], int]:
    """How colour samples become RGB, and how many there are."""
    try:
        return CONVERSIONS[image.photometric]
    except KeyError:
        name = name_of(Photometric, image.photometric)
        message = f"colours of photometric {name} are not supported"
        raise UnsupportedError(message, feature="photometric", value=image.photometric) from None


def _to_bytes(samples: Pixels, bits: int) -> Bytes:
    """Unsigned samples of any width to 8 bits, the full range to the full range."""
    if bits == 8:  # noqa: PLR2004
        return samples.astype(np.uint8, copy=False)
    return np.rint(samples.astype(np.float64) * (TOP / (2.0**bits - 1))).astype(np.uint8)


def _palette(pixels: Pixels, colormap: NDArray[np.uint16] | None) -> Bytes:
    """Look indexes up; maps whose values all fit 8 bits were written so (tiff.colour.palette)."""
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
    scale = 1 if colormap.max(initial=0) <= TOP else WORDS_OF_BYTES
    return (colormap // scale).astype(np.uint8)


def _gray(light: Bytes) -> Bytes:
    return np.repeat(light, 3, axis=0)


def _inverted_gray(dark: Bytes) -> Bytes:
    return np.repeat(TOP - dark, 3, axis=0)


def _same(colours: Bytes) -> Bytes:
    return colours


def _from_inks(inks: Bytes) -> Bytes:
    """CMYK without a profile, as libtiff computes it (tiff.colour.cmyk)."""
    light = TOP - inks.astype(np.uint16)
    return (light[:3] * light[3:4] // TOP).astype(np.uint8)


CONVERSIONS: dict[int, tuple[Callable[[Bytes], Bytes], int]] = {
    Photometric.MIN_IS_WHITE: (_inverted_gray, 1),
    Photometric.MIN_IS_BLACK: (_gray, 1),
    Photometric.MASK: (_gray, 1),
    Photometric.RGB: (_same, 3),
    Photometric.PALETTE: (_same, 1),
    Photometric.SEPARATED: (_from_inks, 4),
    Photometric.YCBCR: (_same, 3),  # decoding has made RGB of it
}
"""By photometric: the function, and how many samples it takes."""
