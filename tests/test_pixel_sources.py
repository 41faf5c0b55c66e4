"""What pixels are written from: arrays, iterators, dask, xarray, files; each pixel asked once."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tinycog
import tinycog.sync
from tinycog.errors import SourceError, UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.writer.pixel_source import PixelBlock, PixelSource, Region
from tinycog.writer.sources.cog import Subset
from tinycog.writer.sources.dask_delayed import DelayedWrite
from tinycog.writer.sources.dask_graph import make_batches
from tinycog.writer.sources.make import is_lazy, make_pixel_source
from tinycog.writer.sources.web_tiles import WebGrid

FIXTURES = Path(__file__).parent.parent / "fixtures" / "files"

PIXELS = np.arange(3 * 50 * 70, dtype=np.uint16).reshape(3, 50, 70)


def tiles(rows: int, cols: int, size: int = 32) -> list[Region]:
    """Return regions that cover an image, row by row."""
    return [
        Region(row, col, min(row + size, rows), min(col + size, cols))
        for row in range(0, rows, size)
        for col in range(0, cols, size)
    ]


async def collect(source: PixelSource, regions: list[Region] | None = None) -> list[PixelBlock]:
    """Return all blocks of a source."""
    if regions is None:
        regions = tiles(source.rows, source.cols)
    async with aclosing(source.blocks(regions)) as blocks:
        return [block async for block in blocks]


def put_together(source: PixelSource, blocks: list[PixelBlock]) -> tuple[NDArray[Any], Any]:
    """Return the image and its mask; each pixel must be there once."""
    image = np.zeros((source.bands, source.rows, source.cols), source.dtype)
    valid, seen = np.ones(image.shape[1:], bool), np.zeros(image.shape[1:], int)
    for row, col, pixels, mask, _ in blocks:
        assert pixels.dtype == source.dtype
        assert pixels.dtype.isnative
        place = (slice(row, row + pixels.shape[1]), slice(col, col + pixels.shape[2]))
        image[:, *place] = pixels
        seen[place] += 1
        if mask is not None:
            assert source.has_valid is not False
            valid[place] = mask
    assert (seen == 1).all()
    return image, valid


def read(given: object, **options: Any) -> tuple[NDArray[Any], Any]:
    """Return the image and the mask of a source."""

    async def run() -> tuple[NDArray[Any], Any]:
        source = await make_pixel_source(given, **options)
        return put_together(source, await collect(source))

    return asyncio.run(run())


def make(given: object, **options: Any) -> PixelSource:
    """Make a source."""
    return asyncio.run(make_pixel_source(given, **options))


# --- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a,
        lambda a: a[0],
        lambda a: a.astype(">u2"),
        lambda a: a[:, ::-1, ::-2],
        np.asfortranarray,
        lambda a: a.transpose(0, 2, 1),
        lambda a: a.astype(np.float16),
        lambda a: a * 1j,
        lambda a: np.broadcast_to(a[:1, :1], (3, 50, 70)),
    ],
)
def test_an_array_of_any_layout(change: Callable[[Any], Any]) -> None:
    """Views, other byte orders and layouts are the same pixels."""
    given = change(PIXELS)
    image, _ = read(given)
    assert (image == given).all()
    assert image.dtype == given.dtype.newbyteorder("=")


def test_blocks_of_an_array_are_views() -> None:
    """Nothing is copied."""
    blocks = asyncio.run(collect(make(PIXELS)))
    assert all(np.shares_memory(block.pixels, PIXELS) for block in blocks)


def test_bool_is_written_as_0_and_1() -> None:
    """TIFF's readers know no bool: rasterio refuses it, here it is uint8, without a copy."""
    given = PIXELS[0] % 2 == 0
    source = make(given, dtype=bool)
    assert source.dtype == np.uint8
    (block,) = asyncio.run(collect(source, [Region(0, 0, 50, 70)]))
    assert np.shares_memory(block.pixels, given)
    assert (block.pixels == given).all()


def test_a_memmap_is_read_by_rows(tmp_path: Path) -> None:
    """Its chunk is a row."""
    np.save(tmp_path / "a.npy", PIXELS)
    given = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert make(given).chunk == (1, 70)
    assert (read(given)[0] == PIXELS).all()


def test_what_has_an_array_interface_is_an_array() -> None:
    """Numpy's protocols are enough."""

    class Holder:
        __array_interface__ = PIXELS.__array_interface__

    assert (read(Holder())[0] == PIXELS).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((3, 0, 70)), "at least 1"),
        (np.zeros(5), r"\(bands, rows, cols\)"),
        (np.zeros((1, 2, 3, 4)), r"\(bands, rows, cols\)"),
        (np.zeros((5, 5), object), "object cannot be written"),
        (np.zeros((5, 5), "M8[s]"), "cannot be written"),
        (np.zeros((5, 5), "S3"), "cannot be written"),
        (np.zeros((5, 5), np.longdouble), "64 bits a part"),
        ("a.tif", "tinycog.open"),
        (b"II", "tinycog.open"),
        (5, "not from a int"),
        ({}, "not from a dict"),
    ],
)
def test_what_is_no_image_is_refused(given: object, message: str) -> None:
    """The message says what was expected."""
    with pytest.raises(UsageError, match=message):
        make(given)


