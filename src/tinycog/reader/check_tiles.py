"""Read and decode stored tiles in batches, only to see that they can be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog import thread_pool
from tinycog.errors import (
    Finding,
    FormatError,
    LimitError,
    TinycogError,
    TruncatedError,
    UnsupportedError,
)
from tinycog.limits import Limits
from tinycog.pixels.arrays import empty_view, new_array
from tinycog.reader.tile_parts import PART_BYTES, TilePart
from tinycog.reader.tile_reader import TileReader
from tinycog.tiff.image import Image
from tinycog.tiff.old_jpeg import joined
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.tile_index import FRAME_BYTES, TileLocation
from tinycog.window import Tile

BATCH_TILES, BATCH_BYTES = 256, 8 << 20
"""Tiles, and encoded bytes, that are read together, unless one tile has more."""

JOINED_BYTES = 256
"""Bytes between two tiles up to which they are read as one range."""


class CheckedTile(NamedTuple):
    """A stored tile that cannot be decoded, or that is odd.

    Attributes:
        position: of it in the index.
        offset: absolute position of its first byte, None if that is not known.
        error: why it cannot be decoded, None if it can.
        findings: what is odd about it.
    """

    position: int
    offset: int | None
    error: TinycogError | None
    findings: tuple[Finding, ...] = ()


class CheckedBatch(NamedTuple):
    """Some tiles that were decoded.

    Attributes:
        positions: in the index, of those whose bytes were read.
        runs: bytes that hold them, with what lies around, and where these begin.
        wrong: those that cannot be decoded, or are odd.
        length: encoded bytes of all of them; more than the runs have where tiles share bytes.
    """

    positions: NDArray[np.intp]
    runs: list[tuple[int, bytes]]
    wrong: list[CheckedTile]
    length: int


class _Read(NamedTuple):
    """Parts of tiles with their bytes; `lost` are those that have none."""

    positions: NDArray[np.intp]
    runs: list[tuple[int, bytes]]
    found: list[tuple[TilePart, TileLocation, memoryview]]
    lost: list[CheckedTile]


async def check_tiles(
    reader: TileReader,
    image: Image,
    positions: NDArray[np.intp],
    lengths: NDArray[np.uint64] | None,
    *,
    framed: bool = False,
) -> AsyncGenerator[CheckedBatch]:
    """Decode tiles of an image, and yield what was found of each batch.

    While a batch is decoded, the next one is read.

    Args:
        reader: of the file.
        image: the image: of one plane of a volume.
        positions: of tiles in the index of that plane.
        lengths: their encoded bytes, None where these are not known.
        framed: whether leaders and trailers are wanted in the bytes, too.

    Raises:
        UnsupportedError: the image has no pixels that can be decoded.
        SourceError: the bytes cannot be had.
    """
    target = empty_view((image.tile_samples, 1, image.grid.tile_width), image.dtype)
    reading: asyncio.Future[_Read] | None = None
    decoding: asyncio.Future[CheckedBatch] | None = None
    try:
        for batch in [*_batches(positions, lengths), None]:
            read = None if reading is None else await reading
            coming = None if batch is None else _read(reader, image, batch, target, framed=framed)
            reading = None if coming is None else asyncio.ensure_future(coming)
            before = decoding
            decoding = None if read is None else _start_decoding(reader.limits, read)
            if before is not None:
                yield await before
        if decoding is not None:
            yield await decoding
    finally:
        await _give_up([future for future in (reading, decoding) if future is not None])


async def _give_up(futures: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel what is under way and wait for its end, so that neither task nor error is left."""
    for future in futures:
        future.cancel()
    if futures:
        await asyncio.wait(futures)
    for future in futures:
        if not future.cancelled():
            future.exception()


def _batches(
    positions: NDArray[np.intp], lengths: NDArray[np.uint64] | None
) -> Iterator[NDArray[np.intp]]:
    """Cut tiles into those that are read together."""
    for start in range(0, len(positions), BATCH_TILES):
        batch = positions[start : start + BATCH_TILES]
        if lengths is None:
            yield batch
            continue
        sums = lengths[start : start + BATCH_TILES].cumsum()
        first = 0
        while first < len(batch):
            before = sums[first - 1] if first else np.uint64(0)
            stop = int(np.searchsorted(sums, before + np.uint64(BATCH_BYTES), side="right"))
            stop = max(stop, first + 1)
            yield batch[first:stop]
            first = stop


