"""Arrays as sources give them, to blocks: one axis for bands, native bytes, one mask."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from tinycog.checks import check_fill_value
from tinycog.errors import UsageError
from tinycog.pixels.mask import differs
from tinycog.writer.pixel_source import PixelBlock
from tinycog.writer.sources.told import Shape, as_dtype


def is_masked(array: object) -> TypeGuard[np.ma.MaskedArray[Any, Any]]:
    """Return whether an array is masked; `numpy.ma` is not imported for it, which takes long."""
    return "numpy.ma" in sys.modules and isinstance(array, np.ma.MaskedArray)


@dataclass(frozen=True, slots=True)
class BlockMaker:
    """Makes blocks of one image of arrays.

    Attributes:
        shape: of the image.
        dtype: of its pixels, as they are written.
        nodata: what masked samples become; None = they stay as they lie beneath the mask.
        has_valid: whether a mask is expected; None = it may come.
    """

    shape: Shape
    dtype: np.dtype[Any]
    nodata: float | None
    has_valid: bool | None

    def make(
        self, row: int, col: int, found: object, valid: NDArray[np.bool_] | None = None
    ) -> PixelBlock:
        """Make a block of an array (bands, rows, cols), or (rows, cols) for one band.

        A view where it can be. In masked arrays, masked samples become nodata; without nodata the
        bands must be masked alike, and `valid` says the rest.

        Args:
            row: of its first pixel.
            col: of its first pixel.
            found: the array.
            valid: (rows, cols), which pixels are valid, where that is known besides.

        Raises:
            UsageError: it does not fit the image, and why; it names the block.
        """
        where = f"the block at (row {row}, col {col})"
        pixels: NDArray[Any] = np.asanyarray(found)
        if pixels.ndim == 2:  # noqa: PLR2004 - rows and columns
            pixels = pixels[np.newaxis]
        if pixels.ndim != 3 or pixels.shape[0] != self.shape.bands:  # noqa: PLR2004 - and bands
            message = f"{where} has shape {pixels.shape}, expected ({self.shape.bands}, rows, cols)"
            raise UsageError(message)
        _, rows, cols = pixels.shape
        if row < 0 or col < 0 or row + rows > self.shape.rows or col + cols > self.shape.cols:
            message = (
                f"{where} of {rows} x {cols} pixels reaches over the edge of the image of"
                f" {self.shape.rows} x {self.shape.cols}"
            )
            raise UsageError(message)
        if rows == 0 or cols == 0:
            message = f"{where} has no pixels"
            raise UsageError(message)
        if pixels.dtype != self.dtype:
            pixels = self._as_written(pixels, where)
        if is_masked(pixels):
            return self._unmasked(row, col, pixels, where)
        return PixelBlock(row, col, pixels, valid, self._lost(pixels, valid))

    def _lost(
        self, pixels: NDArray[Any], valid: NDArray[np.bool_] | None
    ) -> tuple[int, int, int] | None:
        """Return where the first sample is that is valid, but is read as nodata."""
        if self.nodata is None or valid is None:
            return None
        denied = np.logical_not(differs(pixels, self.nodata))
        denied &= valid
        if not denied.any():
            return None
        row, col, band = np.unravel_index(
            denied.transpose(1, 2, 0).argmax(), (*denied.shape[1:], denied.shape[0])
        )
        return int(band), int(row), int(col)

    def _as_written(self, pixels: NDArray[Any], where: str) -> NDArray[Any]:
        """Return the same numbers in the dtype of the image."""
        if pixels.dtype.kind not in "biufc" or as_dtype(pixels.dtype) != self.dtype:
            message = f"{where} is {pixels.dtype}, but the image is {self.dtype}"
            raise UsageError(message)
        if pixels.dtype.kind == "b":
            return pixels.view(self.dtype)
        return pixels.astype(self.dtype)

    def _unmasked(self, row: int, col: int, masked: NDArray[Any], where: str) -> PixelBlock:
        """Make a block of a masked array."""
        mask: Any = np.ma.getmask(masked)
        pixels: NDArray[Any] = np.ma.getdata(masked)
        if mask is np.ma.nomask or not mask.any():
            # what is not masked is valid, also where it looks like nodata
            valid = np.broadcast_to(np.True_, pixels.shape[1:])
            return PixelBlock(row, col, pixels, valid, self._lost(pixels, valid))
        if self.has_valid is False and self.nodata is None:
            message = f"{where} is masked, but the array was not told to be: give nodata="
            raise UsageError(message)
        lost = None
        if self.nodata is not None:
            lost = self._lost(pixels, ~mask)
            value = check_fill_value(self.nodata, self.dtype)
            pixels = np.where(mask, self.dtype.type(value), pixels)
        elif not (mask == mask[:1]).all():
            message = (
                f"{where} is masked differently in each band, which one mask cannot say:"
                " give nodata="
            )
            raise UsageError(message)
        return PixelBlock(row, col, pixels, ~mask.all(axis=0), lost)
