"""`tinycog.write`: what readers get of it, and what is refused."""

# pyright: reportArgumentType=false, reportOptionalMemberAccess=false
from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import weakref
from random import Random

import numpy as np
import pytest
import rasterio
from affine import Affine

import tinycog
import tinycog.sync
from tinycog.errors import LimitError, UsageError, WriteError

RNG = np.random.default_rng(5)
PLACE = {"crs": 32633, "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}


def image(bands=1, rows=301, cols=203, dtype=np.uint16):
    ramp = np.add.outer(np.arange(rows), np.arange(cols)) // 3 % 97
    pixels = ramp[None] + RNG.integers(0, 5, (bands, rows, cols))
    pixels[:, : rows // 3, : cols // 2] = 7
    return pixels.astype(dtype)


async def written(source, **options):
    return (await tinycog.write(bytes, source, **options)).data


def blocks_of(pixels, seed):
    """Cut an image at random, in any order."""
    random = Random(seed)  # noqa: S311 - no secret
    _, rows, cols = pixels.shape
    downs = sorted({0, rows, *(random.randrange(rows) for _ in range(5))})
    acrosses = sorted({0, cols, *(random.randrange(cols) for _ in range(5))})
    places = list(itertools.product(itertools.pairwise(downs), itertools.pairwise(acrosses)))
    random.shuffle(places)
    for (top, bottom), (left, right) in places:
        yield (top, left), pixels[:, top:bottom, left:right]


async def test_a_file_is_read_back_as_it_was(tmp_path):
    pixels = image(3)
    path = tmp_path / "a.tif"

    done = await tinycog.write(path, pixels, blocksize=64, nodata=7, **PLACE)

    assert done.length == path.stat().st_size
    assert done.plan.passes == 1
    async with tinycog.open(path) as cog:
        np.testing.assert_array_equal((await cog.read()).data, pixels)
        assert cog.findings == ()
        assert [level.shape[1:] for level in cog.levels] == [
            (301, 203),
            (151, 102),
            (76, 51),
            (38, 26),
        ]
        assert cog.nodata == 7
        assert cog.transform == PLACE["transform"]
        assert cog.crs is not None
        assert cog.crs.to_epsg() == 32633
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.crs.to_epsg() == 32633
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.overviews(1) == [2, 4, 8]


async def test_the_header_and_a_tile_take_one_request():
    data = await written(image(), blocksize=128)
    async with tinycog.open(data) as cog:
        await cog.read_tile(0, 0, 0)
        assert len(cog.requests) == 1


CONFIGURATIONS = {
    "deflate": {},
    "lzw-average": {"compression": "lzw", "overview_resampling": "average"},
    "zstd-bands": {"compression": "zstd", "interleave": "band", "overview_resampling": "mode"},
    "tiles": {"interleave": "tile", "overview_resampling": "cubic"},
    "jpeg": {"compression": "jpeg", "overview_resampling": "bilinear"},
    "auto": {"level": "auto", "statistics": True, "overview_resampling": "rms"},
    "big-endian": {"byte_order": ">", "bigtiff": True, "overview_resampling": "max"},
    "sparse": {"sparse": True, "nodata": 7, "overview_resampling": "min"},
    "fast": {"profile": "fast"},
    "earth-engine": {"profile": "earth-engine", "blocksize": 32},
    "gdal": {"like": "gdal", "overview_resampling": "average"},
    "mask": {"mask": "internal", "overview_resampling": "average"},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_the_same_pixels_give_the_same_bytes(name, tmp_path):
    """Whatever the blocks, their order, the layout in memory, the source, the target."""
    options = {"blocksize": 32, **CONFIGURATIONS[name]}
    pixels = image(3, dtype=np.uint8)
    found = {hashlib.sha256(await written(pixels, **options)).hexdigest()}
    for seed in range(4):
        data = await written(blocks_of(pixels, seed), shape=pixels.shape, dtype=np.uint8, **options)
        found.add(hashlib.sha256(data).hexdigest())
    found.add(hashlib.sha256(await written(np.asfortranarray(pixels), **options)).hexdigest())
    path = tmp_path / "a.tif"
    await tinycog.write(path, pixels, memory=128 << 20, **options)
    found.add(hashlib.sha256(path.read_bytes()).hexdigest())

    assert len(found) == 1


async def test_squares_give_the_same_bytes_as_rows():
    column = image(rows=600, cols=1, dtype=np.uint8)
    pixels = np.broadcast_to(column, (1, 600, 150_000))
    options = {"blocksize": 256, "compression": "zstd", "level": 1}
    rows = await tinycog.write(bytes, pixels, **options)
    less = await tinycog.write(bytes, pixels, memory=rows.plan.memory - 1, **options)
    squares = await tinycog.write(bytes, pixels, memory=less.plan.memory - 1, **options)
    orders = [one.plan.order for one in (rows, less, squares)]
    assert orders == ["tile-rows", "tile-rows", "squares"]
    assert rows.plan.batch_bytes > less.plan.batch_bytes
    assert rows.data == less.data == squares.data


async def test_tiles_that_are_not_whole_are_put_aside():
    """A source in an order of its own stays within the memory, too."""
    pixels = image(rows=1100, cols=1400)
    strips = [((0, col), pixels[:, :, col : col + 30]) for col in range(0, 1400, 30)]
    options = {"blocksize": 512, "compression": "zstd", "level": 1}
    plan = await tinycog.write(
        bytes, iter(strips), shape=pixels.shape, dtype=pixels.dtype, plan=True, **options
    )
    least = plan.memory
    data = await written(
        iter(strips), shape=pixels.shape, dtype=pixels.dtype, memory=least, **options
    )
    assert data == await written(pixels, **options)


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_block_is_used_up_when_the_next_one_is_asked_for(is_async):
    pixels = image(rows=120, cols=160)
    blocks: list[weakref.ref[np.ndarray]] = []

    def given():
        for row in range(0, 120, 40):
            for col in range(0, 160, 40):
                assert not [block for block in blocks if block() is not None]
                block = pixels[:, row : row + 40, col : col + 40].copy()
                blocks.append(weakref.ref(block))
                found = [((row, col), block)]
                del block
                yield found.pop()

    async def given_later():
        for pair in given():
            found = [pair]
            del pair
            yield found.pop()

    source = given_later() if is_async else given()
    data = await written(source, shape=pixels.shape, dtype=pixels.dtype, blocksize=64)
    assert len(blocks) == 12
    assert data == await written(pixels, blocksize=64)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "none", "interleave": "band"},
        {"overview_resampling": "cubic", "level": "auto"},
        {"nodata": 200},
        {"mask": "internal", "verify": True},
        {"sparse": True, "statistics": True},
        {"resume": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("step", [(64, 203), (64, 64), (128, 128), (50, 70)])
@pytest.mark.parametrize("is_async", [False, True])
async def test_an_iterator_may_fill_one_array_again_and_again(tmp_path, is_async, step, options):
    """What is needed of a block after the next one is asked for is the write's own."""
    pixels = image(2)
    whole = pixels
    if {"nodata", "mask"} & options.keys():
        whole = np.ma.masked_array(pixels, np.broadcast_to(pixels[0] % 5 == 0, pixels.shape))
    options = options | {"blocksize": 64}
    one = np.ma.zeros(whole.shape, whole.dtype) if np.ma.isMA(whole) else np.zeros_like(whole)
    if np.ma.isMA(one):
        one.mask = np.zeros(one.shape, bool)

    def given():
        for row, col in itertools.product(range(0, 301, step[0]), range(0, 203, step[1])):
            part = whole[:, row : row + step[0], col : col + step[1]]
            block = one[:, : part.shape[1], : part.shape[2]]
            block[...] = part
            yield (row, col), block
            block[...] = 99

    async def given_later():
        for pair in given():
            yield pair

    path = tmp_path / "a.tif"
    source = given_later() if is_async else given()
    await tinycog.write(path, source, shape=whole.shape, dtype=whole.dtype, **options)
    assert path.read_bytes() == await written(whole, **(options | {"resume": False}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nodata": [1, 2]}, "nodata is a number for all bands"),
        ({"nodata": "5"}, "nodata is a number for all bands"),
        ({"scales": 2.0}, "scales is a sequence, an item for each band"),
        ({"scales": ["a", "b"]}, "scales is a sequence of finite numbers"),
        ({"descriptions": "ab"}, "descriptions is a sequence"),
        ({"gcps": 5}, "gcps is a sequence of GroundControlPoint"),
        ({"tags": ["a"]}, "tags is a mapping"),
        ({"colormap": {0: 1}}, "colormap is {value"),
        ({"bits": "a"}, "bits must be an integer"),
        ({"progress": 5}, "progress is a function"),
        ({"verify": "x"}, "verify is one of"),
    ],
)
def test_an_argument_of_another_kind_is_named(given, message):
    with pytest.raises(UsageError, match=message):
        tinycog.write(bytes, image(2), **given)


def test_an_argument_of_many_lines_is_told_in_one():
    with pytest.raises(UsageError) as caught:
        tinycog.write(bytes, image(), nodata=np.zeros((30, 30)))
    (line,) = str(caught.value).splitlines()
    assert len(line) < 600


async def test_the_bytes_are_not_shown():
    assert len(repr(await tinycog.write(bytes, image(rows=300)))) < 2000


# --- meaning --------------------------------------------------------------------------------------


@pytest.mark.parametrize("nodata", [-3.4028234663852886e38, 3.4e38, -2e38])
async def test_a_nodata_that_overflows_is_as_to_gdal(nodata):
    """Compared by sum and difference, it equals all floats that are large enough."""
    pixels = image(rows=300, cols=200, dtype=np.float32)
    pixels[:, 40:200, 30:76] = nodata
    pixels[0, 0, :6] = [-1e30, 1e30, -1e35, 1e35, -2.5e38, 2.5e38]
    options = {"nodata": nodata, "overview_resampling": "average", "blocksize": 64}
    data = await written(pixels, **options, **PLACE)
    for level in range(2):
        chosen = {"overview_level": level - 1} if level else {}
        with rasterio.MemoryFile(data) as file, file.open(**chosen) as expected:
            valid = expected.dataset_mask() > 0
        raster = await tinycog.open(data).read(level=level)
        np.testing.assert_array_equal(raster.mask, valid)
        lost = valid[40 >> level : 200 >> level, 30 >> level : 76 >> level]
        assert not lost.any()
        assert np.count_nonzero(valid) > 0.8 * (valid.size - lost.size)


async def test_a_masked_array_has_a_mask_in_all_levels():
    pixels = image(3, dtype=np.uint8)
    valid = RNG.random((301, 203)) < 0.5
    valid[100:, :100] = False
    masked = np.ma.MaskedArray(pixels, np.broadcast_to(~valid, pixels.shape))

    data = await written(masked, blocksize=64, overview_resampling="average")

    async with tinycog.open(data) as cog:
        raster = await cog.read(masked=True)
        np.testing.assert_array_equal(raster.data, pixels)
        np.testing.assert_array_equal(raster.mask, valid)
        smaller = await cog.read_level(1, masked=True)
        assert not smaller.mask[51:, :49].any()
        assert smaller.mask[:50].any()


async def test_with_nodata_pixels_that_are_not_valid_have_it():
    pixels = image(dtype=np.int16)
    valid = RNG.random((301, 203)) < 0.5
    masked = np.ma.MaskedArray(pixels, ~valid[None])

    data = await written(masked, nodata=-9999, blocksize=64, overview_resampling="average")

    async with tinycog.open(data) as cog:
        raster = await cog.read()
        np.testing.assert_array_equal(raster.data, np.where(valid, pixels, -9999))
        smaller = (await cog.read_level(1)).data
        assert smaller[smaller != -9999].min() >= pixels.min()


@pytest.mark.parametrize("nodata", [-9999, np.nan])
async def test_a_valid_pixel_never_becomes_nodata(nodata):
    """By a mask's word it is valid: readers would find nodata, and nobody would know."""
    pixels = image(3, dtype=np.float32)
    pixels[1, 70, 200] = nodata
    pixels[:, :60, :60] = nodata
    masked = np.ma.MaskedArray(pixels, np.zeros(pixels.shape, bool))
    masked[:, :60, :60] = np.ma.masked
    masked[:, 150:, :] = np.ma.masked
    options = {"nodata": nodata, "blocksize": 64}
    with pytest.raises(WriteError, match=r"row 70, column 200 is valid, .* band 1 is") as caught:
        await written(masked, **options)
    assert (caught.value.level, caught.value.x, caught.value.y) == (0, 3, 1)

    async with tinycog.open(await written(masked, mask="internal", **options)) as cog:
        np.testing.assert_array_equal(
            (await cog.read(masked=True)).mask, ~np.ma.getmaskarray(masked)[0]
        )
    masked[1, 70, 200] = np.ma.masked
    async with tinycog.open(await written(masked, **options)) as cog:
        np.testing.assert_array_equal((await cog.read(masked=True)).mask, ~masked.mask.all(0))


async def test_without_a_mask_nodata_says_which_pixels_are_valid():
    """A mask image decides alone: pixels of nodata are not valid by it, either."""
    pixels = image()
    async with tinycog.open(await written(pixels, nodata=7, mask="internal")) as cog:
        np.testing.assert_array_equal((await cog.read(masked=True)).mask, pixels[0] != 7)


async def test_a_copy_of_a_file_keeps_pixels_that_its_mask_calls_valid():
    pixels = image()
    masked = np.ma.MaskedArray(pixels, pixels < 20)
    async with tinycog.open(await written(masked, mask="internal")) as cog:
        with pytest.raises(WriteError, match="which is read as nodata"):
            await written(cog, nodata=30)
        async with tinycog.open(await written(cog, nodata=7)) as copy:
            np.testing.assert_array_equal((await copy.read(masked=True)).mask, pixels[0] >= 20)


def of_tifffile(pixels, **options):
    """A file that tinycog would not write so."""
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.moveaxis(pixels, 0, -1), tile=(64, 64), **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha"])
async def test_a_copy_keeps_how_colours_and_alpha_belong_together(kind):
    """Colours that are multiplied by alpha are averaged as they are, others by their weight."""
    pixels = image(4, rows=300, cols=200, dtype=np.uint8)
    pixels[3] = RNG.integers(0, 3, pixels.shape[1:]) * 127
    pixels[:3] = np.minimum(pixels[:3], pixels[3])
    data = of_tifffile(pixels, photometric="rgb", extrasamples=[kind])
    premultiplied = {"ALPHA": "PREMULTIPLIED"} if kind == "assocalpha" else {}
    async with tinycog.open(data) as cog:
        assert cog.tags(3, ns="IMAGE_STRUCTURE") == premultiplied
        if premultiplied:
            with pytest.raises(UsageError, match="alpha of its own"):
                await written(cog, mask="alpha")
        made = await written(cog, blocksize=64, overview_resampling="average", **PLACE)
        cubic = await written(cog, blocksize=64, overview_resampling="cubic")

    with rasterio.MemoryFile(made) as memory, memory.open() as dataset:
        assert [one.name for one in dataset.colorinterp] == ["red", "green", "blue", "alpha"]
    async with tinycog.open(made) as copy:
        assert copy.tags(3, ns="IMAGE_STRUCTURE") == premultiplied
        np.testing.assert_array_equal((await copy.read()).data, pixels)
        squares = pixels.astype(float).reshape(4, 150, 2, 100, 2)
        weights = np.ones(squares.shape[1:]) if premultiplied else squares[3]
        total = np.maximum(weights.sum((1, 3)), 1)
        wanted = (squares[:3] * weights).sum((2, 4)) / total
        found = (await copy.read_level(1)).data[:3]
        assert np.abs(found - wanted).max() <= 0.5
    async with tinycog.open(cubic) as copy:
        smaller = (await copy.read_level(1)).data
        assert not premultiplied or (smaller[:3] <= smaller[3]).all()


async def test_a_copy_keeps_items_of_all_namespaces():
    facts = {"": {"a": "1"}, "MINE": {"b": "2 <&>", "A": "3"}, "X": {"c": "{}"}}
    with rasterio.MemoryFile() as memory:
        profile = {"driver": "GTiff", "width": 40, "height": 30, "count": 2, "dtype": "uint8"}
        with memory.open(**profile, transform=PLACE["transform"]) as dataset:
            for ns, items in facts.items():
                dataset.update_tags(ns=ns, **items)
                dataset.update_tags(2, ns=ns, **items)
        data = memory.read()
    async with tinycog.open(data) as cog:
        assert set(cog.tag_namespaces()) == {"", "MINE", "X", "IMAGE_STRUCTURE"}
        assert cog.tag_namespaces(0) == []
        made = await written(cog, tags={"own": "4"})
    async with tinycog.open(made) as copy:
        for ns, items in facts.items():
            assert copy.tags(1, ns=ns) == items
            assert copy.tags(ns=ns) == (items if ns else {"own": "4"})
        assert copy.tags(0) == {}


async def test_alpha_says_which_pixels_are_valid():
    pixels = image(3, dtype=np.uint8)
    valid = RNG.random((301, 203)) < 0.5
    masked = np.ma.MaskedArray(pixels, np.broadcast_to(~valid, pixels.shape))

    data = await written(masked, mask="alpha", blocksize=64)

    async with tinycog.open(data) as cog:
        assert cog.colorinterp == ("red", "green", "blue", "alpha")
        np.testing.assert_array_equal((await cog.read()).data[3], np.where(valid, 255, 0))


async def test_a_block_of_an_iterator_with_a_mask_needs_a_word():
    pixels = image()
    masked = np.ma.MaskedArray(pixels, pixels == 7)
    options = {"shape": pixels.shape, "dtype": pixels.dtype, "blocksize": 64}
    with pytest.raises(UsageError, match=r"pass nodata=, or mask=\"internal\""):
        await written(iter([((0, 0), masked)]), **options)
    data = await written(iter([((0, 0), masked)]), mask="internal", **options)
    async with tinycog.open(data) as cog:
        np.testing.assert_array_equal((await cog.read(masked=True)).mask, pixels[0] != 7)


async def test_statistics_are_those_of_the_valid_pixels():
    pixels = image()
    data = await written(pixels, nodata=7, statistics=True, blocksize=64)
    values = pixels[pixels != 7].astype(float)
    async with tinycog.open(data) as cog:
        found = cog.stored_stats[1]
        assert (found.min, found.max) == (values.min(), values.max())
        assert found.mean == pytest.approx(values.mean(), rel=1e-14)
        assert found.std == pytest.approx(values.std(), rel=1e-14)
        assert found.valid_percent == pytest.approx(100 * values.size / pixels.size, rel=1e-12)


async def test_sparse_tiles_are_not_stored():
    pixels = np.zeros((1, 512, 512), np.uint8)
    pixels[0, 300:400, 300:400] = 9
    sparse = await written(pixels, blocksize=64, sparse=True, compression="none")
    dense = await written(pixels, blocksize=64, compression="none")
    assert len(sparse) < len(dense) / 4
    async with tinycog.open(sparse) as cog:
        np.testing.assert_array_equal((await cog.read()).data, pixels)


async def test_what_never_comes_is_nodata_if_it_may_lack():
    pixels = image(rows=200, cols=200)
    part = [((64, 64), pixels[:, 64:100, 64:150])]
    options = {"shape": pixels.shape, "dtype": pixels.dtype, "blocksize": 64, "nodata": 3}
    data = await written(iter(part), sparse=True, **options)
    expected = np.full_like(pixels, 3)
    expected[:, 64:100, 64:150] = pixels[:, 64:100, 64:150]
    async with tinycog.open(data) as cog:
        np.testing.assert_array_equal((await cog.read()).data, expected)
    assert data == await written(expected, sparse=True, blocksize=64, nodata=3)


@pytest.mark.parametrize("method", ["nearest", "average", "cubic"])
async def test_what_lacks_at_odd_sizes_gives_the_bytes_of_what_is_there(method):
    pixels = image(rows=201, cols=333)
    expected = np.full_like(pixels, 3)
    expected[:, 30:100, 64:150] = pixels[:, 30:100, 64:150]
    options = {"sparse": True, "blocksize": 32, "nodata": 3, "overview_resampling": method}
    part = [((30, 64), pixels[:, 30:100, 64:150])]
    data = await written(iter(part), shape=pixels.shape, dtype=pixels.dtype, **options)
    assert data == await written(expected, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nodata": 3},
        {"nodata": 3, "mask": "none"},
        {"mask": "internal"},
        {"mask": "alpha"},
        {"interleave": "band", "overview_resampling": "cubic"},
        {"dtype": "float32", "nodata": np.nan},
        {"dtype": "float32"},
        {"compression": "webp", "lossless": True, "dtype": "uint8"},
    ],
    ids=str,
)
@pytest.mark.parametrize("share", [0, 0.05, 0.7])
async def test_tiles_that_never_come_are_what_readers_see(options, share):
    """Statistics, checksums and progress count them: the bytes are those of the whole array."""
    options = {"dtype": "int16" if options.get("mask") != "alpha" else "uint16"} | options
    dtype = np.dtype(options.pop("dtype"))
    bands = 3 if {"webp", "alpha"} & {options.get("compression"), options.get("mask")} else 2
    fill = options.get("nodata", 0)
    rng = np.random.default_rng(3)
    rows, cols = 210, 155
    pixels = np.full((bands, rows, cols), fill, dtype)
    has_come = np.zeros(pixels.shape, bool)
    parts = []
    for row, col in itertools.product(range(0, rows, 32), range(0, cols, 32)):
        if rng.random() < share:
            place = np.s_[:, row : row + 32, col : col + 32]
            pixels[place] = rng.integers(5, 90, pixels[place].shape)
            has_come[place] = True
            parts.append(((row, col), pixels[place]))
    progress = []
    options |= {"sparse": True, "blocksize": 32, "statistics": True, "verify": True}
    data = await written(
        iter(parts),
        shape=pixels.shape,
        dtype=dtype,
        progress=lambda *numbers: progress.append(numbers),
        **options,
    )
    is_alpha = options.get("mask") == "alpha"
    is_masked = is_alpha or options.get("mask") == "internal"
    whole = np.ma.masked_array(pixels, ~has_come) if is_masked else pixels
    assert data == await written(whole, **options)
    assert progress[-1] == (rows * cols, rows * cols)
    async with tinycog.open(data) as cog:
        read = await cog.read()
        for band, samples in enumerate(read.data[:bands]):
            valid = read.mask & (read.data[-1] != 0) if is_alpha else read.mask & ~np.isnan(samples)
            if "nodata" in options:
                valid &= samples != fill
            told = cog.stored_stats.get(band + 1)
            if valid.any():
                assert told.mean == pytest.approx(samples[valid].mean(dtype=float))
                assert told.valid_percent == pytest.approx(100 * valid.mean())
            else:
                assert told is None


async def test_another_file_is_a_source():
    pixels = image(3, dtype=np.uint8)
    first = await written(pixels, blocksize=64, nodata=7, descriptions=["a", "b", None], **PLACE)
    second = await written(tinycog.open(first), blocksize=32, compression="zstd")
    async with tinycog.open(second) as cog:
        np.testing.assert_array_equal((await cog.read()).data, pixels)
        assert cog.nodata == 7
        assert cog.descriptions == ("a", "b", None)
        assert cog.transform == PLACE["transform"]
    assert second == await written(
        pixels, blocksize=32, compression="zstd", nodata=7, descriptions=["a", "b", None], **PLACE
    )


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compression": "zip"}, "compression is one of 'none'"),
        ({"blocksize": 100}, "blocksize is a multiple of 16"),
        ({"blocksize": 0}, "blocksize is a multiple of 16"),
        ({"overview_resampling": "best"}, "overview_resampling is one of"),
        ({"interleave": "line"}, "interleave is one of"),
        ({"overviews": [2, 3]}, "powers of 2"),
        ({"overviews": -1}, "overviews are a number from 0"),
        ({"profile": "mine"}, "profile is one of"),
        ({"level": "best"}, "level is one of 'auto', 'fast'"),
        ({"level": 99}, "level"),
        ({"quality": 50}, "quality"),
        ({"nodata": 70_000}, "nodata"),
        ({"mask": "nodata"}, "pass nodata="),
        ({"mask": "alpha", "nodata": 7}, "readers look at nodata first"),
        ({"predictor": 7}, "predictor is one of"),
        ({"byte_order": "big"}, "byte_order is one of"),
        ({"crs": "EPSG:0"}, "EPSG"),
        ({"transform": (0, 0, 0, 0, 0, 0)}, "transform"),
    ],
)
async def test_wrong_options_are_refused_before_a_pixel_is_asked_for(options, message):
    def source():
        raise AssertionError("asked for a pixel")
        yield

    with pytest.raises(UsageError, match=message):
        await written(source(), shape=(1, 100, 100), dtype=np.uint16, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "jpeg", "nodata": 0},
        {"compression": "jpeg", "nodata": 0, "mask": "internal"},
        {"compression": "lerc", "max_z_error": 2.0, "nodata": 9},
    ],
)
async def test_nodata_that_a_lossy_codec_would_change_is_refused(options):
    with pytest.raises(UsageError, match="a lossy codec changes samples"):
        await written(image(dtype=np.uint8), **options)


