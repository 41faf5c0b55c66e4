"""Parse georeference and metadata of an image in one step."""

from __future__ import annotations

from tinycog.geo.georeference import (
    GEOREFERENCE_TAGS,
    Georeference,
    make_georeference,
)
from tinycog.geo.metadata import METADATA_TAGS, Metadata, make_metadata
from tinycog.geo.sidecars import Beside
from tinycog.geo.tag_values import read_values
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import FileHeader
from tinycog.tiff.steps import Steps


def parse_geo(
    buffer: SparseBuffer,
    header: FileHeader,
    image: Image,
    limits: Limits,
    beside: Beside | None = None,
) -> Steps[tuple[Georeference, Metadata]]:
    """Parse where the pixels of an image are and what its samples mean, in one step.

    Tags that are wrong do not raise: they are findings of the result. What lies beside the file
    goes before or behind what it says itself.
    """
    tags = (*GEOREFERENCE_TAGS, *METADATA_TAGS)
    values, findings = yield from read_values(buffer, header, image.ifd, tags, limits)
    georeference = make_georeference(values, findings)
    if beside is not None:
        georeference = beside.placed(georeference)
    metadata = make_metadata(
        values,
        image,
        [],
        area_or_point=georeference.area_or_point,
        heights=georeference.heights,
        beside=() if beside is None else beside.items,
    )
    return georeference, metadata
