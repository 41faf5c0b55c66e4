"""Resample to the grid of another CRS: `warp_plan` finds the source pixels, `warp` samples them.

`warp_plan` takes the function that transforms coordinates, so that no projection library is
imported here. No I/O, numpy only::

    plan = warp_plan(transformer, dst_transform, dst_shape, src_transform, src_shape)
    level = ...                                  # by plan.resolution
    window = plan.support("bilinear", level.shape)
    data, mask = ...                             # read that window of that level
    data, mask = warp(data, mask, plan.on(level.shape, window), "bilinear")
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.checks import check_method
from tinycog.errors import UsageError
from tinycog.pixels.methods import WARPING
from tinycog.pixels.resample.axis import Bools
from tinycog.pixels.warp.kernels import Points, sample
from tinycog.pixels.warp.plan import Coords


def warp(
    data: NDArray[Any], mask: Bools | None, coords: Coords, method: str = "nearest"
) -> tuple[NDArray[Any], Bools]:
    """Sample a window of a level at the centres of the output's pixels.

    An output pixel is valid only if its centre lies in the source (borders included) and

    - nearest: the pixel that contains it is valid.
    - bilinear: some valid pixel is within the tent around it.
    - cubic: as bilinear; cubic convolution (a = -0.5) where all 4 by 4 pixels are valid, bilinear
      beside edges and masked pixels.
    - average, mean: mean, weighted by overlap, of a box as large as an output pixel (the median
      one, along the source's axes). Meant for levels at most about two times as fine as the
      output: a box of n by n pixels costs (n + 1)^2 steps.

    Where the output is coarser by more than 1 / 0.95, bilinear and cubic kernels are widened to
    output pixels, as by GDAL's warper. Masked pixels, and pixels outside, never count; the
    remaining weights are scaled up (gdal.warp.outside). Without a mask, NaN spreads to all pixels
    that it counts for. Integers are rounded half away from zero and clipped to their range.

    Args:
        data: (bands, rows, cols), the pixels of `coords.window`, at least of `WarpPlan.support`.
        mask: (rows, cols), True = valid, or None: all valid.
        coords: where the output's pixels lie, from `WarpPlan.on`.
        method: one of `methods.WARPING`.

    Returns:
        Data (bands, rows, cols) of the same dtype, 0 where not valid, and the mask (rows, cols).

    Raises:
        UsageError: the method is unknown, or a shape is not the window's.
    """
    check_method(method, WARPING)
    expected = (coords.window.height, coords.window.width)
    if data.ndim != 3 or data.shape[1:] != expected:  # noqa: PLR2004 - (bands, rows, cols)
        message = f"data has shape {data.shape}, expected bands and then {expected} of the window"
        raise UsageError(message)
    if mask is not None and mask.shape != expected:
        message = f"the mask's shape is {mask.shape}, expected {expected} as of the data"
        raise UsageError(message)
    data = np.ascontiguousarray(data)
    out = np.zeros((len(data), *coords.plan.shape), data.dtype)
    valid = np.zeros(coords.plan.shape, np.bool_)
    if not data.size:
        return out, valid
    for start, stop, x, y, inside in coords.blocks():
        points = Points(x[inside], y[inside], coords.resolution)
        with np.errstate(all="ignore"):  # infinite and signalling values are valid data
            values, is_valid = sample(data, mask, points, method)
        out[:, start:stop][:, inside] = values
        valid[start:stop][inside] = is_valid
    return out, valid
