"""One read: stored tiles to pixels, each decoded as soon as its bytes are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice

import numpy as np

from tinycog.errors import CorruptTileError, Finding, FormatError, TinycogError
from tinycog.fetch.fetcher import Fetcher, check_complete
from tinycog.fetch.in_flight import RangeRequest
from tinycog.fetch.plan import Plan, make_plan
from tinycog.limits import Limits
from tinycog.reader import decode_pool
from tinycog.reader.tile_parts import TilePart
from tinycog.tiff.ghost import Ghost
from tinycog.tiff.steps import together
from tinycog.tiff.tile_index import TileLocation, locate, unframed
from tinycog.window import Tile


class LeaderError(TinycogError):
    """A tile is not framed by its leader and trailer as the ghost area promises."""


FILLED = 256
"""Tiles that are not stored and are filled in one go."""

INDEX_BYTES = 16 << 20
"""Bytes of index pages that a handle keeps; they are fetched again when they are wanted again."""


class TileReader:
    """Reads pieces of the images of one file, on any event loop."""

    def __init__(self, fetcher: Fetcher, limits: Limits) -> None:
        """Nothing is read."""
        self.findings: list[Finding] = []
        self._fetcher = fetcher
        self.limits = limits
        self._locating = 0
        self._distrusts_leaders = False

    @property
    def stored(self) -> int | None:
        """Bytes of the file, once known."""
        return self._fetcher.buffer.size

    async def read(
        self, pieces: Sequence[TilePart], ghost: Ghost | None
    ) -> list[tuple[Finding, ...]]:
        """Fetch, decode and put in place; the findings of each piece.

        Raises:
            TinycogError: what the first piece to fail says; the others are given up.
        """
        (reading,) = await self.begin([pieces], ghost)
        try:
            return await reading.wait()
        except LeaderError as exc:
            return await self.read_again(pieces, ghost, exc)
        finally:
            reading.close()
            del reading  # an error's traceback holds this frame, and so the pixels

    async def read_again(
        self, pieces: Sequence[TilePart], ghost: Ghost | None, error: LeaderError
    ) -> list[tuple[Finding, ...]]:
        """Read pieces by their byte counts, after the ghost area was found to lie."""
        self._distrusts_leaders = True
        text = f"the ghost area lies, byte counts are read instead: {error}"
        self.findings.append(Finding("gdal.ghost.leaders", text))
        return await self.read(pieces, ghost)

    async def begin(
        self, groups: Sequence[Sequence[TilePart]], ghost: Ghost | None
    ) -> list[TileJob]:
        """Find the stored tiles of all groups, and begin to read each group."""
        flat = [piece for group in groups for piece in group]
        found = iter(await self._locate(flat, ghost))
        places = [list(islice(found, len(group))) for group in groups]
        for group, there in zip(groups, places, strict=True):
            self._check_requests(group, there)
            self._check_overlap(there)
        readings = [TileJob(self._fetcher, self.limits, group) for group in groups]
        for reading, there in zip(readings, places, strict=True):
            reading.start(there)
        return readings

    def _check_requests(
        self, pieces: Sequence[TilePart], places: Sequence[TileLocation | None]
    ) -> None:
        """Ask the limit, where there are tiles enough to reach it."""
        if len(pieces) > self.limits.requests:
            count = len(self._planned(pieces, places).requests)
            self.limits.check("requests", count, "requests of one read")

    def _check_overlap(self, places: Sequence[TileLocation | None]) -> None:
        """Refuse to decode the same bytes over and over.

        Raises:
            LimitError: the tiles are longer than the file holds, by far.
        """
        if self.stored is not None and len(places) > self.limits.overlap:
            length = sum(place.range.length for place in places if place is not None)
            times = length // max(self.stored, 1)
            self.limits.check(
                "overlap", times, "the tiles share bytes: times that they are decoded"
            )

    async def read_bytes(self, piece: TilePart) -> bytes | None:
        """The encoded bytes of one piece, by its byte count; None if it is not stored."""
        (place,) = await self._locate([piece], None)
        return None if place is None else (await self._fetcher.read([place.range]))[0]

    async def plan(self, pieces: Sequence[TilePart], ghost: Ghost | None) -> Plan:
        """What reading the pieces will send; the index is read for it, no pixels."""
        return self._planned(pieces, await self._locate(pieces, ghost))

    def _planned(self, pieces: Sequence[TilePart], places: Sequence[TileLocation | None]) -> Plan:
        ranges = [place.range for place in places if place is not None]
        missing = self._fetcher.buffer.missing(ranges)
        tiles = dict.fromkeys(piece.tile for piece in pieces)
        return make_plan(missing, tiles, self._fetcher.rates)

    async def _locate(
        self, pieces: Sequence[TilePart], ghost: Ghost | None
    ) -> list[TileLocation | None]:
        """Where the stored tiles lie; one step for all images."""
        if not pieces:
            return []
        leaders = ghost is not None and ghost.has_leaders and not self._distrusts_leaders
        images = {id(piece.image): piece.image for piece in pieces}
        indices: dict[int, list[int]] = {key: [] for key in images}
        for piece in pieces:
            indices[id(piece.image)].append(piece.position)
        buffer, limits = self._fetcher.buffer, self.limits
        parser = together(
            locate(buffer, image, indices[key], limits, leaders=leaders)
            for key, image in images.items()
        )
        try:
            with self._index_kept():
                found = await self._fetcher.drive(parser, loose=True)
        except FormatError as exc:
            tiles = {piece.tile for piece in pieces}
            if len(tiles) > 1:
                raise
            raise placed_at(exc, tiles.pop()) from exc
        places = {key: iter(level) for key, level in zip(images, found, strict=True)}
        return [next(places[id(piece.image)]) for piece in pieces]

    @contextmanager
    def _index_kept(self) -> Generator[None]:
        """Pages of the index stay while anyone looks into them, and are bounded otherwise."""
        if not self._locating and self._fetcher.buffer.loose > INDEX_BYTES:
            self._fetcher.buffer.shed()
        self._locating += 1
        try:
            yield
        finally:
            self._locating -= 1


class TileJob:
    """A group of pieces under way, in one event loop.

    Attributes:
        findings: of each piece, once all are in place.
        error: the first one, if it failed; a `CancelledError` if it was given up.
        is_over: whether it is one or the other.
    """

    def __init__(self, fetcher: Fetcher, limits: Limits, pieces: Sequence[TilePart]) -> None:
        """Nothing is asked for yet."""
        self._fetcher = fetcher
        self._limits = limits
        self._pieces = pieces
        self._loop = asyncio.get_running_loop()
        self.findings: list[tuple[Finding, ...]] = [()] * len(pieces)
        self.error: BaseException | None = None
        self.is_over = False
        self._told: Callable[[TileJob], None] | None = None
        self._left = len(pieces)
        self._wants: list[list[RangeRequest]] = [[] for _ in pieces]

    def when_over(self, told: Callable[[TileJob], None]) -> None:
        """Have it called once this is over, maybe at once."""
        if self.is_over:
            told(self)
        else:
            self._told = told

    async def wait(self) -> list[tuple[Finding, ...]]:
        """Wait until all pieces are in place; their findings, or the error."""
        over: asyncio.Future[None] = self._loop.create_future()

        def told(_: TileJob) -> None:
            if not over.done():
                over.set_result(None)

        self.when_over(told)
        await over
        if self.error is not None:
            raise self.error
        return self.findings

    def _end(self, error: BaseException | None = None) -> None:
        if self.is_over:
            return
        self.is_over, self.error = True, error
        told, self._told = self._told, None
        if told is not None:
            told(self)

    def start(self, places: Sequence[TileLocation | None]) -> None:
        """Wish for the bytes of the pieces; those that are not stored are filled."""
        absent: list[TilePart] = []
        for i, (piece, place) in enumerate(zip(self._pieces, places, strict=True)):
            if place is None:
                absent.append(piece)
            else:
                deliver, fail = partial(self._submit, i, piece, place), partial(self._fail, piece)
                self._wants[i] = self._fetcher.submit(RangeRequest(place.range, deliver, fail))
        for some in (absent[i : i + FILLED] for i in range(0, len(absent), FILLED)):
            work = partial(self._fill, some)
            decode_pool.shared_pool().submit(self._loop, work, partial(self._filled, some))
        if not places:
            self._end()

    def close(self) -> None:
        """Nobody waits any more: what is not there yet is given up."""
        self._end(asyncio.CancelledError())
        self._fetcher.release(want for wants in self._wants for want in wants)

    def _fill(self, pieces: Sequence[TilePart]) -> None:
        """In a worker thread."""
        for piece in pieces:
            if not self.is_over:
                decode_part(piece, None, None, self._limits)

    def _filled(self, pieces: Sequence[TilePart], _: None, error: BaseException | None) -> None:
        if error is not None:
            self._fail(pieces[0], error)
            return
        self._put(len(pieces))

    def _put(self, count: int) -> None:
        """So many more pieces are in place."""
        self._left -= count
        if not self._left:
            self._end()

    def _submit(self, i: int, piece: TilePart, place: TileLocation, data: memoryview) -> None:
        work = partial(self._decode, piece, place, data)
        decode_pool.shared_pool().submit(self._loop, work, partial(self._decoded, i, piece))

    def _decode(
        self, piece: TilePart, place: TileLocation, data: memoryview
    ) -> tuple[Finding, ...]:
        """In a worker thread."""
        if self.is_over:  # given up meanwhile
            return ()
        return decode_part(piece, place, data, self._limits)

    def _decoded(
        self,
        i: int,
        piece: TilePart,
        found: tuple[Finding, ...] | None,
        error: BaseException | None,
    ) -> None:
        self._fetcher.release(self._wants[i])
        if error is not None:
            self._fail(piece, error)
            return
        self.findings[i] = found or ()
        self._put(1)

    def _fail(self, piece: TilePart, error: BaseException) -> None:
        if self.is_over:
            return
        if isinstance(error, TinycogError):
            error.__traceback__ = None  # its frames hold this reading, which holds the error
        self._end(placed_at(error, piece.tile) if isinstance(error, FormatError) else error)


def decode_part(
    piece: TilePart, place: TileLocation | None, data: memoryview | None, limits: Limits
) -> tuple[Finding, ...]:
    """Decode a stored tile and put what is wanted of it in place."""
    from tinycog.decode.tile import decode_tile, fill_tile  # noqa: PLC0415 - loads imagecodecs

    if place is None or data is None:
        fill_tile(piece.image, piece.target)
        return ()
    check_complete(place.range, data)
    if place.framed:
        found = unframed(data)
        if found is None:
            message = f"tile {piece.position} does not stand between its leader and its trailer"
            raise LeaderError(message)
        data = found
    pixels, findings = decode_tile(piece.image, piece.tile.y, data, limits, out=piece.target)
    if not np.may_share_memory(pixels, piece.target):
        piece.target[...] = pixels[piece.samples, piece.rows, piece.cols]
    return findings


def placed_at(error: FormatError, tile: Tile) -> FormatError:
    """The error, saying which tile it is about."""
    message = f"level {tile.z}, tile x={tile.x}, y={tile.y}: {error}"
    placed = CorruptTileError(message, finding=error.finding)
    placed.level, placed.x, placed.y = tile
    placed.__cause__ = error
    return placed
