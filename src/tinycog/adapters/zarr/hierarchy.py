"""Groups and arrays by path: which keys there are, and what each of them holds."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from tinycog.adapters.zarr.arrays import ChunkedArray
from tinycog.adapters.zarr.documents import Json, consolidated

DOCUMENT, CHUNKS = "zarr.json", "c"
"""Names of what lies under a node: its document, and the chunks of an array."""


@dataclass(frozen=True)
class Value:
    """What a key holds.

    Attributes:
        size: its length in bytes.
        read: reads it.
    """

    size: int
    read: Callable[[], Awaitable[memoryview]]


class Hierarchy:
    """Groups and arrays by path; that of the root is ""."""

    def __init__(self, documents: Mapping[str, Json], arrays: Mapping[str, ChunkedArray]) -> None:
        """Keep the arrays, and the documents of all nodes; those of groups are consolidated."""
        self._arrays = arrays
        self._documents = {
            path: json.dumps(_with_members(path, documents), allow_nan=False).encode()
            for path in documents
        }

    def find(self, key: str) -> Value | None:
        """Return what a key holds, None if there is no such key."""
        path, _, name = key.rpartition("/")
        if name == DOCUMENT and (document := self._documents.get(path)) is not None:
            return Value(len(document), partial(_ready, document))
        path, index = _split(key)
        array = self._arrays.get(path)
        if array is None or index is None or len(index) != len(array.grid):
            return None
        if any(i >= count for i, count in zip(index, array.grid, strict=True)):
            return None
        return Value(array.chunk_bytes, partial(_read_chunk, array, index))

    def keys(self, prefix: str) -> Iterator[str]:
        """Iterate over the keys that begin with a prefix."""
        for path in self._documents:
            base = f"{path}/" if path else ""
            if base.startswith(prefix) or prefix.startswith(base):
                for key in self._keys_of(path, base):
                    if key.startswith(prefix):
                        yield key

    def _keys_of(self, path: str, base: str) -> Iterator[str]:
        yield base + DOCUMENT
        if (array := self._arrays.get(path)) is not None:
            for index in product(*map(range, array.grid)):
                yield base + "/".join([CHUNKS, *map(str, index)])

    def children(self, prefix: str) -> Iterator[str]:
        """Iterate over the names right under a prefix, which is the path of a node or of chunks."""
        path = prefix.strip("/")
        base = f"{path}/" if path else ""
        below = (other[len(base) :] for other in self._documents if other.startswith(base))
        yield from dict.fromkeys(name.partition("/")[0] for name in below if name)
        if path in self._documents:
            yield DOCUMENT
        if path in self._arrays:
            yield CHUNKS
        path, index = _split(path)
        array = self._arrays.get(path)
        if array is not None and index is not None and len(index) < len(array.grid):
            is_there = all(i < count for i, count in zip(index, array.grid, strict=False))
            yield from map(str, range(array.grid[len(index)] if is_there else 0))


def _with_members(path: str, documents: Mapping[str, Json]) -> Json:
    """Return the document of a node, that of a group with those of its members."""
    document = documents[path]
    if document["node_type"] == "array":
        return document
    base = f"{path}/" if path else ""
    members = {
        other[len(base) :]: found
        for other, found in documents.items()
        if other != path and other.startswith(base)
    }
    return consolidated(document, members)


def _split(key: str) -> tuple[str, tuple[int, ...] | None]:
    """Return path of the array and index of the chunk of a key; None where it is no chunk's."""
    path, chunks, index = f"{key}/".partition(f"/{CHUNKS}/")
    numbers = index.split("/")[:-1]
    if not chunks or any(
        not number.isdecimal() or str(int(number)) != number for number in numbers
    ):
        return path, None
    return path, tuple(map(int, numbers))


async def _ready(document: bytes) -> memoryview:
    return memoryview(document)


async def _read_chunk(array: ChunkedArray, index: tuple[int, ...]) -> memoryview:
    return memoryview((await array.read(index)).reshape(-1).view(np.uint8))
