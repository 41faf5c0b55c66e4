"""The CRS that WKT defines, as far as it is told without PROJ (gdal.sidecar.crs)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tinycog.geo.citation import is_web_mercator
from tinycog.geo.crs import WEB_MERCATOR, Crs
from tinycog.geo.epsg_codes import Kind, kind_of_code
from tinycog.geo.esri_wkt import split

KINDS: dict[str, Kind] = {
    **dict.fromkeys(("PROJCS", "PROJCRS", "PROJECTEDCRS"), "projected"),
    **dict.fromkeys(("GEOGCS", "GEOGCRS", "GEOGRAPHICCRS", "GEODCRS", "GEODETICCRS"), "geographic"),
    "GEOCCS": "geocentric",
    **dict.fromkeys(("VERT_CS", "VERTCS", "VERTCRS", "VERTICALCRS"), "vertical"),
    **dict.fromkeys(("COMPD_CS", "COMPOUNDCRS"), "compound"),
    **dict.fromkeys(("LOCAL_CS", "ENGCRS", "ENGINEERINGCRS"), "local"),
}
"""Kinds of CRSs by the keywords of WKT 1 and 2, GDAL's and ESRI's."""

BOUND = "BOUNDCRS"
HEAD = re.compile(r"\s*(\w+)\s*[\[(]")
CODE = re.compile(r"\s*EPSG:(\d{1,9})\s*\Z", re.IGNORECASE | re.ASCII)
SIGN = re.compile(r'"[^"]*"|[\[\](),]')
DEPTHS = {"[": 1, "(": 1, "]": -1, ")": -1}
NORTH_FIRST = ("NORTH", "SOUTH")
MAX_WKT = 1 << 20
MAX_NESTED = 2
"""CRSs within CRSs: bound ones in compound ones."""


class Node(NamedTuple):
    """A keyword of WKT and what stands in its brackets, text for text."""

    keyword: str
    parts: list[str]

    def named(self, *keywords: str) -> list[Node]:
        """Return the nodes in it of some keywords."""
        nodes = (parse_node(part) for part in self.parts)
        return [node for node in nodes if node is not None and node.keyword in keywords]


def parse_node(text: str) -> Node | None:
    """Split WKT at its outermost commas; None if it is no keyword with brackets."""
    found = HEAD.match(text)
    if found is None or len(text) > MAX_WKT:
        return None
    parts, depth, start = list[str](), 1, found.end()
    for sign in SIGN.finditer(text, start):
        depth += DEPTHS.get(sign[0], 0)
        if depth == 0 or (sign[0] == "," and depth == 1):
            parts.append(text[start : sign.start()].strip())
            start = sign.end()
        if depth == 0:
            return None if text[start:].strip() else Node(found[1].upper(), parts)
    return None


def crs_of_text(text: str) -> Crs | None:
    """Return the CRS of `EPSG:n` or WKT; None of other text."""
    code = CODE.match(text)
    if code is not None:
        number = int(code[1])
        kind = kind_of_code(number) if number < 1 << 16 else None
        return Crs(kind or "projected", number)
    return _crs_of(text.strip())


def _crs_of(wkt: str, depth: int = 0) -> Crs | None:
    """Return the CRS of WKT within so many others."""
    first, *heights = split(wkt) if depth <= MAX_NESTED else [""]
    if heights:  # ESRI's, one behind the other
        return _compound(None, None, [first, *heights], wkt, depth)
    node = parse_node(first)
    if node is None or (node.keyword not in KINDS and node.keyword != BOUND):
        return None
    if node.keyword == BOUND:  # with a transformation that no code tells
        inner = next((part for source in node.named("SOURCECRS") for part in source.parts), "")
        found = _crs_of(inner, depth + 1)
        return None if found is None else replace(found, epsg=None, wkt=wkt)
    name, code, kind = node.parts[0].strip('"'), _epsg(node), KINDS[node.keyword]
    if kind == "compound":
        return _compound(code, name, node.parts[1:], wkt, depth)
    if kind == "geographic" and any("CARTESIAN" in cs.parts[0].upper() for cs in node.named("CS")):
        kind = "geocentric"
    if code is None and kind == "projected" and is_web_mercator(name):
        code = WEB_MERCATOR
    return Crs(kind, code, name, wkt=wkt)


def _compound(
    code: int | None, name: str | None, parts: Sequence[str], wkt: str, depth: int
) -> Crs | None:
    found = [crs for part in parts if (crs := _crs_of(part, depth + 1)) is not None]
    if len(found) != 2:  # noqa: PLR2004 - where and how high
        return None
    return Crs("compound", code, name, found[0], found[1], wkt=wkt)


def _epsg(node: Node) -> int | None:
    """Return the code that the node itself has."""
    for found in node.named("AUTHORITY", "ID"):
        words = [part.strip('" ') for part in found.parts]
        if len(words) > 1 and words[0].upper() == "EPSG" and words[1].isdecimal():
            return int(words[1])
    return None


def is_x_first(crs: Crs, mapping: str | None) -> bool:
    """Return whether coordinates are (x, y), as in all files, by a mapping of data axes to axes.

    The mapping is GDAL's: "2,1" where the CRS counts northings or latitudes first. Without one, or
    where the CRS does not say its axes, they are.
    """
    if mapping is None:
        return True
    if crs.wkt is None:
        return crs.kind != "geographic" or mapping.startswith("2,1")
    node = parse_node((crs.horizontal or crs).wkt or "")
    first = [] if node is None else node.named("AXIS")[:1]
    if not first or len(first[0].parts) < 2:  # noqa: PLR2004 - a name and a direction
        return True
    is_north_first = first[0].parts[1].upper().startswith(NORTH_FIRST)
    return mapping.startswith("2,1" if is_north_first else "1,2")