def test_what_is_read_in_chunks_is_not_loaded_as_a_whole() -> None:
    """Arrays of zarr and HDF5 have `__array__`, which would load everything."""

    class Chunked:
        chunks = (10, 10)

        def __array__(self) -> None:
            raise AssertionError

    with pytest.raises(UsageError, match="from_array"):
        make(Chunked())


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"shape": (50, 70)}, "the source is"),
        ({"dtype": "int16"}, "convert it"),
        ({"dtype": 3}, "name of a numpy dtype"),
    ],
)
def test_what_the_caller_says_must_be_so(told: dict[str, Any], message: str) -> None:
    """Nothing is reshaped or cast silently."""
    with pytest.raises(UsageError, match=message):
        make(PIXELS, **told)


# --- masked arrays -------------------------------------------------------------------------------


def test_a_masked_array_has_a_mask() -> None:
    """Pixels beneath it stay as they lie."""
    mask = np.broadcast_to(PIXELS[0] % 5 == 0, PIXELS.shape)
    image, valid = read(np.ma.MaskedArray(PIXELS, mask))
    assert (image == PIXELS).all()
    assert (valid == ~mask[0]).all()


def test_bands_that_come_last_are_told_of() -> None:
    """Hundreds of bands of an image three columns wide are no image."""
    rows_first = np.moveaxis(np.broadcast_to(PIXELS[:1], (3, *PIXELS.shape[1:])), 0, -1)
    tall = np.resize(rows_first, (300, 70, 3))
    with pytest.raises(UsageError, match=r"would be 300 bands .*numpy\.moveaxis\(array, -1, 0\)"):
        read(tall)
    image, _ = read(np.moveaxis(tall, -1, 0))
    assert image.shape == (3, 300, 70)
    image, _ = read(tall, shape=tall.shape)  # said, it is so
    assert image.shape == tall.shape


def test_masked_samples_become_nodata() -> None:
    """Band by band; a pixel is valid where any band is."""
    given = np.ma.MaskedArray(PIXELS, PIXELS % 11 == 0, fill_value=3)
    image, valid = read(given, facts=WrittenFacts(nodata=9))
    assert (image == given.filled(9)).all()
    assert (valid == ~given.mask.all(axis=0)).all()


def test_bands_that_are_masked_differently_need_nodata() -> None:
    """One mask cannot say it."""
    with pytest.raises(UsageError, match=r"the block at \(row 0, col 0\).*nodata="):
        read(np.ma.MaskedArray(PIXELS, PIXELS % 11 == 0))


def test_nodata_must_fit_masked_samples() -> None:
    """A value that the dtype cannot hold is refused."""
    with pytest.raises(UsageError, match="-1"):
        read(np.ma.MaskedArray(PIXELS, PIXELS % 11 == 0), facts=WrittenFacts(nodata=-1))


# --- iterators -----------------------------------------------------------------------------------


def pairs(size: int = 30) -> Iterator[tuple[tuple[int, int], NDArray[Any]]]:
    """Yield the blocks of an image, last first."""
    for row, col, row_stop, col_stop in reversed(tiles(50, 70, size)):
        yield (row, col), PIXELS[:, row:row_stop, col:col_stop]


async def async_pairs() -> AsyncGenerator[tuple[tuple[int, int], NDArray[Any]]]:
    """Yield the same."""
    for pair in pairs():
        await asyncio.sleep(0)
        yield pair


@pytest.mark.parametrize("given", [pairs, async_pairs, lambda: list(pairs())])
def test_an_iterator_of_blocks(given: Callable[[], Any]) -> None:
    """Plain or async, in any order."""
    image, _ = read(given(), shape=(3, 50, 70), dtype="uint16")
    assert (image == PIXELS).all()


def test_blocks_of_one_band_may_have_two_dimensions() -> None:
    """And be masked, and in another byte order."""
    block = np.ma.MaskedArray(PIXELS[0].astype(">u2"), PIXELS[0] == 5)
    image, valid = read([((0, 0), block)], shape=(50, 70), dtype="uint16")
    assert (image == PIXELS[:1]).all()
    assert (~valid).sum() == 1


