"""`tinycog preview FILE`: a small picture of a file, in the terminal or in a file."""

from __future__ import annotations

import argparse
from typing import get_args

from tinycog.commands.drawing import Colours, colours_of_terminal, draw_raster, terminal_pixels
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import each_request, say
from tinycog.commands.progress import watched
from tinycog.commands.saving import note, output_file, save_raster

PICTURE_SIZE = 512


EXAMPLES = (
    "tinycog preview image.tif",
    "tinycog preview image.tif -o small.png --size 256",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE"
    parser.description = (
        "Show a file small: in the terminal, two pixels in each character, or as a picture in a"
        " file. It is read from the overview that is just large enough."
    )
    add_file(parser)
    parser.add_argument(
        "-o", "--out", metavar="PATH", help=".png, or .npy of the samples; - writes PNG to stdout"
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="PIXELS",
        help=f"rows and columns at most ({PICTURE_SIZE}; in a terminal what fits)",
    )
    parser.add_argument(
        "--colours", choices=get_args(Colours), help="of the terminal, if it does not tell them"
    )
    add_open_options(parser)
    parser.set_defaults(run=preview)


async def preview(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = None if args.out is None else output_file(args.out, [".png", ".npy"], ".png")
    size = args.size or (terminal_pixels() if out is None else PICTURE_SIZE)
    async with open_named(args) as cog:
        await cog
        with watched(args, cog):
            raster = await cog.preview(size, masked=True, resampling="nearest")
        if out is None:
            for line in draw_raster(raster, args.colours or colours_of_terminal()):
                say(line)
        note(f"{raster}\n{each_request(cog.requests)}", args, out)
    if out is not None:
        save_raster(raster, out, args, raw=False)
