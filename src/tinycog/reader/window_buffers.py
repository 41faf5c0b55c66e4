"""What a window read fetches: whole pixels of a level, and what says which of them are valid.

`arguments` says what is read; `read_window` makes the result of what was fetched.
"""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinycog.errors import LimitError, UsageError
from tinycog.limits import Limits
from tinycog.pixels.arrays import Pixels, empty_view
from tinycog.pixels.mask import Mask
from tinycog.pixels.methods import PICKING
from tinycog.pixels.validity import KnownValidity, Validity, ValidityOfPixels
from tinycog.reader.level_source import LevelSource
from tinycog.reader.tile_job import PartResult
from tinycog.reader.tile_parts import Cut, TilePart, new_pixels, window_parts
from tinycog.reader.validity import (
    NOT_ASKED,
    NOT_WALKED,
    MaskBuffer,
    MaskSource,
    filled_pixels,
    without,
)
from tinycog.tiff.image import Image
from tinycog.window import Area, FloatWindow, Window, as_window, inside, reaches_out

if TYPE_CHECKING:
    from tinycog.argument_types import ErrorHandling

WEIGHT_BYTES = 64
"""Approximate bytes of resampling weights for one row or column of pixels."""


class WindowRequest(NamedTuple):
    """What is read of a level, and how.

    Attributes:
        area: level, window and shape of the result.
        bands: counted from 0, in the order of the result.
        method: of resampling, used if the shape of the result differs from the window's.
        masked: whether its mask is wanted: True reads all that says so, False nothing, None what
            comes along without further requests for the header.
        boundless: whether the window may reach over the edge of the level.
        errors: what is done where a stored tile is broken.
        out: the caller's array for the result, (bands, rows, cols).
        fill_value: of pixels outside of the level; None is what tiles that are not stored have.
        asked: which pixels of the result were asked for, (rows, cols); None for all. The others
            are not valid, and nothing is fetched for them.
    """

    area: Area
    bands: list[int]
    method: str
    masked: bool | None
    boundless: bool
    errors: ErrorHandling = "raise"
    out: Pixels | None = None
    fill_value: float | None = None
    asked: Mask | None = None

    @property
    def blends(self) -> bool:
        """Whether a pixel of the result is made of several, of which invalid ones are left out."""
        return not self.area.is_plain and self.method not in PICKING

    @property
    def needs_valid(self) -> bool:
        """Whether what says which pixels are valid is read along."""
        return self.masked is not False or self.blends


class FetchedBands(NamedTuple):
    """Bands to fetch of a level, and what says which of their pixels are valid.

    Attributes:
        bands: those requested, counted from 0.
        extra: those fetched only because they say which pixels of the others are valid.
        mask: the mask image, None where it has no say.
    """

    bands: list[int]
    extra: list[int]
    mask: MaskSource | None

    @classmethod
    def of(cls, source: LevelSource, request: WindowRequest) -> FetchedBands:
        """Add to the bands requested what says which of their pixels are valid."""
        bands, image = request.bands, source.image
        if not request.needs_valid or source.mask.source is not None:
            return cls(bands, [], source.mask.source if request.needs_valid else None)
        if set(bands) == set(range(image.samples)):
            return cls(bands, [], None)
        is_free = image.grid.planes == 1  # else a band of its own costs requests
        facts = source.mask_facts.if_read() if is_free or request.masked or request.blends else None
        extra = [] if facts is None else [band for band in facts.needed if band not in bands]
        return cls(bands, extra, None)

    @property
    def all(self) -> list[int]:
        """All bands fetched, in the order of `WindowBuffers.pixels`."""
        return [*self.bands, *self.extra]


