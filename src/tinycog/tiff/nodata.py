"""GDAL's nodata tag: text to the value that samples can equal (gdal.nodata.*)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinycog.tiff.c_number import leading_number

if TYPE_CHECKING:
    from decimal import Decimal


def nodata_value(text: str, dtype: np.dtype[np.generic]) -> int | float | None:
    """Return nodata as a number that samples of `dtype` can equal, else None (gdal.nodata.value).

    Integers are exact, floats rounded to the dtype; `nan` and `inf` in any case.
    """
    number = _number(text)
    if number is None:
        return None
    if dtype.kind in "iu":
        info = np.iinfo(dtype.name)
        is_inside = number.is_finite() and info.min <= number <= info.max
        return int(number) if is_inside and number == int(number) else None
    with np.errstate(over="ignore"):
        return float(np.array(float(number)).astype(np.empty(0, dtype).real.dtype))


def fill_value(text: str | None, dtype: np.dtype[np.generic]) -> int | float:
    """Return the value of pixels that are not stored: nodata made to fit the dtype, else 0.

    Where samples cannot equal nodata, GDAL fills with the nearest value that they can have
    (gdal.nodata.fill).
    """
    number = None if text is None else _number(text)
    if text is None or number is None:
        return 0
    from decimal import ROUND_HALF_UP, Decimal  # noqa: PLC0415 - files with nodata only

    if dtype.kind not in "iu":
        return nodata_value(text, dtype) or 0.0
    info = np.iinfo(dtype.name)
    if number.is_nan():
        return 0
    nearest = min(max(number, Decimal(int(info.min))), Decimal(int(info.max)))
    return int(nearest.to_integral_value(ROUND_HALF_UP))


def _number(text: str) -> Decimal | None:
    """Parse nodata as stored, which may be padded with NULs and spaces (gdal.nodata.text)."""
    return leading_number(text.strip(" \0\t\r\n"))
