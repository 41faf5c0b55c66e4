"""Metadata as attributes, by rioxarray's names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tinycog.adapters.xarray.file_facts import FileFacts

NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
"""Text that becomes a number, by JSON's grammar: no leading zeros, no words, no separators."""

RESERVED = frozenset(
    (
        *("_FillValue", "missing_value", "fill_value", "nodata", "nodatavals"),
        *("scale_factor", "add_offset", "scales", "offsets", "_Unsigned", "dtype"),
        *("grid_mapping", "coordinates", "units", "long_name", "is_tiled", "res"),
    )
)
"""Names that say how to decode values, or that are written from other facts of the file."""


def item_attrs(items: Mapping[str, str]) -> dict[str, object]:
    """Return metadata items as attributes: numbers as numbers, without reserved names."""
    return {name: _value(text) for name, text in items.items() if name not in RESERVED}


def band_attrs(facts: FileFacts, bands: Sequence[int]) -> dict[str, object]:
    """Return attributes of a variable that holds some bands.

    Items of the file, and of the band where it is the only one; long_name and units: one text if
    all bands have the same, else a list of them.
    """
    items = facts.tags | (facts.cog.tags(bands[0]) if len(bands) == 1 else {})
    found = item_attrs(items)
    for name, texts in {"long_name": facts.descriptions, "units": facts.units}.items():
        own = [texts[band] for band in bands]
        if any(own):
            found[name] = own[0] if len(set(own)) == 1 else own
    return found


def _value(text: str) -> str | int | float:
    found = NUMBER.fullmatch(text)
    if found is None:
        return text
    _, fraction, exponent = found.groups()
    return int(text) if fraction is None and exponent is None else float(text)
