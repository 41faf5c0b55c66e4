"""`tinycog export SRC... -o DST`: an area of files, of any size, to a TIFF, zarr or numpy."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any, get_args

import tinycog
from tinycog.argument_types import MosaicMethod, Resampling
from tinycog.cogify import (
    RECTANGLES,
    TerminalProgress,
    add_write_options,
    byte_count,
    number_or_text,
)
from tinycog.errors import UsageError
from tinycog.mosaic_command import files_of

OF_WARPING = ("tiling-scheme", "zoom", "warp-resampling")

WITHOUT = ("crs", "memory", "overwrite", "resume", *OF_WARPING)
"""Options of `tinycog.write` that an export has itself, or has not."""

OWN = ("run", "src", "dst", "plan", "quiet", "method", "no_resume")
"""Arguments that are not options of `tinycog.export`."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Export an area of a TIFF, or of many as one mosaic, in pieces, in bounded memory. Started"
        " again after it was killed or has failed, it goes on."
    )
    parser.epilog = "Exit status: 0, 1 if it failed, 2 if an option is wrong."
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
    for name, sides in RECTANGLES:
        area.add_argument(f"--{name}", type=float, nargs=4, metavar=sides)
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
    parser.add_argument("--no-resume", action="store_true", help="begin anew, and leave nothing")
    parser.add_argument(
        "--overwrite",
        action=argparse.BooleanOptionalAction,
        help="replace DST where it is there (the default)",
    )
    add_write_options(parser, without=WITHOUT)
    parser.set_defaults(run=export)


async def export(args: argparse.Namespace) -> None:
    """Carry the command out."""
    given = vars(args)
    options: dict[str, Any] = {name: value for name, value in given.items() if name not in OWN}
    if len(options.get("res", (1, 1))) == 1:
        options["res"] = options["res"][0]
    if given.get("no_resume", False):
        options["resume"] = False
    is_quiet = given.get("quiet", False)
    is_shown = not is_quiet and sys.stderr.isatty()
    progress = TerminalProgress("million pixels", 10**6) if is_shown else None
    began = time.perf_counter()
    try:
        async with _source(args) as source:
            make: Any = tinycog.export
            if given.get("plan", False):
                print(await make(source, args.dst, plan=True, **options))
                return
            found: tinycog.Exported = await make(source, args.dst, progress=progress, **options)
    except tinycog.MosaicError:
        raise
    except UsageError as error:
        print(f"tinycog: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    finally:
        if progress is not None:
            progress.clear()
    if not is_quiet:
        print(_summary(found, time.perf_counter() - began))


def _source(args: argparse.Namespace) -> Any:  # noqa: ANN401 - a file, or a mosaic
    """Return a handle of what is exported."""
    files = files_of(args.src)
    method = vars(args).get("method")
    if len(files) == 1 and method is None:
        only = files[0]
        return only if isinstance(only, tinycog.Cog) else tinycog.open(only)
    return tinycog.mosaic(files, method=method or "first")


def _summary(found: tinycog.Exported, seconds: float) -> str:
    account = found.account
    lost = ", ".join(
        f"{count:,} {name}"
        for name, count in zip(account._fields[2:], account[2:], strict=True)
        if count
    )
    resumed = f" ({found.resumed} were done before)" if found.resumed else ""
    bands, rows, cols = found.shape
    return (
        f"wrote {found.name}: {cols} x {rows} pixels of {bands} bands, {found.pieces} pieces"
        f"{resumed}, in {seconds:.1f} s; {account.valid:,} pixels are valid"
        f"{', ' + lost if lost else ''}"
    )
