"""`Service`: an image that one async function gives in parts, read as a file is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, Unpack

from tinycog.area_reads import AreaReads
from tinycog.argument_types import AreaOptions, CrsLike, PixelDtype
from tinycog.checks import check_integer, check_size
from tinycog.errors import UsageError
from tinycog.fetch.plan import Plan
from tinycog.handle import Handle
from tinycog.level import Level
from tinycog.limits import Limits
from tinycog.servicing.facts import make_georeference, make_image
from tinycog.servicing.requests import GetWindow, ServiceWindows
from tinycog.servicing.service_file import ServiceFile
from tinycog.tiff.image import Image
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.colour import ColorInterp, Colormap
    from tinycog.geo.crs import Crs
    from tinycog.geo.transform import GroundControlPoint

CONCURRENCY = 8
"""Calls at once, unless the caller says so."""

BLOCKSIZE = 256
"""Pixels, both ways, of which pieces of an export are made."""


@short_tracebacks
class Service(AreaReads, Handle):
    """An image that a service gives in parts, by one async function: it reads as a file does.

    ::

        async def get(window):      # col_off, row_off, width, height in pixels of the image
            return await asyncio.to_thread(compute, window)     # (bands, rows, cols)

        service = tinycog.Service(
            get, shape=(3, 20_000, 30_000), dtype="uint16", transform=transform, crs=32633,
            limit=48_000_000,
        )
        await tinycog.export(service, "area.tif")

    A read calls the function for its window, in parts of at most `limit` bytes. A part that the
    service refuses as too large, by a `TooLargeError`, the HTTP status 413 or the words "Total
    request size" of what the function raises, is asked for in halves, down to a pixel. Where
    it refuses calls as too many (`SourceBusyError`, 429 or 503, with `Retry-After` if it says
    one), fewer are made at once, and more again later.
    """

    def __init__(
        self,
        get: GetWindow,
        *,
        shape: Sequence[int],
        dtype: PixelDtype,
        transform: Affine | Sequence[float] | None = None,
        crs: CrsLike | None = None,
        nodata: float | None = None,
        descriptions: Sequence[str | None] | None = None,
        limit: int | None = None,
        concurrency: int = CONCURRENCY,
        blocksize: int = BLOCKSIZE,
        name: str | None = None,
        pin: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Take the function; it is not called yet.

        Args:
            get: async function of a `Window` that returns its pixels, (bands, rows, cols), or
                (rows, cols) of one band, of the dtype; masked ones become nodata. It is called side
                by side.
            shape: (bands, rows, cols) of the image, or (rows, cols) for one band.
            dtype: of its samples.
            transform: from (col, row) to (x, y), an `Affine` or six numbers.
            crs: of the coordinates.
            nodata: value of samples that hold none.
            descriptions: of each band.
            limit: bytes of pixels that one call may ask for; None = any.
            concurrency: calls at once.
            blocksize: pixels, both ways, of which pieces of an export are made.
            name: of the service, for messages; by default that of the function.
            pin: name of what is computed, another one if that changes: an export that goes on must
                have the same.
            limits: guards, and how long a call is repeated (`retries`).

        Raises:
            UsageError: an argument is wrong.
        """
        if not callable(get):
            message = f"a service is an async function of a window, not a {type(get).__name__}"
            raise UsageError(message)
        most = None if limit is None else check_integer(limit, "limit")
        image = make_image(shape, dtype, nodata, check_size(blocksize, "blocksize"))
        pixel = image.samples * image.dtype.itemsize
        if most is not None and most < pixel:
            message = f"limit={most} bytes are less than those of a pixel, {pixel}"
            raise UsageError(message)
        self.name: str = name or getattr(get, "__qualname__", type(get).__qualname__)
        self.pin = pin
        self._given: Mapping[str, Any] = {
            "shape": shape,
            "dtype": dtype,
            "transform": transform,
            "crs": crs,
            "nodata": nodata,
            "descriptions": descriptions,
            "limit": limit,
            "concurrency": concurrency,
            "blocksize": blocksize,
            "name": name,
            "pin": pin,
            "limits": limits,
        }
        self._get = get
        windows = ServiceWindows(
            get, self.name, most, check_size(concurrency, "concurrency"), limits or Limits()
        )
        place = make_georeference(image, transform, crs, descriptions)
        self._file = ServiceFile(image, place, windows)

    def _pixels(self) -> ServiceFile:
        return self._file

    def _described(self) -> Image:
        return self._file.levels[0]

    async def _opened(self) -> Self:
        return self

    async def aclose(self) -> None:
        """Do nothing: the function is the caller's."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the arguments; the function must pickle, too."""
        return (_service, (self._get, dict(self._given)))

    # --- what it is ------------------------------------------------------------------------------

    @property
    def transform(self) -> Affine:
        """Affine transform from (col, row) to (x, y); identity without one."""
        return self._file.georeference.transform(self._described().size)

    @property
    def crs(self) -> Crs | None:
        """Coordinate reference system."""
        return self._file.georeference.crs

    @property
    def levels(self) -> tuple[Level, ...]:
        """The one level."""
        image, place = self._described(), self._file.georeference
        return (Level(0, image, has_mask=False, _georeference=place),)

    @property
    def has_mask(self) -> bool:
        """False: samples say which pixels are valid, by nodata."""
        return False

    @property
    def scales(self) -> tuple[float, ...]:
        """1 for each band."""
        return self._file.metadata.scales

    @property
    def offsets(self) -> tuple[float, ...]:
        """0 for each band."""
        return self._file.metadata.offsets

    @property
    def units(self) -> tuple[str | None, ...]:
        """None for each band."""
        return self._file.metadata.units

    @property
    def descriptions(self) -> tuple[str | None, ...]:
        """Description of each band, as it was said."""
        return self._file.metadata.descriptions

    @property
    def colorinterp(self) -> tuple[ColorInterp, ...]:
        """Colour interpretation of each band: none is said."""
        from tinycog.geo.colour import ColorInterp  # noqa: PLC0415 - geo is loaded on demand

        return tuple(ColorInterp(name) for name in self._file.metadata.colorinterp)

    @property
    def colormap(self) -> Colormap | None:
        """None: there is no palette."""
        return None

    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]:
        """None: there is a transform, or nothing."""
        return ()

    @property
    def rpcs(self) -> None:
        """None."""
        return

    def tag_namespaces(self, band: int | None = None) -> list[str]:
        """Return that there are no domains of items."""
        return self._file.metadata.namespaces(band)

    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]:
        """Return that there are no items of metadata."""
        return self._file.metadata.tags(band, ns)

    def __repr__(self) -> str:
        """Return name and size in a line."""
        bands, rows, cols = self.shape
        return f"<Service: {self.name}, {cols} x {rows}, {bands} bands of {self.dtype}>"

    async def plan(self, **options: Unpack[AreaOptions]) -> Plan:
        """Return the calls of `read`: each as bytes from 0 to those of its pixels.

        Parts that the service refuses as too large are not known before.
        """
        return await self._plan_area(options)


def _service(get: GetWindow, given: Mapping[str, Any]) -> Service:
    return Service(get, **given)
