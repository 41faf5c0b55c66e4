"""The interface of a block cache. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from tinycog.errors import UsageError
from tinycog.records import NamedTuple
from tinycog.tiff.ranges import ByteRange

BlockKind = Literal["header", "tile"]

HEADER_SHARE = 4
"""A header block is dropped for a tile only while header blocks are over one part in so many."""


class Block(NamedTuple):
    """Which bytes: a range of one generation of an object (cache.blocks).

    Attributes:
        object: 64 hexadecimal digits, a SHA-256: which object, read with which credentials, and of
            which generation. Neither url nor credentials can be seen in it.
        kind: "header" for bytes of the header, of the index and of files beside; "tile" for the
            encoded bytes of one stored tile. A cache keeps the former longer.
        range: the bytes of the object, half-open.
    """

    object: str
    kind: BlockKind
    range: ByteRange


@runtime_checkable
class Cache(Protocol):
    """A block cache, for `open(cache=)` and `configure(cache=)`; bring your own, or use ours.

    What was put under a block is what must come back, or None: it is not checked here. The methods
    are called from any thread, several at once. One that fails is a miss and a warning, never a
    failed read.
    """

    @property
    def waits(self) -> bool:
        """Whether the methods wait, for a disk say: they are called in worker threads then."""
        ...

    def get(self, blocks: Sequence[Block], /) -> Sequence[bytes | None]:
        """Return the bytes of each block, None for those that are not there."""
        ...

    def put(self, blocks: Mapping[Block, bytes], /) -> None:
        """Keep blocks, if there is room; those that are there already may stay as they are."""
        ...

    def has(self, blocks: Sequence[Block], /) -> Sequence[bool]:
        """Return which blocks are there, for `Cog.plan`."""
        ...

    def remove(self, blocks: Sequence[Block], /) -> None:
        """Drop blocks that cannot be decoded, where they are there."""
        ...


def check_cache(given: object) -> None:
    """Check an argument `cache`.

    Raises:
        UsageError: it is no cache.
    """
    if not isinstance(given, Cache) or isinstance(given, type):
        kind = given.__name__ if isinstance(given, type) else type(given).__name__
        message = (
            "cache= must be a tinycog.MemoryCache, a tinycog.DiskCache or another tinycog.Cache,"
            f" not a {kind}"
        )
        raise UsageError(message)


def check_max_bytes(given: object) -> int:
    """Check an argument `max_bytes`.

    Raises:
        UsageError: it is no number of bytes.
    """
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        message = f"max_bytes= must be a number of bytes from 1 on, not {given!r}"
        raise UsageError(message)
    return given


def overfull(header: int, tiles: int, max_bytes: int) -> BlockKind | None:
    """Return of which kind blocks must go, None while all fit (cache.bound)."""
    if header + tiles <= max_bytes:
        return None
    return "header" if header > max_bytes // HEADER_SHARE or not tiles else "tile"
