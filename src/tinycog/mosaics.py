"""`mosaic`: many files as one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, Self, Unpack

from tinycog.area_reads import AreaReads
from tinycog.argument_types import (
    AreaOptions,
    CrsLike,
    ErrorHandling,
    MosaicMethod,
    WarpResamplingLike,
    Where,
    WindowLike,
)
from tinycog.checks import check_errors, check_masked, check_method
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import Finding, UsageError
from tinycog.fetch.attempt import Request
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import side_by_side
from tinycog.handle import Handle
from tinycog.level import Level
from tinycog.mosaicking.fitting import MosaicOptions
from tinycog.mosaicking.mosaic_file import MosaicFile
from tinycog.mosaicking.overlaps import METHODS
from tinycog.pixels.methods import WARPING
from tinycog.raster import Raster
from tinycog.reader.arguments import ReadArguments, resolve
from tinycog.reader.iter_tiles import stream
from tinycog.reader.read_window import read_area
from tinycog.reader.tile_parts import window_tiles
from tinycog.reader.window_buffers import WindowRequest, make_buffers
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.image import Image
from tinycog.tracebacks import short_tracebacks
from tinycog.validator.among_files import OFFSET_TOLERANCE
from tinycog.window import Area, Tile, Window, as_floats

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.colour import ColorInterp, Colormap
    from tinycog.geo.crs import Crs
    from tinycog.geo.transform import GroundControlPoint


class MosaicFileFacts(NamedTuple):
    """A file of a mosaic, and where it lies.

    Attributes:
        name: of the file, without secrets.
        window: in pixels of level 0 of the mosaic.
        cog: the handle.
    """

    name: str
    window: Window
    cog: Cog


TOUCHED = 2
"""Files of which requests of a mosaic's own handles are planned to be one: a read may touch few."""

SHOWN_NAMES = 4
"""Names of files in the table of a notebook."""


