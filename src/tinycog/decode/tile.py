"""Encoded bytes of one tile to an array of samples. Pure CPU work: no I/O, safe in any thread.

The rooms::

    segment.py    what one stored tile must decode to: rows, columns, samples, bytes
    codecs.py     the table from compression code to codec: a new codec is one line there
    lossless.py   codecs that give back the stored bytes; samples.py goes on from there
    jpeg.py       JPEG: tables and colour
    lerc.py       LERC: its layouts and masks
    libtiff.py    CCITT and others by the libtiff inside imagecodecs
    pictures.py   WebP and others that give samples at once
    jpeg2000.py   JPEG 2000: sizes, tiles and packets of a stream, checked first
    boxes.py      the boxes that both may lie in
    jpegxl.py     JPEG XL: its size, checked first
    png.py        PNG: only what counts of it
    samples.py    bytes to samples: predictor, byte order, packed bits, complex numbers
    ycbcr.py      YCbCr data units to RGB
    colour.py     samples to what a person would look at, where that is asked for

The order of work is that of spec/rules.md (tiff.decode.order): bit order, decompression, predictor,
byte order, unpacking.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.codecs import CODECS
from tinycog.decode.samples import unpack_samples
from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, Finding, LimitError, TinycogError, UnsupportedError
from tinycog.limits import Limits
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression, name_of

REVERSED = 2
"""FillOrder of bytes whose bits are stored the other way round (tiff.fill-order)."""


class DecodedTile(NamedTuple):
    """A stored tile, decoded.

    Attributes:
        pixels: (samples, rows, cols) in native byte order and the image's dtype: all stored rows
            and columns, padding included; one sample where planes are stored apart.
        findings: what was odd about it, though it could be decoded.
    """

    pixels: NDArray[Any]
    findings: tuple[Finding, ...] = ()


def decode_tile(
    image: Image,
    y: int,
    data: bytes | memoryview,
    limits: Limits,
    *,
    room: NDArray[Any] | None = None,
) -> DecodedTile:
    """Decode one stored tile of tile row `y`.

    `room` is where the pixels are wanted, (samples, rows, cols). Where a whole tile is wanted and
    its layout is that of the decompressed bytes, it is decoded there, and the pixels given back are
    a view of it; otherwise they are not.

    Raises:
        UnsupportedError: the compression or the layout of samples is not done here.
        CorruptTileError: the bytes do not decode to what the tags promise.
        LimitError: the tile is larger than `limits.tile_bytes`.
    """
    segment = Segment(image, y, room)
    limits.check("tile_bytes", segment.pixel_bytes, "decoded bytes of a tile")
    limits.check_ratio(segment.pixel_bytes, len(data), "decoded bytes of a tile", image.weight)
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
    try:
        if image.fill_order == REVERSED and codec.reversible:
            data = bytes(imagecodecs.bitorder_decode(bytes(data)))
        if codec.gives == "samples":
            pixels = segment.checked(codec.decode(segment, data))
        else:
            raw = segment.exact(codec.decode(segment, data))
            pixels = unpack_samples(segment, raw, predicted=codec.predicted)
    except TinycogError:
        raise
    except MemoryError as exc:
        message = f"there is no memory to decode a tile of {segment.pixel_bytes} bytes"
        raise LimitError(message) from exc
    except (RuntimeError, ValueError, zlib.error) as exc:  # what imagecodecs raises
        message = f"{codec.name} data of {len(data)} bytes cannot be decoded: {exc}"
        raise CorruptTileError(message) from exc
    return DecodedTile(pixels.transpose(2, 0, 1), tuple(segment.findings))


def fill_tile(image: Image, target: NDArray[Any]) -> None:
    """Fill the place of a tile that is not stored: with nodata, or 0 (tiff.tile.sparse)."""
    np.copyto(target, image.fill_value, casting="unsafe")
