"""How pixels are shown: bands, stretch, colormap and level, as the query of a url says them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from tinycog.errors import UsageError
from tinycog.viewer.colormaps import colormap

PARAMETERS = ("indexes", "min", "max", "colormap", "level", "resampling")
"""Of a url of a tile."""

RGB = 3

LONGEST = 40
"""Characters of a number, and of a value in a message."""


class Look(NamedTuple):
    """How pixels are shown.

    Attributes:
        indexes: one band or three, counted from 1; None for the colours of the file.
        low: value shown as black, or in the first colour: one, or one for each band; None for the
            2nd percentile.
        high: value shown as white, or in the last colour, likewise; None for the 98th.
        colormap: name of the colours of one band; None for grey.
        level: that pixels are taken from; None for the one that suits.
        resampling: as `read` has it; None for "bilinear", or "nearest" where pixels are enlarged.
    """

    indexes: tuple[int, ...] | None = None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    colormap: str | None = None
    level: int | None = None
    resampling: str | None = None

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> Look:
        """Return what a query says.

        Raises:
            UsageError: a value is wrong.
        """
        given = {name: query[name] for name in PARAMETERS if query.get(name)}
        indexes = given.get("indexes")
        found = cls(
            None if indexes is None else tuple(_whole(one, "indexes") for one in _list(indexes)),
            _numbers(given.get("min"), "min"),
            _numbers(given.get("max"), "max"),
            given.get("colormap"),
            None if (level := given.get("level")) is None else _whole(level, "level"),
            given.get("resampling"),
        )
        found.check()
        return found

    @property
    def is_plain(self) -> bool:
        """Whether nothing but a level is said: the colours of the file, if it has any."""
        return self[:4] == (None, None, None, None)

    def check(self) -> None:
        """Check what the values mean together.

        Raises:
            UsageError: they contradict each other.
        """
        count = 1 if self.indexes is None else len(self.indexes)
        if count not in (1, RGB):
            message = f"indexes= names one band or three, not {count}"
            raise UsageError(message)
        if self.colormap is not None:
            colormap(self.colormap)
            if count != 1:
                message = "colormap= is of one band: indexes= names three"
                raise UsageError(message)
        for name, ends in (("min", self.low), ("max", self.high)):
            if ends is not None and len(ends) not in (1, RGB if self.indexes is None else count):
                message = f"{name}= has {len(ends)} values: give one, or one for each band"
                raise UsageError(message)


def _list(text: str) -> list[str]:
    return text.split(",", RGB + 1)


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST):
        message = f"{name}= takes whole numbers of at least 0, not {text[:LONGEST]!r}"
        raise UsageError(message)
    return int(text)


def _numbers(text: str | None, name: str) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        found = tuple(float(one) for one in _list(text))
    except ValueError:
        found = ()
    if not found or not all(map(isfinite, found)):
        message = f"{name}= takes numbers, not {text[:LONGEST]!r}"
        raise UsageError(message)
    return found
