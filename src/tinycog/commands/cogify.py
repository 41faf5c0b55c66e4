"""`tinycog cogify SRC DST`: another file as a COG, with the options of `tinycog.write`."""

from __future__ import annotations

import argparse
from typing import Any

from tinycog.commands.opening import add_open_options, open_named
from tinycog.commands.values import RECTANGLES
from tinycog.commands.write_options import add_write_options, write_source


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write a TIFF as a Cloud Optimized GeoTIFF: one pass, in bounded memory. What is not said"
        " is as in the file, or the default of tinycog.write."
    )
    parser.argument_default = argparse.SUPPRESS  # what is not said is left to write()
    parser.add_argument("where", metavar="SRC", help="path or url of a TIFF, - for stdin")
    parser.add_argument("dst", metavar="DST", help="path, s3://, gs://, az:// url, or - for stdout")
    add_write_options(parser)
    part = parser.add_argument_group("the part of SRC")
    for name, sides, text in RECTANGLES:
        part.add_argument(f"--{name}", type=float, nargs=4, metavar=sides, help=text)
    add_open_options(parser)
    parser.set_defaults(run=cogify)


async def cogify(args: argparse.Namespace) -> None:
    """Carry the command out."""
    part: dict[str, Any] = {name: vars(args)[name] for name, *_ in RECTANGLES if name in args}
    async with open_named(args) as cog:
        await write_source(cog, args, **part)
