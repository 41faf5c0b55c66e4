"""Pixels to coordinates: transforms, bounds, control points, sensor models (geotiff.model.*).

Names are rasterio's: `Affine(a, b, c, d, e, f)` takes (col, row) to (x, y), and (0, 0) is the outer
corner of the first pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from tinycog.affine_math import coefficients
from tinycog.errors import Finding
from tinycog.geo.tag_values import TagValues
from tinycog.tiff.spec import Tag

if TYPE_CHECKING:  # loads attrs
    from affine import Affine

TIEPOINT_LENGTH, MATRIX_LENGTH = 6, 16
"""How many numbers a tiepoint and ModelTransformation have."""


class BoundingBox(NamedTuple):
    """A rectangle in coordinates, by rasterio's names."""

    left: float
    bottom: float
    right: float
    top: float


class GroundControlPoint(NamedTuple):
    """A point of the image, from its outer corner, whose coordinates are known."""

    row: float
    col: float
    x: float
    y: float
    z: float
    id: str


class Model(NamedTuple):
    """A transform, or control points, or neither.

    `heights` is the factor and offset that turn samples into model heights, where scale and
    tiepoint have a third dimension.
    """

    transform: Affine | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    heights: tuple[float, float] | None = None


def make_model(values: TagValues, findings: list[Finding], *, is_point: bool) -> Model:
    """Make a model from the tags, in GDAL's order of precedence (geotiff.model.order)."""
    scale = _usable(values, Tag.ModelPixelScale, findings, (0, 1))
    tiepoints = values.doubles(Tag.ModelTiepoint)
    matrix = _usable(values, Tag.ModelTransformation, findings, (0, 1, 3, 4, 5, 7))
    _check(values, findings, scale, tiepoints, matrix)
    transform = heights = None
    if len(scale) > 1 and scale[0] and scale[1]:
        first = _usable(values, Tag.ModelTiepoint, findings, (0, 1, 3, 4))
        if len(first) >= TIEPOINT_LENGTH:
            transform = _scaled(values, scale, first, findings)
            heights = _heights(scale, first)
        elif Tag.ModelTiepoint not in values.ifd.entries:
            text = "ModelPixelScale comes without a tiepoint: there is no transform"
            findings.append(values.finding("geotiff.model.tags", text, Tag.ModelPixelScale))
    elif len(matrix) == MATRIX_LENGTH:
        transform = make_affine(matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7])
    if transform is None:
        points = _control_points(values, findings, shift=0.5 if is_point else 0.0)
        return Model(gcps=points)
    return Model(to_corner(transform) if is_point else transform, heights=heights)


def _check(
    values: TagValues,
    findings: list[Finding],
    scale: tuple[float, ...],
    tiepoints: tuple[float, ...],
    matrix: tuple[float, ...],
) -> None:
    """Add findings for tags that are malformed (geotiff.model.tags)."""
    wrong = {
        Tag.ModelPixelScale: bool(scale) and (len(scale) < 2 or not (scale[0] and scale[1])),  # noqa: PLR2004 - x, y
        Tag.ModelTiepoint: len(tiepoints) % TIEPOINT_LENGTH != 0,
        Tag.ModelTransformation: bool(matrix) and len(matrix) != MATRIX_LENGTH,
    }
    for tag in (tag for tag, is_wrong in wrong.items() if is_wrong):
        text = f"{tag.name} holds {len(values.doubles(tag))} numbers that make no sense"
        findings.append(values.finding("geotiff.model.tags", text, tag))


def _usable(
    values: TagValues, tag: Tag, findings: list[Finding], used: Iterable[int]
) -> tuple[float, ...]:
    """Return the numbers of a tag; none if one of those used is not finite (geotiff.model.tags)."""
    found = values.doubles(tag)
    if all(math.isfinite(found[i]) for i in used if i < len(found)):
        return found
    text = f"{tag.name} holds a number that is not finite; the tag is ignored"
    findings.append(values.finding("geotiff.model.tags", text, tag))
    return ()


def _scaled(
    values: TagValues,
    scale: tuple[float, ...],
    tiepoints: tuple[float, ...],
    findings: list[Finding],
) -> Affine:
    """Combine the scale and first tiepoint (geotiff.model.scale, geotiff.model.south-up)."""
    col, row, _, x, y = tiepoints[:5]
    a, e = scale[0], -abs(scale[1])
    if scale[1] < 0:
        text = f"ModelPixelScale has the y scale {scale[1]}; north is up nevertheless, as in GDAL"
        findings.append(values.finding("geotiff.model.south-up", text, Tag.ModelPixelScale))
    return make_affine(a, 0.0, x - col * a, 0.0, e, y - row * e)


