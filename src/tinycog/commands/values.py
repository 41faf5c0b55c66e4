"""Words of the command line as values: numbers, bytes, corners."""

from __future__ import annotations

import argparse
import re
from typing import Any

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
"""Bytes of KiB, MiB, GiB, TiB."""

RECTANGLES = (
    ("window", ("COL", "ROW", "WIDTH", "HEIGHT"), "in pixels of the level"),
    ("bounds", ("LEFT", "BOTTOM", "RIGHT", "TOP"), "in coordinates"),
)
"""Options of four numbers: name, what each is, help."""


def number(text: str) -> int | float:
    """Return a number; one without a point is exact, as integers of 64 bits are no floats.

    Raises:
        ValueError: it is none.
    """
    found = number_or_text(text)
    return float(found) if isinstance(found, str) else found


def number_or_text(text: str) -> int | str:
    """Return an integer, or what else was given."""
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else text


def byte_count(text: str) -> int:
    """Return "256MiB" as bytes.

    Raises:
        ArgumentTypeError: it is no number of bytes.
    """
    found = re.fullmatch(r"(\d+)\s*(?:([kmgt]?)(?:i?b)?)", text.strip().lower())
    if found is None:
        message = f"expected bytes, such as 268435456 or 256MiB, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(found[1]) * UNITS[found[2]]


def pixel_size(options: dict[str, Any]) -> None:
    """Have one number of `--res` stand for x and y."""
    if len(options.get("res", (1, 1))) == 1:
        options["res"] = options["res"][0]
