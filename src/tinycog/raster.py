"""Pixels that were read, and where they lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import Finding


class Window(NamedTuple):
    """A rectangle of pixels, in rasterio's words."""

    col_off: int
    row_off: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Raster:
    """Pixels that were read, and where they lie. `np.asarray(raster)` gives its data.

    Attributes:
        data: (bands, rows, cols), native byte order, the file's own dtype.
        level: index in the pyramid, 0 = full resolution.
        window: the pixels of that level that `data` holds; with `padded=True` it may reach over
            the image's edge.
        nodata: the value that means "no data", or None.
        findings: what was odd about the stored tiles, though they could be decoded.
    """

    data: NDArray[Any]
    level: int
    window: Window
    nodata: int | float | None
    findings: tuple[Finding, ...] = ()

    def copy(self) -> Raster:
        """The same with pixels of its own."""
        return replace(self, data=self.data.copy())

    @property
    def shape(self) -> tuple[int, ...]:
        """(bands, rows, cols)."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""
        return self.data.dtype

    def __array__(
        self,
        dtype: np.dtype[Any] | None = None,
        copy: bool | None = None,  # noqa: FBT001 - numpy's
    ) -> NDArray[Any]:
        """Give the pixels to numpy."""
        return np.array(self.data, dtype, copy=copy)

    def __repr__(self) -> str:
        """Shape, dtype, level and window."""
        return f"<Raster {self.shape} {self.dtype}, level {self.level}, {self.window}>"
