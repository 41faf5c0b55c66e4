"""Turn arrays as the tag Orientation says (tiff.image.orientation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask
from tinycog.pixels.validity import Validity
from tinycog.tiff.orientation import Orientation


def oriented(array: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """Return the picture of stored pixels (..., rows, cols), a view."""
    found = array.swapaxes(-1, -2) if orientation.transposed else array
    return _flipped(found, orientation)


def as_stored(array: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """Return the stored pixels (..., rows, cols) of a picture, a view: the inverse."""
    found = _flipped(array, orientation)
    return found.swapaxes(-1, -2) if orientation.transposed else found


def _flipped(array: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    rows, cols = (
        slice(None, None, -1 if flipped else 1)
        for flipped in (orientation.rows_flipped, orientation.cols_flipped)
    )
    return array[..., rows, cols]


@dataclass(frozen=True, eq=False)
class OrientedValidity(Validity):
    """That of pixels that were turned.

    Attributes:
        stored: says which of them are valid as they are stored.
        orientation: how they were turned.
    """

    stored: Validity
    orientation: Orientation

    @property
    def why_unknown(self) -> str | None:
        """Why it is not known."""
        return self.stored.why_unknown

    def mask(self, data: Pixels) -> Mask:
        """Return which pixels are valid, turned as they are."""
        found = self.stored.mask(as_stored(data, self.orientation))
        return oriented(found, self.orientation)

    def band_masks(self, data: Pixels) -> Mask:
        """Return which samples are valid, turned as they are."""
        found = self.stored.band_masks(as_stored(data, self.orientation))
        return oriented(found, self.orientation)

    def copy(self) -> OrientedValidity:
        """Return one that shares no memory that may be written."""
        return OrientedValidity(self.stored.copy(), self.orientation)
