"""Types of what public calls take: options of a read, areas, CRSs, file systems. No code.

They stand here so that an editor completes the options of `Cog.preview(...)`, and so that a type
checker knows which objects of other libraries are accepted.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

Resampling = Literal[
    "nearest",
    "bilinear",
    "cubic",
    "cubic_spline",
    "lanczos",
    "gauss",
    "average",
    "mean",
    "rms",
    "sum",
    "mode",
    "min",
    "max",
    "med",
    "q1",
    "q3",
    "sample",
]
"""Resampling methods of `Cog.read`; "mean" is another name of "average"."""

WarpResampling = Literal["nearest", "bilinear", "cubic", "average", "mean"]
"""Resampling methods of `Cog.read_web_tile`; "mean" is another name of "average"."""


Interleave = Literal["pixel", "band", "tile"]
"""How bands are stored: in one tile, in tiles of their own one band after the other, or in tiles of
their own side by side."""


OverviewMethod = Literal[
    "nearest",
    "average",
    "mode",
    "min",
    "max",
    "rms",
    "bilinear",
    "cubic",
    "MEAN",
    "MIN",
    "MAX",
    "SAMPLE",
    "MODE",
]
"""Methods by which overviews are made; those in capitals are Earth Engine's pyramiding policies."""


MosaicMethod = Literal[
    "first",
    "last",
    "highest",
    "lowest",
    "mean",
    "min",
    "max",
    "median",
    "mode",
    "count",
    "stdev",
]
"""How samples of several files become one; "highest" is "max" and "lowest" is "min"."""

MaskKind = Literal["internal", "alpha", "nodata", "none"]
"""How a file marks pixels that are not valid: by a mask image, a band of opacity, the value nodata,
or not at all."""

WriteProfile = Literal["default", "earth-engine", "web", "archive", "fast"]
"""Names of options that go together when a file is written."""

Progress = Callable[[int, int], None]
"""Called with how much is done, and how much there is: pixels of level 0, or stored tiles."""

ErrorHandling = Literal["raise", "fill"]
"""What a read does where a stored tile is broken: raise its error, or fill it and read on."""


ValidationDepth = Literal["header", "tiles", "full"]
"""How much of a file is validated: header and first blocks; also every block of the index; also the
pixels of every tile."""

ReferenceCodecs = Literal["numcodecs", "tinycog"]
"""Codecs by which references say that chunks are decoded: numcodecs' and zarr's own, or ours."""


class References(TypedDict):
    """References to parts of files as kerchunk writes them, a JSON document.

    `refs` holds, for each key of a zarr store, its text, or [url, offset, length].
    """

    version: int
    refs: dict[str, str | list[str | int]]


class NamedMember(Protocol):
    """A member of an enum that is named as a method is, as those of rasterio's `Resampling`."""

    @property
    def name(self) -> str:
        """Name of the method."""
        ...


ResamplingLike = Resampling | NamedMember
"""A resampling method of `Cog.read`: its name, or a member of rasterio's `Resampling`."""

WarpResamplingLike = WarpResampling | NamedMember
"""A resampling method of `Cog.read_web_tile`, likewise."""


class SupportsWkt(Protocol):
    """A CRS object that can be written as WKT: `tinycog.Crs`, `pyproj.CRS`, rasterio's `CRS`."""

    def to_wkt(self) -> str:
        """Return the CRS as WKT."""
        ...


CrsLike = str | int | tuple[str, str | int] | Mapping[str, object] | SupportsWkt
"""A CRS: "EPSG:4326" or WKT, an EPSG code, (authority, code), PROJ JSON, or a CRS object."""


class SupportsGeoInterface(Protocol):
    """A geometry of another library: one of shapely's, say."""

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        """The geometry as GeoJSON."""
        ...


GeometryLike = Mapping[str, object] | SupportsGeoInterface
"""An area: GeoJSON (a geometry or a feature), or an object with `__geo_interface__`."""


class SupportsWindow(Protocol):
    """A rectangle of pixels with named sides: `tinycog.Window`, rasterio's `Window`."""

    @property
    def col_off(self) -> float:
        """First column."""
        ...

    @property
    def row_off(self) -> float:
        """First row."""
        ...

    @property
    def width(self) -> float:
        """Number of columns."""
        ...

    @property
    def height(self) -> float:
        """Number of rows."""
        ...


WindowLike = Sequence[float] | SupportsWindow
"""(col_off, row_off, width, height) in pixels, or an object with these attributes."""


Headers = Mapping[str, str] | Callable[[], Mapping[str, str] | Awaitable[Mapping[str, str]]]
"""HTTP headers, or a function, async or not, that returns them."""

AllowHost = Callable[[str], bool]
"""Function of a url, that of a redirect included, that returns whether it may be requested."""

GetRange = Callable[[int, int], Awaitable[bytes | bytearray | memoryview]]
"""`async get_range(start, stop)`: bytes `start` to `stop` (half-open) of an object.

The simplest source; fewer bytes mean that the object ends there.
"""


