"""Pixels that were read, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import Finding, UsageError
from tinycog.window import FloatWindow, Window

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.transform import BoundingBox


class Placement(Protocol):
    """Where an array of pixels lies."""

    def transform(self, shape: tuple[int, int]) -> Affine:
        """(col, row) of an array of (rows, cols) to (x, y)."""
        ...

    @property
    def crs(self) -> Any:  # noqa: ANN401 - a `tinycog.geo.Crs`, or what the caller named
        """Coordinate reference system, None if unknown."""
        ...


@dataclass(frozen=True, eq=False)
class Raster:
    """Pixels that were read, and where they lie. `np.asarray(raster)` gives its data.

    Attributes:
        data: (bands, rows, cols), native byte order, the file's own dtype. Where the file stores
            the bands of a pixel side by side, they may lie so in memory, too: what is not turned
            costs no time. `np.ascontiguousarray` turns it, and so does an `out=` of one's own.
        level: index in the pyramid, 0 = full resolution.
        window: the pixels of that level that `data` holds; with `padded=True` it may reach over
            the image's edge, and with another shape asked for it may be fractions of pixels.
        nodata: the value that means "no data", or None.
        findings: what was odd about the stored tiles, though they could be decoded.
        mask: (rows, cols), True = valid; None if all pixels are, or if it was not asked for.
        place: where it lies; `transform`, `bounds` and `crs` ask it.
        colormap: of a palette, (entries, 3) of uint16, where it was asked for.
    """

    data: NDArray[Any]
    level: int
    window: Window | FloatWindow
    nodata: int | float | None
    findings: tuple[Finding, ...] = ()
    mask: NDArray[np.bool_] | None = None
    place: Placement | None = None
    colormap: NDArray[np.uint16] | None = None

    def copy(self) -> Raster:
        """The same with pixels of its own."""
        mask = None if self.mask is None else self.mask.copy()
        return replace(self, data=self.data.copy(order="K"), mask=mask)

    @property
    def shape(self) -> tuple[int, ...]:
        """(bands, rows, cols)."""
        return self.data.shape

    @property
    def count(self) -> int:
        """Number of bands."""
        return self.data.shape[0]

    @property
    def height(self) -> int:
        """Rows."""
        return self.data.shape[1]

    @property
    def width(self) -> int:
        """Columns."""
        return self.data.shape[2]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""
        return self.data.dtype

    @property
    def transform(self) -> Affine:
        """(col, row) of `data` to coordinates (x, y); the window's place if the file tells none.

        Raises:
            UsageError: the georeference has not been read: `await` the handle first.
        """
        if self.place is None:
            message = "this raster does not know where it lies"
            raise UsageError(message)
        return self.place.transform((self.height, self.width))

    @property
    def crs(self) -> Any:  # noqa: ANN401 - see `Place`
        """Coordinate reference system of `transform`, None if the file tells none."""
        return None if self.place is None else self.place.crs

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates."""
        from tinycog.geo.transform import bounds_of  # noqa: PLC0415 - most pixels are not asked where they are

        return bounds_of(self.transform, self.width, self.height)

    def masked(self) -> np.ma.MaskedArray[Any, Any]:
        """The pixels as a numpy masked array, its mask True where they are not valid."""
        invalid = np.False_ if self.mask is None else np.broadcast_to(~self.mask, self.data.shape)
        return np.ma.MaskedArray(self.data, invalid, fill_value=self.nodata)

    as_masked = masked

    def to_png(self, *, vmin: Any = None, vmax: Any = None) -> bytes:  # noqa: ANN401 - see `render`
        """A PNG of 8 bits: grey or RGB, stretched between `vmin` and `vmax`, masked pixels clear.

        Without limits uint8 is shown as it is, other dtypes from their 2nd to their 98th
        percentile.
        """
        from tinycog.pixels.png import to_png  # noqa: PLC0415 - most pixels are not looked at

        return to_png(self.data, self.mask, vmin=vmin, vmax=vmax, colormap=self.colormap)

    def save(self, path: str | Path, **options: Any) -> None:  # noqa: ANN401 - those of `to_png`
        """Write a `.png` for the eye, or a `.npy` of the pixels as they are.

        Raises:
            UsageError: the name ends otherwise.
        """
        path = Path(path)
        if path.suffix == ".png":
            path.write_bytes(self.to_png(**options))
        elif path.suffix == ".npy":
            np.save(path, self.data)
        else:
            message = f"cannot write {path.name}: expected a name that ends with .png or .npy"
            raise UsageError(message)

    def _facts(self) -> Mapping[str, object]:
        try:
            crs = self.crs
        except UsageError:
            crs = "not read"
        return {
            "shape": self.shape,
            "dtype": self.dtype,
            "level": self.level,
            "window": tuple(self.window),
            "nodata": self.nodata,
            "crs": crs,
        }

    def _repr_html_(self) -> str:
        """For notebooks: a small picture and the facts."""
        from tinycog.pixels.html import html  # noqa: PLC0415 - most handles are not looked at
        from tinycog.pixels.png import to_png  # noqa: PLC0415 - most pixels are not looked at

        step = max(1, self.height // 512, self.width // 512)
        mask = None if self.mask is None else self.mask[::step, ::step]
        png = to_png(self.data[:, ::step, ::step], mask, colormap=self.colormap)
        return html("Raster", self._facts(), png)

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
