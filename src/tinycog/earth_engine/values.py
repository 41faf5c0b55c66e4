"""Properties and times of an asset, as Earth Engine takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from math import isfinite

from tinycog.errors import UsageError

Moment = datetime | date | str | int
"""A time: a datetime with a time zone; a date, which begins at midnight in UTC; either as text of
ISO 8601; milliseconds since 1970 in UTC."""

TIMES = ("system:time_start", "system:time_end")
"""Properties that are times, in milliseconds."""

LARGEST_INTEGER = 1 << 53
"""Integers up to which each is a number of its own in JSON's floats of 64 bits."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

FRACTION = re.compile(r"(\.\d{6})0*(?=Z|[+-]\d\d)")
"""A fraction of a second, as far as `datetime` holds it; zeros may follow."""

DIGITS = re.compile(r"\.\d{7}")


def parse_moment(given: Moment, name: str) -> datetime:
    """Return a time in UTC; `name` is the argument's, for the message.

    Raises:
        UsageError: it is none, or in no time zone, or finer than microseconds.
    """
    try:
        if isinstance(given, str):
            return _parse_text(given, name)
        if isinstance(given, datetime):
            return _in_utc(given, name)
        if isinstance(given, date):
            return datetime(given.year, given.month, given.day, tzinfo=UTC)
        if isinstance(given, int) and not isinstance(given, bool):  # pyright: ignore[reportUnnecessaryIsInstance] - of callers
            return EPOCH + timedelta(milliseconds=given)
    except UsageError:
        raise
    except (ValueError, OverflowError):  # no such day, no such year
        pass
    message = (
        f"{name} is a date, a time with a zone, or milliseconds since 1970 as an integer,"
        f" not {given!r}"
    )
    raise UsageError(message)


def _parse_text(text: str, name: str) -> datetime:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.fromisoformat(f"{text}T00:00:00+00:00")
    text = FRACTION.sub(r"\1", text)
    if DIGITS.search(text):
        message = f"{name} is finer than microseconds: {text!r}"
        raise UsageError(message)
    return _in_utc(datetime.fromisoformat(text), name)


def _in_utc(moment: datetime, name: str) -> datetime:
    if moment.tzinfo is None:
        message = f"{name} has no time zone: {moment.isoformat()}; add one, UTC for example (Z)"
        raise UsageError(message)
    return moment.astimezone(UTC)


def to_timestamp(moment: datetime) -> str:
    """Return a time in UTC as RFC 3339 has it, with nine digits as the page does."""
    plain = moment.replace(tzinfo=None, microsecond=0).isoformat()
    return f"{plain}.{moment.microsecond:06}000Z"


def to_milliseconds(moment: datetime, name: str) -> int:
    """Return a time in UTC as milliseconds since 1970.

    Raises:
        UsageError: it is finer than that.
    """
    found, rest = divmod(moment - EPOCH, timedelta(milliseconds=1))
    if rest:
        message = f"{name} is in whole milliseconds, not {moment.isoformat()}"
        raise UsageError(message)
    return found


def check_interval(start: datetime | None, end: datetime | None, name: str) -> None:
    """Check that an interval ends after it begins.

    Raises:
        UsageError: it does not.
    """
    if start is not None and end is not None and end < start:
        message = f"{name}: the end {end.isoformat()} lies before the start {start.isoformat()}"
        raise UsageError(message)


def make_properties(
    given: Mapping[str, str | int | float | date],
    time_start: Moment | None = None,
    time_end: Moment | None = None,
) -> dict[str, str | int | float]:
    """Return properties as JSON has them, times in milliseconds.

    Raises:
        UsageError: a property is neither a string nor a number, has no name, or is given twice.
    """
    found = dict(given)
    for name, moment in zip(TIMES, (time_start, time_end), strict=True):
        if moment is None:
            continue
        if name in found:
            message = f"{name} is given twice: as an argument, and in properties="
            raise UsageError(message)
        found[name] = moment
    properties = {name: _value(name, value) for name, value in found.items()}
    start, end = (
        None if (value := properties.get(name)) is None else parse_moment(int(value), name)
        for name in TIMES
    )
    check_interval(start, end, "system:time_start")
    return properties


def _value(name: str, value: object) -> str | int | float:
    """Return the value of a property."""
    if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"the name of a property is a text, not {name!r}"
        raise UsageError(message)
    if name in TIMES:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, datetime | date | str | int):
            value = repr(value)
        return to_milliseconds(parse_moment(value, name), name)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        message = (
            f"the property {name!r} is a float of 64 bits, which cannot be {value}: give a string"
        )
        raise UsageError(message)
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return value
    message = f"the property {name!r} is a string or a finite number, not {value!r}"
    raise UsageError(message)
