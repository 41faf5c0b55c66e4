"""Files of many kinds, judged by all readers that are installed; the same bytes however written."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC
from writing import identity, run
from writing.matrix import cases

import tinycog
from tinycog.errors import UsageError, WriteError
from tinycog.writer.grid import TileGrid
from tinycog.writer.halos import Margins
from tinycog.writer.options import check_options
from tinycog.writer.plan import LevelShape, Needs, make_plan

MIB = 1 << 20

pytestmark = pytest.mark.filterwarnings("ignore:Dataset has no geotransform")


async def written(source, **options):
    return (await tinycog.write(bytes, source, **options)).data


def ramp(rows=130, cols=97, dtype=np.uint8):
    return (np.add.outer(np.arange(rows), np.arange(cols)) % 97).astype(dtype)[None]


@pytest.mark.parametrize("seed", [1, 2])
def test_files_of_many_kinds_are_right_to_all_readers(seed, tmp_path):
    pytest.importorskip("tifffile", reason="it is one of the judges")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of readers: no georeference
        for case in cases(12, seed):
            fate, texts = run.judged(case, tmp_path / "a.tif", None)
            if fate == "failed" or texts:
                found[case.name] = texts
    assert found == {}


@pytest.mark.parametrize("name", ["deflate", "tiles-cubic", "mask"])
def test_the_same_bytes_whatever_source_target_and_threads(name):
    chosen = identity.combinations()[len(name) :: 13]
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(identity.hashes(name, chosen, Path(folder)))
    assert len(found) == 1, found


# --- what was wrong once --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["nearest", "average", "mode"])
@pytest.mark.parametrize("size", [(17, 64), (64, 17), (33, 33)])
async def test_a_last_odd_row_of_gdals_sizes_does_not_write_over_others(method, size):
    pixels = np.full((1, *size), 5, np.float32)
    options = {"like": "gdal", "overview_resampling": method, "blocksize": 16}
    async with tinycog.open(await written(pixels, **options)) as cog:
        for z in range(1, len(cog.levels)):
            assert ((await cog.read_level(z)).data == 5).all()


@pytest.mark.parametrize("bits", [1, 2, 4])
async def test_a_palette_has_as_many_colours_as_the_bits_allow(bits, tmp_path):
    pixels = ramp() % (1 << bits)
    colours = {i: (i, 2 * i, 3 * i, 255) for i in range(1 << bits)}
    path = tmp_path / "a.tif"
    await tinycog.write(path, pixels, bits=bits, colormap=colours)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.colormap(1) == colours


async def test_with_alpha_the_other_bands_keep_their_facts(tmp_path):
    pixels = np.ma.MaskedArray(ramp(), ramp() > 90)
    path = tmp_path / "a.tif"
    facts = {"scales": [0.5], "offsets": [3.0], "units": ["m"], "descriptions": ["height"]}
    await tinycog.write(path, pixels, mask="alpha", statistics=True, **facts)
    with rasterio.open(path) as dataset:
        assert dataset.scales == (0.5, 1.0)
        assert dataset.descriptions == ("height", None)
        assert dataset.tags(1)["STATISTICS_MAXIMUM"] == "90"
        assert "STATISTICS_MAXIMUM" not in dataset.tags(2)


async def test_infinite_values_have_no_statistics():
    pixels = ramp(dtype=np.float32)
    pixels[0, 0] = np.inf
    async with tinycog.open(await written(pixels, statistics=True)) as cog:
        assert 1 not in cog.stored_stats


async def test_points_and_coefficients_of_rasterio_are_taken(tmp_path):
    points = [GroundControlPoint(0, 0, 10, 50), GroundControlPoint(9, 0, 10, 49, 5)]
    line = [float(i) for i in range(20)]
    rpcs = RPC(1.0, 2.0, 3.0, 4.0, line, line, 5.0, 6.0, 7.0, 8.0, line, line, 9.0, 10.0)
    path = tmp_path / "a.tif"
    await tinycog.write(path, ramp(), crs=4326, gcps=points)
    with rasterio.open(path) as dataset:
        assert [(p.row, p.col, p.x, p.y, p.z) for p in dataset.gcps[0]] == [
            (0, 0, 10, 50, 0),
            (9, 0, 10, 49, 5),
        ]
    await tinycog.write(path, ramp(), rpcs=rpcs)
    with rasterio.open(path) as dataset:
        assert dataset.rpcs.line_num_coeff == line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodata": "5"}, "nodata is a number"),
        ({"nodata": True}, "nodata is a number"),
        ({"sparse": "no"}, "sparse is one of False, True"),
        ({"bigtiff": "yes"}, "bigtiff is one of False, True"),
        ({"statistics": "yes"}, "statistics is one of False, True"),
        ({"area_or_point": "area"}, "area_or_point is 'Area' or 'Point'"),
        ({"scales": ["x"]}, "scales is a sequence of finite numbers"),
        ({"tags": {"a": 1}}, "tags is a mapping of names to texts"),
        ({"gcps": [5]}, "gcps is a sequence of GroundControlPoint"),
        ({"rpcs": "x"}, "rpcs are an RPC"),
        ({"mask": "alpha", "compression": "jpeg"}, "blurred by a lossy codec"),
        ({"bits": 1, "overview_resampling": "average", "blocksize": 16}, "single bits"),
    ],
)
async def test_what_means_nothing_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        await written(ramp(), **options)


# --- errors and memory ----------------------------------------------------------------------------


async def test_an_error_at_any_tile_stops_the_write_and_publishes_nothing(monkeypatch, tmp_path):
    from tinycog.encode.tile import TileEncoder  # noqa: PLC0415 - private

    whole = TileEncoder.encode
    for bad in range(0, 400, 97):
        left = iter(range(bad))

        def encode(self, samples, left=left):
            if next(left, None) is None:
                raise RuntimeError("no more")
            return whole(self, samples)

        monkeypatch.setattr(TileEncoder, "encode", encode)
        with pytest.raises(WriteError, match=r"level \d, tile x=\d+, y=\d+ cannot be written"):
            await tinycog.write(tmp_path / "a.tif", ramp(640, 640), blocksize=32, predictor=1)
        assert list(tmp_path.iterdir()) == []


async def test_tiles_that_wait_for_their_neighbours_are_put_aside():
    pixels = np.random.default_rng(1).integers(0, 9, (1, 1500, 1700), dtype=np.uint8)
    options = {"overview_resampling": "cubic", "blocksize": 128, "compression": "none"}
    told = {"shape": pixels.shape, "dtype": pixels.dtype}
    blocks = list(identity.blocks(pixels, 3))
    with pytest.raises(tinycog.LimitError) as caught:
        await tinycog.write(bytes, iter(blocks), memory=1, **told, **options)
    data = await written(iter(blocks), memory=caught.value.asked, **told, **options)
    assert data == await written(pixels, **options)


async def test_a_file_is_written_over_the_one_that_it_is_made_of(tmp_path):
    path = tmp_path / "a.tif"
    await tinycog.write(path, ramp(), blocksize=32)
    await tinycog.write(path, tinycog.open(path), blocksize=64, compression="zstd")
    async with tinycog.open(path) as cog:
        np.testing.assert_array_equal((await cog.read()).data, ramp())
    assert list(tmp_path.iterdir()) == [path]


def test_many_processors_need_no_more_memory():
    """Fewer tiles are worked on at once, instead."""
    grid = TileGrid(20_000, 20_000, 512)
    levels = [LevelShape(grid, Margins(0, 0, 0, 0), is_stored=True)]
    memory = check_options().memory
    for threads in (1, 8, 64, 256):
        needs = Needs(
            pixel=3,
            payloads=1,
            chunk=(1, 1),
            is_asked=True,
            copies=False,
            held=8 * MIB,
            threads=threads,
            memory=memory,
            worker=20 * MIB,
        )
        plan = make_plan(levels, needs)
        assert plan.memory <= memory
        assert plan.in_flight <= threads + 2


def test_batches_of_tiles_are_large_where_there_is_room_and_each_thread_has_several():
    needs = Needs(
        pixel=4, payloads=1, chunk=(1, 1), is_asked=True, copies=False, held=0, threads=2,
        memory=256 * MIB, worker=4 * MIB,
    )  # fmt: skip

    def batches(side: int, memory: int = 256 * MIB) -> tuple[int, int]:
        levels = [LevelShape(TileGrid(side, side, 512), Margins(0, 0, 0, 0), is_stored=True)]
        plan = make_plan(levels, needs._replace(memory=memory))
        assert (plan.order, plan.memory <= memory) == ("tile-rows", True)
        return plan.in_flight, plan.batch_bytes

    assert batches(10_000) == (3, 4 * MIB)
    assert batches(10_000, 40 * MIB) == (4, MIB)
    assert batches(10_000, 24 * MIB) == (2, MIB)
    assert batches(2_900) == (3, 2_900**2 * 4 // 16)
    assert batches(500) == (3, MIB)
