"""Tags that say where pixels are, and which hold none: the inverse of georeference.py.

The first IFD of a file has the georeference (geotiff.write.model).
"""

from __future__ import annotations

import math
from itertools import chain
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.affine_math import coefficients
from tinycog.errors import UsageError
from tinycog.geo.georeference import PIXEL_IS_POINT
from tinycog.geo.keys import GeoKey, GeoKeys
from tinycog.geo.transform import RPC, GroundControlPoint, identity
from tinycog.geo.write_keys import key_fields, keys_of_crs
from tinycog.geo.written_facts import WrittenFacts
from tinycog.tiff.layout import Field
from tinycog.tiff.nodata import nodata_value
from tinycog.tiff.spec import Tag

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

PIXEL_IS_AREA = 1


UNKNOWN = -1.0
"""Error of RPCs that is not known."""


def georeference_fields(facts: WrittenFacts) -> list[Field]:
    """Make the tags of a georeference, in ascending order; none if nothing is said.

    Raises:
        UsageError: transform, points or coefficients make no sense, or the CRS is none.
        UnsupportedError: GeoKeys cannot tell the CRS.
    """
    if facts.area_or_point not in (None, "Area", "Point"):
        message = f"area_or_point is 'Area' or 'Point', not {facts.area_or_point!r}"
        raise UsageError(message)
    is_point = facts.crs is not None and facts.area_or_point == "Point"
    fields = _model(facts, 0.5 if is_point else 0.0)
    if facts.rpcs is not None:
        fields.append(Field(Tag.RPCCoefficient, "DOUBLE", _rpc_numbers(facts.rpcs)))
    if facts.crs is not None:
        keys = keys_of_crs(facts.crs)
        raster_type = (GeoKey.GTRasterType, PIXEL_IS_POINT if is_point else PIXEL_IS_AREA)
        fields += key_fields(GeoKeys(keys.minor, (*keys.items(), raster_type)))
    return sorted(fields, key=lambda field: field.tag)


def _model(facts: WrittenFacts, shift: float) -> list[Field]:
    """Make the tags of a transform, or of control points (geotiff.write.model)."""
    transform = facts.transform
    if transform is not None and facts.crs is None and transform == identity():
        transform = None  # what an image without a transform has (geotiff.model.none)
    if transform is None:
        points = chain.from_iterable(_point(point, shift) for point in facts.gcps)
        return [Field(Tag.ModelTiepoint, "DOUBLE", list(points))] if facts.gcps else []
    if facts.gcps:
        message = f"there are a transform and {len(facts.gcps)} control points: write one of them"
        raise UsageError(message)
    return _transform(transform, shift)


def _transform(transform: Affine, shift: float) -> list[Field]:
    a, b, c, d, e, f = coefficients(transform)
    if not all(map(math.isfinite, (a, b, c, d, e, f))) or not a * e - b * d:
        message = f"the transform {(a, b, c, d, e, f)} leads to no area: one side of pixels is 0"
        raise UsageError(message)
    c, f = c + (a + b) * shift, f + (d + e) * shift
    if b == d == 0 and a > 0 > e:
        scale, tiepoint = (a, -e, 0.0), (0.0, 0.0, 0.0, c, f, 0.0)
        return [
            Field(Tag.ModelPixelScale, "DOUBLE", scale),
            Field(Tag.ModelTiepoint, "DOUBLE", tiepoint),
        ]
    matrix = (*(a, b, 0.0, c), *(d, e, 0.0, f), *(0.0, 0.0, 0.0, 0.0), *(0.0, 0.0, 0.0, 1.0))
    return [Field(Tag.ModelTransformation, "DOUBLE", matrix)]


def _point(point: GroundControlPoint, shift: float) -> tuple[float, ...]:
    try:
        height = point.z or 0.0  # rasterio's may have none
        numbers = (point.col - shift, point.row - shift, 0.0, point.x, point.y, height)
        is_finite = all(map(math.isfinite, numbers))
    except (AttributeError, TypeError) as exc:
        message = f"gcps are GroundControlPoint, not {point!r}"
        raise UsageError(message) from exc
    if not is_finite:
        message = f"the ground control point {point} holds a number that is not finite"
        raise UsageError(message)
    return numbers


def _rpc_numbers(rpcs: RPC) -> list[float]:
    """Return the numbers of RPCCoefficient in their order (geotiff.rpc)."""
    if not all(hasattr(rpcs, name) for name in RPC._fields):
        message = f"rpcs are an RPC, not {rpcs!r}"
        raise UsageError(message)
    given: Any = rpcs  # rasterio's may lack both
    errors = [UNKNOWN if one is None else one for one in (given.err_bias, given.err_rand)]
    singles = (
        *(*errors, rpcs.line_off, rpcs.samp_off),
        *(rpcs.lat_off, rpcs.long_off, rpcs.height_off),
        *(rpcs.line_scale, rpcs.samp_scale, rpcs.lat_scale, rpcs.long_scale, rpcs.height_scale),
    )
    lists = {
        "line_num_coeff": rpcs.line_num_coeff,
        "line_den_coeff": rpcs.line_den_coeff,
        "samp_num_coeff": rpcs.samp_num_coeff,
        "samp_den_coeff": rpcs.samp_den_coeff,
    }
    for name, numbers in lists.items():
        if len(numbers) != 20:  # noqa: PLR2004 - of a polynomial of third degree
            message = f"RPC: {name} has {len(numbers)} coefficients, expected 20"
            raise UsageError(message)
    found = [float(number) for number in (*singles, *chain.from_iterable(lists.values()))]
    if not all(map(math.isfinite, found[2:])):
        raise UsageError("RPC: an offset, a scale or a coefficient is not finite")
    return found


# --- nodata and numbers --------------------------------------------------------------------------


def nodata_field(nodata: float, dtype: np.dtype[np.generic]) -> Field:
    """Make the tag of nodata, of an image of that dtype (gdal.write.nodata).

    Raises:
        UsageError: samples of that dtype cannot have the value.
    """
    if isinstance(nodata, bool) or not isinstance(nodata, Real):
        message = f"nodata is a number, not {nodata!r}"
        raise UsageError(message)
    value = _in_dtype(nodata, dtype)
    text = None if value is None else number_text(value)
    if text is None or nodata_value(text, dtype) is None:
        message = f"nodata is {nodata!r}, which no sample of {dtype.name} can be"
        raise UsageError(message)
    return Field(Tag.GDALNoData, "ASCII", text)


def _in_dtype(nodata: float, dtype: np.dtype[np.generic]) -> int | float | None:
    """Return nodata as a sample of the dtype holds it; None if it cannot."""
    if dtype.kind in "iu":
        is_whole = isinstance(nodata, int | np.integer) or float(nodata).is_integer()
        return int(nodata) if is_whole else None
    with np.errstate(over="ignore"):
        value = float(np.array(float(nodata)).astype(np.empty(0, dtype).real.dtype))
    return None if math.isinf(value) and not math.isinf(nodata) else value


def number_text(number: float) -> str:
    """Return the shortest text that is read as that number; whole ones without a point."""
    if isinstance(number, int | np.integer):
        return str(int(number))
    return repr(float(number)).removesuffix(".0")
