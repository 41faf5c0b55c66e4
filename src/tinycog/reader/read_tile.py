"""Tiles that callers wish for one by one, read together.

What is wished for in one turn of the event loop is located and planned in one go, and a tile that
is under way is not read again for the next who asks: 16 neighbours by `gather` cost what
`read_tiles` costs, and 100 awaiters of one tile cost one request and one decoding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple

from tinycog.errors import Finding, FormatError, LimitError, TinycogError
from tinycog.fetch.single_flight import start_eagerly
from tinycog.geo.lazy import LazyGeoreference, LevelPlacement
from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels
from tinycog.raster import Raster
from tinycog.reader.open_file import OpenFile
from tinycog.reader.tile_parts import TilePart, new_pixels, tile_parts, tile_shape
from tinycog.reader.tile_reader import LeaderError, TileJob
from tinycog.tiff.ghost import Ghost
from tinycog.tiff.image import Image
from tinycog.window import Tile, Window


class TileOptions(NamedTuple):
    """What is to be made of a tile."""

    padded: bool
    rgb: bool


class TileRequest:
    """One tile that somebody waits for."""

    def __init__(self, tile: Tile, how: TileOptions) -> None:
        """Nobody waits yet."""
        self.tile = tile
        self.how = how
        self.reading: TileJob | None = None
        self.batch: TileBatch | None = None
        self.is_shared = False
        self._waiting: set[asyncio.Future[Raster]] = set()

    async def wait(self) -> Raster:
        """Wait for the tile; each who does gets pixels of its own."""
        future: asyncio.Future[Raster] = asyncio.get_running_loop().create_future()
        self.is_shared = self.is_shared or bool(self._waiting)
        self._waiting.add(future)
        try:
            raster = await future
        finally:
            self._waiting.discard(future)
            del future  # an error's traceback holds this frame, and so itself
        return raster.copy() if self.is_shared else raster

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return not self._waiting

    def end(self, result: Raster | BaseException) -> None:
        """Tell all who wait, and keep no hold of the pixels."""
        self.reading = self.batch = None
        for future in self._waiting:
            if future.done():
                continue
            if isinstance(result, Raster):
                future.set_result(result)
            elif isinstance(result, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(result)
        self.reading = None  # it holds the error, whose frames hold this wish

    def give_up(self) -> None:
        """Nobody waits: what is under way for it ends."""
        if self.reading is not None:
            self.reading.close()
        if self.batch is not None:
            self.batch.leave(self)


class TileBatch:
    """Wishes of one turn, and the task that begins them."""

    def __init__(self, wishes: Iterable[TileRequest]) -> None:
        """Nothing has begun."""
        self.task: asyncio.Task[None] | None = None
        self._wishes = set(wishes)
        for wish in self._wishes:
            wish.batch = self

    def leave(self, wish: TileRequest) -> None:
        """A wish is given up; without any, so is the task."""
        self._wishes.discard(wish)
        if not self._wishes and self.task is not None:
            self.task.cancel()


class TileRead(NamedTuple):
    """What is read for a wish."""

    wish: TileRequest
    image: Image
    room: Pixels
    pieces: list[TilePart]


Key = tuple[asyncio.AbstractEventLoop, Tile, TileOptions]


class TileBatcher:
    """Wishes for tiles of one file."""

    def __init__(self, opening: OpenFile, colour: Callable[[Raster], Awaitable[Raster]]) -> None:
        """Nothing is wished for; `colour` makes of a tile what a person would look at."""
        self._opening = opening
        self._reader = opening.reader
        self._colour = colour
        self._under_way: dict[Key, TileRequest] = {}
        self._due: dict[asyncio.AbstractEventLoop, list[Key]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(self, tile: Tile, how: TileOptions) -> Raster:
        """Read one tile, together with all that is wished for in this turn of the event loop."""
        loop = asyncio.get_running_loop()
        key = (loop, tile, how)
        wish = self._under_way.get(key)
        if wish is None:
            wish = self._under_way[key] = TileRequest(tile, how)
            if loop not in self._due:
                self._due[loop] = []
                loop.call_soon(self._turn, loop)
            self._due[loop].append(key)
        try:
            return await wish.wait()
        finally:
            if wish.is_over and self._under_way.get(key) is wish:
                del self._under_way[key]
                wish.give_up()
            del wish

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        due = dict.fromkeys(self._due.pop(loop))
        wishes = [self._under_way[key] for key in due if key in self._under_way]
        if wishes:
            batch = TileBatch(wishes)
            work = self._begin(wishes)
            is_open = all(self._opening.knows(wish.tile.z) for wish in wishes)
            batch.task = (
                start_eagerly(work) if is_open else asyncio.get_running_loop().create_task(work)
            )
            if batch.task is not None:
                self._keep(batch.task)
            self._opening.fetcher.scheduler.flush()

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Hold it: the event loop does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, wishes: list[TileRequest]) -> None:
        """Make pieces of all wishes, then begin to read them together."""
        groups: list[TileRead] = []
        ghost: Ghost | None = None
        try:
            for wish in wishes:
                try:
                    image, ghost = await self._opening.found(wish.tile.z)
                    room = new_tile(image, wish.tile, self._opening.limits, padded=wish.how.padded)
                    groups.append(TileRead(wish, image, room, tile_parts(image, wish.tile, room)))
                except TinycogError as exc:
                    self._end(wish, exc)
            await self._start(groups, ghost)
        except BaseException as exc:
            for wish in wishes:
                if wish.reading is None:
                    self._end(wish, exc)
            if not isinstance(exc, Exception):
                raise

    async def _start(self, groups: list[TileRead], ghost: Ghost | None) -> None:
        try:
            readings = await self._reader.begin([group.pieces for group in groups], ghost)
        except (FormatError, LimitError):
            if len(groups) == 1:
                raise
            for group in groups:  # whose index it is that cannot be read
                try:
                    await self._start([group], ghost)
                except TinycogError as exc:
                    self._end(group.wish, exc)
            return
        for group, reading in zip(groups, readings, strict=True):
            group.wish.reading = reading
            reading.when_over(partial(self._done, group, ghost))
            if group.wish.is_over:
                reading.close()

    def _done(self, group: TileRead, ghost: Ghost | None, reading: TileJob) -> None:
        """The pieces of a wish are in place, or will not be."""
        reading.close()
        error = reading.error
        if isinstance(error, LeaderError) or (error is None and group.wish.how.rgb):
            work = self._finish(group, ghost, reading)
            self._keep(asyncio.get_running_loop().create_task(work))
        elif error is not None:
            self._end(group.wish, error)
        else:
            self._end(group.wish, self._raster(group, reading.findings))

    async def _finish(self, group: TileRead, ghost: Ghost | None, reading: TileJob) -> None:
        """What takes more than a moment: to read again, to make colours."""
        try:
            findings = reading.findings
            if isinstance(reading.error, LeaderError):
                findings = await self._reader.read_again(group.pieces, ghost, reading.error)
            raster = self._raster(group, findings)
            self._end(group.wish, await self._colour(raster) if group.wish.how.rgb else raster)
        except BaseException as exc:
            self._end(group.wish, exc)
            if not isinstance(exc, Exception):
                raise

    def _raster(self, group: TileRead, findings: Iterable[tuple[Finding, ...]]) -> Raster:
        return tile_raster(self._opening.facts, group.image, group.wish.tile, group.room, findings)

    def _end(self, wish: TileRequest, result: Raster | BaseException) -> None:
        key = (asyncio.get_running_loop(), wish.tile, wish.how)
        if self._under_way.get(key) is wish:
            del self._under_way[key]
        wish.end(result)


def new_tile(image: Image, tile: Tile, limits: Limits, *, padded: bool) -> Pixels:
    """New room for a tile, (bands, rows, cols), not filled.

    Raises:
        TileIndexError: there is no such tile.
        LimitError: it is larger than `limits.tile_bytes`.
    """
    shape = tile_shape(image, tile, padded=padded)
    stored = image.samples * image.grid.stored_rows(tile.y) * image.grid.tile_width
    limits.check("tile_bytes", stored * image.dtype.itemsize, "decoded bytes of a tile")
    limits.check("tiles", image.grid.planes, "stored tiles of one read")
    return new_pixels(image, shape)


def tile_raster(
    facts: LazyGeoreference,
    image: Image,
    tile: Tile,
    room: Pixels,
    findings: Iterable[tuple[Finding, ...]],
) -> Raster:
    """A tile that has been read, and where it lies in its level."""
    grid = image.grid
    _, rows, cols = room.shape
    window = Window(tile.x * grid.tile_width, tile.y * grid.tile_height, cols, rows)
    flat = tuple(finding for odd in findings for finding in odd)
    place = LevelPlacement(facts, image.size, window)
    colormap = facts.colormap(image)
    return Raster(room, tile.z, window, image.nodata, flat, None, place, colormap)
