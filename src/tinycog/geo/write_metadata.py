"""GDAL's metadata XML, and TIFF's tags of texts: the inverse of metadata.py (gdal.write.items)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from types import MappingProxyType

from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.colour import GDAL_NAMES
from tinycog.geo.metadata import STATISTICS, Items, Statistics
from tinycog.geo.metadata_items import Item, parse_items
from tinycog.geo.safe_xml import SPACE
from tinycog.geo.structure import IMAGE_STRUCTURE, REPEATED
from tinycog.geo.write_tags import number_text
from tinycog.geo.write_tiff_tags import TIFF_TAGS, tiff_fields
from tinycog.geo.written_facts import AREA_OR_POINT, WrittenFacts
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import Tag

NO_ITEMS: Mapping[str, str] = MappingProxyType({})
NOT_IN_XML = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML cannot hold, or changes."""
NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
QUOTED = TEXT | str.maketrans({'"': "&quot;"})
ATTRIBUTE = QUOTED | str.maketrans({"\n": "&#10;", "\t": "&#9;"})
"""What stands for characters; XML changes white space in attributes."""

GDAL_COLOURS = {name: gdal for gdal, name in GDAL_NAMES.items()}
"""GDAL's names of colours, where these are not rasterio's, in any case."""


def metadata_fields(
    facts: WrittenFacts,
    bands: int,
    *,
    roles: Sequence[str] = (),
    statistics: Sequence[Statistics | None] = (),
    structure: Mapping[str, str] = NO_ITEMS,
) -> list[Field]:
    """Make the tags of metadata of the first IFD, in ascending order.

    Args:
        facts: its items, scales, offsets, units and descriptions.
        bands: number of bands.
        roles: colour interpretation of each band, where it is to be told (`WrittenColour.roles`).
        statistics: of each band; they count before those among its items.
        structure: items of IMAGE_STRUCTURE that no tag tells.

    Raises:
        UsageError: something cannot be written, or there is not one for each band.
    """
    told = [Item(name, text, None, IMAGE_STRUCTURE, "") for name, text in structure.items()]
    items = [*_image_items(facts), *told, *_band_items(facts, bands, roles, statistics)]
    fields = tiff_fields(facts.tags.get("", {}), bands)
    if items:
        _check(items)
        fields.append(Field(Tag.GDALMetadata, "ASCII", _document(items)))
    return sorted(fields, key=lambda field: field.tag)


def with_statistics(text: str, statistics: Sequence[Statistics | None]) -> str:
    """Return GDAL's metadata as written here, with other statistics; empty if nothing is told.

    Args:
        text: the metadata; may be empty.
        statistics: of each band, None for a band without any.

    Raises:
        UnsupportedError: it was not written here.
    """
    items = parse_items(text)[0] if text else []
    if text and _document(items) != text:
        message = "the metadata is not as tinycog.write writes it, so that no item can be changed"
        raise UnsupportedError(message, feature="update", value=Tag.GDALMetadata.name)
    found = [item for item in items if item.band is None]
    for band, stored in enumerate(statistics):
        own = [item for item in items if item.band == band]
        plain = {item.name: item.text for item in own if not (item.domain or item.role)}
        left = {name: text for name, text in plain.items() if name.upper() not in STATISTICS}
        found += _of_domains({"": _with_statistics(left, stored)}, band)
        found += [item for item in own if item.domain or item.role]
    return _document(found) if found else ""


def _document(items: Iterable[Item]) -> str:
    return "\n".join(["<GDALMetadata>", *map(_line, items), "</GDALMetadata>", ""])


# --- items ---------------------------------------------------------------------------------------


def _image_items(facts: WrittenFacts) -> Iterator[Item]:
    """Make the items of the image, by domain and name."""
    if facts.area_or_point == "Point" and facts.crs is None:
        yield Item(AREA_OR_POINT, "Point", None, "", "")
    for item in _of_domains(facts.tags, None):
        if item.domain or item.name.upper() not in (*TIFF_TAGS, AREA_OR_POINT):
            yield item


def _of_domains(domains: Items, band: int | None) -> Iterator[Item]:
    for domain in sorted(domains):
        if domain in REPEATED:
            message = f"items of the domain {domain} cannot be written: other tags say them"
            raise UsageError(message)
        for name, text in sorted(domains[domain].items(), key=_in_order):
            if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                message = f"the metadata item {name!r} is {text!r}: it must be text"
                raise UsageError(message)
            if text:  # an item without one is none, to us as to GDAL (gdal.metadata.items)
                yield Item(name, text, band, domain, "")