def test_an_iterator_needs_shape_and_dtype() -> None:
    """It cannot tell them before its first block."""
    with pytest.raises(UsageError, match=r"say shape=\(bands, rows, cols\) and dtype="):
        make(pairs(), shape=(3, 50, 70))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (((0, 60), PIXELS[:, :10, :20]), r"\(row 0, col 60\) of 10 x 20.*over the edge"),
        (((-1, 0), PIXELS[:, :10, :20]), "over the edge"),
        (((0, 0), PIXELS[:2]), r"shape \(2, 50, 70\), expected \(3, rows, cols\)"),
        (((0, 0), PIXELS[0]), "expected"),
        (((0, 0), PIXELS[:, :0]), "has no pixels"),
        (((5, 5), PIXELS[:, :9, :9].astype(float)), r"\(row 5, col 5\) is float64.* is uint16"),
        (PIXELS, r"expected \(\(row, col\), block\)"),
        (((0.5, 0), PIXELS), r"expected \(\(row, col\), block\)"),
    ],
)
def test_a_block_that_does_not_fit_is_named(item: object, message: str) -> None:
    """By its first pixel."""
    with pytest.raises(UsageError, match=message):
        read([item], shape=(3, 50, 70), dtype="uint16")


def test_a_blocking_iterator_does_not_block_the_event_loop() -> None:
    """It runs in one thread of its own."""
    threads = set[int]()

    def slow() -> Iterator[object]:
        for pair in pairs(50):
            threads.add(threading.get_ident())
            time.sleep(0.02)
            yield pair

    async def run() -> int:
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        counting = asyncio.create_task(count())
        await collect(await make_pixel_source(slow(), shape=(3, 50, 70), dtype="uint16"))
        counting.cancel()
        return turns

    assert asyncio.run(run()) > 10
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("is_async", [False, True])
def test_a_generator_is_closed_before_its_end(*, is_async: bool) -> None:
    """When the write fails or is cancelled, what it holds open is let go, in its thread."""
    closed = []

    def plain() -> Iterator[object]:
        try:
            yield from pairs()
        finally:
            closed.append("plain")

    async def asynchronous() -> AsyncGenerator[object]:
        try:
            for pair in pairs():
                yield pair
        finally:
            closed.append("async")

    async def run() -> None:
        given = asynchronous() if is_async else plain()
        source = await make_pixel_source(given, shape=(3, 50, 70), dtype="uint16")
        async with aclosing(source.blocks(())) as blocks:
            await anext(blocks)

    asyncio.run(run())
    assert closed == ["async" if is_async else "plain"]


def test_a_cancelled_wait_for_a_plain_iterator_closes_it() -> None:
    """Closing waits for the step that is under way: nothing runs after that."""
    state = []

    def slow() -> Iterator[object]:
        try:
            state.append("begun")
            begun.set()
            time.sleep(0.05)
            state.append("done")
            yield from pairs()
        finally:
            state.append("closed")

    async def run() -> None:
        source = await make_pixel_source(slow(), shape=(3, 50, 70), dtype="uint16")
        collecting = asyncio.create_task(collect(source))
        await asyncio.to_thread(begun.wait)
        collecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await collecting

    begun = threading.Event()
    asyncio.run(run())
    assert state == ["begun", "done", "closed"]


def test_an_error_of_the_iterator_is_the_callers() -> None:
    """It comes out as it is."""

    def broken() -> Iterator[object]:
        yield next(pairs())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read(broken(), shape=(3, 50, 70), dtype="uint16")


# --- dask ----------------------------------------------------------------------------------------


def test_each_task_of_a_graph_is_in_one_batch() -> None:
    """What a later batch needs is kept until the last one that does."""
    needs: dict[Hashable, list[Hashable]] = {
        "a": [],
        "b": [],
        "unused": ["a"],
        "x": ["a"],
        "y": ["a", "b"],
        "z": ["b", "x"],
    }
    first, second, third = make_batches(needs, list(needs), [["x"], ["y"], ["z"]])
    assert (first.tasks, first.kept, first.needed, first.last) == (
        ["a", "x"],
        ["a", "x"],
        set(),
        [],
    )
    assert (second.tasks, second.kept, second.needed) == (["b", "y"], ["b"], {"a"})
    assert second.last == ["a"]
    assert (third.tasks, third.kept, third.needed) == (["z"], [], {"b", "x"})
    assert sorted(map(str, third.last)) == ["b", "x"]


class Counted:
    """Makes chunks of `PIXELS`, and counts how often it is asked for each."""

    def __init__(self) -> None:
        self.counts = Counter[Any]()
        self.lock = threading.Lock()
        self.most = self.held = 0

    def __call__(self, block_info: Any = None) -> NDArray[Any]:
        place = tuple(block_info[None]["array-location"])
        with self.lock:
            self.counts[place] += 1
        return PIXELS[tuple(slice(*each) for each in place)].copy()

    def array(self, chunks: Any) -> Any:
        """Return the dask array."""
        da = pytest.importorskip("dask.array", reason="dask is not installed")
        return da.map_blocks(
            self, chunks=chunks, dtype=PIXELS.dtype, meta=np.empty((0, 0, 0), PIXELS.dtype)
        )


