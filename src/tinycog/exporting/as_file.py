"""An area as `tinycog.write` takes pixels from: with the facts of its source, as a file of its own.

It has the names of `writer.sources.cog.ReadingFace`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import replace
from math import isclose
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tinycog.argument_types import WindowLike
from tinycog.checks import check_window
from tinycog.exporting.area import ExportArea
from tinycog.exporting.split import AreaAxis
from tinycog.pixels.mask import NODATA_VALUES
from tinycog.raster import Raster
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Photometric
from tinycog.window import Window

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.colour import ColorInterp, Colormap
    from tinycog.geo.crs import Crs
    from tinycog.geo.transform import RPC, GroundControlPoint

Noted = Callable[[Window, Raster], Awaitable[None]]
"""Is told of each window that was read."""


class SourceFacts(Protocol):
    """What is told of a source, by rasterio's names."""

    name: str
    has_mask: bool
    colormap: Colormap | None
    gcps: Sequence[GroundControlPoint]
    rpcs: RPC | None
    scales: Sequence[float]
    offsets: Sequence[float]
    units: Sequence[str | None]
    descriptions: Sequence[str | None]
    colorinterp: Sequence[ColorInterp]

    def tags(self, band: int | None = None, *, ns: str = "") -> Mapping[str, str]:
        """Return items of the source, or of a band, in a domain."""
        ...

    def tag_namespaces(self, band: int | None = None) -> Sequence[str]:
        """Return the domains that have items."""
        ...


class AreaLevel(NamedTuple):
    """The one level of an area.

    Attributes:
        image: facts of its pixels.
        tile_shape: (rows, cols) in which it is read best.
    """

    image: Image
    tile_shape: tuple[int, int]


