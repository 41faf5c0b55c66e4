"""`tinycog demo`: the packaged COG, read from a loopback range server."""

from __future__ import annotations

import argparse
import time
from importlib import resources

import tinycog
from tinycog.commands.printing import each_request, say
from tinycog.commands.saving import output_file, save_raster

DEMO_NAME = "demo.tif"
"""Name of the packaged COG."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Serve the COG that comes with tinycog on this machine, read two tiles of it, and print"
        " each request. Needs no network."
    )
    parser.add_argument(
        "-o", "--out", default="demo.png", help="picture to write (default: %(default)s)"
    )
    parser.add_argument(
        "--latency-ms", type=float, default=20, metavar="MS", help="of the server (default: 20)"
    )
    parser.set_defaults(run=demo)


async def demo(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = output_file(args.out, [".png", ".npy"])
    from tinycog.testing import RangeServer  # noqa: PLC0415 - only the demo needs a server

    data = resources.files("tinycog").joinpath("data", DEMO_NAME).read_bytes()
    async with RangeServer({DEMO_NAME: data}, latency=args.latency_ms / 1000) as server:
        url = server.url(DEMO_NAME)
        say(f"serving {DEMO_NAME} ({len(data):,} bytes) at {url}, {args.latency_ms:g} ms away\n")

        say("tile = await tinycog.open(url).read_tile(0, 1, 1)")
        cog = tinycog.open(url)
        began = time.perf_counter()
        tile = await cog.read_tile(0, 1, 1)
        _say_read(cog, tile, began, 0)
        say("  (the first read also loads imagecodecs)\n")

        for level in cog.levels:
            say(f"  {level}")

        z = len(cog.levels) - 1
        say(f"\ntile = await cog.read_tile({z}, 0, 0)    # the whole picture, small")
        sent = len(cog.requests)
        began = time.perf_counter()
        small = await cog.read_tile(z, 0, 0)
        _say_read(cog, small, began, sent)
    save_raster(small, out, args, raw=True)


def _say_read(cog: tinycog.Cog, raster: tinycog.Raster, began: float, sent: int) -> None:
    say(f"  -> {raster} in {1000 * (time.perf_counter() - began):.1f} ms")
    say(each_request(cog.requests[sent:]))
