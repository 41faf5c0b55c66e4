"""The georeference of an image: all that its tags say about where its pixels are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tinycog.errors import Finding, UsageError
from tinycog.geo.crs import Crs, Heights
from tinycog.geo.keys import GeoKey, GeoKeys, make_keys
from tinycog.geo.make_crs import height_unit, is_ellipsoidal, make_crs
from tinycog.geo.tag_values import TagValues
from tinycog.geo.transform import RPC, GroundControlPoint, identity, make_model, make_rpcs
from tinycog.tiff.spec import Tag

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

GEOREFERENCE_TAGS = (
    Tag.ModelPixelScale,
    Tag.ModelTiepoint,
    Tag.ModelTransformation,
    Tag.GeoKeyDirectory,
    Tag.GeoDoubleParams,
    Tag.GeoAsciiParams,
    Tag.RPCCoefficient,
)

PIXEL_IS_POINT = 2


@dataclass(frozen=True, slots=True)
class Georeference:
    """Where the pixels of an image are.

    Attributes:
        transform: of level 0, (col, row) to (x, y); the identity if the file has none.
        has_transform: whether the file has a transform (geotiff.model.none).
        gcps: ground control points, where the file has them instead of a transform.
        rpcs: rational polynomial coefficients of a sensor, if there are any.
        keys: the GeoKeys.
        crs: the CRS of the transform, or of the control points; None without keys.
        area_or_point: "Area" or "Point" as the keys say, else None. The transform refers to
            corners either way (geotiff.model.point).
        heights: how samples become heights, if the CRS has heights (gdal.metadata.heights).
        findings: rules that its tags break.
    """

    transform: Affine = field(default_factory=identity)
    has_transform: bool = False
    gcps: tuple[GroundControlPoint, ...] = ()
    rpcs: RPC | None = None
    keys: GeoKeys = field(default_factory=GeoKeys)
    crs: Crs | None = None
    area_or_point: Literal["Area", "Point"] | None = None
    heights: Heights | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def placed_crs(self) -> Crs | None:
        """The CRS that the transform leads to; None without either (geotiff.model.place)."""
        return self.crs if self.has_transform else None

    @property
    def has_coordinates(self) -> bool:
        """Whether coordinates mean a place in the image: those of its transform, or its pixels."""
        return self.has_transform or (self.crs is None and not self.gcps)

    def no_place(self) -> UsageError:
        """Make the error that coordinates are where they lead to no pixel (geotiff.model.place)."""
        if self.has_transform:
            lacks = "it has a transform, but names no CRS"
        elif self.gcps:
            lacks = f"it has {len(self.gcps)} ground control points, but no transform"
        elif self.crs is not None:
            lacks = f"it names {self.crs}, but has no transform"
        else:
            lacks = "it has neither a transform nor a CRS"
        how = "leave out crs=" if self.has_coordinates else "ask in pixels, by window="
        message = f"the file does not say where it lies in a CRS: {lacks}; {how}"
        return UsageError(message)


def make_georeference(values: TagValues, lost: list[Finding]) -> Georeference:
    """Make a georeference from tag values.

    Args:
        values: of `GEOREFERENCE_TAGS`.
        lost: findings so far.
    """
    findings = list(lost)
    keys = make_keys(values, findings)
    raster_type = keys.code(GeoKey.GTRasterType)
    model = make_model(values, findings, is_point=raster_type == PIXEL_IS_POINT)
    crs = make_crs(keys, findings)
    return Georeference(
        transform=model.transform or identity(),
        has_transform=model.transform is not None,
        gcps=model.gcps,
        rpcs=make_rpcs(values, findings),
        keys=keys,
        crs=crs,
        area_or_point=_area_or_point(keys),
        heights=_heights(crs, model.heights),
        findings=tuple(findings),
    )


def _heights(crs: Crs | None, scaling: tuple[float, float] | None) -> Heights | None:
    if crs is None or crs.vertical is None or is_ellipsoidal(crs.vertical):
        return None
    scale, offset = (scaling if crs.kind == "compound" else None) or (None, 0.0)
    return Heights(scale, offset, height_unit(crs))


def _area_or_point(keys: GeoKeys) -> Literal["Area", "Point"] | None:
    if GeoKey.GTRasterType not in keys:
        return None
    return "Point" if keys.code(GeoKey.GTRasterType) == PIXEL_IS_POINT else "Area"
