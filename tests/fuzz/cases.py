"""One broken file as data: the name of a good one, and a seed."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from fuzz.exercise import TURNS
from fuzz.mutate import mutate
from fuzz.places import Places, places_of

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "files"
MOST_BYTES = 200_000
"""Larger files of the corpus are left out: they cost time, and show nothing else."""


class Case(NamedTuple):
    """A broken file: `name` is that of the good one, in `fixtures/files` or in the corpus."""

    name: str
    seed: int

    def make(self) -> bytes:
        """Its bytes."""
        random = Random(f"{self.name} {self.seed}")  # noqa: S311 - no secret
        donor = file(random.choice(fixtures()))
        return mutate(*file(self.name), random, donor)

    @property
    def turn(self) -> int:
        """How it is exercised."""
        return self.seed % TURNS


def case_of(seed: int) -> Case:
    """The case of a seed: a fixture, or, where there is a corpus, every other time a file of it."""
    random = Random(seed)  # noqa: S311 - no secret
    names = corpus() if corpus() and random.random() < 0.5 else fixtures()
    return Case(random.choice(names), seed)


@cache
def fixtures() -> list[str]:
    """Names of the fixtures."""
    return sorted(path.name for path in FIXTURES.iterdir())


@cache
def corpus() -> list[str]:
    """Names of the corpus' files, none if TINYCOG_CORPUS is not set."""
    if not os.environ.get("TINYCOG_CORPUS"):
        return []
    paths = (Path(os.environ["TINYCOG_CORPUS"]) / "files").iterdir()
    return sorted(path.name for path in paths if 0 < path.stat().st_size <= MOST_BYTES)


@lru_cache(512)
def file(name: str) -> tuple[bytes, Places]:
    """A good file, and what is where in it."""
    folder = FIXTURES if (FIXTURES / name).exists() else Path(os.environ["TINYCOG_CORPUS"], "files")
    data = (folder / name).read_bytes()
    return data, places_of(data)
