"""Arrays of dask: each chunk is computed once, and what several need, too."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from importlib import import_module
from itertools import accumulate, product
from math import isnan
from typing import Any, NamedTuple, Protocol

import numpy as np

from tinycog.errors import SourceError, TinycogError, UsageError
from tinycog.sources.redact import redact_line, safe_cause
from tinycog.writer.pixel_source import PixelBlock, Region
from tinycog.writer.sources.blocks import BlockMaker
from tinycog.writer.sources.dask_graph import Batch, Key, make_batches
from tinycog.writer.sources.in_thread import in_thread
from tinycog.writer.sources.told import Told, as_dtype, as_shape

THREAD = "tinycog-dask"
"""Name of the threads that wait for dask."""

BATCHES = 2
"""Batches of chunks that are held: one is used up while the next is computed."""


class ChunkColumn(NamedTuple):
    """Chunks of all bands at one place.

    Attributes:
        region: their pixels.
        keys: of their tasks, in the order of the bands.
    """

    region: Region
    keys: list[Key]


class DaskSource:
    """An array of dask (bands, rows, cols), or (rows, cols) for one band; see `PixelSource`.

    It is computed by the scheduler that `dask.compute` would use, some chunks at a time, in the
    order in which they are wanted. What chunks share in the graph is computed once, and held until
    the last of them, which `memory` does not count.
    """

    origin: tuple[int, int] = (0, 0)
    is_asked: bool = False
    copies: bool = True
    lends: bool = False
    generation: str | None = None

    def __init__(self, array: Any, told: Told, memory: int) -> None:  # noqa: ANN401 - of dask
        """Keep the array; nothing is computed.

        Args:
            array: what is computed.
            told: what the caller says of it.
            memory: bytes of chunks to hold, where that is more than two chunks of all bands.

        Raises:
            UsageError: it is no image, its chunks have no known sizes, or it is not what is said.
        """
        if any(isnan(size) for sizes in array.chunks for size in sizes):
            message = "the chunks of the dask array have no known sizes: compute_chunk_sizes()"
            raise UsageError(message)
        shape, self.dtype = as_shape(array.shape), as_dtype(array.dtype)
        told.check(shape, self.dtype)
        self.bands, self.rows, self.cols = shape
        self.facts = told.facts
        self.has_valid: bool | None = isinstance(getattr(array, "_meta", None), np.ma.MaskedArray)
        down, across = array.chunks[-2:]
        self.chunk: tuple[int, int] = (max(down), max(across))
        largest = self.chunk[0] * self.chunk[1] * self._pixel_bytes
        self._batch_bytes = max(memory // BATCHES, largest)
        self.memory = BATCHES * self._batch_bytes
        self._array = array
        self._maker = BlockMaker(shape, self.dtype, self.facts.nodata, self.has_valid)

    @property
    def _pixel_bytes(self) -> int:
        return self.bands * self.dtype.itemsize

    async def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give all chunks, in the order in which `regions` touch them."""
        async with aclosing(in_thread(self._blocks(regions), THREAD)) as blocks:
            async for block in blocks:
                yield block

    def _blocks(self, regions: Iterable[Region]) -> Iterator[PixelBlock]:
        """Compute the chunks, one batch ahead; blocking."""
        base: Any = import_module("dask.base")
        core: Any = import_module("dask.core")
        (array,) = base.optimize(self._array)
        graph: dict[Key, Any] = dict(array.__dask_graph__())
        dependencies, _ = core.get_deps(graph)
        columns = self._ordered(_columns(array), regions)
        groups = list(self._grouped(columns))
        wanted = [[key for column in group for key in column.keys] for group in groups]
        order = core.toposort(graph, dependencies=dependencies)
        batches = make_batches(dependencies, order, wanted)
        get = base.get_scheduler(collections=[array])
        client = getattr(get, "__self__", None)
        computer = Cluster(graph, client) if hasattr(client, "gather") else Here(graph, get)
        try:
            ahead = deque[Any]()
            for number in range(len(groups)):
                while len(ahead) < min(BATCHES, len(groups) - number):
                    ahead.append(computer.start(batches[number + len(ahead)]))
                group = groups[number]
                try:
                    found = deque(computer.wait(ahead.popleft()))
                except TinycogError:
                    raise
                except Exception as exc:  # noqa: BLE001 - whatever the tasks raise
                    raise _failure(group, exc) from safe_cause(exc)
                for column in group:
                    yield self._block(column, [found.popleft() for _ in column.keys])
        finally:
            computer.close()

    def _ordered(
        self, columns: Sequence[ChunkColumn], regions: Iterable[Region]
    ) -> list[ChunkColumn]:
        """Return all columns, first those that the first regions touch."""
        by_place = {column.region[:2]: column for column in columns}
        tops = np.array(sorted({row for row, _ in by_place}))
        lefts = np.array(sorted({col for _, col in by_place}))
        found: dict[tuple[int, int], ChunkColumn] = {}
        for region in regions:
            top, left = np.searchsorted(tops, region.row, "right") - 1, 0
            left = np.searchsorted(lefts, region.col, "right") - 1
            rows = tops[top : np.searchsorted(tops, region.row_stop)].tolist()
            cols = lefts[left : np.searchsorted(lefts, region.col_stop)].tolist()
            for place in product(rows, cols):
                found.setdefault(place, by_place[place])
        return list((found | by_place).values())

    def _grouped(self, columns: Sequence[ChunkColumn]) -> Iterator[list[ChunkColumn]]:
        """Yield columns for one batch each."""
        group, size = list[ChunkColumn](), 0
        for column in columns:
            length = column.region.rows * column.region.cols * self._pixel_bytes
            if group and size + length > self._batch_bytes:
                yield group
                group, size = [], 0
            group.append(column)
            size += length
        yield group

    def _block(self, column: ChunkColumn, found: list[Any]) -> PixelBlock:
        """Make a block of the chunks of all bands.

        Raises:
            UsageError: the function that made them gave something else than dask was told.
        """
        region = column.region
        parts = [np.asanyarray(part) for part in found]
        if len(parts) > 1:
            is_masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
            parts = [np.ma.concatenate(parts) if is_masked else np.concatenate(parts)]
        (pixels,) = parts
        if pixels.shape[-2:] != (region.rows, region.cols):
            message = (
                f"the chunk at (row {region.row}, col {region.col}) has {pixels.shape[-2:]} rows"
                f" and columns, but dask was told {(region.rows, region.cols)}"
            )
            raise UsageError(message)
        return self._maker.make(region.row, region.col, pixels)


