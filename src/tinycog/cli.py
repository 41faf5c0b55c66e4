"""The command line: the parser of `tinycog`, and what runs a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from tinycog.commands.outcome import EXIT_STATUSES, CommandParser, carry_out
from tinycog.version import __version__

COMMANDS = {
    "info": "print what a file is, and where its bytes lie",
    "tile": "read one tile into a .png or .npy file",
    "preview": "write a small picture of a file",
    "plan": "print the requests that a tile or a window would take",
    "validate": "say whether files keep rules of others",
    "cogify": "write a file as a Cloud Optimized GeoTIFF, in one pass",
    "mosaic": "write many files as one Cloud Optimized GeoTIFF",
    "stack": "write many files step by step in time",
    "export": "write an area of any size to .tif, .zarr or .npy",
    "index": "read the headers of many files once, and keep them",
    "demo": "read the packaged COG from a loopback range server",
}
"""Commands, and what each does; `tinycog.commands` has a module of each name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; an error is one line on stderr, and 2."""
    words = sys.argv[1:] if argv is None else argv
    return carry_out(_parser(words).parse_args(words))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser; of the command that is named it has the options, too."""
    parser = CommandParser(
        prog="tinycog",
        description=(
            "Read, check and write TIFF, BigTIFF and Cloud Optimized GeoTIFF: files, urls, objects"
            " of stores. Over the network only the bytes that are needed are requested."
        ),
        epilog=f"tinycog COMMAND --help tells more. {EXIT_STATUSES}",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=CommandParser)
    named = next((word for word in words if word in COMMANDS), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        command.epilog = EXIT_STATUSES
        if name == named:
            import_module(f"tinycog.commands.{name}").add_options(command)
            _add_common(command)
    return parser


def _add_common(command: argparse.ArgumentParser) -> None:
    """Add what all commands understand."""
    common = command.add_argument_group("what is told")
    for name, text in (
        ("quiet", "print nothing but the result and errors"),
        ("debug", "print where in the program an error comes from"),
    ):
        common.add_argument(f"--{name}", action="store_true", default=False, help=text)
