"""`mosaic`: many files of one grid, read as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self, Unpack

import numpy as np

from tinycog.affine_math import coefficients
from tinycog.area_reads import AreaReads
from tinycog.argument_types import (
    AreaOptions,
    CrsLike,
    ErrorHandling,
    WarpResamplingLike,
    Where,
    WindowLike,
)
from tinycog.checks import check_errors, check_masked, check_method
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import Finding, MosaicError, TinycogError, UsageError
from tinycog.fetch.attempt import Request
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import side_by_side
from tinycog.level import Level
from tinycog.member_facts import member_of
from tinycog.mosaicking.chosen_grid import ChosenGrid, choose_grid, windows_of
from tinycog.mosaicking.members import AlignedMember, WarpedMember, WarpGrid
from tinycog.mosaicking.mosaic_file import MosaicFile
from tinycog.mosaicking.overlaps import METHODS, MosaicMethod
from tinycog.mosaicking.placing import Levels, place
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
from tinycog.validator.among_files import OFFSET_TOLERANCE, SET_RULES, SetMember, check_files
from tinycog.window import Area, Tile, Window, as_floats

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.crs import Crs
    from tinycog.reader.open_file import OpenFile

SIDE_BY_SIDE = 64
"""Files that are opened at the same time."""

RULES = [rule for name, rule in SET_RULES.items() if name != "ee/files-size"]
"""What files of a mosaic have in common: Earth Engine's rules for uploads in tiles."""

ALWAYS = frozenset({"ee/files-bands", "ee/files-depth"})
"""Those that hold for files that are warped, too."""


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


class Mosaic(AreaReads):
    """Files of one grid as one image, made by `tinycog.mosaic`: it reads as a `Cog` does.

    It has the levels that all files share, where the pixels of these are pixels of the whole.
    Pixels that no file covers are not valid: they are nodata, or 0.
    """

    def __init__(self, cogs: Sequence[Cog], file: MosaicFile, *, owned: Sequence[Cog]) -> None:
        """Keep the files; made by `tinycog.mosaic`."""
        self._cogs = tuple(cogs)
        self._file = file
        self._owned = tuple(owned)

    def _pixels(self) -> MosaicFile:
        return self._file

    def _described(self) -> Image:
        return self._file.levels[0]

    async def __aenter__(self) -> Self:
        """Return the mosaic, which is open."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the files that it has opened."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close the files that `mosaic` has opened; handles that were given stay open."""
        for cog in self._owned:
            await cog.aclose()

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
    def transform(self) -> Affine:
        """Affine transform from (col, row) of level 0 to (x, y)."""
        return self._file.georeference.geo.transform

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
    def requests(self) -> tuple[Request, ...]:
        """Log of the requests of all files, file by file."""
        return tuple(request for cog in self._cogs for request in cog.requests)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Oddities of the files found so far."""
        return tuple(finding for cog in self._cogs for finding in cog.findings)

    def __repr__(self) -> str:
        """Return size, levels and files in a line."""
        bands, rows, cols = self.shape
        return (
            f"<Mosaic: {len(self._cogs)} files, {cols} x {rows}, {bands} bands of {self.dtype},"
            f" {len(self.levels)} levels>"
        )

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
        """Iterate over the area in tiles of the size of the first file's, in bounded memory.

        Arguments are those of `Cog.iter_tiles`. Tiles are counted from the corner of the mosaic:
        files whose tiles lie otherwise are read by parts of tiles, some of these twice.
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

        rasters = stream(image, window_tiles(image, request.area.z, touched), read)
        try:
            async for raster in rasters:
                yield raster
        finally:
            await rasters.aclose()


