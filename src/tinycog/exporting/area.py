"""An area of what can be read: a part of its grid, resolved once, and read piece by piece."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycog.area_reads import AreaReads
from tinycog.argument_types import ErrorHandling
from tinycog.exporting.split import AreaAxis
from tinycog.fetch.plan import Plan
from tinycog.geo.lazy import LevelPlacement
from tinycog.pixels.mask import MaskFacts
from tinycog.pixels.methods import KERNELS
from tinycog.pixels.resample.axis import kernel_radius
from tinycog.pixels.resample.bands import BLOCK
from tinycog.raster import Raster
from tinycog.reader.arguments import AskedPixels, ReadArguments, resolve_part
from tinycog.reader.level_source import LevelSource
from tinycog.reader.pixel_file import PixelFile
from tinycog.reader.read_window import read_area
from tinycog.reader.window_buffers import WindowRequest, check_reach, make_buffers
from tinycog.thread_pool import run_in_pool
from tinycog.window import Area, FloatWindow, Window

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.crs import Crs

FLOAT64_BYTES = 8

GAUSS_REACH = 4
"""Pixels of the result that "gauss" reaches to either side at most."""


@dataclass(frozen=True, slots=True)
class ExportArea:
    """An area of a source.

    Attributes:
        source: what is read.
        level: that is read of it.
        request: the whole area: level, window, shape, bands, method.
        extra: bytes that a pixel of the level takes while it is read, besides its samples.
        asked: which pixels of the area are asked for; None for all.
    """

    source: AreaReads
    level: LevelSource
    request: WindowRequest
    extra: int = 0
    asked: AskedPixels | None = None

    @property
    def rows(self) -> int:
        """Rows of the result."""
        return self.request.area.shape[0]

    @property
    def cols(self) -> int:
        """Columns of the result."""
        return self.request.area.shape[1]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols) of the result."""
        return (len(self.request.bands), self.rows, self.cols)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of its pixels."""
        return self.level.image.dtype

    @property
    def is_plain(self) -> bool:
        """Whether its pixels are those of the level."""
        return self.request.area.is_plain

    @property
    def is_level_0(self) -> bool:
        """Whether its pixels are those of full resolution."""
        return self.is_plain and not self.request.area.z

    @property
    def may_be_invalid(self) -> bool:
        """Whether there may be pixels that are not valid."""
        has_mask = self.level.mask.source is not None or self.extra > 0
        has_mask |= self.asked is not None or self.errors == "fill"
        return has_mask or self.level.mask_facts() != MaskFacts()

    @property
    def nbytes(self) -> int:
        """Bytes of all of its pixels."""
        bands, rows, cols = self.shape
        return bands * rows * cols * self.dtype.itemsize

    @property
    def placement(self) -> LevelPlacement:
        """Where it lies."""
        size, window = self.level.image.size, self.request.area.window
        return LevelPlacement(self.level.georeference, size, window)

    @property
    def transform(self) -> Affine:
        """Pixels of the result to coordinates."""
        return self.placement.transform((self.rows, self.cols))

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system of these."""
        return self.placement.crs

    # --- pieces ----------------------------------------------------------------------------------

    @property
    def down(self) -> AreaAxis:
        """Its rows, and the tiles under them."""
        (_, row, _, height), (rows, _) = self.request.area.window, self.request.area.shape
        grid = self.level.image.grid
        return self._axis(rows, row, height, grid.tile_height, grid.height)

    @property
    def across(self) -> AreaAxis:
        """Its columns, and the tiles under them."""
        (col, _, width, _), (_, cols) = self.request.area.window, self.request.area.shape
        grid = self.level.image.grid
        return self._axis(cols, col, width, grid.tile_width, grid.width)

    def _axis(self, count: int, offset: float, length: float, tile: int, size: int) -> AreaAxis:
        ratio = length / count
        method, reach = self.request.method, 0.0
        if not self.is_plain and method in KERNELS:
            reach = kernel_radius(method) * max(ratio, 1.0)
        elif not self.is_plain and method == "gauss":
            reach = GAUSS_REACH * max(ratio, 1.0)
        return AreaAxis(count, offset, ratio, tile, size, reach)

    def cost(self, piece: Window) -> int:
        """Return the bytes that a piece takes while it is read: pixels, masks, encoded tiles."""
        image, bands = self.level.image, len(self.request.bands)
        down = self.down.footprint(piece.row_off, piece.row_off + piece.height)
        across = self.across.footprint(piece.col_off, piece.col_off + piece.width)
        fetched = bands if image.grid.planes > 1 else image.samples
        tile = image.grid.tile_width * image.grid.tile_height * fetched * image.dtype.itemsize
        pixel = bands * image.dtype.itemsize
        if self.may_be_invalid:
            pixel += 2 * bands + 2  # masks of bands, and of the pixel, with what they are made of
        read, made = down.pixels * across.pixels, piece.width * piece.height
        held = read * (pixel + self.extra) + down.tiles * across.tiles * tile
        if self.is_plain:
            return held
        return held + made * pixel + min(max(read, made), BLOCK) * 2 * FLOAT64_BYTES

    async def read(self, piece: Window) -> Raster:
        """Read a piece, with its mask.

        Raises:
            TinycogError: as for `Cog.read`.
        """
        return await read_area(self._file.windows, self.level, await self._request(piece))

    async def plan(self, piece: Window) -> Plan:
        """Return the requests of a piece."""
        request = await self._request(piece)
        buffers = make_buffers(self.level, request, planned=True)
        return await self._file.windows.plan(self.level, request.area.z, [buffers])

    @property
    def _file(self) -> PixelFile:
        return self.source._pixels()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what it reads

    @property
    def errors(self) -> ErrorHandling:
        """What is done where a stored tile is broken."""
        return self.request.errors

    async def _request(self, piece: Window) -> WindowRequest:
        """Return what is read for a piece."""
        z, (col, row, width, height), (rows, cols) = self.request.area
        wide, high = (1.0, 1.0) if self.is_plain else (width / cols, height / rows)
        window = FloatWindow(
            col + piece.col_off * wide,
            row + piece.row_off * high,
            piece.width * wide,
            piece.height * high,
        )
        area = Area(z, window, (piece.height, piece.width))
        asked = None
        if self.asked is not None:
            asked = await run_in_pool(self.asked.mask, piece)
        is_all = asked is None or bool(asked.all())
        return self.request._replace(area=area, asked=None if is_all else asked)


async def make_area(
    source: AreaReads,
    arguments: ReadArguments,
    bands: Iterable[int] | int | None,
    indexes: Iterable[int] | int | None,
    errors: ErrorHandling,
) -> ExportArea:
    """Resolve the area that a caller asks for; the header is read for it.

    Raises:
        UsageError: an argument is wrong, or the area reaches over the edge.
        TinycogError: the header cannot be read.
    """
    file = source._pixels()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what it reads
    level, request, asked = await resolve_part(
        file, arguments, bands, indexes, boundless=False, masked=True, out=None, errors=errors
    )
    if not request.boundless:
        check_reach(request.area.window, level.image.size)
    return ExportArea(source, level, request, file.windows.pixel_memory, asked)
