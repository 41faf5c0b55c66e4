"""What is written of an image besides its pixels, by rasterio's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tinycog.argument_types import CrsLike, NamedMember
from tinycog.geo.colour import Colormap
from tinycog.geo.transform import RPC, GroundControlPoint

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

AREA_OR_POINT = "AREA_OR_POINT"
"""The item of GDAL's that stands for `area_or_point`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFacts:
    """What is written of an image besides its pixels; None = nothing is said.

    Attributes:
        crs: coordinate reference system, of `transform` or of `gcps`.
        transform: from (col, row) to (x, y); (0, 0) is the outer corner of the first pixel.
        gcps: ground control points, where there is no transform; their ids are not written.
        rpcs: rational polynomial coefficients.
        area_or_point: GDAL's AREA_OR_POINT: whether a sample stands for its pixel, or for a point;
            None is written as "Area".
        nodata: value of the samples that hold none.
        descriptions: of each band.
        scales: factor of each band from samples to values.
        offsets: what is added to them, of each band.
        units: of each band.
        colorinterp: of each band: rasterio's names, or members of its enum.
        premultiplied: whether colours are multiplied by their alpha (associated alpha).
        photometric: PhotometricInterpretation, where `colorinterp` does not tell it: MinIsWhite,
            inks, Lab.
        ink_set: InkSet of inks that are not CMYK.
        bits: BitsPerSample, where it is not that of the dtype.
        colormap: colours of the values of a palette, or 8-bit RGBA by value as in rasterio.
        tags: further items of the image, by namespace ("" is GDAL's default domain).
        band_tags: the same of each band.
    """

    crs: CrsLike | None = None
    transform: Affine | None = None
    gcps: Sequence[GroundControlPoint] = ()
    rpcs: RPC | None = None
    area_or_point: Literal["Area", "Point"] | None = None
    nodata: float | None = None
    descriptions: Sequence[str | None] | None = None
    scales: Sequence[float] | None = None
    offsets: Sequence[float] | None = None
    units: Sequence[str | None] | None = None
    colorinterp: Sequence[str | NamedMember] | None = None
    premultiplied: bool = False
    photometric: int | None = None
    ink_set: int | None = None
    bits: int | None = None
    colormap: Colormap | Mapping[int, Sequence[int]] | None = None
    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    band_tags: Sequence[Mapping[str, Mapping[str, str]]] = ()