CHUNKS = ((1, 2), (20, 20, 10), (30, 30, 10))

CHANGES: dict[str, Callable[[Any], Any]] = {
    "plain": lambda a: a,
    "rechunked": lambda a: a.rechunk((3, 16, 16)),
    "overlapping": lambda a: a.map_overlap(lambda b: b, depth=(0, 3, 3), boundary="none"),
    "derived": lambda a: (a + a.max() - a.max()).astype(a.dtype),
}


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
@pytest.mark.parametrize("memory", [1, 20_000, 1 << 30])
@pytest.mark.parametrize("change", CHANGES)
def test_each_chunk_is_computed_once(change: str, memory: int, scheduler: str) -> None:
    """Also where several chunks of the result need it, in batches of any size."""
    dask = pytest.importorskip("dask", reason="dask is not installed")
    counted = Counted()
    given = CHANGES[change](counted.array(CHUNKS))
    counted.counts.clear()
    with dask.config.set(scheduler=scheduler):
        image, _ = read(given, memory=memory)
    assert (image == PIXELS).all()
    assert set(counted.counts.values()) == {1}
    assert len(counted.counts) == 18


def test_chunks_come_in_the_order_in_which_they_are_wanted() -> None:
    """The regions say which, where chunks are of other sizes."""

    async def run() -> list[tuple[int, int]]:
        source = await make_pixel_source(Counted().array(CHUNKS), memory=1)
        assert (source.is_asked, source.chunk) == (False, (20, 30))
        blocks = await collect(source, [Region(0, 0, 50, 32), Region(0, 32, 50, 64)])
        put_together(source, blocks)
        return [block[:2] for block in blocks]

    wanted = [(0, 0), (0, 30), (20, 0), (20, 30), (40, 0), (40, 30), (0, 60), (20, 60), (40, 60)]
    assert asyncio.run(run()) == wanted


def test_dask_computes_two_batches_ahead_at_most() -> None:
    """Chunks that are not taken keep further ones from being computed."""
    counted = Counted()

    async def run() -> int:
        source = await make_pixel_source(counted.array(((3,), (5,) * 10, (70,))), memory=1)
        assert source.memory == 2 * 3 * 5 * 70 * 2
        async with aclosing(source.blocks(())) as blocks:
            await anext(blocks)
            await asyncio.sleep(0.1)
        return sum(counted.counts.values())

    assert asyncio.run(run()) <= 3


