"""If-Match: whether requests for an object are made on condition of its ETag (http.pin.match)."""

from __future__ import annotations

import re

STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')

REFUSED = frozenset((400, 412, 501))
"""Statuses of a server whose object has another ETag, or that does not understand the condition."""


class Condition:
    """The condition that requests of one source are made on.

    A server that refuses it is asked once more without. If the response is of the very generation
    that was required, the condition is not understood there, and is not made again.

    Attributes:
        is_understood: whether it is made.
    """

    def __init__(self) -> None:
        """Create a condition that is made."""
        self.is_understood = True

    def etag(self, generation: str | None) -> str | None:
        """Return the ETag to send, None if no condition is to be made."""
        is_strong = generation is not None and STRONG_ETAG.fullmatch(generation) is not None
        return generation if is_strong and self.is_understood else None
