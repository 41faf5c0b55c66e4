"""One sample of each pixel of a block, by the method that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.methods import KERNELS
from tinycog.pixels.overviews import halves, means, picks
from tinycog.pixels.overviews.as_gdal import gdal_means
from tinycog.pixels.overviews.axis import HalvedAxis
from tinycog.pixels.overviews.counting import Bools, Counting, Plane, has_nan

Made = tuple[Plane, Bools | None]
"""Samples (rows, cols), and where any counted; None: everywhere."""

Box = tuple[int, int, int, int]
"""First row and column, and those behind the last."""


@dataclass(frozen=True, slots=True)
class PlaneMaker:
    """Makes one sample of each pixel of a block.

    Planes hold the pixels from the first tap on to the last, those outside of the image included,
    which weigh nothing.

    Attributes:
        method: "average", "mode", "min", "max", "rms", "bilinear" or "cubic".
        axes: of rows and columns.
        area: both, of the pixels that are covered; others than `axes` for kernels only.
        counting: which samples count.
        has_mask: whether samples may not count because of a mask or nodata.
        is_gdal: whether results are GDAL's to the bit.
    """

    method: str
    axes: tuple[HalvedAxis, HalvedAxis]
    area: tuple[HalvedAxis, HalvedAxis]
    counting: Counting
    has_mask: bool
    is_gdal: bool

    def made(
        self,
        plane: Plane,
        counts: Bools | None,
        amount: NDArray[Any] | None,
        inside: Bools | None,
        block: Box,
    ) -> Made:
        """Make a block of one sample, nodata settled.

        Args:
            plane: samples.
            counts: which of them count; None = all.
            amount: by how much each counts in means; None = alike.
            inside: which lie inside of the image; None = all.
            block: what is made.
        """
        if plane.dtype.kind == "c":
            return self._complex(plane, counts, block)
        made, some = self._by_method(plane, counts, amount, inside, block)
        is_settled = self.is_gdal and not self._is_exact_half(plane)
        self.counting.settle(made, some, moves=not is_settled)
        return made, some

    def makes_all(self, pixels: NDArray[Any]) -> bool:
        """Whether `all_made` makes blocks of such pixels, (rows, cols, samples)."""
        is_whole = pixels.dtype.kind in "iu" and pixels.dtype.itemsize in halves.WIDE
        is_interleaved = pixels.strides[2] == pixels.itemsize
        is_mean = self.method == "average" and self.is_pairs and is_whole
        is_made = not self.is_gdal or self._is_exact_half(pixels)
        return is_mean and is_interleaved and is_made

    def all_made(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Make a block of all samples at once, which is faster, if all of them count."""
        made = halves.integer_means(pixels)
        self.counting.settle(made, None)
        return made

    def _complex(self, plane: Plane, counts: Bools | None, block: Box) -> Made:
        """Make the real and the imaginary parts of complex numbers."""
        real, some = self.made(np.ascontiguousarray(np.real(plane)), counts, None, None, block)
        imaginary, _ = self._by_method(
            np.ascontiguousarray(np.imag(plane)), counts, None, None, block
        )
        if some is not None:
            np.copyto(imaginary, 0, where=~some)
        return np.stack([real, imaginary], axis=-1).view(plane.dtype)[:, :, 0], some

    def _by_method(
        self,
        plane: Plane,
        counts: Bools | None,
        amount: NDArray[Any] | None,
        inside: Bools | None,
        block: Box,
    ) -> Made:
        if self.method in {"mode", "min", "max"}:
            counting = inside if counts is None else counts if inside is None else counts & inside
            return self._picked(plane, counting, block)
        if self.is_gdal and not self._is_exact_half(plane):
            return self._as_gdal(plane, counts, inside, block)
        if self.method in KERNELS:
            return self._by_kernel(plane, counts, block)
        if self.method == "average":
            return self._mean(plane, counts, amount, block)
        weights = self._units(block)
        return means.root_means(plane, counts, *weights)

    @property
    def is_pairs(self) -> bool:
        """Whether each pixel is 2 x 2 pixels that count alike."""
        return all(axis.is_pairs for axis in self.area)

    def _is_exact_half(self, plane: Plane) -> bool:
        """Whether GDAL has nothing of its own: 2 x 2 samples of up to 16 bits without a sign."""
        return self.is_pairs and plane.dtype.kind == "u" and plane.dtype.itemsize <= 2  # noqa: PLR2004

    def _picked(self, plane: Plane, counts: Bools | None, block: Box) -> Made:
        shape = (block[2] - block[0], block[3] - block[1])
        taps = (self.axes[0].taps, self.axes[1].taps)
        if self.method == "mode":
            return picks.modes(plane, counts, shape, taps)
        return picks.extremes(plane, counts, shape, taps, greatest=self.method == "max")

    def _as_gdal(
        self, plane: Plane, counts: Bools | None, inside: Bools | None, block: Box
    ) -> Made:
        if self.has_mask and counts is None:
            counts = np.ones(plane.shape, np.bool_) if inside is None else inside
        return gdal_means(plane, counts, self.axes, block, self.counting)

    def _mean(
        self, plane: Plane, counts: Bools | None, amount: NDArray[Any] | None, block: Box
    ) -> Made:
        """Average what counts, by the part covered and by `amount` (gdal.overviews.average)."""
        if amount is not None and counts is not None:
            amount = np.where(counts, amount, 0)
        if plane.dtype.kind == "f":
            return self._float_mean(plane, counts, amount, block)
        if amount is None and self.is_pairs and plane.dtype.itemsize in halves.WIDE:
            if counts is None:
                return halves.integer_means(plane[:, :, None])[:, :, 0], None
            return halves.some_means(plane, counts)
        shares = self._shares(block)
        return means.integer_means(plane, counts if amount is None else amount, *shares)

    def _float_mean(
        self, plane: Plane, counts: Bools | None, amount: NDArray[Any] | None, block: Box
    ) -> Made:
        if amount is not None or not self.is_pairs:
            weights = self._units(block)
            made, some = means.float_means(plane, counts if amount is None else amount, *weights)
        elif self.has_mask or plane.dtype.itemsize == 2:  # noqa: PLR2004 - halves are not added
            made, some = halves.some_float_means(plane, counts)
        else:
            made, some = halves.float_means(plane), None
            if has_nan(made):
                repaired, some = halves.some_float_means(plane, ~np.isnan(plane))
                np.copyto(made, repaired, where=np.isnan(made))
        if not self.is_gdal and has_nan(made):
            # infinities of both signs: what lies between them, not what may be nodata
            np.copyto(made, 0, where=np.isnan(made))
        return made, some

    def _by_kernel(self, plane: Plane, counts: Bools | None, block: Box) -> Made:
        """Weigh by a kernel; where its weights cancel out, and which count, is by the area."""
        weights = (
            self.axes[0].weights(block[0], block[2]),
            self.axes[1].weights(block[1], block[3]),
        )
        made, fits = means.kernel_means(plane, counts, *weights)
        if plane.dtype.kind == "f" and np.isnan(made).any():
            fits = ~np.isnan(made) if fits is None else fits & ~np.isnan(made)
        if fits is None:
            return made, None
        inner = None if counts is None else self.covered(counts, block)
        average, some = self._mean(self.covered(plane, block), inner, None, block)
        return np.where(fits, made, average), some

    def covered(self, plane: NDArray[Any], block: Box) -> NDArray[Any]:
        """Return the part of a plane that a block covers, from the first tap of `area` on."""
        rows, cols = (
            slice(start, start + 2 * count + area.taps - 2)
            for axis, area, count in zip(
                self.axes, self.area, (block[2] - block[0], block[3] - block[1]), strict=True
            )
            for start in (area.first - axis.first,)
        )
        return plane[rows, cols]

    def _shares(self, block: Box) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        down, across = self.area
        return down.shares(block[0], block[2]), across.shares(block[1], block[3])

    def _units(self, block: Box) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        down, across = self._shares(block)
        totals = [axis.total() for axis in self.area]
        return means.in_units(down, totals[0]), means.in_units(across, totals[1])
