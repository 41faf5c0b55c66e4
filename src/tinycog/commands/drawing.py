"""A picture in a terminal: two pixels in each character, or letters where there is no colour."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import tinycog
from tinycog.commands.printing import is_ascii
from tinycog.pixels.png import to_picture

Colours = Literal["24bit", "256", "none"]
"""What a terminal can show."""

HALF, RESET = "\u2580", "\x1b[0m"

SHADES, LETTERS = " \u2591\u2592\u2593\u2588", " .:-=+*#%@"
"""From dark to light."""

LUMA = (0.299, 0.587, 0.114)

CUBE = np.array([0, 95, 135, 175, 215, 255])
"""Levels of red, green and blue of the 216 colours of a terminal of 256."""

FIRST_OF_CUBE, FIRST_GREY, GREYS = 16, 232, 24

WITH_ALPHA = (2, 4)

MOST_COLUMNS = 120


def colours_of_terminal() -> Colours:
    """Return what the terminal of stdout can show, by the variables that tell it."""
    term = os.environ.get("TERM", "")
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ or term in ("", "dumb"):
        return "none"
    is_true = os.environ.get("COLORTERM", "") in ("truecolor", "24bit") or "direct" in term
    return "24bit" if is_true else "256"


def terminal_pixels() -> int:
    """Return how many pixels a picture in the terminal may have both ways."""
    columns, lines = shutil.get_terminal_size()
    return max(min(columns - 1, MOST_COLUMNS, 2 * (lines - 4)), 8)


def draw_raster(raster: tinycog.Raster, colours: Colours) -> Iterator[str]:
    """Yield the lines of a picture of a raster; what is not valid stays empty."""
    mask = raster.mask if raster.has_known_mask else None
    picture = to_picture(
        raster.data,
        None if mask is None or mask.all() else mask,
        colormap=raster.colormap,
        colouring=raster.colouring,
    )
    planes = picture[..., None] if picture.ndim == 2 else picture  # noqa: PLR2004 - grey
    valid = np.ones(planes.shape[:2], np.bool_)
    if planes.shape[-1] in WITH_ALPHA:
        planes, valid = planes[..., :-1], planes[..., -1] >= 128  # noqa: PLR2004 - half
    rgb = np.broadcast_to(planes, (*planes.shape[:2], 3))
    if len(rgb) % 2:
        rgb = np.concatenate([rgb, np.zeros_like(rgb[:1])])
        valid = np.concatenate([valid, np.zeros_like(valid[:1])])
    if colours == "none":
        yield from _letters(rgb, valid, LETTERS if is_ascii() else SHADES)
    elif is_ascii():
        yield from _spaces(rgb, valid, colours)
    else:
        yield from _halves(rgb, valid, colours)


def _letters(rgb: NDArray[np.uint8], valid: NDArray[np.bool_], shades: str) -> Iterator[str]:
    """Yield characters of two pixels each, the lighter the fuller."""
    grey = np.where(valid, rgb @ np.array(LUMA), 0)
    pairs = (grey[::2] + grey[1::2]) / 2
    steps = np.floor(pairs * (len(shades) - 1) / 255 + 0.5).astype(int)
    for line in steps:
        yield "".join(shades[step] for step in line).rstrip()


def _halves(rgb: NDArray[np.uint8], valid: NDArray[np.bool_], colours: Colours) -> Iterator[str]:
    """Yield upper halves of blocks: the upper pixel is their colour, the lower the ground's."""
    codes = _codes(rgb, colours)
    for row in range(0, len(codes), 2):
        cells = (
            _half(codes[row][col], codes[row + 1][col], *valid[row : row + 2, col])
            for col in range(len(codes[row]))
        )
        yield _joined(cells)


def _half(upper: str, lower: str, has_upper: Any, has_lower: Any) -> tuple[str, str]:  # noqa: ANN401 - numpy's
    """Return the escape sequence of two pixels, and their character."""
    if has_upper and has_lower:
        return f"38;{upper};48;{lower}", HALF
    if has_upper:
        return f"38;{upper};49", HALF
    return (f"38;{lower};49", "\u2584") if has_lower else ("0", " ")


def _spaces(rgb: NDArray[np.uint8], valid: NDArray[np.bool_], colours: Colours) -> Iterator[str]:
    """Yield spaces on the colour of the upper pixel, for terminals that take ASCII alone."""
    codes = _codes(rgb[::2], colours)
    for line, known in zip(codes, valid[::2], strict=True):
        yield _joined(
            (f"48;{code}" if is_valid else "0", " ")
            for code, is_valid in zip(line, known, strict=True)
        )


def _joined(cells: Iterator[tuple[str, str]]) -> str:
    """Return a line; a sequence is written where it differs from the one before."""
    found, before = "", ""
    for sequence, character in cells:
        found += character if sequence == before else f"\x1b[{sequence}m{character}"
        before = sequence
    return found + RESET


def _codes(rgb: NDArray[np.uint8], colours: Colours) -> list[list[str]]:
    """Return what names the colour of each pixel in an escape sequence."""
    if colours == "24bit":
        return [[f"2;{r};{g};{b}" for r, g, b in line] for line in rgb.tolist()]
    wide = rgb.astype(int)
    nearest = np.abs(wide[..., None] - CUBE).argmin(axis=-1)
    cube = FIRST_OF_CUBE + nearest @ np.array([36, 6, 1])
    grey = np.clip((wide.mean(axis=-1) - 3) // 10, 0, GREYS - 1).astype(int)
    of_cube = ((CUBE[nearest] - wide) ** 2).sum(axis=-1)
    of_grey = ((8 + 10 * grey[..., None] - wide) ** 2).sum(axis=-1)
    chosen = np.where(of_grey < of_cube, FIRST_GREY + grey, cube)
    return [[f"5;{code}" for code in line] for line in chosen.tolist()]
