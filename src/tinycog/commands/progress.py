"""How far a long command is, in one line of a terminal; nothing where stderr is none."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

SHOWN_AFTER = 1.0
"""Seconds after which a command is long."""

SHOWN_SECONDS = 0.1
"""Between two lines of progress."""

BAR = 20
"""Characters of the bar."""


@contextmanager
def shown_progress(
    args: argparse.Namespace, unit: str, scale: int = 1
) -> Generator[TerminalProgress | None]:
    """Give what shows progress, as `tinycog.write` takes it; None with `--quiet`, and in pipes."""
    show = TerminalProgress(unit, scale) if is_shown(args) else None
    try:
        yield show
    finally:
        if show is not None:
            show.clear()


def is_shown(args: argparse.Namespace) -> bool:
    """Return whether somebody looks at stderr, and wants to know."""
    return not vars(args).get("quiet", False) and sys.stderr.isatty()


class TerminalProgress:
    """Shows how far a long command has come, in one line of a terminal."""

    def __init__(self, unit: str, scale: int = 1) -> None:
        """Begin now; what is counted is told in a unit, so many at once."""
        self._unit, self._scale = unit, scale
        self._began = time.perf_counter()
        self._shown = self._began + SHOWN_AFTER - SHOWN_SECONDS
        self._width = 0

    def __call__(self, done: int, total: int) -> None:
        """Show it, unless the command has just begun or that was done a moment ago."""
        now = time.perf_counter()
        if now - self._shown < SHOWN_SECONDS:
            return
        left = (now - self._began) * (total - done) / max(done, 1)
        amount = total / self._scale
        shown = f"{amount:,.1f}" if self._scale > 1 else f"{total:,}"
        part = done / max(total, 1)
        self._line(f"{_bar(part)} {part:4.0%} of {shown} {self._unit}, {left:.0f} s left", now)

    def say(self, text: str) -> None:
        """Show a text instead, where nobody knows how much there is in all."""
        now = time.perf_counter()
        if now - self._shown >= SHOWN_SECONDS:
            self._line(text, now)

    def clear(self) -> None:
        """Remove the line, if there is one."""
        if self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0

    def _line(self, text: str, now: float) -> None:
        line = text[: shutil.get_terminal_size().columns - 1]
        print("\r" + line.ljust(self._width), end="", file=sys.stderr, flush=True)
        self._shown, self._width = now, len(line)


def _bar(part: float) -> str:
    done = round(min(part, 1) * BAR)
    return f"[{'#' * done}{'.' * (BAR - done)}]"
