"""Overviews and masks in files beside a TIFF (`.ovr`, `.msk`), against GDAL, which reads them."""

import asyncio
import itertools
import pickle
import shutil

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from rasterio.enums import Resampling

import tinycog
from tinycog.errors import (
    AccessDeniedError,
    FormatError,
    SourceChangedError,
    SourceError,
    UnsupportedError,
)
from tinycog.testing import RangeServer, make_image, make_tiff
from tinycog.tiff.ranges import ByteRange

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIZE = 500, 700
MASK = np.full(SIZE, 255, np.uint8)
MASK[:100, :300] = 0


def pixels(count=1, dtype: npt.DTypeLike = np.uint8):
    rng = np.random.default_rng(3)
    return rng.integers(1, 255, (count, *SIZE)).astype(dtype)


def write(path, data=None, *, tags=None, **options):
    data = pixels() if data is None else data
    profile = {"width": data.shape[2], "height": data.shape[1], "count": len(data)} | options
    tiling = {"tiled": True, "blockxsize": 128, "blockysize": 128}
    with rasterio.open(path, "w", driver="GTiff", dtype=data.dtype, **tiling, **profile) as dataset:
        dataset.write(data)
        dataset.update_tags(**(tags or {}))


def add_overviews(path, factors=(2, 4), *, beside=True):
    env = rasterio.Env(TIFF_USE_OVR="YES" if beside else "NO")
    with env, rasterio.open(path, "r+") as dataset:
        dataset.build_overviews(list(factors), Resampling.nearest)


def add_mask(path, mask=MASK, *, beside=True):
    env = rasterio.Env(GDAL_TIFF_INTERNAL_MASK="NO" if beside else "YES")
    with env, rasterio.open(path, "r+") as dataset:
        dataset.write_mask(mask)


def gdal_levels(path):
    """Return the pixels of each level, as GDAL reads them."""
    with rasterio.open(path) as dataset:
        found = [dataset.read()]
        count = len(dataset.overviews(1))
    for z in range(count):
        with rasterio.open(path, overview_level=z) as dataset:
            found.append(dataset.read())
    return found


