# Types of the blocking face, made by tests/make_sync_types.py.

import os
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import PathLike
from types import TracebackType
from typing import Any, Literal, Self, SupportsIndex, TypeVar, Unpack, overload

import numpy as np
import xarray
from affine import Affine
from numpy.typing import NDArray
from zarr.abc.store import Store

import tinycog
from tinycog.argument_types import (
    AllowHost,
    AreaOptions,
    CrsLike,
    ErrorHandling,
    FileSystem,
    GeometryLike,
    Headers,
    Interleave,
    MaskKind,
    MosaicMethod,
    NamedMember,
    ObjectStore,
    OverviewMethod,
    PixelDtype,
    PlanOptions,
    PointOptions,
    Progress,
    ReadOptions,
    ReferenceCodecs,
    References,
    ResamplingLike,
    UrlObject,
    ValidationDepth,
    WarpResamplingLike,
    Where,
    WindowLike,
    WriteProfile,
    WriteWhere,
)
from tinycog.byte_map.layout import FileLayout
from tinycog.cache.protocol import Cache
from tinycog.checks import Pinning
from tinycog.collection.asset import Sign
from tinycog.collection.filters import AssetTest
from tinycog.collection.geo_frames import GeoFrame
from tinycog.collection.given_facts import AssetTimes, AssetWhere
from tinycog.collection.open_options import OpenOptions
from tinycog.collection.read_headers import AssetErrors, FailedAsset, OnProgress
from tinycog.collection.stac_read import StacLike
from tinycog.collection.stack_steps import GroupBy
from tinycog.collection.times import TimeLike
from tinycog.dataset import Profile
from tinycog.errors import Finding
from tinycog.exporting.carry_out import Exported, ExportPlan
from tinycog.exporting.to_sink import Sink
from tinycog.exports import Exportable, ExportOptions
from tinycog.fetch.attempt import Request
from tinycog.fetch.plan import Plan
from tinycog.geo.colour import ColorInterp, Colormap
from tinycog.geo.crs import Crs
from tinycog.geo.metadata import Statistics
from tinycog.geo.transform import RPC, BoundingBox, GroundControlPoint
from tinycog.level import Level
from tinycog.limits import Limits
from tinycog.mosaics import MosaicFileFacts
from tinycog.pixels.arrays import Pixels
from tinycog.raster import Raster
from tinycog.reader.open_file import OpenArguments
from tinycog.reader.read_points import Values
from tinycog.reader.snapshot import SnapshotDocument
from tinycog.series.model import Plane, Series
from tinycog.sources.http.options import Http
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.stacking.piece_arguments import StepSelection
from tinycog.stacking.pieces import SplitFirst
from tinycog.stacking.stack_files import StackStep
from tinycog.stacking.stack_options import BandResampling, BandSelection, GridLike
from tinycog.stacking.stack_raster import StackRaster
from tinycog.targets.protocol import WriteTarget
from tinycog.targets.uploads import OpenUpload
from tinycog.tiff.image import Image
from tinycog.tiff.page_view import PagePath
from tinycog.tiff.parse import Ifd, Value
from tinycog.tiff.parse import Value as TagValue
from tinycog.tiff.roles import Role
from tinycog.tile_facts import TileFacts, TileRange
from tinycog.tile_sets import MatrixId, TileMatrixFacts
from tinycog.updating import Updated
from tinycog.validating import Judgeable
from tinycog.validator.report import ValidationReport
from tinycog.validator.rule import ValidationProfile
from tinycog.write_job import Written
from tinycog.writer.plan import WritePlan
from tinycog.writing import HasAsynchronous, PixelsFrom

