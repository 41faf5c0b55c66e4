"""What a DataArray tells besides its pixels, by rioxarray's, CF's and datacube's names."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import nan
from numbers import Real
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.writer.sources.told import PLACES, merge_facts
from tinycog.writer.sources.xarray_place import crs_of, gcps_of, transform_of

T = TypeVar("T")

NODATA_NAMES = ("_FillValue", "missing_value", "fill_value", "nodata")
"""Attributes that hold nodata, in rioxarray's order."""

RESERVED = frozenset(
    (
        *(*NODATA_NAMES, "nodatavals", "scale_factor", "add_offset", "scales", "offsets"),
        *("_Unsigned", "dtype", "grid_mapping", "coordinates", "crs", "transform", "res"),
        *("units", "long_name", "descriptions", "is_tiled", "AREA_OR_POINT"),
    )
)
"""Attributes that are no items of metadata: what is written of them is a fact."""

STATISTICS = "STATISTICS_"
"""How names of items begin that tell of the pixels of a file that was read."""


def facts_of(
    array: Any,  # noqa: ANN401 - xarray's
    band: Hashable | None,
    down: Hashable,
    across: Hashable,
    given: WrittenFacts,
) -> WrittenFacts:
    """Return the facts of a DataArray, but for what the caller gives.

    Args:
        array: the DataArray.
        band: its dimension of bands, if it has one.
        down: that of rows.
        across: that of columns.
        given: what the caller says; a place or CRS of the array's is not looked at besides it.

    Raises:
        UsageError: what it says makes no sense.
    """
    attrs: Mapping[Hashable, Any] = array.attrs
    chosen = _chosen(array, "band" if band is None else band)
    bands = 1 if band is None else int(array.sizes[band])
    told = WrittenFacts(
        nodata=_nodata(array),
        descriptions=_descriptions(array, band, bands, chosen),
        scales=_numbers(attrs, ("scale_factor", "scales"), bands, chosen),
        offsets=_numbers(attrs, ("add_offset", "offsets"), bands, chosen),
        units=_texts(attrs.get("units"), bands, chosen),
        area_or_point=_area_or_point(attrs),
        tags=_tags(attrs),
    )
    if given.crs is None:
        told = replace(told, crs=crs_of(array, down))
    nothing = WrittenFacts()
    if all(getattr(given, name) == getattr(nothing, name) for name in PLACES):
        points = gcps_of(array)
        if points:
            told = replace(told, gcps=points)
        else:
            told = replace(told, transform=transform_of(array, down, across))
    return merge_facts(told, given)


def _nodata(array: Any) -> float | None:  # noqa: ANN401 - xarray's
    """Return nodata as it is in the values in memory.

    A fill value of the encoding has become NaN where values are floats: they were decoded.
    """
    encoded = array.encoding.get("_FillValue", array.encoding.get("missing_value"))
    if encoded is not None and array.dtype.kind in "fc":
        return nan
    attrs = array.attrs
    found = encoded
    for name in NODATA_NAMES:
        if found is None:
            found = attrs.get(name)
    if found is None and len(attrs.get("nodatavals", ())) > 0:
        found = attrs["nodatavals"][0]
    if found is None:
        return None
    values: NDArray[Any] = np.asarray(found)
    if values.size != 1 or values.dtype.kind not in "iufb":
        message = f"nodata of the array is {found!r}, expected a number: say nodata="
        raise UsageError(message)
    return values.reshape(()).item()


def _descriptions(
    array: Any,  # noqa: ANN401 - xarray's
    band: Hashable | None,
    bands: int,
    chosen: Sequence[int],
) -> tuple[str | None, ...] | None:
    """Return the name of each band: labels of its dimension, else `long_name`."""
    if band is not None and band in array.coords:
        labels = np.atleast_1d(array.coords[band].values)
        if len(labels) == bands and all(isinstance(label, str) for label in labels.tolist()):
            return tuple(map(str, labels.tolist()))
    return _texts(array.attrs.get("long_name"), bands, chosen)


def _chosen(array: Any, band: Hashable) -> Sequence[int]:  # noqa: ANN401 - xarray's
    """Return the numbers that bands had in the file that they were read from, where that is told.

    Attributes of all of them stay with those that were chosen, by `isel` for one.
    """
    if band not in array.coords:
        return ()
    numbers: NDArray[Any] = np.atleast_1d(array.coords[band].values)
    return numbers.tolist() if numbers.dtype.kind in "iu" else ()


def _of_bands(items: Sequence[T], bands: int, chosen: Sequence[int]) -> Sequence[T]:
    """Return the items of the bands that were chosen, where they are those of more."""
    is_more = len(items) > bands == len(chosen)
    if is_more and all(0 < number <= len(items) for number in chosen):
        return [items[number - 1] for number in chosen]
    return items


def _texts(found: object, bands: int, chosen: Sequence[int]) -> tuple[str | None, ...] | None:
    """Return a text for each band: one for all, or as many as there are bands.

    Raises:
        UsageError: there are another number of them.
    """
    if found is None:
        return None
    if isinstance(found, str):
        return (found,) * bands
    texts = tuple(None if text is None else str(text) for text in np.atleast_1d(_as_any(found)))
    texts = tuple(_of_bands(texts, bands, chosen))
    if len(texts) != bands:
        message = f"an attribute has {len(texts)} texts for {bands} bands: {texts}"
        raise UsageError(message)
    return texts


def _as_any(found: Any) -> NDArray[Any]:  # noqa: ANN401 - of attributes
    return np.asarray(found, dtype=object)


def _numbers(
    attrs: Mapping[Hashable, Any], names: tuple[str, ...], bands: int, chosen: Sequence[int]
) -> tuple[float, ...] | None:
    """Return a number for each band: one for all, or as many as there are bands.

    Raises:
        UsageError: they are no numbers, or another number of them.
    """
    found = next((attrs[name] for name in names if name in attrs), None)
    if found is None:
        return None
    try:
        numbers = tuple(map(float, np.atleast_1d(np.asarray(found))))
    except (TypeError, ValueError):
        numbers = ()
    numbers = tuple(_of_bands(numbers, bands, chosen))
    if len(numbers) == 1:
        numbers *= bands
    if len(numbers) != bands:
        message = f"{' or '.join(names)} is {found!r}, expected a number for each of {bands} bands"
        raise UsageError(message)
    return numbers


def _area_or_point(attrs: Mapping[Hashable, Any]) -> Literal["Area", "Point"]:
    return "Point" if str(attrs.get("AREA_OR_POINT", "")).casefold() == "point" else "Area"


def _tags(attrs: Mapping[Hashable, Any]) -> dict[str, dict[str, str]]:
    """Return further attributes that are texts or numbers as items of metadata."""
    items = {
        name: str(value)
        for name, value in attrs.items()
        if isinstance(name, str)
        and name not in RESERVED
        and not name.startswith(STATISTICS)
        and isinstance(value, str | Real)
    }
    return {"": items} if items else {}
