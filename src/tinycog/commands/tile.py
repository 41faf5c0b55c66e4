"""`tinycog tile FILE Z X Y`: one tile: its pixels, or its bytes as they are stored."""

from __future__ import annotations

import argparse

import tinycog
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import each_request
from tinycog.commands.saving import (
    OutputFile,
    check_folder,
    note,
    output_file,
    save_raster,
)
from tinycog.errors import UsageError

ENDINGS = (".png", ".npy")


EXAMPLES = (
    "tinycog tile image.tif 0 1 1 -o tile.npy",
    "tinycog tile image.tif 2 0 0 -o - > tile.png",
    "tinycog tile image.tif 0 1 1 --raw -o tile.bin",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE Z X Y"
    parser.description = (
        "Read one tile into a .png or .npy file: the samples as they are, or with --picture what"
        " they look like. Tiles are counted as the file has them, from the top left; tinycog info"
        " says how many there are."
    )
    add_file(parser)
    for name, text in (
        ("z", "level, 0 = full resolution"),
        ("x", "column of the tile, from 0"),
        ("y", "row of the tile, from 0"),
    ):
        parser.add_argument(name, type=int, help=text)
    parser.add_argument(
        "-o",
        "--out",
        default="tile.png",
        metavar="PATH",
        help=".png or .npy (default: %(default)s); - writes PNG to stdout",
    )
    parser.add_argument("--format", choices=[one[1:] for one in ENDINGS], help="of -o - (png)")
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--picture", action="store_true", help="8 bits for the eye, stretched where it needs it"
    )
    way.add_argument(
        "--raw", action="store_true", help="the encoded bytes as they are stored; PATH is any name"
    )
    parser.add_argument("--plane", type=int, default=0, help="with --raw: band, if each is apart")
    add_open_options(parser)
    parser.set_defaults(run=tile)


async def tile(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = _output(args)
    async with open_named(args) as cog:
        if args.raw:
            await _stored(cog, out, args)
            return
        raster = await cog.read_tile(args.z, args.x, args.y)
        note(f"{raster}\n{each_request(cog.requests)}", args, out)
    save_raster(raster, out, args, raw=not args.picture)


def _output(args: argparse.Namespace) -> OutputFile:
    if args.raw:
        check_folder(args.out)
        return OutputFile(args.out, "")
    return output_file(args.out, ENDINGS, f".{args.format or 'png'}")


async def _stored(cog: tinycog.Cog, out: OutputFile, args: argparse.Namespace) -> None:
    """Write the bytes of a tile as the file has them."""
    data = await cog.read_tile_bytes(args.z, args.x, args.y, plane=args.plane)
    if data is None:
        message = f"tile {args.z} {args.x} {args.y} is not stored: all of it is nodata, or 0"
        raise UsageError(message)
    out.write([data])
    note(f"{each_request(cog.requests)}\nwrote {out.shown}: {len(data):,} bytes", args, out)
