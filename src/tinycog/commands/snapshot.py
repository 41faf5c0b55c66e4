"""`tinycog snapshot FILE`: the header, kept, so that nobody has to read it again."""

from __future__ import annotations

import argparse
import json

from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import each_request
from tinycog.commands.saving import OutputFile, check_folder, note

JSON = ".json"


EXAMPLES = (
    "tinycog snapshot https://example.com/image.tif -o image.snapshot",
    "tinycog tile https://example.com/image.tif 0 1 1 --snapshot image.snapshot",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE -o PATH"
    parser.description = (
        "Keep the header of a file, with the part of the index that comes along, and the generation"
        " of the file. What is opened with it sends no request for the header: --snapshot of the"
        " other commands, snapshot= of tinycog.open. A file that was replaced since is an error."
    )
    add_file(parser)
    parser.add_argument(
        "-o",
        "--out",
        required=True,
        metavar="PATH",
        help="file to write; .json is a document for JSON, any other name holds bytes; - is stdout",
    )
    parser.add_argument("--json", action="store_true", help="write JSON whatever the name is")
    add_open_options(parser)
    parser.set_defaults(run=snapshot)


async def snapshot(args: argparse.Namespace) -> None:
    """Carry the command out."""
    check_folder(args.out)
    out = OutputFile(args.out, "")
    async with open_named(args) as cog:
        await cog
        if args.json or args.out.lower().endswith(JSON):
            data = (json.dumps(cog.snapshot_document()) + "\n").encode()
        else:
            data = cog.snapshot()
        note(each_request(cog.requests), args, out)
    out.write([data])
    note(f"wrote {out.shown}: {len(data):,} bytes", args, out)
