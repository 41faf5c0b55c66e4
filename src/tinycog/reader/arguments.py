"""Resolve the arguments of a read to level, window and shape, all checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tinycog.argument_types import AreaOptions, CrsLike, ErrorHandling, ResamplingLike, WindowLike
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
    check_whole_window,
    check_window,
)
from tinycog.errors import UsageError
from tinycog.pixels.methods import RESAMPLING, method_for
from tinycog.reader.pixel_file import PixelFile
from tinycog.reader.window_buffers import LevelSource, WindowRequest
from tinycog.window import (
    Area,
    FloatWindow,
    best_level,
    cropped,
    scale,
)


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
        return any(value is not None for value in (self.bounds, self.shape, self.res))

    def checked(self) -> ReadArguments:
        """Return them as far as they can be checked without the file.

        Raises:
            UsageError: two of them contradict each other, or one is wrong.
        """
        if self.window is not None and self.bounds is not None:
            message = "window= and bounds= both say where: leave one out"
            raise UsageError(message)
        if self.shape is not None and self.res is not None:
            message = "shape= and res= both say how large: leave one out"
            raise UsageError(message)
        if self.crs is not None and self.bounds is None:
            message = "crs= is that of bounds=, which are missing"
            raise UsageError(message)
        return self._replace(level=check_level(self.level), resampling=self.method)

    @property
    def method(self) -> str:
        """The name of the resampling method.

        Raises:
            UsageError: there is no such method.
        """
        return check_method(self.resampling, RESAMPLING)


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
    arguments, masked = arguments.checked(), check_masked(masked)
    errors = check_errors(errors)
    if boundless and arguments.crop:
        message = "boundless=True and crop=True both say what becomes of the edge: leave one out"
        raise UsageError(message)
    if fill_value is not None and not boundless:
        message = "fill_value= is that of pixels outside of the image: pass boundless=True, too"
        raise UsageError(message)
    needs_levels = masked or arguments.needs_levels
    await file.read_all() if needs_levels else await file.read_header(0)
    photometric = (await file.image(0)).photometric
    arguments = arguments._replace(resampling=method_for(photometric, arguments.method))
    z, window = await _window(file, arguments, boundless=boundless)
    shape = _shape(file, arguments, z, window)
    if arguments.level is None and shape is not None:
        z, window = _best(file, window, shape, arguments.method)
    source = await file.level(z) if needs_levels else await file.level_so_far(z)
    if shape is None:
        shape = check_whole_window(window)
    chosen = check_bands(source.image.samples, bands, indexes)
    check_result_bytes(len(chosen) * shape[0] * shape[1] * source.image.dtype.itemsize)
    array = None if out is None else check_out(out, (len(chosen), *shape), source.image.dtype)
    area = Area(z, window, shape)
    fill = None if fill_value is None else check_fill_value(fill_value, source.image.dtype)
    request = WindowRequest(area, chosen, arguments.method, masked, boundless, errors, array, fill)
    return source, request


async def _window(
    file: PixelFile, arguments: ReadArguments, *, boundless: bool
) -> tuple[int, FloatWindow]:
    """Return the window in pixels of the level that is named, or of level 0.

    Raises:
        UsageError: there is none, or bounds reach over the edge; a window is checked when the level
            is read.
    """
    z = 0 if arguments.level is None else arguments.level
    size = (await file.image(z)).size
    if arguments.bounds is not None:
        window = _window_of_bounds(file, arguments, size, boundless=boundless)
    elif arguments.window is not None:
        window = check_window(arguments.window)
    else:
        window = FloatWindow(0.0, 0.0, float(size[0]), float(size[1]))
    return z, cropped(window, size) if arguments.crop else window


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