class WindowBuffers(NamedTuple):
    """Arrays that whole pixels of a level are fetched into.

    Attributes:
        window: the pixels, all inside the level.
        fetched: the bands.
        pixels: all bands fetched, (bands, rows, cols).
        mask: the mask image, None where it has no say.
        filled: where stored tiles were filled because they are broken, (bands, rows, cols) of
            `data`; None if nowhere.
        known: which of `data` are valid, where whoever filled them has worked it out.
        gap: where no file of a mosaic has pixels, (rows, cols); None if nowhere.
        needed: which pixels the result is made of, (rows, cols); None if all. Stored tiles that
            hold none of them are not fetched.
        cut: which bytes of stored tiles are left where they are.
    """

    window: Window
    fetched: FetchedBands
    pixels: Pixels
    mask: MaskBuffer | None
    filled: Mask | None = None
    known: KnownValidity | None = None
    gap: Mask | None = None
    needed: Mask | None = None
    cut: Cut = "none"

    @classmethod
    def new(
        cls, source: LevelSource, z: int, fetched: FetchedBands, window: Window, *, as_stored: bool
    ) -> WindowBuffers:
        """Allocate the arrays; `as_stored` lays memory out as the tiles are, if it can be.

        Raises:
            MemoryError, LimitError: there is no memory for them.
        """
        image = source.image
        shape = (window.height, window.width)
        bands = fetched.all
        if as_stored and bands == list(range(image.samples)):
            pixels = new_pixels(image, (len(bands), *shape))
        else:
            pixels = np.empty((len(bands), *shape), image.dtype)
        return cls(window, fetched, pixels, _mask_buffer(fetched, z, image, window))

    @property
    def data(self) -> Pixels:
        """The bands requested, (bands, rows, cols), a view of `pixels`."""
        return self.pixels[: len(self.fetched.bands)] if self.fetched.extra else self.pixels

    def parts(self, source: LevelSource, z: int) -> list[TilePart]:
        """Return the parts of stored tiles of level `z` that fill the arrays.

        Pixels and mask are read together: their tiles lie side by side in many files.
        """
        window = self.window
        if not window.width or not window.height:
            return []
        parts = window_parts(source.image, z, window, self.fetched.all, self.pixels)
        masks = [] if self.mask is None else self.mask.parts()
        if self.needed is not None:
            needed = NeededPixels(self.needed, window, source.image.size)
            parts, masks = needed.parts(parts), needed.parts(masks)
        parts += masks
        return parts if self.cut == "none" else [part._replace(cut=self.cut) for part in parts]

    def limited_to(self, needed: Mask | None, fill_value: float) -> WindowBuffers:
        """Return them with what is needed of them; what is not fetched is filled, and invalid."""
        if needed is None:
            return self
        self.pixels[...] = np.asarray(fill_value).astype(self.pixels.dtype)
        if self.mask is not None:
            self.mask.samples[...] = 0
        return self._replace(needed=needed)

    def read(self, image: Image, parts: list[TilePart], results: list[PartResult]) -> WindowBuffers:
        """Return them as they are after a read, whose parts had these results."""
        filled = filled_pixels(image, self.fetched.bands, self.window, parts, results)
        return self if filled is None else self._replace(filled=filled)

    def validity(self, source: LevelSource, masked: bool | None) -> Validity:  # noqa: FBT001 - as given by the caller
        """Return what says which of `data` are valid (gdal.mask.precedence).

        It overwrites the samples of a mask image. What was filled is not valid.
        """
        return without(self._stored_validity(source, masked), self.filled)

    def _stored_validity(self, source: LevelSource, masked: bool | None) -> Validity:  # noqa: FBT001 - as above
        """Return what says so in the file."""
        if masked is False:
            return NOT_ASKED
        if self.known is not None:
            return self.known
        if self.mask is not None:
            return KnownValidity(self.mask.mask())
        if not source.mask.is_known:
            return NOT_WALKED
        bands, extra = self.fetched.bands, self.fetched.extra
        return ValidityOfPixels(
            source.mask_facts, bands, self.pixels[len(bands) :] if extra else None, extra
        )


def _mask_buffer(
    fetched: FetchedBands, z: int, image: Image, window: Window, *, planned: bool = False
) -> MaskBuffer | None:
    if fetched.mask is None:
        return None
    return MaskBuffer.new(fetched.mask, z, image.size, window, planned=planned)


def make_buffers(
    source: LevelSource, request: WindowRequest, *, planned: bool = False
) -> WindowBuffers:
    """Allocate the arrays for a request; `planned` ones take no memory and cannot be written.

    Raises:
        UsageError: the window reaches over the edge of the level.
        LimitError: there is no memory for them.
    """
    image = source.image
    window = _source_window(image, request)
    fetched = FetchedBands.of(source, request)
    z = request.area.z
    try:
        needed = _needed(image, request, window)
        if planned:
            shape = (len(fetched.all), window.height, window.width)
            mask = _mask_buffer(fetched, z, image, window, planned=True)
            pixels = empty_view(shape, image.dtype)
            return WindowBuffers(window, fetched, pixels, mask, needed=needed)
        if request.out is None or fetched.extra or not is_whole(request.area, window):
            as_stored = request.area.is_plain
            found = WindowBuffers.new(source, z, fetched, window, as_stored=as_stored)
        else:
            mask = _mask_buffer(fetched, z, image, window)
            found = WindowBuffers(window, fetched, request.out, mask)
        return found.limited_to(needed, image.fill_value)
    except MemoryError as exc:
        raise no_memory(request) from exc


def _needed(image: Image, request: WindowRequest, window: Window) -> Mask | None:
    """Return which pixels of a window the result is made of, (rows, cols); None if of all."""
    asked, area = request.asked, request.area
    if asked is None:
        return None
    if area.is_plain:
        top, left = window.row_off - int(area.window.row_off), window.col_off - int(area.window[0])
        needed = asked[top : top + window.height, left : left + window.width]
    else:
        from tinycog.pixels.resample.resample import needed_for  # noqa: PLC0415 - other shapes only

        size = image.size
        needed = needed_for(asked, area.window, (size[1], size[0]), request.method)
    return None if needed.all() else needed