def test_a_dask_array_of_two_dimensions_or_masked() -> None:
    """As numpy's."""
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    image, _ = read(da.from_array(PIXELS[0], chunks=(20, 30)))
    assert (image == PIXELS[:1]).all()
    masked = da.ma.masked_equal(da.from_array(PIXELS[0], chunks=(20, 30)), 5)
    assert is_lazy(masked)
    image, valid = read(masked)
    assert (valid == (PIXELS[0] != 5)).all()
    image, valid = read(
        da.ma.masked_equal(da.from_array(PIXELS, chunks=(1, 20, 30)), 5),
        facts=WrittenFacts(nodata=7),
    )
    assert image[0, 0, 5] == 7


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda b: b.item(1 // 0), SourceError, r"chunk at \(row 0, col 0\).*ZeroDivisionError"),
        (lambda b: b.astype(float), UsageError, r"\(row 0, col 0\) is float64, .* uint16"),
        (lambda b: b[:, 1:], UsageError, r"\(row 0, col 0\) has \(19, 30\).*\(20, 30\)"),
        (lambda b: np.ma.MaskedArray(b, b > 0), UsageError, "not told to be"),
    ],
)
def test_a_chunk_that_goes_wrong_is_named(
    function: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    """By its first pixel."""
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    given = da.from_array(PIXELS, chunks=(3, 20, 30)).map_blocks(
        function, dtype=PIXELS.dtype, meta=np.empty((0, 0, 0), PIXELS.dtype)
    )
    with pytest.raises(error, match=message):
        read(given, memory=1)


def test_chunks_of_unknown_sizes_are_refused() -> None:
    """What dask cannot say has no place."""
    da = pytest.importorskip("dask.array", reason="dask is not installed")
    given = da.from_array(PIXELS[0], chunks=(20, 70))
    with pytest.raises(UsageError, match="compute_chunk_sizes"):
        make(given[given[:, 0] > 100])
    delayed = pytest.importorskip("dask").delayed(lambda: PIXELS)()
    with pytest.raises(UsageError, match="from_delayed"):
        make(delayed)


# --- writes that dask computes -------------------------------------------------------------------


def logged_chunk(log: Path, block_info: Any = None) -> NDArray[Any]:
    """Make a chunk of `PIXELS`, and note who made which."""
    place = block_info[None]["array-location"]
    with log.open("a") as file:
        file.write(f"{os.getpid()} {place}\n")
    return PIXELS[tuple(slice(*each) for each in place)].copy()


async def copy(array: Any, path: Path) -> str:
    """Stand for a writer: put an image together, and save it."""
    source = await make_pixel_source(array, memory=50_000)
    image, _ = put_together(source, await collect(source))
    np.save(path, image)
    return path.name


class Writes:
    """Two writes of arrays that know who makes their chunks."""

    def __init__(self, folder: Path) -> None:
        da = pytest.importorskip("dask.array", reason="dask is not installed")
        self.log = folder / "log"
        self.paths = [folder / "a.npy", folder / "b.npy"]
        arrays = [
            da.map_blocks(
                partial(logged_chunk, self.log),
                chunks=CHUNKS,
                dtype=PIXELS.dtype,
                meta=np.empty((0, 0, 0), PIXELS.dtype),
                name=f"source-{path.name}",
            )
            for path in self.paths
        ]
        changed = [CHANGES["overlapping"](arrays[0]), CHANGES["rechunked"](arrays[1])]
        self.log.unlink(missing_ok=True)  # dask may have tried the function
        self.delayed = [
            DelayedWrite(partial(copy, array, path))
            for array, path in zip(changed, self.paths, strict=True)
        ]

    def check(self) -> set[int]:
        """Check that both are whole, and each chunk was made once; return who made them."""
        assert all((np.load(path) == PIXELS).all() for path in self.paths)
        lines = self.log.read_text().splitlines()
        assert len(lines) == 36
        assert set(Counter(line.split(maxsplit=1)[1] for line in lines).values()) == {2}
        self.log.unlink()
        return {int(line.split()[0]) for line in lines}


@pytest.mark.parametrize("scheduler", ["threads", "sync"])
def test_dask_computes_several_writes(scheduler: str, tmp_path: Path) -> None:
    """Nothing is computed before; also where an event loop runs."""
    writes = Writes(tmp_path)
    dask = pytest.importorskip("dask")
    assert dask.is_dask_collection(writes.delayed[0])
    assert not writes.log.exists()
    assert dask.compute(*writes.delayed, scheduler=scheduler) == ("a.npy", "b.npy")
    assert writes.check() == {os.getpid()}

    async def run() -> tuple[str, str]:
        return await writes.delayed[0], writes.delayed[1].compute(scheduler=scheduler)

    assert asyncio.run(run()) == ("a.npy", "b.npy")
    writes.check()


def test_a_cluster_computes_several_writes(tmp_path: Path) -> None:
    """Two processes make all chunks, each once; a worker writes, and this process makes nothing."""
    distributed = pytest.importorskip("distributed", reason="distributed is not installed")
    dask = pytest.importorskip("dask")
    writes = Writes(tmp_path)
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        assert dask.compute(*writes.delayed) == ("a.npy", "b.npy")
        makers = writes.check()
        assert len(makers) == 2
        assert os.getpid() not in makers
        assert asyncio.run(copy_both(writes)) == ("a.npy", "b.npy")
        assert os.getpid() not in writes.check()


async def copy_both(writes: Writes) -> tuple[str, str]:
    """Write here, with chunks that the cluster makes."""
    return await writes.delayed[0], await writes.delayed[1]


# --- xarray --------------------------------------------------------------------------------------


def data_array(*, dims: tuple[str, ...] = ("band", "y", "x"), **attrs: Any) -> Any:
    """Return a DataArray of `PIXELS` with coordinates of pixels of 10 by 20."""
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    names = dict(zip(("band", "y", "x"), dims, strict=True))
    sizes = dict(zip(dims, PIXELS.shape, strict=True))
    return xr.DataArray(
        PIXELS,
        dims=dims,
        coords={
            names["y"]: 7000.0 - 10 - 20 * np.arange(sizes[names["y"]]),
            names["x"]: 500.0 + 5 + 10 * np.arange(sizes[names["x"]]),
        },
        attrs=attrs,
    )


TRANSFORM = (10, 0, 500, 0, -20, 7000)


def six(source: PixelSource) -> tuple[float, ...]:
    """Return the six numbers of the transform."""
    assert source.facts.transform is not None
    return tuple(source.facts.transform)[:6]


@pytest.mark.parametrize(
    "dims", [("band", "y", "x"), ("time", "latitude", "longitude"), ("b", "lat", "lon")]
)
@pytest.mark.parametrize("is_lazily", [False, True])
def test_a_data_array_in_any_order(dims: tuple[str, ...], *, is_lazily: bool) -> None:
    """Dimensions are known by their names."""
    given = data_array(dims=dims)
    if is_lazily:
        pytest.importorskip("dask", reason="dask is not installed")
        given = given.chunk({dims[1]: 20, dims[2]: 30})
    assert is_lazy(given) == is_lazily
    for order in (dims, dims[::-1], (dims[1], dims[0], dims[2])):
        image, _ = read(given.transpose(*order))
        assert (image == PIXELS).all()
        assert six(make(given.transpose(*order))) == TRANSFORM
    image, _ = read(given.isel({dims[0]: 1}))
    assert (image == PIXELS[1:2]).all()


def test_dimensions_by_cf() -> None:
    """Attributes of coordinates say which they are."""
    given = data_array(dims=("band", "north", "east"))
    with pytest.raises(UsageError, match="expected y and x, found band, north, east"):
        make(given)
    given.north.attrs["axis"], given.east.attrs["axis"] = "Y", "X"
    assert (read(given)[0] == PIXELS).all()


def test_rows_lie_as_they_are() -> None:
    """Where y ascends, so does the transform: as rioxarray writes it."""
    given = data_array().isel(y=slice(None, None, -1))
    assert six(make(given)) == (10, 0, 500, 0, 20, 7000 - 50 * 20)
    assert (read(given)[0] == PIXELS[:, ::-1]).all()


def test_facts_of_a_data_array() -> None:
    """By rioxarray's, CF's and datacube's names."""
    given = data_array(
        crs="EPSG:32633",
        nodata=5,
        scale_factor=0.5,
        add_offset=3,
        units="m",
        long_name=("a", "b", "c"),
        AREA_OR_POINT="Point",
        source="sensor",
        STATISTICS_MEAN=4,
        odd=[1, 2],
    )
    facts = make(given).facts
    assert (facts.crs, facts.nodata, facts.area_or_point) == ("EPSG:32633", 5, "Point")
    assert (facts.scales, facts.offsets, facts.units) == ((0.5,) * 3, (3.0,) * 3, ("m",) * 3)
    assert facts.descriptions == ("a", "b", "c")
    assert facts.tags == {"": {"source": "sensor"}}
    given = given.assign_coords(band=["red", "green", "blue"])
    facts = make(given, facts=WrittenFacts(nodata=7, crs="EPSG:4326")).facts
    assert (facts.descriptions, facts.nodata) == (("red", "green", "blue"), 7)
    assert facts.crs == "EPSG:4326"
    assert facts.transform is not None


def test_facts_of_bands_that_were_chosen() -> None:
    """Attributes of all bands stay with some of them; their numbers say which."""
    given = data_array(long_name=("a", "b", "c"), scales=(1.0, 2.0, 3.0), units=("m", "s", "K"))
    given = given.assign_coords(band=[1, 2, 3])
    facts = make(given.isel(band=[2, 0])).facts
    assert (facts.descriptions, facts.scales) == (("c", "a"), (3.0, 1.0))
    facts = make(given.isel(band=1)).facts
    assert (facts.descriptions, facts.scales, facts.units) == (("b",), (2.0,), ("s",))
    with pytest.raises(UsageError, match="3 texts for 1 bands"):
        make(given.isel(band=1, drop=True))


def test_a_fill_value_of_the_encoding_is_nan_in_memory() -> None:
    """Values are decoded; those of integers are as they are."""
    given = data_array()
    given.encoding["_FillValue"] = 9
    assert make(given).facts.nodata == 9
    decoded = given.astype(np.float32)
    decoded.encoding.update(_FillValue=9, scale_factor=0.1)
    facts = make(decoded).facts
    assert facts.nodata is not None
    assert np.isnan(facts.nodata)
    assert facts.scales is None


def test_a_geotransform_that_agrees_is_exact_and_one_of_a_larger_array_is_not_used() -> None:
    """After slicing, coordinates say where pixels lie."""
    given = data_array().assign_coords(spatial_ref=0)
    given.spatial_ref.attrs.update(
        GeoTransform="500.0000001 10 0 7000 0 -20", crs_wkt="WKT of its own"
    )
    assert six(make(given))[2] == 500.0000001
    assert make(given).facts.crs == "WKT of its own"
    assert six(make(given.isel(x=slice(10, None)))) == (10, 0, 600, 0, -20, 7000)
    assert six(make(given.isel(x=[3], y=[2]))) == (10, 0, 530, 0, -20, 6960)
    given.spatial_ref.attrs["GeoTransform"] = "1 2 3 4 5 6"
    assert six(make(given)) == (2, 3, 1, 5, 6, 4)
    given.spatial_ref.attrs["GeoTransform"] = "1 2 3"
    with pytest.raises(UsageError, match="not six numbers"):
        make(given)


def test_coordinates_must_make_a_grid() -> None:
    """Uneven ones would be written at places that are not theirs."""
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    given = data_array()
    with pytest.raises(UsageError, match="x are not evenly spaced"):
        make(given.isel(x=[0, 1, 2, 5]))
    rounded = xr.DataArray(
        PIXELS,
        dims=("band", "y", "x"),
        coords={
            "y": np.float32(-30) - np.arange(50, dtype=np.float32) * np.float32(1e-4),
            "x": np.linspace(150, 151, 70, dtype=np.float32),
        },
    )
    assert six(make(rounded))[0] == pytest.approx(1 / 69, rel=1e-3)
    with pytest.raises(UsageError, match="say transform="):
        make(given.isel(x=[0]))
    known = WrittenFacts(transform=data_array_transform())
    assert six(make(given.isel(x=[0]), facts=known)) == TRANSFORM


def data_array_transform() -> Any:
    """Return the transform of `data_array`."""
    return make(data_array()).facts.transform


def test_control_points_of_rioxarray() -> None:
    """In place of coordinates."""
    given = data_array().drop_vars(("x", "y")).assign_coords(spatial_ref=0)
    assert make(given).facts.transform is None
    given.spatial_ref.attrs["gcps"] = (
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"id": "1",'
        ' "info": "", "row": 2.5, "col": 3.5}, "geometry": {"type": "Point", "coordinates":'
        " [9, 47, 3]}}]}"
    )
    (point,) = make(given).facts.gcps
    assert point == (2.5, 3.5, 9, 47, 3, "1")
    given.spatial_ref.attrs["gcps"] = "{}"
    with pytest.raises(UsageError, match="GeoJSON"):
        make(given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.to_dataset(name="red"), r"Dataset holds several images \(red\)"),
        (lambda a: a.expand_dims("time"), "not time, band"),
        (lambda a: a.assign_attrs(nodata="none"), "say nodata="),
        (lambda a: a.assign_attrs(long_name=("a", "b")), "2 texts for 3 bands"),
        (lambda a: a.assign_attrs(scale_factor="x"), "expected a number for each"),
    ],
)
def test_a_data_array_that_makes_no_sense(change: Callable[[Any], Any], message: str) -> None:
    """The message says what to do."""
    with pytest.raises(UsageError, match=message):
        make(change(data_array()))


