"""The parts of one read under way: each is decoded as soon as its bytes have arrived.

States of a `TileJob`::

    RUNNING ──all parts are in place──▶ DONE
       ├──────a part fails────────────▶ FAILED       `error` is the first
       └──────closed by the reader────▶ CANCELLED    `error` is a `CancelledError`

The three on the right are final; whatever arrives afterwards is ignored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from functools import partial, wraps
from itertools import chain
from typing import Concatenate, NamedTuple, ParamSpec

from tinycog import thread_pool
from tinycog.errors import CorruptTileError, Finding, FormatError, TinycogError
from tinycog.fetch.fetcher import Fetcher, check_complete
from tinycog.fetch.range_request import AGAIN, ALONE, RangeRequest, release
from tinycog.limits import Limits
from tinycog.reader.tile_parts import TilePart
from tinycog.sources.lazy_import import import_whole, too_many_files
from tinycog.tiff.image import Image
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.tile_index import FRAME_BYTES, TileLocation, unframed
from tinycog.window import Tile

P = ParamSpec("P")


class LeaderError(TinycogError):
    """A tile is not framed by its leader and trailer as the ghost area promises."""


class ShortPrefixError(Exception):
    """The first bytes of a tile do not hold the rows that are wanted, or not for sure.

    Attributes:
        location: of the tile.
        data: those bytes.
    """

    def __init__(self, location: TileLocation, data: bytes) -> None:
        """Keep both."""
        super().__init__()
        self.location, self.data = location, data


FILL_BATCH = 256
"""Tiles that are not stored and are filled by one call in a worker thread."""


class PartResult(NamedTuple):
    """What was found while a part was read.

    Attributes:
        findings: oddities of the stored tile.
        is_filled: whether it could not be decoded, and was filled as one that is not stored
            (tiff.tile.filled).
    """

    findings: tuple[Finding, ...] = ()
    is_filled: bool = False


NOTHING_ODD = PartResult()


class JobState(Enum):
    """States of a `TileJob`; the module's docstring draws the transitions."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


def _ends_job(
    callback: Callable[Concatenate[TileJob, P], None],
) -> Callable[Concatenate[TileJob, P], None]:
    """Have what a callback of the event loop raises end its job: nobody else can take it."""

    @wraps(callback)
    def call(job: TileJob, *args: P.args, **options: P.kwargs) -> None:
        try:
            callback(job, *args, **options)
        except Exception as exc:  # noqa: BLE001 - raised where the job is waited for
            job.end_with(exc)

    return call


