"""Pixels that were read, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import Finding, UsageError
from tinycog.extras import check_installed
from tinycog.geo.lazy import Placement
from tinycog.pixels.colouring import Colouring
from tinycog.pixels.validity import ALL_VALID, Validity
from tinycog.tracebacks import short_tracebacks
from tinycog.window import FloatWindow, Window

if TYPE_CHECKING:
    from affine import Affine
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap as MatplotlibColormap

    from tinycog.geo.crs import Crs
    from tinycog.geo.transform import BoundingBox
    from tinycog.pixels.account import Account


@short_tracebacks
@dataclass(frozen=True, eq=False)
class Raster:
    """Pixels that were read, and where they lie. `np.asarray(raster)` is its data.

    Attributes:
        data: (bands, rows, cols), native byte order, the file's own dtype. Where the file stores
            the bands of a pixel side by side they may lie so in memory, too: pixels that are not
            transposed cost no time. `np.ascontiguousarray` transposes them, as does `out=`.
        level: index in the pyramid, 0 = full resolution.
        window: pixels of that level that `data` covers. With `padded=True` it may reach over the
            image's edge; where `data` was resampled it may begin and end inside pixels.
        nodata: the "no data" value, or None.
        findings: oddities of the stored tiles, which could be decoded all the same.
        validity: what says which pixels are valid; `mask`, `band_masks` and `masked` come from it.
        place: where `data` lies; `transform`, `bounds` and `crs` come from it.
        colormap: of a palette image, (entries, 3) of uint16: red, green, blue as stored. None for
            other images, with `rgb=True`, where `data` does not begin with band 0, and where the
            ColorMap did not come with the header: no request is made for it (await the handle, or
            `Cog.read_colormap`).
        colouring: what the bands stand for in a picture; None if they are not the first of the
            file's.
        losses: (rows, cols), why a pixel holds no sample of a file (`Loss`): 0 it does, 1 outside
            of the image, 2 in a gap of a mosaic, 3 in what could not be read; None where all do.
    """

    data: NDArray[Any]
    level: int
    window: Window | FloatWindow
    nodata: int | float | None
    findings: tuple[Finding, ...] = ()
    validity: Validity = ALL_VALID
    place: Placement | None = None
    colormap: NDArray[np.uint16] | None = None
    colouring: Colouring | None = None
    losses: NDArray[np.uint8] | None = None

    def copy(self) -> Raster:
        """Return the same raster with its own copy of pixels and mask."""
        return replace(self, data=self.data.copy(order="K"), validity=self.validity.copy())

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(rows, cols), True where a pixel is valid: the dataset's mask, over the bands read.

        A mask image says so, else nodata (valid in any band), else alpha; see
        gdal.mask.precedence. Nodata and alpha are looked for in `data` when this is first used.
        Where all pixels are valid, this is a read-only view that takes no memory.

        Raises:
            UsageError: it was read with `masked=False`, or before it was known whether the file
                holds a mask image.
        """
        return self.validity.mask(self.data)

    @cached_property
    def band_masks(self) -> NDArray[np.bool_]:
        """(bands, rows, cols), True where a sample is valid: nodata counts by band.

        Raises:
            UsageError: as for `mask`.
        """
        return self.validity.band_masks(self.data)

    @cached_property
    def account(self) -> Account:
        """How many pixels are valid, and what became of the others; the sum is what was asked for.

        Raises:
            UsageError: as for `mask`.
        """
        from tinycog.pixels.account import account_of  # noqa: PLC0415 - only here

        return account_of(self.mask, self.losses)

    @property
    def has_known_mask(self) -> bool:
        """False if `mask` raises a `UsageError`."""
        try:
            _ = self.mask
        except UsageError:
            return False
        return True

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
        """Number of rows."""
        return self.data.shape[1]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.data.shape[2]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numpy dtype of the pixels."""
        return self.data.dtype

    @property
    def transform(self) -> Affine:
        """Affine transform from (col, row) of `data` to coordinates (x, y).

        Where the file has none, coordinates are pixels of level 0.

        Raises:
            UsageError: the georeference has not been read: `await` the handle first.
        """
        return self._known_place().transform((self.height, self.width))

    def _known_place(self) -> Placement:
        if self.place is None:
            message = "this raster does not know where it lies"
            raise UsageError(message)
        return self.place

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system of `transform`, None if the file names none.

        Raises:
            UsageError: the georeference has not been read: `await` the handle first.
        """
        return None if self.place is None else self.place.crs

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates.

        Raises:
            UsageError: the georeference has not been read: `await` the handle first.
        """
        return self._known_place().bounds((self.height, self.width))

    def masked(self) -> np.ma.MaskedArray[Any, Any]:
        """Return the pixels as a numpy masked array, whose mask is True where they are invalid.

        The mask is that of each band, as in rasterio's `read(masked=True)`.

        Raises:
            UsageError: as for `mask`.
        """
        return np.ma.MaskedArray(self.data, ~self.band_masks, fill_value=self.nodata)

    as_masked = masked

    def to_png(
        self,
        *,
        raw: bool = False,
        vmin: float | Sequence[float] | None = None,
        vmax: float | Sequence[float] | None = None,
    ) -> bytes:
        """Return a PNG: a picture for the eye, or with `raw` the samples as they are.

        A picture has 8 bits: grey or RGB, invalid pixels transparent (opaque where the mask is not
        known). Palette indices become the colours of `colormap`; CMYK and L*a*b* become RGB,
        MinIsWhite is inverted, samples of fewer than 8 bits take their full range, and alpha is
        alpha. uint8 is shown as it is unless a limit is given; other dtypes are stretched from
        black to white, by default from their 2nd to their 98th percentile.

        Args:
            raw: write 1 to 4 bands of uint8 or uint16 without loss; the mask and the colormap are
                left out.
            vmin: value shown as black, one for all bands or one for each that is shown.
            vmax: value shown as white, likewise.

        Raises:
            UsageError: the raster has no pixels, `vmin` or `vmax` does not fit its bands, or with
                `raw` PNG cannot hold such samples.
        """
        from tinycog.pixels.png import raw_png, to_png  # noqa: PLC0415 - only pictures need it

        if raw:
            return raw_png(self.data)
        return to_png(
            self.data,
            self._shown_mask(),
            vmin=vmin,
            vmax=vmax,
            colormap=self.colormap,
            colouring=self.colouring,
        )

    def to_rgba(
        self,
        *,
        vmin: float | Sequence[float] | None = None,
        vmax: float | Sequence[float] | None = None,
    ) -> NDArray[np.uint8]:
        """Return the picture of `to_png` as (rows, cols, 4): red, green, blue, alpha; 255 = opaque.

        Args:
            vmin: as for `to_png`.
            vmax: as for `to_png`.

        Raises:
            UsageError: as for `to_png`.
        """
        from tinycog.pixels.png import to_rgba  # noqa: PLC0415 - only pictures need it

        return to_rgba(
            self.data,
            self._shown_mask(),
            vmin=vmin,
            vmax=vmax,
            colormap=self.colormap,
            colouring=self.colouring,
        )

    def plot(
        self,
        band: int | None = None,
        *,
        ax: Axes | None = None,
        cmap: str | MatplotlibColormap | None = None,
        vmin: float | Sequence[float] | None = None,
        vmax: float | Sequence[float] | None = None,
        percentiles: tuple[float, float] | None = None,
        colorbar: bool = True,
        title: str | None = None,
    ) -> Axes:
        """Draw it by matplotlib, in coordinates of its CRS; pixels that are not valid stay clear.

        ::

            raster.plot()                                   # colours, or the only band
            raster.plot(3, cmap="magma", vmin=0, vmax=0.4)  # one band, with a colour bar

        Needs the extra `plot`.

        Args:
            band: counted from 0. None draws the colours that `to_png` shows, of a palette too, if
                there are three bands or more; else band 0.
            ax: axes to draw on; by default those of a new figure.
            cmap: colours of one band, matplotlib's own by default.
            vmin: value of the first colour, or black; a sequence has one for each band.
            vmax: value of the last colour, or white, likewise.
            percentiles: of valid values, instead of `vmin` and `vmax`: by default the 2nd and the
                98th, but uint8 in colours is shown as it is.
            colorbar: draw a colour bar beside one band.
            title: text above; by default the number of the band, if it is one of several.

        Returns:
            The axes. y goes up where there is a CRS; rows go down where there is none.

        Raises:
            UsageError: matplotlib is not installed, there is no such band, or as for `to_png`.
        """
        check_installed("plot", "matplotlib")
        from tinycog.adapters.matplotlib import plot  # noqa: PLC0415 - a door

        return plot(
            self,
            band=band,
            ax=ax,
            cmap=cmap,
            vmin=vmin,
            vmax=vmax,
            percentiles=percentiles,
            colorbar=colorbar,
            title=title,
        )

    def hist(
        self,
        bins: int = 64,
        *,
        bands: Sequence[int] | int | None = None,
        ax: Axes | None = None,
        density: bool = False,
        log: bool = False,
        title: str | None = None,
    ) -> Axes:
        """Draw histograms of the valid, finite values of bands by matplotlib.

        Needs the extra `plot`.

        Args:
            bins: number of bins, the same for all bands; fewer where there are fewer integers.
            bands: counted from 0; None is all.
            ax: axes to draw on; by default those of a new figure.
            density: draw shares, whose area is 1, instead of numbers of pixels.
            log: logarithmic numbers.
            title: text above.

        Returns:
            The axes.

        Raises:
            UsageError: matplotlib is not installed, there is no such band, or no pixel is valid.
        """
        check_installed("plot", "matplotlib")
        from tinycog.adapters.matplotlib import hist  # noqa: PLC0415 - a door

        return hist(self, bins=bins, bands=bands, ax=ax, density=density, log=log, title=title)

    def save(
        self,
        path: str | PathLike[str],
        *,
        raw: bool = False,
        vmin: float | Sequence[float] | None = None,
        vmax: float | Sequence[float] | None = None,
    ) -> None:
        """Write a `.png` for the eye (see `to_png`), or a `.npy` of the pixels as they are.

        Args:
            path: file to write; its suffix picks the format.
            raw: write the samples as they are to a `.png`, too.
            vmin: as for `to_png`.
            vmax: as for `to_png`.

        Raises:
            UsageError: the name ends otherwise, or as for `to_png`.
            OSError: the file cannot be written.
        """
        from pathlib import Path  # noqa: PLC0415 - only here

        path = Path(path)
        if path.suffix == ".png":
            path.write_bytes(self.to_png(raw=raw, vmin=vmin, vmax=vmax))
        elif path.suffix == ".npy":
            np.save(path, self.data)
        else:
            message = f"cannot write {path.name}: expected a name that ends with .png or .npy"
            raise UsageError(message)

    def _shown_mask(self) -> NDArray[np.bool_] | None:
        """Return the mask for a picture, None where all pixels are drawn opaque."""
        return None if not self.has_known_mask or self.mask.all() else self.mask

    def _summary(self) -> Mapping[str, object]:
        """Return the rows of the table in a notebook."""
        try:
            crs, bounds = self.crs, tuple(self.bounds)
        except UsageError:
            crs, bounds = "not read", None
        facts = {
            "shape": self.shape,
            "dtype": self.dtype,
            "level": self.level,
            "window": tuple(self.window),
            "nodata": self.nodata,
            "crs": crs,
            "bounds": bounds,
            "mask": "known" if self.has_known_mask else "not known, drawn opaque",
            "findings": "\n".join(map(str, self.findings[:3])) or None,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def _repr_html_(self) -> str:
        """Return a small picture and a table for notebooks."""
        from tinycog.notebook.card import card, never_fails  # noqa: PLC0415 - only notebooks

        return never_fails(self, lambda: card("Raster", self._summary(), png=self._thumbnail()))

    def _thumbnail(self) -> bytes | None:
        """Return the pixels as a small PNG, None without any."""
        from tinycog.notebook.thumbnail import thumbnail  # noqa: PLC0415 - only notebooks

        return thumbnail(self.data, self._shown_mask(), self.colormap, self.colouring)

    def __array__(
        self,
        dtype: np.dtype[Any] | None = None,
        copy: bool | None = None,  # noqa: FBT001 - numpy's
    ) -> NDArray[Any]:
        """Return the pixels as numpy asks for them."""
        return np.array(self.data, dtype, copy=copy)

    def __repr__(self) -> str:
        """Return shape, dtype, level and window in a line."""
        mask = "" if self.validity.why_unknown is None else ", mask not known"
        return f"<Raster {self.shape} {self.dtype}, level {self.level}, {self.window}{mask}>"
