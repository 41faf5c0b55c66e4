"""Bounds that a caller gives: which pixels they are, and what is wrong where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from tinycog.checks import numbers
from tinycog.errors import TinycogError, UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.windows import PixelGrid, window_of_bounds
from tinycog.window import FloatWindow, meets, reaches_out

if TYPE_CHECKING:
    from tinycog.argument_types import CrsLike

INSTEAD = "crop=True for the part inside, boundless=True, or smaller bounds"
"""What a read may be passed where bounds reach over the edge."""


class AskedBounds(NamedTuple):
    """Bounds that a caller gives.

    Attributes:
        bounds: (left, bottom, right, top), not checked yet.
        crs: their CRS; None if it is the file's.
        grid: of the level that is read.
        place: the CRS that the file lies in; None if it is not needed.
    """

    bounds: Sequence[float]
    crs: CrsLike | None
    grid: PixelGrid
    place: Crs | None

    def window(self, *, snapped: bool) -> FloatWindow:
        """Return the window that they cover; see `window_of_bounds`.

        Raises:
            UsageError: they are no bounds, or have no place in the file's CRS.
        """
        if self.crs is None:
            return window_of_bounds(self.bounds, self.grid, snapped=snapped)
        from tinycog.geo.outline import bounds_into  # noqa: PLC0415 - loads pyproj

        bounds = bounds_into(self.bounds, self.crs, self.place)
        return window_of_bounds(bounds, self.grid, snapped=snapped, is_hull=True)

    def check_inside(
        self, window: FloatWindow, *, crop: bool = False, instead: str = INSTEAD
    ) -> None:
        """Check that the window that they cover does not reach over the edge of the image.

        Args:
            window: what they cover.
            crop: whether it may, though not lie outside.
            instead: what the caller may pass.

        Raises:
            UsageError: it does; the message compares bounds, not windows.
        """
        size = self.grid.size
        is_outside = not meets(window, size)
        if not (is_outside or reaches_out(window, size)) or (crop and not is_outside):
            return
        given, own, unit = self._shown()
        if is_outside:
            how = "lie outside"
            hint = (
                "; are latitude and longitude swapped? bounds are (left, bottom, right, top)"
                if self._swapped_meets()
                else ""
            )
        else:
            how = "reach over the edge of"
            hint = f": pass {instead}"
        message = f"the bounds {given} {how} those of the file, {own}{unit}{hint}"
        raise UsageError(message)

    def _shown(self) -> tuple[str, str, str]:
        """Return the bounds, those of the file, and the CRS of both, for a message."""
        given, own = _text(numbers(self.bounds)), self.grid.extent
        if self.crs is None:
            return given, _text(own), ""
        from tinycog.geo.outline import bounds_into  # noqa: PLC0415 - loads pyproj

        try:
            there = bounds_into(own, self.place, self.crs)
        except TinycogError:
            there = (inf,)
        if all(map(isfinite, there)):
            return given, _text(there), f" in {self.crs!s}"
        return f"{given} in {self.crs!s}", _text(own), f" in {self.place}"

    def _swapped_meets(self) -> bool:
        """Whether there would be pixels if x and y were swapped."""
        left, bottom, right, top = numbers(self.bounds)
        swapped = self._replace(bounds=(bottom, left, top, right))
        try:
            return meets(swapped.window(snapped=False), self.grid.size)
        except TinycogError:
            return False


def _text(values: Iterable[Any]) -> str:
    return f"({', '.join(f'{value:.10g}' for value in values)})"
