"""Pieces to a `.npy` file, which numpy maps into memory; the mask beside it."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tinycog.errors import TargetExistsError
from tinycog.exporting.parts import PartFile, identity_of
from tinycog.exporting.piecewise import ReadPiece
from tinycog.targets.file_errors import writing
from tinycog.targets.worker import Worker
from tinycog.window import Window

MASK_ENDING = ".mask.npy"
"""Instead of `.npy`, of the file that says which pixels are valid."""


class ArrayFile:
    """An array of numpy in a file, in C order, written window by window; calls block."""

    def __init__(self, target: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Take what it will be; nothing is opened.

        Args:
            target: the name that it gets.
            shape: (..., rows, cols).
            dtype: of its items.
        """
        self.part = PartFile(target)
        self._shape, self._dtype = shape, dtype
        self._head = npy_head(shape, dtype)

    def open(self, *, again: bool) -> bool:
        """Open it; return whether it is the one that was there, where that is wanted."""
        length = len(self._head) + math.prod(self._shape) * self._dtype.itemsize
        is_there = self.part.open(length, again=again)
        self.part.write([memoryview(self._head)], 0)
        return is_there

    def write(self, window: Window, data: NDArray[Any], first: int = 0) -> None:
        """Write what lies in a window, (..., rows, cols), from that plane of all on."""
        *_, rows, cols = self._shape
        planes = data.reshape(-1, *data.shape[-2:])
        for n, plane in enumerate(planes, first):
            lines: NDArray[Any] = np.ascontiguousarray(plane, self._dtype)
            if window.width == cols:
                self._write(lines, n * rows * cols + window.row_off * cols)
                continue
            for i, line in enumerate(lines, window.row_off):
                self._write(line, (n * rows + i) * cols + window.col_off)

    def _write(self, items: NDArray[Any], first: int) -> None:
        view = memoryview(items.reshape(-1).view(np.uint8))
        self.part.write([view], len(self._head) + first * self._dtype.itemsize)


def npy_head(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """Return what stands in front of the items of a `.npy` file, in C order."""
    found = io.BytesIO()
    described = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(found, described)
    return found.getvalue()


class ToArray:
    """See `PieceSink`: `x.npy`, (bands, rows, cols); where any pixel is not valid, `x.mask.npy`.

    The mask is (rows, cols), True where a pixel is valid. Both are renamed when all is there.
    """

    def __init__(
        self, target: Path, shape: tuple[int, int, int], dtype: np.dtype[Any], *, overwrite: bool
    ) -> None:
        """Take what it will be; nothing is opened."""
        self.name = str(target)
        self._target = target
        self._mask_target = target.with_name(target.name.removesuffix(".npy") + MASK_ENDING)
        self._pixels = ArrayFile(target, shape, dtype)
        self._mask = ArrayFile(self._mask_target, shape[1:], np.dtype(np.bool_))
        self._overwrite = overwrite
        self._worker = Worker()

    async def open(self, *, again: bool) -> bool:
        """Open both files; see `PieceSink`."""
        return await self._worker.run(self._open, again=again)

    def _open(self, *, again: bool) -> bool:
        if not self._overwrite:
            for path in (self._target, self._mask_target):
                if path.exists():
                    raise TargetExistsError.of_target(str(path))
        is_there = self._pixels.open(again=again)
        return self._mask.open(again=again and is_there) and is_there

    async def write(self, piece: ReadPiece) -> None:
        """Write pixels and mask; see `PieceSink`."""
        await self._worker.run(self._write, piece)

    def _write(self, piece: ReadPiece) -> None:
        for file, data in ((self._pixels, piece.raster.data), (self._mask, piece.raster.mask)):
            file.write(piece.window, data)

    async def sync(self) -> None:
        """Flush both files to the disk; see `PieceSink`."""
        for file in (self._pixels, self._mask):
            await self._worker.run(file.part.sync)

    async def seal(self) -> str:
        """Return what names both files whatever their names are."""
        files = (self._pixels, self._mask)
        return ", ".join([await self._worker.run(file.part.identity) for file in files])

    async def was_published(self, sealed: str) -> bool:
        """Return whether the pixels have their name; a mask that was first loses its own again."""
        return await self._worker.run(self._was_published, sealed)

    def _was_published(self, sealed: str) -> bool:
        pixels, _, mask = sealed.partition(", ")
        if identity_of(self._target) == pixels:
            return True
        if mask and identity_of(self._mask_target) == mask:
            with writing(self.name):
                self._mask_target.replace(self._mask.part.path)
        return False

    async def publish(self, *, masked: bool) -> None:
        """Rename the mask, then the pixels; see `PieceSink`."""
        await self._worker.run(self._publish, masked=masked)

    def _publish(self, *, masked: bool) -> None:
        if masked:
            self._mask.part.publish(overwrite=self._overwrite)
        self._pixels.part.publish(overwrite=self._overwrite)

    async def tidy(self, *, masked: bool) -> None:
        """Remove the mask that is not needed, and one of an array that was replaced."""
        await self._worker.run(self._tidy, masked=masked)

    def _tidy(self, *, masked: bool) -> None:
        with writing(self.name):
            self._mask.part.remove()
            if not masked:
                self._mask_target.unlink(missing_ok=True)

    async def close(self, *, removed: bool) -> None:
        """Close both files; see `PieceSink`."""
        for file in (self._pixels, self._mask):
            await self._worker.run(file.part.remove if removed else file.part.close)
        self._worker.close()