class TileJob:
    """The parts of one read under way, on one event loop.

    Attributes:
        state: changes once, from RUNNING to a final one.
        results: of each part, complete once it is DONE.
        error: the first error if it FAILED, a `CancelledError` if it was CANCELLED.
    """

    def __init__(
        self,
        fetchers: Mapping[str, Fetcher],
        limits: Limits,
        parts: Sequence[TilePart],
        *,
        fills: bool,
    ) -> None:
        """Keep the parts; nothing is requested yet.

        Args:
            fetchers: of the file (empty) and of those beside, by what their names end with.
            limits: of the handle.
            parts: what is read.
            fills: fill a part whose stored tile is broken, instead of failing.
        """
        self._fetchers = fetchers
        self._limits = limits
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        self.state = JobState.RUNNING
        self.results = [NOTHING_ODD] * len(parts)
        self._fills = fills
        self.error: BaseException | None = None
        self._on_end: Callable[[TileJob], None] | None = None
        self._left = len(parts)
        self._requests: dict[int, list[RangeRequest]] = {}
        self._lost: dict[int, tuple[TilePart, TileLocation]] = {}
        self._groups: list[list[tuple[int, tuple[TilePart, TileLocation]]]] = []
        self._asked_again: set[int] = set()

    @property
    def is_over(self) -> bool:
        """Whether its state is final."""
        return self.state is not JobState.RUNNING

    @property
    def lost_leader(self) -> LeaderError | None:
        """Its error, if that is a tile without the leader or trailer that were promised."""
        return self.error if isinstance(self.error, LeaderError) else None

    def when_over(self, on_end: Callable[[TileJob], None]) -> None:
        """Call a function once the state is final, at once if it is already."""
        if self.is_over:
            on_end(self)
        else:
            self._on_end = on_end

    async def wait(self) -> list[PartResult]:
        """Wait until all parts are in place; return their results, or raise the error."""
        over: asyncio.Future[None] = self._loop.create_future()

        def on_end(_: TileJob) -> None:
            if not over.done():
                over.set_result(None)

        self.when_over(on_end)
        await over
        if self.error is not None:
            raise self.error
        return self.results

    def _end(self, state: JobState, error: BaseException | None = None) -> None:
        if self.state is not JobState.RUNNING:
            return
        self.state, self.error = state, error
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self)

    def end_with(self, error: Exception) -> None:
        """End the job with an error that is of none of its parts."""
        self._end(JobState.FAILED, error)

    def start(self, locations: Sequence[TileLocation | FormatError | None]) -> None:
        """Request the bytes of the parts; those that are not stored are filled."""
        absent: list[TilePart] = []
        for i, (part, location) in enumerate(zip(self._parts, locations, strict=True)):
            if location is None:
                absent.append(part)
            elif isinstance(location, FormatError):
                self._fail(i, part, location)
            else:
                deliver = partial(self._submit, i, part, location)
                fail = partial(self._lose, i, part, location)
                fetcher = self._fetchers[part.image.sidecar]
                self._requests[i] = fetcher.submit(RangeRequest(location.range, deliver, fail))
        for batch in (absent[i : i + FILL_BATCH] for i in range(0, len(absent), FILL_BATCH)):
            self._submit_fill(batch)
        if not locations:
            self._end(JobState.DONE)

    def close(self) -> None:
        """Give up what has not arrived and free what has; a job that is over stays as it ended."""
        if not self.is_over:
            self._end(JobState.CANCELLED, asyncio.CancelledError())
        if self._requests:
            release(chain.from_iterable(self._requests.values()))

    def _submit_fill(self, parts: Sequence[TilePart]) -> None:
        work = partial(self._fill, parts)
        thread_pool.shared_pool().submit(self._loop, work, partial(self._on_filled, parts))

    def _fill(self, parts: Sequence[TilePart]) -> None:
        """Fill parts that are not stored, or are broken; runs in a worker thread."""
        for part in parts:
            if not self.is_over:
                decode_part(part, None, None, self._limits)

    @_ends_job
    def _on_filled(self, parts: Sequence[TilePart], _: None, error: BaseException | None) -> None:
        if error is not None:
            self._give_up(parts[0], error)
            return
        self._count(len(parts))

    def _count(self, parts: int) -> None:
        """Count parts that are in place; the last one ends the job."""
        self._left -= parts
        if not self._left:
            self._end(JobState.DONE)

    def _submit(self, i: int, part: TilePart, location: TileLocation, data: memoryview) -> None:
        """Have the bytes of a part decoded as soon as they have arrived."""
        work = partial(self._decode, part, location, data)
        thread_pool.shared_pool().submit(self._loop, work, partial(self._on_decoded, i, part))

    def _decode(
        self, part: TilePart, location: TileLocation, data: memoryview
    ) -> tuple[Finding, ...]:
        """Decode a part unless the job is over; runs in a worker thread."""
        if self.state is not JobState.RUNNING:
            return ()
        return decode_part(part, location, data, self._limits)

    @_ends_job
    def _on_decoded(
        self,
        i: int,
        part: TilePart,
        findings: tuple[Finding, ...] | None,
        error: BaseException | None,
    ) -> None:
        requests = self._requests.pop(i)
        release(requests)
        if isinstance(error, ShortPrefixError):
            self._ask_for_rest(i, part, error)
            return
        if error is not None:
            if isinstance(error, FormatError):
                self._fetchers[part.image.sidecar].forget(requests)
            self._fail(i, part, error)
            return
        if findings:
            self.results[i] = PartResult(findings)
        self._count(1)

    def _ask_for_rest(self, i: int, part: TilePart, error: ShortPrefixError) -> None:
        """Request what a prefix lacks of its tile, which is then decoded as any other."""
        location, whole = error.location, error.location.whole
        if self.is_over or whole is None:
            return
        tile = location._replace(range=whole, whole=None)
        deliver = partial(self._join_rest, i, part, tile, error.data)
        fail = partial(self._lose, i, part, tile)
        request = RangeRequest(ByteRange(location.range.stop, whole.stop), deliver, fail)
        self._requests[i] = self._fetchers[part.image.sidecar].submit(request)

    def _join_rest(
        self, i: int, part: TilePart, location: TileLocation, prefix: bytes, data: memoryview
    ) -> None:
        self._submit(i, part, location, memoryview(prefix + bytes(data)))

    @_ends_job
    def _lose(self, i: int, part: TilePart, location: TileLocation, error: BaseException) -> None:
        """Ask for a part again if its request served others, too; else fail (http.retry.alone)."""
        self._asked_again.discard(i)
        if self.is_over or not any(one.may_be_alone for one in self._requests.get(i, ())):
            self._fail(i, part, error)
            self._ask_again()
            return
        if not self._lost:  # those that were lost with it follow in this turn of the loop
            self._loop.call_soon(self._split)
        self._lost[i] = part, location

    @_ends_job
    def _split(self) -> None:
        """Have the parts that were lost together asked for by halves, one after the other."""
        lost = list(self._lost.items())
        self._lost.clear()
        middle = (len(lost) + 1) // 2
        self._groups += [group for group in (lost[middle:], lost[:middle]) if group]
        self._ask_again()

    def _ask_again(self) -> None:
        """Ask for the next group, if none is under way; a part that is left over, alone."""
        if self.is_over or self._asked_again or not self._groups:
            return
        group = self._groups.pop()
        self._asked_again = {i for i, _ in group}
        for i, (part, location) in group:
            deliver = partial(self._take, i, part, location)
            fail = partial(self._lose, i, part, location)
            priority = AGAIN if len(group) > 1 else ALONE
            request = RangeRequest(location.range, deliver, fail, priority)
            self._requests[i] = self._fetchers[part.image.sidecar].submit(request)

    def _take(self, i: int, part: TilePart, location: TileLocation, data: memoryview) -> None:
        """Take the bytes of a part that was asked for again."""
        self._asked_again.discard(i)
        self._submit(i, part, location, data)
        self._ask_again()

    def _fail(self, i: int, part: TilePart, error: BaseException) -> None:
        """Fill a part whose stored tile is broken, or give the job up."""
        if self.state is not JobState.RUNNING:
            return
        if not self._fills or not isinstance(error, FormatError):
            self._give_up(part, error)
            return
        text = f"{tile_error(error, part.tile)}: it is filled, and not valid"
        self.results[i] = PartResult((Finding("tiff.tile.filled", text),), is_filled=True)
        self._submit_fill([part])

    def _give_up(self, part: TilePart, error: BaseException) -> None:
        """End the job with the error of a part."""
        if self.state is not JobState.RUNNING:
            return
        if isinstance(error, TinycogError):
            error.__traceback__ = None  # its frames hold this job, which holds the error
        placed = tile_error(error, part.tile) if isinstance(error, FormatError) else error
        placed = too_many_files(placed) or placed
        if isinstance(placed, TinycogError):
            self._fetchers[part.image.sidecar].name_error(placed)
        self._end(JobState.FAILED, placed)


