"""Files of written georeferences and metadata, as tinycog and rasterio read them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyproj
import rasterio
from geo_files import IMAGE, in_rasterio, read_geo
from rasterio.io import DatasetWriter, MemoryFile

from tinycog.argument_types import CrsLike
from tinycog.errors import UnsupportedError
from tinycog.geo.crs import Crs
from tinycog.geo.user_keys import is_same
from tinycog.geo.write_colour import colour_of
from tinycog.geo.write_metadata import metadata_fields
from tinycog.geo.write_tags import georeference_fields, nodata_field
from tinycog.geo.written_facts import WrittenFacts
from tinycog.testing import Field, make_tiff
from tinycog.tiff.spec import Tag

FORMATS = {"u": 1, "i": 2, "f": 3, "c": 6}


def written(
    facts: WrittenFacts, bands: int = 1, dtype: str = "uint8", statistics: Sequence[Any] = ()
) -> bytes:
    """A file of 4 by 3 pixels with all that is written besides them."""
    kind = np.dtype(dtype)
    colour = colour_of(facts, bands, kind)
    fields = [
        Field(Tag.BitsPerSample, "SHORT", [8 * kind.itemsize] * bands),
        Field(Tag.SamplesPerPixel, "SHORT", bands),
        Field(Tag.SampleFormat, "SHORT", [FORMATS[kind.kind]] * bands),
        Field(Tag.StripByteCounts, "LONG", 12 * bands * kind.itemsize),
        *colour.fields,
        *georeference_fields(facts),
        *metadata_fields(facts, bands, roles=colour.roles, statistics=statistics),
    ]
    if facts.nodata is not None:
        fields.append(nodata_field(facts.nodata, kind))
    return make_tiff([IMAGE.having(*fields)]) + bytes(12 * bands * kind.itemsize)


def of_gdal(change: Callable[[DatasetWriter], object] = id, **profile: Any) -> bytes:
    """A file of 4 by 3 pixels that rasterio writes."""
    start = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "uint8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with MemoryFile() as file:
            with file.open(**(start | profile)) as dataset:
                change(dataset)
            return bytes(file.read())


def crs_of(crs: CrsLike) -> Crs:
    """The CRS that tinycog reads of a file that it was written to."""
    found = read_geo(written(WrittenFacts(crs=crs)))[0].crs
    assert found is not None
    return found


def crs_by_gdal(data: bytes) -> pyproj.CRS:
    """The CRS that GDAL reads of a file."""
    with in_rasterio(data) as dataset:
        return pyproj.CRS.from_wkt(dataset.crs.to_wkt())


def verdict(crs: pyproj.CRS | str) -> str:
    """Whether a CRS is written so that tinycog and GDAL read it as it is."""
    wanted = pyproj.CRS.from_user_input(crs)
    facts = WrittenFacts(crs=crs, transform=rasterio.Affine(10, 0, 5, 0, -10, 5))
    try:
        data = written(facts)
    except UnsupportedError:
        return "refused"
    read = read_geo(data)[0].crs
    assert read is not None
    if not is_same(wanted, read.to_pyproj()):
        return "another CRS"
    return "the same" if is_same(wanted, crs_by_gdal(data)) else "another CRS in GDAL"
