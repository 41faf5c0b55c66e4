"""What filters look at, as arrays: bounds, times, footprints, properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinycog.collection.property_columns import PropertyColumn, collect
from tinycog.collection.times import NO_TIME, to_number, to_time
from tinycog.collection.wkb import to_wkb
from tinycog.geo.footprint import box_geometry


@dataclass(frozen=True)
class Columns:
    """Columns of assets, a row each.

    Attributes:
        bounds: (west, south, east, north), NaN where they are not known.
        times: microseconds since 1970 of beginning and end; `NO_TIME` where there is none.
        footprints: WKB of all footprints, one after the other.
        footprint_ends: where each ends; one without bytes is not known.
        properties: by name.
    """

    bounds: NDArray[np.float64]
    times: NDArray[np.int64]
    footprints: NDArray[np.uint8]
    footprint_ends: NDArray[np.int64]
    properties: Mapping[str, PropertyColumn]

    def __len__(self) -> int:
        """Return the number of assets."""
        return len(self.bounds)

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, Any]]) -> Columns:
        """Return the columns of assets as JSON documents.

        Raises:
            UsageError: one holds a time that is none, or a geometry.
        """
        bounds: list[object] = []
        times: list[tuple[int, int]] = []
        footprints: list[bytes] = []
        properties: list[Mapping[str, object]] = []
        unknown = (np.nan,) * 4
        seen: dict[object, int] = {None: NO_TIME}
        for document in documents:
            bounds.append(document.get("bounds") or unknown)
            start, end = (_number(document.get(name), seen) for name in ("start", "end"))
            times.append(_span(start, end))
            geometry = document.get("geometry")
            if geometry is None and document.get("bounds") is not None:
                geometry = box_geometry(document["bounds"])
            footprints.append(to_wkb(geometry))
            properties.append(document.get("properties") or {})
        ends = np.cumsum([len(one) for one in footprints], dtype=np.int64)
        return cls(
            np.array(bounds, np.float64).reshape(-1, 4),
            np.array(times, np.int64).reshape(-1, 2),
            np.frombuffer(b"".join(footprints), np.uint8),
            ends,
            collect(properties, len(bounds)),
        )

    def wkb(self, rows: NDArray[np.intp]) -> list[bytes | None]:
        """Return the footprints of some rows, None for those that are not known."""
        ends = self.footprint_ends
        data = memoryview(self.footprints)
        found: list[bytes | None] = []
        for row in rows.tolist():
            start = int(ends[row - 1]) if row else 0
            found.append(bytes(data[start : int(ends[row])]) or None)
        return found


def _number(text: object, seen: dict[object, int]) -> int:
    """Return a time as a number; each different text is parsed once."""
    found = seen.get(text)
    if found is None:
        found = seen[text] = to_number(to_time(text))
    return found


def _span(start: int, end: int) -> tuple[int, int]:
    """Return beginning and end, equal where there is only one."""
    if start == NO_TIME:
        start = end
    return start, (start if end == NO_TIME else end)
