"""What one stored tile or strip must decode to, and the check that it did."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.buffer_pool import BUFFERS
from tinycog.errors import CorruptTileError, Finding
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Predictor


@dataclass(frozen=True)
class Segment:
    """One stored tile of tile row `y`, as the tags promise it (tiff.tile.length)."""

    image: Image
    y: int
    wanted: NDArray[Any] | None = None
    """Where the pixels are wanted, (samples, rows, cols)."""
    findings: list[Finding] = field(default_factory=list[Finding])
    """What was tolerated in decoding it."""

    def tolerate(self, rule: str, message: str) -> None:
        """Note something odd that libtiff and GDAL tolerate, and so do we."""
        self.findings.append(Finding(rule, message, None, self.image.ifd.offset))

    @cached_property
    def rows(self) -> int:
        """Stored rows: all of a tile's, but a last strip ends with the image."""
        return self.image.grid.stored_rows(self.y)

    @property
    def inside_rows(self) -> int:
        """Stored rows that lie inside the image."""
        return self.image.grid.inside(0, self.y)[0]

    @property
    def cols(self) -> int:
        """Stored columns, padding included."""
        return self.image.grid.tile_width

    @property
    def samples(self) -> int:
        """Samples of each pixel that are stored together."""
        return self.image.tile_samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(rows, cols, samples)."""
        return (self.rows, self.cols, self.samples)

    @cached_property
    def length(self) -> int:
        """Bytes of the decompressed tile."""
        return self.image.unpacked_length(self.rows)

    @property
    def inside_length(self) -> int:
        """Bytes of its rows that lie inside the image."""
        return self.image.unpacked_length(self.inside_rows)

    def room(self) -> Any:  # noqa: ANN401 - imagecodecs' types name no arrays
        """Room for the decompressed bytes: where the pixels are wanted, if they fit there."""
        place = self._place
        # the bytes of these are put in another order afterwards
        is_ordered = self.image.predictor != Predictor.FLOATING_POINT
        if place is not None and is_ordered and place.nbytes == self.length:
            return place.reshape(-1).view(np.uint8)
        return np.frombuffer(BUFFERS.lend(self.length), np.uint8)

    def samples_room(self) -> NDArray[Any]:
        """Room for samples of the image's dtype, (rows, cols, samples), likewise."""
        if self._place is not None:
            return self._place
        dtype = self.image.dtype
        length = math.prod(self.shape) * dtype.itemsize
        return np.frombuffer(BUFFERS.lend(length), dtype).reshape(self.shape)

    def picture_room(self) -> NDArray[Any]:
        """The same as decoders of pictures want it: (rows, cols) where there is one sample."""
        room = self.samples_room()
        return room if self.samples > 1 else room[..., 0]

    @cached_property
    def _place(self) -> NDArray[Any] | None:
        """Where the pixels are wanted, (rows, cols, samples), if they lie there as in the tile."""
        if self.wanted is None:
            return None
        place = self.wanted.transpose(1, 2, 0)
        return place if place.shape == self.shape and place.flags.c_contiguous else None

    @property
    def pixel_bytes(self) -> int:
        """Bytes of the tile as an array, all planes."""
        return self.rows * self.cols * self.image.samples * self.image.dtype.itemsize

    def exact(self, data: Any) -> NDArray[np.uint8]:  # noqa: ANN401 - any buffer
        """View decompressed bytes as an array of just the promised length (tiff.decode.length).

        Bytes beyond it are left away. A tile at the bottom of the image may end with the image's
        last row (tiff.tile.partial): the rows below are 0.

        Raises:
            CorruptTileError: they are too few.
        """
        raw = np.frombuffer(data, np.uint8)
        if raw.size > self.length:
            text = f"the tile holds {raw.size} bytes, more than the {self.length} of its pixels"
            self.tolerate("tiff.decode.length", text)
        if raw.size >= self.length:
            return raw[: self.length]
        if raw.size < self.inside_length:
            message = f"the tile holds {raw.size} bytes, expected {self.length}"
            raise CorruptTileError(message)
        text = f"the tile holds {raw.size} of {self.length} bytes: it ends with the image"
        self.tolerate("tiff.tile.partial", text)
        return np.concatenate([raw, np.zeros(self.length - raw.size, np.uint8)])

    def checked(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Pixels as (rows, cols, samples), if that and their dtype are as promised.

        A tile at the bottom of the image may end with its last row (tiff.tile.partial).

        Raises:
            CorruptTileError: they are not.
        """
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        rows = pixels.shape[0]
        if self.inside_rows <= rows < self.rows:
            text = f"the tile holds {rows} of {self.rows} rows: it ends with the image"
            self.tolerate("tiff.tile.partial", text)
            pixels = np.pad(pixels, ((0, self.rows - rows), (0, 0), (0, 0)))
        if pixels.shape != self.shape or pixels.dtype != self.image.dtype:
            found = f"{pixels.dtype} of shape {pixels.shape}"
            message = f"the tile holds {found}, expected {self.image.dtype} of {self.shape}"
            raise CorruptTileError(message)
        return pixels
