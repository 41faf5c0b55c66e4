"""Another file that tinycog opens, or whatever has its reading face: all of it, or an area."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypedDict

from tinycog.affine_math import coefficients
from tinycog.argument_types import CrsLike, WindowLike
from tinycog.checks import check_whole_window, check_window
from tinycog.errors import UsageError
from tinycog.geo.colour import ColorInterp, Colormap, names_of, with_extra
from tinycog.geo.crs import Crs
from tinycog.geo.lazy import within
from tinycog.geo.structure import ALPHA, IMAGE_STRUCTURE, PREMULTIPLIED, REPEATED, TILING_SCHEME
from tinycog.geo.transform import RPC, GroundControlPoint
from tinycog.geo.written_facts import AREA_OR_POINT, WrittenFacts
from tinycog.pixels.colouring import BYTE_BITS, CMYK_INKS, Colouring
from tinycog.raster import Raster
from tinycog.tiff.spec import Photometric
from tinycog.window import Window, reaches_out
from tinycog.writer.pixel_source import PixelBlock, Region
from tinycog.writer.plan import LARGEST_REGION
from tinycog.writer.sources.blocks import BlockMaker
from tinycog.writer.sources.told import Shape, Told, as_dtype, merge_facts
from tinycog.writer.validity import said_by_samples

if TYPE_CHECKING:
    import numpy as np
    from affine import Affine

IDENTITY = (1, 0, 0, 0, 1, 0)
"""Coefficients of the transform of a file that has none."""

STATISTICS = "STATISTICS_"
"""How names of items begin that tell of all pixels of a file."""

TOLD_BY_NAMES = frozenset(
    {
        *(Photometric.MIN_IS_BLACK, Photometric.RGB, Photometric.PALETTE, Photometric.MASK),
        *(Photometric.YCBCR, Photometric.LOG_L, Photometric.LOG_LUV),  # decoded
    }
)
"""Photometric interpretations that need no word besides the colours of bands."""


class ReadingFace(Protocol):
    """What is read of a file: facts by rasterio's names once it is open, and pixels by windows."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the pixels."""
        ...

    @property
    def nodata(self) -> int | float | None:
        """Value of samples that hold none."""
        ...

    @property
    def has_mask(self) -> bool:
        """Whether a mask says which pixels are valid."""
        ...

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system."""
        ...

    @property
    def transform(self) -> Affine:
        """Pixels to coordinates; identity without one."""
        ...

    @property
    def gcps(self) -> Sequence[GroundControlPoint]:
        """Control points."""
        ...

    @property
    def rpcs(self) -> RPC | None:
        """Coefficients of a sensor."""
        ...

    @property
    def scales(self) -> Sequence[float]:
        """Factor of each band."""
        ...

    @property
    def offsets(self) -> Sequence[float]:
        """What is added, of each band."""
        ...

    @property
    def units(self) -> Sequence[str | None]:
        """Unit of each band."""
        ...

    @property
    def descriptions(self) -> Sequence[str | None]:
        """Description of each band."""
        ...

    @property
    def colorinterp(self) -> Sequence[ColorInterp]:
        """Colour of each band."""
        ...

    @property
    def colormap(self) -> Colormap | None:
        """Palette."""
        ...

    @property
    def levels(self) -> Sequence[Any]:
        """Levels, each with its `tile_shape`."""
        ...

    def tags(self, band: int | None = None, *, ns: str = "") -> Mapping[str, str]:
        """Return items of the file, or of a band, in a domain."""
        ...

    def tag_namespaces(self, band: int | None = None) -> Sequence[str]:
        """Return the domains that have items."""
        ...

    def read(self, *, window: WindowLike, masked: bool | None) -> Awaitable[Raster]:
        """Read a window of level 0."""
        ...

    def __await__(self) -> Generator[Any, None, object]:
        """Open it."""
        ...


class Subset(NamedTuple):
    """The part of a file that is written; all of it without window or bounds.

    Attributes:
        window: (col_off, row_off, width, height) in pixels.
        bounds: (left, bottom, right, top) instead: all pixels that they touch.
        bounds_crs: their CRS, if not the file's.
    """

    window: WindowLike | None = None
    bounds: Sequence[float] | None = None
    bounds_crs: CrsLike | None = None


async def make_cog_source(cog: ReadingFace, told: Told, subset: Subset) -> CogSource:
    """Open a file, and make a source of the part that is asked for.

    Raises:
        UsageError: the part reaches over the edge, or the file is not what the caller says.
        TinycogError: it cannot be opened.

    Cost: that of opening.
    """
    await cog
    return CogSource(cog, told, window_of(cog, subset))


def window_of(cog: ReadingFace, subset: Subset) -> Window:
    """Return the window of a subset.

    Raises:
        UsageError: it is no part of the image.
    """
    _, rows, cols = cog.shape
    size = (cols, rows)
    if subset.window is not None and subset.bounds is not None:
        message = "window= and bounds= both say which part: leave one out"
        raise UsageError(message)
    if subset.bounds is not None:
        from tinycog.geo.bounds import AskedBounds  # noqa: PLC0415 - bounds only
        from tinycog.geo.windows import PixelGrid  # noqa: PLC0415 - the same

        grid = PixelGrid.of(cog.transform, size, cog.crs)
        asked = AskedBounds(subset.bounds, subset.bounds_crs, grid, cog.crs)
        window = asked.window(snapped=True)
        asked.check_inside(window, instead="bounds inside of them")
    elif subset.window is not None:
        window = check_window(subset.window)
    else:
        return Window(0, 0, cols, rows)
    height, width = check_whole_window(window)
    if reaches_out(window, size):
        message = f"the window {tuple(window)} reaches over the edge of {cols} x {rows} pixels"
        raise UsageError(message)
    return Window(int(window.col_off), int(window.row_off), width, height)


class CogSource:
    """An open file, or a window of it; see `PixelSource`.

    Samples are written as they are stored, with its facts. Regions that end where stored tiles do
    fetch and decode each of them once, also where the window begins inside of one (`origin`).
    """

    is_asked: bool = True
    copies: bool = True
    lends: bool = False

    def __init__(self, cog: ReadingFace, told: Told, window: Window) -> None:
        """Keep the file.

        Raises:
            UsageError: it is not what the caller says.
            UnsupportedError: no numpy type can hold its samples.
        """
        shape = Shape(cog.shape[0], window.height, window.width)
        self.dtype = as_dtype(cog.dtype)
        told.check(shape, self.dtype)
        self.bands, self.rows, self.cols = shape
        self.facts = merge_facts(file_facts(cog, window), told.facts)
        self.has_valid: bool | None = cog.has_mask
        own, used = cog.nodata, self.facts.nodata
        is_nan = own is not None and used is not None and isnan(own) and isnan(used)
        if not cog.has_mask and own != used and not is_nan:
            self._check_nodata(cog.nodata)
        self.chunk: tuple[int, int] = cog.levels[0].tile_shape
        self.memory = self.chunk[0] * self.chunk[1] * self.bands * self.dtype.itemsize
        phase = getattr(cog, "tile_origin", (0, 0))  # where an area of another file is one itself
        self.origin: tuple[int, int] = (
            (window.row_off + phase[0]) % self.chunk[0],
            (window.col_off + phase[1]) % self.chunk[1],
        )
        held = getattr(cog, "pixel_memory", 0)  # of a pixel that is read, besides its samples
        self.memory += held * LARGEST_REGION // (self.bands * self.dtype.itemsize)
        self._cog, self._window = cog, window
        self.generation = generation_of(cog, tuple(window))
        self._maker = BlockMaker(shape, self.dtype, self.facts.nodata, self.has_valid)

    def _check_nodata(self, nodata: float | None) -> None:
        """Check that the nodata of the caller takes no other word's place.

        Raises:
            UsageError: it does: alpha says which pixels are valid.
        """
        stored = said_by_samples(replace(self.facts, nodata=nodata), self.bands, self.dtype)
        if stored.alpha is not None:
            message = (
                "alpha says which pixels of the file are valid, but readers look at"
                f" nodata={self.facts.nodata} first: leave out nodata=, or, if that band is no"
                " opacity, call it something else by colorinterp="
            )
            raise UsageError(message)

    async def blocks(self, regions: Iterable[Region]) -> AsyncGenerator[PixelBlock, None]:
        """Give `regions`, each by one read."""
        left, top = self._window.col_off, self._window.row_off
        for region in regions:
            window = (left + region.col, top + region.row, region.cols, region.rows)
            raster = await self._cog.read(window=window, masked=self.has_valid)
            valid = raster.mask if self.has_valid else None
            yield self._maker.make(region.row, region.col, raster.data, valid)


def generation_of(cog: object, part: object) -> str | None:
    """Return the name of a part of an open file, another one if the file is replaced."""
    return f"{getattr(cog, 'pin', None)} {part!r}"


def file_facts(cog: ReadingFace, window: Window | None = None) -> WrittenFacts:
    """Return the facts of an open file, or of a window of it."""
    bands, rows, cols = cog.shape
    window = window or Window(0, 0, cols, rows)
    left, top = window.col_off, window.row_off
    has_place = not cog.gcps and (cog.crs is not None or coefficients(cog.transform) != IDENTITY)
    is_whole = (window.height, window.width) == (rows, cols)
    items = _items(cog, None)
    is_point = items.get("", {}).pop(AREA_OR_POINT, "Area") == "Point"
    band_items = [_items(cog, band) for band in range(bands)]
    alphas = (cog.tags(band, ns=IMAGE_STRUCTURE).get(ALPHA) for band in range(bands))
    facts = WrittenFacts(
        crs=cog.crs,
        transform=within(cog.transform, left, top, 1, 1) if has_place else None,
        gcps=[point._replace(row=point.row - top, col=point.col - left) for point in cog.gcps],
        area_or_point="Point" if is_point else "Area",
        nodata=cog.nodata,
        descriptions=cog.descriptions,
        scales=cog.scales,
        offsets=cog.offsets,
        units=cog.units,
        colorinterp=_colours(cog),
        premultiplied=PREMULTIPLIED in alphas,
        colormap=cog.colormap,
        tags=items,
        band_tags=band_items if any(band_items) else (),
    )
    colouring = Colouring.of(cog.levels[0].image, range(bands))
    facts = replace(facts, **_stored_colours(colouring, as_dtype(cog.dtype)))
    rpcs = cog.rpcs
    if rpcs is not None and not is_whole:
        rpcs = rpcs._replace(line_off=rpcs.line_off - top, samp_off=rpcs.samp_off - left)
    return replace(facts, rpcs=rpcs)


def _items(cog: ReadingFace, band: int | None) -> dict[str, dict[str, str]]:
    """Return the items that are carried over, by domain (cog.written.facts)."""
    found = {
        ns: {
            name: text
            for name, text in cog.tags(band, ns=ns).items()
            if band is None or not name.startswith(STATISTICS)
        }
        for ns in cog.tag_namespaces(band)
        if ns not in (*REPEATED, TILING_SCHEME)  # tiles lie on another grid now
    }
    return {ns: items for ns, items in found.items() if items}


def _colours(cog: ReadingFace) -> Sequence[ColorInterp] | None:
    """Return the colours of bands; one bit is a palette to GDAL, though it has no colours."""
    is_bitmap = cog.colormap is None and tuple(cog.colorinterp) == ("palette",)
    return None if is_bitmap else cog.colorinterp


class StoredColours(TypedDict, total=False):
    """What `WrittenFacts` tell of colours besides the names of bands."""

    photometric: int
    ink_set: int
    bits: int


def _stored_colours(colouring: Colouring | None, dtype: np.dtype[Any]) -> StoredColours:
    """Return what the names of bands do not tell of colours (cog.written.facts)."""
    if colouring is None:
        return {}
    found = StoredColours()
    if colouring.photometric not in TOLD_BY_NAMES:
        found["photometric"] = colouring.photometric
    if colouring.ink_set != CMYK_INKS:
        found["ink_set"] = colouring.ink_set
    if dtype.kind == "u" and colouring.bits < BYTE_BITS * dtype.itemsize:
        found["bits"] = colouring.bits
    return found


def raster_facts(raster: Raster) -> WrittenFacts:
    """Return what pixels that were read tell besides themselves."""
    place = raster.place is not None
    transform = raster.transform if place else None
    if transform is not None and raster.crs is None and coefficients(transform) == IDENTITY:
        transform = None
    colormap = None if raster.colormap is None else Colormap(raster.colormap, raster.nodata)
    facts = WrittenFacts(
        crs=raster.crs if place else None,
        transform=transform,
        nodata=raster.nodata,
        colorinterp=_raster_colours(raster),
        colormap=colormap,
    )
    return replace(facts, **_stored_colours(raster.colouring, raster.dtype))


def _raster_colours(raster: Raster) -> Sequence[str] | None:
    """Return the colours of bands that were read; None where they are not known."""
    colouring = raster.colouring
    if colouring is None or (
        raster.colormap is None and colouring.photometric == Photometric.PALETTE
    ):
        return None
    names = names_of(colouring.photometric, colouring.bits)
    return with_extra(names, raster.count, colouring.extra_samples)
