"""Resampling methods by name: what `resample` and `warp` can do, as `options` types them."""

from __future__ import annotations

from typing import get_args

from tinycog.argument_types import Resampling, WarpResampling
from tinycog.tiff.spec import Photometric

RESAMPLING: tuple[str, ...] = get_args(Resampling)
"""Methods of `resample`."""

WARPING: tuple[str, ...] = get_args(WarpResampling)
"""Methods of `warp`, each of which `resample` has too."""

PICKING = ("nearest", "sample")
"""Methods that take single pixels as they are: a masked pixel never blends into another."""

KERNELS = ("bilinear", "cubic", "cubic_spline", "lanczos")
"""Methods that convolve with a kernel."""

SIGNED = ("cubic", "lanczos")
"""Those of them whose kernel has negative weights."""

QUANTILES = {"q1": 0.25, "med": 0.5, "q3": 0.75}
"""Methods that take a value of the pixels touched, and how many of them are below it."""

REAL_ONLY = ("min", "max", "rms", *QUANTILES)
"""Methods that are not defined for complex numbers."""

PICKING_INDICES = (*PICKING, "mode")
"""Methods that give an index of a palette which is there; an average of indices has no meaning."""


def method_for(photometric: int, method: str) -> str:
    """Return the method that suits samples: indices are never blended (tiff.colour.indices)."""
    blends_indices = photometric == Photometric.PALETTE and method not in PICKING_INDICES
    return "nearest" if blends_indices else method
