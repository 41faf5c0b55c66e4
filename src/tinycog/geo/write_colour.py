"""Tags that say which colours the bands are: the inverse of colour.py (gdal.write.colour).

Every IFD of a level has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tinycog.argument_types import NamedMember
from tinycog.errors import UsageError
from tinycog.geo.colour import (
    BAND_NAMES,
    COLOUR_BANDS,
    GDAL_NAMES,
    RASTERIO_NAMES,
    UNDEFINED,
    Colormap,
    names_of,
    with_extra,
)
from tinycog.geo.written_facts import WrittenFacts
from tinycog.tiff.colormap import MAX_BYTE, MAX_PALETTE_BITS, WORD_UNIT
from tinycog.tiff.layout import Field
from tinycog.tiff.spec import ExtraSample, Photometric, Tag

RGB = BAND_NAMES[Photometric.RGB]
NAMES = RASTERIO_NAMES.union(GDAL_NAMES.values())
RGBA_LENGTH = 4


@dataclass(frozen=True, slots=True)
class WrittenColour:
    """How the colours of bands are written.

    Attributes:
        photometric: value of PhotometricInterpretation.
        extra_samples: values of ExtraSamples; empty without the tag.
        fields: the tags that every IFD of a level has.
        roles: colour interpretation of each band where the tags do not tell it, else empty.
        names: colour interpretation of each band, as it is read.
    """

    photometric: int
    extra_samples: tuple[int, ...]
    fields: tuple[Field, ...]
    roles: tuple[str, ...]
    names: tuple[str, ...]


def colour_of(
    facts: WrittenFacts,
    bands: int,
    dtype: np.dtype[np.generic],
    *,
    bits: int | None = None,
    photometric: Photometric | None = None,
) -> WrittenColour:
    """Choose the tags of colours (gdal.write.colour).

    Args:
        facts: their `colorinterp` and `colormap`.
        bands: number of bands.
        dtype: of the samples.
        bits: BitsPerSample, where it is not that of the dtype.
        photometric: what a codec makes of the colours (YCbCr); None = what the bands are.

    Raises:
        UsageError: a name is unknown, there is not one for each band, or the palette does not fit.
    """
    names = _names(facts.colorinterp, bands)
    if facts.photometric is not None:
        photometric = _stated(facts.photometric, photometric)
    is_palette = facts.colormap is not None or (names is not None and names[0] == "palette")
    if photometric is None:
        photometric = _photometric(names, bands, dtype, is_palette=is_palette)
    own = COLOUR_BANDS.get(photometric, bands - (names or []).count("alpha"))
    if not 0 < own <= bands:
        message = f"{photometric.name} is not what {bands} bands of colours can be written as"
        raise UsageError(message)
    alpha = ExtraSample.UNASSOCIATED_ALPHA
    if facts.premultiplied:
        alpha = ExtraSample.ASSOCIATED_ALPHA
    extra = tuple(_extra(names, bands, own, dtype, alpha))
    fields = [Field(Tag.PhotometricInterpretation, "SHORT", int(photometric))]
    if photometric == Photometric.PALETTE:
        fields.append(Field(Tag.ColorMap, "SHORT", _colormap(facts.colormap, dtype, bits)))
    if facts.ink_set is not None:
        fields.append(Field(Tag.InkSet, "SHORT", facts.ink_set))
    if extra:
        fields.append(Field(Tag.ExtraSamples, "SHORT", extra))
    read = with_extra(names_of(photometric, bits or 8 * dtype.itemsize), bands, extra)
    is_told = names is None or names == read
    roles = () if is_told else tuple(names or ())
    return WrittenColour(int(photometric), extra, tuple(fields), roles, roles or tuple(read))


def _stated(stated: int, made: Photometric | None) -> Photometric:
    """Return the colours of a file, which a codec must not make others of."""
    photometric = Photometric(stated)
    if made not in (None, photometric):
        message = (
            f"the samples are {photometric.name}, and would be written as {made.name}, as other"
            " colours: take another compression"
        )
        raise UsageError(message)
    return photometric


def _names(colorinterp: Sequence[str | NamedMember] | None, bands: int) -> list[str] | None:
    if colorinterp is None:
        return None
    names = [name if isinstance(name, str) else name.name for name in colorinterp]
    known = {name.casefold(): name for name in NAMES}
    wrong = next((name for name in names if name.casefold() not in known), None)
    if wrong is not None:
        message = f"colour interpretation {wrong!r} is unknown: expected one of {sorted(NAMES)}"
        raise UsageError(message)
    if len(names) != bands:
        message = f"colorinterp has {len(names)} values, but there are {bands} bands"
        raise UsageError(message)
    return [known[name.casefold()] for name in names]


def _photometric(
    names: list[str] | None, bands: int, dtype: np.dtype[np.generic], *, is_palette: bool
) -> Photometric:
    if is_palette:
        return Photometric.PALETTE
    if names is None:
        is_rgb = dtype == np.uint8 and len(RGB) <= bands <= RGBA_LENGTH
    else:
        is_rgb = tuple(names[: len(RGB)]) == RGB
    return Photometric.RGB if is_rgb else Photometric.MIN_IS_BLACK


def _extra(
    names: list[str] | None,
    bands: int,
    own: int,
    dtype: np.dtype[np.generic],
    alpha: ExtraSample,
) -> list[ExtraSample]:
    """Return what the bands behind the colours are; the fourth of 8 bits is alpha, as in GDAL."""
    if names is None:
        is_rgba = dtype == np.uint8 and own == len(RGB) and bands == RGBA_LENGTH
        names = [UNDEFINED] * (bands - 1) + ["alpha" if is_rgba else UNDEFINED]
    return [alpha if name == "alpha" else ExtraSample.UNSPECIFIED for name in names[own:]]


def _colormap(
    colormap: Colormap | Mapping[int, Sequence[int]] | None,
    dtype: np.dtype[np.generic],
    bits: int | None,
) -> list[int]:
    """Return the values of ColorMap: all reds, then all greens, then all blues."""
    bits = bits or 8 * dtype.itemsize
    if colormap is None or dtype.kind != "u" or bits > MAX_PALETTE_BITS:
        lacks = "no colormap is given" if colormap is None else f"samples are {dtype.name}"
        message = f"a palette needs a colormap, and samples of uint8 or uint16: {lacks}"
        raise UsageError(message)
    is_own = isinstance(colormap, Colormap)
    colours = colormap.colours if is_own else _of_rgba(colormap, 1 << bits)
    if len(colours) > 1 << bits:
        message = f"the colormap has {len(colours)} colours, but samples have {bits} bits"
        raise UsageError(message)
    table = np.zeros((1 << bits, len(RGB)), np.uint16)
    table[: len(colours)] = colours
    return table.T.ravel().tolist()


def _of_rgba(colours: Mapping[int, Sequence[int]], entries: int) -> NDArray[np.uint16]:
    """Return a table of 16 bits of colours of 8 bits by value; opacity is not stored."""
    if not isinstance(cast("object", colours), Mapping):
        kind = type(colours).__name__
        message = f"colormap is a mapping of values to RGBA, as rasterio's, not a value of {kind}"
        raise UsageError(message)
    table = np.zeros((entries, len(RGB)), np.uint16)
    for value, colour in colours.items():
        is_colour = len(colour) in (len(RGB), RGBA_LENGTH)
        if not 0 <= value < entries or not is_colour or not set(colour) <= set(range(MAX_BYTE + 1)):
            message = f"the colormap holds {value}: {tuple(colour)}, expected RGBA from 0 to 255"
            raise UsageError(message)
        table[value] = [part * WORD_UNIT for part in colour[: len(RGB)]]
    return table
