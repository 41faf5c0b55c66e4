"""The georeference and metadata of a file, parsed when first used; and where a raster lies.

Reading a tile costs nothing for them unless its `transform` or `crs` is used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import FormatError, LimitError, UsageError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Entry, FileHeader, parse_values
from tinycog.tiff.recall import Recall
from tinycog.tiff.spec import Photometric, Tag
from tinycog.tiff.steps import Steps, run_cached
from tinycog.window import Window

if TYPE_CHECKING:  # what a tile does not need is loaded when it is used
    from affine import Affine

    from tinycog.geo.crs import Crs
    from tinycog.geo.georeference import Georeference
    from tinycog.geo.metadata import Metadata
    from tinycog.geo.sidecars import Beside
    from tinycog.geo.transform import BoundingBox
    from tinycog.geo.windows import PixelGrid
    from tinycog.tiff.orientation import Orientation

    Parsed = tuple[Georeference, Metadata]

PARSED: Recall[Parsed] = Recall()
"""Georeferences and metadata, by image."""

NOT_READ = "the georeference lies apart from the header: use `cog = await tinycog.open(...)`"


class LazyGeoreference:
    """The georeference and metadata of a file, parsed from cached bytes when first used.

    A pickle holds the result, not the bytes.

    Attributes:
        size: (width, height) of level 0.
        has_metadata: whether there are items of GDAL, which may say more than the other tags.
    """

    def __init__(
        self,
        buffer: SparseBuffer,
        header: FileHeader,
        image: Image,
        limits: Limits,
        beside: Beside | None = None,
    ) -> None:
        """Keep what parsing needs, without parsing.

        Args:
            buffer: holds what has arrived.
            header: of the file.
            image: level 0.
            limits: of the handle.
            beside: what lies beside the file, if that has been read.
        """
        self._arguments: tuple[SparseBuffer, FileHeader, Image, Limits] | None = (
            buffer,
            header,
            image,
            limits,
        )
        self._beside = beside
        self._cached: Parsed | None = None
        _, height, width = image.shape
        self.size = (width, height)
        has_items = beside is not None and bool(beside.items)
        self.has_metadata = has_items or Tag.GDALMetadata in image.ifd.entries
        self._colormaps: dict[Entry, NDArray[np.uint16]] = {}

    @classmethod
    def known(
        cls, geo: Georeference, metadata: Metadata, size: tuple[int, int]
    ) -> LazyGeoreference:
        """Make that of an image that no file holds, of (width, height)."""
        found = cls.__new__(cls)
        found.__setstate__(
            {
                "size": size,
                "has_metadata": False,
                "_arguments": None,
                "_beside": None,
                "_cached": (geo, metadata),
                "_colormaps": {},
            }
        )
        return found

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take what `__getstate__` gives."""
        self.__dict__.update(state)

    def parse(self) -> Steps[Parsed]:
        """Parse both, in one step, and keep them.

        Raises:
            UsageError: this comes from a pickle made before they were read.
        """
        if self._arguments is None:
            raise UsageError(NOT_READ)
        from tinycog.geo.parse import parse_geo  # noqa: PLC0415 - what a tile does not need

        buffer, header, image, limits = self._arguments
        if self._beside is None:
            self._cached = PARSED.run(
                (header, image, limits),
                buffer,
                lambda seen: run_cached(parse_geo(seen, header, image, limits)),
            )
        if self._cached is None:
            self._cached = yield from parse_geo(buffer, header, image, limits, self._beside)
        return self._cached

    @property
    def _parsed(self) -> Parsed:
        found = self._cached or run_cached(self.parse())
        if found is None:
            raise UsageError(NOT_READ)
        return found

    @property
    def geo(self) -> Georeference:
        """Where the pixels are.

        Raises:
            UsageError: its bytes have not been read.
        """
        return self._parsed[0]

    @property
    def metadata(self) -> Metadata:
        """What the samples mean.

        Raises:
            UsageError: its bytes have not been read.
        """
        return self._parsed[1]

    def colormap(self, image: Image) -> NDArray[np.uint16] | None:
        """Return the ColorMap of a palette image as (entries, 3), if it has been read; else None.

        `image` is any level of the file; one in a file beside has the ColorMap of level 0. Rasters
        share the array, so it is read-only.
        """
        if image.sidecar and self._arguments is not None:
            _, _, image, _ = self._arguments
        entry = image.ifd.entries.get(Tag.ColorMap)
        if image.photometric != Photometric.PALETTE or entry is None:
            return None
        if entry not in self._colormaps and self._arguments is not None:
            found = _cached_colormap(*self._arguments, entry)
            if found is not None:
                found.flags.writeable = False
                self._colormaps[entry] = found
        return self._colormaps.get(entry)

    def transform(self, size: tuple[int, int]) -> Affine:
        """Return the transform of the level with that (width, height)."""
        from tinycog.geo.transform import level_transform  # noqa: PLC0415 - the same

        return level_transform(self.geo.transform, self.size, size)

    @property
    def crs(self) -> Crs | None:
        """The CRS of the transform's coordinates; None without a CRS or a transform.

        With ground control points the transform is the identity, and their CRS is not its CRS.
        """
        return self.geo.placed_crs

    def place(self) -> Crs:
        """Return the CRS of the transform's coordinates (geotiff.model.place).

        Raises:
            UsageError: there is none, and what the file has instead.
        """
        if self.crs is None:
            raise self.geo.no_place()
        return self.crs

    def grid(self, size: tuple[int, int]) -> PixelGrid:
        """Return the grid of the level with that (width, height), for coordinates of a caller.

        Raises:
            UsageError: coordinates lead to no pixel: the file has control points, or a CRS, but no
                transform.
        """
        if not self.geo.has_coordinates:
            raise self.geo.no_place()
        from tinycog.geo.windows import PixelGrid  # noqa: PLC0415 - the same

        return PixelGrid.of(self.transform(size), size, self.crs)

    def moved(
        self, transform: Sequence[float], size: tuple[int, int], crs: Crs | None
    ) -> LazyGeoreference:
        """Return that of an image of another size, transform and CRS, and all else alike.

        Raises:
            UsageError: its bytes have not been read.
        """
        from tinycog.geo.transform import make_affine  # noqa: PLC0415 - the same

        found = copy(self)
        from tinycog.geo.keys import GeoKeys  # noqa: PLC0415 - the same

        keys = GeoKeys() if crs is None else crs.keys
        geo = replace(
            self.geo, transform=make_affine(*transform), has_transform=True, crs=crs, keys=keys
        )
        found.size = size
        found._cached = (geo, self.metadata)  # noqa: SLF001 - of the same class
        found._arguments = self._arguments  # noqa: SLF001 - the same
        found._colormaps = self._colormaps  # noqa: SLF001 - the same
        return found

    def __getstate__(self) -> dict[str, object]:
        """Pickle the parsed result, or None if its bytes have not been read."""
        try:
            parsed = self._parsed
        except UsageError:
            parsed = None
        return {
            "size": self.size,
            "has_metadata": self.has_metadata,
            "_arguments": None,
            "_beside": None,
            "_cached": parsed,
            "_colormaps": {},
        }


