"""A stack in pieces of so many bytes (cog.stack.pieces). No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, isqrt
from typing import Literal, NamedTuple

from tinycog.errors import LimitError
from tinycog.mosaicking.members import AlignedMember
from tinycog.stacking.layers import aligned_level
from tinycog.stacking.made_stack import MadeStack
from tinycog.stacking.read_stack import StackPiece, bytes_of
from tinycog.window import Size, Window

SplitFirst = Literal["area", "time"]
"""What is split before the other: the area, so that a piece has all steps of it; or time."""

BLOCK = 512
"""Rows and columns that a window is a multiple of where tiles of files do not say so."""


CHUNK_BYTES = 32 << 20
"""Samples of a chunk of dask, in bytes."""


class Blocks(NamedTuple):
    """How an area is cut where it is: edges of windows lie `rows`, `cols` apart.

    Attributes:
        rows, cols: of a block.
        row, col: where the first edge is, at or before the beginning of the grid.
    """

    rows: int
    cols: int
    row: int = 0
    col: int = 0


def blocks_of(made: MadeStack) -> Blocks:
    """Return the tiles of the first file whose pixels are those of the grid; else squares."""
    for step in made.steps:
        for layer in step.layers:
            for member in layer.windows.members:
                if not isinstance(member, AlignedMember):
                    continue
                found = aligned_level(member.file, made.grid)
                if found is not None:
                    z, window = found
                    grid = member.file.levels[z].grid
                    rows, cols = grid.tile_height, grid.tile_width
                    return Blocks(rows, cols, -(-window.row_off % rows), -(-window.col_off % cols))
    return Blocks(BLOCK, BLOCK)


def windows(size: Size, blocks: Blocks, down: int, across: int) -> Iterator[Window]:
    """Yield windows of so many blocks down and across, row by row; those at edges are smaller."""
    width, height = size
    for top, bottom in _spans(height, blocks.rows * down, blocks.row):
        for left, right in _spans(width, blocks.cols * across, blocks.col):
            yield Window(left, top, right - left, bottom - top)


def _spans(length: int, step: int, first: int) -> Iterator[tuple[int, int]]:
    start = 0
    edge = first + step
    while start < length:
        stop = min(max(edge, 0), length)
        if stop > start:
            yield start, stop
            start = stop
        edge += step


def pieces(
    made: MadeStack, bands: list[int], max_bytes: int, split: SplitFirst
) -> Iterator[StackPiece]:
    """Yield pieces whose arrays take `max_bytes` at most; no block is in two unless it must be.

    Raises:
        LimitError: not even one row of a block fits.
    """
    count, size = len(made.steps), made.grid.sizes[0]
    blocks = blocks_of(made)
    per_step = bytes_of(made, (1, len(bands), size[1], size[0]))
    at_once = count if split == "area" else max(min(max_bytes // max(per_step, 1), count), 1)
    per_pixel = bytes_of(made, (at_once, len(bands), 1, 1))
    if per_pixel * blocks.rows * blocks.cols > max_bytes:
        one = bytes_of(made, (1, len(bands), blocks.rows, blocks.cols))
        at_once = max(min(max_bytes // one, count), 1)
        per_pixel = bytes_of(made, (at_once, len(bands), 1, 1))
    pixels = max_bytes // per_pixel
    blocks, down, across = _fitting(blocks, size, pixels, max_bytes, per_pixel)
    for window in windows(size, blocks, down, across):
        for first in range(0, count, at_once):
            yield StackPiece(range(first, min(first + at_once, count)), bands, window)


def _fitting(
    blocks: Blocks, size: Size, pixels: int, max_bytes: int, per_pixel: int
) -> tuple[Blocks, int, int]:
    """Return blocks, and how many down and across make a window of so many pixels."""
    width, height = size
    across, down = (
        ceil((width - blocks.col) / blocks.cols),
        ceil((height - blocks.row) / blocks.rows),
    )
    if pixels >= min(width, across * blocks.cols) * blocks.rows:
        return blocks, min(pixels // (width * blocks.rows), down), across
    if pixels >= blocks.rows * blocks.cols:
        return blocks, 1, pixels // (blocks.rows * blocks.cols)
    rows = pixels // blocks.cols
    if rows < 1:
        message = (
            f"max_bytes={max_bytes} holds not one row of {blocks.cols} pixels:"
            f" {per_pixel * blocks.cols} bytes at least"
        )
        raise LimitError(
            message, limit="max_bytes", asked=per_pixel * blocks.cols, allowed=max_bytes
        )
    return Blocks(rows, blocks.cols, 0, blocks.col), 1, 1


def chunks_of(made: MadeStack) -> tuple[tuple[int, ...], ...]:
    """Return the lengths of chunks by axis: a step, all bands, whole tiles of some 32 MiB."""
    size, count = made.grid.sizes[0], len(made.bands)
    blocks = blocks_of(made)
    pixels = max(CHUNK_BYTES // (count * made.dtype.itemsize), 1)
    side = isqrt(pixels)
    down = max(side // blocks.rows, 1)
    across = max(pixels // (down * blocks.rows) // blocks.cols, 1)
    rows = _spans(size[1], blocks.rows * down, blocks.row)
    cols = _spans(size[0], blocks.cols * across, blocks.col)
    lengths = (tuple(stop - start for start, stop in spans) for spans in (rows, cols))
    return ((1,) * len(made.steps), (count,), *lengths)
