"""The same pixels and options give the same bytes: one sha256 of each configuration.

    python tests/writing/identity.py [--every N]

Whatever the blocks, their order, the threads, the kind of source, the target, the memory. Kinds
whose library is not installed are left out, and named. Exit status 1 if a configuration has two
hashes.
"""

# pyright: reportArgumentType=false
from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import io
import itertools
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tinycog
from tinycog import thread_pool

CONFIGURATIONS: Mapping[str, dict[str, Any]] = {
    "deflate": {},
    "lzw-average": {"compression": "lzw", "overview_resampling": "average"},
    "zstd-bands": {"compression": "zstd", "interleave": "band", "overview_resampling": "mode"},
    "tiles-cubic": {"interleave": "tile", "overview_resampling": "cubic"},
    "jpeg": {"compression": "jpeg", "overview_resampling": "bilinear"},
    "auto": {"level": "auto", "statistics": True, "overview_resampling": "rms"},
    "big-endian": {"byte_order": ">", "bigtiff": True, "overview_resampling": "max"},
    "sparse": {"sparse": True, "nodata": 7, "overview_resampling": "min"},
    "fast": {"profile": "fast"},
    "earth-engine": {"profile": "earth-engine", "blocksize": 32},
    "gdal": {"like": "gdal", "overview_resampling": "average"},
    "mask": {"mask": "internal", "overview_resampling": "average"},
    "stored-stats": {"compression": "none", "statistics": True, "overview_blocksize": 64},
}

THREADS = (1, 2, 8)

SHAPE = (3, 301, 203)


