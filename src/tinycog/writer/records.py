"""What is stored of one place in the tile grid, and where all of a level's payloads lie.

A record is leader, payload and trailer of each tile that is stored there: of the bands, and behind
them of the mask. Bands apart ("band") and their mask are records of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import Interleave
from tinycog.tiff.ghost import FRAME_LENGTH, LEADER_LENGTH, frame
from tinycog.tiff.ranges import ByteRange


def record(payloads: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """Return what is written of tiles that lie together: each between its leader and trailer.

    Args:
        payloads: encoded bytes of each tile, in order; the mask's last. An empty one is not stored.

    Raises:
        UnsupportedError: a payload is too long for its leader.
    """
    return [part for payload in payloads if len(payload) for part in frame(payload)]


def payload_ranges(lengths: Sequence[int]) -> list[ByteRange]:
    """Return where the payloads of those lengths lie in their record; (0, 0) if not stored."""
    found: list[ByteRange] = []
    at = 0
    for length in lengths:
        start = at + LEADER_LENGTH
        found.append(ByteRange(start, start + length) if length else ByteRange(0, 0))
        at += length + FRAME_LENGTH if length else 0
    return found


class Positions(NamedTuple):
    """Absolute positions of the payloads of a level; 0 where a tile is not stored.

    Attributes:
        image: (planes, tiles).
        mask: (tiles,); None without a mask.
    """

    image: NDArray[np.uint64]
    mask: NDArray[np.uint64] | None


@dataclass(frozen=True, slots=True)
class LevelIndex:
    """Bytes of each payload of a level; 0 where a tile is not stored (tiff.tile.sparse).

    Attributes:
        image: (planes, tiles), tiles in row-major order: one plane of all bands, or one of each.
        mask: (tiles,), of the mask image; None without a mask.
        interleave: order of the records. "pixel": tiles in row-major order, each with its mask's
            behind it; "tile": the same, with the tiles of all bands together; "band": the tiles of
            one band after the other, those of the mask last.
    """

    image: NDArray[np.uint32]
    mask: NDArray[np.uint32] | None = None
    interleave: Interleave = "pixel"

    @classmethod
    def empty(
        cls, tiles: int, *, planes: int = 1, mask: bool = False, interleave: Interleave = "pixel"
    ) -> LevelIndex:
        """Make the index of a level of which nothing is stored yet."""
        image = np.zeros((planes, tiles), np.uint32)
        return cls(image, np.zeros(tiles, np.uint32) if mask else None, interleave)

    @property
    def stored_bytes(self) -> int:
        """Length of all records."""
        counts = [self.image] if self.mask is None else [self.image, self.mask]
        return sum(
            int(each.sum(dtype=np.uint64)) + FRAME_LENGTH * int(np.count_nonzero(each))
            for each in counts
        )

    def unmasked(self) -> int | None:
        """Return the first tile whose mask should lie behind it and is not stored, None if all are.

        GDAL takes what lies behind such a tile for its mask (cog.written.mask).
        """
        if self.mask is None or self.interleave != "pixel":
            return None
        is_unmasked = (self.image[0] > 0) & (self.mask == 0)
        return int(is_unmasked.argmax()) if is_unmasked.any() else None

    def put(
        self, position: int, payloads: Sequence[bytes], mask: bytes
    ) -> Iterator[tuple[int, list[bytes | memoryview]]]:
        """Note how long the payloads of a tile are; give its records and their places.

        Args:
            position: of the tile, in row-major order.
            payloads: of its planes; none if it is not stored.
            mask: payload of its mask, empty if none is stored.
        """
        self.image[:, position] = list(map(len, payloads)) or 0
        if self.mask is not None:
            self.mask[position] = len(mask)
        if self.interleave != "band":
            yield position, record([*payloads, mask])
            return
        columns = [*(payloads or [b""] * len(self.image)), mask]
        for place, payload in zip(self.places(position), columns, strict=False):
            yield place, record([payload])

    def places(self, position: int) -> list[int]:
        """Return the places in the level of the records of a tile."""
        if self.interleave != "band":
            return [position]
        planes, tiles = self.image.shape
        return [plane * tiles + position for plane in range(planes + (self.mask is not None))]

    def record_lengths(self) -> NDArray[np.uint64]:
        """Return the bytes of each record, by its place in the level; 0 if nothing is stored."""
        columns = self.image if self.mask is None else np.vstack([self.image, self.mask])
        framed = columns.astype(np.uint64)
        np.add(framed, FRAME_LENGTH, out=framed, where=columns > 0)
        return framed.reshape(-1) if self.interleave == "band" else framed.sum(0, np.uint64)

    def positions(self, start: int) -> Positions:
        """Return where payloads lie if the first record lies at `start`."""
        columns = [*self.image] if self.mask is None else [*self.image, self.mask]
        shape = (len(columns), self.image.shape[1])
        in_file = np.empty(shape if self.interleave == "band" else shape[::-1], np.uint64)
        found = in_file if self.interleave == "band" else in_file.T
        for places, lengths in zip(found, columns, strict=True):
            places[:] = lengths
            np.add(places, FRAME_LENGTH, out=places, where=lengths > 0)
        flat = in_file.reshape(-1)
        np.cumsum(flat, out=flat)
        flat += np.uint64(start)
        flat -= np.uint64(FRAME_LENGTH - LEADER_LENGTH)
        for places, lengths in zip(found, columns, strict=True):
            np.subtract(places, lengths, out=places)
            np.multiply(places, lengths > 0, out=places)
        planes = len(self.image)
        return Positions(found[:planes], None if self.mask is None else found[planes])
