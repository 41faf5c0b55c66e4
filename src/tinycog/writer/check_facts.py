"""What a caller says of an image besides its pixels, checked for its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import replace
from numbers import Real
from typing import Any, cast

from tinycog.checks import numbers
from tinycog.errors import UsageError
from tinycog.geo.written_facts import AREA_OR_POINT, WrittenFacts
from tinycog.sources.redact import redact_line

OF_EACH_BAND = ("descriptions", "scales", "offsets", "units", "colorinterp")
"""Facts that are sequences, an item for each band."""

TEXTS = ("descriptions", "units")
"""Those whose items are texts, or None."""

COLOUR_SIZES = (3, 4)
"""Numbers of a colour: red, green, blue, and opacity where that is told."""

POINT_PARTS = ("row", "col", "x", "y")
"""Attributes of a ground control point, as of rasterio's."""


def check_facts(facts: WrittenFacts) -> WrittenFacts:
    """Return facts as given by a caller; whether they fit the image is seen later.

    Raises:
        UsageError: one is of another kind, or said twice; it is named.
    """
    nodata, points = facts.nodata, facts.gcps
    tags = cast("object", facts.tags.get("", {}))
    _expect("nodata", nodata, "a number for all bands", nodata is None or isinstance(nodata, Real))
    for name in OF_EACH_BAND:
        value = getattr(facts, name)
        is_some = value is None or _is_list(value)
        _expect(name, value, "a sequence, an item for each band", is_some)
    for name in ("scales", "offsets"):
        value = getattr(facts, name)
        are_numbers = value is None or _are_numbers(value)
        _expect(name, value, "a sequence of finite numbers, one for each band", are_numbers)
    for name in TEXTS:
        value = getattr(facts, name)
        are_texts = value is None or all(one is None or isinstance(one, str) for one in value)
        _expect(name, value, "a sequence of texts (or None), one for each band", are_texts)
    names = facts.colorinterp or ()
    are_names = all(isinstance(getattr(one, "name", one), str) for one in names)
    _expect("colorinterp", names, "a sequence of names, one for each band", are_names)
    _expect("tags", tags, "a mapping of names to texts", _are_items(tags))
    are_points = _is_list(points) and all(
        hasattr(point, part) for point in points for part in POINT_PARTS
    )
    _expect("gcps", points, "a sequence of GroundControlPoint", are_points)
    if isinstance(facts.colormap, Mapping):
        are_colours = all(map(_is_colour, facts.colormap.values()))
        _expect("colormap", facts.colormap, "{value: (red, green, blue, alpha)}", are_colours)
    return _with_item(replace(facts, gcps=tuple(points)))


def _with_item(facts: WrittenFacts) -> WrittenFacts:
    """Return facts whose `area_or_point` is that of the items, if these hold it."""
    items = facts.tags.get("", {})
    told = {text.capitalize() for name, text in items.items() if name.upper() == AREA_OR_POINT}
    if not told:
        return facts
    said = set(told) if facts.area_or_point is None else told | {str(facts.area_or_point)}
    if len(said) > 1:
        found = " and ".join(sorted(said))
        message = f"area_or_point and {AREA_OR_POINT} among the tags are {found}: leave one out"
        raise UsageError(message)
    own = {name: text for name, text in items.items() if name.upper() != AREA_OR_POINT}
    only: Any = said.pop()  # what it may be is checked where it is written
    return replace(facts, area_or_point=only, tags={"": own} if own else {})


def _expect(name: str, value: object, expected: str, is_so: bool) -> None:  # noqa: FBT001 - what was found
    if not is_so:
        message = f"{name} is {expected}, not {redact_line(repr(value))}"
        raise UsageError(message)


def _is_list(value: object) -> bool:
    is_some = isinstance(value, Iterable) and isinstance(value, Sized)
    return is_some and not isinstance(value, str | bytes | Mapping)


def _are_items(tags: object) -> bool:
    if not isinstance(tags, Mapping):
        return False
    items = cast("Mapping[object, object]", tags).items()
    return all(isinstance(one, str) for item in items for one in item)


def _are_numbers(values: object) -> bool:
    try:
        numbers(values)
    except (TypeError, ValueError):
        return False
    return True


def _is_colour(colour: object) -> bool:
    return isinstance(colour, Sized) and len(colour) in COLOUR_SIZES and _are_numbers(colour)
