"""`tinycog plan FILE`: the requests that a read would send."""

from __future__ import annotations

import argparse

from tinycog.commands.opening import add_file, open_named
from tinycog.commands.printing import each_request, say
from tinycog.commands.values import RECTANGLES


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Print the requests that a tile or a window would take."
    add_file(parser)
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--tile", type=int, nargs=3, metavar=("Z", "X", "Y"))
    place.add_argument("--window", type=int, nargs=4, metavar=RECTANGLES[0][1], help="of a level")
    parser.add_argument("--level", type=int, default=0, help="0 = full resolution (the default)")
    parser.set_defaults(run=plan)


async def plan(args: argparse.Namespace) -> None:
    """Carry the command out."""
    async with open_named(args) as cog:
        if args.tile is not None:
            found = await cog.plan(*args.tile)
        else:
            found = await cog.plan(window=args.window, level=args.level)
        say(f"read for the plan:\n{each_request(cog.requests)}\n{found}")
