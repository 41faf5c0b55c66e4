"""What closing a handle does: nothing is read by it any more, and no connection is left idle."""

import asyncio
import gc
import pickle
import threading

import numpy as np
import pytest

import tinycog
from tinycog.errors import UsageError
from tinycog.testing import Fault, RangeServer, make_image, make_tiff

PIXELS = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64)
PAGES = [make_image(PIXELS, tile=(16, 16)), make_image(PIXELS[:, :32, :32].copy(), tile=(16, 16))]
DATA = make_tiff(PAGES)


@pytest.fixture
async def server():
    async with RangeServer({"a.tif": DATA, "b.tif": DATA}) as server:
        yield server


async def iterate(cog):
    return [tile async for tile in cog.iter_tiles()]


READS = {
    "read_tile": lambda cog: cog.read_tile(0, 0, 0),
    "read_tiles": lambda cog: cog.read_tiles([(0, 0, 0)]),
    "read_tile_bytes": lambda cog: cog.read_tile_bytes(0, 0, 0),
    "tile_ranges": lambda cog: cog.tile_ranges(),
    "tile_facts": lambda cog: cog.tile_facts(),
    "read": lambda cog: cog.read(),
    "read level": lambda cog: cog.read_level(0),
    "preview": lambda cog: cog.preview(16),
    "plan": lambda cog: cog.plan(0, 0, 0),
    "plan area": lambda cog: cog.plan(),
    "iter_tiles": iterate,
    "points": lambda cog: cog.points([(1, 1)]),
    "read_tag": lambda cog: cog.read_tag("ImageWidth"),
    "read_colormap": lambda cog: cog.read_colormap(),
    "series": lambda cog: cog.series(),
    "page": lambda cog: cog.page(1).read(),
    "await": lambda cog: cog,
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("used", [False, True])
async def test_a_closed_handle_reads_no_more(read, used, server, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(DATA)
    for where in (DATA, path, server.url("a.tif")):
        cog = tinycog.open(where)
        if used:
            await cog.read_tile(0, 0, 0)
        await cog.aclose()
        server.clear()
        with pytest.raises(UsageError, match="closed"):
            await READS[read](cog)
        assert not server.log


async def test_what_is_known_stays():
    async with tinycog.open(DATA) as cog:
        pass
    assert cog.shape == (1, 64, 64)
    assert cog.pages[0].tags["ImageWidth"].value == (64,)
    assert cog.snapshot()
    with pytest.raises(UsageError, match="closed"):
        await cog.pages[0].tags["ImageWidth"]
    with pytest.raises(UsageError, match="closed"):
        async with cog:
            pass
    await cog.aclose()  # once more does nothing


async def test_pages_are_closed_with_the_file():
    cog = await tinycog.open(DATA)
    page = await cog.page(1)
    await cog.aclose()
    with pytest.raises(UsageError, match="closed"):
        await page.read()


async def test_a_pickle_of_a_closed_handle_opens_again():
    async with tinycog.open(DATA) as cog:
        pass
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    assert np.array_equal((await again.read()).data, PIXELS)


async def connections(server, count):
    """Wait a moment until so many are open."""
    for _ in range(100):
        if server.open_connections == count:
            break
        await asyncio.sleep(0.01)
    return server.open_connections


async def test_the_last_handle_closes_idle_connections(server):
    one, other = tinycog.open(server.url("a.tif")), tinycog.open(server.url("b.tif"))
    await asyncio.gather(one.read(), other.read())
    open_before = server.open_connections
    assert open_before >= 1
    await one.aclose()
    assert await connections(server, open_before) == open_before
    assert np.array_equal((await other.read()).data, PIXELS)
    await other.aclose()
    assert await connections(server, 0) == 0


async def test_a_handle_that_is_dropped_does_not_count(server):
    await tinycog.open(server.url("a.tif")).read()
    gc.collect()
    async with tinycog.open(server.url("b.tif")) as cog:
        await cog.read()
    assert await connections(server, 0) == 0


async def test_connections_to_where_a_redirect_led_are_closed_too(server):
    async with RangeServer({"a.tif": DATA}) as first:
        first.script(Fault.redirect(server.url("a.tif"), times=None))
        async with tinycog.open(first.url("a.tif")) as cog:
            assert np.array_equal((await cog.read()).data, PIXELS)
            assert server.open_connections
        assert await connections(server, 0) == 0
        assert await connections(first, 0) == 0


async def test_connections_of_another_loop_are_closed_in_it(server):
    url = server.url("a.tif")
    cog = tinycog.open(url)
    stay = threading.Event()
    loop = asyncio.get_running_loop()

    async def read_and_stay(done):
        await cog.read_tile(0, 0, 0)
        loop.call_soon_threadsafe(done.set)
        await asyncio.to_thread(stay.wait)

    done = asyncio.Event()
    other = asyncio.create_task(asyncio.to_thread(asyncio.run, read_and_stay(done)))
    await done.wait()
    assert server.open_connections
    await cog.aclose()
    assert await connections(server, 0) == 0
    stay.set()
    await other


async def test_a_read_under_way_ends_one_way_or_the_other(server):
    server.latency = 0.05
    cog = tinycog.open(server.url("a.tif"))
    reads = [asyncio.create_task(cog.read_tile(0, x, 0)) for x in range(4)]
    await asyncio.sleep(0.02)
    await cog.aclose()
    for found in await asyncio.gather(*reads, return_exceptions=True):
        is_right = isinstance(found, tinycog.Raster) and found.data.shape == (1, 16, 16)
        assert is_right or isinstance(found, UsageError), found


async def test_a_handle_that_is_opened_at_once_goes_on_with_the_connections_of_the_last_one(server):
    for _ in range(3):
        async with tinycog.open(server.url("a.tif")) as cog:
            assert np.array_equal((await cog.read_tile(0, 0, 0)).data, await tile())
    assert server.connections == 1
    assert await connections(server, 0) == 0


async def tile():
    return (await tinycog.open(DATA).read_tile(0, 0, 0)).data
