"""Every stored tile of a file, decoded only to see that it can be: `validate` at depth "full"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import Progress
from tinycog.errors import FormatError, LimitError, UnsupportedError
from tinycog.reader.check_tiles import CheckedTile, check_tiles
from tinycog.reader.open_file import OpenFile
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression
from tinycog.validator.facts import BlockIndex, JudgedFile, TileFault, TileFaults, WrongFrames
from tinycog.validator.read_frames import has_frames, wrong_frames

MOST_LISTED = 100
"""Broken tiles that are told one by one."""

MOST_BROKEN = 10_000
"""Broken tiles after which no more are decoded."""


class DecodedTiles:
    """Decodes the stored tiles of a file; leaders and trailers are looked at on the way.

    Memory: that of some tiles, and one byte for each block.

    Attributes:
        frames: wrong leaders and trailers of the tiles that were read, by the position of the IFD.
        framed: whether those of each tile have been looked at, likewise.
    """

    def __init__(self, file: OpenFile, facts: JudgedFile, progress: Progress | None) -> None:
        """Keep the file; nothing is read."""
        self._file = file
        self._facts = facts
        self._progress = progress
        self._listed: list[TileFault] = []
        self._odd: set[tuple[int, str]] = set()
        self._broken = self._done = self._total = 0
        self._decoded_bytes = self._read_bytes = 0
        self.frames: dict[int, WrongFrames] = {}
        self.framed: dict[int, NDArray[np.bool_]] = {}

    @property
    def faults(self) -> TileFaults:
        """What was found."""
        return TileFaults(tuple(self._listed), self._broken, self._done)

    async def decode_all(self) -> None:
        """Decode all tiles, until too many are broken."""
        images = [
            (image, len(self._facts.indices[image.ifd.offset].offsets))
            for image in self._facts.images()
        ]
        chosen = [
            (plane, self._chosen(plane))
            for image, known in images
            for plane in _planes(image, known)
        ]
        self._total = sum(len(positions) for _, positions in chosen)
        for image, positions in chosen:
            if self._broken >= MOST_BROKEN:
                break
            try:
                await self._decode(image, positions)
            except (FormatError, UnsupportedError, LimitError) as exc:
                name = self._facts.name_of(image)
                kind = "broken" if isinstance(exc, FormatError) else "unknown"
                text = f"tiles of {name} are not decoded: {exc}"
                self._listed.append(TileFault(image.ifd.offset, None, text, kind))

    async def _decode(self, image: Image, positions: NDArray[np.intp]) -> None:
        """Decode some tiles of an image.

        Raises:
            UnsupportedError: it has no pixels that can be decoded.
            LimitError: it has more than may be decoded.
        """
        file, at = self._file, image.ifd.offset
        index = self._facts.indices[at]
        is_known = image.depth == 1 and bool((positions < len(index.counts)).all())
        lengths = index.counts[positions] if is_known else None
        framed = is_known and has_frames(self._facts.ghost.text)
        framed = framed and image.compression not in (Compression.NONE, Compression.OLD_JPEG)
        batches = check_tiles(file.reader, image, positions, lengths, framed=framed)
        async with aclosing(batches):
            async for batch in batches:
                if framed:
                    self._look_at_frames(image, index, batch.positions, batch.runs)
                for tile in batch.wrong:
                    self._keep(image, tile)
                self._done += len(batch.positions)
                if self._progress is not None:
                    self._progress(self._done, self._total)
                if self._broken >= MOST_BROKEN:
                    return
                self._check_bytes(image, len(batch.positions), batch.length)

    def _check_bytes(self, image: Image, tiles: int, length: int) -> None:
        """Check that no more is decoded than the file can hold.

        Raises:
            LimitError: tiles share bytes too often, or decode to far more than is stored.
        """
        size, limits, grid = self._file.size, self._file.limits, image.grid
        self._read_bytes += length
        self._decoded_bytes += tiles * image.unpacked_length(grid.stored_rows(0))
        if size:
            what = "the tiles share bytes: times that they are decoded"
            limits.check("overlap", self._read_bytes // size, what)
            what = "decoded bytes of all tiles"
            limits.check_ratio(self._decoded_bytes, size, what, image.weight)

    def _look_at_frames(
        self,
        image: Image,
        index: BlockIndex,
        positions: NDArray[np.intp],
        runs: list[tuple[int, bytes]],
    ) -> None:
        at, count = image.ifd.offset, image.grid.across * image.grid.down
        blocks = positions[(positions < count) & (index.counts[positions] != 0)]
        wrong = wrong_frames(runs, index, blocks, self._file.size)
        self.frames[at] = self.frames.get(at, WrongFrames()).and_then(wrong)
        seen = self.framed.setdefault(at, np.zeros(len(index.offsets), np.bool_))
        seen[blocks] = True

    # --- which tiles -----------------------------------------------------------------------------

    def _chosen(self, image: Image) -> NDArray[np.intp]:
        """Return the tiles of an image to decode, equal ones once; those that cannot be are kept.

        Those are tiles that the index does not name, or that do not lie inside of the file.
        """
        index, count = self._facts.indices[image.ifd.offset], image.grid.count
        known = min(count, len(index.offsets))
        if image.depth > 1 or image.is_one_old_jpeg or not known:
            return np.arange(max(known, 1))
        if known < count:
            text = f"the index of {self._facts.name_of(image)} ends before {count - known} tiles"
            self._listed.append(TileFault(image.ifd.offset, None, text))
            self._broken += count - known
        positions = np.flatnonzero(index.offsets[:known])
        if len(index.counts) < known:
            return positions
        if image.compression == Compression.NONE:  # whose length the byte count does not say
            return _without_equal(positions, index, image)
        size = np.uint64(self._file.size or 1 << 62)
        offsets, counts = index.offsets[positions], index.counts[positions]
        outside = (offsets > size) | (counts > size - np.minimum(offsets, size))
        for position in positions[outside][:MOST_LISTED].tolist():
            at, length = int(index.offsets[position]), int(index.counts[position])
            text = f"it lies at bytes {at} to {at + length}, but the file ends at {size}"
            self._tell(image, position, at, text)
        self._broken += max(int(np.count_nonzero(outside)) - MOST_LISTED, 0)
        return _without_equal(positions[~outside], index, image)

    # --- what is kept ----------------------------------------------------------------------------

    def _keep(self, image: Image, tile: CheckedTile) -> None:
        """Keep what was found of a tile.

        Raises:
            UnsupportedError: no tile of its image can be decoded.
        """
        if isinstance(tile.error, UnsupportedError):
            raise tile.error
        if isinstance(tile.error, LimitError):
            self._note(image, tile, "limit", f"is not decoded: {tile.error}", is_known=False)
        elif tile.error is not None:
            self._tell(image, tile.position, tile.offset, str(tile.error))
        for found in tile.findings:
            self._note(image, tile, found.rule, f"is odd: {found.message} [{found.rule}]")

    def _tell(self, image: Image, position: int, offset: int | None, text: str) -> None:
        """Keep a broken tile."""
        self._broken += 1
        if self._broken <= MOST_LISTED:
            name = self._name(image, position)
            self._listed.append(TileFault(image.ifd.offset, offset, f"{name} is broken: {text}"))

    def _note(
        self, image: Image, tile: CheckedTile, rule: str, text: str, *, is_known: bool = True
    ) -> None:
        """Keep what was found of a tile that is not broken: once for each image and rule."""
        ifd = image.ifd.offset
        if (ifd, rule) not in self._odd:
            self._odd.add((ifd, rule))
            text = f"{self._name(image, tile.position)} {text}"
            kind = "note" if is_known else "unknown"
            self._listed.append(TileFault(ifd, tile.offset, text, kind))

    def _name(self, image: Image, position: int) -> str:
        grid = image.grid
        row, x = divmod(position, grid.across)
        plane, y = divmod(row, grid.down)
        name = f"{self._facts.name_of(image)}, tile x={x}, y={y}"
        return f"{name}, band {plane + 1}" if grid.planes > 1 else name


def _planes(image: Image, known: int) -> Iterator[Image]:
    """Yield an image once for each stored plane of a volume, as far as its index is `known`."""
    most = -(-known // (image.grid.across * image.grid.down))
    for layer in range(min(-(-image.depth // image.tile_depth), max(most, 1))):
        yield image if image.depth == 1 else image.at(layer * image.tile_depth, image.shift)


def _without_equal(
    positions: NDArray[np.intp], index: BlockIndex, image: Image
) -> NDArray[np.intp]:
    """Return tiles without those whose bytes are those of another one.

    The last row of strips is shorter than others, so that the same bytes may do there or not.
    """
    offsets = index.offsets[positions]
    if not len(offsets) or (offsets[1:] > offsets[:-1]).all():
        return positions
    order = np.lexsort((positions, index.counts[positions], offsets))
    ordered = positions[order]
    places, counts = index.offsets[ordered], index.counts[ordered]
    again = np.zeros(len(ordered), np.bool_)
    again[1:] = (places[1:] == places[:-1]) & (counts[1:] == counts[:-1])
    if image.grid.strips:
        rows = ordered // image.grid.across % image.grid.down
        again &= rows != image.grid.down - 1
    return np.sort(ordered[~again])
