"""The smallest file that still fails in the same way: its end cut, pieces cut or zeroed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from fuzz.children import Children, Given
from fuzz.watch import Failure

FINEST = 400
"""Into so many pieces a file is cut at most."""

TRIED_AT_ONCE = 8


def minimized(data: bytes, turn: int, failure: Failure, seconds: float = 60) -> bytes:
    """Shrink a file while it fails so; after `seconds` it is good enough."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        smaller = _step(data, turn, failure, stop)
        if smaller is None:
            break
        data = smaller
    return data


def _step(data: bytes, turn: int, failure: Failure, stop: float) -> bytes | None:
    """One thing less; None if there is nothing to be had any more, or no time."""
    tried: list[bytes] = []
    for candidate in _candidates(data):
        tried.append(candidate)
        if len(tried) == TRIED_AT_ONCE:
            if time.monotonic() > stop:
                return None
            if (found := _first_like(tried, turn, failure)) is not None:
                return found
            tried.clear()
    return _first_like(tried, turn, failure)


def _first_like(candidates: list[bytes], turn: int, failure: Failure) -> bytes | None:
    items = [Given(data, turn) for data in candidates]
    with closing(Children().failures(items)) as failures:
        return next((item.data for item, found in failures if failure.is_like(found)), None)


def _candidates(data: bytes) -> Iterator[bytes]:
    """Without its end, or with more zeros: large pieces first, then smaller ones."""
    step = len(data) // 2
    while step:
        yield data[:-step]
        if len(data) // step <= FINEST:
            for start in range(0, len(data), step):
                piece = data[start : start + step]
                if any(piece):
                    yield data[:start] + bytes(len(piece)) + data[start + len(piece) :]
        step //= 2
