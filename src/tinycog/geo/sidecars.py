"""What files beside a TIFF say of it: GDAL's `.aux.xml` and world files (gdal.sidecar.*).

They are parsed here, and go before or behind what the TIFF itself says, as in GDAL.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tinycog.affine_math import Coefficients, coefficients
from tinycog.errors import Finding, UnsupportedError
from tinycog.geo.colour import UNDEFINED, colour_of_gdal
from tinycog.geo.crs import Crs
from tinycog.geo.georeference import Georeference
from tinycog.geo.metadata_items import Item
from tinycog.geo.safe_xml import SPACE, Element, XmlError, parse_tree
from tinycog.geo.transform import RPC, GroundControlPoint, identity, make_affine, to_corner
from tinycog.geo.wkt import crs_of_text, is_x_first
from tinycog.tiff.c_number import leading_number
from tinycog.tiff.image import Image
from tinycog.tiff.nodata import nodata_value
from tinycog.tiff.text import text_of

PAM_RULE, WORLD_RULE = "gdal.sidecar.pam", "gdal.sidecar.world"

KEPT = frozenset(
    {
        *("srs", "geotransform", "gcplist", "gcp", "metadata", "mdi", "pamrasterband"),
        *("description", "unittype", "offset", "scale", "nodatavalue", "colorinterp", "colortable"),
    }
)
"""Elements of an `.aux.xml` that are read; categories, histograms and attribute tables are not."""

ROLES = ("description", "unittype", "offset", "scale")
"""Elements of a band that are items with a role in GDALMetadata."""

RPC_DOMAIN = "RPC"
COEFFICIENTS = 20
NUMBERS_OF_TRANSFORM = 6


@dataclass(frozen=True, slots=True)
class Pam:
    """What an `.aux.xml` says.

    Attributes:
        has_crs: whether it names a CRS, so that the TIFF's does not count.
        crs: that CRS; None if it cannot be read.
        transform: coefficients from (col, row) to (x, y).
        gcps: ground control points.
        gcps_crs: their CRS.
        items: items of the image and its bands, and those of its bands with a role.
        nodata: texts by band, counted from 0.
        rpcs: coefficients of a sensor, if the domain RPC has them all.
        findings: what cannot be read.
    """

    has_crs: bool = False
    crs: Crs | None = None
    transform: Coefficients | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    gcps_crs: Crs | None = None
    items: tuple[Item, ...] = ()
    nodata: Mapping[int, str] = field(default_factory=dict[int, str])
    rpcs: RPC | None = None
    findings: tuple[Finding, ...] = ()


class Beside(NamedTuple):
    """What all files beside a TIFF say.

    Attributes:
        pam: the `.aux.xml`, None without one.
        world: coefficients of the world file from (col, row) to (x, y); None without one.
        findings: what cannot be read.
    """

    pam: Pam | None = None
    world: Coefficients | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def items(self) -> tuple[Item, ...]:
        """Items of metadata that it holds."""
        return () if self.pam is None else self.pam.items

    def placed(self, georeference: Georeference) -> Georeference:
        """Return a georeference by what lies beside the file (gdal.sidecar.order)."""
        world = None if georeference.has_transform else self.world
        if world is not None:
            georeference = replace(
                georeference, transform=make_affine(*world), has_transform=True, gcps=()
            )
        return georeference if self.pam is None else _placed(georeference, self.pam, world)

    def nodata_text(self, image: Image) -> str | None:
        """Return the nodata of a file, in place of that of its level 0.

        Raises:
            UnsupportedError: its bands have different ones.
        """
        if self.pam is None or not self.pam.nodata:
            return image.nodata_text
        texts = [self.pam.nodata.get(band, image.nodata_text) for band in range(image.samples)]
        values = [_plain(text, image) for text in texts]
        if len(set(values)) > 1:
            shown = ", ".join("none" if value is None else str(value) for value in values[:8])
            message = (
                f"with the .aux.xml, bands have different nodata ({shown}), which is not"
                " supported: leave out sidecars=True"
            )
            raise UnsupportedError(message, feature="nodata", value=tuple(texts))
        return texts[0]


def _plain(text: str | None, image: Image) -> str | None:
    """Return nodata so that equal values are equal."""
    value = None if text is None else nodata_value(text, image.dtype)
    return None if value is None else repr(value)


def _placed(georeference: Georeference, pam: Pam, world: Coefficients | None) -> Georeference:
    """Return a georeference, what an `.aux.xml` says of it first."""
    found = georeference
    if pam.has_crs or pam.gcps:  # GDAL does not look at the keys then
        found = replace(found, area_or_point=None, heights=None)
    if pam.has_crs:
        found = replace(found, crs=pam.crs)
    if pam.transform is not None:
        found = replace(found, transform=make_affine(*pam.transform), has_transform=True)
    if pam.gcps:
        found = replace(found, gcps=pam.gcps, crs=pam.gcps_crs)
        if pam.transform is None and world is None:
            found = replace(found, transform=identity(), has_transform=False)
    if found.gcps and found.has_transform:  # a CRS is that of the points, as in GDAL
        found = replace(found, crs=None)
    return found if pam.rpcs is None else replace(found, rpcs=pam.rpcs)


# --- .aux.xml ------------------------------------------------------------------------------------


def parse_pam(data: bytes) -> Pam:
    """Parse an `.aux.xml`; what cannot be read is a finding (gdal.sidecar.pam).

    Raises:
        UnsupportedError: it says what is not supported: a colour table, or coordinates (y, x).
    """
    try:
        root = parse_tree(text_of(data), KEPT)
    except XmlError as exc:
        return Pam(findings=(Finding(PAM_RULE, f"the .aux.xml is not read: {exc}"),))
    findings: list[Finding] = []
    srs, points = root.first("srs"), root.first("gcplist")
    gcps = () if points is None else tuple(_gcps(points, findings))
    told = None if points is None else points.attributes.get("projection")
    mapping = None if points is None else points.attributes.get("dataaxistosrsaxismapping")
    bands = list(_bands(root))
    items = [*_items(root, None)]
    for band, element in bands:
        items += _items(element, band)
        items += _roles(element, band)
    return Pam(
        has_crs=srs is not None,
        crs=None
        if srs is None
        else _crs(srs.text, srs.attributes.get("dataaxistosrsaxismapping"), findings),
        transform=_transform(root.first("geotransform"), findings),
        gcps=gcps,
        gcps_crs=_crs(told, mapping, findings) if gcps and told else None,
        items=tuple(items),
        nodata=dict(_nodata(bands)),
        rpcs=_rpcs(items),
        findings=tuple(findings),
    )


def _crs(text: str, mapping: str | None, findings: list[Finding]) -> Crs | None:
    crs = crs_of_text(text)
    if crs is None:
        text = f"the .aux.xml names a CRS that cannot be read: {text.strip()[:60]!r}"
        findings.append(Finding(PAM_RULE, text))
    elif not is_x_first(crs, mapping):
        message = (
            f"the .aux.xml has coordinates of {crs} in the order {mapping}, not (x, y), which is"
            " not supported: leave out sidecars=True"
        )
        raise UnsupportedError(message, feature="axes", value=mapping)
    return crs


def _transform(element: Element | None, findings: list[Finding]) -> Coefficients | None:
    if element is None:
        return None
    numbers = [_number(text) for text in element.text.split(",")]
    found = [number for number in numbers if number is not None]
    if len(found) != NUMBERS_OF_TRANSFORM or len(numbers) != NUMBERS_OF_TRANSFORM:
        text = f"GeoTransform of the .aux.xml is no six numbers: {element.text.strip()[:60]!r}"
        findings.append(Finding(PAM_RULE, text))
        return None
    c, a, b, f, d, e = found
    return a, b, c, d, e, f


def _gcps(points: Element, findings: list[Finding]) -> Iterable[GroundControlPoint]:
    for point in points.all("gcp"):
        texts = [point.attributes.get(name, "") for name in ("line", "pixel", "x", "y")]
        numbers = [number for text in texts if (number := _number(text)) is not None]
        if len(numbers) == len(texts):
            row, col, x, y = numbers
            height = _number(point.attributes.get("z", "0")) or 0.0
            yield GroundControlPoint(row, col, x, y, height, point.attributes.get("id", ""))
        else:
            text = f"a control point of the .aux.xml is no numbers: {texts}"
            findings.append(Finding(PAM_RULE, text[:200]))


def _bands(root: Element) -> Iterable[tuple[int, Element]]:
    """Yield the bands that the file numbers from 1, counted from 0."""
    for element in root.all("pamrasterband"):
        number = _number(element.attributes.get("band", ""))
        if number is not None and number >= 1:
            yield int(number) - 1, element


def _items(parent: Element, band: int | None) -> Iterable[Item]:
    for group in parent.all("metadata"):
        if group.attributes.get("format", "").lower() in ("xml", "json"):
            continue
        domain = group.attributes.get("domain", "")
        for item in group.all("mdi"):
            key, text = item.attributes.get("key"), item.text.lstrip(SPACE)
            if key and text:
                name, equals, rest = key.partition("=")  # GDAL keeps them as one text
                yield Item(name, f"{rest}={text}" if equals else text, band, domain, "")


def _roles(element: Element, band: int) -> Iterable[Item]:
    """Yield what a band says of itself, as items with a role."""
    texts = {child.name: child.text.lstrip(SPACE) for child in element.children}
    if texts.get("scale") or texts.get("offset"):  # GDAL takes both from here
        texts = {"scale": "1", "offset": "0"} | {k: v for k, v in texts.items() if v}
    for role in ROLES:
        if texts.get(role):
            yield Item(role.upper(), texts[role], band, "", role)
    if "colortable" in texts:
        message = "colour tables of an .aux.xml are not supported: leave out sidecars=True"
        raise UnsupportedError(message, feature="colour table", value=band)
    colour = texts.get("colorinterp", "").rstrip(SPACE)
    if colour_of_gdal(colour) != UNDEFINED:
        yield Item("COLORINTERP", colour, band, "", "colorinterp")


def _nodata(bands: Iterable[tuple[int, Element]]) -> Iterable[tuple[int, str]]:
    for band, element in bands:
        for child in element.all("nodatavalue"):
            text = child.text.strip(SPACE)
            exact = child.attributes.get("le_hex_equiv", "")
            with suppress(ValueError, struct.error):
                text = repr(struct.unpack("<d", bytes.fromhex(exact))[0]) if exact else text
            if text:
                yield band, text


def _rpcs(items: Iterable[Item]) -> RPC | None:
    """Return the coefficients of the domain RPC; None unless it has all."""
    texts = {
        item.name.lower(): item.text
        for item in items
        if item.domain == RPC_DOMAIN and item.band is None
    }
    found: dict[str, float | tuple[float, ...]] = {}
    for name in RPC._fields:
        numbers = [_number(text) for text in texts.get(name, "").split()]
        known = tuple(number for number in numbers if number is not None)
        expected = COEFFICIENTS if name.endswith("_coeff") else 1
        if not texts.get(name) and name.startswith("err_"):
            known = (math.nan,)
        if len(known) != expected:
            return None
        found[name] = known if expected > 1 else known[0]
    return RPC(**found)  # pyright: ignore[reportArgumentType] - as its fields are


def _number(text: str) -> float | None:
    """Return the finite number that a text begins with."""
    found = leading_number(text)
    return float(found) if found is not None and math.isfinite(found) else None


# --- world files ---------------------------------------------------------------------------------


def parse_world(name: str, data: bytes) -> tuple[Coefficients | None, tuple[Finding, ...]]:
    """Parse a world file: six numbers, one a line, of the centre of the first pixel.

    One that holds none is a finding, and the next counts (gdal.sidecar.world).
    """
    lines = [line for line in text_of(data).splitlines() if line.strip(SPACE)]
    numbers = [_number(line) for line in lines[:NUMBERS_OF_TRANSFORM]]
    found = [number for number in numbers if number is not None]
    if len(found) == NUMBERS_OF_TRANSFORM:
        a, d, b, e, c, f = found
        if (a or b) and (d or e):
            return coefficients(to_corner(make_affine(a, b, c, d, e, f))), ()
    text = f"the world file {name} does not hold six numbers of a transform; it is ignored"
    return None, (Finding(WORLD_RULE, text),)
