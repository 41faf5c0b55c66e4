"""What the page shows of a file, as JSON: samples, levels, place on the map."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, cos, floor, isfinite, log, log2, pi, radians, sin
from typing import Any

import tinycog
from tinycog.collection.asset import Asset
from tinycog.collection.facts import crs_text, placed, with_header
from tinycog.errors import TinycogError, UnsupportedError
from tinycog.pixels.lab import LAB_SPACES
from tinycog.tiff.spec import Photometric

EIGHT = 8
"""Bits of samples that are shown as they are."""

RGB = 3

COLOURS_OF_THEIR_OWN = (Photometric.PALETTE, Photometric.SEPARATED, *LAB_SPACES)
"""Photometric interpretations that are no plain values, however many bits they have."""

EQUATOR = 2 * pi * 6378137.0
"""Metres around the Earth in Web Mercator."""

TILE = 256
"""Rows and columns of a tile."""

MOST_LATITUDE = 85.0
"""Of a web map."""

EXACT = 1 << 53
"""Numbers under it are numbers of JavaScript; others, NaN too, are sent as text."""

CLOSER = 5
"""Zooms beyond that of the pixels, for looking at them one by one."""

DEEPEST = 24


@dataclass(frozen=True)
class MapPlace:
    """Where a file lies on a map.

    Attributes:
        bounds: (west, south, east, north) in degrees; east is over 180 behind the antimeridian.
        outline: its footprint as GeoJSON.
        zooms: the coarsest that is of use, and that of pixels of level 0.
    """

    bounds: tuple[float, float, float, float]
    outline: Any
    zooms: tuple[int, int]

    @property
    def deepest(self) -> int:
        """The deepest zoom that is offered."""
        return min(self.zooms[1] + CLOSER, DEEPEST)


@dataclass(frozen=True)
class ViewFacts:
    """What the page shows of a file.

    Attributes:
        has_colours: whether it has colours of its own that need no stretch.
        is_inverted: whether low values are white.
        indexes: the bands that are shown if none are named, counted from 1.
        place: on a map; None where it has none.
        why_no_place: in words, if it has none.
        document: all of it, for the page.
    """

    has_colours: bool
    is_inverted: bool
    indexes: tuple[int, ...]
    place: MapPlace | None
    why_no_place: str
    document: dict[str, Any]


async def read_facts(cog: tinycog.Cog) -> ViewFacts:
    """Open a file and return what the page shows of it.

    Raises:
        TinycogError: it cannot be opened.
    """
    await cog
    image = cog.levels[0].image
    is_gray = image.photometric in (Photometric.MIN_IS_BLACK, Photometric.MIN_IS_WHITE)
    is_rgb = image.photometric in (Photometric.RGB, Photometric.YCBCR)
    is_small = image.bits <= EIGHT and cog.dtype.kind == "u"
    own = image.photometric in COLOURS_OF_THEIR_OWN and cog.dtype.kind == "u"
    has_colours = own or (is_small and (is_rgb or (is_gray and cog.count <= RGB - 1)))
    indexes = _shown_bands(cog)
    place, why = _place(cog)
    return ViewFacts(
        has_colours,
        image.photometric == Photometric.MIN_IS_WHITE,
        indexes,
        place,
        why,
        {
            **_document(cog),
            "has_colours": has_colours,
            "shown": list(indexes),
            "place": None
            if place is None
            else {
                "bounds": place.bounds,
                "outline": place.outline,
                "minzoom": place.zooms[0],
                "native_zoom": place.zooms[1],
                "maxzoom": place.deepest,
            },
            "why_no_place": why,
        },
    )


def tile_json(name: str, url: str, place: MapPlace) -> dict[str, Any]:
    """Return a TileJSON 3.0.0 document."""
    west, south, east, north = place.bounds
    turned = east if east <= 180 else east - 360  # noqa: PLR2004 - degrees
    return {
        "tilejson": "3.0.0",
        "name": name,
        "scheme": "xyz",
        "tiles": [url],
        "minzoom": place.zooms[0],
        "maxzoom": place.deepest,
        "bounds": [west, south, turned, north] if west < turned else [-180, south, 180, north],
        "center": [
            (west + turned) / 2 if west < turned else west,
            (south + north) / 2,
            place.zooms[0],
        ],
    }


def place_of(bounds: tuple[float, float, float, float], outline: Any, width: int) -> MapPlace:  # noqa: ANN401 - GeoJSON
    """Return a place on the map of an image of so many columns."""
    west, south, east, north = bounds
    east += 360 if east < west else 0
    metres = max((east - west) / 360 * EQUATOR, 1e-6)
    pixel = metres / max(width, 1)
    native = log2(EQUATOR / TILE / pixel)
    middle = radians((max(south, -MOST_LATITUDE) + min(north, MOST_LATITUDE)) / 2)
    whole = max(metres, (north - south) / 360 * EQUATOR / max(cos(middle), 0.05))
    coarsest = floor(log2(EQUATOR / whole))
    zooms = min(max(coarsest - 1, 0), DEEPEST), min(max(ceil(native - 0.25), 0), DEEPEST)
    return MapPlace((west, south, east, north), outline, (min(zooms), max(zooms)))


def web_tile_at(longitude: float, latitude: float, zoom: int) -> tuple[int, int]:
    """Return column and row of the web tile that a place lies in."""
    across = 1 << zoom
    sine = sin(radians(max(min(latitude, MOST_LATITUDE), -MOST_LATITUDE)))
    x = floor((longitude / 360 + 0.5) * across) % across
    return x, min(
        max(floor((0.5 - log((1 + sine) / (1 - sine)) / (4 * pi)) * across), 0), across - 1
    )


def _shown_bands(cog: tinycog.Cog) -> tuple[int, ...]:
    """Return the bands called red, green and blue, else the first that is not alpha."""
    names = [str(one) for one in cog.colorinterp]
    if {"red", "green", "blue"} <= set(names):
        return tuple(names.index(one) + 1 for one in ("red", "green", "blue"))
    return (next((i for i, one in enumerate(names, 1) if one != "alpha"), 1),)


def _place(cog: tinycog.Cog) -> tuple[MapPlace | None, str]:
    """Return where a file lies on the map, or why it has no place there."""
    if cog.crs is None:
        return None, "The file has no coordinate reference system."
    if cog.gcps:
        return None, "The file has ground control points instead of a transform."
    try:
        (asset,) = placed([with_header(Asset(cog.name, cog.name), cog)])
    except TinycogError as error:
        return None, f"The file cannot be put on a map: {error}."
    if asset.bounds is None:
        return None, "Its coordinate reference system does not lead to longitudes and latitudes."
    west, south, east, north = asset.bounds
    place = place_of((west, max(south, -90), east, min(north, 90)), asset.geometry, cog.width)
    return place, ""


def _document(cog: tinycog.Cog) -> dict[str, Any]:
    """Return what the header says, in JSON."""
    try:
        dtype, nodata = str(cog.dtype), cog.nodata
    except UnsupportedError:
        dtype, nodata = "unsupported", None
    crs = cog.crs
    bands = zip(cog.descriptions, cog.colorinterp, cog.units, cog.scales, cog.offsets, strict=True)
    return {
        "variant": cog.variant,
        "file_size": cog.file_size,
        "width": cog.width,
        "height": cog.height,
        "dtype": dtype,
        "nodata": str(nodata) if nodata is not None and not abs(nodata) < EXACT else nodata,
        "crs": None if crs is None else crs_text(crs) or str(crs),
        "crs_name": None if crs is None else str(crs),
        "has_transform": tuple(cog.transform)[:6] != (1, 0, 0, 0, 1, 0),
        "photometric": cog.profile["photometric"],
        "findings": [str(one) for one in cog.findings],
        "bands": [
            {
                "index": index,
                "description": description,
                "colorinterp": str(colour),
                "unit": unit,
                "scale": scale if isfinite(scale) else None,
                "offset": offset if isfinite(offset) else None,
            }
            for index, (description, colour, unit, scale, offset) in enumerate(bands, 1)
        ],
        "levels": [
            {
                "z": level.z,
                "width": level.width,
                "height": level.height,
                "tile_width": level.tile_shape[1],
                "tile_height": level.tile_shape[0],
                "strips": level.image.grid.strips,
                "compression": level.compression,
            }
            for level in cog.levels
        ],
    }