def image() -> NDArray[Any]:
    """A ramp with noise, and an even corner."""
    bands, rows, cols = SHAPE
    ramp = np.add.outer(np.arange(rows), np.arange(cols)) // 3 % 97
    noise = np.random.default_rng(5).integers(0, 5, SHAPE)
    pixels = ramp[None] + noise + 10 * np.arange(bands)[:, None, None]
    pixels[:, : rows // 3, : cols // 2] = 7
    return pixels.astype(np.uint8)


# --- sources -------------------------------------------------------------------------------------


def blocks(pixels: NDArray[Any], seed: int) -> Iterator[tuple[tuple[int, int], NDArray[Any]]]:
    """Cut an image at random, in any order."""
    random = Random(seed)  # noqa: S311 - no secret
    _, rows, cols = pixels.shape
    downs = sorted({0, rows, *(random.randrange(rows) for _ in range(5))})
    acrosses = sorted({0, cols, *(random.randrange(cols) for _ in range(5))})
    places = list(itertools.product(itertools.pairwise(downs), itertools.pairwise(acrosses)))
    random.shuffle(places)
    for (top, bottom), (left, right) in places:
        yield (top, left), pixels[:, top:bottom, left:right]


async def later(found: Iterator[Any]) -> AsyncIterator[Any]:
    """The same blocks, of an async iterator."""
    for item in found:
        await asyncio.sleep(0)
        yield item


Given = tuple[object, dict[str, Any]]
"""A source, and what has to be said of it."""


async def _another_file(pixels: NDArray[Any], folder: Path, seed: int) -> Given:
    path = folder / "source.tif"
    size = (48, 64, 80)[seed % 3]
    await tinycog.write(path, pixels, blocksize=size, compression="zstd")
    return tinycog.open(path), {}


async def _memmap(pixels: NDArray[Any], folder: Path, seed: int) -> Given:
    order = "<>"[seed % 2]
    mapped = np.memmap(folder / "source.raw", f"{order}u1", "w+", shape=pixels.shape)
    mapped[...] = pixels
    return mapped, {}


async def _dask(pixels: NDArray[Any], folder: Path, seed: int) -> Given:
    import dask.array as da  # noqa: PLC0415 - a peer

    del folder
    random = Random(seed)  # noqa: S311 - no secret
    return da.from_array(pixels, (random.randint(1, 3), random.randint(20, 90), 71)), {}


async def _data_array(pixels: NDArray[Any], folder: Path, seed: int) -> Given:
    import xarray  # noqa: PLC0415 - a peer

    del folder
    array = xarray.DataArray(pixels, dims=("band", "y", "x"))
    return (array.chunk({"y": 50, "x": 60}) if seed % 2 else array), {}


async def _numpy(pixels: NDArray[Any], folder: Path, seed: int) -> Given:
    del folder
    return (pixels, np.asfortranarray(pixels), pixels[:, ::-1].copy()[:, ::-1])[seed % 3], {}


async def _iterator(pixels: NDArray[Any], folder: Path, seed: int) -> Given:
    del folder
    return blocks(pixels, seed), {"shape": pixels.shape, "dtype": pixels.dtype}


async def _async_iterator(pixels: NDArray[Any], folder: Path, seed: int) -> Given:
    del folder
    return later(blocks(pixels, seed)), {"shape": pixels.shape, "dtype": pixels.dtype}


SOURCES: Mapping[str, tuple[str, Callable[[NDArray[Any], Path, int], Any]]] = {
    "numpy": ("numpy", _numpy),
    "iterator": ("numpy", _iterator),
    "async iterator": ("numpy", _async_iterator),
    "memmap": ("numpy", _memmap),
    "another file": ("numpy", _another_file),
    "dask": ("dask", _dask),
    "DataArray": ("xarray", _data_array),
}
"""What pixels come from: the library that it needs, and what makes it."""


# --- targets -------------------------------------------------------------------------------------


async def _to_bytes(write: Callable[..., Any], folder: Path) -> bytes:
    del folder
    return (await write(bytes)).data


async def _to_path(write: Callable[..., Any], folder: Path) -> bytes:
    path = folder / "a.tif"
    await write(path)
    return path.read_bytes()


async def _to_file(write: Callable[..., Any], folder: Path) -> bytes:
    del folder
    file = io.BytesIO()
    await write(file)
    return file.getvalue()


async def _to_pipe(write: Callable[..., Any], folder: Path) -> bytes:
    del folder
    end, start = os.pipe()
    found: list[bytes] = []

    def read() -> None:
        with os.fdopen(end, "rb") as pipe:
            found.append(pipe.read())

    thread = threading.Thread(target=read)
    thread.start()
    with os.fdopen(start, "wb") as pipe:
        await write(pipe)
    await asyncio.to_thread(thread.join)
    return found[0]


async def _to_fsspec(write: Callable[..., Any], folder: Path) -> bytes:
    import fsspec  # noqa: PLC0415 - a peer

    del folder
    await write("memory://identity/a.tif")
    return fsspec.filesystem("memory").cat("/identity/a.tif")


async def _to_store(write: Callable[..., Any], folder: Path) -> bytes:
    from obstore.store import MemoryStore  # noqa: PLC0415 - a peer

    del folder
    store = MemoryStore()
    await write("a.tif", store=store)
    return bytes((await store.get_async("a.tif")).bytes())


TARGETS: Mapping[str, tuple[str, Callable[[Callable[..., Any], Path], Any]]] = {
    "bytes": ("numpy", _to_bytes),
    "path": ("numpy", _to_path),
    "open file": ("numpy", _to_file),
    "pipe": ("numpy", _to_pipe),
    "fsspec": ("fsspec", _to_fsspec),
    "obstore": ("obstore", _to_store),
}
"""Where files go: the library that it needs, and what writes and reads it."""


# --- the run -------------------------------------------------------------------------------------


@contextlib.contextmanager
def pool_of(threads: int) -> Iterator[None]:
    """Have tiles encoded by so many threads."""
    before = thread_pool._pool
    thread_pool._pool = thread_pool.ThreadPool(threads)
    try:
        yield
    finally:
        thread_pool._pool = before


def combinations() -> list[tuple[str, str, int]]:
    """Sources, targets and threads, of libraries that are installed."""
    sources = [name for name, (library, _) in SOURCES.items() if find_spec(library)]
    targets = [name for name, (library, _) in TARGETS.items() if find_spec(library)]
    return list(itertools.product(sources, targets, THREADS))


async def digest(
    options: Mapping[str, Any], combination: tuple[str, str, int], seed: int, folder: Path
) -> str:
    """Write one file; return the hash of its bytes."""
    source, target, threads = combination
    given, told = await SOURCES[source][1](image(), folder, seed)
    memory = (200 << 20, 256 << 20)[seed % 2]

    async def write(where: Any, **more: Any) -> tinycog.Written:
        every = {"blocksize": 32, "memory": memory, **options, **told, **more}
        return await tinycog.write(where, given, **every)

    with pool_of(threads):
        data = await TARGETS[target][1](write, folder)
    return hashlib.sha256(data).hexdigest()


async def hashes(name: str, chosen: Sequence[tuple[str, str, int]], folder: Path) -> Counter[str]:
    """Write one configuration in many ways; return its hashes."""
    found: Counter[str] = Counter()
    for seed, combination in enumerate(chosen):
        found[await digest(CONFIGURATIONS[name], combination, seed, folder)] += 1
    return found


def main() -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=6, help="one of so many combinations")
    every = parser.parse_args().every
    total, is_one = 0, True
    lacking = {name for name, _ in (*SOURCES.values(), *TARGETS.values()) if not find_spec(name)}
    for number, name in enumerate(CONFIGURATIONS):
        chosen = combinations()[number % every :: every]
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(hashes(name, chosen, Path(folder)))
        total += len(chosen)
        is_one &= len(found) == 1
        sys.stdout.write(f"{name}: {dict(found)}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total} files; not installed: {sorted(lacking) or 'nothing'}\n")
    return int(not is_one)


if __name__ == "__main__":
    sys.exit(main())
