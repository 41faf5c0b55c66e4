"""Colour interpretations of bands, by rasterio's names, and palettes (gdal.metadata.colour)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.tiff.colormap import MAX_PALETTE_BITS, palette_unit
from tinycog.tiff.image import Image
from tinycog.tiff.spec import ALPHA, Photometric, Tag

BAND_NAMES: dict[int, tuple[str, ...]] = {
    Photometric.MIN_IS_BLACK: ("gray",),
    Photometric.RGB: ("red", "green", "blue"),
    Photometric.YCBCR: ("red", "green", "blue"),
    Photometric.SEPARATED: ("cyan", "magenta", "yellow", "black"),
}
"""Names of the colour bands; YCbCr is converted to RGB when it is read, unless planes are apart."""

COLOUR_BANDS: dict[int, int] = {
    Photometric.MIN_IS_WHITE: 1,
    Photometric.PALETTE: 1,
    **{photometric: len(names) for photometric, names in BAND_NAMES.items()},
    Photometric.CIELAB: 3,
    Photometric.ICCLAB: 3,
    Photometric.ITULAB: 3,
}
"""How many bands are colours."""

UNDEFINED = "undefined"
GDAL_NAMES = {"otherir": "other_ir", "ycbcr_y": "Y", "ycbcr_cb": "Cb", "ycbcr_cr": "Cr"}
RASTERIO_NAMES = frozenset(
    (
        *(UNDEFINED, "gray", "palette", "red", "green", "blue", "alpha"),
        *("hue", "saturation", "lightness", "cyan", "magenta", "yellow", "black"),
        *("pan", "coastal", "rededge", "nir", "swir", "mwir", "lwir", "tir", "other_ir"),
        *("sar_ka", "sar_k", "sar_ku", "sar_x", "sar_c", "sar_s", "sar_l", "sar_p"),
    )
)


def colour_names(image: Image) -> list[str]:
    """Return a name for each band, from photometric interpretation and extra samples."""
    photometric = image.photometric
    if photometric == Photometric.PALETTE and Tag.ColorMap not in image.ifd.entries:
        photometric = Photometric.MIN_IS_BLACK  # as in libtiff
    if photometric == Photometric.YCBCR and image.grid.planes > 1:
        names = ["Y", "Cb", "Cr"]
    else:
        has_colormap = Tag.ColorMap in image.ifd.entries
        is_bitmap = image.bits_per_sample == (1,) and photometric == Photometric.MIN_IS_BLACK
        bits = image.bits_per_sample[0]
        names = names_of(photometric, bits, has_colormap=has_colormap or is_bitmap)
    return with_extra(names, image.samples, image.extra_samples)


def names_of(photometric: int, bits: int, *, has_colormap: bool = False) -> list[str]:
    """Return the names of the colour bands: to GDAL, MinIsWhite of up to 16 bits is a palette.

    Args:
        photometric: PhotometricInterpretation.
        bits: of a sample.
        has_colormap: whether there is a ColorMap, or what GDAL takes for one: a single bit.
    """
    names = list(BAND_NAMES.get(photometric, ()))
    is_palette = has_colormap or photometric in (Photometric.PALETTE, Photometric.MIN_IS_WHITE)
    return ["palette", *names[1:]] if is_palette and bits <= MAX_PALETTE_BITS else names


def with_extra(names: Sequence[str], samples: int, extra_samples: Sequence[int]) -> list[str]:
    """Return a name for each band: those of the colours, then what ExtraSamples says of the last.

    Args:
        names: of the colour bands of the photometric interpretation.
        samples: number of bands.
        extra_samples: values of ExtraSamples.
    """
    names = list(names)[:samples]
    left = samples - len(names)
    extra = extra_samples[max(len(extra_samples) - left, 0) :]
    names += [UNDEFINED] * (left - len(extra))
    return names + ["alpha" if kind in ALPHA else UNDEFINED for kind in extra]


def colour_of_gdal(name: str) -> str:
    """Convert GDAL's name of a colour to rasterio's; "undefined" if it has none."""
    name = name.casefold()
    name = GDAL_NAMES.get(name, name)
    return name if name in RASTERIO_NAMES or name in GDAL_NAMES.values() else UNDEFINED


COLOUR_INTERPRETATIONS: tuple[str, ...] = (
    *("undefined", "gray", "palette", "red", "green", "blue", "alpha"),
    *("hue", "saturation", "lightness", "cyan", "magenta", "yellow", "black"),
    *("Y", "Cb", "Cr"),
)
"""GDAL's colour interpretations in the order of their numbers."""


class ColorInterp(str):
    """A band's colour interpretation: a name that also equals rasterio's enum (GDAL's number)."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The name, as for members of an enum."""
        return str(self)

    def __eq__(self, other: object) -> bool:
        """Compare by name, number, or member of an enum of numbers."""
        number: object = getattr(other, "value", other)
        if isinstance(number, int):
            return (
                str(self) in COLOUR_INTERPRETATIONS
                and COLOUR_INTERPRETATIONS.index(str(self)) == number
            )
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        """Compare as `==` does."""
        return not self == other

    __hash__ = str.__hash__


class Colormap(NamedTuple):
    """The colours of a palette.

    Attributes:
        colours: (entries, 3) of uint16: red, green, blue, as stored.
        nodata: the transparent entry, if any.
    """

    colours: NDArray[np.uint16]
    nodata: int | float | None

    def as_rasterio(self) -> dict[int, tuple[int, int, int, int]]:
        """Return 8-bit RGBA by entry, as rasterio's `colormap(1)`.

        Maps whose writers stored 8 bits, or shifted them up by 8, are recognized as in GDAL.
        """
        full = self.colours
        unit = palette_unit(full)
        return {
            i: (*(int(v) for v in colour), 0 if i == self.nodata else 255)
            for i, colour in enumerate(full // unit)
        }  # type: ignore[return-value]
