"""A bar of bytes in SVG: parts to scale, ticks, and which part of another bar it magnifies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import NamedTuple

from tinycog.byte_map.magnify import Bar

BAR_HEIGHT = 44
LETTER_WIDTH = 6.6
"""Of the text in a bar, in pixels."""
TICKS = 5


class BarPart(NamedTuple):
    """A range of bytes that is drawn in one colour.

    Attributes:
        start, stop: absolute byte positions, half-open.
        colour: of CSS, or `url(#pattern)`.
        title: what is shown while the pointer is over it.
        text: what stands in it, where there is room.
    """

    start: int
    stop: int
    colour: str
    title: str
    text: str = ""


class BarPlace(NamedTuple):
    """Where bars are drawn, in pixels.

    Attributes:
        left: of all bars.
        width: of all bars.
        tops: of each bar.
        height: of all bars.
        frame: attributes of what is drawn around a bar.
        small: attributes of ticks.
    """

    left: int
    width: int
    tops: Sequence[int]
    height: int = BAR_HEIGHT
    frame: str = ' stroke="#555"'
    small: str = ' class="small"'


def draw_bar(
    parts: Iterable[BarPart], bars: Sequence[Bar], number: int, place: BarPlace
) -> Iterator[str]:
    """Yield the SVG elements of one of several bars."""
    bar = bars[number]
    left, width, top = place.left, place.width, place.tops[number]
    scale = width / max(bar.length, 1)
    if bar.within is not None:
        yield from _magnified(bars, number, bar.within, place)
    for part in parts:
        start = max(part.start, bar.start) - bar.start
        length = (min(part.stop, bar.stop) - bar.start - start) * scale
        at = left + start * scale
        edge = ' stroke="#fff" stroke-width=".5"' if length > 2 else ""  # noqa: PLR2004 - pixels
        yield (
            f'<rect x="{at:.2f}" y="{top}" width="{length:.3f}" height="{place.height}"'
            f' fill="{part.colour}"{edge}><title>{escape(part.title)}</title></rect>'
        )
        if part.text and len(part.text) * LETTER_WIDTH <= length:
            shade = "" if is_dark(part.colour) else " dark"
            middle = f'x="{at + length / 2:.2f}" y="{top + place.height / 2 + 4:.0f}"'
            text = escape(part.text)
            yield f'<text class="inside{shade}" {middle} text-anchor="middle">{text}</text>'
    yield (
        f'<rect x="{left}" y="{top}" width="{width}" height="{place.height}"'
        f' fill="none"{place.frame}/>'
    )
    for tick in range(TICKS):
        share = tick / (TICKS - 1)
        byte = bar.start + bar.length * tick // (TICKS - 1)
        anchor = ("start", "middle", "middle", "middle", "end")[tick]
        yield (
            f'<text{place.small} x="{left + share * width:.0f}" y="{top + place.height + 15}"'
            f' text-anchor="{anchor}">{byte:,}</text>'
        )


def _magnified(bars: Sequence[Bar], number: int, within: int, place: BarPlace) -> Iterator[str]:
    """Yield the lines from a part of a bar to the one that magnifies it."""
    bar, top = bars[number], place.tops[number]
    around = bars[within]
    above = place.tops[within] + place.height
    left, right = (
        place.left + (at - around.start) * place.width / around.length
        for at in (bar.start, bar.stop)
    )
    yield (
        f'<path d="M{left:.2f} {above}L{place.left} {top}'
        f'H{place.left + place.width}L{right:.2f} {above}Z"'
        ' fill="#888" fill-opacity=".13"/>'
    )
    text = f"bytes {bar.start:,} to {bar.stop:,}, {around.length / bar.length:,.0f} times larger"
    yield f'<text{place.small} x="{place.left}" y="{top - 7}">{text}</text>'


def is_dark(colour: str) -> bool:
    """Return whether white text can be read on a colour."""
    if not colour.startswith("#"):
        return False
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.3 * red + 0.59 * green + 0.11 * blue < 140  # noqa: PLR2004 - of 255
