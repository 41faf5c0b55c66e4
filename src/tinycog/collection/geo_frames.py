"""GeoDataFrames of geopandas to assets, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from math import isnan
from typing import Any, Protocol

from tinycog.collection.asset import Asset, of_document
from tinycog.collection.given_facts import as_span, default_names
from tinycog.collection.rows import to_line
from tinycog.errors import UsageError
from tinycog.extras import check_installed
from tinycog.geo.footprint import DEGREES, bounds_around

OURS = "tinycog:asset"
"""Column of all that is known of an asset, as JSON."""

TIMES = ("start", "datetime")
FACTS = (
    *("name", "where", "start", "end", "crs", "shape", "bands", "dtype", "nodata", "mask"),
    *("resolution", "generation"),
)


class GeoFrame(Protocol):
    """A `geopandas.GeoDataFrame`, as far as it is used here."""

    @property
    def columns(self) -> Iterable[object]:
        """Names of its columns."""
        ...

    def iterrows(self) -> Iterator[tuple[object, Mapping[str, object]]]:
        """Yield its rows."""
        ...


def of_frame(
    frame: GeoFrame, *, where: str, name: str | None, start: str | None, end: str | None
) -> list[Asset]:
    """Return an asset for each row; see `Collection.from_geodataframe`.

    Raises:
        UsageError: a column is not there, or geopandas is not installed.
    """
    check_installed("geopandas", "geopandas")
    given: Any = frame
    there = [str(column) for column in frame.columns]
    name = _column(there, name, ("name",))
    start = _column(there, start, TIMES)
    end = _column(there, end, ("end",))
    _column(there, where, ())
    footprint = str(given.geometry.name)
    placed = given if given.crs is None else given.to_crs(DEGREES)
    wheres = [str(one) for one in given[where]]
    names = default_names(wheres) if name is None else [str(one) for one in given[name]]
    used = {where, name, start, end, footprint}
    known: list[Any] = [None] * len(names)
    if OURS in there:
        known = list(map(json.loads, given[OURS]))
        used |= {OURS, *FACTS}
    others = [column for column in given.columns if str(column) not in used]
    records: Sequence[Mapping[str, Any]] = given[others].to_dict("records") if others else []
    starts = [None] * len(names) if start is None else list(given[start])
    ends = [None] * len(names) if end is None else list(given[end])
    found: list[Asset] = []
    for i, shape in enumerate(placed.geometry):
        asset = Asset(names[i], wheres[i]) if known[i] is None else of_document(known[i])
        properties = dict(asset.properties)
        for key, value in records[i].items() if records else ():
            if (plain := _plain(value)) is not None:
                properties[str(key)] = plain
        if known[i] is None:
            first, last = as_span((_time(starts[i]), _time(ends[i])))
            outline = None if shape is None or shape.is_empty else shape.__geo_interface__
            bounds = None if outline is None else bounds_around(outline)
            asset = replace(asset, bounds=bounds, geometry=outline, start=first, end=last)
        found.append(replace(asset, name=names[i], properties=properties))
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 - of pandas
    """Return a cell as JSON has it; None for one that holds nothing."""
    plain: Any = value
    if hasattr(plain, "item"):  # a number of numpy's
        plain = plain.item()
    if hasattr(plain, "isoformat"):
        plain = plain.isoformat()
    is_missing = isinstance(plain, float) and isnan(plain)
    return None if is_missing or str(plain) in ("NaT", "<NA>") else plain


def _time(value: Any) -> Any:  # noqa: ANN401 - of pandas
    return None if value is None or str(value) == "NaT" else value


def _column(there: Sequence[str], wanted: str | None, usual: Sequence[str]) -> str | None:
    """Return the column that is wanted, else the first of those that are usual.

    Raises:
        UsageError: it is not there.
    """
    if wanted is None:
        return next((column for column in usual if column in there), None)
    if wanted not in there:
        message = f"the table has no column {wanted!r}, but {', '.join(there)}"
        raise UsageError(message)
    return wanted


def to_frame(assets: Iterable[Asset]) -> GeoFrame:
    """Return a GeoDataFrame; see `Collection.to_geodataframe`.

    Raises:
        UsageError: geopandas is not installed.
    """
    check_installed("geopandas", "geopandas")
    make: Any = import_module("geopandas").GeoDataFrame
    shape: Any = import_module("shapely.geometry").shape
    held = list(assets)
    records: list[dict[str, object]] = [
        {
            **asset.properties,
            **{name: getattr(asset, name) for name in FACTS},
            OURS: to_line(asset).decode(),
        }
        for asset in held
    ]
    shapes: list[Any] = [None if one.geometry is None else shape(one.geometry) for one in held]
    return make(records, geometry=shapes, crs=DEGREES)
