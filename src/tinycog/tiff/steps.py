"""Parsers as generators: they yield the ranges that they lack and return a value.

No I/O.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import TypeVar

from tinycog.errors import TruncatedError
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ranges import ByteRange, Span

T = TypeVar("T")

Steps = Generator[Sequence[ByteRange], None, T]
"""A parser: it yields the ranges that it lacks and returns a value. It does no I/O."""


def need(buffer: SparseBuffer, ranges: Iterable[Span]) -> Steps[None]:
    """Yield the missing parts of `ranges` at once; yield nothing if all have arrived."""
    missing = buffer.missing(ranges)
    if missing:
        yield missing


def need_bytes(buffer: SparseBuffer, start: int, length: int) -> Steps[memoryview]:
    """Return `length` bytes from `start`; yield their range if it is missing."""
    yield from need(buffer, [ByteRange(start, start + length)])
    return buffer.read(start, start + length)


def run_cached(parser: Steps[T]) -> T | None:
    """Run a parser on the bytes that have arrived, without a request.

    Returns its result, or None where it lacks bytes; it is closed then. Only for parsers whose own
    result is never None.
    """
    try:
        next(parser)
    except StopIteration as done:
        return done.value
    parser.close()
    return None


def together(parsers: Iterable[Steps[T]]) -> Steps[list[T]]:
    """Run parsers side by side: each step yields what all of them lack.

    If part of it lies beyond the end of the file, each parser's ranges are yielded on their own, so
    that only those fail that cannot do without.

    Returns the results in the order of `parsers`.
    """
    running = dict(enumerate(parsers))
    if len(running) == 1:
        return [(yield from running[0])]
    lost: dict[int, TruncatedError] = {}
    results: dict[int, T] = {}
    while running:
        wanted: dict[int, Sequence[ByteRange]] = {}
        for i, parser in running.items():
            try:
                wanted[i] = parser.throw(lost[i]) if i in lost else next(parser)
            except StopIteration as done:
                results[i] = done.value
        running = {i: running[i] for i in wanted}
        lost = (yield from _ask(wanted)) if wanted else {}
    return [results[i] for i in sorted(results)]


def _ask(wanted: Mapping[int, Sequence[ByteRange]]) -> Steps[dict[int, TruncatedError]]:
    """Yield all ranges; return the error of each parser whose ranges are lost."""
    ranges = [part for parts in wanted.values() for part in parts]
    try:
        if ranges:
            yield ranges
    except TruncatedError as exc:
        if len(wanted) == 1:
            return dict.fromkeys(wanted, exc)
    else:
        return {}
    lost: dict[int, TruncatedError] = {}
    for i, parts in wanted.items():
        try:
            yield parts
        except TruncatedError as exc:
            lost[i] = exc
    return lost
