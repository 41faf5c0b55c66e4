"""What the arguments of a read mean: level, window and shape, all checked."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinycog.area import (
    Area,
    FloatWindow,
    best_level,
    checked_bounds,
    checked_float_window,
    checked_shape,
    scaled,
    shape_for,
    size_of,
    window_of_bounds,
)
from tinycog.areas import Source, Wanted
from tinycog.errors import LimitError, UsageError
from tinycog.image import Image
from tinycog.opening import Opening
from tinycog.pieces import Tile, checked_bands, checked_room
from tinycog.points import transformer
from tinycog.resample import METHODS

EDGE_POINTS = 101
"""Points along each edge of bounds that are transformed: straight lines become curves."""

MOST_BYTES = 1 << 47
"""What a process can address, on most computers."""


class Asked(NamedTuple):
    """Arguments of `Cog.read` that say what is read, as they were given."""

    window: Sequence[float] | None = None
    bounds: Sequence[float] | None = None
    crs: Any = None
    level: int | None = None
    shape: Sequence[int] | None = None
    res: Any = None
    resampling: str = "nearest"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Asked:
        """Of keyword arguments; those that change nothing of what is fetched are passed over.

        Raises:
            UsageError: `read` has no such argument.
        """
        known = {key: value for key, value in options.items() if key in cls._fields}
        others = set(options) - set(known) - {"out", "max_bytes", "rgb", "padded"}
        if others:
            message = f"read has no argument {', '.join(sorted(others))}"
            raise UsageError(message)
        return cls(**known)


async def resolve(
    opening: Opening,
    asked: Asked,
    bands: Iterable[int] | int | None,
    *,
    boundless: bool,
    masked: bool | None,
    out: object,
) -> tuple[Source, Wanted]:
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
    chosen = bands_of(source.image, bands)
    _check_size(len(chosen) * shape[0] * shape[1] * source.image.dtype.itemsize)
    room = None if out is None else checked_room(out, (len(chosen), *shape), source.image.dtype)
    area = Area(z, window, shape)
    return source, Wanted(area, chosen, asked.resampling, masked, boundless, room)


def _checked(asked: Asked) -> Asked:
    """Arguments that go together, each as far as it can be checked without the file."""
    if asked.window is not None and asked.bounds is not None:
        message = "window= and bounds= both say where: leave one out"
        raise UsageError(message)
    if asked.shape is not None and asked.res is not None:
        message = "shape= and res= both say how large: leave one out"
        raise UsageError(message)
    if not isinstance(asked.resampling, str) or asked.resampling not in METHODS:  # pyright: ignore[reportUnnecessaryIsInstance]
        message = f"resampling is one of {', '.join(METHODS)}, not {asked.resampling!r}"
        raise UsageError(message)
    if asked.crs is not None and asked.bounds is None:
        message = "crs= is that of bounds=, which are missing"
        raise UsageError(message)
    return asked._replace(level=_checked_level(asked.level))


def _checked_level(level: Any) -> int | None:  # noqa: ANN401 - anything a caller may pass
    try:
        return None if level is None else operator.index(level)
    except TypeError as exc:
        message = f"level is a whole number, 0 = full resolution, not {level!r}"
        raise UsageError(message) from exc


def _check_size(length: int) -> None:
    """Refuse what no computer can hold, before numpy does so in words of its own."""
    if length > MOST_BYTES:
        message = f"the result would have {length} bytes, more than any memory: ask for less"
        raise LimitError(message, limit="result_bytes", asked=length, allowed=MOST_BYTES)


def _needs_levels(asked: Asked) -> bool:
    """Whether more than one level, or where they lie, is needed."""
    return any(place is not None for place in (asked.bounds, asked.shape, asked.res))


async def _window(opening: Opening, asked: Asked) -> tuple[int, FloatWindow]:
    """The window in pixels of the level that is named, or of level 0."""
    z = 0 if asked.level is None else asked.level
    size = size_of(await opening.image(z))
    if asked.bounds is not None:
        bounds = _in_file_crs(opening, asked)
        snapped = asked.shape is None and asked.res is None
        return z, window_of_bounds(bounds, opening.facts.transform(size), snapped=snapped)
    if asked.window is not None:
        return z, checked_float_window(asked.window)
    return z, (0.0, 0.0, float(size[0]), float(size[1]))


def _in_file_crs(opening: Opening, asked: Asked) -> Any:  # noqa: ANN401 - not checked yet
    """Bounds in coordinates of the file: those that hold all of what was asked for."""
    if asked.crs is None:
        return asked.bounds
    left, bottom, right, top = checked_bounds(asked.bounds)
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


def _shape(opening: Opening, asked: Asked, z: int, window: FloatWindow) -> tuple[int, int] | None:
    if asked.shape is not None:
        return checked_shape(asked.shape)
    if asked.res is not None:
        size = size_of(opening.known().pyramid.levels[z])
        return shape_for(window, opening.facts.transform(size), asked.res)
    return None


def _best(
    opening: Opening, window: FloatWindow, shape: tuple[int, int], method: str
) -> tuple[int, FloatWindow]:
    """The level that suits a shape, and the window of level 0 in its pixels."""
    sizes = [size_of(image) for image in opening.known().pyramid.levels]
    rows, cols = shape
    # whole pixels, as GDAL counts them to pick a level
    width, height = max(int(window[2]), 1), max(int(window[3]), 1)
    z = best_level(sizes, (width / cols, height / rows), method, one_row=rows == 1)
    return z, scaled(window, sizes[0], sizes[z])


def _whole(window: FloatWindow) -> tuple[FloatWindow, tuple[int, int]]:
    """A window of whole pixels, and its shape.

    Raises:
        UsageError: it is none.
    """
    if not all(float(v).is_integer() for v in window):
        message = f"the window {window} has parts of pixels: say the shape of the result, too"
        raise UsageError(message)
    col, row, width, height = window
    if width < 1 or height < 1:
        message = f"the window {window} holds no pixel"
        raise UsageError(message)
    return (col, row, width, height), (int(height), int(width))


def bands_of(image: Image, bands: Iterable[int] | int | None) -> list[int]:
    """Bands as asked for, or one; see `checked_bands`."""
    if isinstance(bands, str | bytes):
        message = f"bands are whole numbers, counted from 0, not {bands!r}"
        raise UsageError(message)
    return checked_bands(image, int(bands) if isinstance(bands, np.integer) else bands)


def tile_of(place: Iterable[Any]) -> Tile:
    """The tile that a caller names as (z, x, y).

    Raises:
        UsageError: these are not three integers.
    """
    try:
        z, x, y = place
    except (TypeError, ValueError) as exc:
        message = f"a tile is three integers (z, x, y), not {place!r}"
        raise UsageError(message) from exc
    return Tile(integer(z, "z"), integer(x, "x"), integer(y, "y"))


def integer(value: Any, name: str) -> int:  # noqa: ANN401 - anything a caller may pass
    """An argument that must be one.

    Raises:
        UsageError: it is not.
    """
    try:
        return operator.index(value)
    except TypeError as exc:
        message = f"{name} must be an integer, not {value!r}"
        raise UsageError(message) from exc