_prepared: set[tuple[int, int]] = set()


def prepare_decoding(images: Iterable[Image]) -> None:
    """Have a worker thread import what decodes tiles, and holds them, while they are under way.

    Once for each codec in a process, behind the requests of this turn of the event loop.
    """
    for image in images:
        key = (image.compression, image.predictor)
        if key not in _prepared:
            _prepared.add(key)
            asyncio.get_running_loop().call_soon(
                thread_pool.start_in_pool, partial(_import_decoder, image)
            )


def _import_decoder(image: Image) -> None:
    with suppress(Exception):  # whoever decodes will be told
        from tinycog.decode.tile import load_codec  # noqa: PLC0415 - loads imagecodecs

        load_codec(image)
        import_whole("tinycog.reader.tile_raster")


def decode_part(
    part: TilePart, location: TileLocation | None, data: memoryview | None, limits: Limits
) -> tuple[Finding, ...]:
    """Decode a stored tile, or fill one that is not stored, and put the part read in place.

    Raises:
        LeaderError: the tile lacks the leader or trailer that the ghost area promises.
        FormatError, UnsupportedError, LimitError: as for `decode_into`.
    """
    from tinycog.decode.tile import decode_into, fill_tile  # noqa: PLC0415 - loads imagecodecs

    if location is None or data is None:
        fill_tile(part.image, part.target)
        return ()
    check_complete(location.range, data)
    if location.whole is not None:
        _decode_prefix(part, location, data)
        return () if location.oddity is None else (location.oddity,)
    if location.framed:
        payload = unframed(data)
        if payload is None:
            message = f"tile {part.position} does not stand between its leader and its trailer"
            raise LeaderError(message)
        data = payload
    if location.head:
        from tinycog.tiff.old_jpeg import joined  # noqa: PLC0415 - old-style JPEG only

        data = memoryview(joined(location.head, bytes(data)))
    image, tile = part.image, part.tile
    slices = (part.samples, part.rows, part.cols)
    rows = None if location.rows is None else location.rows.stop - location.rows.start
    findings = decode_into(image, tile.x, tile.y, data, limits, slices, part.target, rows=rows)
    if location.oddity is not None:
        findings = (location.oddity, *findings)
    return findings


def _decode_prefix(part: TilePart, location: TileLocation, data: memoryview) -> None:
    """Decode rows of a tile from its first bytes; what frames it is not looked at.

    Raises:
        ShortPrefixError: they do not suffice.
    """
    from tinycog.decode.prefix import decode_prefix  # noqa: PLC0415 - loads imagecodecs

    slices = (part.samples, part.rows, part.cols)
    payload = data[FRAME_BYTES:] if location.framed else data
    if not decode_prefix(part.image, part.tile.x, part.tile.y, payload, slices, part.target):
        raise ShortPrefixError(location, bytes(data))


def tile_error(error: FormatError, tile: Tile) -> FormatError:
    """Return an error that names the tile, caused by one that does not."""
    message = f"level {tile.z}, tile x={tile.x}, y={tile.y}: {error}"
    placed = CorruptTileError(message, finding=error.finding)
    placed.level, placed.x, placed.y = tile
    placed.__cause__ = error
    return placed
