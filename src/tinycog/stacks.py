"""`Stack`: images of many files, step by step in time, on one grid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import ErrorHandling, WindowLike
from tinycog.checks import check_errors, check_integer
from tinycog.cog import Cog
from tinycog.errors import Finding, TinycogError, UsageError
from tinycog.extras import check_installed
from tinycog.fetch.attempt import Request
from tinycog.fetch.plan import Plan
from tinycog.fetch.single_flight import SingleFlight, side_by_side
from tinycog.geo.lazy import FixedPlacement, within
from tinycog.handle import Handle
from tinycog.limits import Limits
from tinycog.mosaicking.mosaic_file import SIDE_BY_SIDE
from tinycog.reader.open_file import OpenFile
from tinycog.stacking.chosen_bands import OpenedFiles
from tinycog.stacking.made_stack import MadeStack, make_stack
from tinycog.stacking.piece_arguments import StepSelection, bands_of_stack, piece_of
from tinycog.stacking.pieces import SplitFirst, chunks_of, pieces
from tinycog.stacking.read_stack import StackPiece, plan_piece, read_piece
from tinycog.stacking.stack_files import StackFile, StackStep
from tinycog.stacking.stack_options import BandSelection, StackOptions
from tinycog.stacking.stack_raster import StackRaster
from tinycog.thread_pool import run_in_pool
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    import xarray
    from affine import Affine

    from tinycog.geo.crs import Crs
    from tinycog.geo.transform import BoundingBox

PIECE_BYTES = 256 << 20
"""Bytes of the pieces that are held at once, unless a caller says otherwise."""


@short_tracebacks
class Stack(Handle):
    """Images of many files, step by step in time, on one grid; made by `Collection.stack`.

    ::

        stack = await collection.stack(bounds=(9, 47, 10, 48), crs="EPSG:4326", res=0.001)
        raster = await stack.read()             # data: (time, band, row, col)

    It opens its files at its first use, once; `await stack` only opens them. Files of an index
    are opened without a request.
    """

    def __init__(
        self,
        cogs: Sequence[Cog],
        files: Sequence[StackFile],
        steps: Sequence[StackStep],
        options: StackOptions,
    ) -> None:
        """Keep the handles, which are closed with the stack; nothing is read."""
        self._cogs, self._files, self._steps = tuple(cogs), tuple(files), tuple(steps)
        self._options = options
        for file in self._handles:
            file.be_one_of(min(len(self._cogs), SIDE_BY_SIDE))
        self._made: MadeStack | None = None
        self._is_partial = False
        self._single_flight = SingleFlight()

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        """Pickle the handles with what has been read of their headers, and the options."""
        return (type(self), (self._cogs, self._files, self._steps, self._options))

    async def _opened(self) -> Self:
        await self._open("raise")
        return self

    async def aclose(self) -> None:
        """Close the files."""
        for cog in self._cogs:
            await cog.aclose()

    # --- opened ----------------------------------------------------------------------------------

    @property
    def _handles(self) -> list[OpenFile]:
        return [cog._file for cog in self._cogs]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - read as one

    @property
    def _limits(self) -> Limits:
        return self._handles[0].limits

    async def _open(self, errors: ErrorHandling) -> MadeStack:
        """Open the files, and put them on one grid, once.

        What was left out with "fill" stays left out, until all of it is asked for.
        """
        if self._made is not None and (errors == "fill" or not self._is_partial):
            return self._made
        return await self._single_flight.run(errors, lambda: self._make(keep=errors == "fill"))

    async def _make(self, *, keep: bool) -> MadeStack:
        handles, used = self._handles, self._used()
        found: dict[int, TinycogError] = {}

        async def open_one(n: int) -> None:
            try:
                await handles[n].read_whole()
            except TinycogError as error:
                error.name_file(handles[n].name)
                if not keep:
                    raise
                found[n] = error

        rest = iter(used)
        while batch := list(islice(rest, SIDE_BY_SIDE)):
            await side_by_side(*map(open_one, batch))
        made = await run_in_pool(self._put_together, used, found, keep)
        self._made = made
        return made

    def _put_together(
        self,
        used: Sequence[int],
        errors: dict[int, TinycogError],
        keep: bool,  # noqa: FBT001 - `run_in_pool` takes positions
    ) -> MadeStack:
        opened = OpenedFiles(self._files, self._handles, errors, used)
        try:
            made = make_stack(opened, self._options, keep=False)
        except TinycogError:
            if not keep:
                raise
            made = make_stack(opened, self._options, keep=True)
            self._is_partial = True
        else:
            self._is_partial = False
        return made

    def _used(self) -> list[int]:
        """Return positions of the files that may hold a band that is wanted.

        Where all names that are wanted are known of each scene, the other files stay closed.
        """
        wanted = self._options.bands
        everything = list(range(len(self._files)))
        if wanted is None or not all(isinstance(one, str) for one in wanted):
            return everything
        scenes: dict[str, list[int]] = {}
        for n, file in enumerate(self._files):
            scenes.setdefault(file.scene, []).append(n)
        used: list[int] = []
        for members in scenes.values():
            named = {n: _names(self._files[n]) & set(wanted) for n in members}
            is_known = all(self._files[n].bands is not None or named[n] for n in members)
            if not is_known and set[object]().union(*named.values()) != set(wanted):
                used += members
            else:
                used += [n for n in members if named[n]] or members
        return used

    @property
    def _known(self) -> MadeStack:
        if self._made is None:
            used = self._used()
            try:  # headers may be known: those of a pickle, and of an index, are
                self._put_together_now(used)
            except UsageError as exc:
                message = "the files are not open yet: use `stack = await collection.stack(...)`"
                raise UsageError(message) from exc
        assert self._made is not None  # noqa: S101 - made above
        return self._made

    def _put_together_now(self, used: Sequence[int]) -> None:
        self._made = self._put_together(used, {}, keep=False)

    # --- what it is ------------------------------------------------------------------------------

    @property
    def steps(self) -> tuple[StackStep, ...]:
        """Steps in time: those of which a file lies in the grid, ordered by time."""
        return tuple(self._steps[step.number] for step in self._known.steps)

    @property
    def times(self) -> NDArray[np.datetime64]:
        """(time,) of datetime64[us], in UTC: the time of each step; NaT where none is known."""
        return np.array([step.time for step in self.steps], "datetime64[us]")

    @property
    def bands(self) -> tuple[str | None, ...]:
        """Name of each band, None for one without."""
        return tuple(band.name for band in self._known.bands)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, band, row, col)."""
        made = self._known
        width, height = made.grid.sizes[0]
        return len(made.steps), len(made.bands), height, width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numpy dtype of the samples."""
        return self._known.dtype

    @property
    def nodata(self) -> int | float | None:
        """Value of samples that are not valid, where all files have the same; else None."""
        return self._known.nodata

    @property
    def scales(self) -> tuple[float, ...]:
        """Scale of each band: value = sample * scale + offset."""
        return tuple(band.scale for band in self._known.bands)

    @property
    def offsets(self) -> tuple[float, ...]:
        """Offset of each band."""
        return tuple(band.offset for band in self._known.bands)

    @property
    def units(self) -> tuple[str | None, ...]:
        """Unit of the values of each band, None where none is named."""
        return tuple(band.unit for band in self._known.bands)

    @property
    def transform(self) -> Affine:
        """Affine transform from (col, row) to (x, y)."""
        from tinycog.geo.transform import make_affine  # noqa: PLC0415 - loads attrs

        return make_affine(*self._known.grid.transform)

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system, None if the files name none."""
        return self._known.grid.crs

    @property
    def bounds(self) -> BoundingBox:
        """(left, bottom, right, top) in coordinates."""
        from tinycog.geo.transform import bounds_of  # noqa: PLC0415 - the same

        return bounds_of(self.transform, *self._known.grid.sizes[0])

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Lengths of chunks by axis that suit dask: a step, all bands, whole tiles, some 32 MiB."""
        return chunks_of(self._known)

    @property
    def grid_from(self) -> str | None:
        """Name of the asset that CRS, pixel size or edges of pixels are those of; None if given."""
        source = self._known.source
        return None if source is None else self._files[source].name

    @property
    def outside(self) -> tuple[str, ...]:
        """Names of the assets that have no pixel of the grid."""
        return tuple(self._files[n].name for n in self._known.outside)

    @property
    def requests(self) -> tuple[Request, ...]:
        """Log of the requests of all files, file by file."""
        return tuple(request for cog in self._cogs for request in cog.requests)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Oddities of the stack, and of its files found so far."""
        own = () if self._made is None else self._made.findings
        return (*own, *(finding for cog in self._cogs for finding in cog.findings))

    def __repr__(self) -> str:
        """Return sizes and files in a line."""
        try:
            steps, bands, rows, cols = self.shape
        except UsageError:
            return f"<Stack: {len(self._cogs)} files, {len(self._steps)} steps, not open yet>"
        return (
            f"<Stack: {steps} steps, {bands} bands of {self.dtype}, {cols} x {rows},"
            f" {len(self._cogs)} files>"
        )

    def _repr_html_(self) -> str:
        """Return a table of facts and the footprint for notebooks; nothing is fetched."""
        from tinycog.notebook.card import card, never_fails  # noqa: PLC0415 - only notebooks
        from tinycog.notebook.world_map import map_of  # noqa: PLC0415 - the same

        def draw() -> str:
            files: dict[str, object] = {"files": len(self._cogs)}
            try:
                steps, bands, rows, cols = self.shape
            except UsageError:
                return card("Stack", {**files, "state": "not open yet: `await` it"})
            facts = {
                "size": f"{steps} steps, {bands} bands of {self.dtype}, {cols} x {rows} pixels",
                **files,
                "nodata": self.nodata,
                "crs": self.crs,
            }
            return card("Stack", facts, drawings=map_of(self.crs, self.transform, (rows, cols)))

        return never_fails(self, draw)

    # --- reads -----------------------------------------------------------------------------------

    async def read(
        self,
        *,
        steps: StepSelection = None,
        bands: BandSelection = None,
        window: WindowLike | None = None,
        errors: ErrorHandling = "raise",
        max_bytes: int | None = None,
    ) -> StackRaster:
        """Read the stack, or a part of it.

        Args:
            steps: positions in time, a slice of them, or one; None is all.
            bands: names, or positions counted from 0; None is all.
            window: (col_off, row_off, width, height) in pixels of the grid; None is all.
            errors: "raise" the error of a file or tile that cannot be read, by the name of its
                asset, or "fill": its pixels count as failed, and `findings` name it. So do scenes
                that do not fit.
            max_bytes: largest result, in bytes, below `Limits.result_bytes`.

        Returns:
            The pixels as (time, band, row, col), with their masks.

        Raises:
            UsageError: an argument is wrong, or no file lies in the grid.
            MosaicError: files do not fit each other, and which.
            LimitError: the result is larger than `max_bytes` or a limit.
            FormatError, UnsupportedError, SourceError: a file cannot be read, and which.

        Cost: the tiles that the grid needs, of all steps side by side, as `plan` says.
        """
        made = await self._open(check_errors(errors))
        piece = piece_of(made, steps, bands, window)
        limits = self._limits
        if max_bytes is not None:
            limits = replace(limits, result_bytes=check_integer(max_bytes, "max_bytes"))
        return await self._read(made, piece, errors, limits)

    async def _read(
        self, made: MadeStack, piece: StackPiece, errors: ErrorHandling, limits: Limits
    ) -> StackRaster:
        pixels = await read_piece(made, piece, errors, limits)
        data, masks, losses, accounts, by_band, findings = pixels
        col, row, _, _ = piece.window
        return StackRaster(
            data,
            masks,
            losses,
            tuple(self._steps[made.steps[n].number] for n in piece.steps),
            tuple(made.bands[n].name for n in piece.bands),
            piece.window,
            FixedPlacement(within(self.transform, col, row, 1, 1), made.grid.crs),
            made.nodata,
            accounts,
            by_band,
            (*made.findings, *findings),
        )

    async def plan(
        self,
        *,
        steps: StepSelection = None,
        bands: BandSelection = None,
        window: WindowLike | None = None,
    ) -> Plan:
        """Return the requests of `read` at most: of each file by its name, in `Plan.beside`.

        Those of files that lie below others are among them unless these are known to be whole, and
        those of a file whose bands are resampled by several methods once for each.

        Args:
            steps: as for `read`.
            bands: as for `read`.
            window: as for `read`.

        Raises:
            TinycogError: as for `read`, of what is read for it.

        Cost: parts of the index that are not known yet.
        """
        made = await self._open("raise")
        return await plan_piece(made, piece_of(made, steps, bands, window))

    async def iter_pieces(
        self,
        *,
        max_bytes: int = PIECE_BYTES,
        split: SplitFirst = "area",
        bands: BandSelection = None,
        errors: ErrorHandling = "raise",
    ) -> AsyncGenerator[StackRaster, None]:
        """Read the stack piece by piece, in bounded memory.

        A piece is read while the consumer has the one before. Edges of pieces are edges of the
        tiles of files whose pixels are those of the grid: no tile is read twice, unless not even
        one of all tiles fits.

        Args:
            max_bytes: of the arrays of the two pieces that are held at once.
            split: "area" first, so that a piece has all steps of its window as long as one of the
                size of a tile fits; or "time" first, so that a piece has all of the area as long
                as one step fits.
            bands: as for `read`.
            errors: as for `read`.

        Yields:
            Pieces: `window` and `steps` say which; windows row by row, then time.

        Raises:
            LimitError: not even a row of a tile fits.
            TinycogError: as for `read`.

        Cost: that of `read`, piece by piece.
        """
        made = await self._open(check_errors(errors))
        if split not in ("area", "time"):
            message = f'split is "area" or "time", not {split!r}'
            raise UsageError(message)
        chosen = bands_of_stack(made, bands)
        most = check_integer(max_bytes, "max_bytes") // 2
        remaining = pieces(made, chosen, most, split)
        first = next(remaining)

        def start(piece: StackPiece) -> asyncio.Future[StackRaster]:
            return asyncio.ensure_future(self._read(made, piece, errors, self._limits))

        under_way: asyncio.Future[StackRaster] | None = start(first)
        try:
            while under_way is not None:
                raster = await under_way
                under_way = None
                piece = next(remaining, None)
                if piece is not None:
                    under_way = start(piece)
                yield raster
        finally:
            if under_way is not None:
                under_way.cancel()
                await asyncio.wait([under_way])

    async def to_xarray(
        self,
        *,
        chunks: object = None,
        mask_and_scale: bool = True,
        errors: ErrorHandling = "raise",
    ) -> xarray.DataArray:
        """Return the stack as an array of xarray, (time, band, y, x), which reads when indexed.

        Its coordinates are `time`, `band` (names where all have one, else from 1), `y` and `x` (the
        centres of pixels), `step_name`, and `spatial_ref` with CRS and transform, as rioxarray has
        it. Needs the extra `xarray`.

        Args:
            chunks: None reads what is indexed, at once. `{}` makes chunks of dask as `Stack.chunks`
                has them, which begin and end with tiles; anything else is that of `.chunk()`. Tasks
                carry the headers: they need no request for them, in another process either.
            mask_and_scale: return values: NaN where samples are not valid, sample * scale + offset
                where files scale. Otherwise samples as they are, which do not say what is valid
                unless there is nodata.
            errors: as for `read`.

        Raises:
            TinycogError: as for `await`; when indexed, as for `read`.
            UsageError: xarray is not installed, or dask for chunks.

        Cost: that of opening. An index costs what `read` of its steps, bands and window costs.
        """
        check_installed("xarray", "xarray", *([] if chunks is None else ["dask"]))
        from tinycog.adapters.xarray.lazy_stack import to_xarray  # noqa: PLC0415 - a door

        await self._open(check_errors(errors))
        return to_xarray(self, chunks, errors, mask_and_scale=mask_and_scale)


def _names(file: StackFile) -> set[str]:
    """Return what a file or its bands are called, as far as that is known without opening it."""
    names = (file.key, *(file.bands or ()), *file.common)
    return {name for name in names if name is not None}
