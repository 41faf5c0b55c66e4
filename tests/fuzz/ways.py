"""Pieces of `exercise`: outcomes that compare, answers in pieces, memory that is not zero."""

from __future__ import annotations

import ctypes
import inspect
import re
from collections.abc import Callable
from contextlib import contextmanager
from importlib import import_module
from random import Random
from typing import Any

import tinycog
from tinycog import errors
from tinycog.geo import lazy
from tinycog.reader import read_header
from tinycog.sources.protocol import RangeSink
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.recall import Recall


class Differs(AssertionError):  # noqa: N818 - it says so
    """Two ways to the same thing lead to different ones."""


async def outcome(ask: Callable[[], Any]) -> Any:
    """What is given, or the `TinycogError`; anything else that is raised is a failure."""
    try:
        found = ask()
        return await found if inspect.isawaitable(found) else found
    except tinycog.TinycogError as error:
        return error


def is_error(found: Any) -> bool:
    return isinstance(found, tinycog.TinycogError)


def must_agree(one: Any, other: Any, what: str, *, leaders: bool = False) -> None:
    """Fail if outcomes differ: pixels must be the same, of errors just that there is one.

    One way may need more room than the other: a `LimitError` may stand against anything. Where
    leaders stand for byte counts, one of them may lie: then an error may stand against pixels.
    """
    if isinstance(one, tinycog.LimitError) or isinstance(other, tinycog.LimitError):
        return
    if is_error(one) or is_error(other):
        is_alike = leaders or (is_error(one) and is_error(other))
    else:
        is_alike = _comparable(one) == _comparable(other)
    if not is_alike:
        names = f"{type(one).__name__}, {type(other).__name__}"
        message = f"{what} ({names}): {one!r:.1500} and {other!r:.1500}"
        raise Differs(message)


def _comparable(found: Any) -> Any:
    if isinstance(found, tinycog.Raster):
        mask = found.mask.tobytes() if found.has_known_mask else None
        return found.shape, found.dtype.str, found.data.tobytes(), mask
    return repr(found)  # NaN is no other than itself


class Shattered:
    """A source that answers piece by piece."""

    name = "<shattered>"

    def __init__(self, data: bytes, random: Random, origin: str = "memory") -> None:
        self.origin = origin
        self.data = memoryview(data)
        self.length = random.choice([1, 7, 100, 5000])

    async def aopen(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        data = self.data[part.start : part.stop]
        answer.begin(len(self.data), None)
        step = max(self.length, len(data) // 50)
        for at in range(0, len(data), step):
            answer.write(data[at : at + step])


FAILED = re.compile(r"cannot be shown.*?<td[^>]*>(\w+): ([^<]*)", re.DOTALL)


def must_be_shown(html: str) -> None:
    """Fail if a card tells of an error that is no `TinycogError`."""
    found = FAILED.search(html)
    if found is None:
        return
    kind = getattr(tinycog, found[1], None) or getattr(errors, found[1], None)
    if not (isinstance(kind, type) and issubclass(kind, tinycog.TinycogError)):
        message = f"a card that cannot be shown ({found[1]}): {found[2]}"
        raise Differs(message)


RECALLS = (
    (read_header, "FIRSTS"),
    (read_header, "WHOLES"),
    (lazy, "PARSED"),
    (import_module("tinycog.tiff.header_ranges"), "RANGES"),
)
"""What is kept of headers that were parsed."""


@contextmanager
def nothing_recalled():
    """Parse as a process does that has parsed nothing yet."""
    kept = [getattr(module, name) for module, name in RECALLS]
    for module, name in RECALLS:
        setattr(module, name, Recall[Any]())
    try:
        yield
    finally:
        for (module, name), recall in zip(RECALLS, kept, strict=True):
            setattr(module, name, recall)


M_PERTURB = -6
_mallopt: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "mallopt", None)


@contextmanager
def stale_memory(value: int):
    """Let new memory hold this byte, where glibc can: pixels that nobody wrote are seen."""
    if _mallopt is not None:
        _mallopt(M_PERTURB, value ^ 0xFF)  # glibc fills with the complement
    try:
        yield
    finally:
        if _mallopt is not None:
            _mallopt(M_PERTURB, 0)
