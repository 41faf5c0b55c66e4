"""What a caller says of an image besides its pixels, checked for its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from numbers import Real
from typing import cast

from tinycog.checks import numbers
from tinycog.errors import UsageError
from tinycog.geo.written_facts import WrittenFacts

OF_EACH_BAND = ("descriptions", "scales", "offsets", "units", "colorinterp")
"""Facts that are sequences, an item for each band."""

COLOUR_SIZES = (3, 4)
"""Numbers of a colour: red, green, blue, and opacity where that is told."""

POINT_PARTS = ("row", "col", "x", "y")
"""Attributes of a ground control point, as of rasterio's."""


def check_facts(facts: WrittenFacts) -> WrittenFacts:
    """Return facts as given by a caller; whether they fit the image is seen later.

    Raises:
        UsageError: one is of another kind; it is named.
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
    _expect("tags", tags, "a mapping of names to texts", isinstance(tags, Mapping))
    are_points = _is_list(points) and all(
        hasattr(point, part) for point in points for part in POINT_PARTS
    )
    _expect("gcps", points, "a sequence of GroundControlPoint", are_points)
    if isinstance(facts.colormap, Mapping):
        are_colours = all(map(_is_colour, facts.colormap.values()))
        _expect("colormap", facts.colormap, "{value: (red, green, blue, alpha)}", are_colours)
    return facts


def _expect(name: str, value: object, expected: str, is_so: bool) -> None:  # noqa: FBT001 - what was found
    if not is_so:
        message = f"{name} is {expected}, not {value!r}"
        raise UsageError(message)


def _is_list(value: object) -> bool:
    is_some = isinstance(value, Iterable) and isinstance(value, Sized)
    return is_some and not isinstance(value, str | bytes | Mapping)


def _are_numbers(values: object) -> bool:
    try:
        numbers(values)
    except (TypeError, ValueError):
        return False
    return True


def _is_colour(colour: object) -> bool:
    return isinstance(colour, Sized) and len(colour) in COLOUR_SIZES and _are_numbers(colour)
