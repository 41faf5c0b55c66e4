"""The command line: `tinycog demo`, `info`, `tile`, `preview`, `plan` and what is not for one file.

That is `cogify`, `validate`, `index`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import tinycog
from tinycog import export_command, indexing, mosaic_command, stack_command
from tinycog.cog import Cog
from tinycog.cogify import TerminalProgress, add_options
from tinycog.errors import TinycogError, UsageError
from tinycog.info import add_options as add_info_options
from tinycog.raster import Raster
from tinycog.validator.report import ValidationReport, junit

DEMO_NAME = "demo.tif"
"""Name of the packaged COG."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; an error is one line on stderr and status 1."""
    args = _parser().parse_args(argv)
    try:
        return asyncio.run(args.run(args)) or 0
    except BrokenPipeError:  # the reader of the output, `head` for one, has gone
        sys.stdout = None
        return 1
    except (TinycogError, OSError) as error:
        print(f"tinycog: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tinycog", description=tinycog.__doc__)
    parser.add_argument("--version", action="version", version=tinycog.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="read the packaged COG from a loopback range server")
    demo.add_argument("--out", default="demo.png", help="picture to write (default: %(default)s)")
    demo.add_argument(
        "--latency-ms", type=float, default=20, help="latency of the server (default: 20)"
    )
    demo.set_defaults(run=_demo)

    add_info_options(
        commands.add_parser("info", help="print what a file is, and where its bytes lie")
    )

    preview = commands.add_parser("preview", help="write a small picture of a file")
    preview.add_argument("where", help="url or path")
    preview.add_argument("--size", type=int, default=512, help="maximum rows and columns (512)")
    preview.add_argument(
        "--out", default="preview.png", help="picture to write (default: %(default)s)"
    )
    preview.set_defaults(run=_preview)

    tile = commands.add_parser("tile", help="read one tile into a .png or .npy file")
    _add_tile(tile)
    tile.add_argument("--out", default="tile.png", help="file to write (default: %(default)s)")
    tile.set_defaults(run=_tile)

    plan = commands.add_parser("plan", help="print the requests that a tile or a window would take")
    plan.add_argument("where", help="url or path")
    plan.add_argument("--tile", type=int, nargs=3, metavar=("Z", "X", "Y"))
    plan.add_argument("--level", type=int, default=0, help="0 = full resolution (the default)")
    plan.add_argument(
        "--window", type=int, nargs=4, metavar=("COL", "ROW", "WIDTH", "HEIGHT"), help="of a level"
    )
    plan.set_defaults(run=_plan)

    add_options(
        commands.add_parser("cogify", help="write a file as a Cloud Optimized GeoTIFF, in one pass")
    )
    mosaic_command.add_options(
        commands.add_parser("mosaic", help="write many files as one Cloud Optimized GeoTIFF")
    )
    stack_command.add_options(
        commands.add_parser("stack", help="write many files step by step in time")
    )
    export_command.add_options(
        commands.add_parser("export", help="write an area of any size to .tif, .zarr or .npy")
    )
    indexing.add_options(
        commands.add_parser("index", help="read the headers of many files once, and keep them")
    )
    _add_validate(commands.add_parser("validate", help="say whether files keep rules of others"))
    return parser


def _add_validate(validate: argparse.ArgumentParser) -> None:
    validate.add_argument("where", nargs="+", help="urls or paths")
    validate.add_argument(
        "--profile", default="ogc-cog", help="whose rules, or a JSON file of your own (%(default)s)"
    )
    validate.add_argument("--strict", action="store_true", help="let warnings fail, too")
    depth = validate.add_mutually_exclusive_group()
    for name, text in (
        ("tiles", "look at every block of the index"),
        ("full", "decode every tile"),
    ):
        depth.add_argument(f"--{name}", dest="depth", action="store_const", const=name, help=text)
    validate.add_argument(
        "--literal", action="store_true", help="let what only breaks the letter of a rule fail, too"
    )
    validate.add_argument("--http", action="store_true", help="look at the server of urls, too")
    validate.add_argument(
        "--together", action="store_true", help="hold the rules among files, of tiles of one image"
    )
    validate.add_argument("--format", choices=("text", "json", "junit"), default="text")
    validate.set_defaults(run=_validate, depth="header")
    validate.epilog = (
        "Exit status: 0 if all files have passed, 1 if one has not or cannot be read, 2 if an"
        " option is wrong. What cannot be known has not passed."
    )


