"""`TileSet`: tiles of a tile matrix set, stored in COGs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Self

from tinycog.argument_types import ErrorHandling, WarpResamplingLike, Where
from tinycog.checks import check_bands, check_errors, check_integer, check_method
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import Finding, TileIndexError, UsageError
from tinycog.fetch.attempt import Request
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import SingleFlight
from tinycog.geo.matrix_set import TileMatrix, matrix_set
from tinycog.handle import Handle
from tinycog.mosaicking.fitting import MosaicOptions
from tinycog.mosaicking.matrix_files import FilePlaces, find_places, matrix_file
from tinycog.mosaicking.mosaic_file import MosaicFile, open_files
from tinycog.mosaicking.placing import common
from tinycog.pixels.methods import WARPING
from tinycog.raster import Raster
from tinycog.reader.level_source import LevelSource
from tinycog.reader.read_window import read_area
from tinycog.reader.window_buffers import WindowRequest, check_limits, make_buffers
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tracebacks import short_tracebacks
from tinycog.window import Area, Window, as_floats

if TYPE_CHECKING:
    from tinycog.geo.crs import Crs

MatrixId = str | int
"""Name of a matrix in its set; "12" and 12 are the same."""


class TileLimits(NamedTuple):
    """Tiles of a matrix of which files have pixels: from the first to the last, included."""

    min_col: int
    min_row: int
    max_col: int
    max_row: int


class TileMatrixFacts(NamedTuple):
    """A matrix of a tile set.

    Attributes:
        id: its name in the tile matrix set.
        cell_size: width and height of a pixel, in units of the CRS.
        tile_shape: (rows, cols) of a tile in pixels.
        grid: (rows, cols) of tiles in the whole matrix.
        limits: tiles that hold pixels of a file.
        files: names of the files that have the matrix, as they are stored.
    """

    id: str
    cell_size: float
    tile_shape: tuple[int, int]
    grid: tuple[int, int]
    limits: TileLimits
    files: tuple[str, ...]


@short_tracebacks
class TileSet(Handle):
    """Tiles of a tile matrix set, stored in COGs: a matrix is a level of one, or of several.

    ::

        tiles = await tinycog.TileSet(["fine.tif", "coarse.tif"], "WebMercatorQuad")
        raster = await tiles.read_tile("12", 2175, 1427)

    A level belongs to a matrix if its pixels are those of the matrix, by CRS, size and place; where
    its stored tiles are tiles of the matrix, too, reading one costs one. It opens its files at its
    first use, once; `await tiles` only opens them.

    This is a definition of tinycog's (spec/tile-set.md): OGC dropped its own.
    """

    def __init__(
        self,
        files: Iterable[Where | SignedUrl | Source | Cog],
        tile_matrix_set: str | Mapping[str, object] = "WebMercatorQuad",
        *,
        strict: bool = True,
        resampling: WarpResamplingLike = "nearest",
    ) -> None:
        """Keep the files; nothing is read.

        Args:
            files: urls, paths, handles, or whatever else `open` takes; where several have a pixel,
                the first one with a valid one is read.
            tile_matrix_set: "WebMercatorQuad", "WorldCRS84Quad", or the JSON of a TileMatrixSet 2.0
                of OGC as a mapping: what `Cog.tile_matrix_set` returns, too.
            strict: refuse files that have no tiles of the set, and matrices that no file has;
                otherwise what is not stored is resampled.
            resampling: how, with `strict=False`: "nearest", "bilinear", "cubic", "average".

        Raises:
            UsageError: there are no files, or there is no such set. When it opens, `MosaicError`
                if files do not fit (its `findings` name them), and what a file raises that cannot
                be opened, by its name.
            UnsupportedError: rows of tiles of the set have different widths, or its CRS is unknown.
        """
        given = list(files)
        if not given:
            raise UsageError("there are no files to read: the list is empty")
        sampling = check_method(resampling, WARPING)
        if strict and sampling != "nearest":
            raise UsageError("resampling= is that of strict=False: pass it, too")
        self._set = matrix_set(tile_matrix_set)
        self._options = MosaicOptions("first", strict, resampling=sampling)
        self._cogs = [one if isinstance(one, Cog) else open_file(one) for one in given]
        self._owned = [cog for cog, one in zip(self._cogs, given, strict=True) if cog is not one]
        self._start()

    def _start(self) -> None:
        self._files = [cog._file for cog in self._cogs]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - read as one
        self._known: list[FilePlaces] | None = None
        self._is_open = False
        self._made: dict[str, MosaicFile | None] = {}
        self._single_flight = SingleFlight()

    async def _opened(self) -> Self:
        if not self._is_open:
            await self._single_flight.run("files", self._read)
        return self

    async def _read(self) -> None:
        await open_files(self._files)
        if self._known is None:
            self._known = find_places(self._files, self._set, strict=self._options.strict)
        self._is_open = True

    async def aclose(self) -> None:
        """Close the files that it has opened; handles that were given stay open."""
        for cog in self._owned:
            await cog.aclose()

    def __getstate__(self) -> dict[str, object]:
        """Pickle the handles with what has been read of their headers, the set and the options."""
        kept = ("_cogs", "_owned", "_set", "_options", "_known")
        return {name: vars(self)[name] for name in kept}

    def __setstate__(self, state: Mapping[str, object]) -> None:
        """Take them back."""
        vars(self).update(state)
        self._start()
        vars(self).update(state)  # places are known, though the files are not open here

    # --- what it is ------------------------------------------------------------------------------

    @property
    def _places(self) -> list[FilePlaces]:
        if self._known is None:
            message = "the files are not open yet: use `tiles = await tinycog.TileSet(...)`"
            raise UsageError(message)
        return self._known

    @property
    def id(self) -> str:
        """Name of the tile matrix set."""
        return self._set.id

    @property
    def crs(self) -> Crs:
        """Coordinate reference system of the tile matrix set."""
        return self._set.crs

    @property
    def matrices(self) -> tuple[TileMatrixFacts, ...]:
        """The matrices that files have as they are stored, in the order of the set."""
        found = (self._facts(matrix) for matrix in self._set.matrices)
        return tuple(facts for facts in found if facts is not None)

    def _facts(self, matrix: TileMatrix) -> TileMatrixFacts | None:
        width, height = matrix.tile
        rows, cols = matrix.grid
        whole = Window(0, 0, *matrix.size)
        names: list[str] = []
        parts: list[Window] = []
        for file, places in zip(self._files, self._places, strict=True):
            level = places.matrices.get(matrix.id)
            part = None if level is None else common(whole, level.window)
            if part is not None and part.width and part.height:
                names.append(file.name)
                parts.append(part)
        if not parts:
            return None
        left, right = min(p.col_off for p in parts), max(p.col_off + p.width for p in parts)
        top, bottom = min(p.row_off for p in parts), max(p.row_off + p.height for p in parts)
        first, last = top // height, (bottom - 1) // height
        if matrix.origin == "bottomLeft":
            first, last = rows - 1 - last, rows - 1 - first
        limits = TileLimits(left // width, first, (right - 1) // width, last)
        tile_shape = height, width
        return TileMatrixFacts(
            matrix.id, matrix.cell_size, tile_shape, (rows, cols), limits, tuple(names)
        )

    def info(self) -> dict[str, object]:
        """Return what it is, as JSON; the limits of tiles by OGC's names (`tileMatrixSetLimits`).

        `left_out` are the levels of files that are no matrix, and why.
        """
        image = self._files[0].levels[0]
        limits = [
            {
                "tileMatrix": one.id,
                "minTileRow": one.limits.min_row,
                "maxTileRow": one.limits.max_row,
                "minTileCol": one.limits.min_col,
                "maxTileCol": one.limits.max_col,
            }
            for one in self.matrices
        ]
        reasons = (
            {"file": file.name, "level": z, "reason": reason}
            for file, places in zip(self._files, self._places, strict=True)
            for z, reason in places.why_not.items()
        )
        return {
            "tileMatrixSetId": self.id,
            "crs": str(self.crs),
            "tileMatrixSetLimits": limits,
            "bands": image.samples,
            "dtype": str(image.dtype),
            "nodata": image.nodata,
            "files": [file.name for file in self._files],
            "left_out": list(reasons),
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
        """Return the set, its files and its matrices in a line."""
        if self._known is None:
            return f"<TileSet {self.id}: {len(self._cogs)} files, not open yet>"
        ids = ", ".join(one.id for one in self.matrices) or "none"
        return f"<TileSet {self.id}: {len(self._cogs)} files, matrices {ids}>"

    # --- tiles -----------------------------------------------------------------------------------

    async def read_tile(
        self,
        matrix: MatrixId,
        col: int,
        row: int,
        *,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
    ) -> Raster:
        """Read a tile, with its mask (cog.tileset.tile).

        Args:
            matrix: its matrix, by the id in the tile matrix set.
            col: column of the tile, from the west.
            row: row of the tile, from where the matrix counts them: the north, in most sets.
            bands: as for `Cog.read`.
            indexes: as for `Cog.read`.
            errors: as for `Cog.read_tile`; "fill" also reads on where a whole file cannot be read.

        Returns:
            The whole tile, (bands, rows, cols), in the CRS of the set. What no file has is not
            valid, and counts as a gap.

        Raises:
            UsageError: the set has no such matrix, or no file has it.
            TileIndexError: the matrix has no such tile.
            FormatError, UnsupportedError, SourceError: as for `Cog.read_tile`.

        Cost: the stored tiles that hold its pixels: one, where they are tiles of the matrix; 0
        where no file has any. With `strict=False`, of what is resampled, that of `Cog.read_warped`.
        """
        handling = check_errors(errors)
        file, source, request = await self._request(matrix, col, row, bands, indexes)
        return await read_area(file.windows, source, request._replace(errors=handling))

    async def plan(
        self,
        matrix: MatrixId,
        col: int,
        row: int,
        *,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
    ) -> Plan:
        """Plan `read_tile`: which requests it will send.

        Args:
            matrix: as for `read_tile`.
            col: as for `read_tile`.
            row: as for `read_tile`.
            bands: as for `read_tile`.
            indexes: as for `read_tile`.

        Returns:
            The requests of each file by its name, in `Plan.beside`. Those of files that lie below
            others are among them unless these are known to be whole.

        Raises:
            UsageError, TileIndexError: as for `read_tile`.

        Cost: parts of the index that are not known yet.
        """
        file, source, request = await self._request(matrix, col, row, bands, indexes)
        check_limits(file.limits, source, request)
        buffers = make_buffers(source, request, planned=True)
        return await file.windows.plan(source, 0, [buffers])

    async def _request(
        self,
        matrix: MatrixId,
        col: int,
        row: int,
        bands: Iterable[int] | int | None,
        indexes: Iterable[int] | int | None,
    ) -> tuple[MosaicFile, LevelSource, WindowRequest]:
        """Return what is read for a tile."""
        found = self._set.matrix(matrix)
        x, y = check_integer(col, "col"), check_integer(row, "row")
        rows, cols = found.grid
        if not (0 <= x < cols and 0 <= y < rows):
            message = (
                f"tile ({x}, {y}) does not exist in matrix {found.id!r} of {self.id}:"
                f" columns are 0 to {cols - 1}, rows 0 to {rows - 1}"
            )
            raise TileIndexError(message)
        file = await self._matrix_file(found)
        source = await file.level(0)
        window = found.window(x, y)
        area = Area(0, as_floats(window), (window.height, window.width))
        chosen = check_bands(source.image.samples, bands, indexes)
        return (
            file,
            source,
            WindowRequest(area, chosen, "nearest", masked=True, boundless=False),
        )

    async def _matrix_file(self, matrix: TileMatrix) -> MosaicFile:
        """Return the files that have a matrix as one image.

        Raises:
            UsageError: none has.
        """
        await self._opened()
        if matrix.id not in self._made:
            self._made[matrix.id] = matrix_file(
                self._files, self._places, self._set, matrix, self._options
            )
        file = self._made[matrix.id]
        if file is None:
            ids = ", ".join(one.id for one in self.matrices)
            message = (
                f"no file has matrix {matrix.id!r} of {self.id}: they have {ids}"
                " (strict=False resamples)"
            )
            raise UsageError(message)
        return file