def _heights(scale: tuple[float, ...], tiepoints: tuple[float, ...]) -> tuple[float, float] | None:
    """Return factor and offset of heights; None if there are none (gdal.metadata.heights)."""
    factor = scale[2] if len(scale) > 2 else 0.0  # noqa: PLR2004 - x, y, z
    heights = factor, tiepoints[5] - tiepoints[2] * factor
    return heights if factor and all(map(math.isfinite, heights)) else None


def _control_points(
    values: TagValues, findings: list[Finding], shift: float
) -> tuple[GroundControlPoint, ...]:
    """Make a control point of each tiepoint, if they define no transform (geotiff.model.gcps)."""
    numbers = values.doubles(Tag.ModelTiepoint)
    count = len(numbers) // TIEPOINT_LENGTH
    rows = [numbers[i * TIEPOINT_LENGTH : (i + 1) * TIEPOINT_LENGTH] for i in range(count)]
    points = tuple(
        GroundControlPoint(row + shift, col + shift, x, y, z, str(i + 1))
        for i, (col, row, _, x, y, z) in enumerate(rows)
        if all(map(math.isfinite, (col, row, x, y)))
    )
    if len(points) < count:
        text = f"{count - len(points)} tiepoints hold a number that is not finite; they are ignored"
        findings.append(values.finding("geotiff.model.gcps", text, Tag.ModelTiepoint))
    return points


def make_affine(a: float, b: float, c: float, d: float, e: float, f: float) -> Affine:
    """Return an `Affine`; the package is loaded here, not by `import tinycog`."""
    from affine import Affine  # noqa: PLC0415 - loads attrs, 0.1 s in a cold process

    return Affine(a, b, c, d, e, f)


def identity() -> Affine:
    """Return the transform of an image that has none: (col, row) itself."""
    return make_affine(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def to_corner(transform: Affine) -> Affine:
    """Convert a transform from pixel centres to pixel corners (geotiff.model.point)."""
    a, b, c, d, e, f = coefficients(transform)
    return make_affine(a, b, c - (a * 0.5 + b * 0.5), d, e, f - (d * 0.5 + e * 0.5))


def level_transform(transform: Affine, full: tuple[int, int], size: tuple[int, int]) -> Affine:
    """Return the transform of a level of `size`, from that of level 0 (geotiff.model.level).

    Sizes are (width, height). Width and height have their own ratios, since sizes are rounded.
    """
    across, down = full[0] / size[0], full[1] / size[1]
    a, b, c, d, e, f = coefficients(transform)
    return make_affine(a * across, b * down, c, d * across, e * down, f)


def bounds_of(transform: Iterable[float], width: int, height: int) -> BoundingBox:
    """Return the bounds of an image as rasterio does: unrotated, (left, bottom) is (0, height)."""
    a, b, c, d, e, f = coefficients(transform)
    if b == d == 0:
        return BoundingBox(c, f + e * height, c + a * width, f)
    xs = [c, c + b * height, c + a * width + b * height, c + a * width]
    ys = [f, f + e * height, f + d * width + e * height, f + d * width]
    return BoundingBox(min(xs), min(ys), max(xs), max(ys))


def res_of(transform: Affine) -> tuple[float, float]:
    """Return width and height of a pixel in coordinates, as rasterio does."""
    a, b, _, d, e, _ = coefficients(transform)
    return (math.hypot(a, d), math.hypot(b, e))


class RPC(NamedTuple):
    """Rational polynomial coefficients of a sensor, by rasterio's names (geotiff.rpc).

    Offsets and scales of lines and samples are in pixels of the full image.
    """

    height_off: float
    height_scale: float
    lat_off: float
    lat_scale: float
    line_den_coeff: tuple[float, ...]
    line_num_coeff: tuple[float, ...]
    line_off: float
    line_scale: float
    long_off: float
    long_scale: float
    samp_den_coeff: tuple[float, ...]
    samp_num_coeff: tuple[float, ...]
    samp_off: float
    samp_scale: float
    err_bias: float
    err_rand: float


RPC_COUNT = 92


def make_rpcs(values: TagValues, findings: list[Finding]) -> RPC | None:
    """Make coefficients from RPCCoefficient; None if there are none (geotiff.rpc)."""
    found = _usable(values, Tag.RPCCoefficient, findings, range(2, RPC_COUNT))
    if not found:
        return None
    if len(found) != RPC_COUNT:
        text = f"RPCCoefficient holds {len(found)} numbers, expected {RPC_COUNT}; it is ignored"
        findings.append(values.finding("geotiff.rpc", text, Tag.RPCCoefficient))
        return None
    return RPC(
        err_bias=found[0],
        err_rand=found[1],
        line_off=found[2],
        samp_off=found[3],
        lat_off=found[4],
        long_off=found[5],
        height_off=found[6],
        line_scale=found[7],
        samp_scale=found[8],
        lat_scale=found[9],
        long_scale=found[10],
        height_scale=found[11],
        line_num_coeff=found[12:32],
        line_den_coeff=found[32:52],
        samp_num_coeff=found[52:72],
        samp_den_coeff=found[72:92],
    )