def _in_order(item: tuple[str, str]) -> tuple[str, str]:
    return item[0].casefold(), item[0]


def _band_items(
    facts: WrittenFacts,
    bands: int,
    roles: Sequence[str],
    statistics: Sequence[Statistics | None],
) -> Iterator[Item]:
    """Make the items of each band: its own, statistics, then what has a role (gdal.write.items)."""
    told = {
        "scale": facts.scales,
        "offset": facts.offsets,
        "unit": facts.units,
        "description": facts.descriptions,
        "statistics": statistics or None,
        "items": facts.band_tags or None,
    }
    for name, values in told.items():
        if values is not None and len(values) != bands:
            message = f"there are {len(values)} values of {name}, but {bands} bands"
            raise UsageError(message)
    for band in range(bands):
        items: Items = facts.band_tags[band] if facts.band_tags else {}
        own = _with_statistics(items.get("", {}), statistics[band] if statistics else None)
        yield from _of_domains({**items, "": own}, band)
        yield from _scaling(facts, band)
        texts = {"UNITTYPE": facts.units, "DESCRIPTION": facts.descriptions}
        for name, values in texts.items():
            text = None if values is None else values[band]
            if text:
                yield Item(name, text, band, "", name.lower())
        if roles:
            name = GDAL_COLOURS.get(roles[band], roles[band]).capitalize()
            yield Item("COLORINTERP", name, band, "", "colorinterp")


def _with_statistics(items: Mapping[str, str], statistics: Statistics | None) -> Mapping[str, str]:
    """Return items of a band with its statistics in place of any that are there."""
    if statistics is None:
        return items
    own = {name: text for name, text in items.items() if name.upper() not in STATISTICS}
    named = zip(STATISTICS, statistics, strict=True)
    return own | {name: number_text(v) for name, v in named if v is not None}


def _scaling(facts: WrittenFacts, band: int) -> Iterator[Item]:
    """Make the items of scale and offset, of a band that has other ones than 1 and 0."""
    scale = 1.0 if facts.scales is None else facts.scales[band]
    offset = 0.0 if facts.offsets is None else facts.offsets[band]
    if (scale, offset) == (1, 0):
        return
    for name, number in (("OFFSET", offset), ("SCALE", scale)):
        if not (isinstance(number, Real) and math.isfinite(number)):
            message = f"the {name.lower()} of band {band} is {number!r}: it must be a finite number"
            raise UsageError(message)
        yield Item(name, number_text(number), band, "", name.lower())


def _check(items: Sequence[Item]) -> None:
    """Refuse items that would be read as others, or not at all."""
    seen = set[tuple[int | None, str, str, str]]()
    for item in items:
        place = (item.band, item.domain, item.name.casefold(), item.role)
        texts = (item.name, item.text, item.domain)
        wrong = None
        if not item.name:
            wrong = "has no name"
        elif place in seen:
            wrong = "comes twice: letters of names are of any case"
        elif any(map(NO_CHARACTER.search, texts)) or NOT_IN_XML.search(item.name + item.domain):
            wrong = "holds a character that XML cannot"
        if wrong is not None:
            band = "" if item.band is None else f" of band {item.band}"
            message = f"the metadata item {item.name[:40]!r}{band} {wrong}"
            raise UsageError(message)
        seen.add(place)


def _line(item: Item) -> str:
    """Return an item as a line of XML; its text is escaped twice (gdal.metadata.items)."""
    attributes = {"name": item.name}
    if item.band is not None:
        attributes["sample"] = str(item.band)
    attributes |= {"domain": item.domain} if item.domain else {}
    attributes |= {"role": item.role} if item.role else {}
    told = " ".join(f"{name}={_quoted(text)}" for name, text in attributes.items())
    return f"  <Item {told}>{_escaped(item.text).translate(TEXT)}</Item>"


def _quoted(text: str) -> str:
    return f'"{text.translate(ATTRIBUTE)}"'


def _escaped(text: str) -> str:
    """Escape a text once; blanks before it, and what XML cannot hold, by number."""
    blanks = len(text) - len(text.lstrip(SPACE))
    first = "".join(f"&#{ord(character)};" for character in text[:blanks])
    rest = text[blanks:].translate(QUOTED)
    return first + NOT_IN_XML.sub(lambda found: f"&#{ord(found[0])};", rest)
