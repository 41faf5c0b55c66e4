"""Decode one stored tile: bit order, decompression, predictor, byte order, unpacking.

The order is that of the rule tiff.decode.order.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.codec import Codec
from tinycog.decode.codecs import CODECS
from tinycog.decode.samples import unpack_samples
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, Finding, LimitError, TinycogError, UnsupportedError
from tinycog.limits import Limits
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression, name_of

REVERSED = 2
"""FillOrder of bytes whose bits are stored in reverse (tiff.fill-order)."""


class DecodedTile(NamedTuple):
    """A stored tile, decoded.

    Attributes:
        pixels: (samples, rows, cols) in native byte order and the image's dtype: all stored rows
            and columns, padding included; one sample where planes are stored apart.
        findings: what was odd about it.
    """

    pixels: NDArray[Any]
    findings: tuple[Finding, ...] = ()


def decode_tile(
    image: Image,
    x: int,
    y: int,
    data: bytes | memoryview,
    limits: Limits,
    *,
    out: NDArray[Any] | None = None,
    rows: int | None = None,
) -> DecodedTile:
    """Decode the stored tile of tile column `x` and tile row `y`.

    `out` is an array for the pixels, (samples, rows, cols). If it takes a whole tile and has the
    layout of the decompressed bytes, the tile is decoded there, and the pixels returned are a view
    of it; otherwise they are not. `rows` is how many rows of the tile the bytes hold.

    Raises:
        UnsupportedError: the compression or the layout of samples is not supported.
        CorruptTileError: the bytes do not decode to what the tags say.
        LimitError: the tile is larger than `limits.tile_bytes`.
    """
    if image.tile_depth > 1:
        return _decode_layer(image, x, y, data, limits)
    size = None if rows is None else (rows, image.grid.tile_width)
    segment = Segment(image, x, y, out, size=size)
    limits.check("tile_bytes", segment.pixel_bytes, "decoded bytes of a tile")
    limits.check_ratio(segment.pixel_bytes, len(data), "decoded bytes of a tile", image.weight)
    codec = _codec_of(image, limits)
    try:
        if image.fill_order == REVERSED and codec.reversible:
            data = bytes(imagecodecs.bitorder_decode(bytes(data)))
        if codec.gives == "samples":
            pixels = segment.checked(codec.decode(segment, data))
        else:
            raw = np.frombuffer(codec.decode(segment, data), np.uint8)
            cropped = segment.cropped
            stored = segment if cropped is None or raw.size != cropped.length else cropped
            pixels = unpack_samples(stored, stored.exact(raw), predicted=codec.predicted)
            pixels = segment.checked(pixels)
    except TinycogError:
        raise
    except MemoryError as exc:
        what = f"a tile of {segment.pixel_bytes} bytes"
        raise LimitError.no_memory(what) from exc
    except (RuntimeError, ValueError, zlib.error) as exc:  # raised by imagecodecs
        message = f"{codec.name} data of {len(data)} bytes cannot be decoded: {exc}"
        raise CorruptTileError(message) from exc
    return DecodedTile(pixels.transpose(2, 0, 1), tuple(segment.findings))


def _codec_of(image: Image, limits: Limits) -> Codec:
    """Return the codec of an image.

    Raises:
        UnsupportedError: there is none, or none that is safe.
    """
    codec = CODECS.get(image.compression)
    if codec is None:
        name = name_of(Compression, image.compression)
        message = f"compression {name} is not supported"
        raise UnsupportedError(message, feature="compression", value=image.compression)
    if not (codec.safe or limits.unsafe_codecs):
        message = (
            f"{codec.name} is only decoded with Limits(unsafe_codecs=True):"
            " hostile bytes can make its decoder crash the process"
        )
        raise UnsupportedError(message, feature="compression", value=image.compression)
    return codec


def _decode_layer(
    image: Image, x: int, y: int, data: bytes | memoryview, limits: Limits
) -> DecodedTile:
    """Decode one plane of a tile of a volume, in which planes lie below each other."""
    grid, rows = image.grid, image.grid.tile_height
    tile_height = rows * image.tile_depth
    whole = replace(
        image,
        grid=grid._replace(tile_height=tile_height, height=(y + 1) * tile_height),
        depth=1,
        tile_depth=1,
    )
    pixels, findings = decode_tile(whole, x, y, data, limits)
    start = image.plane % image.tile_depth * rows
    return DecodedTile(pixels[:, start : start + rows], findings)


def fill_tile(image: Image, target: NDArray[Any]) -> None:
    """Fill the pixels of a tile that is not stored with nodata, or 0 (tiff.tile.sparse)."""
    np.copyto(target, image.fill_value, casting="unsafe")
