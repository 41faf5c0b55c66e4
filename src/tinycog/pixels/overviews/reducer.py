"""One step down the pyramid: which pixels of a level make a block of the next one, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import OverviewMethod
from tinycog.errors import UnsupportedError, UsageError
from tinycog.pixels.methods import KERNELS
from tinycog.pixels.overviews import picks
from tinycog.pixels.overviews.axis import HalvedAxis, Sizing, kernel_axis, make_axis
from tinycog.pixels.overviews.counting import Bools, any_of, make_counting, mode_fill
from tinycog.pixels.overviews.halves import any_counts
from tinycog.pixels.overviews.planes import Box, PlaneMaker

POLICIES = {"MEAN": "average", "MIN": "min", "MAX": "max", "SAMPLE": "nearest", "MODE": "mode"}
"""Earth Engine's policies, each of exactly 2 x 2 pixels whatever the size."""

PICKING = ("nearest", "mode")
"""Methods whose results are samples that are there: for indices of a palette, and single bits."""

GDAL_METHODS = ("nearest", "average", "mode")
"""Methods that are GDAL's to the bit with `like="gdal"`."""

FINE_ALPHA = 2
"""Bytes of an integer alpha up to which it is a weight; a wider one is opaque or not."""

MOST_PARTS = 1 << 49
"""Parts of pixels up to which means of integers of 64 bits are exact."""


