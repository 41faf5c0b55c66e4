"""Stored bytes of an image, encoded here: any bits, any planes, any order, most codecs."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from conformance.case import Case
from conformance.lzw import encode_old
from conformance.pixels import Pixels
from tinycog.testing import Directory, Field, Places
from tinycog.tiff.spec import Tag

CODECS: Mapping[str, tuple[int, Callable[[bytes], Any]]] = {
    "none": (1, bytes),
    "packbits": (32773, imagecodecs.packbits_encode),
    "lzw": (5, imagecodecs.lzw_encode),
    "old-lzw": (5, encode_old),
    "deflate": (8, zlib.compress),
    "old-deflate": (32946, zlib.compress),
    "zstd": (50000, imagecodecs.zstd_encode),
    "early-zstd": (34926, imagecodecs.zstd_encode),
    "lzma": (34925, imagecodecs.lzma_encode),
}
"""Code and encoder of the codecs that keep bytes."""

PHOTOMETRICS = {
    "miniswhite": 0,
    "minisblack": 1,
    "rgb": 2,
    "palette": 3,
    "mask": 4,
    "cmyk": 5,
    "ycbcr": 6,
    "cielab": 8,
    "icclab": 9,
    "itulab": 10,
    "logl": 32844,
    "linear raw": 34892,
}


def make_directory(case: Case, data: Pixels) -> Directory:
    """Make the directory of `data`, with its tiles, as `case` says."""
    blocks = [encode_block(case, block) for block in cut(case, data)]
    code, compress = CODECS[case.codec]
    return directory_of(case, data, code, [bytes(compress(block)) for block in blocks])


def directory_of(case: Case, data: Pixels, code: int, tiles: list[bytes]) -> Directory:
    """Make the directory around tiles that are encoded already."""
    bands, rows, cols = data.shape
    fields = [
        Field(Tag.ImageWidth, "LONG", cols),
        Field(Tag.ImageLength, "LONG", rows),
        Field(Tag.BitsPerSample, "SHORT", [case.kind.bits] * bands),
        Field(Tag.Compression, "SHORT", code),
        Field(Tag.PhotometricInterpretation, "SHORT", PHOTOMETRICS[case.photometric]),
        Field(Tag.SamplesPerPixel, "SHORT", bands),
        Field(Tag.PlanarConfiguration, "SHORT", 2 if case.planar else 1),
        Field(Tag.SampleFormat, "SHORT", [case.kind.code] * bands),
        *_index(case, [len(tile) for tile in tiles]),
    ]
    if case.predictor != 1:
        fields.append(Field(Tag.Predictor, "SHORT", case.predictor))
    extra = bands - {"rgb": 3, "cmyk": 4, "ycbcr": 3, "cielab": 3}.get(case.photometric, 1)
    if extra > 0:
        fields.append(Field(Tag.ExtraSamples, "SHORT", [0] * extra))
    return Directory((), tiles).having(*fields)


def _index(case: Case, counts: list[int]) -> list[Field]:
    if not case.tiled:
        return [
            Field(Tag.RowsPerStrip, "LONG", case.strip_rows),
            Field(Tag.StripOffsets, "OFFSET", Places.TILES),
            Field(Tag.StripByteCounts, "LONG", counts),
        ]
    width, height = case.block
    return [
        Field(Tag.TileWidth, "LONG", width),
        Field(Tag.TileLength, "LONG", height),
        Field(Tag.TileOffsets, "OFFSET", Places.TILES),
        Field(Tag.TileByteCounts, "LONG", counts),
    ]


def cut(case: Case, data: Pixels) -> Iterator[NDArray[Any]]:
    """Blocks (rows, cols, samples) in the order of the index; tiles filled up with ones."""
    width, height = case.block if case.tiled else (data.shape[2], case.strip_rows)
    for plane in data[:, None] if case.planar else [data]:
        for top in range(0, plane.shape[1], height):
            for left in range(0, plane.shape[2], width):
                block = plane[:, top : top + height, left : left + width].transpose(1, 2, 0)
                missing = [(0, height - block.shape[0]), (0, width - block.shape[1]), (0, 0)]
                yield np.pad(block, missing, constant_values=1) if case.tiled else block


def encode_block(case: Case, block: NDArray[Any]) -> bytes:
    """Bytes of a block as they are before compression."""
    if case.predictor == 3:
        return _byte_planes(case, block)
    if case.kind.is_packed and case.sample != "float24":
        return pack(block.reshape(len(block), -1), case.kind.bits)
    return _differences(case, block) if case.predictor == 2 else _words(case, block)


def _words(case: Case, block: NDArray[Any]) -> bytes:
    order = "<" if case.order == "II" else ">"
    kind, bits = case.kind.kind, case.kind.bits
    if case.sample == "float24":
        floats = np.ascontiguousarray(block, np.float32)
        return bytes(imagecodecs.float24_encode(floats, byteorder=order))
    if kind.startswith("complex"):
        parts = np.stack([np.real(block), np.imag(block)], axis=-1)
        letter = "i" if kind == "complexint" else "f"
        return parts.astype(f"{order}{letter}{bits // 16}").tobytes()
    return block.astype(block.dtype.newbyteorder(order)).tobytes()


def pack(rows: NDArray[Any], bits: int) -> bytes:
    """Numbers of any width, highest bit first; rows begin on whole bytes."""
    places = np.arange(bits - 1, -1, -1, dtype=np.uint64)
    digits = (rows.astype(np.int64).astype(np.uint64)[..., None] >> places) & np.uint64(1)
    return np.packbits(digits.astype(np.uint8).reshape(len(rows), -1), axis=1).tobytes()


def _differences(case: Case, block: NDArray[Any]) -> bytes:
    """Predictor 2: differences of words; a complex sample is one, its real part the lower half."""
    little = Case("hand", sample=case.sample)
    steps = np.frombuffer(_words(little, block), f"<u{case.kind.bits // 8}").reshape(block.shape)
    steps = steps.copy()
    steps[:, 1:] -= steps[:, :-1].copy()
    return steps.astype(steps.dtype.newbyteorder("<" if case.order == "II" else ">")).tobytes()


def _byte_planes(case: Case, block: NDArray[Any]) -> bytes:
    """Predictor 3: planes of bytes, the most significant first, then differences of bytes."""
    rows, cols, samples = block.shape
    big = Case("hand", sample=case.sample, order="MM")
    planes = np.frombuffer(_words(big, block), np.uint8).reshape(rows, cols * samples, -1)
    line = planes.transpose(0, 2, 1).reshape(rows, -1).copy()
    line[:, samples:] -= line[:, :-samples].copy()
    return line.tobytes()