def test_a_lazy_data_array_is_loaded_region_by_region() -> None:
    """One that a backend reads when it is indexed, without dask: nothing is loaded twice."""
    xr = pytest.importorskip("xarray", reason="xarray is not installed")
    with xr.open_dataset(FIXTURES / "cog-deflate-u16-p2.tif", engine="tinycog") as opened:
        given = opened.band_data
        source = make(given)
        image, _ = put_together(source, asyncio.run(collect(source)))
        assert not given.variable._in_memory
    with tinycog.sync.open(FIXTURES / "cog-deflate-u16-p2.tif") as cog:
        assert (image == cog.read().data).all()


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "cog-deflate-u16-p2.tif",
        "cog-bigtiff-jpeg-mask.tif",
        "cog-alpha-rgba.tif",
        "cog-sparse-nodata.tif",
        "cog-rotated.tif",
        "cog-pixel-is-point.tif",
        "cog-palette.tif",
        "strip-be-planar-u16-p2.tif",
    ],
)
@pytest.mark.parametrize("is_blocking", [False, True])
def test_a_file_is_read_once_with_its_facts(name: str, *, is_blocking: bool) -> None:
    """Whether its handle is open, or blocks."""
    opened = tinycog.sync.open if is_blocking else tinycog.open

    async def run() -> None:
        async with tinycog.open(FIXTURES / name) as cog:
            whole = await cog.read(masked=True)
            source = await make_pixel_source(opened(FIXTURES / name))
            regions = tiles(source.rows, source.cols, source.chunk[0] * 2)
            image, valid = put_together(source, await collect(source, regions))
            assert (image == whole.data).all()
            assert source.has_valid == cog.has_mask
            if cog.has_mask:
                assert (valid == whole.mask).all()
            facts = source.facts
            assert (facts.crs, facts.transform) == (cog.crs, cog.transform)
            assert (facts.nodata, facts.colorinterp) == (cog.nodata, cog.colorinterp)
            assert (facts.descriptions, facts.scales) == (cog.descriptions, cog.scales)
            assert facts.area_or_point == cog.tags()["AREA_OR_POINT"]
            assert (facts.colormap is None) == (cog.colormap is None)

    asyncio.run(run())