async def same_levels(cog, expected):
    assert len(cog.levels) == len(expected)
    for z, pixels in enumerate(expected):
        raster = await cog.read(level=z)
        assert np.array_equal(raster.data, pixels), z
        rows, cols = pixels.shape[1:]
        tile = await cog.read_tile(z, (cols - 1) // 128, (rows - 1) // 128)
        top, left = (rows - 1) // 128 * 128, (cols - 1) // 128 * 128
        assert np.array_equal(tile.data, pixels[:, top:, left:]), z


KINDS = {
    "plain": {},
    "deflate bands apart": {"count": 3, "compress": "deflate", "interleave": "band"},
    "nodata": {"nodata": 7},
    "white": {"photometric": "MINISWHITE"},
    "float": {"dtype": np.float32, "compress": "lzw", "predictor": 3},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_overviews_are_levels(kind, tmp_path):
    path = tmp_path / "a.tif"
    options = dict(KINDS[kind])
    data = pixels(options.pop("count", 1), options.pop("dtype", np.uint8))
    write(path, data, **options)
    add_overviews(path, (2, 4, 8))
    cog = await tinycog.open(path, sidecars=True)
    await same_levels(cog, gdal_levels(path))
    assert {level.nodata for level in cog.levels} == {options.get("nodata")}
    for z, level in enumerate(cog.levels):
        assert level.transform.a == pytest.approx(700 / level.width), z
    assert not [found for found in cog.findings if "sidecar" in found.rule]
    assert len((await tinycog.open(path)).levels) == 1


async def test_overviews_may_be_encoded_as_others_are_not(tmp_path):
    path = tmp_path / "a.tif"
    write(path, pixels(3), photometric="rgb", interleave="pixel")
    with rasterio.Env(COMPRESS_OVERVIEW="JPEG", PHOTOMETRIC_OVERVIEW="YCBCR"):
        add_overviews(path)
    cog, beside = await tinycog.open(path, sidecars=True), await tinycog.open(f"{path}.ovr")
    assert len(cog.levels) == 1 + len(beside.levels) == 3
    for z, level in enumerate(beside.levels):
        assert level.compression.startswith("JPEG")
        expected = (await beside.read(level=z)).data
        assert np.array_equal((await cog.read(level=z + 1)).data, expected)
        assert await cog.read_tile_bytes(z + 1, 0, 0) == await beside.read_tile_bytes(z, 0, 0)


async def test_a_level_is_used_where_levels_are(tmp_path):
    path = tmp_path / "a.tif"
    write(path)
    add_overviews(path)
    full, half, _ = gdal_levels(path)
    cog = await tinycog.open(path, sidecars=True)
    small = await cog.read(shape=(250, 350))
    assert small.level == 1
    assert np.array_equal(small.data, half)
    values = await cog.points([(10.2, 20.3)], level=1)
    assert values.data.tolist() == [half[:, 20 // 2, 10 // 2].tolist()]
    tiles = [tile async for tile in cog.iter_tiles(level=1)]
    assert np.array_equal(tiles[0].data, half[:, :128, :128])
    mixed = await cog.read_tiles([(0, 0, 0), (1, 0, 0), (0, 1, 0)])
    assert np.array_equal(mixed[0].data, full[:, :128, :128])
    assert np.array_equal(mixed[1].data, half[:, :128, :128])
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    assert np.array_equal((await again.read(level=1)).data, half)
    assert await cog.read_tag("ImageWidth", level=1) == (350,)
    assert await cog.read_tile_bytes(1, 0, 0) == half[:, :128, :128].tobytes()
    place = (await cog.tile_ranges(1))[0]
    stored = (tmp_path / "a.tif.ovr").read_bytes()
    assert stored[place.offset :][: place.length] == half[:, :128, :128].tobytes()


async def test_palettes_keep_the_colours_of_the_file(tmp_path):
    path = tmp_path / "a.tif"
    write(path, pixels() % 4, photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {i: (i * 80, 255 - i * 80, 7, 255) for i in range(4)})
    add_overviews(path)
    cog = await tinycog.open(path, sidecars=True)
    _, half, _ = gdal_levels(path)
    raster = await cog.read(level=1, rgb=True)
    assert raster.data[:, 5, 9].tolist() == [half[0, 5, 9] * 80, 255 - half[0, 5, 9] * 80, 7]


@pytest.mark.parametrize(("internal", "beside"), [((2, 4), (4, 8)), ((), (2, 4))])
async def test_overviews_of_the_file_count_before_those_beside(internal, beside, tmp_path):
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    write(path)
    if internal:
        add_overviews(path, internal, beside=False)
    write(other)
    add_overviews(other, beside)
    shutil.copy(f"{other}.ovr", f"{path}.ovr")
    cog = await tinycog.open(path, sidecars=True)
    await same_levels(cog, gdal_levels(path))
    rules = [found.rule for found in cog.findings]
    assert rules == (["gdal.sidecar.overviews"] if internal else [])


@pytest.mark.parametrize("kind", ["dtype", "shape", "broken"])
async def test_what_is_no_overview_is_left_out_with_a_finding(kind, tmp_path):
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    write(path)
    write(other, pixels(dtype=np.uint16) if kind == "dtype" else pixels()[:, :300, :200])
    add_overviews(other)
    data = (tmp_path / "b.tif.ovr").read_bytes()
    (tmp_path / "a.tif.ovr").write_bytes(data[:20] if kind == "broken" else data)
    cog = await tinycog.open(path, sidecars=True)
    assert len(cog.levels) == 1
    assert {found.rule for found in cog.findings} == {"gdal.sidecar.overviews"}
    assert "a.tif.ovr" in cog.findings[0].message
    assert np.array_equal((await cog.read(shape=(125, 175))).data.shape, (1, 125, 175))


STATES = ("none", "internal", "beside")


@pytest.mark.parametrize(("overviews", "mask"), [*itertools.product(STATES, STATES[1:])])
@pytest.mark.parametrize("order", ["mask first", "overviews first"])
async def test_a_mask_reaches_all_levels(overviews, mask, order, tmp_path):
    path = tmp_path / "a.tif"
    write(path, nodata=9)
    steps = [
        lambda: add_mask(path, beside=mask == "beside"),
        lambda: overviews == "none" or add_overviews(path, beside=overviews == "beside"),
    ]
    for step in steps if order == "mask first" else reversed(steps):
        step()
    cog = await tinycog.open(path, sidecars=True)
    expected = gdal_levels(path)
    await same_levels(cog, expected)
    for z, found in enumerate(expected):
        valid = MASK[:: 1 << z, :: 1 << z] != 0
        assert valid.shape == found.shape[1:]
        raster = await cog.read(level=z)
        assert np.array_equal(raster.mask, valid)
        tile = await cog.read_tile(z, 0, 0)
        assert np.array_equal(tile.mask, valid[:128, :128])
    with rasterio.open(path) as dataset:
        assert np.array_equal((await cog.read()).mask, dataset.dataset_mask() != 0)
    values = await cog.points([(10, 10), (400, 10)])
    assert values.mask.tolist() == [False, True]


async def test_a_mask_of_the_file_counts_before_one_beside(tmp_path):
    path, other = tmp_path / "a.tif", tmp_path / "b.tif"
    write(path)
    add_mask(path, beside=False)
    write(other)
    add_mask(other, np.where(MASK, 0, 255).astype(np.uint8))
    shutil.copy(f"{other}.msk", f"{path}.msk")
    cog = await tinycog.open(path, sidecars=True)
    with rasterio.open(path) as dataset:
        assert np.array_equal((await cog.read()).mask, dataset.dataset_mask() != 0)
    assert [found.rule for found in cog.findings] == ["gdal.sidecar.mask"]


FLAGGED = {"INTERNAL_MASK_FLAGS_1": "2"}


@pytest.mark.parametrize("values", [1, 128, 300])
async def test_what_is_not_0_is_valid(values, tmp_path):
    path = tmp_path / "a.tif"
    write(path)
    dtype = np.uint16 if values > 255 else np.uint8
    write(f"{path}.msk", np.where(MASK, values, 0).astype(dtype)[None], tags=FLAGGED)
    cog = await tinycog.open(path, sidecars=True)
    assert np.array_equal((await cog.read()).mask, MASK != 0)
    with rasterio.open(path) as dataset:
        assert np.array_equal(dataset.dataset_mask() != 0, MASK != 0)


async def test_a_mask_that_does_not_say_so_is_none_as_in_gdal(tmp_path):
    path = tmp_path / "a.tif"
    write(path)
    write(f"{path}.msk", MASK[None])
    cog = await tinycog.open(path, sidecars=True)
    assert (await cog.read()).mask.all()
    with rasterio.open(path) as dataset:
        assert dataset.dataset_mask().all()
    assert [found.rule for found in cog.findings] == ["gdal.sidecar.mask"]


async def test_masks_that_cannot_be_used_are_errors(tmp_path):
    path = tmp_path / "a.tif"
    write(path)
    write(f"{path}.msk", MASK[None], tags={"INTERNAL_MASK_FLAGS_1": "0"})
    with pytest.raises(UnsupportedError, match="masks of single bands") as caught:
        await tinycog.open(path, sidecars=True).read_tile(0, 0, 0)
    assert "leave out sidecars=True" in str(caught.value)
    write(f"{path}.msk", MASK[None, :250, :350], tags=FLAGGED)
    with pytest.raises(FormatError, match=r"a\.tif\.msk has 350 by 250 pixels, level 0 has 700"):
        await tinycog.open(path, sidecars=True)
    (tmp_path / "a.tif.msk").write_bytes(b"II*\0\x08\0\0\0")
    with pytest.raises(FormatError, match=r"a\.tif\.msk"):
        await tinycog.open(path, sidecars=True)
    assert (await tinycog.open(path).read()).mask.all()


def served(tmp_path, *, mask, overviews):
    """Return a file and those beside it, by their names."""
    path = tmp_path / "a.tif"
    write(path, compress="deflate")
    if mask:
        add_mask(path)
    if overviews:
        add_overviews(path)
    return {found.name: found.read_bytes() for found in tmp_path.glob("a.tif*")}


async def test_the_plan_is_what_is_sent(tmp_path):
    async with RangeServer(served(tmp_path, mask=True, overviews=True)) as server:
        cog = await tinycog.open(server.url("a.tif"), sidecars=True)
        assert [level.shape[1:] for level in cog.levels] == [SIZE, (250, 350), (125, 175)]
        for reads in (
            lambda cog: (cog.plan(level=1), cog.read(level=1)),
            lambda cog: (cog.plan(0, 4, 2), cog.read_tile(0, 4, 2)),
            lambda cog: (cog.plan([(2, 1, 0), (0, 1, 1)]), cog.read_tiles([(2, 1, 0), (0, 1, 1)])),
        ):
            cog = await tinycog.open(server.url("a.tif"), sidecars=True)
            plan, read = reads(cog)
            plan = await plan
            before = len(server.log)
            await read
            sent = sorted(
                (entry.path.removeprefix("a.tif"), entry.start, entry.stop)
                for entry in server.log[before:]
            )
            planned = [("", *part) for part in plan.requests]
            planned += [(name, *part) for name, parts in plan.beside.items() for part in parts]
            assert sent == sorted(planned)
            assert plan.bytes == sum(ByteRange(*part).length for _, *part in planned)
            assert f"{len(sent)} requests" in repr(plan)


async def test_what_lies_beside_a_mask_is_asked_for_once_it_is_there(tmp_path):
    names = {".aux.xml", ".ovr", ".msk", ".tfw", ".tifw", ".wld", ""}
    async with RangeServer({"a.tif": served(tmp_path, mask=False, overviews=False)["a.tif"]}) as s:
        cog = await tinycog.open(s.url("a.tif"), sidecars=True)
        assert {request.sidecar for request in cog.requests} == names
        assert len({entry.path for entry in s.log}) == len(names)
    async with RangeServer(served(tmp_path, mask=True, overviews=False)) as s:
        cog = await tinycog.open(s.url("a.tif"), sidecars=True)
        assert {request.sidecar for request in cog.requests} == {*names, ".msk.ovr"}
        assert len({entry.path for entry in s.log}) == len(names) + 1


async def test_a_replaced_sidecar_is_never_mixed(tmp_path):
    files = served(tmp_path, mask=False, overviews=True)
    async with RangeServer(files) as server:
        cog = await tinycog.open(server.url("a.tif"), sidecars=True)
        await cog.read_tile(1, 0, 0)
        write(tmp_path / "b.tif", pixels() // 2)
        add_overviews(tmp_path / "b.tif")
        server.files["a.tif.ovr"] = (tmp_path / "b.tif.ovr").read_bytes()
        with pytest.raises(SourceChangedError, match=r"a\.tif\.ovr"):
            await cog.read_tile(1, 1, 1)
        assert (await cog.read_tile(0, 1, 1)).data.any()


async def test_access_denied_counts_as_absent_and_no_answer_does_not():
    class Files:
        def __init__(self, error):
            self.error = error

        def cat_file(self, path, start=None, end=None):
            if path != "a.tif":
                raise self.error(path)
            return make_tiff([make_image(np.ones((1, 16, 16), np.uint8))])[start:end]

    cog = await tinycog.open("a.tif", fs=Files(PermissionError), sidecars=True)
    assert {found.rule for found in cog.findings} == {"gdal.sidecar.names"}
    with pytest.raises(SourceError) as caught:
        await tinycog.open("a.tif", fs=Files(OSError), sidecars=True)
    assert not isinstance(caught.value, AccessDeniedError)


async def test_one_that_fails_ends_the_others():
    class Files:
        async_impl = True
        asynchronous = True

        def cat_file(self, path, start=None, end=None):
            raise NotImplementedError

        async def _cat_file(self, path, *_):
            if path.endswith(".msk"):
                raise OSError(path)
            await asyncio.sleep(60)

    limits = tinycog.Limits(retries=tinycog.Retries(tries=1))
    with pytest.raises(SourceError):
        await tinycog.open("a.tif", fs=Files(), sidecars=True, limits=limits)
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == {asyncio.current_task()}
