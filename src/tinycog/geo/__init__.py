"""Where pixels are and what they mean: GeoTIFF's tags and GDAL's, without GDAL and without I/O.

pyproj is loaded only by `Crs.to_pyproj`.
"""

from __future__ import annotations

from tinycog.buffer import SparseBuffer, Steps
from tinycog.errors import Limits
from tinycog.geo.crs import Crs, Heights, vertical_of
from tinycog.geo.georeference import (
    GEOREFERENCE_TAGS,
    Georeference,
    make_georeference,
    parse_georeference,
)
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.metadata import (
    METADATA_TAGS,
    Metadata,
    Statistics,
    make_metadata,
    parse_metadata,
)
from tinycog.geo.transform import (
    RPC,
    BoundingBox,
    GroundControlPoint,
    bounds_of,
    level_transform,
    res_of,
)
from tinycog.geo.values import read_values
from tinycog.image import Image
from tinycog.parse import Header

__all__ = [
    "RPC",
    "BoundingBox",
    "Crs",
    "GeoKey",
    "GeoKeys",
    "Georeference",
    "GroundControlPoint",
    "Heights",
    "Metadata",
    "Statistics",
    "bounds_of",
    "level_transform",
    "parse_geo",
    "parse_georeference",
    "parse_metadata",
    "res_of",
    "vertical_of",
]


def parse_geo(
    buffer: SparseBuffer, header: Header, image: Image, limits: Limits
) -> Steps[tuple[Georeference, Metadata]]:
    """Read where the pixels of an image are and what its samples mean, in one step.

    Nothing that is wrong with them raises: it is a finding of theirs.
    """
    tags = (*GEOREFERENCE_TAGS, *METADATA_TAGS)
    values, findings = yield from read_values(buffer, header, image.ifd, tags, limits)
    georeference = make_georeference(values, findings)
    metadata = make_metadata(
        values,
        image,
        [],
        area_or_point=georeference.area_or_point,
        heights=georeference.heights,
    )
    return georeference, metadata
