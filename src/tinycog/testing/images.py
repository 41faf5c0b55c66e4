"""Cut arrays into the tiles and strips of a TIFF: what a writer does, uncompressed or Deflate."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.layout import Directory, Field, Places
from tinycog.tiff.spec import REDUCED, ByteOrder, Compression, Predictor, SampleFormat, Tag

_COMPRESS: dict[int, Callable[[bytes], bytes]] = {
    Compression.NONE: bytes,
    Compression.DEFLATE: zlib.compress,
}
_SAMPLE_FORMATS = {
    "b": SampleFormat.UINT,
    "u": SampleFormat.UINT,
    "i": SampleFormat.INT,
    "f": SampleFormat.FLOAT,
    "c": SampleFormat.COMPLEX_FLOAT,
}


class ImageOptions(TypedDict, total=False):
    """The options of `make_image`."""

    tile: tuple[int, int] | None
    rows_per_strip: int | None
    compression: int
    predictor: int
    planar: bool
    byte_order: ByteOrder
    subfile_type: int
    sparse: Collection[int]
    extra: Sequence[Field]


def make_image(
    array: NDArray[Any],
    *,
    tile: tuple[int, int] | None = None,
    rows_per_strip: int | None = None,
    compression: int = Compression.NONE,
    predictor: int = Predictor.NONE,
    planar: bool = False,
    byte_order: ByteOrder = "<",
    subfile_type: int = 0,
    sparse: Collection[int] = (),
    extra: Sequence[Field] = (),
) -> Directory:
    """Make the directory of an image, with its tiles.

    Args:
        array: pixels (bands, rows, cols), of a native numeric type; bool gives samples of 1 bit.
        tile: rows and columns of a tile; edge tiles are filled up with zeros. None = strips.
        rows_per_strip: rows of a strip; the last one is short. None = one strip.
        compression: 1 (none) or 8 (Deflate).
        predictor: 1 (none), 2 (differences of words) or 3 (floating point).
        planar: whether each band is stored apart.
        byte_order: must be that which `make_tiff` is given.
        subfile_type: NewSubfileType.
        sparse: indices in TileOffsets of the tiles that are not stored: offset 0, byte count 0.
        extra: further fields, or others in place of those that are made here.
    """
    bands, rows, cols = array.shape
    shape = tile or (min(rows_per_strip or rows, rows), cols)
    stored = [
        b"" if i in sparse else _COMPRESS[compression](_encode(block, predictor, byte_order))
        for i, block in enumerate(_cut(array, shape, planar=planar, pad=tile is not None))
    ]
    bits = 1 if array.dtype == bool else array.dtype.itemsize * 8
    fields = [
        Field(Tag.NewSubfileType, "LONG", subfile_type),
        Field(Tag.ImageWidth, "LONG", cols),
        Field(Tag.ImageLength, "LONG", rows),
        Field(Tag.BitsPerSample, "SHORT", [bits] * bands),
        Field(Tag.Compression, "SHORT", compression),
        Field(Tag.PhotometricInterpretation, "SHORT", 1),
        Field(Tag.SamplesPerPixel, "SHORT", bands),
        Field(Tag.PlanarConfiguration, "SHORT", 2 if planar else 1),
        Field(Tag.SampleFormat, "SHORT", [_SAMPLE_FORMATS[array.dtype.kind]] * bands),
        *_index(shape, stored, tiled=tile is not None),
    ]
    if predictor != Predictor.NONE:
        fields.append(Field(Tag.Predictor, "SHORT", predictor))
    if bands > 1:
        fields.append(Field(Tag.ExtraSamples, "SHORT", [0] * (bands - 1)))
    order = byte_order if bits > 8 else None  # noqa: PLR2004 - a byte has no order
    return Directory((), stored, byte_order=order).having(*fields, *extra)


def make_pyramid(
    array: NDArray[Any], factors: Sequence[int] = (2, 4), **options: Unpack[ImageOptions]
) -> list[Directory]:
    """Make an image and its overviews, each of every `factor`-th row and column of `array`.

    The `options` are those of `make_image`, for every level.
    """
    overview: ImageOptions = {**options, "subfile_type": REDUCED}
    overviews = [make_image(array[:, ::factor, ::factor], **overview) for factor in factors]
    return [make_image(array, **options), *overviews]


def _index(shape: tuple[int, int], stored: Sequence[bytes], *, tiled: bool) -> list[Field]:
    counts = [len(data) for data in stored]
    if tiled:
        return [
            Field(Tag.TileWidth, "LONG", shape[1]),
            Field(Tag.TileLength, "LONG", shape[0]),
            Field(Tag.TileOffsets, "OFFSET", Places.TILES),
            Field(Tag.TileByteCounts, "LONG", counts),
        ]
    return [
        Field(Tag.RowsPerStrip, "LONG", shape[0]),
        Field(Tag.StripOffsets, "OFFSET", Places.TILES),
        Field(Tag.StripByteCounts, "LONG", counts),
    ]


def _cut(
    array: NDArray[Any], shape: tuple[int, int], *, planar: bool, pad: bool
) -> Iterator[NDArray[Any]]:
    """Blocks (rows, cols, samples) in the order of TileOffsets."""
    rows, cols = shape
    for plane in array[:, None] if planar else [array]:
        for top in range(0, plane.shape[1], rows):
            for left in range(0, plane.shape[2], cols):
                block = plane[:, top : top + rows, left : left + cols].transpose(1, 2, 0)
                missing = [(0, rows - block.shape[0]), (0, cols - block.shape[1]), (0, 0)]
                yield np.pad(block, missing) if pad else block


def _encode(block: NDArray[Any], predictor: int, byte_order: ByteOrder) -> bytes:
    """The bytes of a block before compression."""
    if block.dtype == bool:
        return np.packbits(block.reshape(len(block), -1), axis=1).tobytes()
    if predictor == Predictor.HORIZONTAL:
        block = _differences(block)
    if predictor == Predictor.FLOATING_POINT:
        return _byte_planes(block)
    return block.astype(block.dtype.newbyteorder(byte_order)).tobytes()


def _differences(block: NDArray[Any]) -> NDArray[Any]:
    """Each sample's word less that of the pixel to its left, in wrapping arithmetic."""
    words = block.copy(order="C").view(f"u{block.dtype.itemsize}")
    words[:, 1:] -= words[:, :-1].copy()
    return words


def _byte_planes(block: NDArray[Any]) -> bytes:
    """Rows as planes of bytes, the most significant first, then differences of bytes."""
    rows, cols, samples = block.shape
    length = block.dtype.itemsize
    data = block.astype(block.dtype.newbyteorder(">")).tobytes()
    planes = np.frombuffer(data, np.uint8).reshape(rows, cols * samples, length)
    line = planes.transpose(0, 2, 1).reshape(rows, -1).copy()
    line[:, samples:] -= line[:, :-samples].copy()
    return line.tobytes()
