"""The facts of one image, in rasterio's words: the base of handles, and of levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    import numpy as np
    from affine import Affine

    from tinycog.geo.transform import BoundingBox
    from tinycog.tiff.image import Image


@short_tracebacks
class ImageFacts(ABC):
    """Facts of one image, in rasterio's words; those of a file are those of its level 0."""

    @abstractmethod
    def _described(self) -> Image:
        """Return the image that the facts are about."""

    @property
    @abstractmethod
    def transform(self) -> Affine:
        """Affine transform from (col, row) to coordinates (x, y); identity if the file has none."""

    @property
    def width(self) -> int:
        """Number of columns of pixels."""
        return self._described().grid.width

    @property
    def height(self) -> int:
        """Number of rows of pixels."""
        return self._described().grid.height

    @property
    def count(self) -> int:
        """Number of bands."""
        return self._described().samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols)."""
        return self._described().shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numpy dtype of the pixels.

        Raises:
            UnsupportedError: no numpy type can hold the samples.
        """
        return self._described().dtype

    @property
    def nodata(self) -> int | float | None:
        """The "no data" value, as a value that samples can equal; None if there is none."""
        return self._described().nodata

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates."""
        from tinycog.geo.transform import bounds_of  # noqa: PLC0415 - geo is loaded on demand

        return bounds_of(self.transform, self.width, self.height)

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a pixel in coordinates."""
        from tinycog.geo.transform import res_of  # noqa: PLC0415 - geo is loaded on demand

        return res_of(self.transform)
