"""Resolve the arguments of a read to level, window and shape, all checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinycog.argument_types import (
    AreaOptions,
    CrsLike,
    ErrorHandling,
    GeometryLike,
    ResamplingLike,
    WindowLike,
)
from tinycog.checks import (
    check_bands,
    check_errors,
    check_fill_value,
    check_level,
    check_masked,
    check_method,
    check_out,
    check_result_bytes,
    check_shape,
    check_size,
    check_whole_window,
    check_window,
)
from tinycog.errors import UsageError
from tinycog.pixels.mask import Mask
from tinycog.pixels.methods import RESAMPLING, method_for
from tinycog.reader.level_source import LevelSource
from tinycog.reader.pixel_file import PixelFile
from tinycog.reader.window_buffers import WindowRequest, check_reach
from tinycog.thread_pool import run_in_pool
from tinycog.window import (
    Area,
    FloatWindow,
    Window,
    best_level,
    cropped,
    scale,
)

if TYPE_CHECKING:
    from tinycog.geo.asked_geometry import AskedGeometry


class ReadArguments(NamedTuple):
    """Arguments of `Cog.read` that say which pixels are read, as given."""

    window: WindowLike | None = None
    bounds: Sequence[float] | None = None
    crs: CrsLike | None = None
    level: int | None = None
    shape: Sequence[int] | None = None
    res: float | Sequence[float] | None = None
    resampling: ResamplingLike | str = "nearest"
    crop: bool = False
    geometry: GeometryLike | None = None
    all_touched: bool = False
    pad_to: int | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ReadArguments:
        """Take them from keyword arguments; those that do not change what is fetched are ignored.

        Raises:
            UsageError: `read` has no such argument.
        """
        known = {key: value for key, value in options.items() if key in cls._fields}
        others = set(options) - set(known) - set(AreaOptions.__annotations__)
        if others:
            message = f"read has no argument {', '.join(sorted(others))}"
            raise UsageError(message)
        return cls(**known)

    @property
    def needs_levels(self) -> bool:
        """Whether more than one level, or the georeference, is needed to resolve them."""
        return any(value is not None for value in (*self._places[1:], self.shape, self.res))

    @property
    def _places(self) -> tuple[object, ...]:
        """What says where."""
        return self.window, self.bounds, self.geometry

    def checked(self) -> ReadArguments:
        """Return them as far as they can be checked without the file.

        Raises:
            UsageError: two of them contradict each other, or one is wrong.
        """
        names = ("window=", "bounds=", "geometry=")
        given = [name for name, v in zip(names, self._places, strict=True) if v is not None]
        if len(given) > 1:
            message = f"{' and '.join(given[:2])} both say where: leave one out"
            raise UsageError(message)
        if self.shape is not None and self.res is not None:
            message = "shape= and res= both say how large: leave one out"
            raise UsageError(message)
        if self.crs is not None and self.bounds is None and self.geometry is None:
            message = "crs= is that of bounds= or geometry=, which are missing"
            raise UsageError(message)
        if self.all_touched and self.geometry is None:
            message = "all_touched= is of geometry=, which is missing"
            raise UsageError(message)
        if self.pad_to is not None:
            check_size(self.pad_to, "pad_to")
        return self._replace(level=check_level(self.level), resampling=self.method)

    @property
    def method(self) -> str:
        """The name of the resampling method.

        Raises:
            UsageError: there is no such method.
        """
        return check_method(self.resampling, RESAMPLING)


class AskedPixels(NamedTuple):
    """Which pixels of a result are asked for, where not all are.

    Attributes:
        geometry: what they lie in; None for all of the window.
        window: in pixels of the grid of the geometry.
        shape: (rows, cols) of the window.
        padded: (rows, cols) of the result, with rows and columns that are not asked for.
        all_touched: as for `read`.
    """

    geometry: AskedGeometry | None
    window: FloatWindow
    shape: tuple[int, int]
    padded: tuple[int, int]
    all_touched: bool

    @property
    def whole(self) -> Window:
        """All pixels of the result."""
        return Window(0, 0, self.padded[1], self.padded[0])

    def mask(self, part: Window) -> Mask:
        """Return which pixels of a part of the result are asked for, (rows, cols)."""
        found = np.zeros((part.height, part.width), np.bool_)
        rows = max(min(self.shape[0] - part.row_off, part.height), 0)
        cols = max(min(self.shape[1] - part.col_off, part.width), 0)
        if self.geometry is None or not rows or not cols:
            found[:rows, :cols] = True
            return found
        from tinycog.pixels.rasterize import rasterize  # noqa: PLC0415 - geometries only

        col, row, width, height = self.window
        scales = self.shape[1] / width, self.shape[0] / height
        first = part.col_off, part.row_off
        polygons = [
            [(ring - (col, row)) * scales - first for ring in rings]
            for rings in self.geometry.pixels
        ]
        found[:rows, :cols] = rasterize(polygons, (rows, cols), all_touched=self.all_touched)
        return found


async def resolve(
    file: PixelFile,
    arguments: ReadArguments,
    bands: Iterable[int] | int | None,
    indexes: Iterable[int] | int | None = None,
    *,
    boundless: bool,
    masked: bool | None,
    out: object,
    errors: ErrorHandling = "raise",
    fill_value: object = None,
) -> tuple[LevelSource, WindowRequest]:
    """Return the level to read, and what to read of it.

    Raises:
        UsageError: an argument is wrong.
        TileIndexError: there is no such level.
    """
    source, request, asked = await resolve_part(
        file,
        arguments,
        bands,
        indexes,
        boundless=boundless,
        masked=masked,
        out=out,
        errors=errors,
        fill_value=fill_value,
    )
    if asked is not None:
        rows, cols = asked.padded
        file.limits.check("result_bytes", rows * cols, "bytes of the mask of the result")
        request = request._replace(asked=await run_in_pool(asked.mask, asked.whole))
    return source, request


async def resolve_part(
    file: PixelFile,
    arguments: ReadArguments,
    bands: Iterable[int] | int | None,
    indexes: Iterable[int] | int | None,
    *,
    boundless: bool,
    masked: bool | None,
    out: object,
    errors: ErrorHandling,
    fill_value: object = None,
) -> tuple[LevelSource, WindowRequest, AskedPixels | None]:
    """Return the level to read, what to read of it, and which pixels of that; None for all.

    Raises:
        UsageError, TileIndexError: as for `resolve`.
    """
    arguments, masked = arguments.checked(), check_masked(masked)
    errors = check_errors(errors)
    if boundless and arguments.crop:
        message = "boundless=True and crop=True both say what becomes of the edge: leave one out"
        raise UsageError(message)
    cuts = arguments.geometry is not None or arguments.pad_to is not None
    if fill_value is not None and not boundless and not cuts:
        message = (
            "fill_value= is that of pixels outside of the image: pass boundless=True, too"
            " (or geometry=, pad_to=)"
        )
        raise UsageError(message)
    needs_levels = masked or arguments.needs_levels
    await file.read_all() if needs_levels else await file.read_header(0)
    photometric = (await file.image(0)).photometric
    arguments = arguments._replace(resampling=method_for(photometric, arguments.method))
    z, window, geometry = await _window(file, arguments, boundless=boundless)
    asked_window, shape = window, _shape(file, arguments, z, window)
    if arguments.level is None and shape is not None:
        z, window = _best(file, window, shape, arguments.method)
    source = await file.level(z) if needs_levels else await file.level_so_far(z)
    if shape is None:
        shape = check_whole_window(window, instead="the shape of the result, too")
    asked_shape, is_padded = shape, False
    if arguments.pad_to is not None:
        if not boundless:
            check_reach(window, source.image.size)
        window, shape = _padded(window, shape, arguments.pad_to)
        is_padded = shape != asked_shape
    chosen = check_bands(source.image.samples, bands, indexes)
    check_result_bytes(len(chosen) * shape[0] * shape[1] * source.image.dtype.itemsize)
    array = None if out is None else check_out(out, (len(chosen), *shape), source.image.dtype)
    area = Area(z, window, shape)
    asked = None
    if geometry is not None or is_padded:
        asked = AskedPixels(geometry, asked_window, asked_shape, shape, arguments.all_touched)
    fill = None if fill_value is None else check_fill_value(fill_value, source.image.dtype)
    boundless = boundless or is_padded
    request = WindowRequest(area, chosen, arguments.method, masked, boundless, errors, array, fill)
    return source, request, asked


async def _window(
    file: PixelFile, arguments: ReadArguments, *, boundless: bool
) -> tuple[int, FloatWindow, AskedGeometry | None]:
    """Return the window in pixels of the level that is named, or of level 0, and what is cut there.

    Raises:
        UsageError: there is none, or bounds reach over the edge; a window is checked when the level
            is read.
    """
    z = 0 if arguments.level is None else arguments.level
    size = (await file.image(z)).size
    geometry = None
    if arguments.geometry is not None:
        window, geometry = await _window_of_geometry(file, arguments, size, boundless=boundless)
    elif arguments.bounds is not None:
        window = _window_of_bounds(file, arguments, size, boundless=boundless)
    elif arguments.window is not None:
        window = check_window(arguments.window)
    else:
        window = FloatWindow(0.0, 0.0, float(size[0]), float(size[1]))
    return z, cropped(window, size) if arguments.crop else window, geometry


def _window_of_bounds(
    file: PixelFile, arguments: ReadArguments, size: tuple[int, int], *, boundless: bool
) -> FloatWindow:
    """Return the window that the bounds cover of a level of `size`."""
    from tinycog.geo.bounds import AskedBounds  # noqa: PLC0415 - bounds only

    bounds, crs = arguments.bounds, arguments.crs
    assert bounds is not None  # noqa: S101 - the caller's
    grid = file.georeference.grid(size)
    asked = AskedBounds(bounds, crs, grid, None if crs is None else file.georeference.place())
    window = asked.window(snapped=arguments.shape is None and arguments.res is None)
    if not boundless:
        asked.check_inside(window, crop=arguments.crop)
    return window


async def _window_of_geometry(
    file: PixelFile, arguments: ReadArguments, size: tuple[int, int], *, boundless: bool
) -> tuple[FloatWindow, AskedGeometry]:
    """Return the window that a geometry covers of a level of `size`, and the geometry there."""
    from tinycog.geo.asked_geometry import AskedGeometry, crs_of  # noqa: PLC0415 - geometries only

    assert arguments.geometry is not None  # noqa: S101 - the caller's
    grid = file.georeference.grid(size)
    crs = crs_of(arguments.geometry, arguments.crs)
    place = None if crs is None else file.georeference.place()
    geometry = AskedGeometry(arguments.geometry, crs, grid, place)
    snapped = arguments.shape is None and arguments.res is None
    window = await run_in_pool(geometry.window, snapped=snapped)
    if not boundless:
        geometry.check_inside(window, crop=arguments.crop)
    return window, geometry


def _padded(
    window: FloatWindow, shape: tuple[int, int], step: int
) -> tuple[FloatWindow, tuple[int, int]]:
    """Return a window and its shape, with rows below and columns at the right to multiples."""
    (col, row, width, height), (rows, cols) = window, shape
    new_rows, new_cols = -(-rows // step) * step, -(-cols // step) * step
    window = FloatWindow(col, row, width * (new_cols / cols), height * (new_rows / rows))
    if (height, width) == shape:  # exactly
        window = FloatWindow(col, row, float(new_cols), float(new_rows))
    return window, (new_rows, new_cols)


def _shape(
    file: PixelFile, arguments: ReadArguments, z: int, window: FloatWindow
) -> tuple[int, int] | None:
    """Return (rows, cols) of the result, None where the arguments do not say."""
    if arguments.shape is not None:
        return check_shape(arguments.shape)
    if arguments.res is not None:
        from tinycog.geo.windows import shape_for  # noqa: PLC0415 - sizes in coordinates only

        grid = file.georeference.grid(file.level_size(z))
        return shape_for(window, grid.transform, arguments.res)
    return None


def _best(
    file: PixelFile, window: FloatWindow, shape: tuple[int, int], method: str
) -> tuple[int, FloatWindow]:
    """Return the level that suits a shape, and the window of level 0 in its pixels."""
    sizes = file.level_sizes
    rows, cols = shape
    # whole pixels, as GDAL counts them to pick a level
    width, height = max(int(window[2]), 1), max(int(window[3]), 1)
    z = best_level(sizes, (width / cols, height / rows), method, one_row=rows == 1)
    return z, scale(window, sizes[0], sizes[z])
