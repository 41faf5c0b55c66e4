"""Where the pixels of a file are and what they mean: looked up when first asked for, not before.

A tile costs nothing for a georeference that nobody looks at.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from tinycog.buffer import SparseBuffer, Steps
from tinycog.errors import Limits, UsageError
from tinycog.geo import Crs, Georeference, Metadata, level_transform, parse_geo
from tinycog.image import Image
from tinycog.parse import Header
from tinycog.raster import Window

Parsed = tuple[Georeference, Metadata]
_Place = tuple[SparseBuffer, Header, Image, Limits]

NOWHERE = "the file does not say where it lies in a CRS"
APART = "the georeference lies apart from the header: use `cog = await tinycog.open(...)`"


class Facts:
    """Georeference and metadata of a file, of bytes that are held; pickles as what it found."""

    def __init__(self, buffer: SparseBuffer, header: Header, image: Image, limits: Limits) -> None:
        """Keep where they are; nothing is parsed. `image` is level 0."""
        self._place: _Place | None = (buffer, header, image, limits)
        _, height, width = image.shape
        self.size = (width, height)

    def parse(self) -> Steps[Parsed]:
        """Read them, in one step.

        Raises:
            UsageError: it came out of a pickle that did not know them.
        """
        if self._place is None:
            raise UsageError(APART)
        return parse_geo(*self._place)

    @cached_property
    def _parsed(self) -> Parsed:
        parser = self.parse()
        try:
            next(parser)
        except StopIteration as done:
            return done.value
        parser.close()
        raise UsageError(APART)

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

    @property
    def crs(self) -> Crs | None:
        """The CRS that `transform` leads to; None where there is none, or no transform.

        The CRS of control points is not that of the identity, which then is the transform.
        """
        return self.geo.crs if self.geo.has_transform else None

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was found, or that it is not known."""
        try:
            parsed = self._parsed
        except UsageError:
            parsed = None
        return (_found, (parsed, self.size))


def _found(parsed: Parsed | None, size: tuple[int, int]) -> Facts:
    facts = Facts.__new__(Facts)
    facts.size = size
    facts.__dict__["_place"] = None
    if parsed is not None:
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
        """That of the file, not that of its control points."""
        geo = self._facts.geo
        return None if geo.gcps else geo.crs


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


COLOURS: tuple[str, ...] = (
    *("undefined", "gray", "palette", "red", "green", "blue", "alpha"),
    *("hue", "saturation", "lightness", "cyan", "magenta", "yellow", "black"),
    *("Y", "Cb", "Cr"),
)
"""GDAL's colour interpretations, in the order of their numbers."""


class ColorInterp(str):
    """What a band is as a colour: a word, which equals rasterio's enum (GDAL's number), too."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The word, as members of an enum have it."""
        return str(self)

    def __eq__(self, other: object) -> bool:
        """By word, number, or member of an enum of numbers."""
        number: object = getattr(other, "value", other)
        if isinstance(number, int):
            return str(self) in COLOURS and COLOURS.index(str(self)) == number
        return str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        """By word, or by number."""
        return not self == other

    __hash__ = str.__hash__


class Colormap(NamedTuple):
    """The colours of a palette.

    Attributes:
        colours: (entries, 3) of uint16: red, green, blue, as stored.
        nodata: the entry that is clear, if any.
    """

    colours: NDArray[np.uint16]
    nodata: int | float | None

    def as_rasterio(self) -> dict[int, tuple[int, int, int, int]]:
        """RGBA of 8 bits by entry, as rasterio's `colormap(1)`.

        Of writers that stored 8 bits, or shifted them up, they are taken as meant, as by GDAL.
        """
        full = self.colours
        if full.max(initial=0) < EIGHT_BITS:
            unit = 1
        else:
            unit = EIGHT_BITS if not (full % EIGHT_BITS).any() else EIGHT_BITS + 1
        return {
            i: (*(int(v) for v in colour), 0 if i == self.nodata else 255)
            for i, colour in enumerate(full // unit)
        }  # type: ignore[return-value]


EIGHT_BITS = 256
