"""rio-tiler: `Reader` reads its tiles, parts, previews, points and features by tinycog.

::

    from tinycog.adapters.rio_tiler import Reader

    async with Reader("https://example.com/a.tif") as src:
        image = await src.tile(x, y, z)
        png = image.render()

It is rio-tiler's own asynchronous reader (`rio_tiler.experimental.geotiff.Reader`), which picks the
overview and warps; pixels, masks and facts are tinycog's. Titiler takes it as any other reader.
"""

# pyright: basic, reportMissingTypeStubs=false
# (rasterio tells few types)

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from tinycog.extras import check_installed

check_installed("rio-tiler", "rio_tiler", "async_geotiff")

import numpy as np
from morecantile import TileMatrixSet
from rasterio.crs import CRS
from rasterio.transform import array_bounds
from rio_tiler.constants import WEB_MERCATOR_TMS
from rio_tiler.errors import RioTilerExperimentalWarning
from rio_tiler.models import ImageData, Info

import tinycog

with warnings.catch_warnings():
    warnings.simplefilter("ignore", RioTilerExperimentalWarning)  # the tests hold it to what it is
    from rio_tiler.experimental import geotiff

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

ALPHA = "alpha"

FACTS = frozenset(("bounds", "crs", "transform", "height", "width"))
"""Attributes of a reader of rio-tiler's that are facts of the file."""


