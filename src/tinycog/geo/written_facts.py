"""What is written of an image besides its pixels, by rasterio's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tinycog.argument_types import CrsLike, NamedMember
from tinycog.geo.colour import Colormap
from tinycog.geo.georeference import Georeference
from tinycog.geo.metadata import Metadata
from tinycog.geo.transform import RPC, GroundControlPoint

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

Items = Mapping[str, Mapping[str, str]]
"""Items by domain and name; most have the domain ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFacts:
    """What is written of an image besides its pixels; None = nothing is said.

    Attributes:
        crs: coordinate reference system, of `transform` or of `gcps`.
        transform: from (col, row) to (x, y); (0, 0) is the outer corner of the first pixel.
        gcps: ground control points, where there is no transform; their ids are not written.
        rpcs: rational polynomial coefficients.
        area_or_point: GDAL's AREA_OR_POINT: whether a sample stands for its pixel, or for a point.
        nodata: value of the samples that hold none.
        descriptions: of each band.
        scales: factor of each band from samples to values.
        offsets: what is added to them, of each band.
        units: of each band.
        colorinterp: of each band: rasterio's names, or members of its enum.
        colormap: colours of the values of a palette, or 8-bit RGBA by value as in rasterio.
        tags: further items of the image, by namespace ("" is GDAL's default domain).
        band_tags: further items of each band, by namespace.
    """

    crs: CrsLike | None = None
    transform: Affine | None = None
    gcps: Sequence[GroundControlPoint] = ()
    rpcs: RPC | None = None
    area_or_point: Literal["Area", "Point"] = "Area"
    nodata: float | None = None
    descriptions: Sequence[str | None] | None = None
    scales: Sequence[float] | None = None
    offsets: Sequence[float] | None = None
    units: Sequence[str | None] | None = None
    colorinterp: Sequence[str | NamedMember] | None = None
    colormap: Colormap | Mapping[int, Sequence[int]] | None = None
    tags: Items = field(default_factory=dict[str, Mapping[str, str]])
    band_tags: Sequence[Items] = ()


def facts_of(
    geo: Georeference, metadata: Metadata, *, nodata: float | None, colormap: Colormap | None
) -> WrittenFacts:
    """Return what a copy of a file says besides its pixels.

    Statistics of the file are left out: those of a copy are its own.

    Args:
        geo: georeference of its level 0.
        metadata: of its level 0.
        nodata: of its samples.
        colormap: of its palette, if it has one.
    """
    return WrittenFacts(
        crs=geo.crs,
        transform=geo.transform if geo.has_transform else None,
        gcps=geo.gcps,
        rpcs=geo.rpcs,
        area_or_point="Point" if _is_point(geo, metadata) else "Area",
        nodata=nodata,
        descriptions=metadata.descriptions,
        scales=metadata.scales,
        offsets=metadata.offsets,
        units=metadata.units,
        colorinterp=metadata.colorinterp,
        colormap=colormap,
        tags={domain: _without(items, "AREA_OR_POINT") for domain, items in metadata.items.items()},
        band_tags=tuple(
            {domain: _without(items, "STATISTICS_") for domain, items in domains.items()}
            for domains in metadata.band_items
        ),
    )


def _is_point(geo: Georeference, metadata: Metadata) -> bool:
    return (geo.area_or_point or metadata.tags().get("AREA_OR_POINT")) == "Point"


def _without(items: Mapping[str, str], start: str) -> dict[str, str]:
    """Leave out the items whose names start so: other facts, or other pixels, tell them anew."""
    return {name: text for name, text in items.items() if not name.upper().startswith(start)}
