"""What is known of pixels before the first of them: shape, dtype, facts."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, cast

import numpy as np

from tinycog.errors import UsageError
from tinycog.geo.written_facts import WrittenFacts

KINDS = "iufc"
"""Kinds of numpy dtypes that are written: integers, floats, complex numbers."""

ITEM_SIZES = {"i": 8, "u": 8, "f": 8, "c": 16}
"""Bytes of the largest of each kind."""

FEWEST_ROWS, MOST_COLOURS = 256, 4
"""Of an array whose bands come last, beyond doubt."""

PLACES = ("transform", "gcps", "rpcs")
"""Facts that say where pixels lie, each in its own way."""


class Shape(NamedTuple):
    """Numbers of bands, rows and columns."""

    bands: int
    rows: int
    cols: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the caller says of a source.

    Attributes:
        shape: (bands, rows, cols), or (rows, cols) for one band; None = the source tells.
        dtype: of the pixels; None = the source tells.
        facts: what is written besides them; what it says stands above what the source tells.
    """

    shape: Sequence[int] | None = None
    dtype: object = None
    facts: WrittenFacts = field(default_factory=WrittenFacts)

    def check(self, shape: Shape, dtype: np.dtype[Any]) -> None:
        """Hold what the caller says against the source.

        Raises:
            UsageError: it is something else.
        """
        if self.shape is not None and as_shape(self.shape) != shape:
            message = f"the source is {tuple(shape)}, but shape={tuple(self.shape)} was said"
            raise UsageError(message)
        if self.dtype is not None and as_dtype(self.dtype) != dtype:
            message = (
                f"the source is {dtype}, but dtype={as_dtype(self.dtype)} was said: convert it"
            )
            raise UsageError(message)


def as_shape(shape: Iterable[int]) -> Shape:
    """Return a shape with its bands; (rows, cols) is one band.

    Raises:
        UsageError: it is neither, or has no pixels.
    """
    try:
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        sizes = ()
    if len(sizes) == 2:  # noqa: PLR2004 - rows and columns
        sizes = (1, *sizes)
    if len(sizes) != 3 or min(sizes) < 1:  # noqa: PLR2004 - bands, rows and columns
        message = (
            "an image is (bands, rows, cols), or (rows, cols) for one band, each at least 1,"
            f" not {shape!r}"
        )
        raise UsageError(message)
    return Shape(*sizes)


def check_order(shape: Sequence[int], told: Told) -> None:
    """Check that the bands of an array come first, unless the caller says its shape.

    Hundreds of bands of an image a few pixels wide are rows of one whose bands come last.

    Raises:
        UsageError: they do not.
    """
    is_known = told.shape is None and isinstance(shape, tuple)  # not of what computes it later
    if not is_known or len(shape) != 3:  # noqa: PLR2004 - bands, rows and columns
        return
    if shape[0] >= FEWEST_ROWS and shape[2] <= MOST_COLOURS:
        message = (
            f"an array of shape {tuple(shape)} would be {shape[0]} bands of {shape[1]} rows and"
            f" {shape[2]} columns: give numpy.moveaxis(array, -1, 0) of (rows, cols, bands), or"
            f" say shape={tuple(shape)} if it is so"
        )
        raise UsageError(message)


def as_dtype(dtype: object) -> np.dtype[Any]:
    """Return the dtype that is written: in native byte order; of bool it is uint8, 0 and 1.

    Raises:
        UsageError: it is none of integers, floats and complex numbers of at most 64 bits a part.
    """
    try:
        found: np.dtype[Any] = np.dtype(cast("Any", dtype)).newbyteorder("=")
    except TypeError as exc:
        message = f"dtype is the name of a numpy dtype, not {dtype!r}"
        raise UsageError(message) from exc
    if found.kind == "b":
        return np.dtype(np.uint8)
    if found.kind not in KINDS or found.itemsize > ITEM_SIZES[found.kind]:
        message = (
            f"pixels of dtype {found} cannot be written: convert them to integers, floats or"
            " complex numbers of at most 64 bits a part"
        )
        raise UsageError(message)
    return found


def merge_facts(told: WrittenFacts, given: WrittenFacts) -> WrittenFacts:
    """Return what a source tells, but for what the caller gives; a place stands for another."""
    nothing = WrittenFacts()
    own = {
        fact.name: getattr(given, fact.name)
        for fact in fields(given)
        if not _is_same(getattr(given, fact.name), getattr(nothing, fact.name))
    }
    if any(name in own for name in PLACES):
        told = replace(told, **{name: getattr(nothing, name) for name in PLACES})
    if "tags" in own:  # of one domain
        own["tags"] = {**told.tags, **given.tags}
    return replace(told, **own)


def _is_same(first: object, second: object) -> bool:
    """Return whether a fact is the one that says nothing."""
    return first is second or (type(first) is type(second) and bool(first == second))
