"""`tinycog validate FILE...`: whether files keep rules of others."""

from __future__ import annotations

import argparse
from pathlib import Path

import tinycog
from tinycog.commands.opening import add_open_options, open_named
from tinycog.commands.outcome import CHECK_FAILED, tell
from tinycog.commands.printing import say
from tinycog.commands.progress import shown_progress
from tinycog.errors import TinycogError, UsageError
from tinycog.validator.report import ValidationReport, junit


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Say whether files keep rules of others."
    parser.add_argument("where", nargs="+", metavar="FILE", help="urls or paths of TIFFs")
    parser.add_argument(
        "--profile", default="ogc-cog", help="whose rules, or a JSON file of your own (%(default)s)"
    )
    parser.add_argument("--strict", action="store_true", help="let warnings fail, too")
    depth = parser.add_mutually_exclusive_group()
    for name, text in (
        ("tiles", "look at every block of the index"),
        ("full", "decode every tile"),
    ):
        depth.add_argument(f"--{name}", dest="depth", action="store_const", const=name, help=text)
    parser.add_argument(
        "--literal", action="store_true", help="let what only breaks the letter of a rule fail, too"
    )
    parser.add_argument("--http", action="store_true", help="look at the server of urls, too")
    parser.add_argument(
        "--together", action="store_true", help="hold the rules among files, of tiles of one image"
    )
    parser.add_argument("--format", choices=("text", "json", "junit"), default="text")
    add_open_options(parser, many=True)
    parser.set_defaults(run=validate, depth="header")
    parser.epilog = (
        "Exit status: 0 if all files have passed, 1 if one has not or cannot be read, 2 if an"
        " option is wrong. What cannot be known has not passed."
    )


async def validate(args: argparse.Namespace) -> int:
    """Print a report for each file, or one of all; return 1 unless all have passed."""
    reports: list[ValidationReport] = []
    is_whole = True
    profile = _profile(args.profile)
    for names in [args.where] if args.together else [[where] for where in args.where]:
        files = [open_named(args, name) for name in names]
        try:
            with shown_progress(args, "tiles") as progress:
                report = await tinycog.validate(
                    files if args.together else files[0],
                    profile,
                    depth=args.depth,
                    strict=args.strict,
                    literal=args.literal,
                    progress=progress,
                    http=args.http,
                )
        except UsageError:
            raise
        except (TinycogError, OSError) as error:  # the other files are looked at nevertheless
            tell(str(error))
            is_whole = False
            continue
        finally:
            for file in files:
                await file.aclose()
        reports.append(report)
        if args.format != "junit":
            say(report.to_json() if args.format == "json" else str(report))
    if args.format == "junit":
        say(junit(reports))
    return 0 if is_whole and all(report.passed for report in reports) else CHECK_FAILED


def _profile(name: str) -> str | tinycog.ValidationProfile:
    """Return the name of a profile, or the one that a JSON file holds."""
    if not name.endswith(".json"):
        return name
    try:
        return tinycog.ValidationProfile.from_json(Path(name).read_text("utf-8"))
    except OSError as exc:
        message = f"--profile {name}: {exc.strerror}"
        raise UsageError(message) from exc
