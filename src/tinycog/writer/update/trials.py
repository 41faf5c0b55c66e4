"""What the tags do not tell, by trial: what gives the tiles that are there (cog.updated.trial)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from tinycog.encode.tile_format import CodecOptions
from tinycog.errors import TinycogError, UnsupportedError
from tinycog.thread_pool import start_in_pool
from tinycog.writer.assemble import Pixels, RawTile, cut
from tinycog.writer.design import FileDesign, LevelWork
from tinycog.writer.pixel_source import Region
from tinycog.writer.tile_work import Encoders
from tinycog.writer.update.old import OldTiles
from tinycog.writer.update.pixels import assembled, is_same, reduced
from tinycog.writer.update.recover import WrittenBy
from tinycog.writer.update.region import Place, inner_region, is_empty, support_of
from tinycog.writer.update.stored import StoredTile

T = TypeVar("T")


async def fitting_methods(
    written: Sequence[WrittenBy], old: OldTiles, witness: Place
) -> list[WrittenBy]:
    """Return the ways that make of a tile, and of those above it, what the next level has of them.

    Raises:
        TinycogError: the tiles cannot be read.
    """
    places = _above(written[0].levels, witness)
    await old.load(places)
    for place in places:
        written = await _fitting(written, old, place)
    return list(written)


def _above(levels: Sequence[LevelWork], witness: Place) -> list[Place]:
    """Return a tile of level 0, and those of further levels above its middle, that are stored."""
    first = levels[0].shape.grid
    tile = first.region(*witness[1:])
    found: list[Place] = []
    for z, level in enumerate(levels):
        grid = level.shape.grid
        if level.shape.is_stored:
            row = (tile.row + tile.row_stop) * grid.rows // (2 * first.rows)
            col = (tile.col + tile.col_stop) * grid.cols // (2 * first.cols)
            found.append((z, row // grid.tile, col // grid.tile))
    return found


async def _fitting(written: Sequence[WrittenBy], old: OldTiles, place: Place) -> list[WrittenBy]:
    """Return the ways that make of one tile what the next level has of it."""
    tile = old.decoded[place]
    made = await _each([partial(_next_stored, one.levels, tile) for one in written])
    parents = [_touched(one, found) for one, found in zip(written, made, strict=True)]
    await old.load(place for places in parents for place in places)

    def fits(found: tuple[int, Pixels] | None, places: Sequence[Place]) -> bool:
        if found is None:
            return True
        _, pixels = found
        there = assembled(pixels.region, [old.decoded[place] for place in places])
        return is_same(pixels, there)

    pairs = zip(written, made, parents, strict=True)
    return [one for one, found, places in pairs if fits(found, places)]


def _next_stored(levels: Sequence[LevelWork], tile: RawTile) -> tuple[int, Pixels] | None:
    """Return the next stored level, and its pixels that are made of a tile alone."""
    pixels = Pixels(*tile[3:])
    for z, level in list(enumerate(levels[:-1]))[tile.level :]:
        inner = inner_region(level, pixels.region)
        if level.reducer is None or is_empty(inner):
            return None
        block = Region(*level.reducer.reducer.made_of(inner))
        if is_empty(block):
            return None
        support = support_of(level.reducer, block)
        pixels = reduced(level.reducer, Pixels(support, *cut(pixels, support)), block)
        if levels[z + 1].shape.is_stored:
            return z + 1, pixels
    return None


def _touched(written: WrittenBy, found: tuple[int, Pixels] | None) -> list[Place]:
    if found is None:
        return []
    z, pixels = found
    grid = written.levels[z].shape.grid
    return [(z, y, x) for y, x in grid.touched(pixels.region)]


async def fitting_codecs(
    written: WrittenBy, told: Sequence[CodecOptions], tile: RawTile, stored: StoredTile
) -> list[CodecOptions]:
    """Return what the codec may have been told that gave what is stored of a tile."""

    def is_so(one: CodecOptions) -> bool:
        try:
            return encoded(written, written.design.encoders_told(one), tile, sparse=False) == stored
        except TinycogError:  # some tiles it cannot encode
            return False

    found = await _each([partial(is_so, one) for one in told])
    return [one for one, fits in zip(told, found, strict=True) if fits]


def encoded(
    written: WrittenBy, encoders: Sequence[Encoders], tile: RawTile, *, sparse: bool
) -> StoredTile:
    """Return what is stored of a tile.

    Raises:
        WriteError: it cannot be encoded.
    """
    work = replace(written.levels[tile.level].work, sparse=sparse, marks=None, reducer=None)
    done = work.carry_out(tile, None, encoders[min(tile.level, 1)])
    return StoredTile(list(done.payloads), done.mask)


async def _each(work: Iterable[partial[T]]) -> list[T]:
    return list(await asyncio.gather(*map(start_in_pool, work)))


def usable(design: FileDesign, told: Sequence[CodecOptions]) -> list[CodecOptions]:
    """Return what the codec may have been told and understands, and with which no pixel changes.

    Raises:
        UnsupportedError: there is none.
    """
    found: list[CodecOptions] = []
    refused: TinycogError | None = None
    for one in told:
        try:
            if all(each.samples.is_lossless for each in design.encoders_told(one)):
                found.append(one)
        except TinycogError as exc:
            refused = exc
    if found:
        return found
    if refused is not None:
        raise refused
    message = "a file of a lossy codec cannot be updated: it does not hold its source pixels"
    raise UnsupportedError(message, feature="update")
