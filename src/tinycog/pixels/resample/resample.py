"""Resample a window to another shape.

The rules are those of GDAL's RasterIO, so that the result is that of `rasterio`'s
`read(window=..., out_shape=..., resampling=...)`. Both axes are independent: an `Axis` holds the
source pixels that count for each output pixel, and their weights. No I/O, numpy only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.checks import check_method
from tinycog.errors import UsageError
from tinycog.pixels.methods import PICKING, REAL_ONLY, RESAMPLING
from tinycog.pixels.resample.axis import Axis, Bools, axes
from tinycog.pixels.resample.bands import worker
from tinycog.window import Window


def resample(
    data: NDArray[Any],
    mask: Bools | None,
    window: tuple[float, float, float, float],
    shape: tuple[int, int],
    method: str = "nearest",
) -> tuple[NDArray[Any], Bools | None]:
    """Resample a window of `data` to another shape.

    Output pixel (i, j) covers rows `row_off + i * height / rows` to
    `row_off + (i + 1) * height / rows`, columns alike; its centre is half a step further.

    - nearest: the source pixel in which the centre lies (on a border: the right, the lower one).
    - bilinear, cubic: weighted mean around the centre by a tent of radius 1 pixel, by the cubic
      convolution (a = -0.5) of radius 2. Where the output is coarser, the kernel is widened to
      output pixels. It extends beyond the window into `data`; at the edge of `data` the rest of
      the kernel is scaled up to a weight of 1.
    - average, mean: mean of the pixels covered, weighted by the area covered.
    - rms: the root of the mean of squares, likewise. sum: of the pixels covered, each weighted by
      the part of it that is.
    - cubic_spline, lanczos: as cubic, by a B-spline of radius 2, by a windowed sinc of radius 3.
    - gauss: binomial weights of 3, 5 or 7 pixels each way, for results up to 2, 4 or more times
      coarser, around the middle of the pixels touched.
    - med, q1, q3: the value that a half, a quarter, three quarters of the pixels touched are
      not above.
    - mode: the most frequent value among the pixels touched, each counting once; on a tie the
      one that gets there first, row by row. NaN equals NaN.
    - min, max: of the pixels touched.
    - sample: the source pixel in which the top left corner lies (Earth Engine's name).

    Masked pixels never count; the remaining weights are scaled up (bilinear and cubic: within each
    row first, then among the rows, as in GDAL). Cubic weights can cancel out, so the result is
    masked too where less than half of a row (or of the rows) is valid in one run, as in GDAL, or
    where valid weights add up to less than a tenth. Without a mask NaN is an ordinary number and
    spreads; GDAL too omits only what nodata or a mask excludes. Sums are in float64, integers are
    rounded half away from zero and clipped to their range. An average that happens to equal the
    nodata value is not changed (GDAL shifts it by one): the mask distinguishes them.

    Args:
        data: (bands, rows, cols) of any dtype; min and max not of complex numbers.
        mask: (rows, cols), True = valid, or None: all valid.
        window: (col_off, row_off, width, height) in pixels of `data`, may be fractional, and may
            extend beyond it: nothing there is valid.
        shape: (rows, cols) of the output.
        method: one of `methods.RESAMPLING`.

    Returns:
        Data (bands, rows, cols) of the same dtype, 0 where nothing valid counted, and its mask
        (rows, cols); no mask if none was given and the window does not reach out of `data`.

    Raises:
        UsageError: an argument is wrong.
    """
    _check(data, mask, method)
    across, down = axes(window, shape, data.shape[1:], method)
    row_start, row_stop = down.reach
    col_start, col_stop = across.reach
    part = np.s_[row_start:row_stop, col_start:col_stop]
    # from here on only the pixels that count, so that no copy is larger
    data = data[(slice(None), *part)]
    mask = None if mask is None else mask[part]
    down, across = down.moved(-row_start), across.moved(-col_start)
    if method in PICKING:
        return _pick(data, mask, down, across)
    out = np.zeros((len(data), *shape), data.dtype)
    with np.errstate(all="ignore"):  # infinite and signalling values are valid data
        bands, valid = worker(data.dtype, mask, down, across, method)
        for band, target in zip(data, out, strict=True):
            target[...] = bands(band)
            target[~valid] = 0
    return out, None if mask is None and valid.all() else valid


def support(
    window: tuple[float, float, float, float],
    shape: tuple[int, int],
    source_shape: tuple[int, int],
    method: str,
) -> Window:
    """Return the source pixels that `resample` needs.

    Args:
        window: as in `resample`.
        shape: as in `resample`.
        method: as in `resample`.
        source_shape: (rows, cols) of the whole source.

    Returns:
        Whole pixels inside the source; of width or height 0 if the window lies outside.
    """
    across, down = axes(window, shape, source_shape, method)
    (col, col_stop), (row, row_stop) = across.reach, down.reach
    return Window(col, row, col_stop - col, row_stop - row)


def needed_for(
    asked: Bools,
    window: tuple[float, float, float, float],
    source_shape: tuple[int, int],
    method: str,
) -> Bools:
    """Return the source pixels that `resample` needs for some pixels of its output.

    Args:
        asked: which pixels of the output, (rows, cols).
        window: as in `resample`.
        source_shape: (rows, cols) of the whole source.
        method: as in `resample`.

    Returns:
        (rows, cols) of the pixels that `support` returns.
    """
    across, down = axes(window, asked.shape, source_shape, method)
    return _reached(_reached(asked, down).T, across).T


def _reached(asked: Bools, axis: Axis) -> Bools:
    """Return the source lines that lines of the output need: (n, m) to (source, m)."""
    first, last = axis.reach
    found = np.zeros((last - first, asked.shape[1]), np.bool_)
    for i in np.flatnonzero(axis.some & asked.any(axis=1)):
        found[axis.start[i] - first : axis.stop[i] - first] |= asked[i]
    return found


def _pick(
    data: NDArray[Any], mask: Bools | None, down: Axis, across: Axis
) -> tuple[NDArray[Any], Bools | None]:
    """Pick the one source pixel of each output pixel."""
    inside = down.some[:, None] & across.some
    if not inside.any():
        return np.zeros((len(data), *inside.shape), data.dtype), inside
    rows, cols = np.where(down.some, down.start, 0), np.where(across.some, across.start, 0)
    out = data[:, rows[:, None], cols]
    valid = inside if mask is None else inside & mask[rows[:, None], cols]
    out[:, ~valid] = 0
    return out, None if mask is None and valid.all() else valid


def _check(data: NDArray[Any], mask: Bools | None, method: str) -> None:
    check_method(method, RESAMPLING)
    if data.ndim != 3:  # noqa: PLR2004 - (bands, rows, cols)
        message = f"data has {data.ndim} dimensions, expected 3: (bands, rows, cols)"
        raise UsageError(message)
    if mask is not None and mask.shape != data.shape[1:]:
        message = f"the mask's shape is {mask.shape}, expected {data.shape[1:]} as of the data"
        raise UsageError(message)
    if data.dtype.kind == "c" and method in REAL_ONLY:
        message = (
            f"resampling {method!r} of complex numbers is not defined, expected another method"
        )
        raise UsageError(message)