class Reader(geotiff.Reader):
    """rio-tiler's asynchronous reader of one TIFF.

    The mask is the file's: a mask image, else nodata of each band; with an alpha band, pixels that
    are not opaque are masked, as rio-tiler's synchronous reader has it.
    """

    input: Any
    bounds: Any

    def __init__(
        self,
        input: Any,  # noqa: A002, ANN401 - as of every reader of rio-tiler
        *,
        tms: TileMatrixSet = WEB_MERCATOR_TMS,
        colormap: dict[int, Any] | None = None,
        **options: Any,  # noqa: ANN401 - of `tinycog.open`
    ) -> None:
        """Keep what is to be opened: facts are known in the context, or of an open handle.

        Args:
            input: whatever `tinycog.open` takes, or a handle, which stays open at the end.
            tms: the tile matrix set of `tile`.
            colormap: colours by value; the file's palette by default.
            options: arguments of `tinycog.open`.
        """
        self.options = options
        self._is_own = not isinstance(input, tinycog.Cog)
        super().__init__(input=input, tms=tms, colormap=colormap)

    def __attrs_post_init__(self) -> None:
        """Take over the facts of a handle that is open."""
        if self._is_own:
            return
        try:
            _ = self.input.levels
        except tinycog.UsageError:  # it is not open yet
            return
        self._know()

    def __getattr__(self, name: str) -> NoReturn:
        """Say what to do where a fact of the file is not known yet."""
        message = f"{type(self).__name__!r} object has no attribute {name!r}"
        if name in FACTS:
            message = f"{name} is known once the file is open: `async with Reader(...) as src`"
        raise AttributeError(message)

    async def __aenter__(self) -> Self:
        """Open the file. Cost: that of `await tinycog.open(...)`, 1 request for most COGs.

        Raises:
            UnsupportedError: it has control points but no transform, is rotated, or CMYK.
            TinycogError: it cannot be opened.
        """
        if not isinstance(self.input, tinycog.Cog):
            self.input = tinycog.open(self.input, **self.options)
        await self.input
        self._know()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file, unless it was given open."""
        if self._is_own:
            await self.input.aclose()

    def _know(self) -> None:
        """Take over the facts of the open file.

        Raises:
            UnsupportedError: its place or its colours are not what rio-tiler takes them for.
        """
        cog = self.input
        if cog.gcps and cog.transform.is_identity:
            message = "rio-tiler needs a transform: the file has control points only"
            raise tinycog.UnsupportedError(message, feature="georeference", value="gcps")
        if not cog.transform.is_rectilinear:
            message = "rio-tiler's asynchronous reader reads no rotated files"
            raise tinycog.UnsupportedError(message, feature="georeference", value="rotated")
        if cog.profile["photometric"] == "cmyk":
            message = "rio-tiler takes CMYK for RGB with alpha: read it with `rgb=True` of tinycog"
            raise tinycog.UnsupportedError(message, feature="photometric", value="cmyk")
        self.bounds = tuple(cog.bounds)
        self.crs = None if cog.crs is None else CRS.from_user_input(cog.crs)
        self.transform = cog.transform
        self.height, self.width = cog.height, cog.width
        if self.colormap is None and cog.colormap is not None:
            self.colormap = cog.colormap.as_rasterio()

    async def info(self) -> Info:
        """Return facts of the file. Cost: 0 requests."""
        cog = self.input
        told = (await super().info()).model_dump()
        bands = range(1, cog.count + 1)
        told["band_metadata"] = [(f"b{band}", cog.tags(band - 1)) for band in bands]
        told["band_descriptions"] = [(f"b{band}", _name(cog, band)) for band in bands]
        return Info.model_validate(told)

    def _get_overview_level(
        self, target_res: float, zoom_level_strategy: Literal["AUTO", "LOWER", "UPPER"] = "AUTO"
    ) -> int:
        """Return the level for a pixel size, 0 = full resolution.

        Levels are told apart by their pixels, not by the pixel size in one direction: that of an
        image of one row is the same in all of them.
        """
        cog = self.input
        finest = min(abs(cog.transform.a), abs(cog.transform.e))
        sizes = [finest * max(cog.width / o.width, cog.height / o.height) for o in cog.levels]
        share = {"LOWER": 1.0, "UPPER": 0.0}.get(zoom_level_strategy, 0.5)
        for level in reversed(range(1, len(sizes))):
            coarse, fine = sizes[level], sizes[level - 1]
            if target_res > coarse - (coarse - fine) * share or target_res == coarse:
                return level
        return 0

    async def _read(
        self,
        dataset: Any,  # noqa: ANN401 - a handle or an overview, whose `read` is the same
        indexes: Sequence[int] | None = None,
        window: Any = None,  # noqa: ANN401 - rio-tiler's
        unscale: bool = False,  # noqa: FBT001, FBT002 - as rio-tiler passes it
    ) -> ImageData:
        """Read bands of a window of the file, or of an overview; all but alpha by default."""
        cog = self.input
        colours = [colour.name for colour in cog.colorinterp]
        alpha = colours.index(ALPHA) + 1 if ALPHA in colours and cog.nodata is None else None
        if indexes is None:
            indexes = [band for band, name in enumerate(colours, 1) if name != ALPHA]
        bands = list(indexes)
        wanted = [*bands, alpha] if alpha is not None and alpha not in bands else bands
        raster = await dataset.read(indexes=wanted, window=window, masked=True)
        data, alpha_mask = raster.masked(), None
        if alpha is not None:
            alpha_mask = raster.data[wanted.index(alpha)]
            data = np.ma.MaskedArray(raster.data[: len(bands)])
            data.mask = alpha_mask != _opaque(alpha_mask.dtype)
        scales = [cog.scales[band - 1] for band in bands]
        offsets = [cog.offsets[band - 1] for band in bands]
        if unscale:
            data, alpha_mask = _unscaled(data, scales, offsets), None  # one dtype for both
            scales, offsets = [1.0] * len(bands), [0.0] * len(bands)
        return ImageData(
            data,
            bounds=array_bounds(raster.height, raster.width, raster.transform),
            crs=self.crs,
            band_names=[f"b{band}" for band in bands],
            band_descriptions=[_name(cog, band) for band in bands],
            dataset_statistics=_statistics(cog, bands),
            metadata=cog.tags(),
            nodata=raster.nodata,
            alpha_mask=alpha_mask,
            scales=scales,
            offsets=offsets,
        )


def _name(cog: tinycog.Cog, band: int) -> str:
    """Return what a band is called, counted from 1."""
    return cog.descriptions[band - 1] or f"b{band}"


def _opaque(dtype: np.dtype[Any]) -> float:
    """Return the largest value of a dtype; 1 of floating point."""
    return np.iinfo(dtype).max if dtype.kind in "iu" else 1.0


def _unscaled(
    data: np.ma.MaskedArray[Any, Any], scales: Sequence[float], offsets: Sequence[float]
) -> np.ma.MaskedArray[Any, Any]:
    """Return the values of samples, in float32 as rio-tiler has them."""
    found = np.ma.MaskedArray(data, dtype=np.float32, copy=True)
    np.multiply(found, np.reshape(scales, (-1, 1, 1)), out=found, casting="unsafe")
    np.add(found, np.reshape(offsets, (-1, 1, 1)), out=found, casting="unsafe")
    return found


def _statistics(cog: tinycog.Cog, bands: Sequence[int]) -> list[tuple[float, float]] | None:
    """Return smallest and largest value of bands; None unless the file tells those of all."""
    known = [cog.stored_stats.get(band) for band in bands]
    found = [
        (one.min, one.max)
        for one in known
        if one is not None and one.min is not None and one.max is not None
    ]
    return found if len(found) == len(bands) else None
