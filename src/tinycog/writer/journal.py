"""What a killed write leaves, so that the next one goes on: the journal.

Design. Only level 0 is kept: a tile's encoded bytes, its statistics, and its pixels of the next
level (a quarter, packed). All else follows from these: a write that goes on replays them through
the same engine as if tiles had just been encoded, and so makes overviews, index, head and target
anew, with the same bytes. Tiles that came before predictor and level were chosen are kept as
pixels, and the tile that decided is named. An entry is whole or dropped (`targets.journal_file`).

A fingerprint of what is written guards against another image, and so does a checksum of each
tile's pixels: a source that is asked gives only what lacks, what is needed around that, and the
first and the last tile that are known; others give all again. What is known and comes again must
be the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from struct import Struct
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tinycog.encode.packed import pack, unpack
from tinycog.errors import UsageError
from tinycog.targets.journal_file import JournalFile
from tinycog.writer.assemble import Mask, Pixels, RawTile, Samples
from tinycog.writer.checksums import TileChecksum
from tinycog.writer.grid import TileGrid
from tinycog.writer.pixel_source import Region
from tinycog.writer.statistics import Moments
from tinycog.writer.tile_work import NO_SAMPLES, Note, TileDone

HEAD = Struct("<cI")
"""Of an entry: its kind, and the bytes of what is told of it in JSON."""

TILE, PIXELS, CHOICE = b"T", b"P", b"C"
"""Kinds of entries: a tile that is encoded; one that waits; the one that decides for all."""


class Decision(NamedTuple):
    """How all tiles are encoded is decided.

    Attributes:
        sample: the tile that decided; None if no tile did.
    """

    sample: RawTile | None


class Journal:
    """Keeps what becomes of the tiles of level 0.

    Attributes:
        is_done: (down, across), which tiles were encoded by the write that was killed.
    """

    def __init__(self, file: JournalFile, grid: TileGrid, dtype: np.dtype[Any]) -> None:
        """Take a file that is open.

        Args:
            file: of the entries.
            grid: of level 0.
            dtype: of the samples.
        """
        self.is_done: NDArray[np.bool_] = np.zeros((grid.down, grid.across), np.bool_)
        self._is_waiting = np.zeros_like(self.is_done)
        self._file = file
        self._grid = grid
        self._dtype = dtype
        self._kept: set[int] = set()
        self._waiting: dict[int, int] = {}
        self._checksums: dict[int, int] = {}

    # --- going on --------------------------------------------------------------------------------

    async def replay(self) -> AsyncIterator[TileDone | Decision]:
        """Give what was done, in its order.

        Raises:
            SourceError: the journal cannot be read.
        """
        async for position, entry in self._file.entries():
            kind, told, data = _parts(entry)
            if kind == CHOICE:
                at = told["sample"]
                yield Decision(None if at is None else await self._pixels(self._waiting[at]))
                continue
            tile = told["tile"]
            self._checksums[tile] = told["checksum"]
            if kind == TILE:
                self.is_done.reshape(-1)[tile] = True
                yield self._done(told, data)
            else:
                self._is_waiting.reshape(-1)[tile] = True
                self._waiting[tile] = position
        self._kept = set(self._waiting)

    async def waiting(self) -> AsyncIterator[RawTile]:
        """Give the tiles of which pixels are kept, in the order in which they came."""
        for position in self._waiting.values():
            yield await self._pixels(position)

    def wanted(self, *, with_neighbours: bool) -> NDArray[np.bool_] | None:
        """Return the tiles whose pixels must come again, (down, across); None = all.

        Args:
            with_neighbours: whether pixels around a tile are needed for the next level.
        """
        if not self._checksums:
            return None
        wanted = ~self.is_done
        if with_neighbours:
            near = np.pad(wanted, 1)
            down, across = wanted.shape
            shifted = [near[y : y + down, x : x + across] for y in range(3) for x in range(3)]
            wanted = np.logical_or.reduce(shifted)
        wanted &= ~self._is_waiting
        for tile in (min(self._checksums), max(self._checksums)):
            wanted.reshape(-1)[tile] = True
        return wanted

    # --- keeping ---------------------------------------------------------------------------------

    def knows(self, tile: RawTile) -> bool:
        """Return whether the write that was killed had these pixels."""
        return self._position(tile) in self._checksums

    def is_waiting(self, tile: RawTile) -> bool:
        """Return whether that write kept the pixels."""
        return bool(self._is_waiting[tile.y, tile.x])

    def note(self, tile: RawTile, done: TileDone, *, is_whole: bool) -> Note:
        """Return what is kept of a tile, made in a worker thread.

        Args:
            tile: with its pixels.
            done: what became of it.
            is_whole: whether that is all that is ever done with it; else nothing is kept.
        """
        checksum = _checksum(tile)
        entry = _tile_entry(self._position(tile), checksum, done) if is_whole else b""
        return Note(checksum, entry)

    async def keep(self, tile: RawTile, note: Note) -> None:
        """Keep what became of a tile, or hold it against what is known of it.

        Raises:
            UsageError: the source gave other pixels before.
            SourceError: it cannot be written.
        """
        known = self._checksums.get(self._position(tile))
        if known is None:
            if note.entry:
                await self._file.append(note.entry)
        elif known != note.checksum:
            message = (
                f"the pixels of tile ({tile.x}, {tile.y}) are not those of the write that is"
                f" resumed: the source is another one; remove its journal: {self._file.name}"
            )
            raise UsageError(message)

    async def keep_pixels(self, tile: RawTile) -> None:
        """Keep a tile that waits until it is known how it is encoded.

        Raises:
            SourceError: it cannot be written.
        """
        position = self._position(tile)
        if position not in self._kept:
            self._kept.add(position)
            await self._file.append(_pixels_entry(position, tile))

    async def keep_choice(self, sample: RawTile | None) -> None:
        """Keep which tile decided how all are encoded: its pixels are kept.

        Raises:
            SourceError: it cannot be written.
        """
        at = None if sample is None else self._position(sample)
        await self._file.append(_entry(CHOICE, {"sample": at}))

    # --- entries ---------------------------------------------------------------------------------

    def _position(self, tile: RawTile) -> int:
        return tile.y * self._grid.across + tile.x

    def _bare(self, position: int) -> RawTile:
        y, x = divmod(position, self._grid.across)
        return RawTile(0, y, x, self._grid.region(y, x), NO_SAMPLES, None)

    def _done(self, told: Any, data: memoryview) -> TileDone:  # noqa: ANN401 - of JSON
        payloads: list[bytes] = []
        for length in (*told["payloads"], told["mask"]):
            payloads.append(bytes(data[:length]))
            data = data[length:]
        moments = [Moments(*one) for one in told["moments"]]
        reduced = None
        if told["reduced"] is not None:
            region, packed = told["reduced"]
            reduced = Pixels(Region(*region), *self._unpacked(packed, data))
        tile = self._bare(told["tile"])
        return TileDone(
            tile,
            is_encoded=True,
            payloads=payloads[:-1],
            mask=payloads[-1],
            moments=moments,
            reduced=reduced,
            checksum=TileChecksum(*told["verify"]) if told["verify"] else None,
        )

    async def _pixels(self, position: int) -> RawTile:
        _, told, data = _parts(await self._file.read(position))
        samples, valid = self._unpacked(told["packed"], data)
        if told["pixel"]:
            tile = self._bare(told["tile"]).region
            samples = np.broadcast_to(samples[0, 0], (tile.rows, tile.cols, samples.shape[2]))
        return self._bare(told["tile"])._replace(samples=samples, valid=valid)

    def _unpacked(
        self,
        told: tuple[Sequence[int], Sequence[int] | None],
        data: memoryview,
    ) -> tuple[Samples, Mask | None]:
        """Return samples and mask of these shapes."""
        shape, mask_shape = told
        count = math.prod(shape)
        masked = 0 if mask_shape is None else math.prod(mask_shape)
        whole = unpack(bytes(data), count * self._dtype.itemsize + masked)
        samples: Samples = np.frombuffer(whole, self._dtype, count).reshape(shape)
        if mask_shape is None:
            return samples, None
        valid = np.frombuffer(whole, np.bool_, masked, len(whole) - masked)
        return samples, valid.reshape(mask_shape)


def lacking(
    regions: Iterable[Region], grid: TileGrid, wanted: NDArray[np.bool_] | None
) -> Iterator[Region]:
    """Give the regions that hold pixels of wanted tiles."""
    for region in regions:
        if wanted is None:
            yield region
            continue
        rows = slice(region.row // grid.tile, -(-region.row_stop // grid.tile))
        cols = slice(region.col // grid.tile, -(-region.col_stop // grid.tile))
        if wanted[rows, cols].any():
            yield region


def _checksum(tile: RawTile) -> int:
    """Return the checksum of the pixels of a tile, however they lie in memory."""
    found = crc32(_flat(tile.samples))
    if tile.valid is not None and not tile.valid.all():
        found = crc32(_flat(tile.valid), found)
    return found


def _flat(array: NDArray[Any]) -> memoryview:
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _entry(kind: bytes, told: Any, *parts: bytes) -> bytes:  # noqa: ANN401 - for JSON
    text = json.dumps(told).encode()
    return b"".join([HEAD.pack(kind, len(text)), text, *parts])


def _parts(entry: bytes) -> tuple[bytes, Any, memoryview]:
    kind, length = HEAD.unpack_from(entry)
    start = HEAD.size + length
    return kind, json.loads(entry[HEAD.size : start]), memoryview(entry)[start:]


def _packed(samples: Samples, valid: Mask | None) -> tuple[Any, bytes]:
    """Return shapes, and pixels with their mask."""
    data = bytes(_flat(samples)) + (b"" if valid is None else bytes(_flat(valid)))
    return [samples.shape, None if valid is None else valid.shape], pack(data)


def _tile_entry(position: int, checksum: int, done: TileDone) -> bytes:
    told: dict[str, object] = {
        "tile": position,
        "checksum": checksum,
        "payloads": list(map(len, done.payloads)),
        "mask": len(done.mask),
        "moments": done.moments,
        "reduced": None,
        "verify": done.checksum,
    }
    packed = b""
    if done.reduced is not None:
        shapes, packed = _packed(done.reduced.samples, done.reduced.valid)
        told["reduced"] = [done.reduced.region, shapes]
    return _entry(TILE, told, *done.payloads, done.mask, packed)


def _pixels_entry(position: int, tile: RawTile) -> bytes:
    samples = tile.samples
    flat = _flat(samples).tobytes()
    pixel = flat[: samples.shape[2] * samples.dtype.itemsize]
    is_one = pixel * (samples.shape[0] * samples.shape[1]) == flat
    shapes, packed = _packed(samples[:1, :1] if is_one else samples, tile.valid)
    told = {
        "tile": position,
        "checksum": _checksum(tile),
        "pixel": is_one,
        "packed": shapes,
    }
    return _entry(PIXELS, told, packed)