@dataclass(frozen=True, slots=True)
class Reducer:
    """Makes blocks of the next level from pixels of a level; safe to use from several threads.

    Attributes:
        method: "nearest", "average", "mode", "min", "max", "rms", "bilinear" or "cubic".
        dtype: of the samples, in native byte order.
        alpha: the sample that says how opaque a pixel is, counted from 0; None where that has no
            influence.
        maker: makes one sample of each pixel.
        ceiling: the sample that those before it must not exceed, counted from 0.
    """

    method: str
    dtype: np.dtype[Any]
    alpha: int | None
    maker: PlaneMaker
    ceiling: int | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """(rows, cols) of the next level."""
        down, across = self.maker.axes
        return down.count, across.count

    @property
    def margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((above, below), (left, right)): pixels of the level needed around a tile."""
        down, across = self.maker.axes
        return down.margins, across.margins

    def made_of(self, tile: Box) -> Box:
        """Return the block of the next level that a tile gives, given its margins.

        The tile starts at an even row and column, and ends at such, or where the image ends. The
        block may be empty: with `like="gdal"` a last odd row gives none of its own.
        """
        down, across = self.maker.axes
        row, row_stop = down.made_of(tile[0], tile[2])
        col, col_stop = across.made_of(tile[1], tile[3])
        return row, col, max(row, row_stop), max(col, col_stop)

    def support(self, block: Box) -> Box:
        """Return the pixels of the level that a block of the next one needs, inside the image."""
        down, across = self.maker.axes
        row, row_stop = down.support(block[0], block[2])
        col, col_stop = across.support(block[1], block[3])
        return row, col, row_stop, col_stop

    def reduce(
        self, pixels: NDArray[Any], valid: Bools | None, block: Box
    ) -> tuple[NDArray[Any], Bools | None]:
        """Make a block of the next level; the result does not depend on how it is cut into blocks.

        Args:
            pixels: (rows, cols, samples), exactly those of `support(block)`; may be a view.
            valid: (rows, cols), which of them are valid; None = all.
            block: what is made.

        Returns:
            (rows, cols, samples), and which of its pixels are valid: those of which any pixel that
            counts is (None = all). What is not valid holds nodata, or 0.

        Raises:
            UsageError: the pixels are not those of the block.
        """
        self._check(pixels, valid, block)
        if valid is not None and valid.all():
            valid = None
        shape = (block[2] - block[0], block[3] - block[1])
        if 0 in shape:
            return np.empty((*shape, pixels.shape[2]), self.dtype), None
        with np.errstate(all="ignore"):
            if self.method == "nearest":
                return self._nearest(pixels, valid, block)
            return self._made(pixels, valid, block, shape)

    def _check(self, pixels: NDArray[Any], valid: Bools | None, block: Box) -> None:
        row, col, row_stop, col_stop = self.support(block)
        expected = (row_stop - row, col_stop - col)
        if pixels.shape[:2] != expected or (valid is not None and valid.shape != expected):
            found = pixels.shape[:2] if valid is None else (pixels.shape[:2], valid.shape)
            message = f"the pixels of block {block} have shape {found}, expected {expected}"
            raise UsageError(message)
        if pixels.dtype != self.dtype:
            message = f"the pixels of block {block} are {pixels.dtype}, expected {self.dtype}"
            raise UsageError(message)

    def _nearest(
        self, pixels: NDArray[Any], valid: Bools | None, block: Box
    ) -> tuple[NDArray[Any], Bools | None]:
        """Take single pixels, as they are."""
        down, across = self.maker.axes
        row, col, *_ = self.support(block)
        every: Any = (slice(None, None, 2), slice(None, None, 2))
        if not (down.is_pairs and across.is_pairs):
            every = (
                down.nearest(block[0], block[2]) - row,
                across.nearest(block[1], block[3]) - col,
            )
        rows, cols = every
        left = None if valid is None else valid[rows][:, cols]
        return _picked(pixels, rows, cols), None if left is None or left.all() else left.copy()

    def _made(
        self, pixels: NDArray[Any], valid: Bools | None, block: Box, shape: tuple[int, int]
    ) -> tuple[NDArray[Any], Bools | None]:
        """Make each sample, and the mask."""
        pixels, valid, inside = self._padded(pixels, valid, block)
        if (
            valid is None
            and self.alpha is None
            and self.maker.makes_all(pixels)
            and self.maker.counting.counts(pixels, None) is None
        ):
            return self.maker.all_made(pixels), None
        out = np.empty((*shape, pixels.shape[2]), self.dtype)
        for sample in range(pixels.shape[2]):
            counts, amount = self._counting(pixels, sample, valid)
            plane = pixels[:, :, sample]
            out[:, :, sample], _ = self.maker.made(plane, counts, amount, inside, block)
        if self.ceiling is not None:
            colours, alpha = out[:, :, : self.ceiling], out[:, :, self.ceiling, None]
            np.minimum(colours, alpha, out=colours)
        if valid is None:
            return out, None
        left = self._valid(valid, inside, block, shape)
        if not self.maker.counting.has_fill and not self._ignores_masks:
            out[~left] = 0
        return out, None if left.all() else left

    def _padded(
        self, pixels: NDArray[Any], valid: Bools | None, block: Box
    ) -> tuple[NDArray[Any], Bools | None, Bools | None]:
        """Add what taps outside of the image stand on, and say which pixels lie inside.

        The last pixels of pairs are there twice; others weigh nothing.
        """
        down, across = self.maker.axes
        pads = (down.padding(block[0], block[2]), across.padding(block[1], block[3]))
        if not any(map(any, pads)):
            return pixels, valid, None
        mode = "edge" if self.maker.is_pairs and self.method not in KERNELS else "constant"
        inside = None
        if mode == "constant":
            inside = np.pad(np.ones(pixels.shape[:2], np.bool_), pads)
        wider = np.pad(pixels, (*pads, (0, 0)), mode=mode)
        return wider, None if valid is None else np.pad(valid, pads, mode=mode), inside

    def _counting(
        self, pixels: NDArray[Any], sample: int, valid: Bools | None
    ) -> tuple[Bools | None, NDArray[Any] | None]:
        """Return which of one sample count, and by how much."""
        maker, plane = self.maker, pixels[:, :, sample]
        if self._ignores_masks:
            return maker.counting.counts(plane, None), None
        amount = None
        if self.alpha is not None and (maker.is_gdal or sample != self.alpha):
            alpha = pixels[:, :, self.alpha]
            if self._weighs_alpha:
                amount = np.where(np.isfinite(alpha) & (alpha > 0), alpha, 0)
            elif not (maker.is_gdal and self.method == "mode" and sample == self.alpha):
                opaque = np.greater(alpha, 0)
                valid = opaque if valid is None else valid & opaque
        return maker.counting.counts(plane, valid), amount

    @property
    def _ignores_masks(self) -> bool:
        """Whether values count whatever the mask says: GDAL's mode of bytes."""
        return self.maker.is_gdal and self.method == "mode" and self.dtype == np.uint8

    @property
    def _weighs_alpha(self) -> bool:
        """Whether colours count by their alpha, not only where that is not 0."""
        is_fine = self.dtype.kind == "f" or self.dtype.itemsize <= FINE_ALPHA
        return is_fine and self.method == "average" and not self.maker.is_gdal

    def _valid(
        self, valid: Bools, inside: Bools | None, block: Box, shape: tuple[int, int]
    ) -> Bools:
        """Return which pixels of a block are valid."""
        down, across = self.maker.area
        taps = (down.taps, across.taps)
        if self.maker.is_gdal and self.method == "mode":
            return picks.modes(valid, inside, shape, taps)[0]
        if self.maker.is_pairs:
            return any_counts(self.maker.covered(valid, block))
        return any_of(self.maker.covered(valid, block), *shape, taps)


