"""A pure-Python, byte-level reader of TIFF, BigTIFF and Cloud Optimized GeoTIFF over ranges.

::

    import tinycog

    tile = await tinycog.open(url).read_tile(z, x, y)   # z = level, 0 = full resolution

Public are the names in `__all__` and the modules `tinycog`, `tinycog.sync` (the same, blocking),
`tinycog.errors`, `tinycog.testing`, `tinycog.compat`, `tinycog.earth_engine`,
`tinycog.viewer`, `tinycog.adapters.rio_tiler` and `tinycog.adapters.virtualizarr`; docs/api.md
lists them. Every other module is private: it may change in any release.
"""

from typing import TYPE_CHECKING

from tinycog.cache.protocol import Block, BlockKind, Cache
from tinycog.checks import Pinning
from tinycog.cog import Cog
from tinycog.configuration import configure
from tinycog.dataset import Profile
from tinycog.entry import open  # noqa: A004 - the library's verb
from tinycog.errors import (
    AccessDeniedError,
    CorruptTileError,
    Finding,
    FormatError,
    LimitError,
    MosaicError,
    NotFoundError,
    NotTiffError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    TargetExistsError,
    TileIndexError,
    TinycogError,
    TooLargeError,
    TruncatedError,
    UnsupportedError,
    UsageError,
    WriteError,
)
from tinycog.fetch.attempt import Request
from tinycog.limits import Limits, Retries
from tinycog.reader.open_file import OpenArguments
from tinycog.sources.protocol import RangeSink, Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.page_view import PageView
from tinycog.tiff.ranges import ByteRange
from tinycog.version import __version__
from tinycog.window import FloatWindow, Window

if TYPE_CHECKING:
    from tinycog.argument_types import (
        AllowHost,
        AreaOptions,
        BinaryFile,
        BlockPair,
        CrsLike,
        ErrorHandling,
        FileSystem,
        GetRange,
        Headers,
        Interleave,
        MaskKind,
        MosaicMethod,
        NamedMember,
        ObjectStore,
        OverviewMethod,
        PixelDtype,
        PixelsLike,
        PlanOptions,
        PointOptions,
        ReadOptions,
        ReferenceCodecs,
        References,
        Resampling,
        ResamplingLike,
        SupportsArray,
        SupportsGeoInterface,
        SupportsGet,
        SupportsGetAsync,
        SupportsGetRangeAsync,
        SupportsGetRangesAsync,
        SupportsWindow,
        SupportsWkt,
        UrlObject,
        ValidationDepth,
        WarpResampling,
        WarpResamplingLike,
        Where,
        WindowLike,
        WritableFile,
        WriteProfile,
        WriteWhere,
    )
    from tinycog.byte_map.layout import FileLayout, FileSegment, SegmentGroup, SegmentKind
    from tinycog.cache.disk import DiskCache
    from tinycog.cache.memory import MemoryCache
    from tinycog.collection.asset import Asset
    from tinycog.collection.collection import Collection
    from tinycog.collection.geo_frames import GeoFrame
    from tinycog.collection.open_options import OpenOptions
    from tinycog.collection.read_headers import FailedAsset
    from tinycog.collection.stac_read import SupportsToDict
    from tinycog.exporting.carry_out import Exported, ExportPlan
    from tinycog.exporting.to_sink import Sink
    from tinycog.exports import Exportable, ExportOptions, export
    from tinycog.fetch.plan import Plan
    from tinycog.geo.colour import ColorInterp, Colormap
    from tinycog.geo.crs import Crs
    from tinycog.geo.keys import GeoKey, GeoKeys
    from tinycog.geo.lazy import Placement
    from tinycog.geo.metadata import Statistics
    from tinycog.geo.transform import RPC, BoundingBox, GroundControlPoint
    from tinycog.header_parser import HeaderParser
    from tinycog.level import Level, Overview
    from tinycog.mosaicking.fitting import MosaicOptions
    from tinycog.mosaics import Mosaic, MosaicFileFacts, mosaic
    from tinycog.page import Page, Pages
    from tinycog.pixels.account import Account, Loss
    from tinycog.pixels.colouring import Colouring
    from tinycog.pixels.validity import Validity
    from tinycog.raster import Raster
    from tinycog.reader.read_points import Values
    from tinycog.reader.snapshot import SnapshotDocument
    from tinycog.reader.tags import TagEntry, Tags
    from tinycog.series.model import Plane, PlaneAxes, Series
    from tinycog.services import Service
    from tinycog.servicing.requests import GetWindow
    from tinycog.sources.http.options import Http, HttpSession
    from tinycog.stacking.stack_files import StackFile, StackStep
    from tinycog.stacking.stack_options import AskedGrid, GridLike, StackOptions
    from tinycog.stacking.stack_raster import StackRaster
    from tinycog.stacks import Stack
    from tinycog.targets.protocol import WriteTarget
    from tinycog.targets.temporary import leftovers
    from tinycog.targets.uploads import OpenUpload, abort_upload, list_uploads
    from tinycog.tiff.image import Grid, Image
    from tinycog.tiff.parse import Entry, Ifd
    from tinycog.tiff.parse import Value as TagValue
    from tinycog.tiff.spec import FieldType, Tag
    from tinycog.tile_facts import TileFacts, TileRange, decode_tile
    from tinycog.tile_sets import MatrixId, TileLimits, TileMatrixFacts, TileSet
    from tinycog.updating import Updated, update
    from tinycog.validating import validate
    from tinycog.validator.report import RuleFinding, ValidationReport
    from tinycog.validator.rule import ProfileRule, ValidationProfile
    from tinycog.writer.pending import Write
    from tinycog.writer.plan import WritePlan
    from tinycog.writing import HasAsynchronous, Written, write

