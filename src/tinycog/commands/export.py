"""`tinycog export SRC... -o DST`: an area of files, of any size, to a TIFF, zarr or numpy."""

from __future__ import annotations

import argparse
import time
from typing import Any, get_args

import tinycog
from tinycog.argument_types import MosaicMethod, Resampling
from tinycog.commands.mosaic import files_of
from tinycog.commands.opening import add_open_options
from tinycog.commands.printing import counted, say
from tinycog.commands.progress import shown_progress
from tinycog.commands.saving import note
from tinycog.commands.values import RECTANGLES, byte_count, number_or_text, pixel_size
from tinycog.commands.write_options import add_write_options, write_options

OF_WARPING = ("tiling-scheme", "zoom", "warp-resampling")

WITHOUT = ("crs", "memory", "overwrite", "resume", *OF_WARPING)
"""Options of `tinycog.write` that an export has itself, or has not."""

OF_EXPORT = (
    *("window", "bounds", "crs", "crop", "res", "shape", "resampling", "indexes"),
    *("errors", "memory", "concurrency", "overwrite"),
)
"""Options of `tinycog.export` that are not those of `tinycog.write`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Export an area of a TIFF, or of many as one mosaic, in pieces, in bounded memory. Started"
        " again after it was killed or has failed, it goes on."
    )
    parser.argument_default = argparse.SUPPRESS  # what is not said is left to the functions
    parser.add_argument(
        "src", nargs="+", metavar="SRC", help="urls, paths, or an index that tinycog index has made"
    )
    parser.add_argument(
        "-o",
        "--out",
        dest="dst",
        required=True,
        metavar="DST",
        help="path that ends with .tif, .zarr or .npy, or a url of a .tif",
    )
    area = parser.add_argument_group("the area")
    for name, sides, text in RECTANGLES:
        area.add_argument(f"--{name}", type=float, nargs=4, metavar=sides, help=text)
    area.add_argument("--crs", type=number_or_text, help="of --bounds")
    area.add_argument("--crop", action="store_true", help="the part inside of the files")
    area.add_argument("--res", type=float, nargs="+", metavar="SIZE", help="of a pixel, or x and y")
    area.add_argument("--shape", type=int, nargs=2, metavar=("ROWS", "COLS"), help="of the result")
    area.add_argument("--resampling", choices=get_args(Resampling), help="nearest (default)")
    area.add_argument("--indexes", type=int, nargs="+", metavar="BAND", help="bands, from 1 on")
    parser.add_argument(
        "--method",
        choices=get_args(MosaicMethod),
        help="what becomes of pixels that several files have (first)",
    )
    parser.add_argument(
        "--errors", choices=("raise", "fill"), help="fill = go on where a tile is broken"
    )
    parser.add_argument("--memory", type=byte_count, help="held at most, such as 256MiB")
    parser.add_argument("--concurrency", type=int, metavar="N", help="pieces read at once (4)")
    parser.add_argument(
        "--no-resume", action="store_true", default=False, help="begin anew, and leave nothing"
    )
    parser.add_argument(
        "--overwrite",
        action=argparse.BooleanOptionalAction,
        help="replace DST where it is there (the default)",
    )
    add_write_options(parser, without=WITHOUT)
    add_open_options(parser, many=True)
    parser.set_defaults(run=export)


async def export(args: argparse.Namespace) -> None:
    """Carry the command out."""
    options: dict[str, Any] = {name: vars(args)[name] for name in OF_EXPORT if name in args}
    options |= write_options(args, without=WITHOUT)
    pixel_size(options)
    if args.no_resume:
        options["resume"] = False
    began = time.perf_counter()
    make: Any = tinycog.export
    async with _source(args) as source:
        if args.plan:
            say(str(await make(source, args.dst, plan=True, **options)))
            return
        with shown_progress(args, "million pixels", 10**6) as progress:
            found: tinycog.Exported = await make(source, args.dst, progress=progress, **options)
    note(_summary(found, time.perf_counter() - began), args)


def _source(args: argparse.Namespace) -> Any:  # noqa: ANN401 - a file, or a mosaic
    """Return a handle of what is exported."""
    files = files_of(args)
    method = vars(args).get("method")
    if len(files) == 1 and method is None:
        return files[0]
    return tinycog.mosaic(files, method=method or "first")


def _summary(found: tinycog.Exported, seconds: float) -> str:
    account = found.account
    lost = ", ".join(
        f"{count:,} {name}"
        for name, count in zip(account._fields[2:], account[2:], strict=True)
        if count
    )
    resumed = f" ({found.resumed} done before)" if found.resumed else ""
    bands, rows, cols = found.shape
    return (
        f"wrote {found.name}: {cols} x {rows} pixels of {counted(bands, 'band')},"
        f" {counted(found.pieces, 'piece')}{resumed}, in {seconds:.1f} s;"
        f" {account.valid:,} of {account.asked:,} pixels are valid"
        f"{', ' + lost if lost else ''}"
    )
