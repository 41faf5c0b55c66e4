"""A picture of a file's bytes as SVG: bars to scale, parts of them drawn larger, and a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from tinycog.byte_map.bar import BAR_HEIGHT, BarPart, BarPlace, draw_bar
from tinycog.byte_map.layout import FileLayout, FileSegment, SegmentGroup, share_text
from tinycog.byte_map.magnify import Bar, bars_of

NAMESPACE = "http://www.w3.org/2000/svg"
LEAST_WIDTH = 480
MARGIN = 24
BAR_STEP = 116
"""From one bar to the next."""
FIRST_BAR = 64
ROW_HEIGHT = 20
MOST_ROWS = 60
NARROW = 0.3
"""Pixels below which neighbours of one colour are drawn as one."""

COLOURS = {
    "header": "#3b3b3b",
    "ghost": "#8456a8",
    "ifd": "#c23b30",
    "values": "#e58d83",
    "index": "#e8a33d",
    "unused": "url(#unused)",
    "unknown": "url(#unknown)",
}

LEVELS = ("#1f5f99", "#3f86bf", "#6aa9d4", "#98c6e3", "#c0ddf0")
MASKS = ("#2c7a44", "#55a06a", "#86c197", "#b3dabd", "#d3ebd9")
OTHERS = ("#7a5a44", "#a07c62", "#bf9f88")

PATTERNS = """<defs>
<pattern id="unused" width="6" height="6" patternUnits="userSpaceOnUse">\
<rect width="6" height="6" fill="#fff"/><path d="M0 6L6 0" stroke="#bbb"/></pattern>
<pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse">\
<rect width="6" height="6" fill="#eee"/><circle cx="3" cy="3" r="1" fill="#888"/></pattern>
</defs>"""

STYLE = (
    "text{font:12px system-ui,'DejaVu Sans',Arial,sans-serif;fill:#222}"
    ".title{font-size:15px;font-weight:600}.small{font-size:11px;fill:#555}"
    ".inside{font-size:11px;fill:#fff;pointer-events:none}.dark{fill:#222}"
)


def draw(layout: FileLayout, width: int) -> str:
    """Return the picture as an SVG document."""
    width = max(width, LEAST_WIDTH)
    bars, groups = bars_of(layout), layout.groups()
    table = FIRST_BAR + BAR_STEP * len(bars) - (BAR_STEP - BAR_HEIGHT) + 44
    rows = min(len(groups), MOST_ROWS) + (len(groups) > MOST_ROWS) + (not layout.is_whole)
    height = table + ROW_HEIGHT * (rows + 1) + MARGIN
    name, box = escape(_clean(layout.name)), f'width="{width}" height="{height}"'
    lines = [
        f'<svg xmlns="{NAMESPACE}" {box} viewBox="0 0 {width} {height}" role="img">',
        f"<title>Bytes of {name}</title>",
        f"<style>{STYLE}</style>",
        PATTERNS,
        f'<rect {box} fill="#fff"/>',
        f'<text class="title" x="{MARGIN}" y="32">{name}: {layout.size:,} bytes</text>',
    ]
    for number, bar in enumerate(bars):
        lines += _bar(layout, bars, number, bar, width - 2 * MARGIN)
    lines += _table(layout, groups, table, width)
    lines.append("</svg>\n")
    return "\n".join(lines)


def colour_of(segment: FileSegment) -> str:
    """Return the colour of a segment: levels are blue, masks green, other images brown."""
    if segment.kind != "pixels":
        return COLOURS[segment.kind]
    found = re.match(r"(mask of )?level (\d+)", segment.of)
    if found is None or " of page" in segment.of:
        number = sum(map(int, re.findall(r"\d+", segment.of)[-1:]))
        return OTHERS[number % len(OTHERS)]
    shades = MASKS if found[1] else LEVELS
    return shades[min(int(found[2]), len(shades) - 1)]


def _clean(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _bar(
    layout: FileLayout, bars: Sequence[Bar], number: int, bar: Bar, width: int
) -> Iterator[str]:
    scale = width / max(bar.length, 1)
    parts = [_part(one) for one in joined(layout.between(bar.start, bar.stop), scale)]
    tops = [FIRST_BAR + BAR_STEP * number for number in range(len(bars))]
    return draw_bar(parts, bars, number, BarPlace(MARGIN, width, tops))


def _part(segment: FileSegment) -> BarPart:
    text = segment.of if segment.kind == "pixels" else segment.tag or segment.label
    text = "IFD" if segment.kind == "ifd" else _clean(text)
    title = _clean(_title(segment))
    return BarPart(segment.start, segment.stop, colour_of(segment), title, text)


def joined(segments: Iterator[FileSegment], scale: float) -> Iterator[FileSegment]:
    """Yield segments, those that are too narrow to be seen joined with such neighbours.

    Args:
        segments: in the order of the file.
        scale: pixels a byte.
    """
    kept: FileSegment | None = None
    for segment in segments:
        if (
            kept is not None
            and segment.length * scale < NARROW
            and colour_of(segment) == colour_of(kept)
            and segment.start <= kept.stop
        ):
            blocks = kept.blocks + segment.blocks
            stop = max(kept.stop, segment.stop)
            kept = FileSegment(kept.start, stop, kept.kind, kept.of, kept.tag, blocks)
            continue
        if kept is not None:
            yield kept
        kept = segment
    if kept is not None:
        yield kept


def _title(segment: FileSegment) -> str:
    """Return what is shown while the pointer is over a segment."""
    what = f"{segment.tag} of {segment.of}" if segment.tag else segment.label
    about = ", estimated" if segment.is_estimate else ""
    blocks = f", {segment.blocks:,} blocks" if segment.blocks else ""
    return (
        f"{what}{blocks}: bytes {segment.start:,} to {segment.stop:,} ({segment.length:,}){about}"
    )


def _table(
    layout: FileLayout, groups: Sequence[SegmentGroup], top: int, width: int
) -> Iterator[str]:
    columns = [width - MARGIN - at for at in (230, 100, 0)]
    heads = zip(columns, ("from byte", "bytes", "share"), strict=True)
    yield from (_cell(x, top, text, "small") for x, text in heads)
    for row, group in enumerate(groups[:MOST_ROWS], 1):
        at = top + ROW_HEIGHT * row
        yield (
            f'<rect x="{MARGIN}" y="{at - 11}" width="14" height="14"'
            f' fill="{colour_of(group.first)}" stroke="#555" stroke-width=".5"/>'
        )
        yield f'<text x="{MARGIN + 24}" y="{at}">{escape(_clean(group.text))}</text>'
        about = "~" if group.is_estimate else ""
        cells = (
            f"{group.first.start:,}",
            f"{about}{group.length:,}",
            share_text(group.length, layout.size),
        )
        yield from (_cell(x, at, text) for x, text in zip(columns, cells, strict=True))
    at = top + ROW_HEIGHT * (min(len(groups), MOST_ROWS) + 1)
    if len(groups) > MOST_ROWS:
        yield f'<text class="small" x="{MARGIN}" y="{at}">and {len(groups) - MOST_ROWS} more</text>'
        at += ROW_HEIGHT
    if not layout.is_whole:
        text = "Not all of the index was read: what lies between is estimated."
        yield f'<text class="small" x="{MARGIN}" y="{at}">{text}</text>'


def _cell(x: int, y: int, text: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x}" y="{y}" text-anchor="end">{escape(text)}</text>'
