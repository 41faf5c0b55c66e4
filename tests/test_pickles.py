"""Every public value pickles and copies, and what comes back is the same."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import fixture_path

import tinycog
import tinycog.errors
import tinycog.sync

ERRORS = sorted(
    {
        value
        for value in vars(tinycog.errors).values()
        if inspect.isclass(value) and issubclass(value, tinycog.TinycogError)
    },
    key=lambda error: error.__name__,
)
NEVER = {"HeaderParser"}
"""Public values that do not: they hold a parser under way."""

ADDRESS = re.compile(r" at 0x\w+")

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda value: pickle.loads(pickle.dumps(value)),  # noqa: S301 - our own
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


CLASSES = sorted(
    name
    for name in tinycog.__all__
    if inspect.isclass(value := getattr(tinycog, name))
    and not issubclass(value, Exception)
    and not getattr(value, "_is_protocol", False)
    and not typing.is_typeddict(value)
)


async def sign(url: str) -> str:
    return url


async def get_window(window: tinycog.Window) -> np.ndarray:
    return np.zeros((1, window.height, window.width), np.uint8)


async def values(folder: Path) -> dict[str, Any]:
    """One value of each public class, by its name."""
    cog = await tinycog.open(fixture_path("cog-metadata"))
    palette = await tinycog.open(fixture_path("cog-palette"))
    rational = await tinycog.open(fixture_path("tiled-rpcs"))
    points = await tinycog.open(fixture_path("tiled-gcps"))
    raster = await cog.read(window=(0, 0, 20, 10), masked=True)
    image = cog.pages[0].ifd
    assert cog.crs is not None
    series = (await cog.series())[0]
    facts = await cog.tile_facts(0)
    pixels = np.zeros((1, 20, 30), np.uint8)
    written = await tinycog.write(bytes, pixels)
    pending = tinycog.write(bytes, pixels)
    await pending
    collection = await tinycog.Collection.from_urls(fixture_path("cog-metadata"))
    report = await tinycog.validate(fixture_path("tiled-gcps"))
    mosaic = await tinycog.mosaic([cog])
    stack = await collection.stack()
    tile_set = await tinycog.TileSet([cog], tile_matrix_set=cog.tile_matrix_set())
    area = (0, 0, 20, 10)
    found: list[Any] = [
        mosaic,
        mosaic.files[0],
        stack,
        stack.steps[0],
        await stack.read(),
        tinycog.StackFile("a", "a", 0),
        tinycog.StackOptions(),
        tinycog.AskedGrid(),
        tinycog.Service(get_window, shape=(1, 2, 3), dtype="uint8"),
        await tinycog.export(cog, folder / "a.npy", window=area),
        await tinycog.export(cog, folder / "a.npy", plan=True, window=area),
        tile_set,
        tile_set.matrices[0],
        tile_set.matrices[0].limits,
        tinycog.MosaicOptions(),
        raster.account,
        tinycog.Loss.GAP,
        collection,
        collection[0],
        tinycog.FailedAsset("a", "/a.tif", tinycog.NotFoundError("there is none")),
        written,
        written.plan,
        pending,
        report,
        report.findings[0],
        (layout := await cog.layout()),
        layout.segments[0],
        layout.groups()[0],
        tinycog.ValidationProfile("mine", "ours", {"class": ("gdal.tiled",)}),
        tinycog.Updated("a.tif", 9, 1, 4, 5),
        tinycog.ProfileRule("mine/tiles", "tile-sides", (256, 512)),
        tinycog.OpenUpload("s3://bucket/a.tif", "a.tif", "1", None),
        cog,
        raster,
        raster.validity,
        raster.place,
        raster.window,
        cog.bounds,
        cog.crs,
        cog.colorinterp[0],
        palette.colormap,
        (await palette.read(window=(0, 0, 5, 5))).colouring,
        cog.levels[0],
        cog.overviews[0],
        cog.pages,
        cog.pages[0],
        cog.pages[0].tags,
        cog.pages[0].tags["ImageWidth"],
        tinycog.Statistics(0.0, 1.0, 0.5, 0.1, None),
        tinycog.Block("name", "tile", tinycog.ByteRange(0, 10)),
        tinycog.DiskCache(folder, max_bytes=1 << 20),
        cog._file.levels[0],
        cog._file.levels[0].grid,
        cog.crs.keys,
        tinycog.GeoKey.GeodeticCRS,
        rational.rpcs,
        cog.requests[0],
        await cog.plan(window=(0, 0, 10, 10)),
        await cog.points([(10, 10)], crs=cog.crs),
        points.gcps[0],
        series,
        series.planes[0],
        facts,
        (await cog.tile_ranges(0))[0],
        image,
        next(iter(image.entries.values())),
        next(iter(image.entries.values())).field_type,
        cog._opened_with,
        tinycog.Limits(),
        tinycog.Retries(),
        tinycog.Http(),
        tinycog.SignedUrl("https://example.com/a.tif", sign),
        tinycog.MemoryCache(1 << 20),
        tinycog.Finding("tiff.ifd.order", "text"),
        tinycog.ByteRange(1, 2),
        tinycog.FloatWindow(0.5, 0.5, 2.5, 2.5),
        tinycog.Tag.ImageWidth,
        tinycog.PageView(),
    ]
    return {
        name: next(value for value in found if isinstance(value, getattr(tinycog, name)))
        for name in CLASSES
        if name not in NEVER
    }


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return tinycog.sync.run(values(tmp_path_factory.mktemp("cache")))


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, tinycog.Raster):
        return np.array_equal(found.data, expected.data) and found.window == expected.window
    return ADDRESS.sub("", repr(found)) == ADDRESS.sub("", repr(expected))


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", [name for name in CLASSES if name not in NEVER])
def test_a_public_value_comes_back_as_it_was(name, how, samples):
    value = samples[name]
    again = COPIES[how](value)
    assert type(again) is type(value)
    assert same(again, value)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_an_error_keeps_its_text_and_what_it_tells(error, how):
    value = error("what went wrong")
    value.url = "https://example.com/a.tif"
    again = COPIES[how](value)
    assert (type(again), str(again), vars(again)) == (error, str(value), vars(value))


async def test_an_error_of_a_tile_goes_to_another_process_with_its_causes_as_dask_sends_it():
    support = pytest.importorskip("tblib.pickling_support", reason="tblib, of dask's, is not there")
    support.install()
    path = fixture_path("cog-metadata")
    data = bytearray(path.read_bytes())
    cog = await tinycog.open(bytes(data))
    place = (await cog.tile_ranges(0))[0]
    data[place.offset : place.offset + place.length] = bytes(place.length)
    with pytest.raises(tinycog.CorruptTileError) as caught:
        await tinycog.open(bytes(data)).read_tile(0, 0, 0)
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert str(again) == str(caught.value)
    assert isinstance(again.__context__, tinycog.CorruptTileError)


@pytest.mark.parametrize("how", COPIES)
def test_a_blocking_handle_comes_back_blocking(how):
    with tinycog.sync.open(fixture_path("cog-metadata")) as cog:
        expected = cog.read(window=(3, 4, 5, 6))
        again = COPIES[how](cog)
        assert type(again) is type(cog)
        assert np.array_equal(again.read(window=(3, 4, 5, 6)).data, expected.data)
        page = COPIES[how](cog.pages[0])
        assert repr(page) == repr(cog.pages[0])


async def test_what_is_known_of_a_handle_is_known_of_its_pickle():
    cog = await tinycog.open(fixture_path("cog-metadata"))
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    assert again.requests == ()
    for fact in (
        "levels",
        "shape",
        "dtype",
        "bounds",
        "transform",
        "crs",
        "descriptions",
        "profile",
    ):
        assert repr(getattr(again, fact)) == repr(getattr(cog, fact)), fact
    assert repr(again.pages) == repr(cog.pages)
    assert again.info() == cog.info()
    assert again.requests == ()
    np.testing.assert_array_equal((await again.read()).data, (await cog.read()).data)
