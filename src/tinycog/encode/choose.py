"""The predictor and the level that suit an image, by a sample of its tiles.

What is chosen depends on the pixels alone, never on time or on the machine, but for ISA-L: it is
there or not (tiff.encode.choose).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from numpy.typing import NDArray

from tinycog.encode.lossless import DEFLATE_LEVEL, ZSTD_LEVEL, has_isal
from tinycog.encode.tile import make_encoder
from tinycog.encode.tile_format import CodecOptions, TileFormat
from tinycog.errors import UnsupportedError
from tinycog.tiff.spec import Compression, Predictor

Tiles = Sequence[NDArray[Any]]

AUTO_SLACK, FAST_SLACK = 1.008, 1.04
"""How much larger than the smallest a sample may be; the rest of the image may differ a little."""

AUTO_LEVELS = {
    Compression.DEFLATE: range(1, DEFLATE_LEVEL + 1),
    Compression.ZSTD: range(1, ZSTD_LEVEL + 1),
}
"""Levels that are tried, up to GDAL's default; higher ones take several times as long."""

ISAL_TRIED = (1, 3)


def choose_predictor(made: TileFormat, tiles: Tiles) -> TileFormat:
    """Return the format with the predictor that makes the tiles smaller; NONE if they are equal.

    Complex numbers get none, since not every reader takes their differences (tiff.encode.choose).

    Args:
        made: the format; its predictor does not count.
        tiles: a sample, each as `TileEncoder.encode` takes it.
    """
    plain = replace(made, predictor=Predictor.NONE)
    if made.dtype.kind == "c":
        return plain
    is_float = made.dtype.kind == "f"
    other = Predictor.FLOATING_POINT if is_float else Predictor.HORIZONTAL
    try:
        return _smallest([plain, replace(made, predictor=other)], tiles)
    except UnsupportedError:  # neither the codec nor such samples need have one
        return plain


def choose_level(made: TileFormat, tiles: Tiles) -> TileFormat:
    """Return the format with the lowest level that makes the tiles nearly as small as any other.

    Of a codec that has no levels, and of one whose levels all take long, it is left as it is.
    """
    return _first_small((), _levels(made), tiles, AUTO_SLACK) or made


def choose_fast(made: TileFormat, tiles: Tiles) -> TileFormat:
    """Return the format with the fastest library and level of those that still compress well."""
    fastest: list[TileFormat] = []
    if made.compression == Compression.DEFLATE and has_isal():
        options = [CodecOptions(library="isa-l", level=level) for level in ISAL_TRIED]
        fastest = [replace(made, options=one) for one in options]
    return _first_small(fastest, _levels(made), tiles, FAST_SLACK) or made


def _levels(made: TileFormat) -> list[TileFormat]:
    levels = AUTO_LEVELS.get(made.compression, ())
    return [replace(made, options=CodecOptions(level=level)) for level in levels]


def _first_small(
    first: Sequence[TileFormat], levels: Sequence[TileFormat], tiles: Tiles, slack: float
) -> TileFormat | None:
    """Return the first format whose tiles are hardly larger than those of the best one.

    The best one is of `first`, or the lowest or the highest level: those between are only tried
    until one will do, since encoding a sample by all of them takes long.
    """
    if not levels:
        return None

    @cache
    def length(made: TileFormat) -> int:
        return _length(made, tiles)

    most = slack * min(map(length, (*first, levels[0], levels[-1])))
    return next(made for made in (*first, *levels) if length(made) <= most)


def _smallest(formats: Sequence[TileFormat], tiles: Tiles) -> TileFormat:
    """Return the format whose tiles are smallest, the first of equal ones."""
    return min(formats, key=lambda made: _length(made, tiles))


def _length(made: TileFormat, tiles: Tiles) -> int:
    """Return the bytes of all tiles."""
    encode = make_encoder(made).encode
    return sum(len(encode(tile)) for tile in tiles)
