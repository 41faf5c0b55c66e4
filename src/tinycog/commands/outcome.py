"""How a command ends: errors in one line, exit statuses, Ctrl-C, pipes that were closed."""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from tinycog.errors import (
    AccessDeniedError,
    LimitError,
    RangeUnsupportedError,
    SourceTimeoutError,
    TileIndexError,
    TinycogError,
    show_tracebacks,
    shows_tracebacks,
)
from tinycog.limits import Limits
from tinycog.targets.file_errors import writing

CHECK_FAILED = 1
"""A check has failed: the file is not as it should be."""

WRONG = 2
"""The command is wrong, or something could not be read or written."""

INTERRUPTED = 130
"""Ctrl-C, as shells have it: 128 and the number of the signal."""

CLOSED_PIPE = 141
"""Whoever read the output has gone, likewise."""

EXIT_STATUSES = (
    "Exit status: 0 all is well, 1 a check has failed, 2 the command is wrong or something cannot"
    " be read or written, 130 after Ctrl-C."
)
"""The end of `--help`."""


class CommandParser(argparse.ArgumentParser):
    """Tells what is wrong with a command in one line, and how to learn more."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(WRONG, one_line(f"{message} (see {self.prog} --help)"))

    def explain(self, examples: Sequence[str]) -> None:
        """Add examples to `--help`, a line each."""
        width = max(shutil.get_terminal_size().columns - 2, 40)
        self.formatter_class = argparse.RawDescriptionHelpFormatter  # examples keep their lines
        self.description = textwrap.fill(self.description or "", width)
        lines = [f"  {line}" for line in examples]
        texts = [self.epilog] if self.epilog else []
        if "Exit status" not in " ".join(texts):
            texts.append(EXIT_STATUSES)
        paragraphs = [
            "\n".join(["examples:", *lines]),
            *(textwrap.fill(one, width) for one in texts),
        ]
        self.epilog = "\n\n".join(paragraphs)


def carry_out(args: argparse.Namespace) -> int:
    """Run a command and return its exit status; an error is one line on stderr."""
    is_debugged: bool = vars(args).get("debug", False)
    before = shows_tracebacks()
    show_tracebacks(whole=is_debugged or before)
    try:
        return _carried_out(args, is_debugged=is_debugged)
    finally:
        show_tracebacks(whole=before)


def _carried_out(args: argparse.Namespace, *, is_debugged: bool) -> int:
    try:
        status: int | None = asyncio.run(args.run(args))
        with writing("standard output"):
            sys.stdout.flush()
    except KeyboardInterrupt:
        tell("stopped by Ctrl-C")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, a person gets one line
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            _drop_output()
            return CLOSED_PIPE
        _drop_output_if_full()
        if is_debugged:
            traceback.print_exception(error)
        tell(_told(error))
        return WRONG
    return status or 0


def tell(text: str) -> None:
    """Print a line to stderr, for whoever sits there."""
    with suppress(OSError):  # stderr is full, or closed
        sys.stderr.write(one_line(text))
        sys.stderr.flush()


def one_line(text: str) -> str:
    """Return a text as one line of ours, without anything that a terminal would obey."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    return f"tinycog: {line}\n"


def _told(error: Exception) -> str:
    if isinstance(error, TinycogError):
        advice = _advice(error)
        return f"{error}{f'; {advice}' if advice else ''}"
    if isinstance(error, OSError):
        name = "" if error.filename is None else f": {error.filename}"
        return f"{error.strerror or error}{name}"
    kind = type(error).__name__
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({error or kind}): read less at once, or export"
    return f"{kind}: {error} (this is a fault of tinycog; --debug shows where)"


def _advice(error: TinycogError) -> str:
    """Return what an option of the command line does about an error, "" if none does anything."""
    text = str(error)
    if isinstance(error, AccessDeniedError) and "://" in text:
        return "credentials are sent by --header, --netrc or --storage-option"
    if isinstance(error, RangeUnsupportedError):
        return "--limits whole_bytes=64MiB accepts up to so many"
    if isinstance(error, LimitError) and error.limit in Limits.__dataclass_fields__:
        return f"--limits {error.limit}=N raises it"
    if isinstance(error, SourceTimeoutError):
        return "--limits silence=60 seconds=120 waits longer"
    if isinstance(error, TileIndexError):
        return "tinycog info lists levels and tiles"
    return ""


def _drop_output() -> None:
    """Have what is left for stdout go nowhere, so that Python does not tell of it in the end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _drop_output_if_full() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()
