"""How a file was written, as far as its tags tell; what they do not is a list of what it may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import MaskKind, OverviewMethod
from tinycog.encode.lossless import (
    DEFLATE_LEVELS,
    ISAL_LEVELS,
    LZMA_LEVELS,
    ZSTD_LEVELS,
    has_isal,
)
from tinycog.encode.tile_format import CodecOptions
from tinycog.errors import UnsupportedError, UsageError
from tinycog.geo.write_colour import RGB
from tinycog.geo.written_facts import WrittenFacts
from tinycog.pixels.mask import opaque
from tinycog.pixels.overviews.counting import Bools
from tinycog.pixels.overviews.planes import Box
from tinycog.pixels.overviews.reducer import GDAL_METHODS, Reducer
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression, ExtraSample, Photometric, Predictor, name_of
from tinycog.writer.assemble import RawTile
from tinycog.writer.design import FileDesign, LevelWork
from tinycog.writer.options import FileOptions, check_options
from tinycog.writer.reduce import BlockReducer
from tinycog.writer.sources.arrays import ArraySource
from tinycog.writer.sources.told import Told
from tinycog.writer.update.stored import StoredFile

WRAPPERS: tuple[Literal["deflate", "zstd"], ...] = ("deflate", "zstd")
"""What may compress LERC once more."""

EFFORTS = range(1, 10)
"""Of JPEG XL."""

LEVELS: dict[str, range] = {
    "deflate": DEFLATE_LEVELS,
    "zstd": ZSTD_LEVELS,
    "lzma": LZMA_LEVELS,
}
"""All that there are, of codecs and of what wraps LERC."""

CODECS_WITH_LEVELS: dict[Compression, str] = {
    Compression.DEFLATE: "deflate",
    Compression.ZSTD: "zstd",
    Compression.LZMA: "lzma",
}


class Said(NamedTuple):
    """What the caller says of how the file was written; None = it shows.

    Attributes:
        level: of the codec.
        effort: of JPEG XL.
        overview_resampling: method of the overviews.
        like: whose rules they follow.
        mask: how pixels that are not valid are marked; it shows but for "alpha".
        sparse: whether tiles of nothing are left out.
        statistics: whether there are any.
    """

    level: int | None = None
    effort: int | None = None
    overview_resampling: OverviewMethod | None = None
    like: Literal["gdal"] | None = None
    mask: MaskKind | None = None
    sparse: bool | None = None
    statistics: bool | None = None


class WrittenBy(NamedTuple):
    """A way in which the overviews may have been made, and the file that is written so.

    Attributes:
        name: of the method, for messages.
        design: of it.
        levels: of it; their tiles have all bands that are stored.
        marks_alpha: whether the last band is made of the mask of the source.
    """

    name: str
    design: FileDesign
    levels: Sequence[LevelWork]
    marks_alpha: bool


class AlphaReducer(Reducer):
    """Reduces pixels of which those are valid whose last sample is not 0: it marks them again."""

    __slots__ = ()

    def reduce(
        self, pixels: NDArray[Any], valid: Bools | None, block: Box
    ) -> tuple[NDArray[Any], Bools | None]:
        """Make a block of the next level; see `Reducer.reduce`."""
        del valid
        alpha = pixels[:, :, -1] != 0
        samples, left = Reducer.reduce(self, pixels[:, :, :-1], alpha, block)
        most = self.maker.counting.most
        full = opaque(self.dtype) if most is None else most
        marks = np.full((*samples.shape[:2], 1), full, self.dtype)
        if left is not None:
            marks[~left] = 0
        return np.concatenate([samples, marks], axis=2), None


def _written(name: str, design: FileDesign, *, marks_alpha: bool) -> WrittenBy:
    if not marks_alpha:
        return WrittenBy(name, design, design.levels, marks_alpha)
    levels = [
        one._replace(reducer=one.reducer and BlockReducer(_of_alpha(one.reducer.reducer)))
        for one in design.levels
    ]
    return WrittenBy(f"{name} mask='alpha'", design, levels, marks_alpha)


def _of_alpha(reducer: Reducer) -> AlphaReducer:
    return AlphaReducer(reducer.method, reducer.dtype, reducer.alpha, reducer.maker)


def codecs(stored: StoredFile, said: Said) -> list[CodecOptions]:
    """Return what the codec may have been told.

    Raises:
        UnsupportedError: it loses pixels, so that nothing can be made of what is stored.
        UsageError: it has no level, or no effort.
    """
    image = stored.levels[0].image
    compression = Compression(image.compression)
    if compression == Compression.JPEG:
        message = (
            "a file of lossy JPEG tiles cannot be updated: overviews, and the rest of a tile, are"
            " made of source pixels, which it does not hold: write it anew"
        )
        raise UnsupportedError(message, feature="update", value=name_of(Compression, compression))
    for word, value, takers in (
        ("level", said.level, (*CODECS_WITH_LEVELS, Compression.LERC)),
        ("effort", said.effort, (Compression.JPEG_XL,)),
    ):
        if value is not None and compression not in takers:
            message = f"{word}={value}: {name_of(Compression, compression)} has none"
            raise UsageError(message)
    return list(_told_codec(compression, said))


def _told_codec(compression: Compression, said: Said) -> Iterator[CodecOptions]:
    if compression in CODECS_WITH_LEVELS:
        for level in _levels(CODECS_WITH_LEVELS[compression], said.level):
            yield CodecOptions(level=level)
        if compression == Compression.DEFLATE and said.level is None and has_isal():
            yield from (CodecOptions(library="isa-l", level=level) for level in ISAL_LEVELS)
    elif compression == Compression.LERC:
        yield from _told_lerc(said.level)
    elif compression == Compression.JPEG_XL:
        for effort in EFFORTS if said.effort is None else (said.effort,):
            yield CodecOptions(lossless=True, effort=effort)
    else:
        yield CodecOptions(lossless=True if compression == Compression.WEBP else None)


def _told_lerc(level: int | None) -> Iterator[CodecOptions]:
    if level is None:
        yield CodecOptions()
    for wrapper in WRAPPERS:
        yield from (CodecOptions(wrapper=wrapper, level=one) for one in _levels(wrapper, level))


def _levels(name: str, level: int | None) -> Sequence[int]:
    return LEVELS[name] if level is None else [level]


def files(stored: StoredFile, said: Said, facts: WrittenFacts) -> list[WrittenBy]:
    """Return the ways in which the overviews may have been made, the plainest first.

    Args:
        stored: the file.
        said: what the caller says of it.
        facts: its nodata and palette.

    Raises:
        UsageError, UnsupportedError: that is not how it was made.
    """
    found: list[WrittenBy] = []
    refused: UsageError | UnsupportedError | None = None
    for mask in _masks(stored, said, facts):
        for method, like in _methods(stored, said):
            name = f"{method!r}" + (f" like={like!r}" if like else "")
            is_alpha = mask == "alpha"
            try:
                factors = _factors(stored, like)
                if factors is not None:
                    options = _options(stored, method, like, mask, factors)
                    design = FileDesign(_source(stored, facts, is_alpha=is_alpha), options)
                    found.append(_written(name, design, marks_alpha=is_alpha))
            except (UsageError, UnsupportedError) as exc:
                refused = exc
    if not found:
        sizes = [(level.grid.rows, level.grid.cols) for level in stored.levels]
        message = f"levels of {sizes} (rows, cols) are not those of {_told(said)}"
        raise refused or UsageError(message)
    return found


def mask_kinds(stored: StoredFile, facts: WrittenFacts) -> list[MaskKind]:
    """Return how pixels that are not valid may be marked, as far as it shows."""
    image = stored.levels[0].image
    shown: MaskKind = "none" if facts.nodata is None else "nodata"
    if stored.levels[0].mask is not None:
        shown = "internal"
    extra = list(image.extra_samples)
    may_be_alpha = shown == "none" and image.dtype.kind == "u" and bool(extra)
    may_be_alpha = may_be_alpha and extra[-1] == ExtraSample.UNASSOCIATED_ALPHA
    told = stored.bands_with_statistics  # of a band that is made of a mask there are none
    kinds: list[MaskKind] = [shown, "alpha"] if may_be_alpha else [shown]
    if may_be_alpha and told:
        kinds = [shown] if image.samples - 1 in told else ["alpha"]
    return kinds


def _masks(stored: StoredFile, said: Said, facts: WrittenFacts) -> list[MaskKind]:
    """Return how pixels that are not valid may be marked, by what the caller says.

    Raises:
        UsageError: they are not as the caller says.
    """
    kinds = mask_kinds(stored, facts)
    if said.mask is None:
        return kinds
    if said.mask not in kinds:
        message = f"mask={said.mask!r}, but that of the file is {kinds[0]!r}"
        raise UsageError(message)
    return [said.mask]


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


def _factors(stored: StoredFile, like: Literal["gdal"] | None) -> tuple[int, ...] | None:
    """Return the factors of the overviews, None if their sizes are not rounded so."""
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
    mask: MaskKind,
    factors: tuple[int, ...],
) -> FileOptions:
    first, *others = stored.levels
    image = first.image
    bits = image.bits_per_sample[0]
    options = check_options(
        predictor=image.predictor,
        blocksize=first.grid.tile,
        overview_blocksize=others[0].grid.tile if others else None,
        overviews=factors,
        overview_resampling=method,
        like=like,
        interleave=first.index.interleave,
        mask=mask,
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


def _source(stored: StoredFile, facts: WrittenFacts, *, is_alpha: bool) -> ArraySource:
    """Return a source of an image of that shape, which takes no memory."""
    first = stored.levels[0]
    dtype = first.image.dtype.newbyteorder("=")
    names = _colours(first.image)
    is_premultiplied = ExtraSample.ASSOCIATED_ALPHA in first.image.extra_samples
    names = names[:-1] if is_alpha else names
    facts = replace(facts, colorinterp=names, premultiplied=is_premultiplied)
    shape = (first.image.samples - is_alpha, first.grid.rows, first.grid.cols)
    valid = None if first.mask is None else np.broadcast_to(np.True_, shape[1:])
    return ArraySource(np.broadcast_to(np.zeros((), dtype), shape), Told(facts=facts), valid)


def _colours(image: Image) -> list[str]:
    """Return the colours of bands, as far as they matter to overviews."""
    own = {Photometric.PALETTE: ("palette",), Photometric.RGB: RGB}
    names = own.get(Photometric(image.photometric), ("gray",))
    extra = image.extra_samples
    alphas = (ExtraSample.UNASSOCIATED_ALPHA, ExtraSample.ASSOCIATED_ALPHA)
    last = ["alpha" if one in alphas else "undefined" for one in extra]
    middle = ["undefined"] * (image.samples - len(names) - len(last))
    return [*names, *middle, *last][: image.samples]


def source_tile(tile: RawTile, *, marks_alpha: bool) -> RawTile:
    """Return a tile as the source has it: without the band that is made of its mask."""
    if not marks_alpha:
        return tile
    return tile._replace(samples=tile.samples[:, :, :-1], valid=tile.samples[:, :, -1] != 0)


def can_mark(samples: NDArray[Any], bits: int) -> bool:
    """Return whether the last band may be made of a mask, of samples of so many bits."""
    alpha = samples[:, :, -1]
    return bool(((alpha == 0) | (alpha == opaque(alpha.dtype, bits))).all())


def method_names(written: Sequence[WrittenBy]) -> str:
    """Return the names of ways for a message."""
    return ", ".join(one.name for one in written)


def codec_names(options: Sequence[CodecOptions]) -> tuple[str, str]:
    """Return the word that tells codecs' options apart, and its values, for a message."""
    if options[0].effort is not None:
        return "effort=", ", ".join(str(one.effort) for one in options)
    levels = (
        f"{one.library or ''} {one.level}".strip() for one in options if one.level is not None
    )
    return "level=", ", ".join(levels)
