"""Where the pixels of a file are and what they mean: looked up when first asked for, not before.

A tile costs nothing for a georeference that nobody looks at.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from affine import Affine

from tinycog.buffer import SparseBuffer, Steps
from tinycog.errors import Limits, UsageError
from tinycog.geo import Crs, Georeference, Metadata, level_transform, parse_geo
from tinycog.image import Image
from tinycog.parse import Header
from tinycog.raster import Window

Parsed = tuple[Georeference, Metadata]


class Facts:
    """Georeference and metadata of a file, of bytes that are held; pickles as what it found."""

    def __init__(self, buffer: SparseBuffer, header: Header, image: Image, limits: Limits) -> None:
        """Keep where they are; nothing is parsed. `image` is level 0."""
        self._place = (buffer, header, image, limits)
        _, height, width = image.shape
        self.size = (width, height)

    def parse(self) -> Steps[Parsed]:
        """Read them, in one step."""
        return parse_geo(*self._place)

    @cached_property
    def _parsed(self) -> Parsed:
        parser = self.parse()
        try:
            next(parser)
        except StopIteration as done:
            return done.value
        parser.close()
        message = "the georeference lies apart from the header: use `cog = await tinycog.open(...)`"
        raise UsageError(message)

    @property
    def geo(self) -> Georeference:
        """Where pixels are.

        Raises:
            UsageError: its bytes have not been read.
        """
        return self._parsed[0]

    @property
    def metadata(self) -> Metadata:
        """What samples mean.

        Raises:
            UsageError: its bytes have not been read.
        """
        return self._parsed[1]

    def transform(self, size: tuple[int, int]) -> Affine:
        """That of the level of that (width, height)."""
        return level_transform(self.geo.transform, self.size, size)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was found."""
        return (_found, (self._parsed, self.size))


def _found(parsed: Parsed, size: tuple[int, int]) -> Facts:
    facts = Facts.__new__(Facts)
    facts.size = size
    facts.__dict__["_parsed"] = parsed
    return facts


class LevelPlace:
    """Where an array of pixels of a level lies, which may have another shape than its window."""

    def __init__(
        self, facts: Facts, size: tuple[int, int], window: Window | tuple[float, ...]
    ) -> None:
        """Keep what tells it; `size` is the (width, height) of the level."""
        self._facts = facts
        self._size = size
        self._window = window

    def transform(self, shape: tuple[int, int]) -> Affine:
        """(col, row) of an array of (rows, cols) to (x, y)."""
        col, row, width, height = self._window
        rows, cols = shape
        return within(self._facts.transform(self._size), col, row, width / cols, height / rows)

    @property
    def crs(self) -> Crs | None:
        """That of the file."""
        return self._facts.geo.crs


class FixedPlace:
    """A place that is told."""

    def __init__(self, transform: Affine, crs: Any) -> None:  # noqa: ANN401 - whose ever CRS it is
        """Keep it."""
        self._transform = transform
        self.crs = crs

    def transform(self, shape: tuple[int, int]) -> Affine:
        """The same for any shape."""
        del shape
        return self._transform


def within(transform: Affine, col: float, row: float, across: float, down: float) -> Affine:
    """The transform of an array that begins at (col, row) and has pixels that much larger."""
    a, b, c, d, e, f = tuple(transform)[:6]
    left, top = a * col + b * row + c, d * col + e * row + f
    return Affine(a * across, b * down, left, d * across, e * down, top)