@short_tracebacks
class Mosaic(AreaReads, Handle):
    """Many files as one image, made by `tinycog.mosaic`: it reads as a `Cog` does.

    It opens its files at its first use, once; `await mosaic` only opens them. It has the levels
    that all files share, where the pixels of these are pixels of the whole. Pixels that no file
    covers are not valid: they are nodata, or 0.
    """

    def __init__(
        self, cogs: Sequence[Cog], options: MosaicOptions, owned: Sequence[Cog] = ()
    ) -> None:
        """Keep the handles; nothing is read. `owned` are closed with the mosaic."""
        self._cogs, self._options, self._owned = tuple(cogs), options, tuple(owned)
        files = [cog._file for cog in cogs]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - read as one
        own = set(map(id, owned))
        for cog, file in zip(cogs, files, strict=True):
            if len(files) > 1 and id(cog) in own:
                file.be_one_of(TOUCHED)
        self._file = MosaicFile(files, options)

    def _pixels(self) -> MosaicFile:
        return self._file

    def _described(self) -> Image:
        return self._file.levels[0]

    async def _opened(self) -> Self:
        await self._file.read_all()
        return self

    async def aclose(self) -> None:
        """Close the files that `mosaic` has opened; handles that were given stay open."""
        for cog in self._owned:
            await cog.aclose()

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """Pickle the handles with what has been read of their headers, and the options."""
        return (type(self), (self._cogs, self._options, self._owned))

    # --- what it is ------------------------------------------------------------------------------

    @property
    def files(self) -> tuple[MosaicFileFacts, ...]:
        """The files, in the order that decides where several have a pixel."""
        return tuple(
            MosaicFileFacts(member.name, member.window(0), cog)
            for cog, member in zip(self._cogs, self._file.members, strict=True)
        )

    @property
    def name(self) -> str:
        """How many files there are, and the name of the first."""
        return f"{len(self._cogs)} files from {self._cogs[0].name}"

    @property
    def pin(self) -> str | None:
        """Name of the generations of all files together; None where one of them has none."""
        pins = [cog.pin for cog in self._cogs]
        if None in pins:
            return None
        return sha256("\n".join(map(str, pins)).encode()).hexdigest()

    @property
    def transform(self) -> Affine:
        """Affine transform from (col, row) of level 0 to (x, y)."""
        return self._file.georeference.transform(self._file.level_size(0))

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system, which all files have."""
        return self._file.georeference.crs

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels that all files share, 0 = full resolution."""
        georeference = self._file.georeference
        return tuple(
            Level(z, image, has_mask=False, _georeference=georeference)
            for z, image in enumerate(self._file.levels)
        )

    @property
    def has_mask(self) -> bool:
        """True if pixels may be invalid whose samples do not say so, by nodata or alpha."""
        return self._file.has_mask

    # --- what samples mean: as in the first file -------------------------------------------------

    @property
    def scales(self) -> tuple[float, ...]:
        """Scale of each band: value = sample * scale + offset; 1 of counts and deviations."""
        return self._file.metadata.scales

    @property
    def offsets(self) -> tuple[float, ...]:
        """Offset of each band."""
        return self._file.metadata.offsets

    @property
    def units(self) -> tuple[str | None, ...]:
        """Unit of the values of each band, None where the first file names none."""
        return self._file.metadata.units

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """Description of each band, None where the first file has none."""
        return self._cogs[0].descriptions

    @property
    def colorinterp(self) -> tuple[ColorInterp, ...]:
        """Colour interpretation of each band."""
        return self._cogs[0].colorinterp

    @property
    def colormap(self) -> Colormap | None:
        """Colours of the palette that all files share, None without one."""
        return self._cogs[0].colormap if self.dtype == self._cogs[0].dtype else None

    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]:
        """None: a mosaic has a transform."""
        return ()

    @property
    def rpcs(self) -> None:
        """None: those of a file do not hold for the whole."""
        return

    def tag_namespaces(self, band: int | None = None) -> list[str]:
        """Return the domains of the items that all files share, the default one as ""."""
        first, *others = (cog.tag_namespaces(band) for cog in self._cogs)
        return [ns for ns in first if all(ns in other for other in others)]

    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]:
        """Return GDAL's metadata items that all files share, of the whole or of a band."""
        first, *others = (cog.tags(band, ns=ns) for cog in self._cogs)
        return {
            name: text
            for name, text in first.items()
            if all(other.get(name) == text for other in others)
        }

    @property
    def requests(self) -> tuple[Request, ...]:
        """Log of the requests of all files, file by file."""
        return tuple(request for cog in self._cogs for request in cog.requests)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Oddities of the files found so far."""
        return tuple(finding for cog in self._cogs for finding in cog.findings)

    def __repr__(self) -> str:
        """Return size, levels and files in a line."""
        try:
            bands, rows, cols = self.shape
        except UsageError:
            return f"<Mosaic: {len(self._cogs)} files, not open yet>"
        return (
            f"<Mosaic: {len(self._cogs)} files, {cols} x {rows}, {bands} bands of {self.dtype},"
            f" {len(self.levels)} levels>"
        )

    def _repr_html_(self) -> str:
        """Return a table of facts and the footprint for notebooks; nothing is fetched."""
        from tinycog.notebook.card import card, never_fails  # noqa: PLC0415 - only notebooks
        from tinycog.notebook.world_map import map_of  # noqa: PLC0415 - the same

        def draw() -> str:
            files = ", ".join(cog.name for cog in self._cogs[:SHOWN_NAMES])
            facts: dict[str, object] = {"files": f"{len(self._cogs)}: {files}"}
            try:
                bands, rows, cols = self.shape
            except UsageError:
                return card("Mosaic", {**facts, "state": "not open yet: `await` it"})
            facts["size"] = f"{cols} x {rows} pixels, {bands} bands of {self.dtype}"
            facts |= {"levels": len(self.levels), "nodata": self.nodata, "crs": self.crs}
            facts |= {"bounds": tuple(self.bounds), "resolution": self.res}
            return card("Mosaic", facts, drawings=map_of(self.crs, self.transform, (rows, cols)))

        return never_fails(self, draw)

    # --- reads that a file has too ---------------------------------------------------------------

    async def plan(self, **options: Unpack[AreaOptions]) -> Plan:
        """Return the requests of `read`: of each file by its name, in `Plan.beside`.

        Those of files that lie below others are among them unless these are known to be whole.

        Cost: parts of the index that are not known yet.
        """
        return await self._plan_area(options)

    async def iter_tiles(
        self,
        *,
        level: int = 0,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        crs: CrsLike | None = None,
        crop: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
    ) -> AsyncGenerator[Raster, None]:
        """Iterate over an area in tiles of the size of the first file's, in bounded memory.

        Tiles are counted from the corner of the mosaic: of files whose tiles lie otherwise, some
        are read twice.

        Args:
            level: 0 = full resolution.
            window: as for `read`, in pixels of `level`.
            bounds: as for `read`, instead of a window.
            crs: as for `read`: that of `bounds`.
            crop: as for `read`.
            masked: as for `read`.
            errors: as for `read`; "fill" also reads on where a whole file cannot be read.

        Yields:
            Whole tiles, cut to the mosaic at its edge only.

        Raises:
            TinycogError: as for `read`.

        Cost: that of the tiles of the files, of some at a time.
        """
        arguments = ReadArguments(window, bounds, crs, level, crop=crop)
        source, request = await resolve(
            self._file, arguments, None, boundless=False, masked=False, out=None
        )
        touched = make_buffers(source, request, planned=True).window
        image = source.image
        wanted, handling = check_masked(masked), check_errors(errors)

        async def read(tiles: list[Tile]) -> list[Raster]:
            return list(await side_by_side(*(one(tile) for tile in tiles)))

        async def one(tile: Tile) -> Raster:
            grid = image.grid
            rows, cols = grid.inside(tile.x, tile.y)
            place = Window(tile.x * grid.tile_width, tile.y * grid.tile_height, cols, rows)
            area = Area(tile.z, as_floats(place), (rows, cols))
            bands = list(range(image.samples))
            asked = WindowRequest(
                area, bands, "nearest", masked=wanted, boundless=False, errors=handling
            )
            return await read_area(self._file.windows, source, asked)

        tiles = window_tiles(image, request.area.z, touched)
        async with aclosing(stream(image, tiles, read)) as rasters:
            async for raster in rasters:
                yield raster


@short_tracebacks
def mosaic(
    files: Iterable[Where | SignedUrl | Source | Cog],
    *,
    method: MosaicMethod = "first",
    strict: bool = True,
    tolerance: float = OFFSET_TOLERANCE,
    crs: CrsLike | None = None,
    res: float | Sequence[float] | None = None,
    bounds: Sequence[float] | None = None,
    resampling: WarpResamplingLike = "nearest",
) -> Mosaic:
    """Make a handle of many files that are read as one image, without any I/O.

    ::

        whole = await tinycog.mosaic(["a.tif", "b.tif", "c.tif"])
        raster = await whole.read(bounds=(9, 47, 10, 48))

    The files have the same bands, dtype, CRS, pixel size and fill, and lie whole pixels apart, as
    Earth Engine demands of an upload in tiles: their pixels are taken as they are. With
    `strict=False` they only have the same bands and dtype, and are warped to one grid. What no file
    covers is not valid.

    Args:
        files: urls, paths, handles, or whatever else `open` takes; their order decides where
            several have a pixel.
        method: what becomes of pixels that several files have: "first" or "last" valid one,
            "highest" (or "max"), "lowest" (or "min"), "mean", "median", "mode", "count", "stdev".
            Sample by sample where nodata counts by band, else pixel by pixel. Means of integers are
            rounded; "count" is uint32 and "stdev" float64.
        strict: refuse files that do not fit each other.
        tolerance: fraction of a pixel that a file may lie beside the grid of the others.
        crs: of the grid, with `strict=False`; by default that of the files.
        res: pixel size of the grid, a number or (x, y); by default that of the files.
        bounds: (left, bottom, right, top) of the grid; by default those of all files. Its edges are
            moved outwards to multiples of the pixel size.
        resampling: how files are warped to the grid: "nearest", "bilinear", "cubic", "average".

    Returns:
        A handle that opens its files at its first use, and reads as a `Cog` does. They are closed
        with it, unless they were given as handles.

    Raises:
        UsageError: there are no files, or an argument is wrong. When it opens, `MosaicError` if the
            files do not fit (its `findings` name them), and what a file raises that cannot be
            opened, by its name.

    Cost: 0 requests; the first use opens each file, 64 at a time.
    """
    given = list(files)
    if not given:
        raise UsageError("there are no files to read: the list is empty")
    options = mosaic_options(method, tolerance, crs, res, bounds, resampling, strict=strict)
    cogs = [one if isinstance(one, Cog) else open_file(one) for one in given]
    owned = [cog for cog, one in zip(cogs, given, strict=True) if cog is not one]
    return Mosaic(cogs, options, owned)


def mosaic_options(
    method: MosaicMethod,
    tolerance: float,
    crs: CrsLike | None,
    res: float | Sequence[float] | None,
    bounds: Sequence[float] | None,
    resampling: WarpResamplingLike,
    *,
    strict: bool,
) -> MosaicOptions:
    """Check the arguments of `mosaic`, which has the same errors.

    Raises:
        UsageError: one is wrong.
    """
    if method not in METHODS:
        message = f"method={method!r} is unknown: expected one of {', '.join(METHODS)}"
        raise UsageError(message)
    sampling = check_method(resampling, WARPING)
    if strict and not (crs is None and res is None and bounds is None and sampling == "nearest"):
        message = "crs=, res=, bounds= and resampling= are those of strict=False: pass it, too"
        raise UsageError(message)
    return MosaicOptions(method, strict, tolerance, crs, res, bounds, sampling)
