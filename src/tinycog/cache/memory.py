"""A block cache in the memory of the process."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from weakref import WeakValueDictionary

from tinycog.cache.protocol import Block, BlockKind, check_max_bytes, overfull

OVERHEAD_BYTES = 512
"""Memory that a block takes besides its bytes."""

DEFAULT_BYTES = 256 << 20


_caches: WeakValueDictionary[str, MemoryCache] = WeakValueDictionary()
"""Those of this process, by token."""

_lock = threading.Lock()


class MemoryCache:
    """A block cache in memory: the blocks that were not used for longest go first (cache.bound).

    ::

        tinycog.configure(cache=tinycog.MemoryCache(max_bytes=1 << 30))

    Any number of handles, threads and event loops may share it. Its pickle holds no bytes: in the
    same process it is the same cache, in another one an empty one, shared by all that came of this.

    Attributes:
        max_bytes: most memory that it takes.
    """

    waits = False

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        """Create an empty cache.

        Raises:
            UsageError: `max_bytes` is no number of bytes.
        """
        self.max_bytes = check_max_bytes(max_bytes)
        self._lock = threading.Lock()
        self._blocks: dict[BlockKind, OrderedDict[Block, bytes]] = {
            "header": OrderedDict(),
            "tile": OrderedDict(),
        }
        self._bytes: dict[BlockKind, int] = {"header": 0, "tile": 0}
        self._token = uuid.uuid4().hex
        _caches[self._token] = self

    @property
    def held(self) -> int:
        """Bytes that it takes now."""
        return sum(self._bytes.values())

    def get(self, blocks: Sequence[Block], /) -> list[bytes | None]:
        """Return the bytes of each block, None for those that are not there."""
        with self._lock:
            return [self._get(block) for block in blocks]

    def _get(self, block: Block) -> bytes | None:
        held = self._blocks[block.kind]
        data = held.get(block)
        if data is not None:
            held.move_to_end(block)
        return data

    def put(self, blocks: Mapping[Block, bytes], /) -> None:
        """Keep blocks; others go where there is no room."""
        with self._lock:
            for block, data in blocks.items():
                if len(data) + OVERHEAD_BYTES <= self.max_bytes:
                    self._drop(block)
                    self._blocks[block.kind][block] = data
                    self._bytes[block.kind] += len(data) + OVERHEAD_BYTES
            while kind := overfull(self._bytes["header"], self._bytes["tile"], self.max_bytes):
                self._drop(next(iter(self._blocks[kind])))

    def has(self, blocks: Sequence[Block], /) -> list[bool]:
        """Return which blocks are there."""
        with self._lock:
            return [block in self._blocks[block.kind] for block in blocks]

    def remove(self, blocks: Sequence[Block], /) -> None:
        """Drop blocks, where they are there."""
        with self._lock:
            for block in blocks:
                self._drop(block)

    def clear(self) -> None:
        """Drop all blocks."""
        with self._lock:
            for kind, held in self._blocks.items():
                held.clear()
                self._bytes[kind] = 0

    def _drop(self, block: Block) -> None:
        data = self._blocks[block.kind].pop(block, None)
        if data is not None:
            self._bytes[block.kind] -= len(data) + OVERHEAD_BYTES

    def __repr__(self) -> str:
        """Show its bound."""
        return f"MemoryCache(max_bytes={self.max_bytes})"

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        """Pickle what names it."""
        return MemoryCache._named, (self._token, self.max_bytes)

    @staticmethod
    def _named(token: str, max_bytes: int) -> MemoryCache:
        """Return the cache of a token, an empty one where this process has none."""
        with _lock:
            found = _caches.get(token)
            if found is None:
                found = MemoryCache(max_bytes)
                found._token = token
                _caches[token] = found
            return found
