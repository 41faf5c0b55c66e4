"""Which samples of a level count: what masks, nodata, NaN leave of them (gdal.overviews.valid)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.mask import differs

Bools = NDArray[np.bool_]

Plane = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Counting:
    """Which samples count, and what stands where none does.

    Attributes:
        dtype: of the samples.
        low, high: samples between them (inclusive) are read as nodata; None without nodata, or
            where it is NaN.
        drops_nan: whether NaN never counts.
        nan_is_nodata: whether NaN is the nodata value.
        fill: what stands where no sample counts.
        moved: what a mean that would be read as nodata becomes.
        most: largest value that the bits of a sample hold; None = that of the dtype.
    """

    dtype: np.dtype[Any]
    low: Any = None
    high: Any = None
    drops_nan: bool = False
    nan_is_nodata: bool = False
    fill: Any = 0
    moved: Any = None
    most: Any = None

    @property
    def has_nodata(self) -> bool:
        """Whether there is a nodata value that samples can equal, NaN apart."""
        return self.low is not None

    @property
    def has_fill(self) -> bool:
        """Whether there is a nodata value, NaN included, that stands where no sample counts."""
        return self.has_nodata or self.nan_is_nodata

    def counts(self, plane: Plane, valid: Bools | None) -> Bools | None:
        """Return which samples of (rows, cols) count; None if all do."""
        out = valid
        if self.has_nodata:
            is_one = self.low == self.high
            out = _both(out, np.not_equal(plane, self.low) if is_one else ~self.is_nodata(plane))
        if self.drops_nan and has_nan(plane):
            out = _both(out, ~np.isnan(plane))
        return None if out is None or out.all() else out

    def is_nodata(self, plane: Plane) -> Bools:
        """Return which samples are read as nodata, NaN apart."""
        if self.low == self.high:
            return np.equal(plane, self.low)
        return (plane >= self.low) & (plane <= self.high)

    def settle(self, plane: Plane, some: Bools | None, *, moves: bool = True) -> None:
        """Put in place what is left: no mean is read as nodata (gdal.overviews.nodata).

        None is more than the bits of a sample hold, either.
        `some` (rows, cols) says where any sample counted; None: everywhere. With `moves` False
        means stay as they are.
        """
        if self.most is not None:
            np.minimum(plane, self.most, out=plane)
        if self.has_nodata and moves:
            np.copyto(plane, self.moved, where=self.is_nodata(plane))
        if some is not None:
            np.copyto(plane, self.fill, where=~some)


def make_counting(
    dtype: np.dtype[Any], nodata: float | None, *, gdal: bool, bits: int | None = None
) -> Counting:
    """Make it from a file's nodata value; one that no sample can equal is none.

    Args:
        dtype: of the samples.
        nodata: as the file has it.
        gdal: whether NaN counts, as to GDAL.
        bits: of an unsigned sample, where they are fewer than those of the dtype.
    """
    if dtype.kind in "iu":
        return _of_integers(dtype, nodata, bits)
    real = np.dtype(np.real(dtype.type(0)).dtype)
    if nodata is None:
        fill = real.type(0 if gdal else np.nan)
        return Counting(real, drops_nan=not gdal, fill=fill)
    value = real.type(nodata)
    if np.isnan(value):
        return Counting(real, drops_nan=True, nan_is_nodata=True, fill=value)
    low, high = _edge(value, -1), _edge(value, 1)
    with np.errstate(over="ignore"):
        ahead = np.nextafter(value if gdal else high, real.type(np.inf))
        behind = np.nextafter(value if gdal else low, real.type(-np.inf))
    moved = ahead if np.isfinite(ahead) else behind
    return Counting(real, low, high, drops_nan=not gdal, fill=value, moved=moved)


def _of_integers(dtype: np.dtype[Any], nodata: float | None, bits: int | None) -> Counting:
    info = np.iinfo(dtype)
    largest = info.max if bits is None else min(info.max, (1 << bits) - 1)
    most = dtype.type(largest) if largest < info.max else None
    can_equal = nodata is not None and np.isfinite(nodata) and nodata == int(nodata)
    if nodata is None or not can_equal or not info.min <= int(nodata) <= info.max:
        return Counting(dtype, most=most)
    value = int(nodata)
    moved = value + 1 if value < largest else value - 1
    as_is = dtype.type(value)
    return Counting(dtype, as_is, as_is, fill=as_is, moved=dtype.type(moved), most=most)


def mode_fill(counting: Counting) -> Counting:
    """Return it with what GDAL's mode fills with: it takes signed integers for unsigned ones."""
    is_lost = counting.dtype.kind == "i" and counting.dtype.itemsize > 1 and counting.fill < 0
    return replace(counting, fill=counting.dtype.type(0)) if is_lost else counting


def _edge(value: Any, sign: int) -> Any:  # noqa: ANN401 - a scalar of any float dtype
    """Return the last float, going up or down from nodata, that is read as nodata.

    Those that are lie side by side: a few, or all whose sum with a large nodata overflows.
    """
    if not np.isfinite(value):
        return value
    dtype = value.dtype
    near, far = (_rank(number) for number in (value, dtype.type(sign * np.inf)))
    while abs(far - near) > 1:
        middle = (near + far) // 2
        if differs(np.array([_ranked(middle, dtype)]), value).item():
            far = middle
        else:
            near = middle
    return _ranked(near, dtype)


def _rank(number: Any) -> int:  # noqa: ANN401 - likewise
    """Return the place of a float among those of its dtype, 0 for 0."""
    magnitude = np.abs(number)
    place = int(magnitude.view(f"i{magnitude.dtype.itemsize}"))
    return -place if np.signbit(number) else place


def _ranked(rank: int, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401 - likewise
    """Return the float of a place."""
    magnitude = np.array(abs(rank), f"i{dtype.itemsize}").view(dtype)[()]
    return -magnitude if rank < 0 else magnitude


def has_nan(values: NDArray[Any]) -> bool:
    """Return whether any is NaN, which the least of them is then: faster than to ask each."""
    return bool(np.isnan(values.min()))


def _both(one: Bools | None, other: Bools) -> Bools:
    return other if one is None else one & other


def any_of(valid: Bools, rows: int, cols: int, taps: tuple[int, int]) -> Bools:
    """Return (rows, cols), whether any of the pixels that count for it is valid.

    `valid` starts at the first tap of the first one.
    """
    out = np.zeros((rows, cols), np.bool_)
    for row in range(taps[0]):
        for col in range(taps[1]):
            out |= valid[row : row + 2 * rows : 2, col : col + 2 * cols : 2][:rows, :cols]
    return out
