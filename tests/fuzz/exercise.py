"""All that a user may do with a file, some of it in two ways that must agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any
from zlib import crc32

import numpy as np

import tinycog
from fuzz.ways import (
    Differs,
    Shattered,
    is_error,
    must_agree,
    must_be_shown,
    nothing_recalled,
    outcome,
    stale_memory,
)
from tinycog import Cog, Limits, Raster
from tinycog.sync.thumbnail import card_with_thumbnail

TURNS = 8
"""There are so many ways to exercise a file."""

GUARDED = Limits(
    ifds=256, tile_bytes=16 << 20, value_bytes=1 << 20, result_bytes=16 << 20, tiles=1 << 12
)
"""Limits as one may set them for files of strangers."""

BLENDING = ("bilinear", "average", "cubic", "mode", "nearest", "min", "sample", "max")
WARPING = ("nearest", "bilinear", "cubic", "average")
HEADS = (16, 40, 300, 2000, 5000, 1 << 16)
"""Lengths of the first request."""

Mark = Callable[[str], None]
Place = tuple[int, int, int]


@dataclass
class Visit:
    """A file being exercised; `turn` says how."""

    data: bytes
    turn: int
    limits: Limits
    random: Random
    cog: Cog

    @property
    def guarded(self) -> bool:
        return self.limits is GUARDED

    def again(self, **options: Any) -> Cog:
        """Another handle on it."""
        return tinycog.open(self.data, limits=self.limits, **options)

    def agree(self, one: Any, other: Any, what: str) -> None:
        """Fail if two outcomes differ."""
        header = self.cog._file.header
        ghost = None if header is None else header.ghost
        must_agree(one, other, what, leaders=ghost is not None and ghost.has_leaders)

    def places(self) -> list[Place]:
        """Tiles to look at: first, last and some other, of the first level, the last, another."""
        levels = self.cog.levels
        found: list[Place] = []
        for z in dict.fromkeys([0, len(levels) - 1, self.random.randrange(len(levels))]):
            down, across = levels[z].grid
            x, y = self.random.randrange(across), self.random.randrange(down)
            found += [(z, 0, 0), (z, across - 1, down - 1), (z, x, y)]
        return list(dict.fromkeys(found))[: 5 if self.guarded else 1]


def turn_of(data: bytes) -> int:
    """A turn for bytes that have none of their own."""
    return crc32(data) % TURNS


def is_guarded(turn: int) -> bool:
    """Whether limits are set that turn; otherwise they are the defaults."""
    return turn % 4 != 3


async def exercise(data: bytes, turn: int, mark: Mark = lambda _: None) -> None:
    """Do with a file what users do.

    Args:
        data: the file.
        turn: which way, of `TURNS`: other limits, other windows.
        mark: is told what comes next.

    Raises:
        Differs: two ways to the same thing give different ones.
        Exception: whatever should have been a `TinycogError`.
    """
    limits = GUARDED if is_guarded(turn) else Limits()
    visit = Visit(data, turn, limits, Random(turn), tinycog.open(data, limits=limits))  # noqa: S311
    mark("open")
    opened = await outcome(lambda: visit.cog)
    if is_error(opened):
        must_be_one_line(str(opened))
        await same_however_it_comes(visit)
        return
    for step in STEPS[turn % 2] if visit.guarded else UNGUARDED:
        mark(step.__name__)
        await step(visit)


async def facts(visit: Visit) -> None:
    """What the handle tells."""
    cog = visit.cog
    info = await outcome(cog.info)
    if not is_error(info):
        json.dumps(info, indent=2)
    for name in FACTS:
        await outcome(partial(getattr, cog, name))
    for ask in (cog.tags, partial(repr, cog), partial(cog.index, 0.5, 0.5)):
        await outcome(ask)
    must_be_shown(cog._repr_html_())
    if visit.guarded:
        other = visit.again()  # a thumbnail has masks looked for, which tiles are read with then
        await outcome(lambda: other)
        must_be_shown(card_with_thumbnail(other))
    for level in cog.levels[:6]:
        for name in OF_LEVEL:
            await outcome(partial(getattr, level, name))
        repr(level)
    for finding in cog.findings:
        must_be_one_line(str(finding))


FACTS = (
    *("pages", "profile", "overviews", "mask_ifd", "gcps", "rpcs", "scales", "offsets", "units"),
    *("descriptions", "colorinterp", "colormap", "stored_stats", "nodata", "pin"),
)
COMPARED = ("profile", "pages", "bounds", "gcps", "rpcs", "colormap", "has_mask")
OF_LEVEL = ("transform", "bounds", "res", "nodata", "dtype", "compression")


def must_be_one_line(text: str) -> None:
    if len(text.splitlines()) != 1 or len(text) > 2000:
        message = f"a message of several lines, or far too long: {text[:1000]!r}"
        raise Differs(message)


async def tiles(visit: Visit) -> None:
    """Tiles one by one, all together, and as windows."""
    cog, places = visit.cog, visit.places()
    with stale_memory(0x55):
        found = {place: await outcome(partial(cog.read_tile, *place)) for place in places}
    if not visit.guarded:
        return
    with stale_memory(0xAA):
        for place, raster in found.items():
            if not is_error(raster):
                read = partial(cog.read, window=raster.window, level=place[0])
                visit.agree(raster, await outcome(read), "a tile and its window")
            else:
                must_be_one_line(str(raster))
    several = await outcome(partial(cog.read_tiles, places))
    if not any(map(is_error, found.values())):
        others = [several] * len(places) if is_error(several) else several
        for raster, other in zip(found.values(), others, strict=True):
            visit.agree(raster, other, "a tile alone and with others")
    coloured = await outcome(partial(cog.read_tile, *places[-1], rgb=True))
    for raster in (found[places[0]], coloured):
        await faces(raster)
    await outcome(partial(cog.read_tile_bytes, *places[0]))


async def faces(raster: Raster | tinycog.TinycogError) -> None:
    """What one does with pixels."""
    if isinstance(raster, tinycog.TinycogError) or raster.data.nbytes > 1 << 20:
        return
    for ask in (raster.masked, partial(repr, raster)):
        await outcome(ask)
    must_be_shown(raster._repr_html_())
    for name in ("transform", "bounds", "crs"):
        await outcome(partial(getattr, raster, name))


def some_window(visit: Visit) -> tuple[int, list[int]]:
    """A level and a small window of it."""
    z = visit.random.randrange(len(visit.cog.levels))
    level = visit.cog.levels[z]
    width, height = min(level.width, 70), min(level.height, 50)
    col = visit.random.randrange(level.width - width + 1)
    row = visit.random.randrange(level.height - height + 1)
    return z, [col, row, width, height]


async def windows(visit: Visit) -> None:
    """Windows as they are, resampled, over the edge; all of it, small."""
    cog = visit.cog
    z, window = some_window(visit)
    method = BLENDING[visit.turn % len(BLENDING)]
    read = partial(cog.read, window=window, level=z)
    if not visit.guarded:  # of thousands of bands it would be gigabytes, which are allowed
        await outcome(partial(read, bands=0, shape=(17, 23), resampling=method, masked=True))
        return
    plain = await outcome(partial(read, masked=False))
    await mosaic(visit, z, window, plain)
    small = partial(read, shape=(17, 23), resampling=method)
    await faces(await outcome(partial(small, masked=True)))
    far = [window[0] - 9, window[1] - 9, *window[2:]]
    await outcome(partial(cog.read, window=far, level=z, boundless=True, masked=True))
    await faces(await outcome(partial(cog.preview, 64, masked=True, resampling=method)))
    count = cog.count
    some = [count - 1, 0] if count > 1 else 0
    await outcome(partial(read, bands=some))


async def mosaic(visit: Visit, z: int, window: list[int], plain: Any) -> None:
    """The tiles that a window touches hold its pixels."""
    col, row, width, height = window
    rows, cols = visit.cog.levels[z].tile_shape
    across = range(col // cols, (col + width - 1) // cols + 1)
    down = range(row // rows, (row + height - 1) // rows + 1)
    if is_error(plain) or len(across) * len(down) > 9:
        return
    wanted = [(z, x, y) for y in down for x in across]
    found = await outcome(partial(visit.cog.read_tiles, wanted, masked=False))
    if is_error(found):
        visit.agree(plain, found, "a window and its tiles")
        return
    pixels = np.zeros((plain.count, len(down) * rows, len(across) * cols), plain.dtype)
    for raster in found:
        top, left = raster.window.row_off - down[0] * rows, raster.window.col_off - across[0] * cols
        pixels[:, top : top + raster.height, left : left + raster.width] = raster.data
    top, left = row - down[0] * rows, col - across[0] * cols
    if pixels[:, top : top + height, left : left + width].tobytes() != plain.data.tobytes():
        message = f"pixels of a window and its tiles: {window} of level {z}, {wanted}"
        raise Differs(message)


async def points(visit: Visit) -> None:
    """Values at places."""
    cog = visit.cog
    bounds = await outcome(lambda: cog.bounds)
    if is_error(bounds):
        return
    left, bottom, right, top = bounds
    wanted = [
        ((left + right) / 2, (bottom + top) / 2),
        (left, top),
        (right, bottom),
        (np.inf, np.nan),
        (1e300, -1e300),
    ]
    found = await outcome(partial(cog.points, wanted))
    if not is_error(found):
        repr(found)
    await points_of_few_bytes(visit, wanted, found)
    await outcome(partial(cog.point, *wanted[0]))
    method = BLENDING[(visit.turn + 1) % len(BLENDING)]
    options = {"shape": (20, 20), "masked": True, "resampling": method}
    await outcome(partial(cog.read, bounds=bounds, **options))


async def points_of_few_bytes(visit: Visit, wanted: list[Any], found: Any) -> None:
    """The same values of prefixes of tiles; these do not show what is wrong behind them."""
    far = Shattered(visit.data, visit.random, origin="https://far.example")
    cog = tinycog.open(far, limits=visit.limits)
    for one, whole in (
        (wanted, found),
        (wanted[:1], await outcome(partial(cog.points, wanted[:1]))),
    ):
        few = await outcome(partial(cog.points, one, whole_tiles=False))
        if not is_error(whole):
            visit.agree(values_of(whole), values_of(few), "points of whole tiles and of prefixes")


def values_of(found: Any) -> Any:
    """What a read of points gave, as it is compared."""
    if is_error(found):
        return found
    return found.data.tolist(), found.mask.tolist(), found.inside.tolist()


async def web(visit: Visit) -> None:
    """Tiles of the web, and the pyramid as a set of them."""
    cog = visit.cog
    crs = await outcome(lambda: cog.crs)
    if crs is None or is_error(crs):
        return
    str(crs)
    matrices = await outcome(cog.tile_matrix_set)
    if not is_error(matrices):
        json.dumps(matrices)
    centre = await outcome(cog.lnglat)
    if is_error(centre) or not np.isfinite(centre).all():
        centre = 0.0, 0.0
    lng, lat = centre
    zoom = visit.random.randrange(10, 20)  # where a pixel is about one of the fixtures'
    x, y = web_place(lng, lat, zoom)
    await outcome(partial(cog.stored_web_tile, zoom, x, y))
    method = WARPING[visit.turn % len(WARPING)]
    read = partial(cog.read_web_tile, tilesize=64, resampling=method)
    await faces(await outcome(partial(read, zoom, x, y)))
    await outcome(crs.to_wkt)


def web_place(lng: float, lat: float, zoom: int) -> tuple[int, int]:
    """The web tile (x, y) of a place, or one near the edge."""
    most = (1 << zoom) - 1
    x = int((lng + 180) / 360 * (1 << zoom))
    angle = np.radians(np.clip(lat, -85, 85))
    y = int((1 - np.arcsinh(np.tan(angle)) / np.pi) / 2 * (1 << zoom))
    return min(max(x, 0), most), min(max(y, 0), most)


async def plans(visit: Visit) -> None:
    """What is planned is what is sent."""
    cog = visit.again()
    place = visit.places()[-1]
    await outcome(lambda: cog)
    plan = await outcome(partial(cog.plan, *place))
    sent = len(cog.requests)
    raster = await outcome(partial(cog.read_tile, *place))
    if is_error(plan):
        visit.agree(plan, raster, "the plan of a tile and the tile")
    elif not is_error(raster) and not any("leader" in odd.rule for odd in raster.findings):
        ranges = {(request.start, request.stop) for request in cog.requests[sent:]}
        planned = set(map(tuple, plan.requests))
        visit.agree(sorted(planned), sorted(ranges), "a plan and the requests")
    repr(plan)
    z, window = some_window(visit)
    other = await outcome(partial(visit.cog.plan, window=window, level=z, masked=True))
    for one in (plan, other):
        if not is_error(one):
            must_be_shown(one._repr_html_())


async def splits(visit: Visit) -> None:
    """However the bytes come, they say the same; and so does what was kept of them."""
    await same_however_it_comes(visit)
    kept = visit.cog.snapshot()
    reopened = visit.again(snapshot=kept)
    visit.agree(await told(visit.cog), await told(reopened), "a file and its snapshot")
    async for raster in _some(visit.cog):
        repr(raster)


async def alike(visit: Visit) -> None:
    """Files with nearly the same header say what they say where nothing is known of the others."""
    await same_as_alone(visit, visit.data)
    head = min(len(visit.data), visit.random.choice(HEADS))
    for _ in range(3):
        data = bytearray(visit.data)
        data[visit.random.randrange(head)] ^= 1 << visit.random.randrange(8)
        if visit.random.random() < 0.3:
            data += bytes(visit.random.randrange(1, 100))
        await same_as_alone(visit, bytes(data))
    await same_as_alone(visit, visit.data)


async def same_as_alone(visit: Visit, data: bytes) -> None:
    found = await told(tinycog.open(data, limits=visit.limits))
    with nothing_recalled():
        alone = await told(tinycog.open(data, limits=visit.limits))
    if repr(found) != repr(alone):
        message = f"a header and the same one recalled: {alone!r:.1500} and {found!r:.1500}"
        raise Differs(message)


async def _some(cog: Cog):
    """The first tiles of the last level, as far as they can be read."""
    stream = cog.iter_tiles(level=len(cog.levels) - 1)
    try:
        for _ in range(3):
            found = await outcome(partial(anext, stream, None))
            if found is None or is_error(found):
                return
            yield found
    finally:
        await stream.aclose()


async def same_however_it_comes(visit: Visit) -> None:
    source = Shattered(visit.data, visit.random)
    head = visit.random.choice(HEADS)
    slowly = tinycog.open(source, limits=visit.limits, head_bytes=head)
    whole = visit.again()
    visit.agree(await told(whole), await told(slowly), "a file and its pieces")
    one, other = [await outcome(partial(cog.read_tile, 0, 0, 0)) for cog in (whole, slowly)]
    visit.agree(one, other, "a tile and its pieces")


async def told(cog: Cog) -> Any:
    """What a handle tells that must not depend on how its bytes came."""
    opened = await outcome(lambda: cog)
    if is_error(opened):
        return opened
    facts = [await outcome(partial(getattr, cog, name)) for name in COMPARED]
    names = [type(fact).__name__ if is_error(fact) else fact for fact in facts]
    levels = [(repr(level), level.has_mask, repr(level.transform)) for level in cog.levels]
    return names, levels, await outcome(cog.tags)


STEPS = (
    (facts, alike, tiles, windows, plans, splits),
    (facts, alike, tiles, points, web, splits),
)
"""Of even turns, and of odd ones."""

UNGUARDED = (facts, tiles, windows)
"""Under the default limits, which allow what takes seconds."""