def _picked(pixels: NDArray[Any], rows: Any, cols: Any) -> NDArray[Any]:  # noqa: ANN401 - indices
    """Return pixels of some rows and columns, copied one sample after the other."""
    lines = pixels[rows]
    first = lines[:, cols, 0]
    out = np.empty((*first.shape, pixels.shape[2]), pixels.dtype)
    out[:, :, 0] = first
    for sample in range(1, pixels.shape[2]):
        out[:, :, sample] = lines[:, cols, sample]
    return out


def make_reducer(
    method: OverviewMethod,
    dtype: np.dtype[Any],
    rows: int,
    cols: int,
    *,
    like: Literal["gdal"] | None = None,
    nodata: float | None = None,
    alpha: int | None = None,
    associated: bool = False,
    has_mask: bool = False,
    indexed: bool = False,
    bits: int | None = None,
) -> Reducer:
    """Make what reduces a level to the next one.

    Args:
        method: how.
        dtype: of the samples, in native byte order.
        rows: number of rows of the level.
        cols: number of its columns.
        like: "gdal" for the sizes of GDAL's COG driver, rounded down, and for GDAL's results to the
            bit ("nearest", "average" and "mode"); None for sizes rounded up.
        nodata: a sample that equals it does not count; a value that none can equal is none.
        alpha: the sample that says how opaque a pixel is, counted from 0.
        associated: whether colours are multiplied by it.
        has_mask: whether pixels may come with a mask; floats are then added as GDAL does with one.
        indexed: whether samples are indices of a palette, or single bits: never blended.
        bits: of a sample, where they are fewer than those of the dtype.

    Raises:
        UsageError: there is no such method, or it makes nothing of such samples.
        UnsupportedError: the image is too large for exact means of integers of 64 bits.
    """
    if method not in get_args(OverviewMethod):
        message = f"the overview method is {method!r}, expected one of {get_args(OverviewMethod)}"
        raise UsageError(message)
    name = POLICIES.get(method, method)
    _check_kind(method, name, dtype, indexed=indexed)
    if like == "gdal" and (name not in GDAL_METHODS or method in POLICIES):
        message = (
            f'overviews by {method!r} like="gdal" are not made, expected one of {GDAL_METHODS}'
        )
        raise UsageError(message)
    ceiling = None
    if associated and like != "gdal" and name in {"average", *KERNELS}:
        # sums of colours that are multiplied already; cubic may reach beyond
        alpha, ceiling = None, alpha if name in KERNELS else None
    sizing: Sizing = "pairs" if method in POLICIES else "gdal" if like == "gdal" else "ratio"
    area = make_axis(rows, sizing), make_axis(cols, sizing)
    axes = area
    if name in KERNELS:
        axes = kernel_axis(area[0], name), kernel_axis(area[1], name)
    _check_exact(name, dtype, area, alpha)
    counting = make_counting(dtype, nodata, gdal=like == "gdal", bits=bits)
    if like == "gdal" and name == "mode":
        counting = mode_fill(counting)
    masks = has_mask or alpha is not None or counting.has_fill
    maker = PlaneMaker(name, axes, area, counting, masks, like == "gdal")
    return Reducer(name, dtype, alpha, maker, ceiling)


def _check_kind(method: str, name: str, dtype: np.dtype[Any], *, indexed: bool) -> None:
    if indexed and name not in PICKING:
        message = (
            f"overviews by {method!r} blend samples, which are indices of a palette or single "
            "bits: use 'nearest', 'mode', 'SAMPLE' or 'MODE'"
        )
        raise UsageError(message)
    if dtype.kind == "c" and name not in {*PICKING, "average"}:
        message = (
            f"overviews by {method!r} of complex numbers are not defined: use 'nearest', 'average' "
            "or 'mode'"
        )
        raise UsageError(message)
    if dtype.kind not in "iufc" or not dtype.isnative:
        message = f"samples are {dtype}, expected numbers in native byte order"
        raise UsageError(message)


def _check_exact(
    name: str, dtype: np.dtype[Any], area: tuple[HalvedAxis, HalvedAxis], alpha: int | None
) -> None:
    if name != "average" or dtype.kind not in "iu":
        return
    most = 1 if alpha is None or dtype.itemsize > FINE_ALPHA else np.iinfo(dtype).max
    parts = area[0].total() * area[1].total() * int(most)
    if parts > (MOST_PARTS if dtype.itemsize == 8 else 1 << 62):  # noqa: PLR2004 - 64 bits
        message = (
            f"means of {dtype} of {area[0].size} x {area[1].size} pixels would not be exact: use "
            "another overview method, or a float dtype"
        )
        raise UnsupportedError(message, feature="overviews", value=name)