class Asset:
    @property
    def asynchronous(self) -> tinycog.Asset: ...
    @property
    def name(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def bounds(self) -> tuple[float, float, float, float] | None: ...
    @property
    def geometry(self) -> Mapping[str, object] | None: ...
    @property
    def crs(self) -> str | None: ...
    @property
    def transform(self) -> Affine | None: ...
    @property
    def shape(self) -> tuple[int, int] | None: ...
    @property
    def bands(self) -> tuple[str | None, ...] | None: ...
    @property
    def dtype(self) -> str | None: ...
    @property
    def nodata(self) -> float | None: ...
    @property
    def mask(self) -> MaskKind | None: ...
    @property
    def resolution(self) -> tuple[float, float] | None: ...
    @property
    def properties(self) -> Mapping[str, object]: ...
    @property
    def start(self) -> datetime | None: ...
    @property
    def end(self) -> datetime | None: ...
    @property
    def generation(self) -> str | None: ...
    @property
    def snapshot(self) -> bytes | None: ...
    def open(self, *, sign: Sign | None = None, **options: Unpack[OpenOptions]) -> Cog: ...

class Cog:
    @property
    def asynchronous(self) -> tinycog.Cog: ...
    @property
    def pin(self) -> str | None: ...
    def check_current(self) -> None: ...
    def page(self, page: int | Sequence[int] | Plane) -> Self: ...
    def read_tile(
        self,
        z: int,
        x: int,
        y: int,
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster: ...
    def read_tiles(
        self,
        tiles: Iterable[tuple[int, int, int]],
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> list[Raster]: ...
    def read_tile_bytes(self, z: int, x: int, y: int, *, plane: int = 0) -> bytes | None: ...
    def tile_ranges(self, z: int = 0, *, window: WindowLike | None = None) -> list[TileRange]: ...
    def tile_facts(self, z: int = 0) -> TileFacts: ...
    @overload
    def plan(
        self,
        z: int,
        x: int,
        y: int,
        /,
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Plan: ...
    @overload
    def plan(
        self,
        tiles: Iterable[tuple[int, int, int]],
        /,
        *,
        padded: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Plan: ...
    @overload
    def plan(
        self, *, points: Iterable[Sequence[float]], **options: Unpack[PointOptions]
    ) -> Plan: ...
    @overload
    def plan(self, **options: Unpack[AreaOptions]) -> Plan: ...
    def plan(
        self,
        *tiles: int | Iterable[tuple[int, int, int]],
        padded: bool = False,
        points: Iterable[Sequence[float]] | None = None,
        **options: Unpack[PlanOptions],
    ) -> Plan: ...
    def iter_tiles(
        self,
        *,
        level: int = 0,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        crs: CrsLike | None = None,
        crop: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Generator[Raster]: ...
    def series(self) -> list[Series]: ...
    def read_tag(self, tag: str | int, *, level: int = 0) -> TagValue | None: ...
    def read_colormap(self, z: int = 0) -> NDArray[np.uint16] | None: ...
    def layout(self, *, whole: bool = False) -> FileLayout: ...
    def zarr_store(self, *, levels: Literal["arrays", "groups"] = "arrays") -> Store: ...
    def references(
        self,
        path: str | PathLike[str] | None = None,
        *,
        levels: Iterable[int] | int | None = None,
        zarr_format: int = 2,
        codecs: ReferenceCodecs = "numcodecs",
        url: str | None = None,
        check: int = 2,
    ) -> References: ...
    @property
    def name(self) -> str: ...
    @property
    def arguments(self) -> OpenArguments: ...
    @property
    def url(self) -> str | None: ...
    @property
    def levels(self) -> tuple[Level, ...]: ...
    @property
    def pages(self) -> Pages: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def requests(self) -> tuple[Request, ...]: ...
    @property
    def variant(self) -> str: ...
    @property
    def file_size(self) -> int | None: ...
    @property
    def ghost(self) -> dict[str, str]: ...
    def snapshot(self) -> bytes: ...
    def snapshot_document(self) -> SnapshotDocument: ...
    @property
    def overviews(self) -> list[Overview]: ...
    @property
    def has_mask(self) -> bool: ...
    @property
    def mask_flags(self) -> list[list[str]]: ...
    @property
    def mask_ifd(self) -> Image | None: ...
    @property
    def transform(self) -> Affine: ...
    def index(self, x: float, y: float) -> tuple[int, int]: ...
    def lnglat(self) -> tuple[float, float]: ...
    @property
    def crs(self) -> Crs | None: ...
    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]: ...
    @property
    def rpcs(self) -> RPC | None: ...
    @property
    def scales(self) -> tuple[float, ...]: ...
    @property
    def offsets(self) -> tuple[float, ...]: ...
    @property
    def units(self) -> tuple[str | None, ...]: ...
    @property
    def descriptions(self) -> tuple[str | None, ...]: ...
    @property
    def colorinterp(self) -> tuple[ColorInterp, ...]: ...
    @property
    def colormap(self) -> Colormap | None: ...
    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]: ...
    def tag_namespaces(self, band: int | None = None) -> list[str]: ...
    def statistics(self, band: int) -> Statistics | None: ...
    @property
    def stored_stats(self) -> dict[int, Statistics]: ...
    @property
    def profile(self) -> Profile: ...
    def info(self) -> dict[str, Any]: ...
    def tile_matrix_set(self) -> dict[str, Any]: ...
    def stored_web_tile(self, zoom: int, x: int, y: int) -> tuple[int, int, int] | None: ...
    def read(
        self,
        indexes: Iterable[int] | int | None = None,
        *,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        geometry: GeometryLike | None = None,
        crs: CrsLike | None = None,
        all_touched: bool = False,
        level: int | None = None,
        shape: Sequence[int] | None = None,
        res: float | Sequence[float] | None = None,
        bands: Iterable[int] | int | None = None,
        resampling: ResamplingLike = "nearest",
        boundless: bool = False,
        crop: bool = False,
        fill_value: float | None = None,
        pad_to: int | None = None,
        masked: bool | None = None,
        out: Pixels | None = None,
        max_bytes: int | None = None,
        errors: ErrorHandling = "raise",
        scaled: bool = False,
        rgb: bool = False,
        oriented: bool = False,
    ) -> Raster: ...
    def read_level(self, z: int, **options: Unpack[ReadOptions]) -> Raster: ...
    def preview(self, max_size: int = 512, **options: Unpack[AreaOptions]) -> Raster: ...
    def point(
        self,
        x: float,
        y: float,
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
    ) -> NDArray[Any]: ...
    def points(
        self,
        points: Iterable[Sequence[float]],
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
        whole_tiles: bool = True,
    ) -> Values: ...
    def read_web_tile(
        self,
        zoom: int,
        x: int,
        y: int,
        *,
        tilesize: int = 256,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "bilinear",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster: ...
    def read_warped(
        self,
        *,
        transform: Iterable[float],
        shape: Sequence[int],
        crs: CrsLike | None = None,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "nearest",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def nodata(self) -> int | float | None: ...
    @property
    def bounds(self) -> BoundingBox: ...
    @property
    def res(self) -> tuple[float, float]: ...
    def __init__(self, value: tinycog.Cog) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class Collection(Sequence[Asset]):
    @property
    def asynchronous(self) -> tinycog.Collection: ...
    @classmethod
    def from_urls(
        cls,
        wheres: AssetWhere | Iterable[AssetWhere],
        *,
        names: Sequence[str] | Callable[[str], str] | None = None,
        properties: Sequence[Mapping[str, object]]
        | Callable[[str], Mapping[str, object]]
        | None = None,
        times: Sequence[AssetTimes] | Callable[[str], AssetTimes] | None = None,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self: ...
    @classmethod
    def from_stac(
        cls,
        items: StacLike,
        *,
        assets: str | Iterable[str] | None = None,
        read_headers: bool = False,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self: ...
    @classmethod
    def from_geodataframe(
        cls,
        frame: GeoFrame,
        *,
        where: str = "where",
        name: str | None = None,
        start: str | None = None,
        end: str | None = None,
    ) -> Self: ...
    @classmethod
    def from_stac_geoparquet(
        cls, path: str | os.PathLike[str], *, assets: str | Iterable[str] | None = None
    ) -> Self: ...
    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self: ...
    def save(self, path: str | os.PathLike[str], *, secrets: bool = False) -> None: ...
    @property
    def failed(self) -> tuple[FailedAsset, ...]: ...
    @property
    def replaced(self) -> tuple[str, ...]: ...
    @property
    def removed(self) -> tuple[str, ...]: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex) -> Asset: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Asset | Self: ...
    def __iter__(self) -> Iterator[Asset]: ...
    def filter(
        self,
        *,
        bounds: Sequence[float] | None = None,
        geometry: GeometryLike | None = None,
        crs: CrsLike | None = None,
        start: TimeLike | None = None,
        end: TimeLike | None = None,
        where: AssetTest | None = None,
    ) -> Self: ...
    def read_headers(
        self,
        *,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self: ...
    def refresh(
        self,
        *,
        concurrency: int = 64,
        errors: AssetErrors = "raise",
        on_progress: OnProgress | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Self: ...
    def mosaic(
        self,
        *,
        method: MosaicMethod = "first",
        strict: bool = True,
        tolerance: float = ...,
        crs: CrsLike | None = None,
        res: float | Sequence[float] | None = None,
        bounds: Sequence[float] | None = None,
        resampling: WarpResamplingLike = "nearest",
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Mosaic: ...
    def stack(
        self,
        *,
        bounds: Sequence[float] | None = None,
        crs: CrsLike | None = None,
        res: float | Sequence[float] | None = None,
        bands: BandSelection = None,
        groupby: GroupBy = None,
        method: MosaicMethod = "first",
        resampling: BandResampling = "nearest",
        bounds_crs: CrsLike | None = None,
        transform: Iterable[float] | None = None,
        shape: Sequence[int] | None = None,
        like: GridLike | None = None,
        geometry: GeometryLike | None = None,
        all_touched: bool = False,
        pad_to: int | None = None,
        sign: Sign | None = None,
        **options: Unpack[OpenOptions],
    ) -> Stack: ...
    def to_stac(self) -> dict[str, object]: ...
    def to_geodataframe(self) -> GeoFrame: ...
    def __init__(self, value: tinycog.Collection) -> None: ...
    def __add__(self, other: Collection) -> Self: ...

class Mosaic:
    @property
    def asynchronous(self) -> tinycog.Mosaic: ...
    @property
    def files(self) -> tuple[MosaicFileFacts, ...]: ...
    @property
    def name(self) -> str: ...
    @property
    def pin(self) -> str | None: ...
    @property
    def transform(self) -> Affine: ...
    @property
    def crs(self) -> Crs | None: ...
    @property
    def levels(self) -> tuple[Level, ...]: ...
    @property
    def has_mask(self) -> bool: ...
    @property
    def scales(self) -> tuple[float, ...]: ...
    @property
    def offsets(self) -> tuple[float, ...]: ...
    @property
    def units(self) -> tuple[str | None, ...]: ...
    @property
    def descriptions(self) -> tuple[str | None, ...]: ...
    @property
    def colorinterp(self) -> tuple[ColorInterp, ...]: ...
    @property
    def colormap(self) -> Colormap | None: ...
    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]: ...
    @property
    def rpcs(self) -> None: ...
    def tag_namespaces(self, band: int | None = None) -> list[str]: ...
    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]: ...
    @property
    def requests(self) -> tuple[Request, ...]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    def plan(self, **options: Unpack[AreaOptions]) -> Plan: ...
    def iter_tiles(
        self,
        *,
        level: int = 0,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        crs: CrsLike | None = None,
        crop: bool = False,
        masked: bool | None = None,
        errors: ErrorHandling = "raise",
    ) -> Generator[Raster]: ...
    def read(
        self,
        indexes: Iterable[int] | int | None = None,
        *,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        geometry: GeometryLike | None = None,
        crs: CrsLike | None = None,
        all_touched: bool = False,
        level: int | None = None,
        shape: Sequence[int] | None = None,
        res: float | Sequence[float] | None = None,
        bands: Iterable[int] | int | None = None,
        resampling: ResamplingLike = "nearest",
        boundless: bool = False,
        crop: bool = False,
        fill_value: float | None = None,
        pad_to: int | None = None,
        masked: bool | None = None,
        out: Pixels | None = None,
        max_bytes: int | None = None,
        errors: ErrorHandling = "raise",
        scaled: bool = False,
        rgb: bool = False,
        oriented: bool = False,
    ) -> Raster: ...
    def read_level(self, z: int, **options: Unpack[ReadOptions]) -> Raster: ...
    def preview(self, max_size: int = 512, **options: Unpack[AreaOptions]) -> Raster: ...
    def point(
        self,
        x: float,
        y: float,
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
    ) -> NDArray[Any]: ...
    def points(
        self,
        points: Iterable[Sequence[float]],
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
        whole_tiles: bool = True,
    ) -> Values: ...
    def read_web_tile(
        self,
        zoom: int,
        x: int,
        y: int,
        *,
        tilesize: int = 256,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "bilinear",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster: ...
    def read_warped(
        self,
        *,
        transform: Iterable[float],
        shape: Sequence[int],
        crs: CrsLike | None = None,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "nearest",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def nodata(self) -> int | float | None: ...
    @property
    def bounds(self) -> BoundingBox: ...
    @property
    def res(self) -> tuple[float, float]: ...
    def __init__(self, value: tinycog.Mosaic) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class Overview:
    @property
    def asynchronous(self) -> tinycog.Overview: ...
    @property
    def decimation(self) -> int: ...
    def read(self, **options: Unpack[ReadOptions]) -> Raster: ...
    @property
    def z(self) -> int: ...
    @property
    def image(self) -> Image: ...
    @property
    def has_mask(self) -> bool: ...
    @property
    def tile_shape(self) -> tuple[int, int]: ...
    @property
    def grid(self) -> tuple[int, int]: ...
    @property
    def compression(self) -> str: ...
    @property
    def transform(self) -> Affine: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def nodata(self) -> int | float | None: ...
    @property
    def bounds(self) -> BoundingBox: ...
    @property
    def res(self) -> tuple[float, float]: ...

class Page:
    @property
    def asynchronous(self) -> tinycog.Page: ...
    @property
    def path(self) -> PagePath: ...
    @property
    def role(self) -> Role: ...
    @property
    def of(self) -> PagePath: ...
    @property
    def z(self) -> int | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def ifd(self) -> Ifd: ...
    @property
    def image(self) -> Image: ...
    @property
    def offset(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def nodata(self) -> int | float | None: ...
    @property
    def photometric(self) -> str: ...
    @property
    def compression(self) -> str: ...
    @property
    def is_tiled(self) -> bool: ...
    @property
    def tile_shape(self) -> tuple[int, int]: ...
    @property
    def grid(self) -> tuple[int, int]: ...
    @property
    def subfile_type(self) -> int: ...
    @property
    def tags(self) -> Tags: ...
    @property
    def description(self) -> str | None: ...
    @property
    def pages(self) -> Pages: ...

class Pages(Sequence[Page]):
    @property
    def asynchronous(self) -> tinycog.Pages: ...
    @property
    def complete(self) -> bool: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, at: int) -> Page: ...
    @overload
    def __getitem__(self, at: slice) -> list[Page]: ...
    def __getitem__(self, at: int | slice) -> Page | list[Page]: ...
    def __iter__(self) -> Iterator[Page]: ...

class Service:
    @property
    def asynchronous(self) -> tinycog.Service: ...
    @property
    def transform(self) -> Affine: ...
    @property
    def crs(self) -> Crs | None: ...
    @property
    def levels(self) -> tuple[Level, ...]: ...
    @property
    def has_mask(self) -> bool: ...
    @property
    def scales(self) -> tuple[float, ...]: ...
    @property
    def offsets(self) -> tuple[float, ...]: ...
    @property
    def units(self) -> tuple[str | None, ...]: ...
    @property
    def descriptions(self) -> tuple[str | None, ...]: ...
    @property
    def colorinterp(self) -> tuple[ColorInterp, ...]: ...
    @property
    def colormap(self) -> Colormap | None: ...
    @property
    def gcps(self) -> tuple[GroundControlPoint, ...]: ...
    @property
    def rpcs(self) -> None: ...
    def tag_namespaces(self, band: int | None = None) -> list[str]: ...
    def tags(self, band: int | None = None, *, ns: str = "") -> dict[str, str]: ...
    def plan(self, **options: Unpack[AreaOptions]) -> Plan: ...
    def read(
        self,
        indexes: Iterable[int] | int | None = None,
        *,
        window: WindowLike | None = None,
        bounds: Sequence[float] | None = None,
        geometry: GeometryLike | None = None,
        crs: CrsLike | None = None,
        all_touched: bool = False,
        level: int | None = None,
        shape: Sequence[int] | None = None,
        res: float | Sequence[float] | None = None,
        bands: Iterable[int] | int | None = None,
        resampling: ResamplingLike = "nearest",
        boundless: bool = False,
        crop: bool = False,
        fill_value: float | None = None,
        pad_to: int | None = None,
        masked: bool | None = None,
        out: Pixels | None = None,
        max_bytes: int | None = None,
        errors: ErrorHandling = "raise",
        scaled: bool = False,
        rgb: bool = False,
        oriented: bool = False,
    ) -> Raster: ...
    def read_level(self, z: int, **options: Unpack[ReadOptions]) -> Raster: ...
    def preview(self, max_size: int = 512, **options: Unpack[AreaOptions]) -> Raster: ...
    def point(
        self,
        x: float,
        y: float,
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
    ) -> NDArray[Any]: ...
    def points(
        self,
        points: Iterable[Sequence[float]],
        *,
        crs: CrsLike | None = None,
        level: int = 0,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
        whole_tiles: bool = True,
    ) -> Values: ...
    def read_web_tile(
        self,
        zoom: int,
        x: int,
        y: int,
        *,
        tilesize: int = 256,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "bilinear",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster: ...
    def read_warped(
        self,
        *,
        transform: Iterable[float],
        shape: Sequence[int],
        crs: CrsLike | None = None,
        level: int | None = None,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        resampling: WarpResamplingLike = "nearest",
        errors: ErrorHandling = "raise",
        rgb: bool = False,
    ) -> Raster: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int, int]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def nodata(self) -> int | float | None: ...
    @property
    def bounds(self) -> BoundingBox: ...
    @property
    def res(self) -> tuple[float, float]: ...
    def __init__(self, value: tinycog.Service) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class Stack:
    @property
    def asynchronous(self) -> tinycog.Stack: ...
    @property
    def steps(self) -> tuple[StackStep, ...]: ...
    @property
    def times(self) -> NDArray[np.datetime64]: ...
    @property
    def bands(self) -> tuple[str | None, ...]: ...
    @property
    def shape(self) -> tuple[int, int, int, int]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def nodata(self) -> int | float | None: ...
    @property
    def scales(self) -> tuple[float, ...]: ...
    @property
    def offsets(self) -> tuple[float, ...]: ...
    @property
    def units(self) -> tuple[str | None, ...]: ...
    @property
    def transform(self) -> Affine: ...
    @property
    def crs(self) -> Crs | None: ...
    @property
    def bounds(self) -> BoundingBox: ...
    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def grid_from(self) -> str | None: ...
    @property
    def outside(self) -> tuple[str, ...]: ...
    @property
    def requests(self) -> tuple[Request, ...]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    def read(
        self,
        *,
        steps: StepSelection = None,
        bands: BandSelection = None,
        window: WindowLike | None = None,
        errors: ErrorHandling = "raise",
        max_bytes: int | None = None,
    ) -> StackRaster: ...
    def plan(
        self,
        *,
        steps: StepSelection = None,
        bands: BandSelection = None,
        window: WindowLike | None = None,
    ) -> Plan: ...
    def iter_pieces(
        self,
        *,
        max_bytes: int = ...,
        split: SplitFirst = "area",
        bands: BandSelection = None,
        errors: ErrorHandling = "raise",
    ) -> Generator[StackRaster]: ...
    def to_xarray(
        self, *, chunks: object = None, mask_and_scale: bool = True, errors: ErrorHandling = "raise"
    ) -> xarray.DataArray: ...
    def __init__(self, value: tinycog.Stack) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class TagEntry:
    @property
    def asynchronous(self) -> tinycog.TagEntry: ...
    @property
    def name(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def field_type(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def offset(self) -> int: ...
    def read_bytes(self) -> bytes: ...
    @property
    def value(self) -> Value: ...

class Tags(Mapping[str | int, TagEntry]):
    @property
    def asynchronous(self) -> tinycog.Tags: ...
    def __getitem__(self, tag: str | int) -> TagEntry: ...
    def __iter__(self) -> Iterator[str | int]: ...
    def __len__(self) -> int: ...
    def read(self, *tags: str | int) -> dict[str | int, Value]: ...
    def read_ifd(self, tag: str | int) -> Tags: ...

class TileSet:
    @property
    def asynchronous(self) -> tinycog.TileSet: ...
    @property
    def id(self) -> str: ...
    @property
    def crs(self) -> Crs: ...
    @property
    def matrices(self) -> tuple[TileMatrixFacts, ...]: ...
    def info(self) -> dict[str, object]: ...
    @property
    def requests(self) -> tuple[Request, ...]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    def read_tile(
        self,
        matrix: MatrixId,
        col: int,
        row: int,
        *,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
        errors: ErrorHandling = "raise",
    ) -> Raster: ...
    def plan(
        self,
        matrix: MatrixId,
        col: int,
        row: int,
        *,
        bands: Iterable[int] | int | None = None,
        indexes: Iterable[int] | int | None = None,
    ) -> Plan: ...
    def __init__(
        self,
        files: Iterable[Where | SignedUrl | Source | Cog],
        tile_matrix_set: str | Mapping[str, object] = ...,
        *,
        strict: bool = True,
        resampling: WarpResamplingLike = ...,
    ) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

def open(
    where: Where | SignedUrl | Source,
    *,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    headers: Headers | None = None,
    auth: Headers | None = None,
    http: Http | None = None,
    allow_host: AllowHost | None = None,
    storage_options: Mapping[str, object] | None = None,
    limits: Limits | None = None,
    head_bytes: int = ...,
    snapshot: bytes | SnapshotDocument | None = None,
    pin: str | None = None,
    pinning: Pinning = "strict",
    page: int | Sequence[int] | Plane = 0,
    sidecars: bool = False,
    cache: Cache | Literal[False] | None = None,
) -> Cog: ...
def mosaic(
    files: Iterable[Where | SignedUrl | Source | Cog],
    *,
    method: MosaicMethod = "first",
    strict: bool = True,
    tolerance: float = ...,
    crs: CrsLike | None = None,
    res: float | Sequence[float] | None = None,
    bounds: Sequence[float] | None = None,
    resampling: WarpResamplingLike = "nearest",
) -> Mosaic: ...
@overload
def write(
    target: WriteWhere | WriteTarget,
    source: PixelsFrom,
    *,
    plan: Literal[False] = False,
    profile: WriteProfile = "default",
    shape: Sequence[int] | None = None,
    dtype: PixelDtype | None = None,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    tiling_scheme: Literal["WebMercatorQuad"] | None = None,
    zoom: int | None = None,
    warp_resampling: WarpResamplingLike = "bilinear",
    crs: CrsLike | None = None,
    transform: Affine | Sequence[float] | None = None,
    nodata: float | None = None,
    gcps: Sequence[GroundControlPoint] = ...,
    rpcs: RPC | None = None,
    area_or_point: Literal["Area", "Point"] | None = None,
    descriptions: Sequence[str | None] | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    units: Sequence[str | None] | None = None,
    colorinterp: Sequence[str | NamedMember] | None = None,
    colormap: Colormap | Mapping[int, Sequence[int]] | None = None,
    tags: Mapping[str, str] | None = None,
    compression: str | None = None,
    level: int | Literal["auto", "fast"] | None = None,
    predictor: int | str | None = None,
    quality: float | None = None,
    lossless: bool | None = None,
    max_z_error: float | None = None,
    distance: float | None = None,
    effort: int | None = None,
    photometric: Literal["ycbcr", "rgb"] | None = None,
    blocksize: int | None = None,
    overview_blocksize: int | None = None,
    overviews: bool | int | Sequence[int] | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    interleave: Interleave | None = None,
    mask: MaskKind | None = None,
    sparse: bool = False,
    statistics: bool | None = None,
    bigtiff: bool | None = None,
    byte_order: Literal["<", ">"] = "<",
    bits: int | None = None,
    memory: int = ...,
    verify: bool = False,
    spool: str | PathLike[str] | None = None,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    storage_options: Mapping[str, object] | None = None,
    overwrite: bool = True,
    resume: bool | str | PathLike[str] = False,
    progress: Progress | None = None,
) -> Written: ...
@overload
def write(
    target: WriteWhere | WriteTarget,
    source: PixelsFrom,
    *,
    plan: Literal[True],
    profile: WriteProfile = "default",
    shape: Sequence[int] | None = None,
    dtype: PixelDtype | None = None,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    tiling_scheme: Literal["WebMercatorQuad"] | None = None,
    zoom: int | None = None,
    warp_resampling: WarpResamplingLike = "bilinear",
    crs: CrsLike | None = None,
    transform: Affine | Sequence[float] | None = None,
    nodata: float | None = None,
    gcps: Sequence[GroundControlPoint] = ...,
    rpcs: RPC | None = None,
    area_or_point: Literal["Area", "Point"] | None = None,
    descriptions: Sequence[str | None] | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    units: Sequence[str | None] | None = None,
    colorinterp: Sequence[str | NamedMember] | None = None,
    colormap: Colormap | Mapping[int, Sequence[int]] | None = None,
    tags: Mapping[str, str] | None = None,
    compression: str | None = None,
    level: int | Literal["auto", "fast"] | None = None,
    predictor: int | str | None = None,
    quality: float | None = None,
    lossless: bool | None = None,
    max_z_error: float | None = None,
    distance: float | None = None,
    effort: int | None = None,
    photometric: Literal["ycbcr", "rgb"] | None = None,
    blocksize: int | None = None,
    overview_blocksize: int | None = None,
    overviews: bool | int | Sequence[int] | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    interleave: Interleave | None = None,
    mask: MaskKind | None = None,
    sparse: bool = False,
    statistics: bool | None = None,
    bigtiff: bool | None = None,
    byte_order: Literal["<", ">"] = "<",
    bits: int | None = None,
    memory: int = ...,
    verify: bool = False,
    spool: str | PathLike[str] | None = None,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    storage_options: Mapping[str, object] | None = None,
    overwrite: bool = True,
    resume: bool | str | PathLike[str] = False,
    progress: Progress | None = None,
) -> WritePlan: ...
@overload
def export(
    source: Exportable | HasAsynchronous,
    target: str | PathLike[str] | Sink,
    *,
    plan: Literal[False] = False,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    crs: CrsLike | None = None,
    crop: bool = False,
    geometry: GeometryLike | None = None,
    all_touched: bool = False,
    pad_to: int | None = None,
    shape: Sequence[int] | None = None,
    res: float | Sequence[float] | None = None,
    resampling: ResamplingLike = "nearest",
    bands: Iterable[int] | int | None = None,
    indexes: Iterable[int] | int | None = None,
    errors: ErrorHandling = "raise",
    memory: int = ...,
    concurrency: int = ...,
    resume: bool | str | PathLike[str] | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    **options: Unpack[ExportOptions],
) -> Exported: ...
@overload
def export(
    source: Exportable | HasAsynchronous,
    target: str | PathLike[str] | Sink,
    *,
    plan: Literal[True],
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    crs: CrsLike | None = None,
    crop: bool = False,
    geometry: GeometryLike | None = None,
    all_touched: bool = False,
    pad_to: int | None = None,
    shape: Sequence[int] | None = None,
    res: float | Sequence[float] | None = None,
    resampling: ResamplingLike = "nearest",
    bands: Iterable[int] | int | None = None,
    indexes: Iterable[int] | int | None = None,
    errors: ErrorHandling = "raise",
    memory: int = ...,
    concurrency: int = ...,
    resume: bool | str | PathLike[str] | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    **options: Unpack[ExportOptions],
) -> ExportPlan: ...
def update(
    target: str | PathLike[str] | UrlObject,
    block: PixelsFrom,
    *,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    level: int | None = None,
    effort: int | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    mask: MaskKind | None = None,
    sparse: bool | None = None,
    statistics: bool | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Updated: ...
def list_uploads(
    where: str, *, storage_options: Mapping[str, object] | None = None
) -> list[OpenUpload]: ...
def abort_upload(
    upload: OpenUpload, *, storage_options: Mapping[str, object] | None = None
) -> None: ...
def validate(
    where: Judgeable | Sequence[Judgeable],
    profile: str | ValidationProfile = "ogc-cog",
    *,
    depth: ValidationDepth = "header",
    strict: bool = False,
    literal: bool = False,
    progress: Progress | None = None,
    http: bool = False,
) -> ValidationReport: ...

T = TypeVar("T")

def run(work: Coroutine[Any, Any, T]) -> T: ...
