"""What rules look at: header, images in their roles, and the index of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import ValidationDepth
from tinycog.errors import Finding
from tinycog.tiff.ghost import GHOST_HEAD_LENGTH, LEADER_LENGTH
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Entry, FileHeader, Ifd, Tiff
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.roles import Place, Pyramid
from tinycog.validator.used_ranges import UsedRanges, look

DEPTHS: tuple[ValidationDepth, ...] = ("header", "tiles", "full")
"""Each holds those before it."""


class BlockIndex(NamedTuple):
    """The index of an image, as far as it is known.

    Attributes:
        offsets: of the first blocks of the image.
        counts: their byte counts; maybe fewer.
        total: blocks of the image that its index has a place for inside of the file.
        has_counts: whether the image has byte counts at all.
    """

    offsets: NDArray[np.uint64]
    counts: NDArray[np.uint64]
    total: int
    has_counts: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether all blocks are known, with their byte counts."""
        known = len(self.counts) if self.has_counts else self.total
        return min(len(self.offsets), known) >= self.total

    def stored(self) -> NDArray[np.bool_]:
        """Return which of the known blocks are stored: those with an offset and bytes."""
        return self._stored(0, len(self.offsets))

    def places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the blocks that are stored begin and end, as far as both are known."""
        known = min(len(self.offsets), len(self.counts))
        stored = self._stored(0, known)
        starts = np.minimum(self.offsets[:known][stored], FARTHEST).astype(np.int64)
        stops = np.minimum(self.counts[:known][stored], FARTHEST).astype(np.int64)
        stops += starts
        return starts, stops

    def first_stored(self, cols: int, rows: int, across: int) -> int | None:
        """Return the offset of the first block that is stored, 0 if none is, None if not known.

        Only blocks of the first `cols` columns and `rows` rows of a grid `across` wide are looked
        at, row by row.
        """
        wanted = across * rows
        known = min(len(self.offsets), wanted)
        for start in range(0, known, LOOKED_AT):
            found = start + np.flatnonzero(self._stored(start, min(start + LOOKED_AT, known)))
            found = found[found % across < cols]
            if len(found):
                return int(self.offsets[found[0]])
        return 0 if len(self.offsets) >= min(wanted, self.total) else None

    def _stored(self, start: int, stop: int) -> NDArray[np.bool_]:
        found = self.offsets[start:stop] != 0
        counts = self.counts[start:stop]
        found[: len(counts)] &= counts != 0
        return found


FARTHEST = np.uint64(1 << 61)
"""What stands for positions and lengths that no file has, so that their sum is a number."""

LOOKED_AT = 1 << 16
"""Blocks that are looked at together for the first that is stored."""


class GhostText(NamedTuple):
    """GDAL's structural metadata as its validator reads it: a text in which words are looked for.

    Attributes:
        text: behind the line that tells its length; empty without any.
        stop: absolute position behind it; behind the header without any.
    """

    text: str
    stop: int

    @property
    def next_even(self) -> int:
        """Where an IFD can stand behind it."""
        return self.stop + self.stop % 2


class CornerPlace(NamedTuple):
    """Where the top left corner of an image lies, and how large its pixels are, in model units.

    Attributes:
        x, y: of the corner.
        width, height: of a pixel.
    """

    x: float
    y: float
    width: float
    height: float


class TileFrame(NamedTuple):
    """A block whose leader or trailer is not as it should be.

    Attributes:
        block: which one, by its place in the index.
        offset: of it.
        told: bytes that its leader tells.
    """

    block: int
    offset: int
    told: int


class WrongFrames(NamedTuple):
    """The blocks of an image whose leaders or trailers are not as they should be.

    Attributes:
        leaders, trailers: how many are wrong.
        leader, trailer: the first with a wrong one.
    """

    leaders: int = 0
    trailers: int = 0
    leader: TileFrame | None = None
    trailer: TileFrame | None = None

    def and_then(self, others: WrongFrames) -> WrongFrames:
        """Return them with those of blocks behind."""
        return WrongFrames(
            self.leaders + others.leaders,
            self.trailers + others.trailers,
            self.leader or others.leader,
            self.trailer or others.trailer,
        )


class TileFault(NamedTuple):
    """A stored tile that cannot be decoded, or is odd.

    Attributes:
        ifd: absolute position of the IFD of its image.
        offset: absolute position of its first byte, None if that is not known.
        message: what is wrong, with the name of the tile.
        kind: "broken"; "unknown" where it could not be decoded for a reason that is not the file's;
            "note" where it was decoded, but is odd.
    """

    ifd: int
    offset: int | None
    message: str
    kind: Literal["broken", "unknown", "note"] = "broken"


class TileFaults(NamedTuple):
    """What decoding every tile has found.

    Attributes:
        listed: the first of them.
        broken: how many tiles are broken.
        tiles: how many were decoded.
    """

    listed: tuple[TileFault, ...]
    broken: int
    tiles: int


@dataclass(frozen=True)
class JudgedFile:
    """A file as rules see it.

    Attributes:
        size: of the file in bytes, None if not known.
        chain: its header and the walked chain of IFDs.
        pyramid: its images in their roles.
        ghost: GDAL's structural metadata.
        indices: the index of each image, by the position of its IFD.
        is_whole: whether every block of the index was read, as far as the file has it.
        frames: blocks with wrong leaders or trailers, by the position of the IFD.
        beside: what the names of files beside end with that hold overviews (`.ovr`) or masks
            (`.msk`) of it.
        stream_flags: second byte of the first stored block of images compressed by Deflate, as far
            as it is known, by the position of the IFD.
        geo_findings: what is odd about the georeference.
        corners: of images by tiepoint and scale of their own, by the position of the IFD; none
            where no overview has any.
        faults: what decoding every tile has found, None if that was not done.
    """

    size: int | None
    chain: Tiff
    pyramid: Pyramid
    ghost: GhostText
    indices: Mapping[int, BlockIndex]
    is_whole: bool = False
    frames: Mapping[int, WrongFrames] = field(default_factory=dict[int, WrongFrames])
    beside: tuple[str, ...] = ()
    stream_flags: Mapping[int, int] = field(default_factory=dict[int, int])
    geo_findings: tuple[Finding, ...] = ()
    corners: Mapping[int, CornerPlace] = field(default_factory=dict[int, CornerPlace])
    faults: TileFaults | None = None

    @property
    def depth(self) -> ValidationDepth:
        """How much was looked at."""
        if self.faults is not None:
            return "full"
        return "tiles" if self.is_whole else "header"

    @property
    def has_ovr(self) -> bool:
        """Whether overviews lie in a file beside."""
        return ".ovr" in self.beside

    @property
    def has_all_ifds(self) -> bool:
        """Whether the chain of IFDs was walked to its end, as far as it can be read."""
        is_short = any(found.rule == "tiff.ifd.count" for found in self.chain.findings)
        return not self.chain.is_cut and not is_short

    @property
    def judged(self) -> str:
        """Which images were looked at, and which were not."""
        masks = sum(mask is not None for mask in self.pyramid.masks)
        others = len(self.places) - len(self.pyramid.levels) - masks
        counts = [(len(self.pyramid.levels), "level"), (masks, "mask"), (others, "other image")]
        parts = [f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count]
        text = ", ".join(parts)
        if not self.has_all_ifds:
            text += "; not all IFDs"
        if self.beside:
            text += f"; not {' and '.join(self.beside)} beside the file"
        return text

    @property
    def header(self) -> FileHeader:
        """The first bytes of the file."""
        return self.chain.header

    @property
    def is_big(self) -> bool:
        """Whether it is a BigTIFF."""
        return self.header.variant.offset_length == 8  # noqa: PLR2004 - bytes of its offsets

    @property
    def main(self) -> Image:
        """Level 0."""
        return self.pyramid.levels[0]

    @property
    def overviews(self) -> tuple[Image, ...]:
        """Levels after the first."""
        return self.pyramid.levels[1:]

    @cached_property
    def ifds(self) -> tuple[Ifd, ...]:
        """All IFDs that were read, those of the chain first."""
        found = {ifd.offset: ifd for ifd in self.chain.ifds}
        for place in self.pyramid.places:
            if place.ifd.entries:
                found.setdefault(place.ifd.offset, place.ifd)
        return tuple(found.values())

    @cached_property
    def used_ranges(self) -> UsedRanges:
        """What is used of the file: header, ghost area, IFDs, values, and blocks if all are known.

        Leaders and trailers are.
        """
        fixed = [(0, self.ghost.stop)]
        fixed += [(span.start, span.stop) for ifd in self.ifds for span in self.spans_of(ifd)]
        indices = self.indices.values() if self.is_whole else ()
        between = 2 * LEADER_LENGTH * ("BLOCK_LEADER" in self.ghost.text)
        return look(fixed, (index.places() for index in indices), self.size, between)

    def spans_of(self, ifd: Ifd) -> Iterator[ByteRange]:
        """Yield where an IFD lies, and where those of its values that lie elsewhere do."""
        variant = self.header.variant
        entries = len(ifd.entries) * variant.entry_length
        length = variant.count_length + entries + variant.offset_length
        yield ByteRange(ifd.offset, ifd.offset + length)
        for entry in ifd.entries.values():
            if self.is_apart(entry):
                yield entry.range

    def is_apart(self, entry: Entry) -> bool:
        """Return whether a value does not fit into its entry."""
        return entry.range.length > self.header.variant.offset_length

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Images that can be read, in the order of the file."""
        return tuple(place for place in self.pyramid.places if place.image is not None)

    def images(self) -> Iterator[Image]:
        """Yield all images that can be read, in the order of the file."""
        for place in self.places:
            if place.image is not None:
                yield place.image

    def name_of(self, image: Image) -> str:
        """Return what an image is called in a message."""
        offset = image.ifd.offset
        found = self._levels_by_offset.get(offset)
        if found is not None:
            return f"{'mask of ' if found.role == 'mask' else ''}level {found.z}"
        return "level 0" if offset == self.main.ifd.offset else f"the image of IFD {offset}"

    @cached_property
    def _levels_by_offset(self) -> dict[int, Place]:
        levels = [place for place in self.places if place.z is not None]
        return {place.ifd.offset: place for place in reversed(levels)}


GHOST_START = "GDAL_STRUCTURAL_METADATA_SIZE="

SIZE_DIGITS = 6


def ghost_length(head: bytes) -> int | None:
    """Return the bytes behind the line that tells them, as GDAL's validator reads it, or None."""
    text = head.decode("latin1")
    digits = text[len(GHOST_START) : len(GHOST_START) + SIZE_DIGITS]
    is_ghost = len(head) == GHOST_HEAD_LENGTH and text.startswith(GHOST_START)
    return int(digits) if is_ghost and digits.strip().isdecimal() else None
