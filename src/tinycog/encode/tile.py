"""Encode one tile: order of samples, predictor, byte order, compression.

The order is that of the rule tiff.encode.order.
"""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from tinycog.encode.check_format import check_format
from tinycog.encode.edges import contiguous, whole_tile
from tinycog.encode.tile_bytes import tile_bytes
from tinycog.encode.tile_format import TagValue, TileFormat, mask_format
from tinycog.errors import LimitError, TinycogError, UnsupportedError, UsageError
from tinycog.tiff.spec import Photometric, Predictor, Tag

PREPARED = 2
"""Copies of a tile that are held at once before compression: laid out, and predicted or swapped."""


class TileEncoder:
    """Encodes the tiles of one IFD; threads may share it.

    Attributes:
        format: what its tiles have in common.
        fields: the tags that say how its tiles are stored.
        is_lossless: whether pixels come back as they were.
        keeps_nan: whether NaN comes back where it was.
        memory: bytes that encoding one tile takes besides its samples, about; measured with
            tiles of 512 x 512 x 3.
    """

    def __init__(self, made: TileFormat) -> None:
        """Check the format; `make_encoder` says what is raised."""
        self.format = made
        self._codec = codec = check_format(made)
        self._compress = codec.make(made)
        self.fields = (*_sample_fields(made), *codec.fields(made))
        self.is_lossless = codec.is_lossless(made)
        self.keeps_nan = self.is_lossless or codec.keeps_nan
        tile_length = math.prod(made.shape) * made.dtype.itemsize
        self.memory = codec.work_bytes + (PREPARED + codec.work_tiles) * tile_length

    def encode(self, samples: NDArray[Any]) -> bytes:
        """Encode one tile.

        Args:
            samples: the pixels inside the image, (rows, cols, samples), or (rows, cols) of one
                sample; of the format's dtype, in any layout. Fewer rows or columns than the tile's
                are those of a tile at the bottom or at the right (tiff.encode.edges).

        Returns:
            The bytes to be stored; at least one.

        Raises:
            UsageError: shape or dtype is another, or a sample cannot be stored so.
            UnsupportedError: the codec refuses the tile.
            LimitError: there is no memory.
        """
        if samples.ndim == 2:  # noqa: PLR2004
            samples = samples[..., None]
        self._check(samples)
        try:
            data = bytes(self._encode(samples))
        except TinycogError:
            raise
        except MemoryError as exc:
            what = f"a tile of {samples.nbytes} bytes"
            raise LimitError.no_memory(what) from exc
        except (RuntimeError, ValueError) as exc:  # raised by imagecodecs, whose do not unpickle
            said = f"{exc}"
        else:
            if data:
                return data
            said = "it gave no bytes"
        message = (
            f"{self._codec.name} cannot encode a tile of {samples.dtype}: {said};"
            " expected what it can, or other options, or another codec"
        )
        raise UnsupportedError(message, feature="compression", value=self.format.compression)

    def _encode(self, samples: NDArray[Any]) -> Any:  # noqa: ANN401 - bytes, or a buffer of them
        made, codec = self.format, self._codec
        tile = whole_tile(samples, made.rows, made.cols, repeats=codec.repeats_edges)
        if codec.takes == "samples":
            return self._compress(contiguous(tile))
        return self._compress(tile_bytes(made, tile, rows_apart=codec.rows_apart))

    def _check(self, samples: NDArray[Any]) -> None:
        made = self.format
        if samples.dtype == made.dtype and samples.ndim == 3 and samples.size:  # noqa: PLR2004
            rows, cols, count = samples.shape
            if rows <= made.rows and cols <= made.cols and count == made.samples:
                return
        found = f"{samples.dtype} of shape {samples.shape}"
        message = f"a tile is {found}, expected {made.dtype} of {made.shape} or fewer rows or cols"
        raise UsageError(message)


def make_encoder(made: TileFormat) -> TileEncoder:
    """Make an encoder of a format.

    Raises:
        UsageError: an option does not belong to the codec, or its value is not allowed.
        UnsupportedError: the codec cannot hold such samples, or there is no such encoder.
    """
    return TileEncoder(made)


def make_mask_encoder(rows: int, cols: int, *, level: int | None = None) -> TileEncoder:
    """Make an encoder of masks: it takes (rows, cols), True where a pixel is valid.

    Pixels beyond the image are invalid (tiff.encode.mask).

    Args:
        rows: of a tile.
        cols: of a tile.
        level: libdeflate's, 1 to 12.

    Raises:
        UsageError: the level is not allowed.
    """
    return TileEncoder(mask_format(rows, cols, level=level))


def _sample_fields(made: TileFormat) -> tuple[TagValue, ...]:
    """Return the tags that do not depend on the codec (tiff.encode.tags)."""
    count = made.samples * made.planes
    fields: list[TagValue] = [
        (Tag.BitsPerSample, "SHORT", (made.stored_bits,) * count),
        (Tag.Compression, "SHORT", (made.compression,)),
        (Tag.SampleFormat, "SHORT", (made.stored_format,) * count),
    ]
    if made.predictor != Predictor.NONE:
        fields.append((Tag.Predictor, "SHORT", (made.predictor,)))
    if made.is_mask:
        fields.append((Tag.PhotometricInterpretation, "SHORT", (Photometric.MASK,)))
    return tuple(fields)
