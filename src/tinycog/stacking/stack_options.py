"""What a caller wants of a stack, checked as far as it can be without its files. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

from tinycog.affine_math import Coefficients, coefficients, invert
from tinycog.argument_types import CrsLike, GeometryLike, MosaicMethod, WarpResamplingLike
from tinycog.checks import check_method, check_res, check_shape, check_size
from tinycog.errors import UsageError
from tinycog.geo.asked_geometry import crs_of
from tinycog.geo.crs import Crs
from tinycog.geo.given_crs import given_crs
from tinycog.geo.polygons import polygons_of
from tinycog.mosaicking.overlaps import METHODS
from tinycog.pixels.methods import WARPING


class GridLike(Protocol):
    """What has a grid: a `Raster`, an open `Cog`, a `GeoBox` of odc-geo, a dataset of rasterio."""

    @property
    def transform(self) -> Iterable[float]:
        """Transform from (col, row) to (x, y)."""
        ...

    @property
    def crs(self) -> CrsLike | None:
        """CRS of the coordinates, None if unknown."""
        ...

    @property
    def shape(self) -> Sequence[int]:
        """(..., rows, cols)."""
        ...


BandSelection = str | int | Iterable[str | int] | None
"""Bands of a stack: names, or positions counted from 0, or one of them; None for all."""

BandResampling = WarpResamplingLike | Mapping[str | int, WarpResamplingLike]
"""A resampling method, or one for each band by its name or position."""


class AskedGrid(NamedTuple):
    """The grid that a caller wants; None for what is not given.

    Attributes:
        crs: of its coordinates.
        res: pixel size (x, y).
        bounds: (left, bottom, right, top), not checked yet.
        bounds_crs: of `bounds` and `geometry`, if not that of the grid.
        transform: from (col, row) to (x, y), with `shape`.
        shape: (rows, cols).
        geometry: that pixels must lie in; it says the bounds where nothing else does.
        all_touched: whether pixels that it only touches lie in it.
        pad_to: what rows and columns are multiples of.
    """

    crs: Crs | None = None
    res: tuple[float, float] | None = None
    bounds: Sequence[float] | None = None
    bounds_crs: CrsLike | None = None
    transform: Coefficients | None = None
    shape: tuple[int, int] | None = None
    geometry: GeometryLike | None = None
    all_touched: bool = False
    pad_to: int | None = None

    def limited_to(
        self, geometry: GeometryLike | None, pad_to: int | None, *, all_touched: bool
    ) -> AskedGrid:
        """Return it with the area in it that is asked for.

        Raises:
            UsageError: an argument is wrong.
        """
        if geometry is None and all_touched:
            raise UsageError("all_touched= is of geometry=, which is missing")
        if pad_to is not None:
            check_size(pad_to, "pad_to")
        if geometry is None:
            return self._replace(pad_to=pad_to)
        polygons_of(geometry)  # that it is an area
        crs = crs_of(geometry, self.bounds_crs)
        if self.bounds is not None and crs is not self.bounds_crs:
            message = (
                "geometry= has a CRS of its own: pass bounds= in it and bounds_crs=, or leave one"
                " out"
            )
            raise UsageError(message)
        return self._replace(
            geometry=geometry, bounds_crs=crs, all_touched=all_touched, pad_to=pad_to
        )


class StackOptions(NamedTuple):
    """Arguments of `Collection.stack`, checked.

    Attributes:
        grid: as given.
        bands: names and positions, None for all.
        method: what becomes of pixels that several files of a step have.
        resampling: a method for all bands, or by band.
    """

    grid: AskedGrid = AskedGrid()
    bands: tuple[str | int, ...] | None = None
    method: MosaicMethod = "first"
    resampling: str | Mapping[str | int, str] = "nearest"


def asked_grid(
    crs: CrsLike | None,
    res: float | Sequence[float] | None,
    bounds: Sequence[float] | None,
    bounds_crs: CrsLike | None,
    transform: Iterable[float] | None,
    shape: Sequence[int] | None,
    like: GridLike | None,
    geometry: GeometryLike | None = None,
) -> AskedGrid:
    """Check what says the grid.

    Raises:
        UsageError: arguments exclude each other, or one is wrong.
    """
    if like is not None:
        if any(one is not None for one in (crs, res, bounds, transform, shape)):
            message = "like= is a whole grid: leave out bounds=, crs=, res=, transform=, shape="
            raise UsageError(message)
        found = _grid_of(like)
        return found if geometry is None else found._replace(bounds_crs=bounds_crs)
    if transform is not None and (shape is None or res is not None or bounds is not None):
        message = "transform= comes with shape=, and without bounds= and res="
        raise UsageError(message)
    has_place = bounds is not None or geometry is not None
    if transform is None and shape is not None and (not has_place or res is not None):
        message = "shape= comes with transform=, or with bounds= or geometry= and without res="
        raise UsageError(message)
    if bounds_crs is not None and bounds is None and geometry is None:
        raise UsageError("bounds_crs= is that of bounds= or geometry=: give one of these, too")
    return AskedGrid(
        None if crs is None else given_crs(crs),
        None if res is None else check_res(res),
        bounds,
        bounds_crs,
        None if transform is None else _transform(transform),
        None if shape is None else check_shape(shape),
    )


def _grid_of(like: GridLike) -> AskedGrid:
    try:
        transform, crs, shape = like.transform, like.crs, like.shape
    except AttributeError as exc:
        message = f"like= is something with transform, crs and shape, not {like!r}"
        raise UsageError(message) from exc
    found = None if crs is None else given_crs(crs)
    return AskedGrid(found, transform=_transform(transform), shape=check_shape(shape[-2:]))


def _transform(transform: Iterable[float]) -> Coefficients:
    try:
        found = coefficients(transform)
    except (TypeError, ValueError) as exc:
        message = f"transform is an Affine or its six numbers, not {transform!r}"
        raise UsageError(message) from exc
    invert(found)
    return found


def check_selection(bands: BandSelection) -> tuple[str | int, ...] | None:
    """Return names and positions of bands, None for all.

    Raises:
        UsageError: they are none, or come twice.
    """
    if bands is None:
        return None
    given: Any = [bands] if isinstance(bands, str | int) else bands
    try:
        found = tuple(cast("Iterable[Any]", given))
    except TypeError:
        found = ()
    is_known = all(isinstance(one, str) or hasattr(one, "__index__") for one in found)
    found = tuple(one if isinstance(one, str) else one.__index__() for one in found if is_known)
    if not found:
        message = f"bands= are names, or positions counted from 0, not {bands!r}"
        raise UsageError(message)
    if len(set(found)) < len(found):
        message = f"bands= has a band twice: {', '.join(map(str, found))}"
        raise UsageError(message)
    return found


def check_stack_method(method: MosaicMethod) -> MosaicMethod:
    """Return what becomes of pixels that several files of a step have.

    Raises:
        UsageError: there is no such method.
    """
    if method not in METHODS:
        message = f"method={method!r} is unknown: expected one of {', '.join(METHODS)}"
        raise UsageError(message)
    return method


def check_resampling(resampling: BandResampling) -> str | Mapping[str | int, str]:
    """Return a method for all bands, or by band.

    Raises:
        UsageError: there is no such method.
    """
    if isinstance(resampling, Mapping):
        given = cast("Mapping[str | int, object]", resampling)
        return {band: check_method(method, WARPING) for band, method in given.items()}
    return check_method(resampling, WARPING)
