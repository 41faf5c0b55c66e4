"""`tinycog preview FILE`: a small picture of a file."""

from __future__ import annotations

import argparse

from tinycog.commands.opening import add_file, open_named
from tinycog.commands.printing import each_request
from tinycog.commands.saving import note, output_file, save_raster


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Write a small picture of a file."
    add_file(parser)
    parser.add_argument("--size", type=int, default=512, help="maximum rows and columns (512)")
    parser.add_argument(
        "-o", "--out", default="preview.png", help="picture to write (default: %(default)s)"
    )
    parser.set_defaults(run=preview)


async def preview(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = output_file(args.out, [".png", ".npy"])
    async with open_named(args) as cog:
        raster = await cog.preview(args.size, masked=True)
        note(f"{raster}\n{each_request(cog.requests)}", args, out)
    save_raster(raster, out, args, raw=False)
