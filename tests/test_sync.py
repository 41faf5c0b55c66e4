"""The blocking face: the same reads as the async one, from scripts, threads and notebooks."""

import asyncio
import inspect
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from make_sync_types import CLASSES, STUB, make_types, meaning

import tinycog
import tinycog.sync
from tinycog.sync.blocking import Blocking
from tinycog.sync.loop_thread import NAME, THREAD
from tinycog.testing import Fault, make_image, make_tiff, serve_in_thread

PIXELS = np.arange(3 * 70 * 90, dtype=np.uint16).reshape(3, 70, 90)
HALF = PIXELS[:, ::2, ::2].copy()
DATA = make_tiff(
    [make_image(PIXELS, tile=(16, 32)), make_image(HALF, tile=(16, 16), subfile_type=1)]
)


@pytest.fixture
def server():
    with serve_in_thread({"a.tif": DATA}) as server:
        yield server


def test_its_types_are_those_of_the_async_face():
    assert meaning(STUB.read_text()) == meaning(make_types()), "run tests/make_sync_types.py"


@pytest.mark.parametrize("name", CLASSES)
def test_it_has_the_methods_of_the_async_face(name):
    ours, others = getattr(tinycog.sync, name), getattr(tinycog, name)
    for method, member in inspect.getmembers(others):
        if method.startswith("_") or method == "aclose":
            continue
        mine = inspect.getattr_static(ours, method)
        assert mine.__doc__ or not member.__doc__, method
        if inspect.isfunction(member):
            assert inspect.signature(mine) == inspect.signature(member), method
            assert not inspect.iscoroutinefunction(mine), method
    assert ours.__doc__


def test_reads_are_those_of_the_async_face():
    cog = tinycog.sync.open(DATA)
    other = tinycog.open(DATA)

    async def read():
        return [
            await other.read_tile(0, 1, 2),
            *(await other.read_tiles([(1, 0, 0), (0, 2, 1)])),
            await other.read(window=(5, 6, 40, 30)),
            await other.read(shape=(3, 20, 30)[1:], resampling="bilinear"),
            await other.overviews[0].read(),
            *[tile async for tile in other.iter_tiles(level=1)],
        ]

    expected = asyncio.run(read())
    found = [
        cog.read_tile(0, 1, 2),
        *cog.read_tiles([(1, 0, 0), (0, 2, 1)]),
        cog.read(window=(5, 6, 40, 30)),
        cog.read(shape=(20, 30), resampling="bilinear"),
        cog.overviews[0].read(),
        *cog.iter_tiles(level=1),
    ]
    assert len(found) == len(expected) > 10
    for one, other_one in zip(found, expected, strict=True):
        assert np.array_equal(one.data, other_one.data)
        assert one.window == other_one.window


def test_properties_read_the_header(server):
    cog = tinycog.sync.open(server.url("a.tif"))
    assert not server.log
    assert cog.shape == (3, 70, 90)
    assert len(server.log) == 1
    assert [level.shape for level in cog.levels] == [(3, 70, 90), (3, 35, 45)]
    assert cog.tags() == {}
    assert cog.info()["count"] == 3
    assert len(server.log) == 1


def test_one_line_costs_what_it_costs_in_async(server):
    tile = tinycog.sync.open(server.url("a.tif")).read_tile(0, 2, 4)
    assert np.array_equal(tile.data, PIXELS[:, 64:70, 64:90])
    sync_log = [(line.start, line.stop) for line in server.log]
    server.clear()
    asyncio.run(tinycog.open(server.url("a.tif")).read_tile(0, 2, 4))
    assert [(line.start, line.stop) for line in server.log] == sync_log


def test_pages_and_tags():
    cog = tinycog.sync.open(DATA)
    assert [page.role for page in cog.pages] == ["page", "level"]
    first = cog.pages[0]
    assert isinstance(first, tinycog.sync.Page)
    assert first.tags["ImageWidth"].value == (90,)
    assert {name: entry.value for name, entry in first.tags.items()}["ImageLength"] == (70,)
    assert first.tags.read("ImageWidth", 257) == {"ImageWidth": (90,), 257: (70,)}
    assert first.tags.get("ImageDescription") is None
    assert len(cog.pages[0:1]) == 1
    assert np.array_equal(cog.page(1).read().data, HALF)
    assert [one.name for one in cog.series()]


def test_errors_are_those_of_the_async_face(server):
    with pytest.raises(tinycog.NotFoundError):
        tinycog.sync.open(server.url("no.tif")).read_tile(0, 0, 0)
    with pytest.raises(tinycog.TileIndexError):
        tinycog.sync.open(DATA).read_tile(0, 99, 0)
    with pytest.raises(tinycog.UsageError):
        tinycog.sync.open(DATA).read(window=3)  # type: ignore[reportArgumentType] - on purpose
    with pytest.raises(tinycog.NotTiffError):
        _ = tinycog.sync.open(b"no tiff").shape
    with pytest.raises(AttributeError):
        _ = tinycog.sync.open(DATA).no_such_thing  # type: ignore[reportAttributeAccessIssue]


