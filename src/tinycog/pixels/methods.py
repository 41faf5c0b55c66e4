"""Resampling methods by name: what `resample` and `warp` can do, as `options` types them."""

from __future__ import annotations

from typing import get_args

from tinycog.argument_types import Resampling, WarpResampling

RESAMPLING: tuple[str, ...] = get_args(Resampling)
"""Methods of `resample`."""

WARPING: tuple[str, ...] = get_args(WarpResampling)
"""Methods of `warp`, each of which `resample` has too."""

PICKING = ("nearest", "sample")
"""Methods that take single pixels as they are: a masked pixel never blends into another."""

KERNELS = ("bilinear", "cubic")
"""Methods that convolve with a kernel."""
