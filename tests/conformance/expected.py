"""Refusals that are right: nobody reads such a file, or readers disagree on what it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from conformance.case import Case
from conformance.judge import REFUSED, Outcome


@dataclass(frozen=True)
class Expected:
    """Which refusals, by the name of the case and by the message, and why they are right."""

    name: str
    message: str
    reason: str

    def concerns(self, case: Case) -> bool:
        """Say whether it is about this case."""
        return re.search(self.name, case.name) is not None

    def covers(self, outcome: Outcome) -> bool:
        """Say whether it is about this outcome."""
        return self.concerns(outcome.case) and bool(re.search(self.message, outcome.tinycog.why))


EXPECTED: Sequence[Expected] = (
    Expected(
        "tiles-cut-short", "CorruptTileError", "a broken file: bytes of the tiles are missing"
    ),
    Expected(
        "(jpeg2000|png) .*FillOrder-2,-bits-turned",
        "the tile is no",
        "nobody reads it: tifffile, the only other reader, does not turn their bits",
    ),
    Expected(
        "uint16 predictor=3",
        "predictor 3 with SampleFormat",
        "libtiff refuses it; the predictor is one for floats",
    ),
    Expected(
        "webp .*WebP,-FillOrder-2$",
        "the tile is no",
        "libtiff turns the bits of WebP, and so finds none",
    ),
    Expected(
        r"^gdal lerc\S* float\d+ .*MM",
        "LERC",
        "libtiff takes swapped bytes for NaN as it writes them, so that pixels are lost",
    ),
    Expected(
        "RLE,-rows-on-two-bytes",
        "",
        "libtiff, the only reader, drops a byte behind many rows, whatever wrote them",
    ),
    Expected(
        "index-shorter-than-needed",
        "tiff.tile.short",
        "a broken file: GDAL refuses it, or reads such tiles from the start of the file",
    ),
    Expected(
        "deflate .*tiles-hold-too-many-bytes",
        "readers differ",
        "libtiff gives other bytes at the end of such a tile, tifffile refuses it",
    ),
    Expected(
        "Deflate-without-(checksum|zlib's-header)",
        "CorruptTileError",
        "GDAL and tifffile refuse such a stream",
    ),
    Expected(
        "ycbcr .*YCbCr-[124]x[24]-without-JPEG",
        "YCbCr strips",
        "libtiff loses bytes of such strips, so that it does not read them itself",
    ),
    Expected(
        r" int(1|2|4|7|12|24)\b",
        "SampleFormat INT",
        "GDAL gives such samples without their sign, tifffile refuses them",
    ),
    Expected(r" uint(40|48)\b", "SampleFormat UINT", "GDAL and tifffile refuse such samples"),
    Expected(" float8 ?", "SampleFormat FLOAT", "GDAL and tifffile refuse such samples"),
    Expected("BitsPerSample-differ", "different BitsPerSample", "GDAL and tifffile refuse it"),
    Expected("SampleFormats-differ", "different SampleFormat", "GDAL and tifffile refuse it"),
    Expected(
        r" uint24\b.* MM",
        "big-endian integers with BitsPerSample 24",
        "GDAL swaps their bytes, tifffile reads them in a third way",
    ),
    Expected(
        r" uint(4|12|24) predictor=2",
        "predictor 2 with BitsPerSample",
        "libtiff refuses it, tifffile reads it wrong",
    ),
    Expected(
        r"zstd (?!.*\bstrip0\b).*byte-counts-absent",
        "no byte count",
        "GDAL and tifffile refuse it too: nothing says how long the tiles are",
    ),
    Expected(
        "lerc .*LERC,-FillOrder-2$",
        "no LERC blob",
        "libtiff turns the bits of LERC, and so finds none; nobody else reads it",
    ),
)


def reason_for(outcome: Outcome) -> str:
    """Why tinycog may refuse the file; an empty string if it should not."""
    if outcome.tinycog.word != REFUSED:
        return ""
    return next((expected.reason for expected in EXPECTED if expected.covers(outcome)), "")


def faults(outcome: Outcome) -> str:
    """What is not as it should be with an outcome; an empty string if all is well."""
    if outcome.tinycog.word == "right" or reason_for(outcome):
        return ""
    return f"{outcome.tinycog.word}: {outcome.case.name}: {outcome.tinycog.why}"
