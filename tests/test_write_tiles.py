"""Blocks to tiles, tiles with what lies around them, statistics: whatever the order."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportPossiblyUnboundVariable=false
from __future__ import annotations

import itertools
import tracemalloc
from random import Random

import numpy as np
import pytest

from tinycog.errors import UsageError
from tinycog.targets.spool import Spool
from tinycog.writer.assemble import Assembler, Pixels
from tinycog.writer.grid import TileGrid, in_squares, row_by_row
from tinycog.writer.halos import Halos, Margins
from tinycog.writer.pixel_source import Region
from tinycog.writer.statistics import StatisticsTree, moments_of

IMAGE = np.random.default_rng(7).integers(0, 60_000, (83, 131, 2)).astype(np.uint16)
VALID = np.random.default_rng(8).random((83, 131)) < 0.7
GRID = TileGrid(83, 131, 16)


def cuts(region: Region, random: Random) -> list[Region]:
    """Cut a region into random ones."""
    rows, cols = region.rows, region.cols
    if rows * cols < 300 or random.random() < 0.1:
        return [region]
    if random.random() < rows / (rows + cols) and rows > 1:
        at = region.row + random.randrange(1, rows)
        parts = [region._replace(row_stop=at), region._replace(row=at)]
    else:
        at = region.col + random.randrange(1, cols)
        parts = [region._replace(col_stop=at), region._replace(col=at)]
    return [one for part in parts for one in cuts(part, random)]


def of(region: Region, *, masked: bool = True) -> Pixels:
    place = np.s_[region.row : region.row_stop, region.col : region.col_stop]
    return Pixels(region, IMAGE[place], VALID[place] if masked else None)


def assembler(*, checked: bool = True, fill: float | None = None, has_valid: bool = True):
    return Assembler(
        GRID, 0, 2, IMAGE.dtype, planar=False, has_valid=has_valid, fill=fill, checked=checked
    )


@pytest.mark.parametrize("seed", range(20))
def test_any_cut_in_any_order_gives_each_tile_once(seed):
    random = Random(seed)  # noqa: S311 - no secret
    blocks = cuts(GRID.whole, random)
    random.shuffle(blocks)
    made = assembler(checked=bool(seed % 2))
    tiles = [tile for block in blocks for tile in made.put(of(block))]

    assert sorted((tile.y, tile.x) for tile in tiles) == list(
        itertools.product(range(GRID.down), range(GRID.across))
    )
    for tile in tiles:
        expected = of(tile.region)
        np.testing.assert_array_equal(tile.samples, expected.samples)
        valid = np.ones(expected.valid.shape, bool) if tile.valid is None else tile.valid
        np.testing.assert_array_equal(valid, expected.valid)
    assert made.nbytes == 0
    assert made.missing() is None


@pytest.mark.parametrize(
    "again", [Region(0, 0, 83, 131), Region(20, 20, 21, 21), Region(80, 128, 83, 131)]
)
def test_a_pixel_that_comes_twice_is_named(again):
    made = assembler()
    list(made.put(of(Region(0, 0, 83, 131))))
    with pytest.raises(UsageError, match="come a second time"):
        list(made.put(of(again)))


def test_a_pixel_that_comes_twice_in_a_tile_that_is_not_whole_is_named():
    made = assembler()
    list(made.put(of(Region(0, 0, 10, 10))))
    with pytest.raises(UsageError, match=r"rows 0 to 16, columns 0 to 16 come a second time"):
        list(made.put(of(Region(0, 0, 83, 131))))
    made = assembler()
    list(made.put(of(Region(0, 0, 10, 10))))
    with pytest.raises(UsageError, match=r"rows 9 to 12, columns 9 to 12 come a second time"):
        list(made.put(of(Region(9, 9, 12, 12))))


def test_what_never_comes_is_named_or_filled():
    made = assembler(fill=7)
    tiles = list(made.put(of(Region(0, 0, 40, 131))))
    assert made.missing() == Region(32, 0, 48, 16)
    assert made.count_missing == 4 * 9
    rest = list(made.rest())
    assert len(tiles) + len(rest) == 3 * 9
    for tile in rest:
        np.testing.assert_array_equal(tile.samples[:8], of(tile.region).samples[:8])
        assert (tile.samples[8:] == 7).all()
        assert tile.valid is not None
        np.testing.assert_array_equal(tile.valid[:8], of(tile.region).valid[:8])
        assert not tile.valid[8:].any()


@pytest.mark.parametrize("margins", [(0, 0, 0, 0), (1, 0, 1, 0), (1, 0, 0, 0), (3, 3, 3, 3)])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("is_put_aside", [False, True])
async def test_each_tile_comes_with_the_pixels_around_it(margins, seed, is_put_aside):
    random = Random(seed)  # noqa: S311 - no secret
    halos = Halos(GRID, 0, Margins(*margins), None, Spool(), has_valid=True)
    places = [(y, x) for y in range(GRID.down) for x in range(GRID.across)]
    random.shuffle(places)
    made = assembler()
    found = []
    for y, x in places:
        for tile in made.put(of(GRID.region(y, x))):
            found += [one async for one in halos.put(tile)]
            while is_put_aside and halos.nbytes:
                await halos.put_aside()

    assert sorted((tile.y, tile.x) for tile, _ in found) == sorted(places)
    for tile, around in found:
        assert around.region == Margins(*margins).around(tile.region, GRID)
        expected = of(around.region)
        np.testing.assert_array_equal(around.samples, expected.samples)
        valid = np.ones(expected.valid.shape, bool) if around.valid is None else around.valid
        np.testing.assert_array_equal(valid, expected.valid)
    assert halos.nbytes == 0


@pytest.mark.parametrize("bands", [1, 3])
async def test_tiles_that_wait_take_the_memory_that_is_counted(bands):
    """They are cut from blocks, which would stay whole with each."""
    grid = TileGrid(2000, 4000, 128)
    halos = Halos(grid, 0, Margins(3, 3, 3, 3), None, Spool(), has_valid=True)
    made = Assembler(
        grid, 0, bands, np.dtype("u1"), planar=True, has_valid=True, fill=None, checked=False
    )
    tracemalloc.start()
    try:
        for col in range(0, 4000, 250):
            samples = np.ones((bands, 250, 250), np.uint8).transpose(1, 2, 0)
            block = Pixels(Region(0, col, 250, col + 250), samples, np.eye(250, dtype=bool))
            for tile in made.put(block):
                assert [one async for one in halos.put(tile)] == []
            del block, samples, tile
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert halos.nbytes > 15 * 128 * 128 * (bands + 1)
    assert taken < 1.1 * (halos.nbytes + made.nbytes)


@pytest.mark.parametrize("order", [row_by_row, in_squares])
@pytest.mark.parametrize("step", [(16, 16), (16, 131), (32, 48)])
async def test_nothing_waits_for_what_lies_above_or_to_the_left(order, step):
    """In both orders: so memory does not grow with the image."""
    halos = Halos(GRID, 0, Margins(1, 0, 1, 0), None, Spool(), has_valid=True)
    made = assembler()
    for region in order(GRID, step):
        for tile in made.put(of(region)):
            assert len([one async for one in halos.put(tile)]) == 1


@pytest.mark.parametrize("order", [row_by_row, in_squares])
def test_orders_cover_each_pixel_once(order):
    seen = np.zeros((83, 131), int)
    for region in order(GRID, (32, 16)):
        seen[region.row : region.row_stop, region.col : region.col_stop] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_statistics_are_exact_and_the_same_in_any_order(dtype):
    image = IMAGE[:, :, 0].astype(dtype)
    if image.dtype.kind == "f":
        image[::7, ::5] = np.nan
    results = set()
    for seed in range(5):
        places = [(y, x) for y in range(GRID.down) for x in range(GRID.across)]
        Random(seed).shuffle(places)  # noqa: S311 - no secret
        tree = StatisticsTree()
        for y, x in places:
            region = GRID.region(y, x)
            place = np.s_[region.row : region.row_stop, region.col : region.col_stop]
            pixels = np.asfortranarray(image[place]) if seed % 2 else image[place]
            tree.add(y * GRID.across + x, [moments_of(pixels, VALID[place])])
        (moments,) = tree.result()
        results.add((*moments, moments.deviation))
    assert len(results) == 1
    values = image[VALID & ~np.isnan(image.astype(float))].astype(np.float64)
    found = moments
    assert (found.pixels, found.lowest, found.highest) == (len(values), values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-13)
    assert found.deviation == pytest.approx(values.std(), rel=1e-13)
