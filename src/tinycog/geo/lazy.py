"""Where the pixels of a file are and what they mean: looked up when first asked for, not before.

A tile costs nothing for a georeference that nobody looks at.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from tinycog.errors import FormatError, LimitError, UsageError
from tinycog.geo.colour import make_colormap
from tinycog.geo.crs import Crs
from tinycog.geo.georeference import Georeference
from tinycog.geo.metadata import Metadata
from tinycog.geo.parse import parse_geo
from tinycog.geo.transform import level_transform
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Entry, FileHeader, parse_values
from tinycog.tiff.spec import Photometric, Tag
from tinycog.tiff.steps import Steps, run_cached
from tinycog.window import Window

Parsed = tuple[Georeference, Metadata]

_Held = tuple[SparseBuffer, FileHeader, Image, Limits]

NO_CRS = "the file does not say where it lies in a CRS"

NOT_READ = "the georeference lies apart from the header: use `cog = await tinycog.open(...)`"


class LazyGeoreference:
    """Georeference and metadata of a file, of bytes that are held; pickles as what it found."""

    def __init__(
        self, buffer: SparseBuffer, header: FileHeader, image: Image, limits: Limits
    ) -> None:
        """Keep where they are; nothing is parsed. `image` is level 0."""
        self._place: _Held | None = (buffer, header, image, limits)
        _, height, width = image.shape
        self.size = (width, height)
        self._colormaps: dict[Entry, NDArray[np.uint16]] = {}

    def parse(self) -> Steps[Parsed]:
        """Read them, in one step.

        Raises:
            UsageError: it came out of a pickle that did not know them.
        """
        if self._place is None:
            raise UsageError(NOT_READ)
        return parse_geo(*self._place)

    @cached_property
    def _parsed(self) -> Parsed:
        parser = self.parse()
        try:
            next(parser)
        except StopIteration as done:
            return done.value
        parser.close()
        raise UsageError(NOT_READ)

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

    def colormap(self, image: Image) -> NDArray[np.uint16] | None:
        """Return the ColorMap of a palette image as (entries, 3), if it has been read; else None.

        `image` is any level of the file. The array is read-only: rasters share it.
        """
        entry = image.ifd.entries.get(Tag.ColorMap)
        if image.photometric != Photometric.PALETTE or entry is None:
            return None
        if entry not in self._colormaps and self._place is not None:
            found = _cached_colormap(*self._place, entry)
            if found is not None:
                found.flags.writeable = False
                self._colormaps[entry] = found
        return self._colormaps.get(entry)

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


def _cached_colormap(
    buffer: SparseBuffer, header: FileHeader, _: Image, limits: Limits, entry: Entry
) -> NDArray[np.uint16] | None:
    """Return a ColorMap whose bytes have been read; None for others, and for unusable ones."""
    try:
        values = run_cached(parse_values(buffer, header, [entry], limits))
    except (FormatError, LimitError):  # pixels can be read without it
        return None
    return None if values is None else make_colormap(entry, values[0])


def _found(parsed: Parsed | None, size: tuple[int, int]) -> LazyGeoreference:
    facts = LazyGeoreference.__new__(LazyGeoreference)
    facts.size = size
    facts.__dict__["_place"] = None
    facts.__dict__["_colormaps"] = {}
    if parsed is not None:
        facts.__dict__["_parsed"] = parsed
    return facts


class LevelPlacement:
    """Where an array of pixels of a level lies, which may have another shape than its window."""

    def __init__(
        self, facts: LazyGeoreference, size: tuple[int, int], window: Window | tuple[float, ...]
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


class FixedPlacement:
    """A place that is told."""

    def __init__(self, transform: Affine, crs: Crs | None) -> None:
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
