"""CIE L*a*b* to RGB for viewing (tiff.colour.lab)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UnsupportedError
from tinycog.tiff.spec import Photometric

LAB_SPACES = (Photometric.CIELAB, Photometric.ICCLAB)
"""Photometric interpretations that are read: a and b with a sign, or with an offset."""

Float = NDArray[np.float64]

WHITE = (0.9505, 1.0, 1.089)
"""XYZ of sRGB's white: the white of the picture becomes it."""

TO_LINEAR = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
"""XYZ to linear sRGB."""

BEND, SLOPE = 6 / 29, 0.0031308
"""Where L*a*b* and where sRGB leave their straight parts."""


def lab_to_rgb(samples: NDArray[Any], photometric: int, bits: int) -> NDArray[np.uint8]:
    """Convert (3, rows, cols) of 8 or 16 bits to uint8 RGB.

    Raises:
        UnsupportedError: samples have other bits.
    """
    if bits not in (8, 16):
        message = f"L*a*b* of {bits} bits is not supported"
        raise UnsupportedError(message, feature="BitsPerSample", value=bits)
    light = samples[0].astype(np.float64) * (100 / (2**bits - 1))
    unit = 1 << (bits - 8)
    if photometric == Photometric.CIELAB:
        a, b = (samples[i].view(f"i{bits // 8}").astype(np.float64) / unit for i in (1, 2))
    else:
        a, b = (samples[i].astype(np.float64) / unit - 128 for i in (1, 2))
    y = (light + 16) / 116
    xyz = np.stack([_linear(part) for part in (y + a / 500, y, y - b / 200)])
    xyz *= np.array(WHITE)[:, None, None]
    linear = np.clip(np.tensordot(TO_LINEAR, xyz, axes=1), 0, 1)
    curved = 1.055 * linear ** (1 / 2.4) - 0.055
    return np.rint(np.where(linear > SLOPE, curved, 12.92 * linear) * 255).astype(np.uint8)


def _linear(part: Float) -> Float:
    """Undo the cube root of L*a*b*."""
    return np.where(part > BEND, part**3, 3 * BEND**2 * (part - 4 / 29))
