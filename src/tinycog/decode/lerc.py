"""LERC: blobs in four band layouts, inside Deflate or ZSTD or bare, with a mask of valid pixels."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.errors import CorruptTileError, UnsupportedError
from tinycog.tiff.spec import ExtraSample, Tag

WRAPPERS = 2
LERC_HEADER = struct.Struct("<6xi4x7i")
"""Version, (checksum,) rows, columns, (values per pixel,) valid pixels, block, blob size, type."""
OLD_LERC_HEADER = struct.Struct("<10x6i")
BLOB_SIZE, DATA_TYPE = 2, 3
"""Indexes among the numbers after the size of the picture."""
LERC_TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
LERC_MAGIC = b"Lerc2 "
VERSION_WITH_CHECKSUM, VERSION_WITH_VALUES = 3, 4


def decode_lerc(segment: Segment, data: Any) -> NDArray[np.generic]:  # noqa: ANN401 - any buffer
    """Decode bands interleaved in one blob, or one blob a band (tiff.lerc.layouts, tiff.lerc.mask).

    Pixels that the blob calls invalid become NaN in float data; in a uint8 image whose last extra
    sample is alpha they become that alpha.
    """
    blob = _unwrap(segment, data)
    is_plain = _check_size(segment, blob) and segment.image.byte_order == "<"
    out = segment.picture_output(segment.rows, segment.cols) if is_plain else None
    decoded: Any = imagecodecs.lerc_decode(blob, masks=True, out=out)
    pixels: NDArray[Any] = decoded[0]
    mask: NDArray[np.bool_] | None = decoded[1]
    if pixels.ndim == 3 and _values_per_pixel(blob) == 1:  # noqa: PLR2004 - one blob for each band
        pixels = np.moveaxis(pixels, 0, -1)
        mask = None if mask is None else np.moveaxis(mask, 0, -1)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if segment.image.byte_order == ">":
        pixels = _swapped(segment, pixels, mask)
    if pixels.shape[2] == segment.samples - 1 and _has_alpha(segment):
        return _with_alpha(pixels, mask)
    if mask is not None and pixels.dtype.kind == "f":
        np.copyto(pixels, np.nan, where=~_like(mask, pixels))
    elif mask is not None and not mask.all():
        message = "a LERC mask of invalid pixels in integer data has no meaning without alpha"
        raise CorruptTileError(message)
    return pixels


def _swapped(
    segment: Segment, pixels: NDArray[Any], mask: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """Return pixels of a big-endian file, whose bytes libtiff swaps inside the blob.

    When it writes, libtiff also looks for NaN in swapped words; what it masks is lost
    (tiff.lerc.byte-order).
    """
    if pixels.dtype.kind == "f" and mask is not None and not mask.all():
        message = "LERC floats with invalid pixels in a big-endian file are not supported"
        raise UnsupportedError(message, feature="compression", value=segment.image.compression)
    return pixels.byteswap()


def _unwrap(segment: Segment, data: Any) -> bytes:  # noqa: ANN401
    """Undo the second compression that LercParameters names (tiff.lerc.wrapper)."""
    parameters = segment.image.options.get(Tag.LercParameters, ())
    wrapper = parameters[1] if len(parameters) >= WRAPPERS else 0
    max_length = segment.length + segment.rows * segment.cols + (1 << 16)
    if wrapper == 0:
        return bytes(data)
    if wrapper == 1:
        return zlib.decompressobj().decompress(data, max_length)
    if wrapper == 2:  # noqa: PLR2004
        return bytes(imagecodecs.zstd_decode(data, out=max_length))
    message = f"LERC inside compression {wrapper} is not supported"
    raise UnsupportedError(message, feature="LercParameters", value=parameters)


def _check_size(segment: Segment, blob: bytes) -> bool:
    """Refuse blobs of another size, or too many, before allocating (tiff.decode.length).

    Return whether it is one, of just the tile's pixels: only then its place may be `out`, of which
    imagecodecs compares neither the kind of numbers nor their order.
    """
    at = bands = 0
    is_plain = True
    while not at or blob.startswith(LERC_MAGIC, at):
        head = blob[at : at + LERC_HEADER.size].ljust(LERC_HEADER.size, b"\0")
        version, rows, cols, *numbers = LERC_HEADER.unpack(head)
        if version < VERSION_WITH_CHECKSUM:
            rows, cols, *numbers = OLD_LERC_HEADER.unpack_from(head)
        values = numbers.pop(0) if version >= VERSION_WITH_VALUES else 1
        is_plain = at == 0 and (rows, cols, values, _dtype_of(numbers[DATA_TYPE])) == (
            *segment.shape,
            segment.image.dtype,
        )
        bands += values
        is_right = head.startswith(LERC_MAGIC) and segment.fits(rows, cols)
        if not is_right or values < 1 or bands > segment.samples:
            size = f"{segment.rows} x {segment.cols} pixels of {segment.samples} bands"
            message = f"the tile holds no LERC blobs of {size}"
            raise CorruptTileError(message)
        at += max(numbers[BLOB_SIZE], LERC_HEADER.size)
    return is_plain


def _dtype_of(code: int) -> np.dtype[Any] | None:
    return np.dtype(LERC_TYPES[code]) if 0 <= code < len(LERC_TYPES) else None


def _values_per_pixel(blob: bytes) -> int:
    """Return how many bands the first blob interleaves: nDim of its header, since version 4."""
    version, _, _, values, *_ = LERC_HEADER.unpack_from(blob.ljust(LERC_HEADER.size, b"\0"))
    return values if version >= VERSION_WITH_VALUES else 1


def _has_alpha(segment: Segment) -> bool:
    return segment.image.extra_samples[-1:] == (ExtraSample.UNASSOCIATED_ALPHA,)


def _with_alpha(pixels: NDArray[Any], mask: NDArray[np.bool_] | None) -> NDArray[Any]:
    valid = np.ones(pixels.shape[:2], np.bool_) if mask is None else mask
    alpha = (_like(valid, pixels)[..., :1] * 255).astype(pixels.dtype)
    return np.concatenate([pixels, alpha], axis=2)


def _like(mask: NDArray[np.bool_], pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask with a band axis: one mask for all bands, or one for each."""
    return np.broadcast_to(mask.reshape(*mask.shape[:2], -1), pixels.shape)
