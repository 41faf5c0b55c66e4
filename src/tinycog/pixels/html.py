"""HTML for notebooks: a table of properties beside a picture."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape


def html(
    title: str,
    properties: Mapping[str, object],
    png: bytes | None = None,
    *,
    width: int = 256,
) -> str:
    """Make the HTML by which a notebook shows an object (`_repr_html_`).

    Args:
        title: heading above the table.
        properties: names and values, converted by `str`. All text is escaped.
        png: the picture, if there is one.
        width: width of the picture on the screen, in pixels.
    """
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(str(name))}</th>"
        f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
        for name, value in properties.items()
    )
    picture = ""
    if png is not None:
        source = "data:image/png;base64," + b64encode(png).decode("ascii")
        picture = (
            f"<img src='{source}' alt='{escape(title)}'"
            f" style='width:{int(width)}px;image-rendering:pixelated'>"
        )
    return (
        "<div style='display:flex;gap:1em;align-items:flex-start'>"
        f"{picture}<div><strong>{escape(title)}</strong><table>{rows}</table></div></div>"
    )
