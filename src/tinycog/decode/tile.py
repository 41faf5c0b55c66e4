"""Decode one stored tile: bit order, decompression, predictor, byte order, unpacking.

The order is that of the rule tiff.decode.order.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.codec import Codec
from tinycog.decode.codecs import CODECS
from tinycog.decode.samples import unpack_samples
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, Finding, LimitError, TinycogError, UnsupportedError
from tinycog.limits import Limits
from tinycog.records import NamedTuple
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression, Predictor, name_of

if TYPE_CHECKING:
    from tinycog.decode.streams import Pieces

T = TypeVar("T")

TileSlices = tuple[slice | list[int], slice, slice]
"""What is wanted of a stored tile: (samples, rows, cols)."""

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


def load_codec(image: Image) -> None:
    """Import what decodes tiles of an image, ahead of the first; nothing is said of what lacks."""
    codec = CODECS.get(image.compression)
    if codec is not None:
        codec.load()
    if image.predictor != Predictor.NONE:
        _ = imagecodecs.delta_decode  # imports the extension that has it


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
    pixels = _in_our_words(partial(_decode_pixels, segment, codec), codec, segment, data)
    return DecodedTile(pixels.transpose(2, 0, 1), tuple(segment.findings))


def _decode_pixels(segment: Segment, codec: Codec, data: bytes | memoryview) -> NDArray[Any]:
    """Decode a whole tile, (rows, cols, samples)."""
    data = in_order(segment.image, codec, data)
    if codec.gives == "samples":
        return segment.checked(codec.decode(segment, data))
    raw = np.frombuffer(codec.decode(segment, data), np.uint8)
    cropped = segment.cropped
    stored = segment if cropped is None or raw.size != cropped.length else cropped
    pixels = unpack_samples(stored, stored.exact(raw), predicted=codec.predicted)
    return segment.checked(pixels)


def decode_into(
    image: Image,
    x: int,
    y: int,
    data: bytes | memoryview,
    limits: Limits,
    part: TileSlices,
    out: NDArray[Any],
    *,
    rows: int | None = None,
) -> tuple[Finding, ...]:
    """Decode a part of a stored tile, and return what was odd about the tile.

    A tile of more than `limits.tile_bytes` is decompressed in pieces, of which only the rows that
    are wanted are kept (tiff.tile.rows): that takes as long as the whole tile does.

    Args:
        image: the tile's.
        x: its tile column.
        y: its tile row.
        data: its encoded bytes.
        limits: asked before anything is decoded.
        part: its (samples, rows, cols) that are wanted.
        out: the array for them, (samples, rows, cols).
        rows: how many rows of the tile the bytes hold, if those of the part only.

    Raises:
        LimitError: the tile is too large, and its codec does not decode it in pieces.
        UnsupportedError, CorruptTileError: as for `decode_tile`.
    """
    segment = Segment(image, x, y)
    if rows is not None:
        part = (part[0], slice(None), part[2])
    elif segment.pixel_bytes > limits.tile_bytes and image.rows_follow:
        codec = _codec_of(image, limits)
        if codec.pieces is not None:
            return _decode_rows(segment, codec, codec.pieces, data, limits, part, out)
        what = f"decoded bytes of a tile, which {codec.name} cannot decode in pieces"
        limits.check("tile_bytes", segment.pixel_bytes, what)
    pixels, findings = decode_tile(image, x, y, data, limits, out=out, rows=rows)
    if not np.may_share_memory(pixels, out):
        out[...] = pixels[part]
    return findings


def _decode_rows(
    segment: Segment,
    codec: Codec,
    pieces: Pieces,
    data: bytes | memoryview,
    limits: Limits,
    part: TileSlices,
    out: NDArray[Any],
) -> tuple[Finding, ...]:
    """Decompress a tile in pieces, and keep the rows that are wanted."""
    from tinycog.decode.lossless import LONGEST_TAIL  # noqa: PLC0415 - few tiles
    from tinycog.decode.streams import PIECE_BYTES  # noqa: PLC0415 - few tiles

    image, (samples, rows, cols) = segment.image, part
    limits.check_ratio(segment.pixel_bytes, len(data), "decoded bytes of a tile", image.weight)
    length = image.unpacked_length(1)
    limits.check("tile_bytes", length, "decoded bytes of a row")
    start, stop = rows.start * length, rows.stop * length
    most = segment.length + LONGEST_TAIL * segment.length + PIECE_BYTES

    def decode(data: bytes | memoryview) -> None:
        held = bytearray()
        at = row = 0  # bytes of the tile that have come, and rows of the part
        for piece in pieces(memoryview(in_order(image, codec, data))):
            held += memoryview(piece)[max(start - at, 0) : max(stop - at, 0)]
            at += len(piece)
            count = len(held) // length
            if count and (len(held) >= PIECE_BYTES or at >= stop):
                strip = replace(segment, size=(count, segment.cols))
                raw = np.frombuffer(held[: count * length], np.uint8)
                pixels = unpack_samples(strip, raw, predicted=codec.predicted)
                pixels = strip.checked(pixels).transpose(2, 0, 1)
                out[:, row : row + count] = pixels[samples, :, cols]
                del held[: count * length]
                row += count
            if at > most:
                break
        segment.check_length(at)

    _in_our_words(decode, codec, segment, data)
    return tuple(dict.fromkeys(segment.findings))


def _in_our_words(
    decode: Callable[[bytes | memoryview], T],
    codec: Codec,
    segment: Segment,
    data: bytes | memoryview,
) -> T:
    """Return what decodes of the bytes of a tile; translate errors of libraries.

    These are not what ours refer to: imagecodecs' do not unpickle, and dask sends both.

    Raises:
        CorruptTileError: a library complains of the bytes.
        LimitError: there is no memory for the tile.
    """
    try:
        return decode(data)
    except TinycogError:
        raise
    except MemoryError as exc:
        what = f"a tile of {segment.pixel_bytes} bytes"
        raise LimitError.no_memory(what) from exc
    except (RuntimeError, ValueError, zlib.error) as exc:  # raised by imagecodecs
        said = f"{exc}"
    message = f"{codec.name} data of {len(data)} bytes cannot be decoded: {said}"
    raise CorruptTileError(message)


def in_order(image: Image, codec: Codec, data: bytes | memoryview) -> bytes | memoryview:
    """Return bytes whose bits are in the order that the codec expects (tiff.fill-order)."""
    if image.fill_order == REVERSED and codec.reversible:
        return bytes(imagecodecs.bitorder_decode(bytes(data)))
    return data


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
