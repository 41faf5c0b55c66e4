"""What one stored tile or strip must decode to, and the check that it does."""

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
    """One stored tile of tile row `y`, as the tags describe it (tiff.tile.length)."""

    image: Image
    y: int
    out: NDArray[Any] | None = None
    """The array that takes the pixels, (samples, rows, cols)."""
    findings: list[Finding] = field(default_factory=list[Finding])
    """What was tolerated while decoding."""

    def tolerate(self, rule: str, message: str) -> None:
        """Add a finding about something that libtiff and GDAL tolerate."""
        self.findings.append(Finding(rule, message, None, self.image.ifd.offset))

    @cached_property
    def rows(self) -> int:
        """Stored rows: those of a tile; a last strip ends with the image."""
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
        """Bytes of the rows that lie inside the image."""
        return self.image.unpacked_length(self.inside_rows)

    def byte_output(self) -> Any:  # noqa: ANN401 - imagecodecs' types name no arrays
        """Return a buffer for the decompressed bytes: `out` itself where its layout allows."""
        place = self._place
        # the order of these bytes changes afterwards
        is_ordered = self.image.predictor != Predictor.FLOATING_POINT
        if place is not None and is_ordered and place.nbytes == self.length:
            return place.reshape(-1).view(np.uint8)
        return np.frombuffer(BUFFERS.lend(self.length), np.uint8)

    def sample_output(self) -> NDArray[Any]:
        """Return an array (rows, cols, samples) of the image's dtype, likewise."""
        if self._place is not None:
            return self._place
        dtype = self.image.dtype
        length = math.prod(self.shape) * dtype.itemsize
        return np.frombuffer(BUFFERS.lend(length), dtype).reshape(self.shape)

    def picture_output(self) -> NDArray[Any]:
        """Return it as decoders of pictures take it: (rows, cols) if there is one sample."""
        out = self.sample_output()
        return out if self.samples > 1 else out[..., 0]

    @cached_property
    def _place(self) -> NDArray[Any] | None:
        """Return the output as (rows, cols, samples) if its layout is the tile's, else None."""
        if self.out is None:
            return None
        place = self.out.transpose(1, 2, 0)
        return place if place.shape == self.shape and place.flags.c_contiguous else None

    @property
    def pixel_bytes(self) -> int:
        """Bytes of the tile as an array, all planes."""
        return self.rows * self.cols * self.image.samples * self.image.dtype.itemsize

    def exact(self, data: Any) -> NDArray[np.uint8]:  # noqa: ANN401 - any buffer
        """View decompressed bytes as an array of exactly the expected length (tiff.decode.length).

        Surplus bytes are dropped. A tile at the bottom of the image may end with the image's
        last row (tiff.tile.partial): the rows below are 0.

        Raises:
            CorruptTileError: there are fewer.
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
        """Return pixels as (rows, cols, samples) after a check of shape and dtype.

        A tile at the bottom of the image may end with its last row (tiff.tile.partial).

        Raises:
            CorruptTileError: they are not those of the tags.
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