__all__ = [
    "RPC",
    "AccessDeniedError",
    "Account",
    "AllowHost",
    "AreaOptions",
    "AskedGrid",
    "Asset",
    "BinaryFile",
    "Block",
    "BlockKind",
    "BlockPair",
    "BoundingBox",
    "ByteRange",
    "Cache",
    "Cog",
    "Collection",
    "ColorInterp",
    "Colormap",
    "Colouring",
    "CorruptTileError",
    "Crs",
    "CrsLike",
    "DiskCache",
    "Entry",
    "ErrorHandling",
    "ExportOptions",
    "ExportPlan",
    "Exportable",
    "Exported",
    "FailedAsset",
    "FieldType",
    "FileLayout",
    "FileSegment",
    "FileSystem",
    "Finding",
    "FloatWindow",
    "FormatError",
    "GeoFrame",
    "GeoKey",
    "GeoKeys",
    "GetRange",
    "GetWindow",
    "Grid",
    "GridLike",
    "GroundControlPoint",
    "HasAsynchronous",
    "HeaderParser",
    "Headers",
    "Http",
    "HttpSession",
    "Ifd",
    "Image",
    "Interleave",
    "Level",
    "LimitError",
    "Limits",
    "Loss",
    "MaskKind",
    "MatrixId",
    "MemoryCache",
    "Mosaic",
    "MosaicError",
    "MosaicFileFacts",
    "MosaicMethod",
    "MosaicOptions",
    "NamedMember",
    "NotFoundError",
    "NotTiffError",
    "ObjectStore",
    "OpenArguments",
    "OpenOptions",
    "OpenUpload",
    "Overview",
    "OverviewMethod",
    "Page",
    "PageView",
    "Pages",
    "Pinning",
    "PixelDtype",
    "PixelsLike",
    "Placement",
    "Plan",
    "PlanOptions",
    "Plane",
    "PlaneAxes",
    "PointOptions",
    "Profile",
    "ProfileRule",
    "RangeMismatchError",
    "RangeNotSatisfiableError",
    "RangeSink",
    "RangeUnsupportedError",
    "Raster",
    "ReadOptions",
    "ReferenceCodecs",
    "References",
    "Request",
    "Resampling",
    "ResamplingLike",
    "Retries",
    "RuleFinding",
    "SegmentGroup",
    "SegmentKind",
    "Series",
    "Service",
    "SignedUrl",
    "Sink",
    "SnapshotDocument",
    "Source",
    "SourceBusyError",
    "SourceChangedError",
    "SourceError",
    "SourceTimeoutError",
    "Stack",
    "StackFile",
    "StackOptions",
    "StackRaster",
    "StackStep",
    "Statistics",
    "SupportsArray",
    "SupportsGeoInterface",
    "SupportsGet",
    "SupportsGetAsync",
    "SupportsGetRangeAsync",
    "SupportsGetRangesAsync",
    "SupportsToDict",
    "SupportsWindow",
    "SupportsWkt",
    "Tag",
    "TagEntry",
    "TagValue",
    "Tags",
    "TargetExistsError",
    "TileFacts",
    "TileIndexError",
    "TileLimits",
    "TileMatrixFacts",
    "TileRange",
    "TileSet",
    "TinycogError",
    "TooLargeError",
    "TruncatedError",
    "UnsupportedError",
    "Updated",
    "UrlObject",
    "UsageError",
    "ValidationDepth",
    "ValidationProfile",
    "ValidationReport",
    "Validity",
    "Values",
    "WarpResampling",
    "WarpResamplingLike",
    "Where",
    "Window",
    "WindowLike",
    "WritableFile",
    "Write",
    "WriteError",
    "WritePlan",
    "WriteProfile",
    "WriteTarget",
    "WriteWhere",
    "Written",
    "__version__",
    "abort_upload",
    "configure",
    "decode_tile",
    "export",
    "leftovers",
    "list_uploads",
    "mosaic",
    "open",
    "update",
    "validate",
    "write",
]

