"""Values at points: each tile that holds any is read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.area import size_of
from tinycog.areas import Source
from tinycog.errors import UsageError
from tinycog.geo import Crs
from tinycog.masks import alpha_band, nodata_mask, stored_mask
from tinycog.pieces import Piece, Tile, window_pieces
from tinycog.raster import Window
from tinycog.read import Reader

if TYPE_CHECKING:
    import pyproj

Transform = Callable[[Any, Any], tuple[Any, Any]]
"""(xs, ys) -> (xs, ys)."""

TILES_AT_ONCE = 32
"""Tiles whose pixels are held at the same time, at most."""

BYTES_AT_ONCE = 64 << 20
"""Bytes of pixels that are held at the same time, but for one tile that is larger."""

NUMBERS = "iuf"
"""Kinds of arrays that points may be."""


class Values(NamedTuple):
    """Values at points.

    Attributes:
        data: (points, bands), the file's own dtype.
        mask: (points,), True where a point lies inside and its pixel is valid.
        inside: (points,), True where a point lies inside.
    """

    data: NDArray[Any]
    mask: NDArray[np.bool_]
    inside: NDArray[np.bool_]


def pixels_of(source: Source, points: NDArray[np.float64]) -> NDArray[np.int64]:
    """(row, col) of the pixel of a level that each point (x, y) lies in; may lie outside."""
    a, b, c, d, e, f = tuple(source.facts.transform(size_of(source.image)))[:6]
    determinant = a * e - b * d
    if not determinant:
        message = f"the transform {(a, b, c, d, e, f)} has no inverse: points have no pixels"
        raise UsageError(message)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite ones are outside
        x, y = points[:, 0] - c, points[:, 1] - f
        cols, rows = (e * x - b * y) / determinant, (a * y - d * x) / determinant
    far = 2.0**62
    places = np.floor(np.nan_to_num(np.stack([rows, cols], 1), nan=-1.0, posinf=far, neginf=-far))
    return np.clip(places, -far, far).astype(np.int64)


async def read_points(
    reader: Reader, source: Source, z: int, pixels: NDArray[np.int64], bands: list[int]
) -> Values:
    """Read single pixels (row, col) of a level; those outside are not valid."""
    image = source.image
    width, height = size_of(image)
    tile = image.grid.tile_height * image.grid.tile_width * image.samples * image.dtype.itemsize
    reader.limits.check("tile_bytes", tile, "decoded bytes of a tile")
    rows, cols = pixels.T
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    data = np.full((len(pixels), len(bands)), image.fill_value).astype(image.dtype)
    mask = inside.copy()
    grid = image.grid
    places = np.flatnonzero(inside)
    ys, xs = (pixels[places] // (grid.tile_height, grid.tile_width)).T
    keys, members = np.unique(ys * grid.across + xs, return_inverse=True)
    # by their tiles: those of tile i are `order[ends[i] : ends[i + 1]]`
    order = places[np.argsort(members, kind="stable")]
    ends = np.concatenate([[0], np.cumsum(np.bincount(members, minlength=len(keys)))])
    length = grid.tile_width * grid.tile_height * len(bands) * image.dtype.itemsize
    step = min(max(BYTES_AT_ONCE // length, 1), TILES_AT_ONCE)
    for start in range(0, len(keys), step):
        tiles = [
            Tile(z, int(key) % grid.across, int(key) // grid.across)
            for key in keys[start : start + step]
        ]
        parts = [_Part.of(source, tile, bands) for tile in tiles]
        pieces = [piece for part in parts for piece in part.pieces]
        await reader.read(pieces, source.ghost)
        for i, part in enumerate(parts, start):
            here = order[ends[i] : ends[i + 1]]
            data[here], mask[here] = part.pick(source, pixels[here])
    return Values(data, mask, inside)


class _Part(NamedTuple):
    """One tile: its pixels, and what says which of them are valid."""

    window: Window
    room: NDArray[Any]
    extra: NDArray[Any] | None
    pieces: list[Piece]

    @classmethod
    def of(cls, source: Source, tile: Tile, bands: Sequence[int]) -> _Part:
        image = source.image
        rows, cols = image.grid.inside(tile.x, tile.y)
        window = Window(tile.x * image.grid.tile_width, tile.y * image.grid.tile_height, cols, rows)
        room = np.empty((len(bands), rows, cols), image.dtype)
        pieces = window_pieces(image, tile.z, window, bands, room)
        extra: NDArray[Any] | None = None
        alpha = alpha_band(image, source.facts.metadata.colorinterp)
        if source.mask is not None:
            extra = np.empty((1, rows, cols), source.mask.dtype)
            pieces += window_pieces(source.mask, tile.z, window, [0], extra)
        elif image.nodata is None and alpha is not None:
            extra = np.empty((1, rows, cols), image.dtype)
            pieces += window_pieces(image, tile.z, window, [alpha], extra)
        return cls(window, room, extra, pieces)

    def pick(
        self, source: Source, pixels: NDArray[np.int64]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        rows, cols = (pixels - (self.window.row_off, self.window.col_off)).T
        values = self.room[:, rows, cols]
        if self.extra is not None:
            return values.T, stored_mask(self.extra)[rows, cols]
        if source.image.nodata is not None:
            return values.T, nodata_mask(values[:, None], source.image.nodata)[0]
        return values.T, np.ones(len(pixels), np.bool_)


def checked_points(points: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    """Points as asked for, (points, 2).

    Raises:
        UsageError: they are no pairs of numbers.
    """
    message = "points are pairs (x, y) of numbers"
    try:
        given: NDArray[Any] = np.asarray(points if hasattr(points, "__array__") else list(points))
        if given.dtype.kind == "O":  # numbers of other classes, Decimal say
            given = np.array([float(number) for number in given.flat]).reshape(given.shape)
    except (TypeError, ValueError, OverflowError) as exc:
        raise UsageError(message) from exc
    if given.size == 0:
        return np.empty((0, 2))
    if given.dtype.kind not in NUMBERS or given.ndim != 2 or given.shape[1] != 2:  # noqa: PLR2004
        message = f"{message}, not an array of {given.dtype} of shape {given.shape}"
        raise UsageError(message)
    return given.astype(np.float64)


def into_crs(points: NDArray[np.float64], crs: Any, to: Crs | None) -> NDArray[np.float64]:  # noqa: ANN401
    """Points of any CRS in that of the file.

    Raises:
        UsageError: one of them is unknown, or pyproj is not installed.
    """
    transform = transformer(crs, to)
    x, y = transform(points[:, 0], points[:, 1])
    return np.stack([np.asarray(x), np.asarray(y)], 1)


def transformer(crs: Any, to: Crs | None) -> Transform:  # noqa: ANN401 - whatever pyproj understands
    """A function (xs, ys) -> (xs, ys) from any CRS to that of the file, by pyproj.

    Raises:
        UsageError: one of them is unknown, none leads to the other, or pyproj is not installed.
    """
    if to is None:
        message = "the file does not say where it lies in a CRS: leave out crs="
        raise UsageError(message)
    target = to.to_pyproj()
    from pyproj.exceptions import ProjError  # noqa: PLC0415 - an extra

    try:
        source = _known(crs)
        return _transform(source, target)
    except ProjError as exc:
        message = (
            f"the CRS {crs!r} is unknown, or does not lead to {to}:"
            " give a code ('EPSG:4326'), WKT, or a pyproj.CRS"
        )
        raise UsageError(message) from exc


def _known(crs: Any) -> pyproj.CRS:  # noqa: ANN401 - see `transformer`
    import pyproj  # noqa: PLC0415 - an extra

    if isinstance(crs, Crs):
        return crs.to_pyproj()
    return pyproj.CRS.from_user_input(crs)  # pyright: ignore[reportUnknownMemberType]


@lru_cache(maxsize=32)
def _transform(source: pyproj.CRS, target: pyproj.CRS) -> Transform:
    """Made once for all tiles of a map; it may be used by several threads."""
    import pyproj  # noqa: PLC0415 - an extra

    return pyproj.Transformer.from_crs(source, target, always_xy=True).transform
