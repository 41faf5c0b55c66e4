"""What zarr calls: keys and byte ranges, of documents and decoded chunks."""

from __future__ import annotations

import pickle
from asyncio import gather
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)

from tinycog.adapters.zarr.hierarchy import Hierarchy
from tinycog.adapters.zarr.levels import levels_as_arrays, levels_as_groups
from tinycog.errors import UsageError

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype

    from tinycog import Cog

LevelsAs = Literal["arrays", "groups"]
"""What a level is in the hierarchy."""

LAYOUTS = {"arrays": levels_as_arrays, "groups": levels_as_groups}
"""What makes the hierarchy, by what a level is in it."""


class ZarrStore(Store):
    """A read-only zarr v3 store of the decoded tiles of a file, made by `Cog.zarr_store`.

    A chunk is decoded whenever it, or a range of it, is asked for; nothing is kept but the header.
    Closing the store does not close the handle.

    Attributes:
        cog: what is read.
    """

    def __init__(self, cog: Cog, *, levels: LevelsAs = "arrays", read_only: bool = True) -> None:
        """Keep the handle; nothing is read.

        Raises:
            UsageError: `levels` is neither "arrays" nor "groups", or `read_only` is False.
        """
        super().__init__(read_only=True)
        if levels not in LAYOUTS:
            message = f"levels must be one of {', '.join(LAYOUTS)}, not {levels!r}"
            raise UsageError(message)
        if not read_only:
            message = "a store of a TIFF is read-only: leave out read_only=False"
            raise UsageError(message)
        self.cog = cog
        self._levels: LevelsAs = levels
        self._known: Hierarchy | None = None

    async def _hierarchy(self) -> Hierarchy:
        """Read the header, once."""
        self._is_open = True
        if self._known is None:
            self._known = LAYOUTS[self._levels](await self.cog)
        return self._known

    # --- read ------------------------------------------------------------------------------------

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read what a key holds, or a range of it; None if there is no such key.

        Raises:
            ValueError: `byte_range` is none.
            TinycogError: as for `Cog.read_tile`.

        Cost: as for `Cog.read_tile`, of a document that of opening; chunks that are asked for in
        the same iteration of the event loop share requests.
        """
        (found,) = await self._read_ranges(key, prototype, [byte_range])
        return found

    async def _read_ranges(
        self, key: str, prototype: BufferPrototype, byte_ranges: Sequence[ByteRequest | None]
    ) -> list[Buffer | None]:
        """Read ranges of a value, which is read once; None for each if there is no such key."""
        value = (await self._hierarchy()).find(key)
        if value is None:
            return [None] * len(byte_ranges)
        places = [_as_slice(each, value.size) for each in byte_ranges]
        data = await value.read()
        return [prototype.buffer.from_bytes(data[place]) for place in places]

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Read ranges of several values; each value is read once."""
        wanted: dict[str, list[tuple[int, ByteRequest | None]]] = {}
        for i, (key, byte_range) in enumerate(key_ranges):
            wanted.setdefault(key, []).append((i, byte_range))
        found: dict[int, Buffer | None] = {}

        async def read(key: str, places: list[tuple[int, ByteRequest | None]]) -> None:
            buffers = await self._read_ranges(key, prototype, [each for _, each in places])
            found.update(zip([i for i, _ in places], buffers, strict=True))

        await gather(*[read(key, places) for key, places in wanted.items()])
        return [found[i] for i in range(len(found))]

    async def get_ranges(
        self,
        key: str,
        byte_ranges: Sequence[ByteRequest | None],
        *,
        prototype: BufferPrototype,
        max_concurrency: int = 10,
        max_gap_bytes: int = 1 << 20,
        max_coalesced_bytes: int = 16 << 20,
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        """Read ranges of one value, which is read once.

        Raises:
            ExceptionGroup: of what `get` raises, and of a `FileNotFoundError` if there is no such
                key.
        """
        del max_concurrency, max_gap_bytes, max_coalesced_bytes
        message = "ranges could not be read"
        try:
            found = await self._read_ranges(key, prototype, byte_ranges)
        except Exception as exc:
            raise ExceptionGroup(message, [exc]) from exc
        if None in found:
            raise ExceptionGroup(message, [FileNotFoundError(key)])
        yield list(enumerate(found))

    async def exists(self, key: str) -> bool:
        """Return whether there is such a key; that of a tile that is not stored is there, too."""
        return (await self._hierarchy()).find(key) is not None

    async def getsize(self, key: str) -> int:
        """Return the length of a value in bytes; nothing is decoded.

        Raises:
            FileNotFoundError: there is no such key.
        """
        value = (await self._hierarchy()).find(key)
        if value is None:
            raise FileNotFoundError(key)
        return value.size

    # --- list ------------------------------------------------------------------------------------

    @property
    def supports_listing(self) -> bool:
        """True; the names are known from the header."""
        return True

    async def list(self) -> AsyncIterator[str]:
        """Iterate over all keys."""
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Iterate over the keys that begin with a prefix."""
        for key in (await self._hierarchy()).keys(prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Iterate over the names right under a prefix."""
        for name in (await self._hierarchy()).children(prefix):
            yield name

    # --- write -----------------------------------------------------------------------------------

    @property
    def supports_writes(self) -> bool:
        """False."""
        return False

    @property
    def supports_deletes(self) -> bool:
        """False."""
        return False

    async def set(self, key: str, value: Buffer) -> None:
        """Raise a `ValueError`: the store is read-only."""
        del key, value
        self._check_writable()

    async def delete(self, key: str) -> None:
        """Raise a `ValueError`: the store is read-only."""
        del key
        self._check_writable()

    def with_read_only(self, read_only: bool = False) -> Store:  # noqa: FBT001, FBT002 - zarr's
        """Return another store of the same handle.

        Raises:
            NotImplementedError: it would not be read-only.
        """
        if not read_only:
            return super().with_read_only(read_only)
        return type(self)(self.cog, levels=self._levels)

    # --- as a value ------------------------------------------------------------------------------

    def __eq__(self, value: object) -> bool:
        """Return whether both are made alike, of handles that were opened alike."""
        return (
            isinstance(value, ZarrStore)
            and self._levels == value._levels
            and is_opened_alike(self.cog, value.cog)
        )

    def __hash__(self) -> int:
        """Return the hash of the name of the file."""
        return hash((type(self), self.cog.name, self._levels))

    def __getstate__(self) -> dict[str, object]:
        """Pickle the handle; the hierarchy is made again."""
        return {**vars(self), "_known": None}

    def __repr__(self) -> str:
        """Return the name of the file, and what levels are."""
        return f"ZarrStore({self.cog.name!r}, levels={self._levels!r})"


def is_opened_alike(one: Cog, other: Cog) -> bool:
    """Return whether two handles read the same, as far as their arguments and pins tell."""
    if one is other or one.name != other.name:
        return one is other
    if None not in (one.pin, other.pin) and one.pin != other.pin:
        return False
    try:
        made, compared = (
            pickle.dumps(cog.arguments._replace(snapshot=None)) for cog in (one, other)
        )
    except (pickle.PicklingError, AttributeError, TypeError):  # a function is a source, for one
        return False
    return made == compared


def _as_slice(byte_range: ByteRequest | None, size: int) -> slice:
    """Return which bytes of a value a request is for, cut at its end.

    Raises:
        ValueError: it is no request.
    """
    match byte_range:
        case None:
            return slice(size)
        case RangeByteRequest(start, end):
            return slice(start, end)
        case OffsetByteRequest(offset):
            return slice(offset, size)
        case SuffixByteRequest(suffix):
            return slice(max(0, size - suffix), size)
        case _:
            message = f"Unexpected byte_range, got {byte_range}."
            raise ValueError(message)
