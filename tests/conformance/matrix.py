"""All cases: products of the dangerous axes, pairs of all, pictures, and what is made by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path

from conformance import axes, by_gdal, by_hand, by_tifffile
from conformance.case import Case
from conformance.hand_cases import hand_cases
from conformance.pairs import Row, all_pairs, is_legal
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
            row: Row = dict(zip(names, values, strict=True))
            if is_legal(rules, row):
                yield Case(writer, bands=3, layout=("tile16", "strip7")[i % 3 == 0], **row)


def pair_cases() -> Iterator[Case]:
    """Every pair of values of all axes."""
    yield from (_case("gdal", row) for row in all_pairs(axes.GDAL, axes.GDAL_RULES))
    yield from (_case("tifffile", row) for row in all_pairs(axes.TIFFFILE, axes.TIFFFILE_RULES))


def _case(writer: str, row: Row) -> Case:
    words = tuple(word for word in WORDS if row.get(word))
    return Case(writer, words=words, **{k: v for k, v in row.items() if k not in WORDS})


@cache
def all_cases() -> tuple[Case, ...]:
    """The whole matrix, each case once."""
    parts = (product_cases, pair_cases, picture_cases, hand_cases)
    return tuple({case.name: case for make in parts for case in make()}.values())


SEED = 7
"""Of the order in which cases are taken into the part that CI runs."""


def sample(cases: Sequence[Case]) -> list[Case]:
    """A part of the cases in which every value of every axis occurs with every codec that has it.

    It is the same on every run.
    """
    shuffled = random.Random(SEED).sample(cases, len(cases))  # noqa: S311 - no secrets
    chosen: dict[str, Case] = {}
    seen: set[tuple[str, str, str]] = set()
    for case in shuffled:
        features = {(case.codec, axis, value) for axis, value in case.features()}
        if not features <= seen:
            seen |= features
            chosen[case.name] = case
    return list(chosen.values())
