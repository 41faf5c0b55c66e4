"""What is read: each case is one row of the table for each latency."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from .data import MANY
from .huge import GRIDS

Place = tuple[int, int]
Box = tuple[int, int, int, int]
UNALIGNED: Box = (1234, 777, 2048, 2048)
"""Touches 5 by 5 tiles of 512."""


NONE: Box = (0, 0, 0, 0)


def random_places(side: int, count: int) -> list[Place]:
    """Distinct tiles of a square grid, the same ones in every run."""
    numbers = random.Random(11).sample(range(side * side), count)  # noqa: S311 - not secrets
    return [(number % side, number // side) for number in numbers]


@dataclass(frozen=True)
class Case:
    """One thing to read.

    Attributes:
        scenario: its group; `--only` picks by it.
        title: what is read, for the table.
        files: names of the files, without their ending; one, but for "many".
        op, level, tiles, window, concurrency: see `peers.Job`.
        memory: whether the growth of memory is measured too.
        only: the one library that has such a thing.
    """

    scenario: str
    title: str
    files: tuple[str, ...]
    op: str
    level: int = 0
    tiles: list[Place] = field(default_factory=list)
    window: Box = NONE
    concurrency: int = 1
    memory: bool = False
    only: str | None = None

    @property
    def names(self) -> set[str]:
        """The files, each once."""
        return set(self.files)


def all_cases(*, quick: bool) -> list[Case]:
    """Every case, in the order of the table."""
    cases = [_cold(*what) for what in COLD]
    cases.append(_many(64 if quick else 200))
    cases += [case for what in RANDOM for case in _random(*what, quick=quick)]
    cases += [
        Case("window", f"2048² of {title}", (name,), "window", window=UNALIGNED)
        for name, title in WINDOWS
    ]
    cases += [Case("level", f"8 x 8 tiles, {title}", (name,), "level", 1) for name, title in LEVELS]
    cases += [_huge(0), _huge(5)]
    cases += [
        Case("plan", f"of {title}", (name,), "plan", tiles=tiles, window=box, only="tinycog")
        for title, name, tiles, box in PLANS
    ]
    return cases


COLD = (
    ("deflate", "deflate u16", 16),
    ("jpeg-mask", "jpeg + mask", 16),
    ("bands-10", "10 bands", 8),
    ("planar-4", "4 planes, predictor 2", 8),
    ("planar-4-plain", "4 planes", 8),
)
RANDOM = (
    ("deflate", "deflate u16"),
    ("lzw-256", "lzw u16, 256²"),
    ("zstd-f32", "zstd f32 p3"),
    ("jpeg-mask", "jpeg + mask"),
)
WINDOWS = (
    ("deflate", "deflate u16"),
    ("jpeg-mask", "jpeg + mask"),
    ("zstd-f32", "zstd f32 p3"),
    ("bands-10", "10 bands"),
    ("none", "uncompressed u16"),
    ("webp", "webp"),
    ("lerc-f32", "lerc f32"),
)
PLANS = (
    ("1 tile of deflate u16", "deflate", [(8, 7)], NONE),
    ("1 of 4 million tiles", "huge", [(1027, 682)], NONE),
    ("64 tiles of lzw u16", "lzw-256", random_places(32, 64), NONE),
    ("2048² of deflate u16", "deflate", [], UNALIGNED),
    ("2048² of 4 planes", "planar-4-plain", [], UNALIGNED),
)
LEVELS = (("deflate", "deflate u16"), ("jpeg-mask", "jpeg + mask"))


def _cold(name: str, title: str, side: int) -> Case:
    # A tile in the middle lies in no first 32 KiB.
    return Case(
        "cold", f"open, 1 tile, {title}", (name,), "tile", tiles=[(side // 2, side // 2 - 1)]
    )


def _many(count: int) -> Case:
    files = tuple(f"many-{i % MANY}" for i in range(count))
    places = [(i % 2, i // 2 % 2) for i in range(count)]
    return Case(
        "many-files",
        f"{count} files, 1 overview tile each",
        files,
        "many",
        1,
        places,
        concurrency=32,
    )


def _random(name: str, title: str, *, quick: bool) -> list[Case]:
    side = 32 if name.endswith("256") else 16
    count = 64 if quick else 8 * side  # never nearly all of them, or one request would do
    places = random_places(side, count)
    what = f"{count} tiles, {title}"
    return [
        Case("random-tiles", what, (name,), "tiles", 0, places, concurrency=64),
        Case("random-tiles", f"{what}, one call", (name,), "at-once", 0, places, concurrency=64),
    ]


def _huge(level: int) -> Case:
    side = GRIDS[level]
    title = f"4 million tiles, 1 of level {level}"
    return Case(
        "huge", title, ("huge",), "tile", level, [(side // 2 + 3, side // 3)], memory=level == 0
    )
