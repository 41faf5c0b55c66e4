"""Pieces to chunks of a grid of its own, each of which is written once.

Chunks begin at the first pixel of the result, tiles where the source's do. A chunk within one piece
goes straight on. Of one that several pieces share, each piece leaves its part in a file, in a place
of its own, until the last of them is there: so no tile is read again for a chunk, and a run that
goes on finds the parts of the one before (cog.export.chunks).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tinycog.exporting.parts import PartFile
from tinycog.exporting.piecewise import ReadPiece
from tinycog.raster import Raster
from tinycog.window import Window


class ChunkStore(Protocol):
    """Where chunks are written; calls block."""

    def write(self, window: Window, data: NDArray[Any], mask: NDArray[np.bool_]) -> None:
        """Write whole chunks: (bands, rows, cols), and which pixels are valid, (rows, cols)."""
        ...


class ChunkPart(NamedTuple):
    """What one piece has of a chunk.

    Attributes:
        piece: number of the piece.
        window: in pixels of the result.
        offset: bytes of the parts before it, of the same chunk.
    """

    piece: int
    window: Window
    offset: int


class Chunks:
    """Chunks of a result, and the pieces that have them.

    Attributes:
        shape: (bands, rows, cols) of the result.
        chunk: (rows, cols).
        dtype: of the pixels.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        chunk: tuple[int, int],
        dtype: np.dtype[Any],
        pieces: Sequence[Window],
    ) -> None:
        """Take pieces, row by row as `split` gives them."""
        self.shape, self.chunk, self.dtype = shape, chunk, dtype
        self._pieces = pieces
        self._begins = [piece.row_off for piece in pieces]
        self._ends = [piece.row_off + piece.height for piece in pieces]

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel with its mask."""
        return self.shape[0] * self.dtype.itemsize + 1

    @property
    def are_whole(self) -> bool:
        """Whether no chunk is shared by pieces."""
        return all(self._inner(piece) == piece for piece in self._pieces)

    @property
    def length(self) -> int:
        """Bytes of all chunks."""
        (down, across), (rows, cols) = self._count, self.chunk
        return down * across * rows * cols * self.pixel_bytes

    @property
    def _count(self) -> tuple[int, int]:
        _, rows, cols = self.shape
        return -(-rows // self.chunk[0]), -(-cols // self.chunk[1])

    def window(self, y: int, x: int) -> Window:
        """Return the pixels of a chunk."""
        (_, rows, cols), (high, wide) = self.shape, self.chunk
        row, col = y * high, x * wide
        return Window(col, row, min(wide, cols - col), min(high, rows - row))

    def position(self, y: int, x: int) -> int:
        """Return where the parts of a chunk lie in their file."""
        return (y * self._count[1] + x) * self.chunk[0] * self.chunk[1] * self.pixel_bytes

    def inside(self, number: int) -> Window:
        """Return the whole chunks that a piece has; of no width or height without any."""
        return self._inner(self._pieces[number])

    def _inner(self, piece: Window) -> Window:
        (_, rows, cols), (high, wide) = self.shape, self.chunk
        row, row_stop = _whole(piece.row_off, piece.row_off + piece.height, high, rows)
        col, col_stop = _whole(piece.col_off, piece.col_off + piece.width, wide, cols)
        if row_stop <= row or col_stop <= col:
            return Window(piece.col_off, piece.row_off, 0, 0)
        return Window(col, row, col_stop - col, row_stop - row)

    def shared(self, number: int) -> Iterator[tuple[int, int]]:
        """Give (y, x) of the chunks of which a piece has only a part."""
        piece, inner = self._pieces[number], self.inside(number)
        high, wide = self.chunk
        for y in range(piece.row_off // high, -(-(piece.row_off + piece.height) // high)):
            for x in range(piece.col_off // wide, -(-(piece.col_off + piece.width) // wide)):
                if _common(self.window(y, x), inner) is None:
                    yield y, x

    def parts(self, y: int, x: int) -> Iterator[ChunkPart]:
        """Give what pieces have of a chunk, in their order."""
        chunk, offset = self.window(y, x), 0
        first = bisect_right(self._ends, chunk.row_off)
        last = bisect_left(self._begins, chunk.row_off + chunk.height)
        for number in range(first, last):
            window = _common(self._pieces[number], chunk)
            if window is not None:
                yield ChunkPart(number, window, offset)
                offset += window.width * window.height * self.pixel_bytes


def _whole(start: int, stop: int, step: int, size: int) -> tuple[int, int]:
    """Return the whole steps within an interval; the last one ends with the axis."""
    return -(-start // step) * step, stop if stop == size else stop // step * step


def _common(a: Window, b: Window) -> Window | None:
    """Return what two windows share, None if that is nothing."""
    col, row = max(a.col_off, b.col_off), max(a.row_off, b.row_off)
    width = min(a.col_off + a.width, b.col_off + b.width) - col
    height = min(a.row_off + a.height, b.row_off + b.height) - row
    return Window(col, row, width, height) if width > 0 and height > 0 else None


class Rechunker:
    """Pieces in, whole chunks out; calls block."""

    def __init__(
        self, target: Path, chunks: Chunks, store: ChunkStore, done: Collection[int]
    ) -> None:
        """Take where chunks go.

        Args:
            target: the name that parts are kept beside.
            chunks: of the result.
            store: takes them.
            done: numbers of pieces that came before, while they come.
        """
        self._chunks, self._store, self._done = chunks, store, done
        self._parts = None if chunks.are_whole else PartFile(target)

    def open(self, *, again: bool) -> bool:
        """Open the file of parts; return whether it is the one that was there."""
        if self._parts is None:
            return again
        return self._parts.open(self._chunks.length, again=again)

    def take(self, piece: ReadPiece) -> None:
        """Take a piece; chunks that it completes are written."""
        raster, inner = piece.raster, self._chunks.inside(piece.number)
        if inner.width:
            self._store.write(inner, *_cut(raster, piece.window, inner))
        shared = list(self._chunks.shared(piece.number))
        if self._parts is None or not shared:
            return
        for y, x in shared:
            part = next(p for p in self._chunks.parts(y, x) if p.piece == piece.number)
            data, mask = _cut(raster, piece.window, part.window)
            position = self._chunks.position(y, x) + part.offset
            views = [
                memoryview(np.ascontiguousarray(one).reshape(-1).view(np.uint8))
                for one in (data, mask)
            ]
            self._parts.write(views, position)
        for y, x in shared:
            parts = list(self._chunks.parts(y, x))
            if all(part.piece == piece.number or part.piece in self._done for part in parts):
                self._complete(self._parts, y, x, parts)

    def _complete(self, file: PartFile, y: int, x: int, parts: Sequence[ChunkPart]) -> None:
        """Write a chunk of which all parts are there."""
        chunk, bands = self._chunks.window(y, x), self._chunks.shape[0]
        data = np.empty((bands, chunk.height, chunk.width), self._chunks.dtype)
        mask = np.empty(data.shape[1:], np.bool_)
        for _, window, offset in parts:
            found = bytearray(window.width * window.height * self._chunks.pixel_bytes)
            file.read(memoryview(found), self._chunks.position(y, x) + offset)
            shape = (window.height, window.width)
            count = bands * shape[0] * shape[1]
            samples = np.frombuffer(found, self._chunks.dtype, count).reshape(bands, *shape)
            valid = np.frombuffer(found, np.bool_, -1, samples.nbytes).reshape(shape)
            rows, cols = _slices(chunk, window)
            data[:, rows, cols], mask[rows, cols] = samples, valid
        self._store.write(chunk, data, mask)

    def close(self, *, removed: bool) -> None:
        """Close the file of parts."""
        if self._parts is not None:
            if removed:
                self._parts.remove()
            self._parts.close()


def _slices(outer: Window, inner: Window) -> tuple[slice, slice]:
    row, col = inner.row_off - outer.row_off, inner.col_off - outer.col_off
    return slice(row, row + inner.height), slice(col, col + inner.width)


def _cut(raster: Raster, outer: Window, inner: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return pixels and mask of a part of a raster that covers `outer`."""
    rows, cols = _slices(outer, inner)
    return raster.data[:, rows, cols], raster.mask[rows, cols]
