"""TIFF's descriptive tags, by GDAL's names of them (gdal.metadata.tiff-tags)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from tinycog.errors import UsageError
from tinycog.geo.metadata import FLOAT_TAGS, RESOLUTION_UNITS, SHORT_TAGS, TEXT_TAGS
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import Tag

RESOLUTION_UNIT = "TIFFTAG_RESOLUTIONUNIT"
TIFF_TAGS = frozenset(
    (*TEXT_TAGS.values(), *FLOAT_TAGS.values(), *SHORT_TAGS.values(), RESOLUTION_UNIT)
)
"""GDAL's names of the tags."""

NO_TEXT = re.compile("[\0\ud800-\udfff]|^[ \t]")
MAX_DENOMINATOR = 1 << 16
MAX_LONG, MAX_SHORT = (1 << 32) - 1, (1 << 16) - 1


def tiff_fields(items: Mapping[str, str], bands: int) -> list[Field]:
    """Make the tags that items by GDAL's names stand for; other items are left alone.

    Args:
        items: of the image, in GDAL's default domain.
        bands: number of bands.

    Raises:
        UsageError: a tag cannot hold the text.
    """
    ways: dict[str, Callable[[str], Field | None]] = {
        **{name: partial(_text_field, tag) for tag, name in TEXT_TAGS.items()},
        **{name: partial(_fraction_field, tag) for tag, name in FLOAT_TAGS.items()},
        **{name: partial(_short_field, tag, bands) for tag, name in SHORT_TAGS.items()},
        RESOLUTION_UNIT: _unit_field,
    }
    fields = list[Field]()
    for name, text in items.items():
        way = ways.get(name.upper())
        if way is None or not text:
            continue
        field = way(text)
        if field is None:
            message = f"{name} is {text[:40]!r}, which its TIFF tag cannot hold"
            raise UsageError(message)
        fields.append(field)
    return fields


def _text_field(tag: Tag, text: str) -> Field | None:
    return None if NO_TEXT.search(text) else Field(tag, "ASCII", text)


def _fraction_field(tag: Tag, text: str) -> Field | None:
    """Return the field of a number: a fraction that is the same float of 32 bits."""
    from fractions import Fraction  # noqa: PLC0415 - heavy

    try:
        wanted = np.float32(text)
        found = Fraction(float(wanted)).limit_denominator(MAX_DENOMINATOR)
    except (ValueError, OverflowError):
        return None
    is_same = np.float32(found.numerator / found.denominator) == wanted
    is_fit = is_same and 0 <= found.numerator <= MAX_LONG
    return Field(tag, "RATIONAL", [found.as_integer_ratio()]) if is_fit else None


def _short_field(tag: Tag, bands: int, text: str) -> Field | None:
    number = _short(text)
    return None if number is None else Field(tag, "SHORT", [number] * bands)


def _unit_field(text: str) -> Field | None:
    """Return the field of a unit as GDAL tells it: "2 (pixels/inch)"."""
    number = _short(text.partition(" ")[0])
    return Field(Tag.ResolutionUnit, "SHORT", number) if number in RESOLUTION_UNITS else None


def _short(text: str) -> int | None:
    is_number = re.fullmatch(r"\d{1,5}", text, re.ASCII) is not None
    return int(text) if is_number and int(text) <= MAX_SHORT else None
