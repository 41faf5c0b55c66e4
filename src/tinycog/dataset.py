"""What a file is, in rasterio's words: `Dataset`, which `Cog` adds reading to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from affine import Affine

from tinycog.errors import Finding, Limits, UsageError
from tinycog.fetch import Request
from tinycog.geo import (
    RPC,
    BoundingBox,
    Crs,
    GroundControlPoint,
    Statistics,
    bounds_of,
    res_of,
)
from tinycog.image import Image
from tinycog.level import Level, described
from tinycog.opening import Opening
from tinycog.render import html
from tinycog.snapshot import pack
from tinycog.sources import Source
from tinycog.spec import Compression, Photometric, name_of
from tinycog.tms import tile_matrix_set
from tinycog.webtiles import alignment, tile_levels

MISSING = "the file does not say in which CRS it is"


class Dataset:
    """Facts of a file; all but `name`, `requests` and `findings` need `await` on the handle first.

    Bands are counted from 0, where rasterio counts from 1.
    """

    def __init__(
        self, source: Source, limits: Limits, head_bytes: int, snapshot: bytes | None
    ) -> None:
        """Nothing is read."""
        self._opened_with = (source, limits, head_bytes, snapshot)
        self._opening = Opening(source, limits, head_bytes, snapshot)

    @property
    def _first(self) -> Image:
        return self._opening.known().pyramid.levels[0]

    # --- the file --------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What was opened: a url, a path."""
        return self._opening.fetcher.source.name

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels of the pyramid, 0 = full resolution, masks not counted.

        Raises:
            UsageError: the file is not open yet.
        """
        pyramid, facts = self._opening.known().pyramid, self._opening.facts
        pairs = zip(pyramid.levels, pyramid.masks, strict=True)
        return tuple(
            Level(z, image, mask is not None, facts) for z, (image, mask) in enumerate(pairs)
        )

    @property
    def pages(self) -> int:
        """Number of further images in the file that are neither level nor mask."""
        return len(self._opening.known().pyramid.pages)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found odd in the file so far, though it could be read."""
        header = self._opening.header
        if header is None:
            return ()
        found = (*header.pyramid.findings, *self._opening.reader.findings)
        try:
            geo, metadata = self._opening.facts.geo, self._opening.facts.metadata
        except UsageError:  # they have not been read
            return found
        return (*found, *geo.findings, *metadata.findings)

    @property
    def requests(self) -> tuple[Request, ...]:
        """What was sent for this handle, in the order of the answers; the newest 10,000."""
        return tuple(self._opening.fetcher.log)

    def snapshot(self) -> bytes:
        """What is known of the header, to be kept: `tinycog.open(where, snapshot=...)`.

        A handle that is opened with it asks for no header, nor for what was read of the index: a
        cold tile costs one request. It holds what names the generation of the file too, so that a
        changed file is noticed.

        Raises:
            UsageError: the file is not open yet.
        """
        self._opening.known()
        return pack(self._opening.fetcher.buffer, self._opening.fetcher.tag)

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
    def overviews(self) -> list[int]:
        """How many times coarser each level after the first is, rounded, as rasterio has it."""
        return [round(self.width / level.width) for level in self.levels[1:]]

    @property
    def has_mask(self) -> bool:
        """Whether the file holds a transparency mask."""
        return self._opening.known().pyramid.masks[0] is not None

    # --- places ----------------------------------------------------------------------------------

    @property
    def transform(self) -> Affine:
        """Of level 0, (col, row) to coordinates (x, y); the identity if the file tells none."""
        return self._opening.facts.geo.transform

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates."""
        return bounds_of(self.transform, self.width, self.height)

    @property
    def res(self) -> tuple[float, float]:
        """Width and height of a pixel of level 0 in coordinates."""
        return res_of(self.transform)

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system, of the transform or of the control points."""
        return self._opening.facts.geo.crs

    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]:
        """Ground control points, where these take the place of a transform."""
        return self._opening.facts.geo.gcps

    @property
    def rpcs(self) -> RPC | None:
        """The model of a sensor, if there is one."""
        return self._opening.facts.geo.rpcs

    # --- meaning ---------------------------------------------------------------------------------

    @property
    def scales(self) -> tuple[float, ...]:
        """Of each band: value = sample * scale + offset."""
        return self._opening.facts.metadata.scales

    @property
    def offsets(self) -> tuple[float, ...]:
        """Of each band: value = sample * scale + offset."""
        return self._opening.facts.metadata.offsets

    @property
    def units(self) -> tuple[str | None, ...]:
        """Of the values of each band."""
        return self._opening.facts.metadata.units

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """What each band is called."""
        return self._opening.facts.metadata.descriptions

    @property
    def colorinterp(self) -> tuple[str, ...]:
        """What each band is as a colour: "gray", "red", "palette", "alpha", "undefined", ..."""
        return self._opening.facts.metadata.colorinterp

    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]:
        """Items of metadata by name, of the file or of a band; `ns` is their domain.

        Raises:
            UsageError: there is no such band.
        """
        return self._opening.facts.metadata.tags(band, ns)

    def statistics(self, band: int) -> Statistics | None:
        """Statistics that the file stores of a band, if any.

        Raises:
            UsageError: there is no such band.
        """
        return self._opening.facts.metadata.statistics(band)

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
            "compress": name_of(Compression, image.compression).split(" ")[0].lower(),
            "interleave": "band" if grid.planes > 1 or self.count == 1 else "pixel",
            "photometric": name_of(Photometric, image.photometric).split(" ")[0].lower(),
        }

    def info(self) -> dict[str, Any]:
        """All facts as plain values for JSON, with the keys of `rio info`."""
        facts = {
            key: value
            for key, value in self.profile.items()
            if key not in ("crs", "transform", "photometric")
        }
        band_count = range(self.count)
        statistics = [self.statistics(band) for band in band_count]
        return {
            **facts,
            "bounds": list(self.bounds),
            "transform": list(self.transform)[:9],
            "crs": None if self.crs is None else str(self.crs),
            "shape": [self.height, self.width],
            "res": list(self.res),
            "colorinterp": list(self.colorinterp),
            "units": list(self.units),
            "descriptions": list(self.descriptions),
            "indexes": [band + 1 for band in band_count],
            "mask_flags": [mask_flags(self) for _ in band_count],
            "overviews": self.overviews,
            "scales": list(self.scales),
            "offsets": list(self.offsets),
            "tags": self.tags(),
            "stats": [None if found is None else found._asdict() for found in statistics],
            "findings": [str(finding) for finding in self.findings],
        }

    # --- tiles of the world ----------------------------------------------------------------------

    def tile_matrix_set(self) -> dict[str, Any]:
        """The pyramid as an OGC TileMatrixSet 2.0, for `json.dumps` and morecantile.

        Raises:
            UsageError: the file tells no CRS, or its pixels are rotated or not square.
        """
        crs = self.crs
        if crs is None:
            raise UsageError(MISSING)
        if crs.epsg is not None and crs.is_geographic:
            return tile_matrix_set(tile_levels(self._opening), crs.epsg, metres_per_unit=DEGREE)
        known = crs.to_pyproj()
        unit = known.axis_info[0].unit_conversion_factor
        metres = unit * RADIUS if crs.is_geographic else unit
        named: int | Mapping[str, Any] = crs.epsg or known.to_json_dict()
        axes = (known.axis_info[0].abbrev or "X", known.axis_info[1].abbrev or "Y")
        return tile_matrix_set(
            tile_levels(self._opening), named, metres_per_unit=metres, ordered_axes=axes
        )

    def stored_web_tile(self, zoom: int, x: int, y: int) -> tuple[int, int, int] | None:
        """The stored tile (z, x, y) that is a web tile, if the file is made of such."""
        aligned = alignment(self._opening)
        return None if aligned is None else aligned.stored_tile(zoom, x, y)

    # --- for people ------------------------------------------------------------------------------

    def __repr__(self) -> str:
        """What it is, as far as known."""
        header = self._opening.look()
        if header is None:
            return f"<Cog {self.name}, not read yet>"
        levels = [described(z, image) for z, image in enumerate(header.pyramid.levels)]
        return "\n  ".join([f"<Cog {self.name}, {header.tiff.header.variant.name}", *levels]) + ">"

    def _repr_html_(self) -> str:
        """For notebooks."""
        header = self._opening.look()
        if header is None or not header.complete:
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


RADIUS = 6378137.0
"""Metres: of the sphere by which tile matrix sets turn degrees into metres."""

DEGREE = RADIUS * np.pi / 180


def mask_flags(dataset: Dataset) -> list[str]:
    """What tells which pixels are valid, in rasterio's words."""
    if dataset.has_mask:
        return ["per_dataset"]
    if dataset.nodata is not None:
        return ["nodata"]
    return ["per_dataset", "alpha"] if "alpha" in dataset.colorinterp else ["all_valid"]