def test_each_stored_tile_is_fetched_once() -> None:
    """By regions that are multiples of its tiles."""
    data = (FIXTURES / "cog-none-u8.tif").read_bytes()
    asked = Counter[int]()

    async def get_range(start: int, stop: int) -> bytes:
        asked.update(range(start, min(stop, len(data))))
        return data[start:stop]

    async def run() -> None:
        async with tinycog.open(get_range) as cog:
            source = await make_pixel_source(cog)
            ranges = await cog.tile_ranges()
            asked.clear()
            rows, cols = source.chunk
            assert rows == cols
            put_together(source, await collect(source, tiles(source.rows, source.cols, rows)))
            stored = [range(each.offset, each.offset + each.length) for each in ranges]
            assert max(asked[at] for tile in stored for at in tile) == 1

    asyncio.run(run())


def test_a_part_of_a_file() -> None:
    """By window or bounds; its place goes with it."""

    async def run() -> None:
        async with tinycog.open(FIXTURES / "cog-deflate-u16-p2.tif") as cog:
            window = (10, 20, 70, 60)
            whole = await cog.read(window=window)
            source = await make_pixel_source(cog, subset=Subset(window=window))
            image, _ = put_together(source, await collect(source))
            assert (image == whole.data).all()
            assert source.facts.transform == whole.transform
            by_bounds = await make_pixel_source(cog, subset=Subset(bounds=whole.bounds))
            assert (by_bounds.rows, by_bounds.cols) == (60, 70)
            assert by_bounds.facts.transform == whole.transform
            for subset in (
                Subset(window=(-1, 0, 5, 5)),
                Subset(window=(0.5, 0, 5, 5)),
                Subset(window=window, bounds=whole.bounds),
                Subset(bounds=(0, 0, 1, 1)),
            ):
                with pytest.raises(UsageError):
                    await make_pixel_source(cog, subset=subset)

    asyncio.run(run())
    with pytest.raises(UsageError, match="slice the array"):
        make(PIXELS, subset=Subset(window=(0, 0, 5, 5)))