def _columns(array: Any) -> list[ChunkColumn]:  # noqa: ANN401 - of dask
    """Return the chunks of all bands, place by place, row by row."""
    keys, chunks = array.__dask_keys__(), array.chunks
    planes = keys if len(chunks) > 2 else [keys]  # noqa: PLR2004 - rows and columns
    tops, lefts = ([0, *accumulate(sizes)] for sizes in chunks[-2:])
    return [
        ChunkColumn(
            Region(tops[i], lefts[j], tops[i + 1], lefts[j + 1]), [plane[i][j] for plane in planes]
        )
        for i, j in product(range(len(chunks[-2])), range(len(chunks[-1])))
    ]


def _failure(group: Sequence[ChunkColumn], exc: Exception) -> SourceError:
    """Return the error that names the chunks that were computed."""
    first, last = group[0].region, group[-1].region
    which = f"the chunk at (row {first.row}, col {first.col})"
    if len(group) > 1:
        which += f" or one of those up to (row {last.row}, col {last.col})"
    return SourceError(f"dask cannot compute {which}: {type(exc).__name__}: {redact_line(exc)}")


class Computer(Protocol):
    """Computes batches, in the order in which they are started."""

    def start(self, batch: Batch) -> Any:  # noqa: ANN401 - what `wait` takes
        """Have a batch computed; returns at once."""
        ...

    def wait(self, started: Any) -> Sequence[Any]:  # noqa: ANN401 - likewise
        """Return the results of a batch, (bands, rows, cols) each."""
        ...

    def close(self) -> None:
        """Give up what is not computed yet."""
        ...


class Kept:
    """The result of an earlier batch, as a task."""

    def __init__(self, result: object) -> None:
        """Keep the result."""
        self.result = result

    def __call__(self) -> object:
        """Return it."""
        return self.result


class Here:
    """Computes in this process, or in others for it, by one of dask's own schedulers."""

    def __init__(self, graph: Mapping[Key, Any], get: Any) -> None:  # noqa: ANN401 - dask's
        """Keep the graph and the scheduler's function."""
        self._graph, self._get = graph, get
        self._kept: dict[Key, object] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=THREAD)

    def start(self, batch: Batch) -> Future[Sequence[Any]]:
        """Have a batch computed, behind those before it."""
        return self._thread.submit(self._compute, batch)

    def _compute(self, batch: Batch) -> Sequence[Any]:
        tasks = {key: self._graph[key] for key in batch.tasks}
        tasks |= {key: (Kept(self._kept[key]),) for key in batch.needed}
        results, kept = self._get(tasks, [list(batch.results), batch.kept])
        self._kept.update(zip(batch.kept, kept, strict=True))
        for key in batch.last:
            del self._kept[key]
        return results

    def wait(self, started: Future[Sequence[Any]]) -> Sequence[Any]:
        """Return the results of a batch."""
        return started.result()

    def close(self) -> None:
        """Wait for the batch that is under way; dask cannot stop it."""
        self._thread.shutdown(cancel_futures=True)


class Cluster:
    """Computes by a client of dask.distributed; what is kept stays on the cluster."""

    def __init__(self, graph: Mapping[Key, Any], client: Any) -> None:  # noqa: ANN401 - distributed's
        """Keep the graph and the client."""
        self._graph, self._client = graph, client
        self._kept: dict[Key, Any] = {}

    def start(self, batch: Batch) -> tuple[Sequence[Any], Batch]:
        """Send the tasks of a batch."""
        tasks = {key: self._graph[key] for key in batch.tasks}
        tasks |= {key: self._kept[key] for key in batch.needed}
        results, kept = self._client.get(tasks, [list(batch.results), batch.kept], sync=False)
        self._kept.update(zip(batch.kept, kept, strict=True))
        return results, batch

    def wait(self, started: tuple[Sequence[Any], Batch]) -> Sequence[Any]:
        """Return the results of a batch; the cluster forgets what is not needed any more."""
        results, batch = started
        found: Sequence[Any] = self._client.gather(results)
        for key in batch.last:
            del self._kept[key]
        return found

    def close(self) -> None:
        """Have the cluster forget all."""
        self._kept.clear()
