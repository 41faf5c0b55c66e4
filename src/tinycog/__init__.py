"""A pure-Python, byte-level reader of TIFF, BigTIFF and Cloud Optimized GeoTIFF over ranges.

::

    import tinycog

    tile = await tinycog.open(url).read_tile(z, x, y)   # z = level, 0 = full resolution
"""

from tinycog.cog import Cog
from tinycog.entry import open  # noqa: A004 - the library's verb
from tinycog.errors import (
    AccessDeniedError,
    CorruptTileError,
    Finding,
    FormatError,
    LimitError,
    NotFoundError,
    NotTiffError,
    RangeMismatchError,
    RangeNotSatisfiableError,
    RangeUnsupportedError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    TileIndexError,
    TinycogError,
    TruncatedError,
    UnsupportedError,
    UsageError,
)
from tinycog.fetch.attempt import Request
from tinycog.fetch.plan import Plan
from tinycog.level import Level
from tinycog.limits import Limits, Retries
from tinycog.raster import Raster
from tinycog.tiff.ranges import ByteRange
from tinycog.window import Window

__version__ = "0.1.0.dev0"

__all__ = [
    "AccessDeniedError",
    "ByteRange",
    "Cog",
    "CorruptTileError",
    "Finding",
    "FormatError",
    "Level",
    "LimitError",
    "Limits",
    "NotFoundError",
    "NotTiffError",
    "Plan",
    "RangeMismatchError",
    "RangeNotSatisfiableError",
    "RangeUnsupportedError",
    "Raster",
    "Request",
    "Retries",
    "SourceBusyError",
    "SourceChangedError",
    "SourceError",
    "SourceTimeoutError",
    "TileIndexError",
    "TinycogError",
    "TruncatedError",
    "UnsupportedError",
    "UsageError",
    "Window",
    "__version__",
    "open",
]
