"""The parser without I/O: bytes in, ranges out, for those who fetch bytes in a way of their own.

::

    parser = tinycog.HeaderParser(os.stat(path).st_size)
    parser.feed(0, file.read(32768))            # as much as you like, to save round trips
    while ranges := parser.needed():
        for start, stop in ranges:
            file.seek(start)
            parser.feed(start, file.read(stop - start))
    facts = parser.tile_facts(0)
    while ranges := parser.needed(0, [(3, 2)]):  # the index of that tile
        ...
    place = parser.tile_range(0, 3, 2)           # the bytes of the tile, for `decode_tile`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from tinycog.checks import check_integer
from tinycog.errors import TileIndexError, TruncatedError, UsageError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import Pyramid, parse_pyramid
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps
from tinycog.tiff.tile_index import TileLocation, locate
from tinycog.tile_facts import TileFacts, TileRange, make_facts
from tinycog.tracebacks import short_tracebacks

T = TypeVar("T")


@short_tracebacks
class HeaderParser:
    """Parses the header of a TIFF or BigTIFF from bytes that a caller feeds. No I/O.

    Levels and masks are those of `Cog.levels`, read by the same parsers.
    """

    def __init__(self, size: int, *, limits: Limits | None = None) -> None:
        """Start with no bytes of a file of `size` bytes; `limits` are those of a new handle."""
        self._size = check_integer(size, "size")
        self._buffer = SparseBuffer(self._size)
        self._limits = limits or Limits()

    def feed(self, start: int, data: bytes | bytearray | memoryview) -> None:
        """Take bytes of the file, from byte `start` on; more than were needed do no harm.

        Raises:
            UsageError: `start` is negative or no integer.
        """
        if check_integer(start, "start") < 0:
            message = f"start is {start}, expected 0 or more"
            raise UsageError(message)
        self._buffer.put(start, bytes(data))

    def needed(self, z: int | None = None, tiles: Iterable[Sequence[int]] = ()) -> list[ByteRange]:
        """Return the ranges that are lacking to go on; none if all that was asked for is known.

        Args:
            z: level of `tiles`; None for the header alone.
            tiles: (x, y) of tiles that are to be located: column and row.

        Raises:
            FormatError, LimitError: the file cannot be read, and why.
            TileIndexError: there is no such level or tile.
        """
        missing, _ = self._run(self._pyramid())
        if missing or z is None:
            return missing
        return self._run(self._locations(z, [tuple(tile) for tile in tiles]))[0]

    @property
    def levels(self) -> tuple[Image, ...]:
        """Levels of the pyramid, 0 = full resolution.

        Raises:
            UsageError: `needed` still returns ranges.
        """
        return self._known(self._pyramid()).levels

    @property
    def masks(self) -> tuple[Image | None, ...]:
        """The transparency mask of each level, None where the file holds none.

        Raises:
            UsageError: `needed` still returns ranges.
        """
        return self._known(self._pyramid()).masks

    def tile_facts(self, z: int = 0) -> TileFacts:
        """Return what decoding the tiles of a level needs, as `Cog.tile_facts` does.

        Raises:
            UsageError: `needed` still returns ranges.
            TileIndexError: there is no such level.
        """
        return make_facts(self._image(z))

    def tile_range(self, z: int, x: int, y: int, *, plane: int = 0) -> TileRange:
        """Return where a stored tile lies.

        Args:
            z: level, 0 = full resolution.
            x: tile column.
            y: tile row.
            plane: band, counted from 0, where bands are stored in separate planes; else 0.

        Returns:
            Offset and length in bytes; both 0 for a tile that is not stored.

        Raises:
            UsageError: `needed(z, [(x, y)])` still returns ranges.
            TileIndexError: there is no such level, tile or plane.
        """
        found = self._known(self._locations(z, [(x, y)]))
        if not 0 <= check_integer(plane, "plane") < len(found):
            message = f"plane {plane} does not exist (planes 0 to {len(found) - 1})"
            raise TileIndexError(message)
        location = found[plane]
        part = ByteRange(0, 0) if location is None else location.range
        return TileRange(x, y, plane, part.start, part.length)

    # --- parsers ---------------------------------------------------------------------------------

    def _pyramid(self) -> Steps[Pyramid]:
        tiff = yield from parse_tiff(self._buffer, self._limits)
        return (yield from parse_pyramid(self._buffer, tiff, self._limits))

    def _image(self, z: int) -> Image:
        levels = self.levels
        if not 0 <= check_integer(z, "z") < len(levels):
            message = f"level {z} does not exist (levels 0 to {len(levels) - 1})"
            raise TileIndexError(message)
        return levels[z]

    def _locations(
        self, z: int, tiles: Sequence[Sequence[int]]
    ) -> Steps[list[TileLocation | None]]:
        image = self._image(z)
        places = [index for x, y in tiles for index in image.grid.indices(x, y)]
        return locate(self._buffer, image, places, self._limits)

    def _run(self, steps: Steps[T]) -> tuple[list[ByteRange], T | None]:
        """Run a parser on the bytes that were fed: what it lacks, or else its result."""
        size = self._size
        try:
            ranges = next(steps)
            while True:
                if any(part.stop > size for part in ranges):  # it knows whether it can do without
                    ranges = steps.throw(TruncatedError(f"the file ends at byte {size}"))
                    continue
                missing = self._buffer.missing(ranges)
                if missing:
                    steps.close()
                    return missing, None
                ranges = next(steps)
        except StopIteration as done:
            return [], done.value

    def _known(self, steps: Steps[T]) -> T:
        missing, found = self._run(steps)
        if missing or found is None:
            message = f"bytes are lacking, {len(missing)} ranges: feed what needed() returns first"
            raise UsageError(message)
        return found