def test_eight_threads_read_the_header_once(server):
    cog = tinycog.sync.open(server.url("a.tif"))
    barrier = threading.Barrier(8)

    def read(i):
        barrier.wait()
        return cog.read_tile(1, i % 3, i // 3)

    with ThreadPoolExecutor(8) as pool:
        tiles = list(pool.map(read, range(8)))
    for i, tile in enumerate(tiles):
        x, y = i % 3 * 16, i // 3 * 16
        assert np.array_equal(tile.data, HALF[:, y : y + 16, x : x + 16])
    assert sum(line.start == 0 for line in server.log) == 1


async def test_it_works_inside_a_running_event_loop():
    with tinycog.sync.open(DATA) as cog:
        assert cog.shape == (3, 70, 90)
        assert np.array_equal(cog.read().data, PIXELS)
        assert isinstance(cog, Blocking)
        assert np.array_equal((await cog.asynchronous.page(0).read()).data, PIXELS)


def test_a_generator_that_is_left_ends_what_is_under_way():
    cog = tinycog.sync.open(DATA)
    tiles = cog.iter_tiles()
    assert next(tiles).data.shape == (3, 16, 32)
    tiles.close()
    assert np.array_equal(cog.read().data, PIXELS)


def test_it_pickles_and_compares():
    cog = tinycog.sync.open(DATA)
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    assert type(again) is tinycog.sync.Cog
    assert np.array_equal(again.read().data, PIXELS)
    assert tinycog.sync.open(DATA) != cog
    assert cog.levels[0] == cog.levels[0]
    assert "read_tile" in dir(cog)


def test_a_call_in_its_own_thread_is_refused(server):
    def headers():
        tinycog.sync.open(DATA).read()
        return {}

    with pytest.raises(tinycog.TinycogError, match="blocking call"):
        tinycog.sync.open(server.url("a.tif"), headers=headers).read()
    assert np.array_equal(tinycog.sync.open(DATA).read().data, PIXELS)


def test_after_a_fork_it_reads_again(server):
    if not hasattr(os, "fork"):
        pytest.skip("there is no fork here")
    code = f"""if True:
        import os, sys, tinycog.sync
        url = {server.url("a.tif")!r}
        cog = tinycog.sync.open(url)
        first = cog.read_tile(0, 0, 0).data
        child = os.fork()
        same = (tinycog.sync.open(url).read_tile(0, 0, 0).data == first).all()
        same &= (cog.read_tile(0, 1, 1).data.shape == (3, 16, 32))
        if child == 0:
            os._exit(0 if same else 1)
        sys.exit(os.waitpid(child, 0)[1] or not same)
    """
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, timeout=60, capture_output=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr


def test_an_interrupt_cancels_the_read(server):
    server.script(Fault.stall(30, times=None))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = time.monotonic()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            tinycog.sync.open(server.url("a.tif")).read()
    finally:
        signal.signal(signal.SIGINT, handler)
    assert time.monotonic() - before < 10
    server.script()
    assert np.array_equal(tinycog.sync.open(server.url("a.tif")).read().data, PIXELS)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, StopIteration])
def test_what_a_callers_function_raises_ends_the_call_and_no_other(kind):
    """The event loop lets the first two out, which would end its thread."""

    async def stops(start, stop):
        raise kind(start, stop)

    other = tinycog.sync.open(DATA)
    with pytest.raises(tinycog.TinycogError if kind is StopIteration else kind):
        tinycog.sync.open(stops).read_tile(0, 0, 0)
    assert np.array_equal(other.read().data, PIXELS)


def test_nothing_is_left_at_the_end_of_a_process(server):
    code = f"""if True:
        import logging, threading, tinycog.sync
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # of steps that took long
        cog = tinycog.sync.open({server.url("a.tif")!r})
        cog.read()
        tiles = cog.iter_tiles()
        next(tiles)
    """
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code]
    done = subprocess.run(command, timeout=60, capture_output=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_thread_stops_and_starts_again():
    cog = tinycog.sync.open(DATA)
    cog.read()
    assert NAME in {thread.name for thread in threading.enumerate()}
    THREAD.stop()
    assert NAME not in {thread.name for thread in threading.enumerate()}
    assert np.array_equal(cog.read().data, PIXELS)


def test_importing_tinycog_does_not_load_it():
    code = "import sys, tinycog; assert 'tinycog.sync' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)  # noqa: S603


def test_a_coroutine_runs_in_the_loop_of_the_blocking_calls(server):
    cog = tinycog.sync.open(server.url("a.tif"))

    async def read_both():
        tiles = ((0, 0, 0), (1, 0, 0))
        return await asyncio.gather(*(cog.asynchronous.read_tile(*tile) for tile in tiles))

    found, half = tinycog.sync.run(read_both())

    np.testing.assert_array_equal(found.data, PIXELS[:, :16, :32])
    np.testing.assert_array_equal(half.data, HALF[:, :16, :16])
    assert tinycog.sync.Cog(cog.asynchronous).shape == cog.shape


def test_what_is_no_coroutine_is_refused():
    with pytest.raises(tinycog.UsageError, match="takes a coroutine, not int"):
        tinycog.sync.run(5)  # pyright: ignore[reportArgumentType]
