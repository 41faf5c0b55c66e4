"""Read tiles of one turn of the event loop together: `Cog.read_tile` and `Cog.read_tiles`.

All tiles requested in one turn of the event loop are located and planned in one go, and a request
for tiles that are being read joins the one under way: 16 neighbours by `gather` cost what
`read_tiles` costs, and 100 awaiters of one tile cost one request and one decoding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from tinycog.errors import FormatError, LimitError, TinycogError
from tinycog.fetch.single_flight import start_eagerly
from tinycog.reader.open_file import TILE_READERS, OpenFile
from tinycog.reader.open_header import PARSERS
from tinycog.sources.lazy_import import import_ahead, import_whole
from tinycog.window import Tile

if TYPE_CHECKING:
    from tinycog.argument_types import ErrorHandling
    from tinycog.geo.lazy import LazyGeoreference
    from tinycog.raster import Raster
    from tinycog.reader.level_source import LevelSource
    from tinycog.reader.tile_buffer import TileBuffer
    from tinycog.reader.tile_job import PartResult, TileJob
    from tinycog.reader.tile_parts import TilePart


TILE_BUFFERS = (PARSERS, *TILE_READERS, "tinycog.reader.tile_buffer")
"""What arranges a tile: imported while the header is under way."""


RASTERS = "tinycog.reader.tile_raster"
"""What a tile becomes: imported while the tile is under way."""


class TileOptions(NamedTuple):
    """Options of `Cog.read_tile`."""

    padded: bool
    rgb: bool
    masked: bool | None
    errors: ErrorHandling


class TileRequest:
    """Tiles that one or more callers wait for: those of one read.

    Attributes:
        tiles, options: what is read, and how.
        job: the read, once it has started and until it is over.
        batch: the requests it is started with, until it is over.
        is_shared: whether more than one caller has waited at the same time.
    """

    def __init__(self, tiles: tuple[Tile, ...], options: TileOptions) -> None:
        """Keep what is read; no caller waits yet."""
        self.tiles = tiles
        self.options = options
        self.job: TileJob | None = None
        self.batch: TileBatch | None = None
        self.is_shared = False
        self._waiting: set[asyncio.Future[list[Raster]]] = set()

    async def wait(self) -> list[Raster]:
        """Wait for the tiles; each caller gets pixels of its own."""
        future: asyncio.Future[list[Raster]] = asyncio.get_running_loop().create_future()
        self.is_shared = self.is_shared or bool(self._waiting)
        self._waiting.add(future)
        try:
            rasters = await future
        finally:
            self._waiting.discard(future)
            del future  # an error's traceback holds this frame, and so itself
        return [raster.copy() for raster in rasters] if self.is_shared else rasters

    @property
    def is_abandoned(self) -> bool:
        """Whether no caller waits any more."""
        return not self._waiting

    def end(self, result: list[Raster] | BaseException) -> None:
        """Hand the result to all callers, and keep no reference to the pixels."""
        self.job = self.batch = None
        for future in self._waiting:
            if future.done():
                continue
            if isinstance(result, list):
                future.set_result(result)
            elif isinstance(result, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(result)

    def cancel(self) -> None:
        """End what is under way for an abandoned request."""
        if self.job is not None:
            self.job.close()
        if self.batch is not None:
            self.batch.leave(self)


class TileBatch:
    """Requests of one turn of the event loop, and the task that starts them."""

    def __init__(self, requests: Iterable[TileRequest]) -> None:
        """Keep the requests; no task is made yet."""
        self.task: asyncio.Task[None] | None = None
        self._requests = set(requests)
        for request in self._requests:
            request.batch = self

    def leave(self, request: TileRequest) -> None:
        """Take out an abandoned request; the last one cancels the task."""
        self._requests.discard(request)
        if not self._requests and self.task is not None:
            self.task.cancel()


class _Started(NamedTuple):
    """A request whose arrays are allocated."""

    request: TileRequest
    buffers: list[TileBuffer]

    @property
    def parts(self) -> list[TilePart]:
        if len(self.buffers) == 1:
            return self.buffers[0].parts
        return [part for buffer in self.buffers for part in buffer.parts]

    def rasters(
        self, georeference: LazyGeoreference, results: Sequence[PartResult]
    ) -> list[Raster]:
        """Return the tiles, with the result of each part."""
        import_whole(RASTERS)
        from tinycog.reader.tile_raster import to_raster  # noqa: PLC0415 - imported meanwhile

        if len(self.buffers) == 1:
            return [to_raster(self.buffers[0], georeference, results)]
        rest = iter(results)
        return [
            to_raster(buffer, georeference, list(islice(rest, len(buffer.parts))))
            for buffer in self.buffers
        ]


SourceKey = tuple[int, bool | None]
"""Level, and whether masks are asked for."""

Key = tuple[asyncio.AbstractEventLoop, tuple[Tile, ...], TileOptions]


class TileBatcher:
    """Reads tiles of one file, batched by turns of the event loop."""

    def __init__(self, file: OpenFile) -> None:
        """Keep the file; nothing is read."""
        self._file = file
        self._under_way: dict[Key, TileRequest] = {}
        self._due: dict[asyncio.AbstractEventLoop, list[Key]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, tiles: Sequence[Tile], options: TileOptions) -> list[Raster]:
        """Read tiles together with all others requested in this turn of the event loop.

        Each is read once; one that is named again is a copy.
        """
        unique = tuple(dict.fromkeys(tiles))
        rasters = await self.read_unique(unique, options) if unique else []
        if len(unique) == len(tiles):
            return rasters
        by_tile = dict(zip(unique, rasters, strict=True))
        result: list[Raster] = []
        returned: set[Tile] = set()
        for tile in tiles:
            raster = by_tile[tile]
            result.append(raster.copy() if tile in returned else raster)
            returned.add(tile)
        return result

    async def read_unique(self, tiles: tuple[Tile, ...], options: TileOptions) -> list[Raster]:
        """Do what `read` does, with tiles none of which is named twice: one at least."""
        loop = asyncio.get_running_loop()
        key = (loop, tiles, options)
        request = self._under_way.get(key)
        if request is None:
            request = self._under_way[key] = TileRequest(tiles, options)
            if loop not in self._due:
                self._due[loop] = []
                loop.call_soon(self._turn, loop)
            self._due[loop].append(key)
        try:
            return await request.wait()
        finally:
            if request.is_abandoned and self._under_way.get(key) is request:
                del self._under_way[key]
                request.cancel()
            del request

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start all requests of this turn; without a task if their levels are known."""
        due = dict.fromkeys(self._due.pop(loop))
        requests = [found for key in due if (found := self._under_way.get(key)) is not None]
        if not requests:
            return
        try:
            self._begin(requests, loop)
        except Exception as exc:  # noqa: BLE001 - nobody but the callers can take it
            for request in requests:
                self._end(request, exc)

    def _begin(self, requests: list[TileRequest], loop: asyncio.AbstractEventLoop) -> None:
        """Start requests as one batch."""
        batch = TileBatch(requests)
        levels = {tile.z for request in requests for tile in request.tiles}
        is_known = all(map(self._file.knows, levels)) and not any(
            request.options.masked for request in requests
        )
        work = self._start_all(requests)
        batch.task = start_eagerly(work) if is_known else loop.create_task(work)
        if batch.task is not None:
            self._keep(batch.task)
        self._file.flush()

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold a reference to a task: the event loop does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_all(self, requests: list[TileRequest]) -> None:
        """Allocate the arrays of all requests, then start to read them together."""
        started: list[_Started] = []
        sources: dict[SourceKey, LevelSource] = {}
        try:
            for request in requests:
                try:
                    buffers = await self._new_buffers(request, sources)
                    started.append(_Started(request, buffers))
                except TinycogError as exc:
                    self._end(request, exc)
            await self._start(started)
        except BaseException as exc:
            for request in requests:
                if request.job is None:
                    self._end(request, exc)
            if not isinstance(exc, Exception):
                raise

    async def _new_buffers(
        self, request: TileRequest, sources: dict[SourceKey, LevelSource]
    ) -> list[TileBuffer]:
        """Allocate the arrays of a request; `sources` are those found last, of the same batch."""
        file, options = self._file, request.options
        masked, limits = options.masked, file.limits
        if any((tile.z, masked) not in sources for tile in request.tiles):
            import_ahead(*TILE_BUFFERS)
            found = await file.sources(request.tiles, masked=masked)
            sources.clear()  # more of the header may have come, and name masks
            sources.update({(z, masked): source for z, source in found.items()})
        import_whole(TILE_BUFFERS[-1])
        from tinycog.reader.tile_buffer import TileBuffer  # noqa: PLC0415 - imported meanwhile

        return [
            TileBuffer.new(sources[tile.z, masked], tile, limits, options) for tile in request.tiles
        ]

    async def _start(self, started: list[_Started]) -> None:
        try:
            jobs = await self._file.reader.begin(
                [one.parts for one in started], [one.request.options.errors for one in started]
            )
        except (FormatError, LimitError):
            if len(started) == 1:
                raise
            for one in started:  # find out whose tiles cannot be located
                try:
                    await self._start([one])
                except TinycogError as exc:
                    self._end(one.request, exc)
            return
        for one, job in zip(started, jobs, strict=True):
            one.request.job = job
            job.when_over(partial(self._on_end, one))
            if one.request.is_abandoned:
                job.close()

    def _on_end(self, started: _Started, job: TileJob) -> None:
        """End a request whose job is over; in a task if more is to be done for it."""
        result: list[Raster] | BaseException
        try:
            job.close()
            is_rgb = job.error is None and started.request.options.rgb
            if job.lost_leader is not None or is_rgb:
                work = self._finish(started, job)
                self._keep(asyncio.get_running_loop().create_task(work))
                return
            result = job.error or started.rasters(self._file.georeference, job.results)
        except Exception as exc:  # noqa: BLE001 - nobody but the caller of the read can take it
            result = exc
        self._end(started.request, result)

    async def _finish(self, started: _Started, job: TileJob) -> None:
        """Read again what the ghost area was wrong about, convert to colours, end the request."""
        try:
            results, errors = job.results, started.request.options.errors
            if job.lost_leader is not None:
                results = await self._file.reader.read_again(started.parts, job.lost_leader, errors)
            rasters = started.rasters(self._file.georeference, results)
            if started.request.options.rgb:
                from tinycog.reader.colours import to_rgb_raster  # noqa: PLC0415 - only here

                rasters = [await to_rgb_raster(self._file, raster) for raster in rasters]
            self._end(started.request, rasters)
        except BaseException as exc:
            self._end(started.request, exc)
            if not isinstance(exc, Exception):
                raise

    def _end(self, request: TileRequest, result: list[Raster] | BaseException) -> None:
        key = (asyncio.get_running_loop(), request.tiles, request.options)
        if self._under_way.get(key) is request:
            del self._under_way[key]
        request.end(result)