def _add_tile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("where", help="url or path")
    for name, text in (("z", "level, 0 = full resolution"), ("x", "column"), ("y", "row")):
        parser.add_argument(name, type=int, help=text)


async def _demo(args: argparse.Namespace) -> None:
    from tinycog.testing import RangeServer  # noqa: PLC0415 - only the demo needs a server

    data = resources.files("tinycog").joinpath("data", DEMO_NAME).read_bytes()
    async with RangeServer({DEMO_NAME: data}, latency=args.latency_ms / 1000) as server:
        url = server.url(DEMO_NAME)
        print(f"serving {DEMO_NAME} ({len(data):,} bytes) at {url}, {args.latency_ms:g} ms away\n")

        print("tile = await tinycog.open(url).read_tile(0, 1, 1)")
        cog = tinycog.open(url)
        began = time.perf_counter()
        tile = await cog.read_tile(0, 1, 1)
        _print_read(cog, tile, began, 0)
        print("  (the first read also loads imagecodecs)\n")

        for level in cog.levels:
            print(f"  {level}")

        z = len(cog.levels) - 1
        print(f"\ntile = await cog.read_tile({z}, 0, 0)    # the whole picture, small")
        sent = len(cog.requests)
        began = time.perf_counter()
        small = await cog.read_tile(z, 0, 0)
        _print_read(cog, small, began, sent)
    _save(small, args.out, raw=True)


def _print_read(cog: Cog, raster: Raster, began: float, sent: int) -> None:
    print(f"  -> {raster} in {1000 * (time.perf_counter() - began):.1f} ms")
    _print_requests(cog, sent)


def _print_requests(cog: Cog, sent: int = 0) -> None:
    requests = cog.requests[sent:]
    for i, request in enumerate(requests, 1):
        print(
            f"  request {i}: bytes {request.start:,} to {request.stop:,}"
            f" ({request.received:,} came) in {1000 * request.seconds:.1f} ms"
        )
    total = sum(request.received for request in requests)
    print(f"  {len(requests)} requests, {total:,} bytes")


async def _tile(args: argparse.Namespace) -> None:
    async with tinycog.open(args.where) as cog:
        raster = await cog.read_tile(args.z, args.x, args.y)
        print(raster)
        _print_requests(cog)
    _save(raster, args.out, raw=True)


async def _preview(args: argparse.Namespace) -> None:
    async with tinycog.open(args.where) as cog:
        raster = await cog.preview(args.size, masked=True)
        print(raster)
        _print_requests(cog)
    _save(raster, args.out, raw=False)


async def _plan(args: argparse.Namespace) -> None:
    async with tinycog.open(args.where) as cog:
        if args.tile is not None:
            plan = await cog.plan(*args.tile)
        else:
            plan = await cog.plan(window=args.window, level=args.level)
        print("read for the plan:")
        _print_requests(cog)
        print(plan)


async def _validate(args: argparse.Namespace) -> int:
    """Print a report for each file, or one of all; return 1 unless all have passed."""
    reports: list[ValidationReport] = []
    is_whole = True
    profile = _profile(args.profile)
    for where in [args.where] if args.together else args.where:
        progress = TerminalProgress("tiles") if sys.stderr.isatty() else None
        try:
            report = await tinycog.validate(
                where,
                profile,
                depth=args.depth,
                strict=args.strict,
                literal=args.literal,
                progress=progress,
                http=args.http,
            )
        except UsageError as error:
            print(f"tinycog: {error}", file=sys.stderr)
            raise SystemExit(2) from error
        except (TinycogError, OSError) as error:  # the other files are looked at nevertheless
            print(f"tinycog: {error}", file=sys.stderr)
            is_whole = False
            continue
        finally:
            if progress is not None:
                progress.clear()
        reports.append(report)
        if args.format != "junit":
            print(report.to_json() if args.format == "json" else report)
    if args.format == "junit":
        print(junit(reports))
    return 0 if is_whole and all(report.passed for report in reports) else 1


def _profile(name: str) -> str | tinycog.ValidationProfile:
    """Return the name of a profile, or the one that a JSON file holds."""
    if not name.endswith(".json"):
        return name
    try:
        return tinycog.ValidationProfile.from_json(Path(name).read_text("utf-8"))
    except OSError as exc:
        message = f"--profile {name}: {exc.strerror}"
        raise UsageError(message) from exc


def _save(raster: Raster, path: str, *, raw: bool) -> None:
    raster.save(path, raw=raw)
    print(f"wrote {path}")
