"""All cases: products of the dangerous axes, pairs of all, pictures, and what is made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path

from conformance import axes, by_gdal, by_hand, by_tifffile
from conformance.case import Case
from conformance.hand_cases import hand_cases
from conformance.pairs import all_pairs, is_legal
from conformance.pictures import picture_cases
from conformance.pixels import Pixels

Writer = Callable[[Case, Path], list[Pixels | None]]
WRITERS: Mapping[str, Writer] = {
    "gdal": by_gdal.write,
    "cog": by_gdal.write,
    "tifffile": by_tifffile.write,
    "hand": by_hand.write,
}

WORDS = ("nodata", "sparse", "mask", "overviews")
"""Axes that are words of a case."""


def product_cases() -> Iterator[Case]:
    """Every codec that keeps bytes, with every sample, predictor, planes and byte order."""
    for writer, choices, rules in (
        ("gdal", axes.GDAL, axes.GDAL_RULES),
        ("tifffile", axes.TIFFFILE, axes.TIFFFILE_RULES),
    ):
        names = ("codec", "sample", "predictor", "planar", "order")
        codecs = [c for c in choices["codec"] if c in ("none", "packbits", *axes.PREDICTED)]
        samples = [s for s in choices["sample"] if s not in axes.PACKED]
        rest = [choices[name] for name in names[2:]]
        for i, values in enumerate(product(codecs, samples, *rest)):
            row = dict(zip(names, values, strict=True))
            if is_legal(rules, row):
                yield Case(writer, bands=3, layout=("tile16", "strip7")[i % 3 == 0], **row)


def pair_cases() -> Iterator[Case]:
    """Every pair of values of all axes."""
    yield from (_case("gdal", row) for row in all_pairs(axes.GDAL, axes.GDAL_RULES))
    yield from (_case("tifffile", row) for row in all_pairs(axes.TIFFFILE, axes.TIFFFILE_RULES))


def _case(writer: str, row: dict) -> Case:
    words = tuple(word for word in WORDS if row.get(word))
    return Case(writer, words=words, **{k: v for k, v in row.items() if k not in WORDS})


PARTS: Mapping[str, Callable[[], Iterator[Case]]] = {
    "product": product_cases,
    "pairs": pair_cases,
    "pictures": picture_cases,
    "hand": hand_cases,
}


@cache
def cases_of(part: str) -> tuple[Case, ...]:
    """The cases of one part of the matrix."""
    return tuple(PARTS[part]())
