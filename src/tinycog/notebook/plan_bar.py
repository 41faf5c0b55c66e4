"""Requests over the bytes of a file: a bar of the whole file, and one of what they span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinycog.byte_map.bar import BarPart, BarPlace, draw_bar
from tinycog.byte_map.magnify import LEAST_FACTOR, Bar
from tinycog.byte_map.svg import LEVELS
from tinycog.tiff.ranges import ByteRange

WIDTH, MARGIN, HEIGHT = 640, 4, 26
FIRST, STEP = 4, 74
"""Top of the first bar, and from one to the next, in pixels."""

LEAST_WIDTH = 1.5
"""Pixels of a request, however small it is in its file."""

MOST_PARTS = 600
"""Requests that are drawn one by one, at most."""

PLACE = BarPlace(
    MARGIN,
    WIDTH - 2 * MARGIN,
    (FIRST, FIRST + STEP),
    HEIGHT,
    ' stroke="currentColor" stroke-opacity=".5"',
    ' font-size="11" font-family="sans-serif" fill="currentColor" fill-opacity=".7"',
)


def plan_bar(requests: Sequence[ByteRange], size: int) -> str:
    """Return an SVG element of requests over a file of `size` bytes, at least one."""
    bars = _bars(requests, size)
    height = PLACE.tops[len(bars) - 1] + HEIGHT + 22
    box = f'width="{WIDTH}" height="{height}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} viewBox="0 0 {WIDTH} {height}"'
        ' role="img" aria-label="requests over the bytes of the file" style="max-width:100%">'
    )
    lines: list[str] = []
    for number, bar in enumerate(bars):
        lines += draw_bar(_parts(requests, bar), bars, number, PLACE)
    return "".join([head, *lines, "</svg>"])


def _bars(requests: Sequence[ByteRange], size: int) -> list[Bar]:
    start, stop = min(one.start for one in requests), max(one.stop for one in requests)
    whole = Bar(0, max(size, stop))
    around = max((stop - start) // 20, 1)
    part = Bar(max(start - around, 0), min(stop + around, whole.stop), 0)
    return [whole, part] if part.length * LEAST_FACTOR <= whole.length else [whole]


def _parts(requests: Sequence[ByteRange], bar: Bar) -> Iterator[BarPart]:
    """Yield requests as parts that can be seen; those that would touch are drawn as one."""
    least = max(round(LEAST_WIDTH * bar.length / PLACE.width), 1)
    groups: list[list[ByteRange]] = []
    reach = -1
    for one in sorted(requests):
        if groups and (one.start < reach or len(groups) >= MOST_PARTS):
            groups[-1].append(one)
        else:
            groups.append([one])
        reach = max(reach, one.start + least, one.stop)
    for ones in groups:
        start, stop = ones[0].start, max(one.stop for one in ones)
        length = sum(one.length for one in ones)
        count = f"{len(ones):,} requests" if len(ones) > 1 else "1 request"
        title = f"{count}: bytes {start:,} to {stop:,} ({length:,})"
        yield BarPart(start, min(max(stop, start + least), bar.stop), LEVELS[0], title)
