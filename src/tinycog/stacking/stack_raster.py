"""Pixels of a stack that were read, and where and when they lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import Finding
from tinycog.geo.lazy import Placement
from tinycog.pixels.account import Account
from tinycog.stacking.stack_files import StackStep
from tinycog.window import Window

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.crs import Crs
    from tinycog.geo.transform import BoundingBox


@dataclass(frozen=True, eq=False)
class StackRaster:
    """Pixels of a stack that were read, and where and when they lie.

    `np.asarray(raster)` is its data.

    Attributes:
        data: (time, band, row, col). Samples that are not valid are nodata, or 0 without one.
        band_masks: (time, band, row, col), True where a sample is valid.
        losses: (time, row, col), why a pixel without a valid sample holds none of a file (`Loss`);
            None where each holds one.
        steps: what each step in time is made of.
        bands: name of each band, None for one without.
        window: pixels of the grid of the stack that these are.
        place: where `data` lies; `transform`, `bounds` and `crs` come from it.
        nodata: value of samples that are not valid, where all files have the same; else None.
        accounts: for each step how many pixels are valid, and what became of the others.
        band_accounts: the same for each step and band, of samples.
        findings: oddities of stored tiles; files that could not be read, by name.
    """

    data: NDArray[Any]
    band_masks: NDArray[np.bool_]
    losses: NDArray[np.uint8] | None
    steps: tuple[StackStep, ...]
    bands: tuple[str | None, ...]
    window: Window
    place: Placement
    nodata: int | float | None
    accounts: tuple[Account, ...]
    band_accounts: tuple[tuple[Account, ...], ...]
    findings: tuple[Finding, ...] = ()

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(time, row, col), True where a pixel is valid in any band."""
        return self.band_masks.any(axis=1)

    @property
    def times(self) -> NDArray[np.datetime64]:
        """(time,) of datetime64[us], in UTC: the time of each step; NaT where none is known."""
        return np.array([step.time for step in self.steps], "datetime64[us]")

    @property
    def account(self) -> Account:
        """Pixels of all steps together, by what became of them."""
        return Account(*(sum(counts) for counts in zip(*self.accounts, strict=True)))

    @property
    def shape(self) -> tuple[int, ...]:
        """(time, band, row, col)."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numpy dtype of the samples."""
        return self.data.dtype

    @property
    def transform(self) -> Affine:
        """Affine transform from (col, row) of `data` to (x, y)."""
        return self.place.transform(self.data.shape[2:])

    @property
    def crs(self) -> Crs | None:
        """CRS of the coordinates, None if the files name none."""
        return self.place.crs

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates."""
        return self.place.bounds(self.data.shape[2:])

    def masked(self) -> np.ma.MaskedArray[Any, Any]:
        """Return the pixels as a numpy masked array, whose mask is True where they are invalid."""
        return np.ma.MaskedArray(self.data, ~self.band_masks, fill_value=self.nodata)

    def __array__(
        self,
        dtype: np.dtype[Any] | None = None,
        copy: bool | None = None,  # noqa: FBT001 - numpy's
    ) -> NDArray[Any]:
        """Return the pixels as numpy asks for them."""
        return np.array(self.data, dtype, copy=copy)

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.data)

    def __repr__(self) -> str:
        """Return sizes, times and account in a line."""
        steps, bands, rows, cols = self.shape
        known = [str(step.time)[:10] for step in self.steps if not np.isnat(step.time)]
        when = f" from {known[0]} to {known[-1]}" if known else ""
        account = self.account
        share = account.valid / account.asked if account.asked else 0.0
        return (
            f"<StackRaster: {steps} steps{when}, {bands} bands of {self.dtype},"
            f" {cols} x {rows}, {share:.1%} valid>"
        )
