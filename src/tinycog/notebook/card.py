"""A card for notebooks: a title, a table of facts, pictures. It never raises."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape

MOST_BYTES = 200_000
"""Of a card. Pictures that would make it larger are left out."""

MOST_ROWS = 60
"""Of a table."""

LONGEST_TEXT = 400
"""Characters of a name or of a value: the rest is left out."""

FEW_PIXELS = 128
"""Columns of a picture up to which its pixels are seen as squares."""

MUTED = "opacity:.65"

CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0;border:0;background:none"

Facts = Mapping[str, object]


def card(
    title: str,
    facts: Facts,
    *,
    png: bytes | None = None,
    drawings: Sequence[str] = (),
    note: str = "",
) -> str:
    """Return HTML of a value for a notebook, at most 200 kB.

    Args:
        title: heading above the table.
        facts: names and values, converted by `str`; lines of a text stay lines.
        png: a picture beside the table.
        drawings: SVG elements, shown below.
        note: a line below the picture, or in its place.
    """
    picture = "" if png is None else _picture(png, title)
    drawn = "".join(f"<div style='margin-top:6px'>{drawing}</div>" for drawing in drawings)
    found = _card(title, facts, picture, drawn, note)
    if len(found.encode()) > MOST_BYTES:
        found = _card(title, facts, picture, "", note)
    if len(found.encode()) > MOST_BYTES:
        found = _card(title, facts, "", "", "the picture is too large to be shown")
    return found


def _card(title: str, facts: Facts, picture: str, drawn: str, note: str) -> str:
    rows = "".join(_row(name, value) for name, value in list(facts.items())[:MOST_ROWS])
    if len(facts) > MOST_ROWS:
        rows += _row("", f"and {len(facts) - MOST_ROWS} more")
    told = f"<div style='{MUTED};font-size:90%'>{_text(note)}</div>" if note else ""
    beside = f"<div>{picture}{told}</div>" if picture else ""
    return (
        "<div style='display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start;"
        f"max-width:100%'>{beside}<div style='flex:1 1 320px;min-width:0'>"
        f"<div style='font-weight:600;overflow-wrap:anywhere'>{_text(title)}</div>"
        f"<table style='border-collapse:collapse;margin:4px 0;border:0'>{rows}</table>"
        f"{'' if picture else told}{drawn}</div></div>"
    )


def _row(name: str, value: object) -> str:
    return (
        f"<tr style='background:none'><th style='{CELL};font-weight:normal;{MUTED};"
        f"white-space:nowrap'>{_text(name)}</th>"
        f"<td style='{CELL};overflow-wrap:anywhere'>{_text(value)}</td></tr>"
    )


def _text(value: object) -> str:
    """Return a value as text for HTML, without characters that are not printed."""
    text = str(value)
    cut = text[:LONGEST_TEXT] + "…" * (len(text) > LONGEST_TEXT)
    plain = "".join(c if c.isprintable() or c == "\n" else "�" for c in cut)
    return escape(plain).replace("\n", "<br>")


def _picture(png: bytes, title: str) -> str:
    source = "data:image/png;base64," + b64encode(png).decode("ascii")
    width = int.from_bytes(png[16:20])  # of IHDR
    rendering = "pixelated" if width <= FEW_PIXELS else "auto"
    return (
        f"<img src='{source}' alt='{_text(title)}'"
        f" style='width:256px;max-width:100%;height:auto;image-rendering:{rendering};margin:0'>"
    )


def never_fails(shown: object, draw: Callable[[], str]) -> str:
    """Return what a function draws of a value; where it fails, the value's type and why.

    A notebook shows nothing at all of a value whose `_repr_html_` raises.
    """
    try:
        return draw()
    except Exception as error:  # noqa: BLE001 - whatever a broken file makes fail
        why = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")
        return card(type(shown).__name__, {"cannot be shown": why})
