"""Which codecs decode the chunks of a level exactly, or why none does (cog.references.plain).

Numbers are those of spec/compressions.csv and spec/values.csv.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tinycog.adapters.references.levels import LevelChunks, refusal
from tinycog.adapters.references.tile_chunks import NAME
from tinycog.argument_types import ReferenceCodecs
from tinycog.tile_facts import TileRange

Config = Mapping[str, Any]
"""Configuration of a codec of numcodecs: its "id" and its arguments."""

UNCOMPRESSED = 1
NO_PREDICTOR = 1
ZLIB: Config = {"id": "zlib", "level": 6}
ZSTD: Config = {"id": "zstd", "level": 3}
LZMA: Config = {"id": "lzma", "format": 1, "check": -1, "preset": None, "filters": None}

PLAIN: Mapping[int, Config | None] = {
    UNCOMPRESSED: None,
    8: ZLIB,
    32946: ZLIB,
    50013: ZLIB,
    50000: ZSTD,
    34926: ZSTD,
    34925: LZMA,
}
"""Codecs that decode the streams of a compression."""

V3_NAMES = {"zlib": "numcodecs.zlib", "zstd": "zstd", "lzma": "numcodecs.lzma", NAME: NAME}
"""Their names in zarr 3, by their ids."""

V3_ARGUMENTS: Mapping[str, Config] = {"zstd": {"checksum": False}}
"""Arguments that zarr 3 wants besides."""

WHOLE_WORDS = (8, 16, 32, 64, 128)
"""Bits of samples that are stored as numpy has them."""

FLOAT, COMPLEX_INT, COMPLEX_FLOAT = 3, 5, 6
YCBCR = 6
LEAST_BITS = {FLOAT: 16, COMPLEX_FLOAT: 64}
"""Fewest bits of samples of a format that numpy has."""


@dataclass(frozen=True)
class Encoding:
    """How the chunks of a level are decoded.

    Attributes:
        byte_order: "<" or ">", of the bytes that the codec returns.
        codec: that of numcodecs; None where samples are stored as they are.
        interleaved: whether these are (rows, cols, bands).
        length: bytes of a chunk where they are stored as they are; what lies behind is no part.
    """

    byte_order: Literal["<", ">"]
    codec: Config | None
    interleaved: bool = False
    length: int | None = None

    @property
    def v3_codecs(self) -> list[dict[str, Any]]:
        """Codecs of an array (bands, rows, cols) of zarr 3."""
        codecs: list[dict[str, Any]] = []
        if self.interleaved:
            codecs.append({"name": "transpose", "configuration": {"order": [1, 2, 0]}})
        endian = "big" if self.byte_order == ">" else "little"
        codecs.append({"name": "bytes", "configuration": {"endian": endian}})
        if self.codec is not None:
            kind = self.codec["id"]
            arguments = {**_arguments(self.codec), **V3_ARGUMENTS.get(kind, {})}
            codecs.append({"name": V3_NAMES[kind], "configuration": arguments})
        return codecs

    def stored_length(self, place: TileRange) -> int:
        """Return how many bytes of a stored tile are its chunk."""
        return place.length if self.length is None else self.length


def _arguments(codec: Config) -> dict[str, Any]:
    return {key: value for key, value in codec.items() if key != "id"}


def encoding_of(chunks: LevelChunks, codecs: ReferenceCodecs) -> Encoding:
    """Return how the chunks of a level are decoded.

    Raises:
        UnsupportedError: no codec of numcodecs does exactly that.
    """
    if codecs == "tinycog":
        return Encoding("<", {"id": NAME, **chunks.tiles.config()})
    reason = _obstacle(chunks)
    if reason is not None:
        hint = 'codecs="tinycog" has a codec for it, which readers need tinycog for'
        raise refusal(chunks, "plain", f"{reason}; {hint}")
    facts = chunks.facts
    is_compressed = facts["compression"] != UNCOMPRESSED
    return Encoding(
        "<" if facts["byte_order"] == "little" else ">",
        PLAIN[facts["compression"]],
        interleaved=chunks.chunk_shape[0] > 1,
        length=None if is_compressed else _chunk_bytes(chunks),
    )


def _obstacle(chunks: LevelChunks) -> str | None:
    """Return why the codecs of numcodecs do not decode the chunks exactly, None if they do."""
    facts, level = chunks.facts, chunks.level
    bits, kind = facts["bits_per_sample"][0], facts["sample_formats"][0]
    is_compressed = facts["compression"] != UNCOMPRESSED
    is_word = bits in WHOLE_WORDS and bits >= LEAST_BITS.get(kind, 0)
    predictor = facts["predictor"] if is_compressed else NO_PREDICTOR
    whole = _chunk_bytes(chunks)
    are_whole = is_compressed or all(each.length >= whole for each in chunks.stored)
    checks = (
        (
            facts["compression"] in PLAIN,
            f"numcodecs has no codec for compression {level.compression}",
        ),
        (predictor == NO_PREDICTOR, f"numcodecs has no codec for predictor {predictor}"),
        (is_word, f"samples of {bits} bits are not stored as numpy has them"),
        (kind != COMPLEX_INT, "numpy has no complex integers"),
        (facts["fill_order"] == 1, "the bits of each byte are in reverse (FillOrder)"),
        (facts["photometric"] != YCBCR, "its YCbCr must be converted to RGB"),
        (facts["tile_depth"] == 1, "each of its tiles holds several planes of a volume"),
        (not chunks.short_strips, "its last strip is shorter than a chunk"),
        (are_whole, "a tile holds less than its pixels"),
    )
    return next((reason for is_plain, reason in checks if not is_plain), None)


def _chunk_bytes(chunks: LevelChunks) -> int:
    return math.prod(chunks.chunk_shape) * chunks.level.dtype.itemsize
