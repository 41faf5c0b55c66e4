"""`export`: an area of any size, in pieces that fit into memory, to a file or a function."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from tinycog.argument_types import (
    CrsLike,
    ErrorHandling,
    FileSystem,
    GeometryLike,
    Interleave,
    MaskKind,
    NamedMember,
    ObjectStore,
    OverviewMethod,
    Progress,
    ResamplingLike,
    WindowLike,
    WriteProfile,
)
from tinycog.checks import check_errors, check_size
from tinycog.cog import Cog
from tinycog.errors import UsageError
from tinycog.exporting.area import ExportArea, make_area
from tinycog.exporting.as_file import AreaFile
from tinycog.exporting.carry_out import Exported, ExportPlan, carry_out, plan_of, report
from tinycog.exporting.journal import ExportJournal, journal_path
from tinycog.exporting.parts import PieceSink
from tinycog.exporting.piecewise import Pieces, cut
from tinycog.exporting.to_array import ToArray
from tinycog.exporting.to_sink import Sink, ToSink
from tinycog.extras import check_installed
from tinycog.mosaics import Mosaic
from tinycog.raster import Raster
from tinycog.reader.arguments import ReadArguments
from tinycog.services import Service
from tinycog.tracebacks import short_tracebacks
from tinycog.window import Window
from tinycog.writer.grid import TileGrid
from tinycog.writer.options import DEFAULT_MEMORY
from tinycog.writer.plan import regions
from tinycog.writing import HasAsynchronous, write

if TYPE_CHECKING:
    from tinycog.writer.plan import WritePlan

CONCURRENCY = 4
"""Pieces that are read at once, unless the caller says so."""

CHUNK = 512
"""Rows and columns of a chunk of zarr, about; tiles that are smaller are put together."""

TIFF_ENDINGS = (".tif", ".tiff")

Exportable = Cog | Mosaic | Service
"""What `export` reads."""


class ExportOptions(TypedDict, total=False):
    """Options of `tinycog.write`, of exports to `.tif`."""

    profile: WriteProfile
    nodata: float | None
    descriptions: Sequence[str | None] | None
    tags: Mapping[str, str] | None
    compression: str | None
    level: int | Literal["auto", "fast"] | None
    predictor: int | str | None
    quality: float | None
    lossless: bool | None
    max_z_error: float | None
    distance: float | None
    effort: int | None
    blocksize: int | None
    overview_blocksize: int | None
    overviews: bool | int | Sequence[int] | None
    overview_resampling: OverviewMethod | NamedMember | None
    like: Literal["gdal"] | None
    interleave: Interleave | None
    mask: MaskKind | None
    sparse: bool
    statistics: bool | None
    bigtiff: bool | None
    bits: int | None
    verify: bool
    spool: str | PathLike[str] | None
    fs: FileSystem | None
    store: ObjectStore | None
    storage_options: Mapping[str, object] | None


@overload
async def export(
    source: Exportable | HasAsynchronous,
    target: str | PathLike[str] | Sink,
    *,
    plan: Literal[False] = False,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    crs: CrsLike | None = None,
    crop: bool = False,
    geometry: GeometryLike | None = None,
    all_touched: bool = False,
    pad_to: int | None = None,
    shape: Sequence[int] | None = None,
    res: float | Sequence[float] | None = None,
    resampling: ResamplingLike = "nearest",
    bands: Iterable[int] | int | None = None,
    indexes: Iterable[int] | int | None = None,
    errors: ErrorHandling = "raise",
    memory: int = DEFAULT_MEMORY,
    concurrency: int = CONCURRENCY,
    resume: bool | str | PathLike[str] | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    **options: Unpack[ExportOptions],
) -> Exported: ...


@overload
async def export(
    source: Exportable | HasAsynchronous,
    target: str | PathLike[str] | Sink,
    *,
    plan: Literal[True],
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    crs: CrsLike | None = None,
    crop: bool = False,
    geometry: GeometryLike | None = None,
    all_touched: bool = False,
    pad_to: int | None = None,
    shape: Sequence[int] | None = None,
    res: float | Sequence[float] | None = None,
    resampling: ResamplingLike = "nearest",
    bands: Iterable[int] | int | None = None,
    indexes: Iterable[int] | int | None = None,
    errors: ErrorHandling = "raise",
    memory: int = DEFAULT_MEMORY,
    concurrency: int = CONCURRENCY,
    resume: bool | str | PathLike[str] | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    **options: Unpack[ExportOptions],
) -> ExportPlan: ...


@short_tracebacks
async def export(
    source: Exportable | HasAsynchronous,
    target: str | PathLike[str] | Sink,
    *,
    plan: bool = False,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    crs: CrsLike | None = None,
    crop: bool = False,
    geometry: GeometryLike | None = None,
    all_touched: bool = False,
    pad_to: int | None = None,
    shape: Sequence[int] | None = None,
    res: float | Sequence[float] | None = None,
    resampling: ResamplingLike = "nearest",
    bands: Iterable[int] | int | None = None,
    indexes: Iterable[int] | int | None = None,
    errors: ErrorHandling = "raise",
    memory: int = DEFAULT_MEMORY,
    concurrency: int = CONCURRENCY,
    resume: bool | str | PathLike[str] | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    **options: Unpack[ExportOptions],
) -> Exported | ExportPlan:
    """Export an area of any size, read in pieces, in a bounded amount of memory.

    ::

        await tinycog.export(cog, "area.tif", bounds=(9, 47, 10, 48), crs="EPSG:4326")
        await tinycog.export(mosaic, "area.zarr", res=20, resampling="average")
        await tinycog.export(cog, "area.npy", memory=128 << 20)
        await tinycog.export(cog, sink)         # async def sink(window, raster): ...

    Pieces begin and end where stored tiles do, so that no tile is read twice, unless pixels are
    resampled. The pixels are those of `read` for the whole area.

    Args:
        source: a handle: of a file, a mosaic, or a service; also a blocking one.
        target: what is written: `.tif` (a COG, by `tinycog.write`), `.zarr` (a group as xarray
            reads it; needs the extra `zarr`), `.npy` (with `.mask.npy` beside it where a pixel is
            not valid), each a path, `.tif` also a url; or a function, async or not, that is called
            with the window of each piece, in pixels of the result, and its `Raster`, one after the
            other.
        plan: return what it takes, instead: no pixel is read.
        window: as for `read`, in pixels of full resolution; None is all of it.
        bounds: as for `read`, instead of a window.
        crs: as for `read`: that of `bounds` or `geometry`.
        crop: as for `read`.
        geometry: as for `read`: pieces outside of it cost no request.
        all_touched: as for `read`.
        pad_to: as for `read`.
        shape: as for `read`: (rows, cols) of the whole result.
        res: as for `read`.
        resampling: as for `read`.
        bands: as for `read`.
        indexes: as for `read`.
        errors: as for `read`.
        memory: bytes that are held at most. It is refused before the first byte if it is too
            small, with the smallest that works.
        concurrency: pieces that are read at once; fewer where `memory` does not allow it. To
            `.tif` one is read at a time, its tiles at once.
        resume: whether what is done outlives the process, in a journal beside the target that is
            gone when all is there: True, the default of paths; or a folder for the journal, also
            of urls and functions. The same call goes on where one that was killed, failed or was
            cancelled ended, with the same bytes. False leaves nothing behind.
        overwrite: whether what is there is replaced: a file, or a folder that is a zarr store.
        progress: called with the pixels of the result that are done, and their number.
        **options: those of `tinycog.write`, to `.tif` only.

    Returns:
        What was done: pieces, bytes, and what became of the pixels (`account`); with `plan` an
        `ExportPlan`.

    Raises:
        UsageError: an argument is wrong, or the journal is of another export; it names the journal.
        LimitError: `memory` is too small.
        SourceError: the target cannot be written; nothing has its name, then.
        TinycogError: as for `read` and `write`.

    Cost: the requests of `plan`, which are those of the tiles of each piece. After a kill, those of
        the pieces that were not done.
    """
    given = getattr(source, "asynchronous", source)
    if not isinstance(given, Cog | Mosaic | Service):
        message = (
            f"an export is of a handle, tinycog.open(...), mosaic(...) or Service(...), not of a"
            f" {type(source).__name__}"
        )
        raise UsageError(message)
    kind = _kind(target)
    if options and kind != "tif":
        message = f"{', '.join(sorted(options))}: options of tinycog.write, for .tif only"
        raise UsageError(message)
    count = check_size(concurrency, "concurrency")
    await given
    arguments = ReadArguments(
        *(window, bounds, crs, None, shape, res, resampling, crop),
        *(geometry, all_touched, pad_to),
    )
    area = await make_area(given, arguments, bands, indexes, check_errors(errors))
    job = _Export(area, target, memory, resume, overwrite=overwrite, progress=progress)
    if kind == "tif":
        return await job.plan_tif(options) if plan else await job.write_tif(options)
    pieces = cut(area, memory, count)
    if plan:
        found = await plan_of(area, pieces.windows)
        return ExportPlan(area.shape, tuple(pieces.windows), *found, pieces.memory, pieces.held)
    return await job.write_pieces(kind, pieces)


def _kind(target: object) -> Literal["tif", "zarr", "npy", "sink"]:
    """Return what a target is.

    Raises:
        UsageError: nobody knows.
    """
    if callable(target) and not isinstance(target, type) and not _is_named(target):
        return "sink"
    if _is_named(target):
        path = _text(target).partition("?")[0].rstrip("/").lower()
        is_url = "://" in path
        if path.endswith(TIFF_ENDINGS):
            return "tif"
        for ending in ("zarr", "npy"):
            if path.endswith(f".{ending}") and not is_url:
                return ending
        if path.endswith((".zarr", ".npy")):
            message = f"a .zarr or .npy is written to a path, not to a url: {path}"
            raise UsageError(message)
    message = (
        "a target is a path that ends with .tif, .zarr or .npy, or a function that takes window and"
        f" raster, not {target!r}"
    )
    raise UsageError(message)


def _is_named(target: object) -> bool:
    """Return whether a target is named."""
    return isinstance(target, str | PathLike)


def _text(target: object) -> str:
    """Return a path or a url as text."""
    path: Any = target
    return os.fsdecode(path)


class _Export:
    """What `export` was called with, its area resolved."""

    def __init__(
        self,
        area: ExportArea,
        target: object,
        memory: int,
        resume: bool | str | PathLike[str] | None,  # noqa: FBT001 - as the caller gave it
        *,
        overwrite: bool,
        progress: Progress | None,
    ) -> None:
        self._area, self._target, self._memory = area, target, memory
        self._overwrite, self._progress = overwrite, progress
        is_path = _is_named(target) and "://" not in _text(target)
        self._path = Path(os.path.realpath(_text(target))) if is_path else None
        self._resume = is_path if resume is None else resume
        if self._resume is True and not is_path:
            message = "resume=True is of a path: give a folder for the journal"
            raise UsageError(message)

    # --- what is said of it ----------------------------------------------------------------------

    @property
    def _pin(self) -> str:
        """What names the source, its generation, and the area."""
        source: Any = self._area.source
        request = self._area.request
        place = None if source.gcps else tuple(source.transform), str(source.crs)
        said = (source.name, getattr(source, "pin", None), place, request.area, request.bands)
        return repr((*said, request.method, request.errors, self._asked))

    @property
    def _asked(self) -> object:
        """What names the pixels that are asked for."""
        asked = self._area.asked
        if asked is None:
            return None
        rings = () if asked.geometry is None else asked.geometry.pixels
        digest = sha256(b"".join(ring.tobytes() for one in rings for ring in one)).hexdigest()
        return digest, asked.shape, asked.padded, asked.all_touched

    def _journal(self, kind: str, pieces: object) -> ExportJournal:
        """Return the journal; nothing is opened."""
        if self._resume is False and self._path is None:
            return ExportJournal(None, ())
        area = self._area
        said = (kind, self._pin, area.shape, area.dtype.str, area.level.image.nodata, pieces)
        folder = None if isinstance(self._resume, bool) else Path(self._resume)
        name = self._path or Path(f"{kind} {self._target if kind == 'tif' else self._pin}")
        return ExportJournal(journal_path(name, folder), said)

    # --- pieces ----------------------------------------------------------------------------------

    async def write_pieces(self, kind: str, pieces: Pieces) -> Exported:
        """Export to anything but a TIFF."""
        journal = self._journal(kind, tuple(pieces.windows))
        return await carry_out(
            self._area,
            pieces,
            self._sink(kind, pieces, journal),
            journal,
            resume=self._resume is not False,
            progress=self._progress,
        )

    def _sink(self, kind: str, pieces: Pieces, journal: ExportJournal) -> PieceSink:
        if self._path is None:
            target: Any = self._target
            return ToSink(target)
        if kind == "npy":
            shape, dtype = self._area.shape, self._area.dtype
            return ToArray(self._path, shape, dtype, overwrite=self._overwrite)
        return self._to_zarr(self._path, pieces, journal)

    def _to_zarr(self, path: Path, pieces: Pieces, journal: ExportJournal) -> PieceSink:
        check_installed("zarr", "zarr")
        from tinycog.adapters.zarr.written import ZarrFolder  # noqa: PLC0415 - only here
        from tinycog.exporting.to_chunks import Chunks  # noqa: PLC0415 - the same
        from tinycog.exporting.to_folder import ToFolder  # noqa: PLC0415 - the same

        area = self._area
        facts = AreaFile(area, self._pin)
        rows, cols = (
            min(-(-CHUNK // tile) * tile if tile < CHUNK else tile, max(size, 1))
            for tile, size in zip(facts.levels[0].tile_shape, area.shape[1:], strict=True)
        )
        chunks = Chunks(area.shape, (rows, cols), area.dtype, pieces.windows)
        layout = ZarrFolder(facts, (rows, cols), has_mask=area.may_be_invalid)
        return ToFolder(path, layout, chunks, journal.done, overwrite=self._overwrite)

    # --- .tif ------------------------------------------------------------------------------------

    def _options(self, options: ExportOptions) -> dict[str, Any]:
        """Return the arguments of `write`."""
        return {
            **options,
            "memory": self._memory,
            "resume": self._resume,
            "overwrite": self._overwrite,
        }

    async def _plan(self, options: ExportOptions) -> tuple[WritePlan, list[Window]]:
        """Return what writing takes, and the regions that are read, in their order."""
        target: Any = self._target
        file: Any = AreaFile(self._area, self._pin)
        make: Any = write
        plan: WritePlan = await make(target, file, plan=True, **self._options(options))
        grid = TileGrid(self._area.rows, self._area.cols, 1)
        found = [Window(one.col, one.row, one.cols, one.rows) for one in regions(plan, grid)]
        return plan, found

    async def plan_tif(self, options: ExportOptions) -> ExportPlan:
        """Return what an export to a TIFF takes."""
        plan, windows = await self._plan(options)
        requests, length = await plan_of(self._area, windows)
        return ExportPlan(
            self._area.shape,
            tuple(windows),
            requests,
            length,
            plan.memory + plan.kept,
            1,
            plan.spool,
        )

    async def write_tif(self, options: ExportOptions) -> Exported:
        """Export to a TIFF: `write` keeps what is done, and a journal what became of the pixels."""
        _, windows = await self._plan(options)
        journal = self._journal("tif", (self._memory, sorted(options.items(), key=str)))
        read: set[int] = set()

        async def noted(window: Window, raster: Raster) -> None:
            read.add(self._number(window))
            await journal.keep(self._number(window), raster.account)
            await journal.flush()  # before `write` keeps what it made of them

        area, target = self._area, self._target
        file: Any = AreaFile(area, self._pin, noted)
        make: Any = write
        await journal.open(anew=self._resume is False)
        is_over = self._resume is False
        try:
            written = await make(target, file, progress=self._progress, **self._options(options))
            done = set(map(self._number, windows)) - read
            for window in windows:
                if self._number(window) not in journal.done:  # lost with the power
                    await noted(window, await area.read(window))
            accounts = {n: journal.done[n] for n in map(self._number, windows)}
            is_over = True
        finally:
            await asyncio.shield(journal.close(removed=is_over or journal.is_empty))
        return report(written.name, area, len(windows), len(done), accounts)

    def _number(self, window: Window) -> int:
        return window.row_off * self._area.cols + window.col_off