async def mosaic(
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
    """Read many files as one image.

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
        A handle that reads as a `Cog` does; its `files` are closed with it, unless they were given
        as handles.

    Raises:
        MosaicError: the files do not fit; its `findings` name them.
        UsageError: there are no files, or an argument is wrong.
        TinycogError: a file cannot be opened.

    Cost: that of opening each file, 64 at a time.
    """
    given = list(files)
    if not given:
        raise UsageError("there are no files to read: the list is empty")
    if method not in METHODS:
        message = f"method={method!r} is unknown: expected one of {', '.join(METHODS)}"
        raise UsageError(message)
    sampling = check_method(resampling, WARPING)
    if strict and not (crs is None and res is None and bounds is None and sampling == "nearest"):
        message = "crs=, res=, bounds= and resampling= are those of strict=False: pass it, too"
        raise UsageError(message)
    cogs = [one if isinstance(one, Cog) else open_file(one) for one in given]
    owned = [cog for cog, one in zip(cogs, given, strict=True) if cog is not one]
    try:
        await _open_all(cogs)
        opened = [cog._file for cog in cogs]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as one file
        _check(opened, method, tolerance, strict=strict)
        names = _names(opened)
        if strict:
            return Mosaic(cogs, _aligned(opened, names, method), owned=owned)
        grid = choose_grid(opened, names, crs, res, bounds)
        return Mosaic(cogs, _warped(opened, names, method, grid, sampling), owned=owned)
    except BaseException:
        for cog in owned:
            with suppress(TinycogError):
                await cog.aclose()
        raise


async def _open_all(cogs: Sequence[Cog]) -> None:
    rest = iter(cogs)
    while batch := list(islice(rest, SIDE_BY_SIDE)):
        await side_by_side(*(_open(cog) for cog in batch))


async def _open(cog: Cog) -> None:
    try:
        await cog
    except TinycogError as exc:
        exc.name_file(cog.name)
        raise


def _aligned(files: Sequence[OpenFile], names: Sequence[str], method: str) -> MosaicFile:
    """Return files whose pixels are those of the whole."""
    first = files[0].georeference
    placing = place([Levels(coefficients(file.geo.transform), file.level_sizes) for file in files])
    members = [
        AlignedMember(name, file, placing.levels, n)
        for n, (name, file) in enumerate(zip(names, files, strict=True))
    ]
    levels = [(level.own[0], level.size) for level in placing.levels]
    georeference = first.moved(placing.transform, levels[0][1], first.crs)
    return MosaicFile(members, levels, georeference, method, aligned=True)


def _warped(
    files: Sequence[OpenFile], names: Sequence[str], method: str, grid: ChosenGrid, sampling: str
) -> MosaicFile:
    """Return files that are warped to a grid."""
    georeference = files[0].georeference.moved(grid.transform, grid.sizes[0], grid.crs)
    target = WarpGrid(georeference, grid.crs, grid.sizes, sampling)
    members = [
        WarpedMember(name, file, windows_of(file, grid), target)
        for name, file in zip(names, files, strict=True)
    ]
    levels = [(0, size) for size in grid.sizes]
    return MosaicFile(members, levels, georeference, method, aligned=False)


def _check(files: Sequence[OpenFile], method: str, tolerance: float, *, strict: bool) -> None:
    """Raise a `MosaicError` unless the files fit (mosaic.rules)."""
    members = [member_of(file) for file in files]
    rules = RULES if strict else [rule for rule in RULES if rule.id in ALWAYS]
    found = [
        Finding(rule.id, seen.message) for rule, seen in check_files(members, rules, tolerance)
    ]
    found += _differences(files, members)
    if found:
        raise MosaicError.of_findings(found)
    if files[0].levels[0].dtype.kind == "c" and method not in ("first", "last", "mean", "count"):
        message = f"method={method!r} compares samples: complex ones have no order"
        raise UsageError(message)


def _differences(files: Sequence[OpenFile], members: Sequence[SetMember]) -> list[Finding]:
    """Return in what files differ beside Earth Engine's rules: colours, scales (mosaic.meaning)."""
    found: list[Finding] = []
    first = files[0]
    for file, member in zip(files[1:], members[1:], strict=True):
        one, other = first.levels[0], file.levels[0]
        pairs = [
            ("a PhotometricInterpretation", one.photometric, other.photometric),
            ("a ColorMap", _listed(first), _listed(file)),
            ("scales", first.metadata.scales, file.metadata.scales),
            ("offsets", first.metadata.offsets, file.metadata.offsets),
        ]
        for what, mine, yours in pairs:
            if not _same(mine, yours):
                text = f"{member.name} and {members[0].name} have {what} that differ"
                found.append(Finding("mosaic.meaning", text))
    return found


def _same(one: object, other: object) -> bool:
    return bool(one == other) or repr(one) == repr(other)  # NaN is no other than itself


def _listed(file: OpenFile) -> list[object] | None:
    return None if file.colormap is None else np.asarray(file.colormap).tolist()


def _names(files: Sequence[OpenFile]) -> list[str]:
    """Return the names of files; those that come twice with their number."""
    counts = Counter(file.name for file in files)
    return [
        f"{file.name} ({n})" if counts[file.name] > 1 else file.name
        for n, file in enumerate(files, 1)
    ]
