"""What writing a file takes, before a byte is written: order, memory, spool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tinycog.errors import LimitError
from tinycog.writer.grid import TileGrid, in_squares, row_by_row
from tinycog.writer.halos import Margins
from tinycog.writer.in_order import KEPT_BYTES
from tinycog.writer.pixel_source import Region

PullOrder = Literal["tile-rows", "squares", "as-given"]
"""How pixels are asked for: by rows of tiles; by squares, each of four smaller ones; not at all."""

LARGE_BATCH, SMALL_BATCH = 4 << 20, 1 << 20
"""Bytes of pixels that a worker thread takes at once, with room for them and without."""

BATCHES_OF_THREAD = 8
"""At least, so that the last ones do not leave the others without work for long."""

LARGEST_REGION = 16 << 20
"""Bytes that are asked for at once where they are copied."""

LARGEST_SQUARE = 8
"""Tiles of a square that is asked for at once, both ways."""

OVERHEAD = 8 << 20
"""Bytes that are held beside pixels: what the allocator keeps, lists, the index while it grows."""

JOURNAL_BYTES = 256
"""Bytes that a journal knows of each tile, in memory and in its file, besides pixels."""

ANY = (1, 1)
"""Chunk of a source whose order nobody knows."""

INDEX_BYTES = 32
"""Bytes for each payload: its length and place, in the level and in the file."""

SPENT = 3 / 4
"""Of the memory, where tiles wait in any order: the allocator keeps the rest between them."""

WAITING_TILES = 8
"""Tiles that are not whole, or wait for their neighbours, where others are put aside."""

PIECE_BYTES = 1 << 10
"""Bytes of bookkeeping for the pixels that are kept of a tile."""


class Batches(NamedTuple):
    """Tiles that are handed to worker threads together.

    Attributes:
        in_flight: batches that are worked on at once, or wait for it.
        nbytes: of pixels of a batch, at most one tile more.
    """

    in_flight: int
    nbytes: int


@dataclass(frozen=True)
class WritePlan:
    """What writing a file takes.

    Attributes:
        passes: how often each pixel of the source is asked for.
        order: how they are asked for.
        step: (rows, cols) that are asked for at once.
        origin: (rows, cols) by which the first of these begins before the image.
        memory: bytes that are held at most, besides `kept`.
        memory_limit: bytes that may be held.
        spool: bytes that are put aside at most, if nothing can be compressed.
        levels: (rows, cols) of each level that is stored.
        tiles: number of tiles of all levels.
        longest: bytes of the file at most, if nothing can be compressed.
        open_tiles: bytes of tiles that are not whole, or wait, at most; more are put aside.
        in_flight: batches of tiles that are worked on at once, or wait for it.
        batch_bytes: bytes of pixels of a batch, and at most one tile more.
        journal: bytes that `resume` keeps, at most; 0 without it.
        kept: bytes of what is put aside that stay in memory, since there is room.
    """

    passes: int
    order: PullOrder
    step: tuple[int, int]
    memory: int
    memory_limit: int
    spool: int
    levels: tuple[tuple[int, int], ...]
    tiles: int
    longest: int
    open_tiles: int
    in_flight: int
    batch_bytes: int
    journal: int = 0
    origin: tuple[int, int] = (0, 0)
    kept: int = 0

    def __str__(self) -> str:
        """Return it in a few lines."""
        orders = {
            "tile-rows": "rows of tiles",
            "squares": "squares in Z-order",
            "as-given": "the source's own order",
        }
        mib = 1 << 20
        rows, cols = self.step
        at_once = "" if self.order == "as-given" else f" ({cols} x {rows} pixels at once)"
        sizes = ", ".join(f"{cols} x {rows}" for rows, cols in self.levels)
        memory = f"{(self.memory + self.kept) / mib:.0f} MiB of {self.memory_limit / mib:.0f} MiB"
        journal = f"journal at most {self.journal / mib:.0f} MiB\n" if self.journal else ""
        return (
            f"{self.passes} pass over the source, by {orders[self.order]}{at_once}\n"
            f"memory at most {memory}\n"
            f"spool at most {self.spool / mib:.0f} MiB, file at most {self.longest / mib:.0f} MiB\n"
            f"{journal}{self.tiles} tiles, levels {sizes}"
        )

    def _repr_html_(self) -> str:
        """Return the same for notebooks."""
        from tinycog.notebook.card import card, never_fails  # noqa: PLC0415 - only notebooks

        return never_fails(self, lambda: card("Plan of a write", {"": self}))


class LevelShape(NamedTuple):
    """What of a level takes memory.

    Attributes:
        grid: its tiles.
        margins: what is needed around them.
        is_stored: whether it is in the file.
    """

    grid: TileGrid
    margins: Margins
    is_stored: bool


class Needs(NamedTuple):
    """What an image takes, whatever the order.

    Attributes:
        pixel: bytes of a pixel, of all bands and its mask.
        payloads: that are stored of a tile: one, or those of its bands, and of its mask.
        chunk: (rows, cols) in which the source is read best.
        is_asked: whether it gives the regions that it is asked for.
        copies: whether what it gives takes memory of its own.
        held: bytes that source, target and spool hold by themselves.
        threads: that encode.
        memory: bytes that may be held.
        worker: bytes that a thread takes to encode a tile and to reduce it, besides the tile.
        journal: whether what is done is kept.
        origin: (row, col) of the first pixel in its chunk.
        batches: how tiles are handed to threads.
    """

    pixel: int
    payloads: int
    chunk: tuple[int, int]
    is_asked: bool
    copies: bool
    held: int
    threads: int
    memory: int
    worker: int
    journal: bool = False
    origin: tuple[int, int] = (0, 0)
    batches: Batches = Batches(1, SMALL_BATCH)


def large_batches(threads: int, nbytes: int) -> Batches:
    """Return how tiles are handed to threads that seldom wait for each other then.

    Args:
        threads: that encode.
        nbytes: of all pixels: each thread takes several batches of them.
    """
    wanted = nbytes // (BATCHES_OF_THREAD * threads)
    return Batches(threads + 1, min(max(wanted, SMALL_BATCH), LARGE_BATCH))


def small_batches(threads: int) -> list[Batches]:
    """Return the same for less memory: as many as threads take without a wait, then fewer."""
    counts = [threads + 2]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    return [Batches(count, SMALL_BATCH) for count in counts]


def make_plan(levels: Sequence[LevelShape], needs: Needs) -> WritePlan:
    """Choose the order in which pixels are asked for.

    Raises:
        LimitError: there is no order that takes so little memory.
    """
    memory = needs.memory
    found = list(_candidates(levels, needs))
    chosen = next((one for one in found if one.memory <= memory), None)
    if chosen is None:
        least = min(one.memory for one in found)
        mib = -(-least // (1 << 20))
        message = (
            f"memory={memory} bytes are too few to write {levels[0].grid.cols} x"
            f" {levels[0].grid.rows} pixels of {needs.pixel} bytes: the smallest that works is"
            f" {mib} MiB (memory={mib << 20})"
        )
        raise LimitError(message, limit="memory", asked=least, allowed=memory)
    order, step, taken, batches = chosen
    needs = needs._replace(batches=batches)
    stored = [level.grid for level in levels if level.is_stored]
    sizes = [grid.tiles * grid.tile**2 * needs.pixel for grid in stored]
    spool = sum(sizes[1:]) + (sizes[0] if order != "tile-rows" else 0)
    waiting = taken - _fixed(levels, needs) - _region_bytes(needs, step)
    return WritePlan(
        1,
        order,
        step,
        taken,
        memory,
        spool,
        tuple((grid.rows, grid.cols) for grid in stored),
        sum(grid.tiles for grid in stored),
        sum(sizes),
        max(waiting, 0),
        *batches,
        # what is encoded, a quarter for the next level, and tiles that wait for the choice
        (9 * sizes[0] // 4 + JOURNAL_BYTES * stored[0].tiles) if needs.journal else 0,
        needs.origin if needs.is_asked else (0, 0),
    )


def regions(plan: WritePlan, grid: TileGrid) -> Iterator[Region]:
    """Give what is asked for, in order."""
    return (in_squares if plan.order == "squares" else row_by_row)(grid, plan.step, plan.origin)


class _Candidate(NamedTuple):
    """An order, its step, the bytes that it takes, and how tiles are handed to threads."""

    order: PullOrder
    step: tuple[int, int]
    memory: int
    batches: Batches


def _candidates(levels: Sequence[LevelShape], needs: Needs) -> Iterator[_Candidate]:
    """Give what can be done, the best first: tiles are put aside if all else takes too much."""
    pixels = levels[0].grid.rows * levels[0].grid.cols
    large = needs._replace(batches=large_batches(needs.threads, pixels * needs.pixel))
    every = [needs._replace(batches=one) for one in small_batches(needs.threads)]
    if needs.is_asked:
        for found in zip(_orders(levels, large), _orders(levels, every[0]), strict=True):
            yield from found
        for one in every[1:]:
            yield from _orders(levels, one)
    for one in (large, *every):
        order, step = _order_aside(levels[0].grid, one)
        least = _putting_aside(levels, one, step)
        wanted = _all_pixels(levels, one, step)
        if not one.is_asked and one.chunk != ANY:  # about the order that is wanted
            wanted = _by_rows(levels, one, (one.chunk[0], levels[0].grid.cols))
        if one is large and wanted > one.memory:  # it is better spent on tiles that wait
            continue
        taken = max(least, min(wanted, int(one.memory * SPENT)))
        yield _Candidate(order, step, taken, one.batches)


def _order_aside(grid: TileGrid, needs: Needs) -> tuple[PullOrder, tuple[int, int]]:
    """Return the order in which tiles are put aside that wait, and its step."""
    if not needs.is_asked:
        return "as-given", needs.chunk
    rows, cols = grid.rows + needs.origin[0], grid.cols + needs.origin[1]
    wide = _multiple(grid.tile, needs.chunk[1], cols) if needs.copies else cols
    return "tile-rows", (_multiple(grid.tile, needs.chunk[0], rows), wide)


def _orders(levels: Sequence[LevelShape], needs: Needs) -> Iterator[_Candidate]:
    """Give the orders in which nothing is put aside."""
    grid = levels[0].grid
    high, wide = grid.rows + needs.origin[0], grid.cols + needs.origin[1]
    rows = _multiple(grid.tile, needs.chunk[0], high)
    cols = wide
    if needs.copies:
        wanted = max(LARGEST_REGION // (rows * needs.pixel), grid.tile)
        cols = _multiple(wanted - wanted % grid.tile, needs.chunk[1], wide)
    taken = _by_rows(levels, needs, (rows, cols))
    yield _Candidate("tile-rows", (rows, cols), taken, needs.batches)
    size = LARGEST_SQUARE
    while size:
        step = (
            _multiple(size * grid.tile, needs.chunk[0], high),
            _multiple(size * grid.tile, needs.chunk[1], wide),
        )
        yield _Candidate("squares", step, _by_squares(levels, needs, step), needs.batches)
        size //= 2


def _multiple(least: int, unit: int, most: int) -> int:
    """Return the smallest multiple of a unit that is not less than `least`, up to `most`."""
    return min(-(-least // unit) * unit, most)


def _fixed(levels: Sequence[LevelShape], needs: Needs) -> int:
    """Return the bytes that are held in any order."""
    largest = max(level.grid.tile**2 for level in levels) * needs.pixel
    in_flight, nbytes = needs.batches
    batch = largest if largest >= nbytes else nbytes + largest
    index = sum(
        INDEX_BYTES * needs.payloads * level.grid.tiles for level in levels if level.is_stored
    )
    tiles = sum(level.grid.tiles for level in levels)
    busy = min(needs.threads, in_flight, tiles)
    # what was made of other tiles of a batch is held beside them until all of it is done
    working = busy * (needs.worker + min(2 * (batch - largest), tiles * largest))
    waiting = min((in_flight + 1) * batch, tiles * largest)
    if needs.journal:  # its entries, and what it knows of each tile
        waiting += 2 * waiting + JOURNAL_BYTES * levels[0].grid.tiles
    return OVERHEAD + needs.held + index + working + waiting + KEPT_BYTES


def _region_bytes(needs: Needs, step: tuple[int, int]) -> int:
    """Return the bytes of what was given last, and of what is being made."""
    return 2 * step[0] * step[1] * needs.pixel if needs.copies else 0


def _all_pixels(levels: Sequence[LevelShape], needs: Needs, step: tuple[int, int]) -> int:
    """Return the bytes that any order takes if no tile is put aside."""
    pixels = sum(level.grid.rows * level.grid.cols for level in levels) * (needs.pixel + 1)
    return _fixed(levels, needs) + _region_bytes(needs, step) + pixels


def _putting_aside(levels: Sequence[LevelShape], needs: Needs, step: tuple[int, int]) -> int:
    """Return the bytes that any order takes if tiles are put aside that wait."""
    largest = max(level.grid.tile**2 for level in levels) * (needs.pixel + 1)
    return _fixed(levels, needs) + _region_bytes(needs, step) + WAITING_TILES * largest


def _by_rows(levels: Sequence[LevelShape], needs: Needs, step: tuple[int, int]) -> int:
    """Return the bytes that rows of tiles take."""
    held = _fixed(levels, needs) + _region_bytes(needs, step)
    for z, level in enumerate(levels):
        row = level.grid.cols * min(level.grid.tile, level.grid.rows) * needs.pixel
        is_aligned = z == 0 and step[0] % level.grid.tile == 0 and needs.is_asked
        is_aligned &= not any(one % level.grid.tile for one in needs.origin)
        across = level.grid.cols + needs.origin[1]
        if not (is_aligned or (z == 0 and level.grid.down == 1 and step[1] >= across)):
            held += row
        if (level.margins.below or level.margins.right) and (z or needs.copies):
            held += 2 * row
        if any(level.margins):
            held += level.grid.across * PIECE_BYTES
            held += 2 * (level.margins.above + level.margins.below) * level.grid.cols * needs.pixel
    return held


def _by_squares(levels: Sequence[LevelShape], needs: Needs, step: tuple[int, int]) -> int:
    """Return the bytes that squares take."""
    held = _fixed(levels, needs) + _region_bytes(needs, step)
    tile = levels[0].grid.tile
    is_aligned = not any(one % tile for one in (*step, *needs.origin))
    rows, cols = (-(-side // tile) * tile for side in step)
    for z, level in enumerate(levels):
        grid = level.grid
        if z or not is_aligned:
            down, across = rows // grid.tile + 1, cols // grid.tile + 1
            held += min(down * across, grid.tiles) * grid.tile**2 * needs.pixel
        if z == 0 and not is_aligned:  # squares of the source end within tiles
            held += (grid.cols + grid.rows) * grid.tile * needs.pixel
        if any(level.margins):
            margin = max(level.margins)
            edge = grid.cols + grid.rows
            held += edge * margin * needs.pixel + (grid.across + grid.down) * PIECE_BYTES
            if (level.margins.below or level.margins.right) and (z or needs.copies):
                held += edge * grid.tile * needs.pixel
        rows, cols = rows // 2, cols // 2
    return held
