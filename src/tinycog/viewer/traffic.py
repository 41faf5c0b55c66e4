"""What was requested of a file, and where in it that lies."""

from __future__ import annotations

from collections import deque
from typing import Any

import tinycog
from tinycog.byte_map.layout import FileLayout
from tinycog.byte_map.magnify import bars_of
from tinycog.byte_map.svg import colour_of, joined
from tinycog.fetch.attempt import Request

KEPT = 2000
"""Requests of a file that are kept for the page."""

SENT = 300
"""Requests of one answer, the last ones."""

BAR_PIXELS = 1000
"""Width of a bar in which parts of a file can be told apart."""

MOST_LABELS = 3
"""Words for what a request brought."""


class RequestLog:
    """The requests of a handle, numbered from 0: its own log forgets old ones."""

    def __init__(self, cog: tinycog.Cog) -> None:
        """Keep the handle; what it has requested before is not counted."""
        self._cog = cog
        self._kept: deque[tuple[int, Request]] = deque(maxlen=KEPT)
        self._last = cog.requests[-1] if cog.requests else None
        self.count = 0

    def after(self, number: int) -> list[tuple[int, Request]]:
        """Return the requests from a number on, as far as they are kept."""
        self._take()
        return [one for one in self._kept if one[0] >= number]

    def total(self) -> int:
        """Return how many requests there were: the number of the next."""
        self._take()
        return self.count

    def _take(self) -> None:
        new: list[Request] = []
        for request in reversed(self._cog.requests):
            if request is self._last:
                break
            new.append(request)
        for request in reversed(new):
            self._kept.append((self.count, request))
            self.count += 1
            self._last = request


def requests_document(log: RequestLog, number: int, layout: FileLayout | None) -> dict[str, Any]:
    """Return requests from a number on, for the page.

    Args:
        log: those of the file.
        number: of the first.
        layout: what lies where, if that is known.
    """
    found = log.after(number)
    return {
        "next": log.count,
        "count": len(found),
        "bytes": sum(one.received for _, one in found),
        "requests": [
            {
                "number": at,
                "start": one.start,
                "stop": one.stop,
                "received": one.received,
                "ms": round(1000 * one.seconds, 2),
                "error": one.error,
                "sidecar": one.sidecar,
                "what": "" if layout is None or one.sidecar else _what(layout, one),
            }
            for at, one in found[-SENT:]
        ],
    }


def layout_document(layout: FileLayout) -> dict[str, Any]:
    """Return what lies where in a file as bars to draw: the whole, and parts of it drawn larger."""
    return {
        "size": layout.size,
        "is_whole": layout.is_whole,
        "bars": [
            {
                "start": bar.start,
                "stop": bar.stop,
                "within": bar.within,
                "segments": [
                    {
                        "start": max(one.start, bar.start),
                        "stop": min(one.stop, bar.stop),
                        "label": one.label,
                        "colour": _plain(colour_of(one)),
                    }
                    for one in joined(
                        layout.between(bar.start, bar.stop), BAR_PIXELS / max(bar.length, 1)
                    )
                ],
            }
            for bar in bars_of(layout)
        ],
    }


def _what(layout: FileLayout, request: Request) -> str:
    """Return what a request brought, in a few words."""
    labels = list(
        dict.fromkeys(
            one.label
            for one in layout.between(request.start, request.stop)
            if one.kind not in ("unused", "unknown")
        )
    )
    more = len(labels) - MOST_LABELS
    return ", ".join(labels[:MOST_LABELS]) + (f" and {more} more" if more > 0 else "")


def _plain(colour: str) -> str:
    """Return a colour for what is drawn as a pattern in SVG, too."""
    return {"url(#unused)": "#e8e8e8", "url(#unknown)": "#d4d4d4"}.get(colour, colour)
