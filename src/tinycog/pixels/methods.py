"""Resampling methods by name: the one list of what `resample` and `warp` can do.

A new method is added here, then in `resample.axis` (its weights) or `resample.bands` (what is no
weighted mean), and in `warp.kernels` if it warps. `window.OVERSAMPLING` says which level it reads.
"""

from __future__ import annotations

RESAMPLING = ("nearest", "bilinear", "cubic", "average", "mean", "mode", "min", "max", "sample")
"""Methods of `resample`; "mean" is another name for "average"."""

WARPING = ("nearest", "bilinear", "cubic", "average", "mean")
"""Methods of `warp`, each of which `resample` has too."""

PICKING = ("nearest", "sample")
"""Methods that take single pixels as they are: a masked pixel never blends into another."""

KERNELS = ("bilinear", "cubic")
"""Methods that convolve with a kernel."""
