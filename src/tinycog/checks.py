"""Check arguments as given: values, sequences and arrays in; numbers, windows, bands out.

Every public call checks its arguments here. No I/O; each function raises `UsageError` (or, for a
result that is too large, `LimitError`) with what was expected and what was given.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from tinycog.errors import LimitError, UsageError
from tinycog.window import FloatWindow, Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tinycog.argument_types import ErrorHandling, ValidationDepth

Pinning = Literal["strict", "size", "off"]
"""What is compared to know that all responses are of one and the same object: generation and size,
its size alone, or nothing."""

ADDRESSABLE_BYTES = 1 << 47
"""Bytes that a process can address on most computers."""

MAX_TILE_SIZE = 4096
"""Width and height of the largest web tile, in pixels."""

POINT_KINDS = "iuf"
"""Kinds of numpy dtypes that hold coordinates."""


def numbers(values: Any) -> tuple[float, ...]:  # noqa: ANN401 - anything a caller may pass
    """Convert to finite floats.

    Raises:
        TypeError, ValueError: a value is text, not a number, NaN or infinite.
    """
    if isinstance(values, str | bytes):
        raise TypeError(values)
    given = list(cast("Iterable[Any]", values))
    if any(isinstance(value, str | bytes) for value in given):
        raise TypeError(values)
    try:
        found = tuple(float(value) for value in given)
    except OverflowError as exc:
        raise ValueError(values) from exc
    if not all(map(isfinite, found)):
        raise ValueError(values)
    return found


def check_integer(value: Any, name: str) -> int:  # noqa: ANN401 - anything a caller may pass
    """Return a whole number; `name` is the argument's, for the message.

    Raises:
        UsageError: it is not an integer.
    """
    try:
        return operator.index(value)
    except TypeError as exc:
        message = f"{name} must be an integer, not {value!r}"
        raise UsageError(message) from exc


def check_size(value: Any, name: str) -> int:  # noqa: ANN401 - anything a caller may pass
    """Return a number of pixels, at least 1.

    Raises:
        UsageError: it is not an integer, or less than 1.
    """
    size = check_integer(value, name)
    if size < 1:
        message = f"{name} must be at least 1, not {size}"
        raise UsageError(message)
    return size


def check_level(level: Any) -> int | None:  # noqa: ANN401 - anything a caller may pass
    """Return a level, 0 = full resolution, or None where none is given.

    Raises:
        UsageError: it is not an integer.
    """
    return None if level is None else check_integer(level, "level")


def check_masked(masked: Any) -> bool | None:  # noqa: ANN401 - anything a caller may pass
    """Return whether a mask is wanted: True, False, or None for what comes along.

    Raises:
        UsageError: it is none of them.
    """
    if masked is None or isinstance(masked, bool):
        return masked
    message = f"masked is True, False or None, not {masked!r}"
    raise UsageError(message)


def check_errors(errors: Any) -> ErrorHandling:  # noqa: ANN401 - anything a caller may pass
    """Return what is done where a stored tile is broken.

    Raises:
        UsageError: it is neither "raise" nor "fill".
    """
    if errors in ("raise", "fill"):
        return errors
    message = f'errors is "raise" or "fill", not {errors!r}'
    raise UsageError(message)


def check_depth(depth: Any) -> ValidationDepth:  # noqa: ANN401 - anything a caller may pass
    """Return how much of a file is validated.

    Raises:
        UsageError: it is neither "header" nor "tiles" nor "full".
    """
    if depth in ("header", "tiles", "full"):
        return depth
    message = f'depth is "header", "tiles" or "full", not {depth!r}'
    raise UsageError(message)


def check_pinning(pinning: Any) -> Pinning:  # noqa: ANN401 - anything a caller may pass
    """Return what is compared of the responses to one handle.

    Raises:
        UsageError: it is neither "strict" nor "size" nor "off".
    """
    if isinstance(pinning, str) and pinning in ("strict", "size", "off"):
        return pinning
    message = f'pinning is "strict", "size" or "off", not {pinning!r}'
    raise UsageError(message)


def check_tile(place: Iterable[Any]) -> Tile:
    """Return the tile that a caller names as (z, x, y).

    Raises:
        UsageError: these are not three integers.
    """
    try:
        z, x, y = place
    except (TypeError, ValueError) as exc:
        message = f"a tile is three integers (z, x, y), not {place!r}"
        raise UsageError(message) from exc
    return Tile(check_integer(z, "z"), check_integer(x, "x"), check_integer(y, "y"))


def check_page(page: Any) -> tuple[int, ...]:  # noqa: ANN401 - anything a caller may pass
    """Return the path of the page that a caller names: a number, or numbers of SubIFDs behind it.

    Raises:
        UsageError: these are no integers of 0 or more.
    """
    try:
        several = isinstance(page, Iterable)
        numbers = [*cast("Iterable[Any]", page)] if several else [page]
        path = tuple(map(operator.index, numbers))
    except TypeError:
        path = ()
    if not path or min(path) < 0:
        message = f"a page is a number from 0, or (page, SubIFD), not {page!r}"
        raise UsageError(message)
    return path


def check_method(method: object, allowed: Sequence[str]) -> str:
    """Return the name of a resampling method, given as such or as a member of rasterio's enum.

    Raises:
        UsageError: it is not one of `allowed`.
    """
    method = getattr(method, "name", method)
    if not isinstance(method, str) or method not in allowed:
        message = f"resampling must be one of {', '.join(allowed)}, not {method!r}"
        raise UsageError(message)
    return method


def check_bounds(
    bounds: Any,  # noqa: ANN401 - anything a caller may pass
    *,
    leftwards: bool = False,
    upwards: bool = False,
    around: bool = False,
) -> tuple[float, float, float, float]:
    """Return bounds as (left, bottom, right, top), finite and in order.

    `leftwards` also accepts left > right, `upwards` bottom > top, for grids that go that way.
    `around` leaves left > right as it is, for longitudes: they go over the antimeridian.

    Raises:
        UsageError: they are not four numbers, or upside-down.
    """
    try:
        left, bottom, right, top = numbers(bounds)
    except (TypeError, ValueError) as exc:
        message = f"bounds are (left, bottom, right, top), four numbers, not {bounds!r}"
        raise UsageError(message) from exc
    if leftwards and left > right:
        left, right = right, left
    if upwards and bottom > top:
        bottom, top = top, bottom
    in_order = left < right or (around and left > right)
    if not in_order or bottom >= top:
        message = (
            f"bounds are (left, bottom, right, top) with left < right and bottom < top,"
            f" not {(left, bottom, right, top)}"
        )
        raise UsageError(message)
    return left, bottom, right, top


def check_window(window: Any) -> FloatWindow:  # noqa: ANN401 - anything a caller may pass
    """Return a window of four numbers in pixels; rasterio's windows are accepted too.

    Raises:
        UsageError: it is not four numbers, or empty.
    """
    given = window
    try:
        if hasattr(window, "col_off"):
            given = (window.col_off, window.row_off, window.width, window.height)
        col, row, width, height = numbers(given)
    except (AttributeError, TypeError, ValueError) as exc:
        message = f"a window is (col_off, row_off, width, height) in pixels, not {window!r}"
        raise UsageError(message) from exc
    if width <= 0 or height <= 0:
        message = f"a window has a width and a height of more than 0 pixels, not {window!r}"
        raise UsageError(message)
    return FloatWindow(col, row, width, height)


def check_shape(shape: Any) -> tuple[int, int]:  # noqa: ANN401 - anything a caller may pass
    """Return the shape of a result, (rows, cols).

    Raises:
        UsageError: it is not two whole numbers of at least 1.
    """
    try:
        rows, cols = numbers(shape)
    except (TypeError, ValueError) as exc:
        message = f"shape is (rows, cols), two whole numbers, not {shape!r}"
        raise UsageError(message) from exc
    if not rows.is_integer() or not cols.is_integer() or rows < 1 or cols < 1:
        message = f"shape is (rows, cols), whole numbers of at least 1, not {shape!r}"
        raise UsageError(message)
    return int(rows), int(cols)


def check_tile_size(size: Any) -> int:  # noqa: ANN401 - anything a caller may pass
    """Return the width and height of a web tile in pixels.

    Raises:
        UsageError: it is not a whole number from 1 to `MAX_TILE_SIZE`.
    """
    try:
        found = operator.index(size)
    except TypeError:
        found = 0
    if not 1 <= found <= MAX_TILE_SIZE:
        message = f"tilesize is 1 to {MAX_TILE_SIZE} pixels, not {size!r}"
        raise UsageError(message)
    return found


def check_whole_window(window: FloatWindow, *, instead: str = "whole numbers") -> tuple[int, int]:
    """Return the shape (rows, cols) of a window of whole pixels.

    Args:
        window: to be checked.
        instead: what the caller may pass where it has parts of pixels.

    Raises:
        UsageError: it begins or ends inside a pixel, or is empty.
    """
    if not all(float(v).is_integer() for v in window):
        message = f"the window {tuple(window)} has parts of pixels: pass {instead}"
        raise UsageError(message)
    if window.width < 1 or window.height < 1:
        message = f"the window {window} holds no pixel"
        raise UsageError(message)
    return int(window.height), int(window.width)


def check_res(res: Any) -> tuple[float, float]:  # noqa: ANN401 - anything a caller may pass
    """Return a pixel size as (x, y), both more than 0.

    Raises:
        UsageError: it is none.
    """
    try:
        across, down = numbers([res, res] if isinstance(res, Real) else res)
    except (TypeError, ValueError) as exc:
        message = f"res is a pixel size, or one for x and one for y, not {res!r}"
        raise UsageError(message) from exc
    if across <= 0 or down <= 0:
        message = f"res must be more than 0, not {res!r}"
        raise UsageError(message)
    return across, down


def check_result_bytes(length: int) -> None:
    """Refuse a result that no computer can hold, before numpy does so in words of its own.

    Raises:
        LimitError: it is longer than `ADDRESSABLE_BYTES`.
    """
    if length > ADDRESSABLE_BYTES:
        message = f"the result would have {length} bytes, more than any memory: ask for less"
        raise LimitError(message, limit="result_bytes", asked=length, allowed=ADDRESSABLE_BYTES)


def check_bands(count: int, bands: Any, indexes: Any = None) -> list[int]:  # noqa: ANN401 - anything a caller may pass
    """Return bands, counted from 0, of an image that has `count`.

    Args:
        count: number of bands of the image.
        bands: counted from 0; None stands for all.
        indexes: the same counted from 1, as in rasterio.

    Raises:
        UsageError: they are not integers, there is no such band, or both are given.
    """
    if indexes is None:
        return list(range(count)) if bands is None else _band_numbers(bands, "bands", 0, count)
    if bands is not None:
        message = "bands= counts from 0 and indexes= from 1, as rasterio: leave one out"
        raise UsageError(message)
    return [index - 1 for index in _band_numbers(indexes, "indexes", 1, count)]


def _band_numbers(given: Any, name: str, first: int, count: int) -> list[int]:  # noqa: ANN401 - likewise
    """Return numbers of bands that are counted from `first`."""
    try:
        several: Any = [given] if isinstance(given, int | np.integer) else given
        found = [operator.index(number) for number in several]
    except TypeError as exc:
        message = f"{name} are whole numbers, counted from {first}, not {given!r}"
        raise UsageError(message) from exc
    if not found or not all(first <= number < first + count for number in found):
        message = f"{name} are counted from {first} to {first + count - 1}, not {found}"
        raise UsageError(message)
    return found


def check_fill_value(value: Any, dtype: np.dtype[Any]) -> float:  # noqa: ANN401 - anything a caller may pass
    """Return the value of pixels outside of an image.

    Raises:
        UsageError: it is no number, or samples of that dtype cannot equal it.
    """
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(value).astype(dtype)
        fits = found.ndim == 0 and (found == value or (value != value and found != found))  # noqa: PLR0124 - NaN
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits or isinstance(value, str | bytes):
        message = f"fill_value must be a number that {dtype} can hold, not {value!r}"
        raise UsageError(message)
    return value


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the caller's array for the result.

    Raises:
        UsageError: it is not a writable numpy array of that shape and dtype.
    """
    if not isinstance(out, np.ndarray):
        message = f"out must be a numpy array, not a {type(out).__name__}"
        raise UsageError(message)
    found = cast("NDArray[Any]", out)
    if found.shape != shape or found.dtype != dtype or not found.flags.writeable:
        what = f"{found.dtype} of {found.shape}"
        message = f"out must be a writable {dtype} array of shape {shape}, not {what}"
        raise UsageError(message)
    return found


def check_points(points: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    """Return points as an array (points, 2) of float64.

    Raises:
        UsageError: they are not pairs of numbers.
    """
    message = "points are pairs (x, y) of numbers"
    try:
        given: NDArray[Any] = np.asarray(points if hasattr(points, "__array__") else list(points))
        if given.dtype.kind == "O":  # numbers of other classes: Decimal, for one
            given = np.array([float(number) for number in given.flat]).reshape(given.shape)
    except (TypeError, ValueError, OverflowError) as exc:
        raise UsageError(message) from exc
    if given.size == 0:
        return np.empty((0, 2))
    if given.dtype.kind not in POINT_KINDS or given.ndim != 2 or given.shape[1] != 2:  # noqa: PLR2004
        message = f"{message}, not an array of {given.dtype} of shape {given.shape}"
        raise UsageError(message)
    return given.astype(np.float64)
