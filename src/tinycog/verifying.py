"""`write(..., verify=True)`: what was written is read back, and held against what went in."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from tinycog.cog import Cog
from tinycog.errors import CorruptTileError, FormatError, WriteError
from tinycog.raster import Raster
from tinycog.window import Window
from tinycog.writer.checksums import LevelChecksums, TileChecksum, checksum_of, checksum_of_valid


async def verify(cog: Cog, name: str, levels: Sequence[LevelChecksums]) -> None:
    """Read every tile of a file, and compare it with what was written.

    Args:
        cog: the file.
        name: of the file, for errors.
        levels: what went into the tiles of each.

    Raises:
        WriteError: a tile is not what was written, or cannot be decoded.
        SourceError: the file cannot be read.
    """
    try:
        await cog
        shapes = [level.shape for level in cog.levels]
        if shapes != [level.shape for level in levels]:
            message = f"{name} was written, but its levels are read as {shapes}"
            raise WriteError(message)
        for z, level in enumerate(levels):
            async with aclosing(cog.iter_tiles(level=z)) as tiles:
                async for raster in tiles:
                    _check(raster, level, name)
    except CorruptTileError as exc:
        place = (exc.level or 0, exc.x or 0, exc.y or 0)
        raise WriteError.of_tile(place, str(exc), name) from exc
    except FormatError as exc:
        message = f"{name} was written, but cannot be read back: {exc}"
        raise WriteError(message) from exc


def _check(raster: Raster, level: LevelChecksums, name: str) -> None:
    """Compare a tile.

    Raises:
        WriteError: it is another.
    """
    window = Window(*map(int, raster.window))
    x, y = window.col_off // level.tile, window.row_off // level.tile
    expected = level[y, x]
    samples, valid = None, None
    if expected.samples is not None:
        samples = checksum_of(raster.data.transpose(1, 2, 0))
    if expected.valid is not None:
        valid = checksum_of_valid(raster.mask, (window.height, window.width))
    if TileChecksum(samples, valid) != expected:
        what = "samples" if samples != expected.samples else "mask"
        reason = f"its {what} are read back as others than were encoded"
        raise WriteError.of_tile((raster.level, x, y), reason, name)
