"""`tinycog plan FILE`: the requests that a read would send."""

from __future__ import annotations

import argparse
import json

import tinycog
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import cost, counted, say
from tinycog.commands.selecting import add_area, add_values, area_of
from tinycog.errors import UsageError

MOST_REQUESTS = 20
"""Requests that are listed."""


EXAMPLES = (
    "tinycog plan https://example.com/image.tif --window 0 0 1024 1024",
    "tinycog plan image.tif --tile 0 1 1 --json",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE"
    parser.description = (
        "Print the requests that tinycog read would send for an area, or tinycog tile for a tile."
        " The header and the index are read for it, no pixel is."
    )
    add_file(parser)
    add_area(parser, tile=True)
    add_values(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_open_options(parser)
    parser.set_defaults(run=plan)


async def plan(args: argparse.Namespace) -> None:
    """Carry the command out."""
    options = area_of(args)
    if args.tile is not None and options:
        message = f"--tile is whole: leave out --{next(iter(options)).replace('_', '-')}"
        raise UsageError(message)
    async with open_named(args) as cog:
        found = await (cog.plan(**options) if args.tile is None else cog.plan(*args.tile))
        if args.json:
            say(json.dumps(_document(found, cog), indent=2))
            return
        say(f"for the plan: {cost(cog.requests)}")
        say(_text(found))


def _text(plan: tinycog.Plan) -> str:
    requests = list(plan.requests)
    count = len(requests) + sum(map(len, plan.beside.values()))
    costs = f"{counted(count, 'request')}, {counted(plan.bytes, 'byte')}"
    waste = f"{counted(plan.waste, 'byte')} between tiles are read along"
    lines = [f"for the pixels: {costs}, {counted(len(plan.tiles), 'tile')}; {waste}"]
    lines += [
        f"  bytes {start:,} to {stop:,} ({stop - start:,})"
        for start, stop in requests[:MOST_REQUESTS]
    ]
    if len(requests) > MOST_REQUESTS:
        lines.append(f"  ... and {len(requests) - MOST_REQUESTS:,} more: --json")
    lines += [
        f"  {ending}: {counted(len(some), 'request')}" for ending, some in plan.beside.items()
    ]
    return "\n".join(lines)


def _document(plan: tinycog.Plan, cog: tinycog.Cog) -> dict[str, object]:
    return {
        "header": {
            "requests": len(cog.requests),
            "bytes": sum(request.received for request in cog.requests),
        },
        "requests": [list(request) for request in plan.requests],
        "beside": {ending: [list(one) for one in some] for ending, some in plan.beside.items()},
        "tiles": [list(tile) for tile in plan.tiles],
        "bytes": plan.bytes,
        "waste": plan.waste,
    }
