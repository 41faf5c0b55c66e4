"""Properties of assets as arrays: numbers, truth values, and text by a vocabulary.

What JSON may hold besides has no column: it is read from the assets where a filter asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

MOST_EXACT = 1 << 53
"""Integers up to which float64 holds each."""

INT64 = np.iinfo(np.int64)

ColumnKind = Literal["int", "float", "bool", "text", "other"]


@dataclass(frozen=True)
class PropertyColumn:
    """The values of one property.

    Attributes:
        kind: of the values; those of "other" are not kept.
        values: one for each asset, of text its place in the vocabulary; anything where it has none.
        present: which assets have the property, not null.
        words: the vocabulary in UTF-8, one after the other.
        word_ends: where each ends.
    """

    kind: ColumnKind
    values: NDArray[Any]
    present: NDArray[np.bool_]
    words: NDArray[np.uint8]
    word_ends: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[int], values: Sequence[object], length: int) -> PropertyColumn:
        """Return the column of the values that some rows have."""
        at = np.array(rows, np.int64)
        present = np.zeros(length, np.bool_)
        present[at] = True
        kind, found, words = _arranged(values)
        column = np.zeros(length if kind != "other" else 0, found.dtype)
        if kind != "other":
            column[at] = found
        encoded = [word.encode("utf-8", "surrogatepass") for word in words]
        ends = np.cumsum([len(word) for word in encoded], dtype=np.int64)
        return cls(kind, column, present, np.frombuffer(b"".join(encoded), np.uint8), ends)

    @cached_property
    def vocabulary(self) -> list[str]:
        """The different texts."""
        data, start, found = self.words.tobytes(), 0, list[str]()
        for end in self.word_ends.tolist():
            found.append(data[start:end].decode("utf-8", "surrogatepass"))
            start = end
        return found

    def where(self, test: Callable[[Any], bool], rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which rows have a value that passes a test; equal values are tested once."""
        values, present = self.values[rows], self.present[rows]
        if self.kind == "text":
            passes = np.fromiter(map(test, self.vocabulary), np.bool_, len(self.word_ends))
            return present & (passes[values] if len(passes) else present)
        different, places = np.unique(values[present], return_inverse=True)
        passes = np.fromiter(map(test, different.tolist()), np.bool_, len(different))
        found = present.copy()
        found[present] = passes[places]
        return found


def _arranged(values: Sequence[object]) -> tuple[ColumnKind, NDArray[Any], Sequence[str]]:
    """Return the kind of values, an array of them, and the vocabulary of text."""
    kinds = set(map(type, values))
    if kinds == {bool}:
        return "bool", np.array(values, np.bool_), ()
    if kinds == {str}:
        places: dict[object, int] = {}
        codes = [places.setdefault(value, len(places)) for value in values]
        return "text", np.array(codes, np.int32), [str(word) for word in places]
    numbers: Any = values
    if kinds == {int} and INT64.min <= min(numbers) and max(numbers) <= INT64.max:
        return "int", np.array(values, np.int64), ()
    if kinds and kinds <= {int, float}:
        whole = [abs(value) for value in numbers if type(value) is int]
        if max(whole, default=0) <= MOST_EXACT:
            return "float", np.array(values, np.float64), ()
    return "other", np.empty(0, np.int8), ()


def collect(documents: Sequence[Mapping[str, object]], length: int) -> dict[str, PropertyColumn]:
    """Return the columns of all properties."""
    rows: dict[str, list[int]] = {}
    values: dict[str, list[object]] = {}
    for row, document in enumerate(documents):
        for name, value in document.items():
            if value is not None:
                if name not in rows:
                    rows[name], values[name] = [], []
                rows[name].append(row)
                values[name].append(value)
    return {name: PropertyColumn.of(rows[name], values[name], length) for name in rows}