class UrlObject(Protocol):
    """A url of another library: a `yarl.URL`, pydantic's `HttpUrl`. Its text is the url."""

    @property
    def scheme(self) -> object:
        """Scheme of the url."""
        ...


class BinaryFile(Protocol):
    """An open binary file: of `open(path, "rb")`, an `io.BytesIO`, one of fsspec's."""

    def read(self, size: int = ..., /) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        ...

    def seek(self, offset: int, whence: int = ..., /) -> object:
        """Go to a position."""
        ...

    def tell(self) -> int:
        """Return the position."""
        ...


class WritableFile(Protocol):
    """A binary file that is open for writing: of `open(path, "wb")`, a pipe, an `io.BytesIO`."""

    def write(self, data: bytes, /) -> object:
        """Write bytes; return how many, if they may be fewer."""
        ...


class SupportsArray(Protocol):
    """What numpy makes an array of: an array of dask, a DataArray, a memmap."""

    def __array__(self) -> NDArray[Any]:
        """Return the samples as an array."""
        ...


BlockPair = tuple[tuple[int, int], NDArray[Any]]
"""A block of pixels, (bands, rows, cols) or (rows, cols) for one band, behind the row and the
column of its first pixel."""

PixelDtype = (
    str | np.dtype[Any] | type[np.generic] | type[bool] | type[int] | type[float] | type[complex]
)
"""The dtype of pixels: numpy's name of it, a dtype, or a type that it can be made of."""

PixelsLike = SupportsArray | Iterable[BlockPair] | AsyncIterable[BlockPair]
"""Pixels to be written: an array, (bands, rows, cols) or (rows, cols), or blocks in any order."""

WriteWhere = str | PathLike[str] | UrlObject | type[bytes] | WritableFile
"""What a file is written to, besides a target of one's own: a path, a url, `bytes` (the type), or
an open file."""

Where = str | PathLike[str] | UrlObject | bytes | bytearray | memoryview | BinaryFile | GetRange
"""What `tinycog.open` reads, besides a `Source`: a url, a path, the bytes, an open file, or a
function."""


class FileSystem(Protocol):
    """An fsspec file system, as far as it is used here."""

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes | str:
        """Return bytes `start` to `end` of a file, half-open."""
        ...


class SupportsGetAsync(Protocol):
    """A store with obspec's `GetAsync`: its answers tell of which object they are."""

    @property
    def get_async(self) -> Callable[..., Awaitable[object]]:
        """Method that takes a path and `options={"range": (start, stop), "if_match": etag}`."""
        ...


class SupportsGet(Protocol):
    """A store with obspec's `Get`, which is called in a thread."""

    @property
    def get(self) -> Callable[..., object]:
        """Method that takes the same."""
        ...


class SupportsGetRangeAsync(Protocol):
    """A store with obspec's `GetRangeAsync`: its answers are bytes alone, of any generation."""

    @property
    def get_range_async(self) -> Callable[..., Awaitable[object]]:
        """Method that takes a path, `start=` and `end=`."""
        ...


class SupportsGetRangesAsync(Protocol):
    """A store with obspec's `GetRangesAsync`, likewise."""

    @property
    def get_ranges_async(self) -> Callable[..., Awaitable[Sequence[object]]]:
        """Method that takes a path, `starts=[start]` and `ends=[stop]`."""
        ...


ObjectStore = SupportsGetAsync | SupportsGet | SupportsGetRangeAsync | SupportsGetRangesAsync
"""An object store with obspec's methods, as those of `obstore.store`; the first of them is used."""


class ReadOptions(TypedDict, total=False):
    """Options of a read of one level; see `Cog.read` for what each means."""

    window: WindowLike | None
    bounds: Sequence[float] | None
    geometry: GeometryLike | None
    crs: CrsLike | None
    all_touched: bool
    shape: Sequence[int] | None
    res: float | Sequence[float] | None
    bands: Iterable[int] | int | None
    indexes: Iterable[int] | int | None
    resampling: ResamplingLike
    boundless: bool
    crop: bool
    fill_value: float | None
    pad_to: int | None
    masked: bool | None
    out: NDArray[Any] | None
    max_bytes: int | None
    errors: ErrorHandling
    scaled: bool
    rgb: bool
    oriented: bool


class PointOptions(TypedDict, total=False):
    """Options of a read of points; see `Cog.points` for what each means."""

    crs: CrsLike | None
    level: int
    bands: Iterable[int] | int | None
    indexes: Iterable[int] | int | None
    errors: ErrorHandling
    whole_tiles: bool


class AreaOptions(ReadOptions, total=False):
    """Options of a read that may name its level; see `Cog.read` for what each means."""

    level: int | None


class PlanOptions(AreaOptions, total=False):
    """Options of a plan: those of a read of an area, or of points."""

    whole_tiles: bool
