"""zarr's own suite of stores, over `ZarrStore`: what it writes lies in memory, in the tiles' place.

The keys of a file are compared with a copy of all of them in tests/test_zarr.py.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import pytest
from conftest import fixture_path

import tinycog

pytest.importorskip("zarr", reason="zarr is not installed: it needs Python 3.12")

from zarr.core.buffer import Buffer, cpu
from zarr.testing.store import StoreTests

from tinycog.adapters.zarr.decoded_store import ZarrStore
from tinycog.adapters.zarr.hierarchy import Value

COG = tinycog.open(fixture_path("cog-deflate-u8"))
WRITING = pytest.mark.skip(reason="writing only")


class Written:
    """A hierarchy of what the suite has written."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def find(self, key: str) -> Value | None:
        data = self.values.get(key)
        return None if data is None else Value(len(data), partial(ready, data))

    def keys(self, prefix: str) -> Iterator[str]:
        return (key for key in self.values if key.startswith(prefix))

    def children(self, prefix: str) -> Iterator[str]:
        base = f"{path}/" if (path := prefix.rstrip("/")) else ""
        return iter({key[len(base) :].partition("/")[0] for key in self.keys(base)})


async def ready(data: bytes) -> memoryview:
    return memoryview(data)


class StoreOfWritten(ZarrStore):
    """A store whose hierarchy can be filled; not by its own methods."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.written = Written()

    async def _hierarchy(self) -> Any:
        self._is_open = True
        return self.written

    async def _set_many(self, values: Iterable[tuple[str, Buffer]]) -> None:
        self.written.values.update((key, value.to_bytes()) for key, value in values)


class TestSuite(StoreTests[StoreOfWritten, cpu.Buffer]):
    store_cls = StoreOfWritten
    buffer_cls = cpu.Buffer

    async def set(self, store: StoreOfWritten, key: str, value: Buffer) -> None:
        await store._set_many([(key, value)])

    async def get(self, store: StoreOfWritten, key: str) -> Buffer:
        return self.buffer_cls.from_bytes(store.written.values[key])

    @pytest.fixture
    def store_kwargs(self) -> dict[str, Any]:
        return {"cog": COG}

    def test_store_repr(self, store: StoreOfWritten) -> None:
        assert repr(store) == f"ZarrStore({str(fixture_path('cog-deflate-u8'))!r}, levels='arrays')"

    def test_store_supports_writes(self, store: StoreOfWritten) -> None:
        assert not store.supports_writes
        assert not store.supports_deletes

    def test_store_supports_listing(self, store: StoreOfWritten) -> None:
        assert store.supports_listing

    def test_store_read_only(self, store: StoreOfWritten) -> None:
        assert store.read_only
        with pytest.raises(AttributeError):
            store.read_only = False  # pyright: ignore[reportAttributeAccessIssue]

    @pytest.mark.parametrize("read_only", [True])
    async def test_store_open_read_only(self, open_kwargs: Any, read_only: bool) -> None:  # noqa: FBT001
        await super().test_store_open_read_only(open_kwargs, read_only)

    async def test_serializable_store(self, store: StoreOfWritten) -> None:
        again = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own
        assert again == store
        assert again.read_only == store.read_only

    async def test_exists(self, store: StoreOfWritten) -> None:
        assert not await store.exists("foo")
        await self.set(store, "foo/zarr.json", self.buffer_cls.from_bytes(b"bar"))
        assert await store.exists("foo/zarr.json")
        assert not await store.exists("foo")

    test_set = WRITING(StoreTests.test_set)
    test_set_not_open = WRITING(StoreTests.test_set_not_open)
    test_set_many = WRITING(StoreTests.test_set_many)
    test_set_if_not_exists = WRITING(StoreTests.test_set_if_not_exists)
    test_clear = WRITING(StoreTests.test_clear)
