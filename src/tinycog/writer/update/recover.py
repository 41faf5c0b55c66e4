"""How a file was written, as far as its tags tell; what they do not is a list of what it may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, get_args

import numpy as np

from tinycog.argument_types import MaskKind, OverviewMethod
from tinycog.encode.lossless import (
    DEFLATE_LEVEL,
    DEFLATE_LEVELS,
    ISAL_LEVELS,
    LZMA_LEVEL,
    LZMA_LEVELS,
    ZSTD_LEVEL,
    ZSTD_LEVELS,
    has_isal,
)
from tinycog.encode.tile_format import CodecOptions
from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.pixels.overviews.reducer import GDAL_METHODS
from tinycog.tiff.spec import Compression, Predictor, Tag, name_of
from tinycog.writer.cog_file import CogFile
from tinycog.writer.options import FileOptions, check_options
from tinycog.writer.sources.arrays import ArraySource
from tinycog.writer.sources.told import Told
from tinycog.writer.update.stored import StoredFile

WRAPPERS: dict[int, Literal["deflate", "zstd"]] = {1: "deflate", 2: "zstd"}
"""Of LERC, by the second of LercParameters (tiff.lerc.wrapper)."""

EFFORTS = range(1, 10)
"""Of JPEG XL."""

LEVELS: dict[Compression | str, tuple[int, range]] = {
    Compression.DEFLATE: (DEFLATE_LEVEL, DEFLATE_LEVELS),
    Compression.ZSTD: (ZSTD_LEVEL, ZSTD_LEVELS),
    Compression.LZMA: (LZMA_LEVEL, LZMA_LEVELS),
    "deflate": (DEFLATE_LEVEL, DEFLATE_LEVELS),
    "zstd": (ZSTD_LEVEL, ZSTD_LEVELS),
}
"""Default, and all that there are, of codecs and of what wraps LERC."""


class Said(NamedTuple):
    """What the caller says of how the file was written; None = it shows.

    Attributes:
        level: of the codec.
        overview_resampling: method of the overviews.
        like: whose rules they follow.
        sparse: whether tiles of nothing are left out.
        statistics: whether there are any.
    """

    level: int | None = None
    overview_resampling: OverviewMethod | None = None
    like: Literal["gdal"] | None = None
    sparse: bool | None = None
    statistics: bool | None = None


class Written(NamedTuple):
    """A way in which the overviews may have been made, and the file that is written so.

    Attributes:
        name: of the method, for messages.
        file: it.
    """

    name: str
    file: CogFile


def codecs(stored: StoredFile, said: Said) -> list[CodecOptions]:
    """Return what the codec may have been told.

    Raises:
        UnsupportedError: it loses pixels, so that nothing can be made of what is stored.
        UsageError: it has no level.
    """
    image = stored.levels[0].image
    compression = Compression(image.compression)
    if compression == Compression.JPEG:
        message = (
            "a file of lossy JPEG tiles cannot be updated: overviews, and the rest of a tile, are"
            " made of source pixels, which it does not hold: write it anew"
        )
        raise UnsupportedError(message, feature="update", value=name_of(Compression, compression))
    told = CodecOptions()
    kind: Compression | str = compression
    if compression == Compression.LERC:
        parameters = image.options.get(Tag.LercParameters, ())
        wrapper = WRAPPERS.get(int(parameters[1]) if len(parameters) > 1 else 0)  # type: ignore[arg-type]
        told, kind = CodecOptions(wrapper=wrapper), wrapper or compression
    if kind in LEVELS:
        return list(_with_levels(told, kind, said.level))
    if said.level is not None:
        message = f"level={said.level}: {name_of(Compression, compression)} has none"
        raise UsageError(message)
    if compression == Compression.JPEG_XL:
        return [CodecOptions(), *(CodecOptions(lossless=True, effort=e) for e in EFFORTS)]
    return [CodecOptions(lossless=True)] if compression == Compression.WEBP else [told]


def _with_levels(
    told: CodecOptions, kind: Compression | str, level: int | None
) -> Iterator[CodecOptions]:
    default, levels = LEVELS[kind]
    if level is not None:
        yield replace(told, level=level)
        return
    for one in sorted(levels, key=lambda one: (one != default, one)):
        yield replace(told, level=one)
    if kind == Compression.DEFLATE and has_isal():
        for one in ISAL_LEVELS:
            yield CodecOptions(library="isa-l", level=one)


def files(
    stored: StoredFile, said: Said, facts: WrittenFacts, threads: int
) -> list[Written]:
    """Return the ways in which the overviews may have been made, the plainest first.

    Args:
        stored: the file.
        said: what the caller says of it.
        facts: its nodata and colours.
        threads: that encode.

    Raises:
        UsageError, UnsupportedError: that is not how it was made.
    """
    found: list[Written] = []
    refused: UsageError | UnsupportedError | None = None
    for method, like in _methods(stored, said):
        try:
            factors = _factors(stored, method, like)
            if factors is not None:
                options = _options(stored, method, like, facts, factors)
                source = _source(stored, facts)
                name = f"{method!r}" + (f" like={like!r}" if like else "")
                found.append(Written(name, CogFile(source, options, threads)))
        except (UsageError, UnsupportedError) as exc:
            refused = exc
    if not found:
        sizes = [(level.grid.rows, level.grid.cols) for level in stored.levels]
        message = f"levels of {sizes} (rows, cols) are not those of {_told(said)}"
        raise refused or UsageError(message)
    return found


def _methods(
    stored: StoredFile, said: Said
) -> Iterator[tuple[OverviewMethod, Literal["gdal"] | None]]:
    if len(stored.levels) == 1:
        yield "nearest", None
        return
    every: tuple[OverviewMethod, ...] = get_args(OverviewMethod)
    wanted = every if said.overview_resampling is None else (said.overview_resampling,)
    for method in wanted:
        if said.like is None:
            yield method, None
    for method in wanted:
        is_tried = said.overview_resampling is None and method in GDAL_METHODS
        if said.like == "gdal" or is_tried:
            yield method, "gdal"


def _told(said: Said) -> str:
    if said.overview_resampling is None:
        return "any method of overviews"
    like = f", like={said.like!r}" if said.like else ""
    return f"overview_resampling={said.overview_resampling!r}{like}"


def _factors(
    stored: StoredFile, method: OverviewMethod, like: Literal["gdal"] | None
) -> tuple[int, ...] | None:
    """Return the factors of the overviews, None if their sizes are not those of the method."""
    del method  # sizes are rounded up by all of ours
    rows, cols = stored.levels[0].grid[:2]
    factors: list[int] = []
    factor = 1
    for level in stored.levels[1:]:
        while (rows, cols) != level.grid[:2]:
            if (rows, cols) == (1, 1):
                return None
            rows, cols = (max(n // 2, 1) if like else -(-n // 2) for n in (rows, cols))
            factor *= 2
        if factor == 1 or factor in factors:
            return None
        factors.append(factor)
    return tuple(factors)


def _options(
    stored: StoredFile,
    method: OverviewMethod,
    like: Literal["gdal"] | None,
    facts: WrittenFacts,
    factors: tuple[int, ...],
) -> FileOptions:
    first, *others = stored.levels
    image = first.image
    mask: MaskKind = "nodata" if facts.nodata is not None else "none"
    bits = image.bits_per_sample[0]
    options = check_options(
        predictor=image.predictor,
        blocksize=first.grid.tile,
        overview_blocksize=others[0].grid.tile if others else None,
        overviews=factors,
        overview_resampling=method,
        like=like,
        interleave=first.index.interleave,
        mask="internal" if first.mask is not None else mask,
        byte_order=image.byte_order,
        bits=None if bits == 8 * image.dtype.itemsize else bits,
    )
    told = CodecOptions(lossless=True) if image.compression == Compression.WEBP else CodecOptions()
    return replace(
        options,
        compression=Compression(image.compression),
        predictor=Predictor(image.predictor),
        codec=told,
    )


def _source(stored: StoredFile, facts: WrittenFacts) -> ArraySource:
    """Return a source of an image of that shape, which takes no memory."""
    first = stored.levels[0]
    dtype = first.image.dtype.newbyteorder("=")
    shape = (first.image.samples, first.grid.rows, first.grid.cols)
    return ArraySource(np.broadcast_to(np.zeros((), dtype), shape), Told(facts=facts))


def method_names(written: Sequence[Written]) -> str:
    """Return the names of ways for a message."""
    return ", ".join(one.name for one in written)


def level_names(options: Sequence[CodecOptions]) -> str:
    """Return what tells codecs' options apart, for a message."""
    texts: list[str] = []
    for one in options:
        own = one.effort if one.effort is not None else one.level
        texts.append(f"{one.library or ''} {own}".strip())
    return ", ".join(texts)