def _cached_colormap(
    buffer: SparseBuffer, header: FileHeader, _: Image, limits: Limits, entry: Entry
) -> NDArray[np.uint16] | None:
    """Return a ColorMap whose bytes have been read; None for others, and for unusable ones."""
    try:
        values = run_cached(parse_values(buffer, header, [entry], limits))
    except (FormatError, LimitError):  # pixels can be read without it
        return None
    if values is None:
        return None
    from tinycog.tiff.colormap import make_colormap  # noqa: PLC0415 - the same

    return make_colormap(entry, values[0])


class Placement(ABC):
    """Where an array of pixels lies."""

    @abstractmethod
    def transform(self, shape: tuple[int, int]) -> Affine:
        """Return the transform from (col, row) of an array of (rows, cols) to (x, y)."""

    @property
    @abstractmethod
    def crs(self) -> Crs | None:
        """Coordinate reference system, None if unknown."""

    def bounds(self, shape: tuple[int, int]) -> BoundingBox:
        """Return (left, bottom, right, top) of an array of (rows, cols)."""
        from tinycog.geo.transform import bounds_of  # noqa: PLC0415 - geo is loaded on demand

        rows, cols = shape
        return bounds_of(self.transform(shape), cols, rows)


class LevelPlacement(Placement):
    """Where an array of pixels of a level lies; its shape may differ from that of its window."""

    def __init__(
        self,
        georeference: LazyGeoreference,
        size: tuple[int, int],
        window: Window | tuple[float, ...],
    ) -> None:
        """Place a window of the level with that (width, height)."""
        self._georeference = georeference
        self._size = size
        self._window = window

    def transform(self, shape: tuple[int, int]) -> Affine:
        """Return the transform, (col, row) to (x, y), of an array of (rows, cols)."""
        col, row, width, height = self._window
        rows, cols = shape
        level = self._georeference.transform(self._size)
        return within(level, col, row, width / cols, height / rows)

    @property
    def crs(self) -> Crs | None:
        """The CRS of the transform; None where the file has none (geotiff.model.place)."""
        return self._georeference.crs


