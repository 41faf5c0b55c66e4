"""What a file is, in rasterio's words: `Dataset`, which `Cog` adds reading to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.checks import check_points
from tinycog.errors import Finding, TinycogError, UsageError
from tinycog.fetch.attempt import Request
from tinycog.geo.colour import ColorInterp, Colormap
from tinycog.geo.crs import Crs
from tinycog.geo.lazy import NO_CRS
from tinycog.geo.metadata import Statistics
from tinycog.geo.transform import RPC, BoundingBox, GroundControlPoint, bounds_of, res_of
from tinycog.geo.transformer import transformer
from tinycog.geo.windows import pixels_of
from tinycog.level import Level, Overview, described, gdal_compression, gdal_photometric, mask_flags
from tinycog.limits import Limits
from tinycog.reader.open_file import OpenFile
from tinycog.sources.protocol import Source
from tinycog.tiff.image import Image

if TYPE_CHECKING:  # loads attrs
    from affine import Affine


class Dataset:
    """Facts of a file; all but `name`, `requests` and `findings` need `await` on the handle first.

    Bands are counted from 0, where rasterio counts from 1.
    """

    def __init__(
        self, source: Source, limits: Limits, head_bytes: int, snapshot: bytes | None
    ) -> None:
        """Nothing is read."""
        self._opened_with = (source, limits, head_bytes, snapshot)
        self._file = OpenFile(source, limits, head_bytes, snapshot)

    @property
    def _first(self) -> Image:
        return self._file.levels[0]

    # --- the file --------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What was opened: a url, a path."""
        return self._file.name

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of the pyramid, 0 = full resolution, masks not counted.

        Raises:
            UsageError: the file is not open yet.
        """
        georeference = self._file.georeference
        has_mask = [mask is not None for mask in self._file.masks]
        return tuple(
            Level(z, image, has_mask[z], georeference) for z, image in enumerate(self._file.levels)
        )

    @property
    def pages(self) -> int:
        """Number of further images in the file that are neither level nor mask."""
        return len(self._file.pages)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found odd in the file so far, though it could be read."""
        return self._file.findings

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was sent for this handle, in the order of the answers; the newest 10,000."""
        return self._file.log

    def snapshot(self) -> bytes:
        """What is known of the header, to be kept: `tinycog.open(where, snapshot=...)`.

        A handle that is opened with it asks for no header, nor for what was read of the index: a
        cold tile costs one request. It holds what names the generation of the file too, so that a
        changed file is noticed.

        Raises:
            UsageError: the file is not open yet.
        """
        return self._file.snapshot()

    # --- pixels ----------------------------------------------------------------------------------

    @property
    def width(self) -> int:
        """Columns of level 0."""
        return self._first.grid.width

    @property
    def height(self) -> int:
        """Rows of level 0."""
        return self._first.grid.height

    @property
    def count(self) -> int:
        """Number of bands."""
        return self._first.samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols) of level 0."""
        return self._first.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels.

        Raises:
            UnsupportedError: no numpy type holds such samples.
        """
        return self._first.dtype

    @property
    def nodata(self) -> int | float | None:
        """The value that means "no data", as samples can have it; None if there is none."""
        return self._first.nodata

    @property
    def overviews(self) -> list[Overview]:
        """The levels after the first, each with its `decimation` and its own `read`."""
        this: Any = self  # a `Cog`, which reads
        return [
            level.as_overview(round(self.width / level.width), this) for level in self.levels[1:]
        ]

    @property
    def has_mask(self) -> bool:
        """Whether the file holds a transparency mask."""
        return self.mask_ifd is not None

    @property
    def mask_ifd(self) -> Image | None:
        """The transparency mask of level 0, if there is one."""
        return self._file.masks[0]

    # --- places ----------------------------------------------------------------------------------

    @property
    def transform(self) -> Affine:
        """Of level 0, (col, row) to coordinates (x, y); the identity if the file tells none."""
        return self._file.geo.transform

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates."""
        return bounds_of(self.transform, self.width, self.height)

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a pixel of level 0 in coordinates."""
        return res_of(self.transform)

    def index(self, x: float, y: float) -> tuple[int, int]:
        """(row, col) of the pixel of level 0 that a place lies in, which may lie outside.

        Raises:
            UsageError: they are no numbers, or the transform has no inverse.
        """
        ((row, col),) = pixels_of(check_points([(x, y)]), self.transform).tolist()
        return row, col

    def lnglat(self) -> tuple[float, float]:
        """Longitude and latitude (WGS 84) of the middle.

        Raises:
            UsageError: the file tells no CRS, or pyproj is not installed.
            UnsupportedError: PROJ makes no such CRS.
        """
        crs = self._file.georeference.crs
        if crs is None:
            raise UsageError(NO_CRS)
        left, bottom, right, top = self.bounds
        to_degrees = transformer(crs, Crs("geographic", 4326))
        x, y = to_degrees((left + right) / 2, (bottom + top) / 2)
        return float(x), float(y)

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system, of the transform or of the control points."""
        return self._file.geo.crs

    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]:
        """Ground control points, where these take the place of a transform."""
        return self._file.geo.gcps

    @property
    def rpcs(self) -> RPC | None:
        """The model of a sensor, if there is one."""
        return self._file.geo.rpcs

    # --- meaning ---------------------------------------------------------------------------------

    @property
    def scales(self) -> tuple[float, ...]:
        """Of each band: value = sample * scale + offset."""
        return self._file.metadata.scales

    @property
    def offsets(self) -> tuple[float, ...]:
        """Of each band: value = sample * scale + offset."""
        return self._file.metadata.offsets

    @property
    def units(self) -> tuple[str | None, ...]:
        """Of the values of each band."""
        return self._file.metadata.units

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """What each band is called."""
        return self._file.metadata.descriptions

    @property
    def colorinterp(self) -> tuple[ColorInterp, ...]:
        """What each band is as a colour: "gray", "red", "palette", "alpha", "undefined", ...

        Words that equal members of rasterio's `ColorInterp`, too.
        """
        return tuple(ColorInterp(name) for name in self._file.metadata.colorinterp)

    @property
    def colormap(self) -> Colormap | None:
        """The colours of a palette, if level 0 has one."""
        found = self._file.colormap
        return None if found is None else Colormap(found, self.nodata)

    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]:
        """Items of metadata by name, of the file or of a band; `ns` is their domain.

        Raises:
            UsageError: there is no such band.
        """
        return self._file.metadata.tags(band, ns)

    def statistics(self, band: int) -> Statistics | None:
        """Statistics that the file stores of a band, if any.

        Raises:
            UsageError: there is no such band.
        """
        return self._file.metadata.statistics(band)

    @property
    def stored_stats(self) -> dict[int, Statistics]:
        """`statistics` of the bands that have any, counted from 1."""
        found = {band + 1: self.statistics(band) for band in range(self.count)}
        return {band: told for band, told in found.items() if told is not None}

    @property
    def profile(self) -> dict[str, Any]:
        """What a writer needs to make a file like this, in rasterio's words."""
        image = self._first
        grid = image.grid
        return {
            "driver": "GTiff",
            "dtype": str(self.dtype),
            "nodata": self.nodata,
            "width": self.width,
            "height": self.height,
            "count": self.count,
            "crs": self.crs,
            "transform": self.transform,
            "blockxsize": grid.tile_width,
            "blockysize": grid.tile_height,
            "tiled": not grid.strips,
            "compress": gdal_compression(image),
            "interleave": "band" if grid.planes > 1 or self.count == 1 else "pixel",
            "photometric": gdal_photometric(image),
        }

    def info(self) -> dict[str, Any]:
        """All facts as plain values for JSON, with the keys of `rio info`."""
        bands = range(self.count)
        statistics = [self.statistics(band) for band in bands]
        return {
            **self.profile,
            "bounds": list(self.bounds),
            "transform": list(self.transform)[:9],
            "crs": None if self.crs is None else str(self.crs),
            "lnglat": _lnglat(self),
            "shape": [self.height, self.width],
            "res": list(self.res),
            "colorinterp": [str(colour) for colour in self.colorinterp],
            "units": list(self.units),
            "descriptions": list(self.descriptions),
            "indexes": [band + 1 for band in bands],
            "mask_flags": mask_flags(self.colorinterp, self._first, has_mask=self.has_mask),
            "overviews": [level.decimation for level in self.overviews],
            "scales": list(self.scales),
            "offsets": list(self.offsets),
            "tags": self.tags(),
            "gcps": [point._asdict() for point in self.gcps],
            "stats": [None if found is None else found._asdict() for found in statistics],
            "findings": [str(finding) for finding in self.findings],
        }

    # --- tiles of the world ----------------------------------------------------------------------

    def tile_matrix_set(self) -> dict[str, Any]:
        """The pyramid as an OGC TileMatrixSet 2.0, for `json.dumps` and morecantile.

        Raises:
            UsageError: the file tells no CRS, or its pixels are rotated or not square.
        """
        from tinycog.reader.read_web_tile import own_matrix_set  # noqa: PLC0415 - only here

        return own_matrix_set(self._file)

    def stored_web_tile(self, zoom: int, x: int, y: int) -> tuple[int, int, int] | None:
        """The stored tile (z, x, y) that is a web tile, if the file is made of such."""
        from tinycog.reader.read_web_tile import alignment  # noqa: PLC0415 - only here

        aligned = alignment(self._file)
        return None if aligned is None else aligned.stored_tile(zoom, x, y)

    # --- for people ------------------------------------------------------------------------------

    def __repr__(self) -> str:
        """What it is, as far as known."""
        if self._file.variant is None:
            return f"<Cog {self.name}, not read yet>"
        levels = [described(z, image) for z, image in enumerate(self._file.levels_so_far)]
        return "\n  ".join([f"<Cog {self.name}, {self._file.variant}", *levels]) + ">"

    def _repr_html_(self) -> str:
        """For notebooks."""
        from tinycog.pixels.html import html  # noqa: PLC0415 - most handles are not looked at

        if not self._file.is_complete:
            return html(f"Cog {self.name}", {"state": "not read yet"})
        facts = {
            "shape": self.shape,
            "dtype": self.dtype,
            "nodata": self.nodata,
            "crs": self.crs,
            "bounds": tuple(self.bounds),
            "res": self.res,
            "levels": "\n".join(repr(level) for level in self.levels),
            "findings": len(self.findings),
        }
        return html(f"Cog {self.name}", facts)


def _lnglat(dataset: Dataset) -> list[float] | None:
    """None where it cannot be known."""
    try:
        return list(dataset.lnglat())
    except TinycogError:
        return None
