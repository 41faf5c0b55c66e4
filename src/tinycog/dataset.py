"""What a file is, in rasterio's words: `Dataset`, the base of `Cog`."""

from __future__ import annotations

from abc import abstractmethod
from math import isfinite
from typing import TYPE_CHECKING, Any, TypedDict, cast

from tinycog.errors import TinycogError
from tinycog.image_facts import ImageFacts
from tinycog.reader.open_file import OpenArguments, OpenFile
from tinycog.tiff.page_view import VIEW, PageView
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.argument_types import ReadOptions
    from tinycog.errors import Finding
    from tinycog.fetch.attempt import Request
    from tinycog.geo.colour import ColorInterp, Colormap
    from tinycog.geo.crs import Crs
    from tinycog.geo.metadata import Statistics
    from tinycog.geo.transform import RPC, GroundControlPoint
    from tinycog.level import Level, Overview
    from tinycog.page import Pages
    from tinycog.raster import Raster
    from tinycog.reader.snapshot import SnapshotDocument
    from tinycog.tiff.image import Image


class Profile(TypedDict):
    """What a writer needs to make a file of the same kind, by rasterio's names."""

    driver: str
    dtype: str | None
    nodata: int | float | None
    width: int
    height: int
    count: int
    crs: Crs | None
    transform: Affine
    blockxsize: int
    blockysize: int
    tiled: bool
    compress: str
    interleave: str
    photometric: str