def _parts(
    image: Image, positions: NDArray[np.intp], target: NDArray[np.generic], size: int | None
) -> list[TilePart]:
    """Return the parts of tiles: of a long one whose rows can be read one by one, some.

    Of one that is longer than the file only the last row, which cannot lie there.
    """
    grid = image.grid
    every, row, cols = slice(None), slice(0, 1), slice(0, grid.tile_width)
    length = image.unpacked_length(1)
    step = max(PART_BYTES // length, 1)
    found: list[TilePart] = []
    for position in positions.tolist():
        y, x = divmod(position, grid.across)
        tile, pieces = Tile(0, x, y % grid.down), [row]
        rows = grid.stored_rows(tile.y)
        if image.rows_apart and rows > step:
            first = rows - 1 if size is not None and rows * length > size else 0
            pieces = [slice(i, min(i + step, rows)) for i in range(first, rows, step)]
        found += [TilePart(image, tile, position, every, part, cols, target) for part in pieces]
    return found


async def _read(
    reader: TileReader,
    image: Image,
    positions: NDArray[np.intp],
    target: NDArray[np.generic],
    *,
    framed: bool,
) -> _Read:
    """Locate tiles and read their bytes, neighbours together."""
    parts = _parts(image, positions, target, reader.file_size)
    lost: dict[int, CheckedTile] = {}
    located: list[tuple[TilePart, TileLocation]] = []
    for part, place in zip(parts, await reader.places(parts), strict=True):
        if isinstance(place, TinycogError):
            lost.setdefault(part.position, CheckedTile(part.position, None, _bare(place)))
        elif place is not None:
            located.append((part, place))
    located.sort(key=lambda one: one[1].range)
    around = FRAME_BYTES if framed else 0
    runs = _runs([place.range for _, place in located], around, reader.file_size)
    try:
        data = await reader.read_ranges(image, runs)
    except TruncatedError as exc:  # where the size of the file was not known
        for part, place in located:
            lost.setdefault(part.position, CheckedTile(part.position, place.range.start, exc))
        return _Read(positions[:0], [], [], [*lost.values()])
    found: list[tuple[TilePart, TileLocation, memoryview]] = []
    views = [memoryview(run) for run in data]
    i = 0
    for part, place in located:
        while place.range.stop > runs[i].stop:
            i += 1
        start = runs[i].start
        view = views[i][place.range.start - start : place.range.stop - start]
        found.append((part, place, view))
    read = np.unique(np.array([part.position for part, _ in located], np.intp))
    starts = [run.start for run in runs]
    return _Read(read, [*zip(starts, data, strict=True)], found, [*lost.values()])


def _bare(error: FormatError | LimitError) -> TinycogError:
    """Return what was wrong with a tile, without its name and that of the file."""
    cause = error.__cause__
    return cause if isinstance(cause, FormatError) else error


def _runs(ranges: Sequence[ByteRange], around: int, size: int | None) -> list[ByteRange]:
    """Join ranges that are in order and lie near each other, with some bytes around each."""
    found: list[ByteRange] = []
    for part in ranges:
        stop = part.stop + around
        stop = stop if size is None else max(min(stop, size), part.stop)
        start = max(part.start - around, 0)
        if found and start - found[-1].stop <= JOINED_BYTES:
            found[-1] = ByteRange(found[-1].start, max(stop, found[-1].stop))
        else:
            found.append(ByteRange(start, stop))
    return found


def _start_decoding(limits: Limits, read: _Read) -> asyncio.Future[CheckedBatch]:
    """Start to decode a batch in threads, each of which takes tiles until there are no more."""
    left = deque(read.found)
    length = sum(len(data) for _, _, data in read.found)
    threads = min(thread_pool.shared_pool().size, len(left))
    work = [thread_pool.start_in_pool(partial(_decode, left, limits)) for _ in range(threads)]

    async def checked() -> CheckedBatch:
        found = [one for part in await asyncio.gather(*work) for one in part]
        return CheckedBatch(read.positions, read.runs, [*read.lost, *found], length)

    return asyncio.ensure_future(checked())


def _decode(
    left: deque[tuple[TilePart, TileLocation, memoryview]], limits: Limits
) -> list[CheckedTile]:
    """Decode tiles until there are no more; runs in a worker thread."""
    found: list[CheckedTile] = []
    while left:
        try:
            part, place, data = left.popleft()
        except IndexError:  # another thread has taken the last one
            break
        try:
            findings = _decode_tile(part, place, data, limits)
        except (FormatError, LimitError, UnsupportedError) as exc:
            exc.__traceback__ = None  # its frames hold pixels
            found.append(CheckedTile(part.position, place.range.start, exc))
        else:
            if findings:
                found.append(CheckedTile(part.position, place.range.start, None, findings))
    return found


def _decode_tile(
    part: TilePart, place: TileLocation, data: memoryview, limits: Limits
) -> tuple[Finding, ...]:
    """Decode a tile, and return what is odd about it; one that is too large at once, in pieces.

    Raises:
        FormatError, UnsupportedError, LimitError: as for `decode_into`.
    """
    from tinycog.decode.tile import decode_into, decode_tile  # noqa: PLC0415 - loads imagecodecs

    odd = () if place.oddity is None else (place.oddity,)
    if place.rows is not None:  # a piece of an uncompressed tile: all of it is there
        return odd
    image, (_, x, y) = part.image, part.tile
    stored: bytes | memoryview = joined(place.head, bytes(data)) if place.head else data
    if image.unpacked_length(image.grid.stored_rows(y)) <= limits.tile_bytes:
        return (*odd, *decode_tile(image, x, y, stored, limits).findings)
    limits.check("tile_bytes", image.unpacked_length(1), "decoded bytes of a row")
    row = new_array(part.target.shape, image.dtype)
    slices = (part.samples, part.rows, part.cols)
    return (*odd, *decode_into(image, x, y, stored, limits, slices, row))
