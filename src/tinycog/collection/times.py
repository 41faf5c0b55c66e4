"""Times as text, as aware datetimes, and as microseconds since 1970 (cog.collection.times)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from tinycog.errors import UsageError

TimeLike = str | date | datetime | np.datetime64
"""A time: RFC 3339 text, a date (its beginning), a datetime; without a zone it is UTC."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NO_TIME = np.iinfo(np.int64).min
"""Among microseconds: there is none."""


def to_time(given: object, what: str = "a time") -> datetime | None:
    """Return a time as an aware datetime in UTC; None for None, "" and NaT.

    Raises:
        UsageError: it is no time.
    """
    if given is None or given in ("", "..") or (given != given):  # noqa: PLR0124 - NaT
        return None
    try:
        return _parsed(given)
    except (ValueError, TypeError, OverflowError) as exc:
        message = (
            f"{what} is {given!r}: expected RFC 3339 text ('2024-01-31T10:00:00Z'),"
            " a date or a datetime"
        )
        raise UsageError(message) from exc


def _parsed(given: Any) -> datetime:  # noqa: ANN401 - whatever a caller gives
    if isinstance(given, np.datetime64):
        found = EPOCH + int(given.astype("datetime64[us]").astype(np.int64)) * MICROSECOND
    elif isinstance(given, str):
        found = datetime.fromisoformat(given.strip())
    elif isinstance(given, datetime):
        found = given
    elif isinstance(given, date):
        found = datetime(given.year, given.month, given.day, tzinfo=UTC)
    else:
        raise TypeError(given)
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return datetime(*found.timetuple()[:6], found.microsecond, tzinfo=UTC)  # of pandas' own class


def to_text(time: datetime | None) -> str | None:
    """Return a time as RFC 3339 text."""
    return None if time is None else time.isoformat().replace("+00:00", "Z")


def to_number(time: datetime | None) -> int:
    """Return microseconds since 1970, `NO_TIME` for None."""
    return NO_TIME if time is None else (time - EPOCH) // MICROSECOND
