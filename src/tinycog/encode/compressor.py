"""One row of the table of compressors, and what options may be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, cast

from tinycog.encode.tile_format import CodecOptions, TagValue, TileFormat


class NumberRange(NamedTuple):
    """Numbers that an option may be, both ends included."""

    low: float
    high: float
    whole: bool = True

    def allows(self, value: object) -> bool:
        """Return whether a value is one of them."""
        if isinstance(value, bool) or not isinstance(value, Integral if self.whole else Real):
            return False
        return self.low <= cast("float", value) <= self.high

    def __str__(self) -> str:
        """Return them in words."""
        kind = "a whole number" if self.whole else "a number"
        if math.isinf(self.high):
            return kind
        return f"{kind} from {self.low:g} to {self.high:g}"


class Choice(NamedTuple):
    """Values that an option may be."""

    values: tuple[str | bool, ...]

    def allows(self, value: object) -> bool:
        """Return whether a value is one of them; 1 is not True."""
        return any(type(value) is type(one) and value == one for one in self.values)

    def __str__(self) -> str:
        """Return them in words."""
        return " or ".join(map(repr, self.values))


def _no_fields(made: TileFormat) -> tuple[TagValue, ...]:
    del made
    return ()


def _keeps_all(made: TileFormat) -> bool:
    del made
    return True


@dataclass(frozen=True, slots=True)
class Compressor:
    """One row of the table of compressors.

    Attributes:
        name: for messages.
        make: makes, of a format, the function from what it `takes` to the encoded bytes.
        takes: "bytes" as `tile_bytes` makes them, or contiguous "samples", (rows, cols, samples).
        rows_apart: whether the rows of these bytes need not follow each other.
        predicted: whether libtiff applies the Predictor tag with it (tiff.predictor.codecs).
        options: what it may be told, and the values allowed.
        dtypes: names of those that it can hold; None = all.
        samples: how many of a pixel it can hold together; None = any number.
        repeats_edges: whether pixels beyond the image repeat the last ones; else they are 0.
        both_orders: whether there are readers of it in big-endian files.
        fields: the tags that it needs besides Compression.
        is_lossless: whether pixels come back as they were.
        keeps_nan: whether NaN comes back where it was, also where others do not as they were.
        work_bytes: that it touches at its highest level, whatever the tile.
        work_tiles: how many times the bytes of the tile it touches besides, its result included.
    """

    name: str
    make: Callable[[TileFormat], Callable[[Any], Any]]
    takes: Literal["bytes", "samples"] = "bytes"
    rows_apart: bool = False
    predicted: bool = False
    options: Mapping[str, NumberRange | Choice] = field(
        default_factory=dict[str, NumberRange | Choice]
    )
    dtypes: tuple[str, ...] | None = None
    samples: tuple[int, ...] | None = None
    repeats_edges: bool = False
    both_orders: bool = True
    fields: Callable[[TileFormat], tuple[TagValue, ...]] = _no_fields
    is_lossless: Callable[[TileFormat], bool] = _keeps_all
    keeps_nan: bool = False
    work_bytes: int = 1 << 20
    work_tiles: int = 2


def given_options(options: CodecOptions) -> dict[str, object]:
    """Return what a codec is told, by name."""
    values = {name: getattr(options, name) for name in CodecOptions.__dataclass_fields__}
    return {name: value for name, value in values.items() if value is not None}
