"""What samples mean: scales, units, descriptions, colours, items (gdal.metadata.*)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tinycog.errors import Finding, UsageError
from tinycog.geo.colour import UNDEFINED, colour_names, colour_of_gdal
from tinycog.geo.crs import Heights
from tinycog.geo.metadata_items import NUMBERS, Item, parse_items
from tinycog.geo.tag_values import TagValues
from tinycog.tiff.c_number import leading_number
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Tag

TEXT_TAGS: dict[Tag, str] = {
    Tag.DocumentName: "TIFFTAG_DOCUMENTNAME",
    Tag.ImageDescription: "TIFFTAG_IMAGEDESCRIPTION",
    Tag.Software: "TIFFTAG_SOFTWARE",
    Tag.DateTime: "TIFFTAG_DATETIME",
    Tag.Artist: "TIFFTAG_ARTIST",
    Tag.HostComputer: "TIFFTAG_HOSTCOMPUTER",
    Tag.Copyright: "TIFFTAG_COPYRIGHT",
}
FLOAT_TAGS: dict[Tag, str] = {
    Tag.XResolution: "TIFFTAG_XRESOLUTION",
    Tag.YResolution: "TIFFTAG_YRESOLUTION",
}
SHORT_TAGS: dict[Tag, str] = {
    Tag.MinSampleValue: "TIFFTAG_MINSAMPLEVALUE",
    Tag.MaxSampleValue: "TIFFTAG_MAXSAMPLEVALUE",
}
RESOLUTION_UNITS = {1: "1 (unitless)", 2: "2 (pixels/inch)", 3: "3 (pixels/cm)"}

STATISTICS = tuple(
    f"STATISTICS_{name}" for name in ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV", "VALID_PERCENT")
)
"""Names of the items of a band that hold its `Statistics`, in their order."""

METADATA_TAGS = (*TEXT_TAGS, *FLOAT_TAGS, *SHORT_TAGS, Tag.ResolutionUnit, Tag.GDALMetadata)

Items = Mapping[str, Mapping[str, str]]
"""Items by domain and name; most have the domain ""."""

_Domains = dict[str, dict[str, tuple[str, str]]]
"""Items while they are collected: domain, casefolded name, then (name, text)."""


class Statistics(NamedTuple):
    """Statistics of a band as stored in the file; None where it has none."""

    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    valid_percent: float | None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the samples of an image mean; tuples have one value per band.

    Attributes:
        scales, offsets: value = sample * scale + offset; by default 1 and 0. NaN where the file
            states one that cannot be read.
        units: units of those values, None if not stated.
        descriptions: names of the bands, None if not stated.
        colorinterp: colour interpretations by rasterio's names ("gray", "red", "alpha").
        items: items of the image, by domain.
        band_items: items of each band, by domain.
        findings: rules that the tags break.
    """

    scales: tuple[float, ...] = ()
    offsets: tuple[float, ...] = ()
    units: tuple[str | None, ...] = ()
    descriptions: tuple[str | None, ...] = ()
    colorinterp: tuple[str, ...] = ()
    items: Items = field(default_factory=dict[str, Mapping[str, str]])
    band_items: tuple[Items, ...] = ()
    findings: tuple[Finding, ...] = ()

    def tags(self, band: int | None = None, ns: str = "") -> dict[str, str]:
        """Return items by name, as rasterio's `tags`: of the image, or of a band (0-based).

        Args:
            band: None for the image.
            ns: the domain; most items are in "".

        Raises:
            UsageError: there is no such band.
        """
        if band is None:
            return dict(self.items.get(ns, {}))
        if not 0 <= band < len(self.band_items):
            message = f"band {band} does not exist (bands 0 to {len(self.band_items) - 1})"
            raise UsageError(message)
        return dict(self.band_items[band].get(ns, {}))

    def namespaces(self, band: int | None = None) -> list[str]:
        """Return the domains that have items, as rasterio's `tag_namespaces`.

        Args:
            band: None for the image, else counted from 0.

        Raises:
            UsageError: there is no such band.
        """
        self.tags(band)  # checks the band
        return list(self.items if band is None else self.band_items[band])

    def statistics(self, band: int) -> Statistics | None:
        """Return the stored statistics of a band (0-based), or None (gdal.metadata.statistics).

        Raises:
            UsageError: there is no such band.
        """
        tags = self.tags(band)
        texts = [tags.get(name) for name in STATISTICS]
        if not any(texts):
            return None
        found = [None if text is None else number_of(text) for text in texts]
        return None if all(v is None for v in found) else Statistics(*found)


