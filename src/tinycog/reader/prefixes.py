"""Of tiles that points lie in, the bytes that hold their rows (tiff.tile.prefix). No I/O.

No request is added by it: of what one request brings, the last tile may end early. Where it ends is
worked out for tiles without compression, and estimated for others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

from tinycog.errors import FormatError
from tinycog.fetch.coalesce import Rates, plan_pixels
from tinycog.reader.tile_parts import TilePart
from tinycog.tiff.image import Image
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import Compression
from tinycog.tiff.tile_index import FRAME_BYTES, TileLocation

Place = TileLocation | FormatError | None
"""Of a stored tile; an error stands for one without a place, None for one that is not stored."""

SHORTFALL = 0.009
"""Of tiles whose prefix is their share of the rows and a margin m, SHORTFALL / m are cut too short.

Found with 600 tiles of Deflate of scenes, elevations, classes and noise, for m of 0.05 to 0.3.
"""

LEAST_MARGIN = 1 / 16
"""Of the encoded bytes of a tile: how unevenly they are spread over its rows, near a server."""

STREAM_BYTES = 512
"""Encoded bytes that are always read along: headers and tables of a stream."""

BLOCK_BYTES = {Compression.ZSTD: 1 << 17, Compression.ZSTD_EARLY: 1 << 17}
"""Unpacked bytes of a block, of which a decoder gives nothing before it has all."""


def shortened(
    parts: Sequence[TilePart],
    places: Sequence[Place],
    rates: Rates,
    has_prefixes: Callable[[Image], bool],
) -> list[Place]:
    """Return where the bytes lie that hold the rows of parts, as far as that is cheaper.

    Args:
        parts: of one file.
        places: of their stored tiles.
        rates: what a request costs.
        has_prefixes: whether first rows of tiles can be decoded from their first bytes.
    """
    found = list(places)
    stored = [(i, place.range) for i, place in enumerate(places) if isinstance(place, TileLocation)]
    ranges = [part for _, part in stored]
    for request in plan_pixels(ranges, rates):
        first = [stored[m][0] for m in request.members if ranges[m].start == request.range.start]
        last = [stored[m][0] for m in request.members if ranges[m].stop == request.range.stop]
        if len(last) != 1 or parts[last[0]].cut == "none":
            continue
        (i,) = last
        place = places[i]
        if isinstance(place, TileLocation):
            if parts[i].image.rows_apart:
                found[i] = _rows_of(place, parts[i], is_first=first == last)
            elif parts[i].cut == "prefix" and has_prefixes(parts[i].image):
                found[i] = _prefix_of(place, parts[i], rates)
    return found


def _rows_of(place: TileLocation, part: TilePart, *, is_first: bool) -> TileLocation:
    """Return where the rows of an uncompressed tile lie: from its first row on unless it leads."""
    image, rows = part.image, part.rows
    length = image.unpacked_length(1)
    start = place.range.start + FRAME_BYTES * place.framed
    stored = place.range.length - 2 * FRAME_BYTES * place.framed
    if place.rows is not None or stored != image.grid.stored_rows(part.tile.y) * length:
        return place
    if not is_first:
        return place
    wanted = ByteRange(start + rows.start * length, start + rows.stop * length)
    return place._replace(range=wanted, rows=rows, framed=False)


def _prefix_of(place: TileLocation, part: TilePart, rates: Rates) -> TileLocation:
    """Return the first bytes of a compressed tile, which are estimated to hold its rows.

    The margin m is the one that costs least. With L bytes in the tile, and G bytes that cost as
    much as a request, it costs m L, and SHORTFALL / m G for requests that fetch what lacks: as much
    of each, where m is the root of SHORTFALL G / L.
    """
    image, whole = part.image, place.range
    inside, _ = image.grid.inside(part.tile.x, part.tile.y)
    margin = max(sqrt(SHORTFALL * rates.gap_bytes / max(whole.length, 1)), LEAST_MARGIN)
    block = BLOCK_BYTES.get(Compression(image.compression), 0)
    share = part.rows.stop / inside + block / image.unpacked_length(inside)
    if place.head or share + 2 * margin >= 1:
        return place
    length = int((share + margin) * whole.length) + STREAM_BYTES
    if length >= whole.length:
        return place
    return place._replace(range=ByteRange(whole.start, whole.start + length), whole=whole)
