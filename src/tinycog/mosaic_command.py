"""`tinycog mosaic SRC... -o DST`: many files as one COG."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, get_args

import tinycog
from tinycog.argument_types import MosaicMethod, WarpResampling
from tinycog.cogify import add_write_options, number_or_text, write_source
from tinycog.errors import MosaicError, UsageError

INDICES = (".jsonl", ".parquet")
"""Endings of what `tinycog index` has written."""

OF_GRID = ("crs", "res", "bounds", "resampling")
"""Options of the grid that files are warped to."""

OF_WARPING = ("tiling-scheme", "zoom", "warp-resampling")
"""Options of `tinycog.write` that warp a single file."""

OWN = ("run", "src", "dst", "plan", "quiet", "method", *OF_GRID)
"""Arguments that are not options of `tinycog.write`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write many TIFFs as one Cloud Optimized GeoTIFF. They must fit each other (bands, dtype,"
        " CRS, pixel size, whole pixels between them), unless --crs, --res, --bounds or"
        " --resampling says the grid that they are warped to."
    )
    parser.epilog = "Exit status: 0, 1 if it failed (nothing is left), 2 if an option is wrong."
    parser.argument_default = argparse.SUPPRESS  # what is not said is left to the functions
    parser.add_argument(
        "src", nargs="+", metavar="SRC", help="urls, paths, or an index that tinycog index has made"
    )
    parser.add_argument(
        "-o", "--out", dest="dst", required=True, metavar="DST", help="path, url, or - for stdout"
    )
    parser.add_argument(
        "--method",
        choices=get_args(MosaicMethod),
        help="what becomes of pixels that several files have (first)",
    )
    grid = parser.add_argument_group("the grid that files are warped to")
    grid.add_argument("--crs", type=number_or_text, help="coordinate reference system")
    grid.add_argument("--res", type=float, nargs="+", metavar="SIZE", help="of a pixel, or x and y")
    grid.add_argument(
        "--bounds",
        type=float,
        nargs=4,
        metavar=("LEFT", "BOTTOM", "RIGHT", "TOP"),
        help="all files",
    )
    grid.add_argument("--resampling", choices=get_args(WarpResampling), help="nearest (default)")
    add_write_options(parser, without=("crs", *OF_WARPING))
    parser.set_defaults(run=mosaic)


def files_of(sources: Sequence[str]) -> list[Any]:
    """Return urls, paths, and handles of the assets of an index."""
    files: list[Any] = []
    for src in sources:
        if src.endswith(INDICES):
            files += [asset.open() for asset in tinycog.Collection.load(src)]
        else:
            files.append(src)
    return files


async def mosaic(args: argparse.Namespace) -> None:
    """Carry the command out."""
    given = vars(args)
    grid: dict[str, Any] = {name: given[name] for name in OF_GRID if name in given}
    if len(grid.get("res", (1, 1))) == 1:
        grid["res"] = grid["res"][0]
    options = {name: value for name, value in given.items() if name not in OWN}
    method = given.get("method", "first")
    files = files_of(args.src)
    try:
        whole = await tinycog.mosaic(files, method=method, strict=not grid, **grid)
    except MosaicError:
        raise
    except UsageError as error:
        print(f"tinycog: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    async with whole:
        await write_source(whole, args, options)