class FixedPlacement(Placement):
    """A transform and CRS that are given, not derived from a file."""

    def __init__(self, transform: Affine, crs: Crs | None) -> None:
        """Keep both."""
        self._transform = transform
        self._crs = crs

    def transform(self, shape: tuple[int, int]) -> Affine:
        """Return the transform, the same for any shape."""
        del shape
        return self._transform

    @property
    def crs(self) -> Crs | None:
        """The CRS that was given."""
        return self._crs


class OrientedPlacement(Placement):
    """That of an array whose pixels were turned: pixels move, places do not."""

    def __init__(self, stored: Placement, orientation: Orientation) -> None:
        """Place an array that is turned; `stored` is the place of the pixels as stored."""
        self._stored = stored
        self._orientation = orientation

    def transform(self, shape: tuple[int, int]) -> Affine:
        """Return the transform, (col, row) to (x, y), of a turned array of (rows, cols)."""
        from tinycog.affine_math import apply, coefficients  # noqa: PLC0415 - the same
        from tinycog.geo.transform import make_affine  # noqa: PLC0415 - the same

        numbers = coefficients(self._stored.transform(self._orientation.turned(shape)))
        a, b, _, d, e, _ = numbers
        (rows, cols), (transposed, rows_flipped, cols_flipped) = shape, self._orientation
        col, row = (cols if cols_flipped else 0), (rows if rows_flipped else 0)
        left, top = apply(numbers, *((row, col) if transposed else (col, row)))
        if transposed:
            a, b, d, e = b, a, e, d
        across, down = -1 if cols_flipped else 1, -1 if rows_flipped else 1
        return make_affine(a * across, b * down, left, d * across, e * down, top)

    def bounds(self, shape: tuple[int, int]) -> BoundingBox:
        """Return the bounds: those of the pixels as stored."""
        return self._stored.bounds(self._orientation.turned(shape))

    @property
    def crs(self) -> Crs | None:
        """The CRS of the transform."""
        return self._stored.crs


def within(transform: Affine, col: float, row: float, across: float, down: float) -> Affine:
    """Return the transform of an array that begins at (col, row) of the given one's grid.

    Its pixels are `across` times as wide and `down` times as high.
    """
    from tinycog.affine_math import apply, coefficients  # noqa: PLC0415 - the same
    from tinycog.geo.transform import make_affine  # noqa: PLC0415 - the same

    numbers = coefficients(transform)
    a, b, _, d, e, _ = numbers
    left, top = apply(numbers, col, row)
    return make_affine(a * across, b * down, left, d * across, e * down, top)
