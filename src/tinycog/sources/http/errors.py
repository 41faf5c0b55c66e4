"""What goes wrong on a connection, before `client.to_source_error` makes a `SourceError` of it."""

from __future__ import annotations


class TransportError(Exception):
    """A connection that could not be made, or that broke; the message says how.

    Attributes:
        may_pass: whether the next try may succeed (http.retry).
    """

    def __init__(self, message: str, *, may_pass: bool = True) -> None:
        """Keep `may_pass` beside the message."""
        super().__init__(message)
        self.may_pass = may_pass


class NotPlainError(Exception):
    """The response is not the HTTP/1.1 that is read here: it must be requested through aiohttp."""


class RedirectError(Exception):
    """The server redirected the request.

    Attributes:
        location: the Location header.
        is_permanent: whether it may be remembered.
    """

    def __init__(self, location: str, *, is_permanent: bool) -> None:
        """Keep where it leads."""
        super().__init__("the server redirected the request")
        self.location = location
        self.is_permanent = is_permanent


class ConditionRefusedError(Exception):
    """The server refused If-Match: the request is to be sent once without (http.pin.match)."""


class StaleError(Exception):
    """The server closed the connection before it answered anything."""
