"""`tinycog mosaic SRC... -o DST`: many files as one COG."""

from __future__ import annotations

import argparse
from typing import Any, get_args

import tinycog
from tinycog.argument_types import MosaicMethod, WarpResampling
from tinycog.commands.opening import add_open_options, open_named, open_options
from tinycog.commands.values import number_or_text, pixel_size
from tinycog.commands.write_options import add_write_options, write_source

INDICES = (".jsonl", ".parquet")
"""Endings of what `tinycog index` has written."""

OF_GRID = ("crs", "res", "bounds", "resampling")
"""Options of the grid that files are warped to."""

OF_WARPING = ("tiling-scheme", "zoom", "warp-resampling")
"""Options of `tinycog.write` that warp a single file."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write many TIFFs as one Cloud Optimized GeoTIFF. They must fit each other (bands, dtype,"
        " CRS, pixel size, whole pixels between them), unless --crs, --res, --bounds or"
        " --resampling says the grid that they are warped to."
    )
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
    add_open_options(parser, many=True)
    parser.set_defaults(run=mosaic)


def files_of(args: argparse.Namespace) -> list[Any]:
    """Return handles of urls, of paths, and of the assets of an index."""
    files: list[Any] = []
    for src in args.src:
        if src.endswith(INDICES):
            options = open_options(args)
            files += [asset.open(**options) for asset in tinycog.Collection.load(src)]
        else:
            files.append(open_named(args, src))
    return files


async def mosaic(args: argparse.Namespace) -> None:
    """Carry the command out."""
    given = vars(args)
    grid: dict[str, Any] = {name: given[name] for name in OF_GRID if name in given}
    pixel_size(grid)
    method = given.get("method", "first")
    whole = await tinycog.mosaic(files_of(args), method=method, strict=not grid, **grid)
    async with whole:
        await write_source(whole, args, without=grid)