async def test_memory_that_is_too_small_is_refused_with_what_works():
    pixels = np.broadcast_to(np.uint8(1), (3, 4000, 100_000))
    with pytest.raises(LimitError, match=r"the smallest that works is \d+ MiB") as caught:
        await tinycog.write(bytes, pixels, memory=1 << 20, plan=True)
    plan = await tinycog.write(bytes, pixels, memory=caught.value.asked, plan=True)
    assert plan.memory == caught.value.asked


@pytest.mark.parametrize("bad", [0, 3, 50])
async def test_an_error_of_the_source_publishes_nothing(bad, tmp_path):
    pixels = image()

    def source():
        for i, block in enumerate(blocks_of(pixels, 1)):
            if i == bad:
                raise OSError("the disk is gone")
            yield block
        raise OSError("the disk is gone")

    path = tmp_path / "a.tif"
    path.write_bytes(b"before")
    with pytest.raises(OSError, match="the disk is gone"):
        await tinycog.write(path, source(), shape=pixels.shape, dtype=pixels.dtype, blocksize=64)
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]
    assert path.read_bytes() == b"before"


async def test_an_error_of_the_encoder_names_the_tile(monkeypatch, tmp_path):
    from tinycog.encode.tile import TileEncoder  # noqa: PLC0415 - private

    whole = TileEncoder.encode

    def encode(self, samples):
        if samples.shape[0] == 301 - 256 and samples.shape[1] == 64:
            raise RuntimeError("no more")
        return whole(self, samples)

    monkeypatch.setattr(TileEncoder, "encode", encode)
    with pytest.raises(WriteError, match=r"level 0, tile x=0, y=4 cannot be written") as caught:
        await tinycog.write(tmp_path / "a.tif", image(), blocksize=64)
    assert (caught.value.level, caught.value.x, caught.value.y) == (0, 0, 4)
    assert list(tmp_path.iterdir()) == []


