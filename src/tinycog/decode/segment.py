"""What one stored tile or strip must decode to, and the check that it does."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.buffer_pool import BUFFERS
from tinycog.errors import CorruptTileError, Finding
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Predictor


@dataclass(frozen=True, eq=False, repr=False)
class Segment:
    """The stored tile of tile column `x` and tile row `y`, as the tags describe it.

    See the rule tiff.tile.length.
    """

    image: Image
    x: int
    y: int
    out: NDArray[Any] | None = None
    """The array that takes the pixels, (samples, rows, cols)."""
    findings: list[Finding] = field(default_factory=list[Finding])
    """What was tolerated while decoding."""
    size: tuple[int, int] | None = None
    """Rows and columns, if they are not those of the tags."""

    def tolerate(self, rule: str, message: str) -> None:
        """Add a finding about something that libtiff and GDAL tolerate."""
        self.findings.append(Finding(rule, message, None, self.image.ifd.offset))

    @cached_property
    def rows(self) -> int:
        """Stored rows: those of a tile; a last strip ends with the image."""
        return self.image.grid.stored_rows(self.y) if self.size is None else self.size[0]

    @property
    def inside_rows(self) -> int:
        """Stored rows that lie inside the image."""
        return min(self.image.grid.inside(self.x, self.y)[0], self.rows)

    @property
    def inside_cols(self) -> int:
        """Stored columns that lie inside the image."""
        return self.image.grid.inside(self.x, self.y)[1]

    @property
    def is_last_strip(self) -> bool:
        """Whether it is a strip that ends with the image."""
        return self.image.grid.strips and self.y == self.image.grid.down - 1

    def fits(self, rows: int, cols: int) -> bool:
        """Whether a picture of that size may be the tile (tiff.tile.partial).

        At the right and at the bottom it may end with the image.
        """
        return self.inside_rows <= rows <= self.rows and self.inside_cols <= cols <= self.cols

    @property
    def cols(self) -> int:
        """Stored columns, padding included."""
        return self.image.grid.tile_width if self.size is None else self.size[1]

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
        return self.image.unpacked_length(self.rows, self.cols)

    @property
    def inside_length(self) -> int:
        """Bytes of the rows that lie inside the image."""
        return self.image.unpacked_length(self.inside_rows, self.cols)

    @property
    def cropped(self) -> Segment | None:
        """The part inside the image as a segment of its own; None if all columns are inside."""
        if self.inside_cols == self.cols or self.image.subsampling != (1, 1):
            return None
        return replace(self, out=None, size=(self.inside_rows, self.inside_cols))

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

    def picture_output(self, rows: int, cols: int) -> NDArray[Any] | None:
        """Return it as decoders of pictures take it: (rows, cols) if there is one sample.

        None if the picture is smaller than the tile.
        """
        if (rows, cols) != (self.rows, self.cols):
            return None
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

    def exact(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return decompressed bytes of exactly the expected length (tiff.decode.length).

        Surplus bytes are dropped. A tile at the bottom of the image may end with the image's
        last row (tiff.tile.partial): the rows below are 0.

        Raises:
            CorruptTileError: there are fewer.
        """
        self.check_length(raw.size)
        if raw.size >= self.length:
            return raw[: self.length]
        return np.concatenate([raw, np.zeros(self.length - raw.size, np.uint8)])

    def check_length(self, found: int) -> None:
        """Check how many decompressed bytes there are, as said in `exact`.

        Raises:
            CorruptTileError: there are too few.
        """
        if found > self.length:
            text = f"the tile holds {found} bytes, more than the {self.length} of its pixels"
            self.tolerate("tiff.decode.length", text)
        elif found < self.inside_length:
            message = f"the tile holds {found} bytes, expected {self.length}"
            raise CorruptTileError(message)
        elif found < self.length:
            text = f"the tile holds {found} of {self.length} bytes: it ends with the image"
            self.tolerate("tiff.tile.partial", text)

    def checked(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """Return pixels as (rows, cols, samples) after a check of shape and dtype.

        A tile at the right or the bottom may end with the image (tiff.tile.partial): the rest is 0.

        Raises:
            CorruptTileError: they are not those of the tags.
        """
        rows, cols = pixels.shape[:2]
        pixels = pixels.reshape(rows, cols, -1)
        if (rows, cols) != (self.rows, self.cols) and self.fits(rows, cols):
            text = (
                f"the tile holds {rows} x {cols} of {self.rows} x {self.cols} pixels: those inside"
            )
            self.tolerate("tiff.tile.partial", text)
            pixels = np.pad(pixels, ((0, self.rows - rows), (0, self.cols - cols), (0, 0)))
        if pixels.shape != self.shape or pixels.dtype != self.image.dtype:
            found = f"{pixels.dtype} of shape {pixels.shape}"
            message = f"the tile holds {found}, expected {self.image.dtype} of {self.shape}"
            raise CorruptTileError(message)
        return pixels