@short_tracebacks
class Dataset(ImageFacts):
    """Facts of a file; all but `name`, `requests` and `findings` need `await` on the handle first.

    Bands are counted from 0, where rasterio counts from 1. Only the keys of `stored_stats` and the
    "indexes" of `info()` are rasterio's numbers, from 1.
    """

    def __init__(self, arguments: OpenArguments, parent: Dataset | None = None) -> None:
        """Keep the source; nothing is read. `parent` shares what it knows of the same file."""
        self._opened_with = arguments
        known = None if parent is None else parent._file  # noqa: SLF001 - of the same class
        self._file = OpenFile(arguments, known)

    def _be_asset(self, name: str) -> None:
        """Have the errors of a handle that is new name the asset of a collection that it is."""
        self._opened_with = self._opened_with._replace(asset=name)
        self._file.be_asset(name)

    @abstractmethod
    async def _read_level(self, z: int, options: ReadOptions) -> Raster:
        """Read an area of level `z`, as `Cog.read` does."""

    def _described(self) -> Image:
        return self._file.levels[0]

    # --- the file --------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Url, without credentials, or path that was opened."""
        return self._file.name

    @property
    def arguments(self) -> OpenArguments:
        """What `open` made the handle from."""
        return self._opened_with

    @property
    def url(self) -> str | None:
        """Url or absolute path by which others open the file.

        None where it has none (bytes, a function, a path in a file system of the caller's), and
        where it may show a credential, as its query does.
        """
        return self._file.url

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels of the pyramid, 0 = full resolution; masks are not counted.

        Raises:
            UsageError: the file is not open yet.
        """
        from tinycog.level import Level  # noqa: PLC0415 - no tile needs it

        georeference = self._file.georeference
        has_mask = [mask is not None for mask in self._file.masks]
        return tuple(
            Level(z, image, has_mask[z], georeference) for z, image in enumerate(self._file.levels)
        )

    @property
    def pages(self) -> Pages:
        """All IFDs of the file, levels and masks too, with their facts, roles and tags.

        `pages[n].pages` are the SubIFDs of page n. `Cog.page` reads any of them as an image.

        Raises:
            UsageError: the file is not open yet, or was opened as another page than its first.
        """
        from tinycog.page import make_pages  # noqa: PLC0415 - no tile needs it

        return make_pages(self._file.places, self._file, complete=self._file.has_all_pages)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Oddities of the file found so far, which did not keep it from being read."""
        return self._file.findings

    @property
    def requests(self) -> tuple[Request, ...]:
        """Log of the requests of this handle, in the order of their answers; the last 10,000."""
        return self._file.log

    @property
    def variant(self) -> str:
        """Which kind of TIFF it is: "TIFF" or "BigTIFF"; empty before the first read."""
        return self._file.variant or ""

    @property
    def file_size(self) -> int | None:
        """Bytes of the file; None before the first read, and where the source does not tell."""
        return self._file.size

    @property
    def ghost(self) -> dict[str, str]:
        """Items of GDAL's structural metadata, which its COG writer puts before the first IFD.

        What the writer says of its layout: LAYOUT, BLOCK_ORDER, BLOCK_LEADER and the like, as they
        are stored. Empty without such an area, and for a handle that has not been read.
        """
        found = self._file.ghost
        return {} if found is None else dict(found.items)

    def snapshot(self) -> bytes:
        """Return what is known of the header, for `tinycog.open(where, snapshot=...)`.

        A handle opened with it requests neither the header nor the part of the index that has been
        read: a cold tile costs one request. The snapshot also names the generation of the file, so
        that a changed file is a `SourceChangedError`. It holds no pixels: header, IFDs, values of
        tags and pages of the index, deflated.

        Raises:
            UsageError: the file is not open yet.
        """
        return self._file.snapshot().pack()

    def snapshot_document(self) -> SnapshotDocument:
        """Return the same as `snapshot` as a document for JSON.

        Raises:
            UsageError: the file is not open yet.
        """
        return self._file.snapshot().document()

    # --- images ----------------------------------------------------------------------------------

    @property
    def overviews(self) -> list[Overview]:
        """Levels after the first, each with its `decimation` and its own `read`."""
        from tinycog.level import Overview  # noqa: PLC0415 - no tile needs it

        georeference = self._file.georeference
        return [
            Overview(
                level.z,
                level.image,
                level.has_mask,
                georeference,
                round(self.width / level.width),
                self._read_level,
            )
            for level in self.levels[1:]
        ]

    @property
    def has_mask(self) -> bool:
        """True if the file holds a transparency mask of level 0."""
        return self.mask_ifd is not None

    @property
    def mask_flags(self) -> list[list[str]]:
        """What says which samples of each band are valid: names of rasterio's `mask_flag_enums`.

        "per_dataset" a mask, for all bands alike; with "alpha" that of the alpha band, with
        "nodata" that of NODATA_VALUES. "nodata" alone: the nodata value. "all_valid": nothing.

        Raises:
            UnsupportedError: no numpy type can hold the samples.
        """
        from tinycog.level import mask_flags  # noqa: PLC0415 - no tile needs it

        return mask_flags(self._file.mask_facts(), self.count, has_mask=self.has_mask)

    @property
    def mask_ifd(self) -> Image | None:
        """Facts of the transparency mask of level 0, None without one."""
        return self._file.masks[0]

    # --- georeference ----------------------------------------------------------------------------

    @property
    def transform(self) -> Affine:
        """Affine transform from (col, row) of level 0 to (x, y); identity if the file has none."""
        return self._file.geo.transform

    def index(self, x: float, y: float) -> tuple[int, int]:
        """Return (row, col) of the pixel of level 0 that (x, y) lies in, inside the image or not.

        Raises:
            UsageError: x or y is not a number, the transform has no inverse, or the file has
                control points or a CRS instead of one.
        """
        from tinycog.checks import check_points  # noqa: PLC0415 - geo is loaded on demand
        from tinycog.geo.windows import pixels_of  # noqa: PLC0415 - the same

        georeference = self._file.georeference
        grid = georeference.grid(georeference.size)
        ((row, col),) = pixels_of(check_points([(x, y)]), grid).tolist()
        return row, col

    def lnglat(self) -> tuple[float, float]:
        """Return longitude and latitude (WGS 84) of the centre of the image.

        Raises:
            UsageError: the file names no CRS, or pyproj is not installed.
            UnsupportedError: PROJ cannot build its CRS.
        """
        from tinycog.geo.crs import Crs  # noqa: PLC0415 - geo is loaded on demand
        from tinycog.geo.transformer import transformer  # noqa: PLC0415 - the same

        crs = self._file.georeference.place()
        left, bottom, right, top = self.bounds
        to_degrees = transformer(crs, Crs("geographic", 4326))
        x, y = to_degrees((left + right) / 2, (bottom + top) / 2)
        return float(x), float(y)

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system of the transform, or of the ground control points."""
        return self._file.geo.crs

    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]:
        """Ground control points; empty where the file has a transform instead."""
        return self._file.geo.gcps

    @property
    def rpcs(self) -> RPC | None:
        """Rational polynomial coefficients of a sensor, None without them."""
        return self._file.geo.rpcs

    # --- metadata --------------------------------------------------------------------------------

    @property
    def scales(self) -> tuple[float, ...]:
        """Scale of each band: value = sample * scale + offset; NaN if it cannot be read."""
        return self._file.metadata.scales

    @property
    def offsets(self) -> tuple[float, ...]:
        """Offset of each band: value = sample * scale + offset; NaN if it cannot be read."""
        return self._file.metadata.offsets

    @property
    def units(self) -> tuple[str | None, ...]:
        """Unit of the values of each band, None where the file names none."""
        return self._file.metadata.units

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """Description of each band, None where the file has none."""
        return self._file.metadata.descriptions

    @property
    def colorinterp(self) -> tuple[ColorInterp, ...]:
        """Colour interpretation of each band: "gray", "red", "palette", "alpha", "undefined", ...

        Words that also equal the members of rasterio's `ColorInterp`.
        """
        from tinycog.geo.colour import ColorInterp  # noqa: PLC0415 - geo is loaded on demand

        return tuple(ColorInterp(name) for name in self._file.metadata.colorinterp)

    @property
    def colormap(self) -> Colormap | None:
        """Colours of the palette of level 0, None without one."""
        from tinycog.geo.colour import Colormap  # noqa: PLC0415 - geo is loaded on demand

        found = self._file.colormap
        return None if found is None else Colormap(found, self.nodata)

    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]:
        """Return GDAL's metadata items by name, of the file or of a band.

        TIFF tags are read by `Cog.read_tag`.

        Args:
            band: counted from 0; None is the file.
            ns: domain of the items. "IMAGE_STRUCTURE" tells how pixels are stored (without what
                decoding alone tells, such as JPEG_QUALITY), "RPC" has the coefficients as text,
                "EXIF" the tags of the Exif and GPS IFDs (gdal.metadata.exif).

        Raises:
            UsageError: there is no such band.
        """
        from tinycog.geo import structure  # noqa: PLC0415 - geo is loaded on demand

        items = self._file.metadata.tags(band, ns)
        image = self._described()
        if ns == structure.IMAGE_STRUCTURE and band is None:
            return items | structure.structure_of(image, self._file.ghost)
        if ns == structure.IMAGE_STRUCTURE and band is not None:
            return items | structure.band_structure(image, band)
        if ns == structure.RPC_DOMAIN and band is None:
            return items | structure.rpc_items(self.rpcs)
        if ns == structure.EXIF and band is None and self._file.exif is not None:
            return items | self._file.exif.items
        return items

    def tag_namespaces(self, band: int | None = None) -> list[str]:
        """Return the domains of which `tags` has items, of the file or of a band.

        Args:
            band: counted from 0; None is the file.

        Raises:
            UsageError: there is no such band.
        """
        from tinycog.geo import structure  # noqa: PLC0415 - geo is loaded on demand

        every = dict.fromkeys((*self._file.metadata.namespaces(band), *structure.REPEATED))
        return [ns for ns in every if self.tags(band, ns=ns)]

    def statistics(self, band: int) -> Statistics | None:
        """Return the statistics that the file stores for a band, counted from 0; None without any.

        Raises:
            UsageError: there is no such band.
        """
        return self._file.metadata.statistics(band)

    @property
    def stored_stats(self) -> dict[int, Statistics]:
        """Statistics of the bands for which the file stores any; the keys count bands from 1."""
        found = map(self._file.metadata.statistics, range(self.count))
        return {band: stats for band, stats in enumerate(found, 1) if stats is not None}

    @property
    def profile(self) -> Profile:
        """What a writer needs to make a file of the same kind, by rasterio's names.

        "dtype" is None where no numpy type can hold the samples.
        """
        from tinycog import level  # noqa: PLC0415 - no tile needs it

        image = self._described()
        grid = image.grid
        dtype, nodata = level.describe_samples(image)
        return {
            "driver": "GTiff",
            "dtype": dtype,
            "nodata": nodata,
            "width": self.width,
            "height": self.height,
            "count": self.count,
            "crs": self.crs,
            "transform": self.transform,
            "blockxsize": grid.tile_width,
            "blockysize": grid.tile_height,
            "tiled": not grid.strips,
            "compress": level.gdal_compression(image),
            "interleave": "band" if grid.planes > 1 or self.count == 1 else "pixel",
            "photometric": level.gdal_photometric(image),
        }

    def info(self) -> dict[str, Any]:
        """Return all facts as a JSON document, with the keys of `rio info`.

        JSON has no NaN and no infinity: as nodata, they are "nan", "inf" or "-inf", as in STAC;
        any other number that is not finite is None.
        """
        bands = range(self.count)
        statistics = [self.statistics(band) for band in bands]
        profile = self.profile
        flags = None if profile["dtype"] is None else self.mask_flags
        facts = {
            **profile,
            "nodata": _nodata_in_json(profile["nodata"]),
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
            "mask_flags": flags,
            "overviews": [level.decimation for level in self.overviews],
            "scales": list(self.scales),
            "offsets": list(self.offsets),
            "tags": self.tags(),
            "gcps": [point._asdict() for point in self.gcps],
            "stats": [None if found is None else found._asdict() for found in statistics],
            "findings": [str(finding) for finding in self.findings],
        }
        return {name: _in_json(value) for name, value in facts.items()}

    # --- tile matrices ---------------------------------------------------------------------------

    def tile_matrix_set(self) -> dict[str, Any]:
        """Return the pyramid as an OGC TileMatrixSet 2.0: a JSON document, as morecantile takes it.

        Raises:
            UsageError: the file names no CRS, or its pixels are rotated or not square.
        """
        from tinycog.reader.read_web_tile import own_matrix_set  # noqa: PLC0415 - loads warping

        return own_matrix_set(self._file)

    def stored_web_tile(self, zoom: int, x: int, y: int) -> tuple[int, int, int] | None:
        """Return the stored tile (z, x, y) that equals a web tile.

        None if the stored tiles are no web tiles, or there is none at that place.
        """
        from tinycog.reader.read_web_tile import alignment  # noqa: PLC0415 - loads warping

        aligned = alignment(self._file)
        return None if aligned is None else aligned.stored_tile(zoom, x, y)

    # --- representations -------------------------------------------------------------------------

    def __repr__(self) -> str:
        """Return name, variant and levels, as far as they are known."""
        if self._file.variant is None:
            return f"<Cog {self.name}, not read yet>"
        from tinycog.level import describe  # noqa: PLC0415 - no tile needs it

        levels = [describe(z, image) for z, image in enumerate(self._file.levels_so_far)]
        page = _page_name(self._file.view)
        return "\n  ".join([f"<Cog {self.name}{page}, {self._file.variant}", *levels]) + ">"

    def _repr_html_(self) -> str:
        """Return a table of facts and the footprint for notebooks; nothing is fetched."""
        return self._card()

    def _card(self, png: bytes | None = None, note: str = "") -> str:
        """Return what a notebook shows; `note` stands below the picture, or in its place."""
        from tinycog.notebook.card import card, never_fails  # noqa: PLC0415 - only notebooks

        if not self._file.is_complete:
            state = {"state": "not read yet: its first read opens it"}
            return never_fails(self, lambda: card(f"Cog {self.name}", state))
        from tinycog.notebook.world_map import map_of  # noqa: PLC0415 - only notebooks

        def draw() -> str:
            drawings = [] if self.gcps else map_of(self.crs, self.transform, self.shape[1:])
            return card(f"Cog {self.name}", self._summary(), png=png, drawings=drawings, note=note)

        return never_fails(self, draw)

    def _summary(self) -> dict[str, object]:
        """Return the rows of the table in a notebook."""
        from tinycog.level import describe_samples  # noqa: PLC0415 - no tile needs it

        bands, rows, cols = self._described().shape
        dtype, nodata = describe_samples(self._described())
        size = "" if self.file_size is None else f", {self.file_size:,} bytes"
        levels = [repr(level).strip("<>") for level in self.levels]
        more = [f"and {len(levels) - SHOWN_LEVELS} more"] if len(levels) > SHOWN_LEVELS else []
        facts: dict[str, object] = {
            "file": f"{self.variant}{size}",
            "size": f"{cols} x {rows} pixels, {bands} band{'s'[: bands != 1]} of"
            f" {dtype or 'unsupported samples'}",
            "nodata": nodata,
            "mask": self._mask_words(dtype),
            "crs": self.crs,
            "bounds": tuple(self.bounds),
            "resolution": self.res,
            "bands": ", ".join(text or "-" for text in self.descriptions)
            if any(self.descriptions)
            else None,
            "levels": "\n".join([*levels[:SHOWN_LEVELS], *more]),
            "findings": "\n".join(map(str, self.findings[:SHOWN_FINDINGS])),
        }
        return {name: value for name, value in facts.items() if value not in (None, "")}

    def _mask_words(self, dtype: str | None) -> str:
        """Return what says which pixels are valid."""
        if self.has_mask or dtype is None:
            return "image" if self.has_mask else "none"
        flags = {flag for band in self.mask_flags for flag in band} - {"per_dataset", "all_valid"}
        return ", ".join(sorted(flags)) or "none"


SHOWN_LEVELS, SHOWN_FINDINGS = 12, 3
"""In the table of a notebook."""


def _lnglat(dataset: Dataset) -> list[float] | None:
    """Return [longitude, latitude] of the centre, None where it cannot be computed."""
    try:
        found = list(dataset.lnglat())
    except TinycogError:
        return None
    return found if all(map(isfinite, found)) else None


def _nodata_in_json(nodata: float | None) -> float | str | None:
    """Return a nodata value as STAC writes it: JSON has no numbers that are not finite."""
    return nodata if nodata is None or isfinite(nodata) else str(nodata)


def _in_json(value: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """Return a part of a document with None for numbers that are not finite."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {name: _in_json(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_in_json(item) for item in cast("list[Any]", value)]
    return value


def _page_name(view: PageView) -> str:
    """Return which page a handle reads, if that is not the first."""
    if view == VIEW:
        return ""
    plane = ", another plane" if view.is_plane else ""
    return f", page {', '.join(map(str, view.path))}{plane}"
