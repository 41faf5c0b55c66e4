"""What a caller gives along with files: names, properties and times."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from tinycog.argument_types import UrlObject
from tinycog.collection.asset import Asset
from tinycog.collection.times import TimeLike, to_time
from tinycog.errors import UsageError

T = TypeVar("T")

AssetWhere = str | os.PathLike[str] | UrlObject
"""Where an asset lies: a url or a path; a text with `*` is a pattern of several."""

AssetTimes = TimeLike | tuple[TimeLike | None, TimeLike | None] | None
"""Time of an asset, or its beginning and its end."""

Names = Sequence[str] | Callable[[str], str]
Properties = Sequence[Mapping[str, object]] | Callable[[str], Mapping[str, object]]
Times = Sequence[AssetTimes] | Callable[[str], AssetTimes]


def bare_assets(
    wheres: Sequence[str],
    names: Names | None,
    properties: Properties | None,
    times: Times | None,
) -> list[Asset]:
    """Return assets of which only that is known.

    Raises:
        UsageError: there are not as many as files, or a time is none.
    """
    made_names = default_names(wheres) if names is None else _each(names, wheres, "names")
    nothing: Mapping[str, object] = {}
    made_properties: Sequence[Mapping[str, object]] = [nothing] * len(wheres)
    if properties is not None:
        made_properties = _each(properties, wheres, "properties")
    made_times: Sequence[AssetTimes] = [None] * len(wheres)
    if times is not None:
        made_times = _each(times, wheres, "times")
    return [
        Asset(str(name), where, properties=dict(given), start=start, end=end)
        for name, where, given, (start, end) in zip(
            made_names, wheres, made_properties, map(as_span, made_times), strict=True
        )
    ]


def default_names(wheres: Sequence[str]) -> list[str]:
    """Return the last part of each path without its ending; the whole where two are the same."""
    short = [_stem(where) for where in wheres]
    counts = Counter(short)
    return [name if counts[name] == 1 else where for name, where in zip(short, wheres, strict=True)]


def _stem(where: str) -> str:
    path = where.partition("?")[0].partition("#")[0] if "://" in where else where
    last = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    stem, dot, _ = last.rpartition(".")
    return stem if dot and stem else last or where


def _each(given: Sequence[T] | Callable[[str], T], wheres: Sequence[str], what: str) -> Sequence[T]:
    """Return what is given for each file.

    Raises:
        UsageError: there are not as many as files.
    """
    if callable(given):
        return [given(where) for where in wheres]
    anything: Any = given
    if isinstance(anything, str | bytes | Mapping) or not isinstance(anything, Iterable):
        message = f"{what}= is a sequence, one for each file, or a function, not {given!r}"
        raise UsageError(message)
    found = list(given)
    if len(found) != len(wheres):
        message = f"{what}= has {len(found)} for {len(wheres)} files"
        raise UsageError(message)
    return found


def as_span(given: Any) -> tuple[datetime | None, datetime | None]:  # noqa: ANN401 - as a caller gives it
    """Return beginning and end of an asset.

    Raises:
        UsageError: one is no time, or the end comes first.
    """
    both: Any = given
    is_pair = isinstance(given, tuple | list) and len(both) == 2  # noqa: PLR2004 - beginning, end
    first, last = both if is_pair else (both, None)
    start, end = to_time(first, "the beginning"), to_time(last, "the end")
    if start is not None and end is not None and end < start:
        message = f"an asset cannot end at {end} before it begins at {start}"
        raise UsageError(message)
    return start, end
