"""What says which pixels of a level are valid: facts of the file, and mask images read along.

One place decides (gdal.mask.precedence); tiles, windows, points and web tiles all ask here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinycog.errors import UsageError
from tinycog.geo.lazy import LazyGeoreference
from tinycog.pixels.arrays import Pixels, empty_view, new_array
from tinycog.pixels.mask import NODATA_VALUES, Mask, MaskFacts, mask_facts_of, stored_mask
from tinycog.pixels.validity import KnownValidity, UnknownValidity, Validity, ValidityInside
from tinycog.reader.tile_job import PartResult
from tinycog.reader.tile_parts import TilePart, window_parts
from tinycog.tiff.image import Image
from tinycog.window import FloatWindow, Window, as_floats, scale

if TYPE_CHECKING:
    from tinycog.geo.metadata import Metadata

NOT_ASKED = UnknownValidity("this raster was read with masked=False: it does not know its mask")

NOT_WALKED = UnknownValidity(
    "whether the file holds a mask is not known yet: read with masked=True, or await the handle"
)


class MaskSource(NamedTuple):
    """A mask image, and the level that it is of."""

    image: Image
    z: int


class LevelMask(NamedTuple):
    """The mask image that says which pixels of a level are valid.

    Attributes:
        source: the level's own mask, else that of the next finer level; None without one.
        is_known: False where a part of the IFD chain that was not read may hold another.
    """

    source: MaskSource | None
    is_known: bool

    @classmethod
    def of(cls, masks: Sequence[Image | None], z: int, *, is_complete: bool) -> LevelMask:
        """Find it among the masks of the levels known so far (gdal.mask.level).

        A file whose level 0 has no mask has none. `is_complete` tells that no others follow.
        """
        if not masks or masks[0] is None:
            return cls(None, is_complete)
        own = masks[z] if z < len(masks) else None
        if own is not None:
            return cls(MaskSource(own, z), is_known=True)
        finer = (MaskSource(mask, k) for k in range(z - 1, -1, -1) if (mask := masks[k]))
        return cls(next(finer), is_complete)


class FileMaskFacts:
    """Returns, when called, what a file says about valid pixels beside mask images.

    Attributes:
        georeference: of the file; its metadata may name other colours, or NODATA_VALUES.
        image: level 0: what it says counts for all levels.
    """

    def __init__(self, georeference: LazyGeoreference, image: Image) -> None:
        """Keep both."""
        self.georeference, self.image = georeference, image

    def __call__(self) -> MaskFacts:
        """Return the facts.

        Raises:
            UsageError: the metadata lie apart from the header, and have not been read.
        """
        image = self.image
        metadata = self.georeference.metadata if self.georeference.has_metadata else None
        values = None if metadata is None else metadata.tags().get(NODATA_VALUES)
        colours = partial(self._colours, metadata)
        return mask_facts_of(image.samples, image.dtype, image.nodata, values, colours)

    def _colours(self, metadata: Metadata | None) -> Sequence[str]:
        """Return the colour interpretation of each band."""
        from tinycog.geo.colour import colour_names  # noqa: PLC0415 - alpha only

        return colour_names(self.image) if metadata is None else metadata.colorinterp

    def if_read(self) -> MaskFacts | None:
        """Return the facts, None where the metadata have not been read."""
        try:
            return self()
        except UsageError:
            return None


class MaskBuffer(NamedTuple):
    """Array that a mask image is read into, for a window of a level.

    Attributes:
        source: the mask image.
        level: the window in pixels of the level, relative to `window` in those of the mask.
        window: the pixels of the mask image that are read.
        shape: (rows, cols) of the level's window.
        samples: (1, rows, cols) of `window`.
    """

    source: MaskSource
    level: FloatWindow
    window: Window
    shape: tuple[int, int]
    samples: Pixels

    @classmethod
    def new(
        cls,
        source: MaskSource,
        z: int,
        size: tuple[int, int],
        window: Window,
        *,
        planned: bool = False,
    ) -> MaskBuffer:
        """Allocate the array for a window of level `z`, whose (width, height) is `size`.

        Raises:
            LimitError: there is no memory for it.
        """
        image, shape = source.image, (window.height, window.width)
        read, level = window, as_floats(window)
        if source.z != z:
            from tinycog.pixels.resample.resample import support  # noqa: PLC0415 - rare

            level = scale(level, size, image.size)
            width, height = image.size
            read = support(level, shape, (height, width), "nearest")
        col, row, across, down = level
        level = FloatWindow(col - read.col_off, row - read.row_off, across, down)
        make = empty_view if planned else new_array
        samples = make((1, read.height, read.width), image.dtype)
        return cls(source, level, read, shape, samples)

    def parts(self) -> list[TilePart]:
        """Return the parts of stored tiles that fill the array."""
        if not self.window.width or not self.window.height:
            return []
        return window_parts(self.source.image, self.source.z, self.window, [0], self.samples)

    def mask(self) -> Mask:
        """Return (rows, cols) of the level's window, True where a pixel is valid.

        It overwrites the samples. A mask of a finer level is picked by nearest pixel, as GDAL does.
        """
        mask = stored_mask(self.samples, spent=True)
        if self.shape == (self.window.height, self.window.width):
            return mask
        from tinycog.pixels.resample.resample import resample  # noqa: PLC0415 - rare

        picked, _ = resample(mask[None].view(np.uint8), None, self.level, self.shape, "nearest")
        return picked[0].view(np.bool_)


def filled_pixels(
    image: Image,
    bands: Sequence[int],
    window: Window,
    parts: Sequence[TilePart],
    results: Sequence[PartResult],
) -> Mask | None:
    """Return where stored tiles of an image were filled because they are broken; None if nowhere.

    Args:
        image: the level.
        bands: those of the result, counted from 0.
        window: pixels of the level that the parts cover.
        parts: what was read; those of mask images say so by themselves.
        results: one for each part.

    Returns:
        (bands, rows, cols), True where a sample is not the file's.
    """
    filled = [
        part
        for part, result in zip(parts, results, strict=True)
        if result.is_filled and part.image is image
    ]
    if not filled:
        return None
    grid = image.grid
    found = np.zeros((len(bands), window.height, window.width), np.bool_)
    for part in filled:
        top = part.tile.y * grid.tile_height + part.rows.start - window.row_off
        left = part.tile.x * grid.tile_width + part.cols.start - window.col_off
        plane = part.position // (grid.across * grid.down)
        rows = slice(top, top + part.target.shape[1])
        cols = slice(left, left + part.target.shape[2])
        hit = [i for i, band in enumerate(bands) if grid.planes == 1 or band == plane]
        found[hit, rows, cols] = True
    return found


def without(validity: Validity, invalid: Mask | None) -> Validity:
    """Return a validity less the pixels that are invalid, (bands, rows, cols) or (rows, cols)."""
    if invalid is None:
        return validity
    if isinstance(validity, KnownValidity) and validity.bands is None and invalid.ndim < 3:  # noqa: PLR2004 - (rows, cols)
        return KnownValidity(validity.pixels & ~invalid)
    return ValidityInside(validity, invalid)