class NeededPixels(NamedTuple):
    """Which pixels of a window are needed.

    Attributes:
        needed: (rows, cols) of the window.
        window: in pixels of a level.
        size: (width, height) of the level.
    """

    needed: Mask
    window: Window
    size: tuple[int, int]

    def parts(self, parts: list[TilePart]) -> list[TilePart]:
        """Return the parts of stored tiles that hold a pixel that is needed."""
        return [part for part in parts if self._is_needed(part)]

    def _is_needed(self, part: TilePart) -> bool:
        grid, own = part.image.grid, part.image.size
        top = part.tile.y * grid.tile_height + part.rows.start
        left = part.tile.x * grid.tile_width + part.cols.start
        below, right = top + part.target.shape[1], left + part.target.shape[2]
        if own != self.size:  # a mask of another level: by nearest pixel
            across, down = self.size[0] / own[0], self.size[1] / own[1]
            left, right = floor(left * across) - 1, ceil(right * across) + 1
            top, below = floor(top * down) - 1, ceil(below * down) + 1
        (col, row, width, height) = self.window
        rows = slice(max(top - row, 0), min(below - row, height))
        cols = slice(max(left - col, 0), min(right - col, width))
        return bool(self.needed[rows, cols].any())


def _source_window(image: Image, request: WindowRequest) -> Window:
    """Return the whole pixels of the level that a request needs."""
    area, size = request.area, image.size
    if not request.boundless:
        check_reach(area.window, size)
    if area.is_plain:
        return inside(area.window, size)
    from tinycog.pixels.resample.resample import support  # noqa: PLC0415 - other shapes only

    try:
        return support(area.window, area.shape, (size[1], size[0]), request.method)
    except MemoryError as exc:
        raise no_memory(request) from exc


def check_reach(window: FloatWindow, size: tuple[int, int]) -> None:
    """Check that a window does not reach over the edge of a level of (width, height).

    Raises:
        UsageError: it does.
    """
    if reaches_out(window, size):
        message = (
            f"the window {tuple(as_window(window))} reaches over the edge of the level's"
            f" {size[0]} x {size[1]} pixels: pass boundless=True, or a smaller window"
        )
        raise UsageError(message)


def no_memory(request: WindowRequest) -> LimitError:
    """Return the error of a result that there is no memory for."""
    window = tuple(as_window(request.area.window))
    return LimitError.no_memory(f"the window {window} at {request.area.shape}")


def is_whole(area: Area, window: Window) -> bool:
    """Whether the pixels fetched are exactly those of the result."""
    return area.is_plain and tuple(window) == tuple(area.window)


def check_limits(
    limits: Limits, source: LevelSource, request: WindowRequest, file_size: int | None = None
) -> None:
    """Check the limits before anything is allocated; `file_size` is in bytes, if known.

    Raises:
        LimitError: the read needs too many tiles, or too much memory.
    """
    image = source.image
    if request.area.is_plain:  # what is decoded is checked where it is known what is stored
        file_size = None
    # first the area itself: how far a kernel reaches takes memory to find out
    touched = inside(request.area.window, image.size)
    _check_window(limits, image, touched, len(request.bands), file_size)
    if request.blends:  # each row and column has weights
        length = WEIGHT_BYTES * (touched.width + touched.height)
        limits.check("result_bytes", length, "bytes of the weights to resample")
    window = _source_window(image, request)
    _check_window(limits, image, window, len(request.bands), file_size)
    fetched = FetchedBands.of(source, request)
    mask = _mask_buffer(fetched, request.area.z, image, window, planned=True)
    if mask is not None and mask.window is not window:
        _check_window(limits, mask.source.image, mask.window, 1, file_size)


def _check_window(
    limits: Limits, image: Image, window: Window, bands: int, file_size: int | None
) -> None:
    grid = image.grid
    length = window.height * window.width * bands * image.dtype.itemsize
    limits.check("result_bytes", length, "bytes of the pixels that are read")
    if file_size is not None:
        limits.check_ratio(length, file_size, "bytes of the pixels that are read", image.weight)
    down = _touched(window.row_off, window.height, grid.tile_height)
    across = _touched(window.col_off, window.width, grid.tile_width)
    planes = bands if grid.planes > 1 else 1
    limits.check("tiles", down * across * planes, "stored tiles of one read")


def _touched(start: int, length: int, step: int) -> int:
    """Return how many tiles of `step` pixels a run of pixels touches."""
    return (start + length - 1) // step - start // step + 1 if length else 0
