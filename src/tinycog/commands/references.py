"""`tinycog references FILE -o image.json`: stored tiles as chunks of zarr arrays."""

from __future__ import annotations

import argparse
import json
from typing import get_args

import tinycog
from tinycog.argument_types import ReferenceCodecs
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import cost, counted
from tinycog.commands.progress import watched
from tinycog.commands.saving import note, output_file
from tinycog.errors import UsageError

ENDINGS = (".json", ".parq", ".parquet")

PARQUET = ("references", "pandas", "fastparquet")

EXTRAS = {".parq": PARQUET, ".parquet": PARQUET}


EXAMPLES = (
    "tinycog references https://example.com/image.tif -o image.json",
    "tinycog references image.tif --url https://example.com/image.tif -o -",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE -o PATH"
    parser.description = (
        "Write where the tiles of a file lie, so that zarr reads them as chunks, as kerchunk does."
        " Some are read back and compared before anything is written."
    )
    add_file(parser)
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="PATH",
        help=".json, or .parq for Parquet (extra references); - writes JSON to stdout",
    )
    parser.add_argument("--levels", type=int, nargs="+", metavar="Z", help="to refer to (all)")
    parser.add_argument("--zarr-format", type=int, choices=(2, 3), default=2, help="2 (default)")
    parser.add_argument(
        "--codecs",
        choices=get_args(ReferenceCodecs),
        default="numcodecs",
        help="what decodes the chunks: %(default)s is wherever zarr is, tinycog decodes more",
    )
    parser.add_argument("--url", help="of the file for those who open the references")
    parser.add_argument(
        "--check", type=int, default=2, metavar="N", help="chunks of a level that are compared (2)"
    )
    add_open_options(parser)
    parser.set_defaults(run=references)


async def references(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = output_file(args.out, ENDINGS, ".json", EXTRAS)
    if out.ending != ".json" and args.zarr_format != 2:  # noqa: PLR2004 - the format's number
        raise UsageError("Parquet holds references of zarr 2 only: leave out --zarr-format 3")
    async with open_named(args) as cog:
        with watched(args, cog):
            found = await cog.references(
                None if out.ending == ".json" else out.name,
                levels=args.levels,
                zarr_format=args.zarr_format,
                codecs=args.codecs,
                url=args.url,
                check=args.check,
            )
        if out.ending == ".json":
            out.write([json.dumps(found, separators=(",", ":"), allow_nan=False).encode()])
        note(f"wrote {out.shown}: {_told(found)}, by {cost(cog.requests)}", args, out)


def _told(found: tinycog.References) -> str:
    chunks = sum(isinstance(value, list) for value in found["refs"].values())
    return counted(chunks, "reference")