def make_metadata(
    values: TagValues,
    image: Image,
    lost: list[Finding],
    *,
    area_or_point: str | None = None,
    heights: Heights | None = None,
    beside: Sequence[Item] = (),
) -> Metadata:
    """Make metadata from tag values.

    Args:
        values: of `METADATA_TAGS`.
        image: the image that they belong to.
        lost: findings so far.
        area_or_point: the georeference's, which is an item too.
        heights: the georeference's, if samples are heights (gdal.metadata.heights).
        beside: items of an `.aux.xml`, which count before those of the file (gdal.sidecar.pam).
    """
    findings = list(lost)
    found = _Found.of(image)
    for name, value in _tiff_tags(values).items():
        found.add(Item(name, value, None, "", ""))
    if area_or_point is not None:
        found.add(Item("AREA_OR_POINT", area_or_point, None, "", ""))
    text = values.text(Tag.GDALMetadata)
    items, wrong = ([], None) if not text else parse_items(text)
    if wrong is not None:
        message = f"GDALMetadata is not well-formed, {len(items)} items of it are read: {wrong}"
        findings.append(values.finding("gdal.metadata.xml", message, Tag.GDALMetadata))
    senseless = [item.name[:40] for item in items if not found.add(item)]
    if senseless:
        message = f"{len(senseless)} items of GDALMetadata make no sense, {senseless[0]!r} first"
        findings.append(values.finding("gdal.metadata.items", message, Tag.GDALMetadata))
    if heights is not None:
        found.apply_heights(heights)
    if area_or_point is not None:  # that of the keys counts
        beside = [item for item in beside if item.name != "AREA_OR_POINT"]
    senseless = [item.name[:40] for item in beside if not found.add(item)]
    if senseless:
        text = f"{len(senseless)} items of the .aux.xml make no sense, {senseless[0]!r} first"
        findings.append(Finding("gdal.sidecar.pam", text))
    return found.metadata(findings)


def _tiff_tags(values: TagValues) -> dict[str, str]:
    """Return TIFF's descriptive tags as GDAL's items (gdal.metadata.tiff-tags)."""
    items = {name: values.text(tag) for tag, name in TEXT_TAGS.items()}
    if any(values.doubles(tag) for tag in FLOAT_TAGS):  # libtiff knows only both or none
        items |= {name: _float_text(values.doubles(tag)) for tag, name in FLOAT_TAGS.items()}
    for tag, name in SHORT_TAGS.items():
        codes = set(values.shorts(tag))
        items[name] = str(codes.pop()) if len(codes) == 1 else None
    unit = values.shorts(Tag.ResolutionUnit)
    items["TIFFTAG_RESOLUTIONUNIT"] = RESOLUTION_UNITS.get(unit[0]) if unit else None
    return {name: text.lstrip(" \t") for name, text in items.items() if text is not None}


def _float_text(numbers: tuple[float, ...]) -> str:
    """Format a number as C's floats; a missing one, or one divided by 0, is 0 in libtiff."""
    number = numbers[0] if len(numbers) == 1 and not math.isnan(numbers[0]) else 0.0
    with np.errstate(over="ignore"):
        return f"{float(np.float32(number)):.8g}"


@dataclass
class _Found:
    """Metadata while items are collected (gdal.metadata.roles)."""

    scales: list[float]
    offsets: list[float]
    units: list[str | None]
    descriptions: list[str | None]
    colorinterp: list[str]
    items: _Domains
    band_items: list[_Domains]

    @classmethod
    def of(cls, image: Image) -> _Found:
        """Start from the defaults."""
        n = image.samples
        return cls(
            [1.0] * n,
            [0.0] * n,
            [None] * n,
            [None] * n,
            colour_names(image),
            {},
            [{} for _ in range(n)],
        )

    def add(self, item: Item) -> bool:
        """Apply an item; False if it makes no sense."""
        if item.band is None:
            _put(self.items, item)
            return True
        if item.band >= len(self.scales):
            return False
        if item.role in NUMBERS:
            return self._add_number(item, self.scales if item.role == "scale" else self.offsets)
        if item.role in ("unittype", "description"):
            texts = self.units if item.role == "unittype" else self.descriptions
            texts[item.band] = item.text
        elif item.role == "colorinterp":
            self._add_colour(item, item.band)
        else:
            _put(self.band_items[item.band], item)
        return True

    def _add_number(self, item: Item, numbers: list[float]) -> bool:
        """Apply a scale or an offset; one that cannot be read is unknown, not 1 or 0."""
        number = number_of(item.text)
        if item.band is not None:
            numbers[item.band] = math.nan if number is None else number
        return number is not None

    def apply_heights(self, heights: Heights) -> None:
        """Apply the unit of heights to all bands without one; scale and offset to a single band."""
        self.units = [unit or heights.unit for unit in self.units]
        if len(self.scales) == 1 and heights.scale is not None:
            self.scales, self.offsets = [heights.scale], [heights.offset]

    def _add_colour(self, item: Item, band: int) -> None:
        """Apply a colour interpretation; one that GDAL does not know is kept as an item too."""
        self.colorinterp[band] = colour_of_gdal(item.text)
        if self.colorinterp[band] == UNDEFINED and item.text.casefold() != UNDEFINED:
            named = item._replace(name="COLOR_INTERPRETATION", domain="")
            _put(self.band_items[band], named)

    def metadata(self, findings: list[Finding]) -> Metadata:
        """Return the finished metadata."""
        return Metadata(
            scales=tuple(self.scales),
            offsets=tuple(self.offsets),
            units=tuple(self.units),
            descriptions=tuple(self.descriptions),
            colorinterp=tuple(self.colorinterp),
            items=_plain(self.items),
            band_items=tuple(_plain(domains) for domains in self.band_items),
            findings=tuple(findings),
        )


def _put(domains: _Domains, item: Item) -> None:
    """Keep an item; a later one with that name, in any case, replaces it."""
    domains.setdefault(item.domain, {})[item.name.casefold()] = (item.name, item.text)


def _plain(domains: _Domains) -> dict[str, dict[str, str]]:
    return {domain: dict(items.values()) for domain, items in domains.items()}


def number_of(text: str) -> float | None:
    """Parse the number at the start of a text; None if there is none, or it is not finite."""
    found = leading_number(text)
    number = math.nan if found is None else float(found)
    return number if math.isfinite(number) else None