_ON_DEMAND = {
    "AllowHost": "tinycog.argument_types",
    "AreaOptions": "tinycog.argument_types",
    "BinaryFile": "tinycog.argument_types",
    "BlockPair": "tinycog.argument_types",
    "CrsLike": "tinycog.argument_types",
    "ErrorHandling": "tinycog.argument_types",
    "FileSystem": "tinycog.argument_types",
    "GetRange": "tinycog.argument_types",
    "Headers": "tinycog.argument_types",
    "HttpSession": "tinycog.sources.http.options",
    "Interleave": "tinycog.argument_types",
    "MaskKind": "tinycog.argument_types",
    "MosaicMethod": "tinycog.argument_types",
    "NamedMember": "tinycog.argument_types",
    "ObjectStore": "tinycog.argument_types",
    "OverviewMethod": "tinycog.argument_types",
    "PixelDtype": "tinycog.argument_types",
    "PixelsLike": "tinycog.argument_types",
    "PlanOptions": "tinycog.argument_types",
    "PointOptions": "tinycog.argument_types",
    "ReadOptions": "tinycog.argument_types",
    "ReferenceCodecs": "tinycog.argument_types",
    "References": "tinycog.argument_types",
    "Resampling": "tinycog.argument_types",
    "ResamplingLike": "tinycog.argument_types",
    "SupportsArray": "tinycog.argument_types",
    "SupportsGeoInterface": "tinycog.argument_types",
    "SupportsGet": "tinycog.argument_types",
    "SupportsGetAsync": "tinycog.argument_types",
    "SupportsGetRangeAsync": "tinycog.argument_types",
    "SupportsGetRangesAsync": "tinycog.argument_types",
    "SupportsWindow": "tinycog.argument_types",
    "SupportsWkt": "tinycog.argument_types",
    "UrlObject": "tinycog.argument_types",
    "ValidationDepth": "tinycog.argument_types",
    "WarpResampling": "tinycog.argument_types",
    "WarpResamplingLike": "tinycog.argument_types",
    "Where": "tinycog.argument_types",
    "WindowLike": "tinycog.argument_types",
    "WritableFile": "tinycog.argument_types",
    "WriteProfile": "tinycog.argument_types",
    "WriteWhere": "tinycog.argument_types",
    "Placement": "tinycog.geo.lazy",
    "Level": "tinycog.level",
    "Overview": "tinycog.level",
    "Grid": "tinycog.tiff.image",
    "Image": "tinycog.tiff.image",
    "Entry": "tinycog.tiff.parse",
    "Ifd": "tinycog.tiff.parse",
    "TagValue": "tinycog.tiff.parse:Value",
    "FieldType": "tinycog.tiff.spec",
    "Tag": "tinycog.tiff.spec",
    "Account": "tinycog.pixels.account",
    "Colouring": "tinycog.pixels.colouring",
    "Loss": "tinycog.pixels.account",
    "Plan": "tinycog.fetch.plan",
    "Raster": "tinycog.raster",
    "Validity": "tinycog.pixels.validity",
    "Asset": "tinycog.collection.asset",
    "Collection": "tinycog.collection.collection",
    "FailedAsset": "tinycog.collection.read_headers",
    "GeoFrame": "tinycog.collection.geo_frames",
    "SupportsToDict": "tinycog.collection.stac_read",
    "OpenOptions": "tinycog.collection.open_options",
    "FileLayout": "tinycog.byte_map.layout",
    "FileSegment": "tinycog.byte_map.layout",
    "SegmentGroup": "tinycog.byte_map.layout",
    "SegmentKind": "tinycog.byte_map.layout",
    "RuleFinding": "tinycog.validator.report",
    "ProfileRule": "tinycog.validator.rule",
    "ValidationProfile": "tinycog.validator.rule",
    "ValidationReport": "tinycog.validator.report",
    "validate": "tinycog.validating",
    "BoundingBox": "tinycog.geo.transform",
    "ColorInterp": "tinycog.geo.colour",
    "Colormap": "tinycog.geo.colour",
    "Crs": "tinycog.geo.crs",
    "DiskCache": "tinycog.cache.disk",
    "ExportOptions": "tinycog.exports",
    "ExportPlan": "tinycog.exporting.carry_out",
    "Exportable": "tinycog.exports",
    "Exported": "tinycog.exporting.carry_out",
    "GeoKey": "tinycog.geo.keys",
    "GeoKeys": "tinycog.geo.keys",
    "GetWindow": "tinycog.servicing.requests",
    "GroundControlPoint": "tinycog.geo.transform",
    "HeaderParser": "tinycog.header_parser",
    "Http": "tinycog.sources.http.options",
    "MemoryCache": "tinycog.cache.memory",
    "Mosaic": "tinycog.mosaics",
    "MosaicFileFacts": "tinycog.mosaics",
    "MosaicOptions": "tinycog.mosaicking.fitting",
    "MatrixId": "tinycog.tile_sets",
    "TileLimits": "tinycog.tile_sets",
    "TileMatrixFacts": "tinycog.tile_sets",
    "TileSet": "tinycog.tile_sets",
    "Page": "tinycog.page",
    "Pages": "tinycog.page",
    "Plane": "tinycog.series.model",
    "PlaneAxes": "tinycog.series.model",
    "RPC": "tinycog.geo.transform",
    "Series": "tinycog.series.model",
    "SnapshotDocument": "tinycog.reader.snapshot",
    "AskedGrid": "tinycog.stacking.stack_options",
    "GridLike": "tinycog.stacking.stack_options",
    "Stack": "tinycog.stacks",
    "StackFile": "tinycog.stacking.stack_files",
    "StackOptions": "tinycog.stacking.stack_options",
    "StackRaster": "tinycog.stacking.stack_raster",
    "StackStep": "tinycog.stacking.stack_files",
    "Service": "tinycog.services",
    "Sink": "tinycog.exporting.to_sink",
    "Statistics": "tinycog.geo.metadata",
    "TagEntry": "tinycog.reader.tags",
    "Tags": "tinycog.reader.tags",
    "TileFacts": "tinycog.tile_facts",
    "TileRange": "tinycog.tile_facts",
    "Values": "tinycog.reader.read_points",
    "HasAsynchronous": "tinycog.writing",
    "OpenUpload": "tinycog.targets.uploads",
    "Write": "tinycog.writer.pending",
    "WritePlan": "tinycog.writer.plan",
    "WriteTarget": "tinycog.targets.protocol",
    "Updated": "tinycog.updating",
    "Written": "tinycog.writing",
    "abort_upload": "tinycog.targets.uploads",
    "decode_tile": "tinycog.tile_facts",
    "export": "tinycog.exports",
    "leftovers": "tinycog.targets.temporary",
    "list_uploads": "tinycog.targets.uploads",
    "update": "tinycog.updating",
    "mosaic": "tinycog.mosaics",
    "write": "tinycog.writing",
}
"""Modules of names that are imported at their first use, and other names that they have there: no
tile needs them, or none before its header is requested."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a name of `_ON_DEMAND`, or a public module, at its first use."""
        from importlib import import_module  # noqa: PLC0415 - only here

        if name in ("earth_engine", "sync"):
            return import_module(f"tinycog.{name}")
        if name not in _ON_DEMAND:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        module, _, own_name = _ON_DEMAND[name].partition(":")
        value = globals()[name] = getattr(import_module(module), own_name or name)
        return value


def __dir__() -> list[str]:
    """Return the public names, without those of private modules."""
    return sorted(__all__)
