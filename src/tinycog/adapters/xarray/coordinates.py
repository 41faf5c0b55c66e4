"""Coordinates of a level: centres of pixels, numbers of bands, colours of a palette."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from xarray import Variable
from xarray.backends import BackendArray
from xarray.core import indexing

from tinycog.adapters.xarray.file_facts import FileFacts

if TYPE_CHECKING:
    from affine import Affine

TOLERANCE = 1e-3
"""Pixels that x and y may be off at the far edge, where a transform is not quite straight."""


def pixel_centres(facts: FileFacts) -> dict[str, Variable]:
    """Return `x` and `y`, or `xc` and `yc` of two dimensions where the image is rotated or sheared.

    None where control points or a sensor model say where pixels lie.
    """
    if facts.cog.gcps or (facts.cog.rpcs is not None and facts.cog.transform.is_identity):
        return {}
    return centres_of(facts.level.transform, facts.extent)


def centres_of(transform: Affine, extent: tuple[int, int]) -> dict[str, Variable]:
    """Return the coordinates of the centres of (rows, cols) of pixels; see `pixel_centres`."""
    rows, cols = extent
    to_x = Row(transform.a, transform.b, transform.c)
    to_y = Row(transform.d, transform.e, transform.f)
    if is_straight(transform, rows, cols):
        return {
            "x": Variable("x", to_x.at(np.zeros(1), np.arange(cols))[0]),
            "y": Variable("y", to_y.at(np.arange(rows), np.zeros(1))[:, 0]),
        }
    return {
        name: Variable(("y", "x"), indexing.LazilyIndexedArray(PixelCentres(row, extent)))
        for name, row in {"xc": to_x, "yc": to_y}.items()
    }


def is_straight(transform: Affine, rows: int, cols: int) -> bool:
    """Return whether x depends on the column alone, and y on the row."""
    by_row, by_col = abs(transform.b) * rows, abs(transform.d) * cols
    return by_row <= TOLERANCE * abs(transform.a) and by_col <= TOLERANCE * abs(transform.e)


@dataclass(frozen=True)
class Row:
    """What a transform makes x or y of, by column and by row, and its origin."""

    by_col: float
    by_row: float
    origin: float

    def at(self, rows: NDArray[Any], cols: NDArray[Any]) -> NDArray[Any]:
        """Return it at the centres of pixels, (rows, cols), with the rounding of rioxarray."""
        centre = self.by_col * 0.5 + self.by_row * 0.5 + self.origin
        return cols * self.by_col + rows[:, np.newaxis] * self.by_row + centre


@dataclass(repr=False, eq=False)
class PixelCentres(BackendArray):
    """x or y of the centres of pixels, (rows, cols), worked out when indexed."""

    row: Row
    shape: tuple[int, int]
    dtype: np.dtype[Any] = field(default=np.dtype(np.float64), init=False)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Return the centres that a key selects."""
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._at
        )

    async def async_getitem(self, key: indexing.ExplicitIndexer) -> NDArray[Any]:
        """Return the centres that a key selects; nothing is waited for."""
        return self[key]

    def _at(self, key: tuple[Any, Any]) -> NDArray[Any]:
        rows, cols = (np.arange(size)[each] for size, each in zip(self.shape, key, strict=True))
        found = self.row.at(np.atleast_1d(rows), np.atleast_1d(cols))
        dropped = tuple(axis for axis, each in enumerate((rows, cols)) if each.ndim == 0)
        return found.squeeze(dropped)


def band_numbers(facts: FileFacts) -> Variable:
    """Return the numbers of the bands, from 1 as in rasterio and rioxarray."""
    return Variable("band", np.arange(1, facts.count + 1))


def palette(facts: FileFacts) -> Variable | None:
    """Return the colours of a palette: (color, rgba) of uint8; None without one."""
    found = facts.cog.colormap
    if found is None:
        return None
    return Variable(("color", "rgba"), np.array(list(found.as_rasterio().values()), np.uint8))