async def test_a_write_that_is_cancelled_leaves_nothing(tmp_path):
    async def source():
        for i, block in enumerate(blocks_of(image(), 3)):
            if i == 5:
                await asyncio.sleep(60)
            yield block

    work = asyncio.ensure_future(
        _await(
            tinycog.write(
                tmp_path / "a.tif", source(), shape=(1, 301, 203), dtype=np.uint16, blocksize=64
            )
        )
    )
    await asyncio.sleep(0.2)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert list(tmp_path.iterdir()) == []


async def _await(write):
    return await write


async def test_pixels_that_come_twice_or_never_are_named():
    pixels = image()
    options = {"shape": pixels.shape, "dtype": pixels.dtype, "blocksize": 64}
    blocks = list(blocks_of(pixels, 2))
    with pytest.raises(UsageError, match="come a second time"):
        await written(iter([*blocks, blocks[0]]), **options)
    with pytest.raises(UsageError, match="never came"):
        await written(iter(blocks[1:]), **options)


def test_it_blocks_in_tinycog_sync(tmp_path):
    pixels = image()
    done = tinycog.sync.write(tmp_path / "a.tif", pixels, blocksize=64)
    assert done.length == (tmp_path / "a.tif").stat().st_size
    np.testing.assert_array_equal(tinycog.sync.open(tmp_path / "a.tif").read().data, pixels)


