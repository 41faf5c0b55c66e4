"""A picture of a file's bytes for terminals: a letter for each part of it, and a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tinycog.byte_map.layout import FileLayout, FileSegment, SegmentKind, share_text
from tinycog.byte_map.magnify import Bar, bars_of

LEAST_WIDTH = 40

LINES = 4
"""Lines of the bar of the whole file."""

MOST_ROWS = 40
"""Rows of the table."""

LETTERS: dict[SegmentKind, str] = {
    "header": "H",
    "ghost": "G",
    "ifd": "I",
    "values": "v",
    "index": "x",
    "unused": ".",
    "unknown": "?",
}

OTHER_LEVEL = "+"
"""Levels beyond 9."""

COLOURS = {
    "H": 240,
    "G": 97,
    "I": 160,
    "v": 174,
    "x": 172,
    "0": 25,
    "1": 31,
    "2": 37,
    "3": 73,
    "m": 28,
    "p": 95,
}
"""Colours of letters, of the 256 of terminals."""

LATER_LEVEL = 109

SHADE = "\x1b[38;5;231;48;5;{}m{}\x1b[0m"


def draw(layout: FileLayout, width: int, *, colour: bool, ascii_only: bool) -> str:
    """Return the picture as text."""
    width = max(width, LEAST_WIDTH)
    bars = bars_of(layout)
    margin = len(f"{layout.size:,}")
    cells = width - margin - 3
    lines = [f"{layout.name}: {layout.size:,} bytes", ""]
    for bar in bars:
        lines += _bar(layout, bar, bars, cells, margin, colour=colour, ascii_only=ascii_only)
        lines.append("")
    lines += _table(layout, colour=colour)
    if not layout.is_whole:
        lines += ["", "~ not all of the index was read: what lies between is estimated"]
    return "\n".join(lines)


def letter_of(segment: FileSegment) -> str:
    """Return the letter that stands for a segment: levels are digits, masks m, other images p."""
    if segment.kind != "pixels":
        return LETTERS[segment.kind]
    found = re.match(r"level (\d+)(?! of page)", segment.of)
    if found is None:
        return "m" if segment.of.startswith("mask") else "p"
    return found[1] if len(found[1]) == 1 else OTHER_LEVEL


def _bar(
    layout: FileLayout,
    bar: Bar,
    bars: Sequence[Bar],
    cells: int,
    margin: int,
    *,
    colour: bool,
    ascii_only: bool,
) -> Iterator[str]:
    if bar.within is not None:
        factor = bars[bar.within].length / bar.length
        yield f"bytes {bar.start:,} to {bar.stop:,}, {factor:,.0f} times larger"
    count = min(cells * (LINES if bar.within is None else 2), max(bar.length, 1))
    letters = _cells(layout, bar, count)
    edge = "|" if ascii_only else "│"
    for first in range(0, count, cells):
        at = bar.start + bar.length * first // count
        shown = letters[first : first + cells]
        text = "".join(map(_shaded, shown)) if colour else "".join(shown)
        yield f"{at:>{margin},} {edge}{text}{edge}"


def _shaded(letter: str) -> str:
    if letter in ".?":
        return letter
    return SHADE.format(COLOURS.get(letter, LATER_LEVEL), letter)


def _cells(layout: FileLayout, bar: Bar, count: int) -> list[str]:
    """Return a letter for each part of a range: that of what takes most of it."""
    weights: list[dict[str, float]] = [{} for _ in range(count)]
    scale = count / max(bar.length, 1)
    for segment in layout.between(bar.start, bar.stop):
        letter = letter_of(segment)
        start = (max(segment.start, bar.start) - bar.start) * scale
        stop = (min(segment.stop, bar.stop) - bar.start) * scale
        for cell in range(int(start), min(int(stop) + 1, count)):
            part = min(stop, cell + 1) - max(start, cell)
            if part > 0:
                weights[cell][letter] = weights[cell].get(letter, 0.0) + part
    return [max(found, key=lambda one: found[one]) if found else "." for found in weights]


def _table(layout: FileLayout, *, colour: bool) -> list[str]:
    groups = layout.groups()
    labels = [group.text for group in groups[:MOST_ROWS]]
    wide = max(map(len, labels))
    number = len(f"{layout.size:,}")
    heads = ("from byte", "bytes")
    number = max(number, *map(len, heads))
    lines = [f"  {'':{wide + 2}}  {heads[0]:>{number}}  {heads[1]:>{number}}  {'share':>7}"]
    for group, label in zip(groups, labels, strict=False):
        letter = letter_of(group.first)
        about = "~" if group.is_estimate else " "
        share = share_text(group.length, layout.size)
        lines.append(
            f"  {_shaded(letter) if colour else letter} {label:{wide}}"
            f"  {group.first.start:>{number},} {about}{group.length:>{number},}  {share:>7}"
        )
    if len(groups) > MOST_ROWS:
        lines.append(f"  ... and {len(groups) - MOST_ROWS} more")
    return lines
