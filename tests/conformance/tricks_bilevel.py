"""Tricks with codecs of old scanners: CCITT as others write it, and four that libtiff alone reads.

Libtiff encodes rows, and we put them together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from conformance.by_gdal import ENV
from conformance.case import Case
from conformance.hand import cut, directory_of, pack
from conformance.pixels import Pixels
from conformance.tricks import Made, Trick
from tinycog.testing import Field
from tinycog.tiff.spec import Tag

END_OF_LINE = "000000000001"
END_OF_BLOCK = END_OF_LINE * 2
PLANE, ALIGNED = 1, 4
"""Bits of T4Options: two-dimensional, line ends on whole bytes."""


def _ccitt(
    case: Case, data: Pixels, *, code: int, options: int = 0, fill: int = 0, turned: bool = False
) -> Made:
    tiles = [faxed(block[..., 0], code, options, fill) for block in cut(case, data)]
    if turned:
        tiles = [bytes(imagecodecs.bitorder_encode(tile)) for tile in tiles]
    made = directory_of(case, data, code, tiles)
    if options:
        made = made.having(Field(Tag.T4Options, "LONG", options))
    if turned:
        made = made.having(Field(Tag.FillOrder, "SHORT", 2))
    return Made([made], [data])


def faxed(rows: NDArray[Any], code: int, options: int, fill: int) -> bytes:
    """Encode rows of one bit by Compression, T4Options and bits of fill before line ends."""
    if code == 3:
        return _group_3(rows, options, fill)
    if code == 32771:
        plain = (_by_libtiff(row[None], "CCITTRLE") for row in rows)
        return b"".join(row + b"\0" * (len(row) % 2) for row in plain)
    return _by_libtiff(rows, {2: "CCITTRLE", 4: "CCITTFAX4"}[code])


def _group_3(rows: NDArray[Any], options: int, fill: int) -> bytes:
    """Rows with line ends before them; every fourth row does not refer to the one before."""
    digits = ""
    for i, row in enumerate(rows):
        digits += "0" * fill
        if options & ALIGNED:
            digits += "0" * (-(len(digits) + len(END_OF_LINE)) % 8)
        is_plain = not options & PLANE or i % 4 == 0
        digits += END_OF_LINE + (str(int(is_plain)) if options & PLANE else "")
        digits += _plain_row(row) if is_plain else _row_after(rows[i - 1], row)
    return _bytes(digits)


def _plain_row(row: NDArray[Any]) -> str:
    """What stands between the line ends of a row and of the next."""
    both = _digits(_by_libtiff(np.stack([row, np.zeros_like(row)]), "CCITTFAX3"))
    return both[len(END_OF_LINE) : both.rfind(END_OF_LINE)]


def _row_after(before: NDArray[Any], row: NDArray[Any]) -> str:
    """The code of a row whose reference is the one before: what it adds to a T.6 stream."""
    one = _digits(_by_libtiff(before[None], "CCITTFAX4")).rstrip("0")
    both = _digits(_by_libtiff(np.stack([before, row]), "CCITTFAX4")).rstrip("0")
    return both.removesuffix(END_OF_BLOCK)[len(one.removesuffix(END_OF_BLOCK)) :]


def _digits(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in data)


def _bytes(digits: str) -> bytes:
    digits += "0" * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def _by_libtiff(rows: NDArray[Any], codec: str) -> bytes:
    height, width = rows.shape
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8"}
    with rasterio.Env(**ENV), MemoryFile() as memory:
        with memory.open(**profile, NBITS=1, COMPRESS=codec, BLOCKYSIZE=height) as target:
            target.write(rows[None])
        with memory.open() as source:
            place = source.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1)
            length = source.get_tag_item("BLOCK_SIZE_0_0", "TIFF", bidx=1)
        memory.seek(int(place))
        return memory.read(int(length))


# --- codecs that only libtiff reads, in their simplest form: nothing is compressed ---------------


def _next(case: Case, data: Pixels) -> Made:
    """NeXT, two bits: each row is announced as literal."""
    tiles = []
    for block in cut(case, data):
        rows = (pack(row.reshape(1, -1), 2) for row in block)
        tiles.append(b"".join(b"\0" + row for row in rows))
    return Made([directory_of(case, data, 32766, tiles)], [data])


def _thunderscan(case: Case, data: Pixels) -> Made:
    """ThunderScan, four bits: each pixel is a raw one."""
    tiles = [bytes(0xC0 | int(v) for v in block.ravel()) for block in cut(case, data)]
    return Made([directory_of(case, data, 32809, tiles)], [data])


def _sgi_log(case: Case, data: Pixels) -> Made:
    """SGILog of luminance, 16 bits: in each row the high bytes, then the low ones, as literals."""
    tiles = []
    for block in cut(case, data):
        rows = block[..., 0].astype(">i2").view(np.uint8).reshape(len(block), -1, 2)
        planes = rows.transpose(0, 2, 1).reshape(len(block) * 2, -1)
        tiles.append(b"".join(_literals(plane.tobytes()) for plane in planes))
    directory = directory_of(replace(case, photometric="logl"), data, 34676, tiles)
    return Made([directory], [data])


def _literals(data: bytes) -> bytes:
    runs = (data[i : i + 100] for i in range(0, len(data), 100))
    return b"".join(bytes([len(run)]) + run for run in runs)


TRICKS: Mapping[str, Trick] = {
    "T.4, fill before line ends": partial(_ccitt, code=3, fill=5),
    "T.4, line ends on whole bytes": partial(_ccitt, code=3, options=ALIGNED),
    "T.4, two-dimensional": partial(_ccitt, code=3, options=PLANE),
    "T.4, two-dimensional, fill": partial(_ccitt, code=3, options=PLANE, fill=3),
    "T.4, two-dimensional, whole bytes": partial(_ccitt, code=3, options=PLANE | ALIGNED),
    "RLE, rows on two bytes": partial(_ccitt, code=32771),
    **{
        f"CCITT {name}, FillOrder 2": partial(_ccitt, code=code, turned=True)
        for name, code in (("RLE", 2), ("T.4", 3), ("T.6", 4))
    },
    "NeXT": _next,
    "ThunderScan": _thunderscan,
    "SGILog": _sgi_log,
}