def test_nothing_runs_before_it_is_awaited(tmp_path):
    with pytest.warns(RuntimeWarning, match="never awaited: nothing was written"):
        tinycog.write(tmp_path / "a.tif", image())
    assert list(tmp_path.iterdir()) == []


async def test_lerc_of_a_tile_is_the_same_bytes_each_time():
    """The library leaves bytes behind its last bits as memory was: they are zeros here."""
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None], 64, 0)
    files = {await written(ramp, compression="lerc") for _ in range(30)}
    assert len(files) == 1


async def test_a_plan_tells_of_level_0_where_it_has_to_wait():
    pixels = image(rows=64, cols=64)
    options = {"plan": True, "blocksize": 16}
    alone = (await tinycog.write(bytes, pixels, **options)).spool
    assert (await tinycog.write(io.BytesIO(), pixels, **options)).spool >= alone + pixels.nbytes


@pytest.mark.parametrize(("blocksize", "zoom"), [(256, 9), (512, 8)])
async def test_web_tiles_are_told_of_as_by_gdal(blocksize, zoom):
    """GDAL counts tiles of 256 pixels."""
    pytest.importorskip("pyproj", reason="pyproj is not installed")
    place = {"crs": 4326, "transform": Affine(0.003, 0, 11, 0, -0.003, 48)}
    cog = tinycog.open(await written(image(rows=300, cols=400), **place))
    done = await tinycog.write(
        bytes, cog, tiling_scheme="WebMercatorQuad", zoom=zoom, blocksize=blocksize
    )
    copy = await tinycog.open(await written(tinycog.open(done.data)))
    assert copy.tags(ns="TILING_SCHEME") == {}  # its tiles may lie elsewhere
    with rasterio.MemoryFile(done.data) as file, file.open() as opened:
        assert opened.tags(ns="TILING_SCHEME") == {
            "NAME": "GoogleMapsCompatible",
            "ZOOM_LEVEL": "9",
        }
        assert round(2 * 20037508.342789244 / opened.res[0] / 256) == 2**9
