"""What a trick makes: the directories of a file, and the pixels that a reader should find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from conformance.case import Case
from conformance.hand import make_directory
from conformance.pixels import Pixels
from tinycog.testing import Directory, Layout


@dataclass(frozen=True)
class Made:
    """A file to be written; `truth` is None where only the other readers know."""

    directories: Sequence[Directory]
    truth: list[Pixels | None]
    layout: Layout = field(default_factory=Layout)


Trick = Callable[[Case, Pixels], Made]
Change = Callable[[Directory, Case], Directory]


def changed(change: Change) -> Trick:
    """Make a trick of a change that leaves the pixels alone."""
    return lambda case, data: Made([change(make_directory(case, data), case)], [data])