class AreaFile:
    """An area of a source, as a file of its own.

    Attributes:
        shape: (bands, rows, cols).
        dtype: of its pixels.
        nodata: value of samples that hold none.
        pin: what names the source, its generation and the area.
        levels: its pixels.
        tile_origin: (row, col) of its first pixel in the tile that has it.
        pixel_memory: bytes of a pixel that is read, besides its samples.
    """

    def __init__(self, area: ExportArea, pin: str, noted: Noted | None = None) -> None:
        """Take an area of an open source."""
        self._area, self._noted = area, noted
        self._source: SourceFacts = area.source  # type: ignore[assignment]
        image = area.level.image
        self._bands = area.request.bands
        self._is_whole = self._bands == list(range(image.samples))
        self.shape, self.dtype, self.nodata = area.shape, area.dtype, image.nodata
        self.pin = pin
        high, top, wide, left = 1, 0, 1, 0
        down, across = _best(area.down), _best(area.across)
        if down is not None and across is not None:
            (high, top), (wide, left) = down, across
        self.tile_origin = (top, left)
        self.levels = (AreaLevel(self._image(image), (high, wide)),)
        self.pixel_memory = area.extra
        if not area.is_plain:
            width, height = area.request.area.window[2:]
            coarser = width * height / (area.rows * area.cols)
            self.pixel_memory += int(coarser * (area.extra + self.shape[0] * image.dtype.itemsize))

    def _image(self, image: Image) -> Image:
        """Return the facts of the pixels; bands that were picked have colours by name only."""
        if self._is_whole:
            return image
        is_inverted = image.photometric == Photometric.MIN_IS_WHITE and self._bands[0] == 0
        return replace(
            image,
            samples=len(self._bands),
            photometric=int(Photometric.MIN_IS_WHITE if is_inverted else Photometric.MIN_IS_BLACK),
            bits_per_sample=tuple(image.bits_per_sample[band] for band in self._bands),
            sample_formats=tuple(image.sample_formats[band] for band in self._bands),
            extra_samples=(),
        )

    @property
    def has_mask(self) -> bool:
        """Whether pixels may be invalid whose samples do not say so."""
        if self._source.has_mask:
            return True
        facts = self._area.level.mask_facts()
        by_samples = facts.nodata is not None or facts.alpha is not None
        if self._area.asked is not None and not by_samples:
            return True
        return not set(facts.needed) <= set(self._bands)

    # --- place -----------------------------------------------------------------------------------

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system."""
        return self._area.crs

    @property
    def transform(self) -> Affine:
        """Pixels to coordinates."""
        return self._area.transform

    @property
    def width(self) -> int:
        """Columns."""
        return self.shape[2]

    @property
    def height(self) -> int:
        """Rows."""
        return self.shape[1]

    @property
    def gcps(self) -> Sequence[GroundControlPoint]:
        """Control points of the source, in pixels of the area."""
        col, row, width, height = self._area.request.area.window
        full, size = self._area.level.georeference.size, self._area.level.image.size
        across, down = (
            size[0] / full[0] * self.width / width,
            size[1] / full[1] * self.height / height,
        )
        left, top = col * full[0] / size[0], row * full[1] / size[1]
        return [
            one._replace(row=(one.row - top) * down, col=(one.col - left) * across)
            for one in self._source.gcps
        ]

    @property
    def rpcs(self) -> RPC | None:
        """Coefficients of a sensor, where pixels are those of full resolution."""
        found = self._source.rpcs
        if found is None or not self._area.is_level_0:
            return None
        col, row, _, _ = self._area.request.area.window
        return found._replace(line_off=found.line_off - row, samp_off=found.samp_off - col)

    # --- what samples mean -----------------------------------------------------------------------

    @property
    def scales(self) -> Sequence[float]:
        """Factor of each band."""
        return [self._source.scales[band] for band in self._bands]

    @property
    def offsets(self) -> Sequence[float]:
        """What is added, of each band."""
        return [self._source.offsets[band] for band in self._bands]

    @property
    def units(self) -> Sequence[str | None]:
        """Unit of each band."""
        return [self._source.units[band] for band in self._bands]

    @property
    def descriptions(self) -> Sequence[str | None]:
        """Description of each band."""
        return [self._source.descriptions[band] for band in self._bands]

    @property
    def colorinterp(self) -> Sequence[ColorInterp]:
        """Colour of each band."""
        return tuple(self._source.colorinterp[band] for band in self._bands)

    @property
    def colormap(self) -> Colormap | None:
        """Palette."""
        return self._source.colormap if self._is_whole else None

    def tags(self, band: int | None = None, *, ns: str = "") -> Mapping[str, str]:
        """Return items of the source, or of a band of it, in a domain."""
        found = self._source.tags(None if band is None else self._bands[band], ns=ns)
        if self._is_whole:
            return found
        return {name: text for name, text in found.items() if name != NODATA_VALUES}

    def tag_namespaces(self, band: int | None = None) -> Sequence[str]:
        """Return the domains that have items."""
        return self._source.tag_namespaces(None if band is None else self._bands[band])

    # --- pixels ----------------------------------------------------------------------------------

    async def read(self, *, window: WindowLike, masked: bool | None) -> Raster:
        """Read a window of the area, with its mask."""
        del masked
        given = check_window(window)
        piece = Window(*map(int, given))
        raster = await self._area.read(piece)
        if self._noted is not None:
            await self._noted(piece, raster)
        return raster

    def __await__(self) -> Generator[Any, None, object]:
        """Return the area: its source is open."""
        return _ready(self).__await__()


async def _ready(file: AreaFile) -> AreaFile:
    return file


def _best(axis: AreaAxis) -> tuple[int, int] | None:
    """Return pixels of a tile and those before the first one; None where they are not whole."""
    size, origin = axis.tile / axis.ratio, (axis.offset % axis.tile) / axis.ratio
    if not (_is_whole(size) and _is_whole(origin)):
        return None
    return round(size), round(origin)


def _is_whole(value: float) -> bool:
    return isclose(value, round(value), abs_tol=1e-9)