def test_a_raster_knows_its_place_and_its_mask() -> None:
    """Pixels that were read can be written again."""
    with tinycog.sync.open(FIXTURES / "cog-mask-rgb.tif") as cog:
        raster = cog.read(window=(5, 6, 40, 30), masked=True)
    source = make(raster)
    image, valid = put_together(source, asyncio.run(collect(source)))
    assert (image == raster.data).all()
    assert (valid == raster.mask).all()
    assert (source.facts.crs, source.facts.transform) == (raster.crs, raster.transform)


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("cog-web-mercator.tif", WebGrid(tilesize=256)),
        ("cog-deflate-u16-p2.tif", WebGrid(tilesize=128)),
        ("cog-sparse-nodata.tif", WebGrid(tilesize=64, resampling="nearest")),
    ],
)
def test_a_file_on_the_grid_of_web_tiles(name: str, grid: WebGrid) -> None:
    """It is what the reader warps, tile by tile, and covers the image."""
    pytest.importorskip("pyproj", reason="pyproj is not installed")

    async def run() -> None:
        async with tinycog.open(FIXTURES / name) as cog:
            source = await make_pixel_source(cog, web_grid=grid)
            size = grid.tilesize
            regions = tiles(source.rows, source.cols, 2 * size)
            image, valid = put_together(source, await collect(source, regions))
            a, b, c, d, e, f = six(source)
            assert (b, d, a) == (0, 0, -e)
            world = 2 * 20037508.342789244
            zoom = round(np.log2(world / (a * size)))
            first = round((c + world / 2) / (a * size)), round((world / 2 - f) / (a * size))
            for row, col in np.ndindex(source.rows // size, source.cols // size):
                one = await cog.read_web_tile(
                    zoom, first[0] + col, first[1] + row, tilesize=size, resampling=grid.resampling
                )
                part = np.s_[row * size : (row + 1) * size, col * size : (col + 1) * size]
                assert (image[:, *part] == one.data).all()
                assert not source.has_valid or (valid[part] == one.mask).all()
            assert source.facts.crs == 3857
            assert source.has_valid == (cog.nodata is None)
            where = [first[0], first[0] + source.cols // size]
            outside = [await cog.read_web_tile(zoom, x, first[1]) for x in (where[0] - 1, where[1])]
            assert not any(each.mask.any() for each in outside)
            with pytest.raises(UsageError, match="not made of tiles"):
                await collect(source, [Region(0, 0, size, size + 1)])

    asyncio.run(run())
    with pytest.raises(UsageError, match="slice the array"):
        make(PIXELS, web_grid=WebGrid())
    with pytest.raises(UsageError, match="only a whole file"):
        make(tinycog.open(FIXTURES / name), web_grid=grid, subset=Subset(window=(0, 0, 9, 9)))


def test_facts_of_a_file_are_written_again() -> None:
    """Items of image and bands, scales, units, descriptions."""

    async def run() -> None:
        async with tinycog.open(FIXTURES / "cog-metadata.tif") as cog:
            written = await tinycog.write(bytes, cog)
            assert written.data is not None
            async with tinycog.open(written.data) as copy:
                assert (copy.scales, copy.offsets, copy.units) == (
                    cog.scales,
                    cog.offsets,
                    cog.units,
                )
                assert copy.descriptions == cog.descriptions
                for band in (None, *range(cog.count)):
                    own = {k: v for k, v in cog.tags(band).items() if "STATISTICS" not in k}
                    assert copy.tags(band) == own
                assert (str(copy.crs), copy.transform) == (str(cog.crs), cog.transform)
                assert ((await copy.read()).data == (await cog.read()).data).all()

    asyncio.run(run())
