"""What the arguments of a read mean: level, window and shape, all checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinycog.checks import (
    check_bands,
    check_bounds,
    check_level,
    check_method,
    check_out,
    check_shape,
    check_window,
)
from tinycog.errors import LimitError, UsageError
from tinycog.geo.transformer import transformer
from tinycog.geo.windows import shape_for, window_of_bounds
from tinycog.options import AreaOptions, CrsLike, WindowLike
from tinycog.pixels.resample.axis import METHODS
from tinycog.reader.open_file import OpenFile
from tinycog.reader.read_window import LevelSource, WindowRequest
from tinycog.window import (
    Area,
    FloatWindow,
    best_level,
    scale,
)

EDGE_POINTS = 101
"""Points along each edge of bounds that are transformed: straight lines become curves."""

MOST_BYTES = 1 << 47
"""What a process can address, on most computers."""


class ReadArguments(NamedTuple):
    """Arguments of `Cog.read` that say what is read, as they were given."""

    window: WindowLike | None = None
    bounds: Sequence[float] | None = None
    crs: CrsLike | None = None
    level: int | None = None
    shape: Sequence[int] | None = None
    res: float | Sequence[float] | None = None
    resampling: str = "nearest"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ReadArguments:
        """Of keyword arguments; those that change nothing of what is fetched are passed over.

        Raises:
            UsageError: `read` has no such argument.
        """
        known = {key: value for key, value in options.items() if key in cls._fields}
        others = set(options) - set(known) - set(AreaOptions.__annotations__)
        if others:
            message = f"read has no argument {', '.join(sorted(others))}"
            raise UsageError(message)
        return cls(**known)


async def resolve(
    opening: OpenFile,
    asked: ReadArguments,
    bands: Iterable[int] | int | None,
    *,
    boundless: bool,
    masked: bool | None,
    out: object,
) -> tuple[LevelSource, WindowRequest]:
    """The level to read, and what of it.

    `masked` None stands for: if a mask image of the level is known.

    Raises:
        UsageError: an argument is wrong.
        TileIndexError: there is no such level.
    """
    asked = _checked(asked)
    needs_levels = masked or _needs_levels(asked)
    await opening.all() if needs_levels else await opening.ensure(0)
    z, window = await _window(opening, asked)
    shape = _shape(opening, asked, z, window)
    if asked.level is None and (shape is not None):
        z, window = _best(opening, window, shape, asked.resampling)
    source = await opening.level(z) if needs_levels else await opening.level_so_far(z)
    masked = source.mask is not None if masked is None else masked
    if shape is None:
        window, shape = _whole(window)
    chosen = check_bands(source.image.samples, bands)
    _check_size(len(chosen) * shape[0] * shape[1] * source.image.dtype.itemsize)
    room = None if out is None else check_out(out, (len(chosen), *shape), source.image.dtype)
    area = Area(z, window, shape)
    return source, WindowRequest(area, chosen, asked.resampling, masked, boundless, room)


def _checked(asked: ReadArguments) -> ReadArguments:
    """Arguments that go together, each as far as it can be checked without the file."""
    if asked.window is not None and asked.bounds is not None:
        message = "window= and bounds= both say where: leave one out"
        raise UsageError(message)
    if asked.shape is not None and asked.res is not None:
        message = "shape= and res= both say how large: leave one out"
        raise UsageError(message)
    check_method(asked.resampling, METHODS)
    if asked.crs is not None and asked.bounds is None:
        message = "crs= is that of bounds=, which are missing"
        raise UsageError(message)
    return asked._replace(level=check_level(asked.level))


def _check_size(length: int) -> None:
    """Refuse what no computer can hold, before numpy does so in words of its own."""
    if length > MOST_BYTES:
        message = f"the result would have {length} bytes, more than any memory: ask for less"
        raise LimitError(message, limit="result_bytes", asked=length, allowed=MOST_BYTES)


def _needs_levels(asked: ReadArguments) -> bool:
    """Whether more than one level, or where they lie, is needed."""
    return any(place is not None for place in (asked.bounds, asked.shape, asked.res))


async def _window(opening: OpenFile, asked: ReadArguments) -> tuple[int, FloatWindow]:
    """The window in pixels of the level that is named, or of level 0."""
    z = 0 if asked.level is None else asked.level
    size = (await opening.image(z)).size
    if asked.bounds is not None:
        bounds = _in_file_crs(opening, asked)
        snapped = asked.shape is None and asked.res is None
        return z, window_of_bounds(bounds, opening.facts.transform(size), snapped=snapped)
    if asked.window is not None:
        return z, check_window(asked.window)
    return z, FloatWindow(0.0, 0.0, float(size[0]), float(size[1]))


def _in_file_crs(opening: OpenFile, asked: ReadArguments) -> Any:  # noqa: ANN401 - not checked yet
    """Bounds in coordinates of the file: those that hold all of what was asked for."""
    if asked.crs is None:
        return asked.bounds
    left, bottom, right, top = check_bounds(asked.bounds)
    xs, ys = np.linspace(left, right, EDGE_POINTS), np.linspace(bottom, top, EDGE_POINTS)
    x = np.concatenate([xs, xs, np.full_like(ys, left), np.full_like(ys, right)])
    y = np.concatenate([np.full_like(xs, bottom), np.full_like(xs, top), ys, ys])
    x, y = (np.asarray(v) for v in transformer(asked.crs, opening.facts.geo.crs)(x, y))
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        message = f"the bounds {(left, bottom, right, top)} have no place in the file's CRS"
        raise UsageError(message)
    x, y = x[finite], y[finite]
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _shape(
    opening: OpenFile, asked: ReadArguments, z: int, window: FloatWindow
) -> tuple[int, int] | None:
    if asked.shape is not None:
        return check_shape(asked.shape)
    if asked.res is not None:
        size = opening.known().pyramid.levels[z].size
        return shape_for(window, opening.facts.transform(size), asked.res)
    return None


def _best(
    opening: OpenFile, window: FloatWindow, shape: tuple[int, int], method: str
) -> tuple[int, FloatWindow]:
    """The level that suits a shape, and the window of level 0 in its pixels."""
    sizes = [image.size for image in opening.known().pyramid.levels]
    rows, cols = shape
    # whole pixels, as GDAL counts them to pick a level
    width, height = max(int(window[2]), 1), max(int(window[3]), 1)
    z = best_level(sizes, (width / cols, height / rows), method, one_row=rows == 1)
    return z, scale(window, sizes[0], sizes[z])


def _whole(window: FloatWindow) -> tuple[FloatWindow, tuple[int, int]]:
    """A window of whole pixels, and its shape.

    Raises:
        UsageError: it is none.
    """
    if not all(float(v).is_integer() for v in window):
        message = f"the window {window} has parts of pixels: say the shape of the result, too"
        raise UsageError(message)
    if window.width < 1 or window.height < 1:
        message = f"the window {window} holds no pixel"
        raise UsageError(message)
    return window, (int(window.height), int(window.width))
