"""`tinycog tile FILE Z X Y`: one tile, as a picture or as an array."""

from __future__ import annotations

import argparse

from tinycog.commands.opening import add_file, open_named
from tinycog.commands.printing import each_request
from tinycog.commands.saving import note, output_file, save_raster


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Read one tile into a .png or .npy file."
    add_file(parser)
    for name, text in (("z", "level, 0 = full resolution"), ("x", "column"), ("y", "row")):
        parser.add_argument(name, type=int, help=text)
    parser.add_argument(
        "-o", "--out", default="tile.png", help="file to write (default: %(default)s)"
    )
    parser.set_defaults(run=tile)


async def tile(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = output_file(args.out, [".png", ".npy"])
    async with open_named(args) as cog:
        raster = await cog.read_tile(args.z, args.x, args.y)
        note(f"{raster}\n{each_request(cog.requests)}", args, out)
    save_raster(raster, out, args, raw=True)
