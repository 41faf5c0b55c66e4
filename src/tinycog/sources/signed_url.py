"""`SignedUrl`: a url that a function of the caller signs. No I/O."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tinycog.errors import UsageError
from tinycog.sources.urls import scheme_of

Sign = Callable[[str], str | Awaitable[str]]
"""Function, async or not, that returns the url to request for a url."""


class SignedUrl:
    """A url that a function signs, for `tinycog.open(SignedUrl(url, sign))`.

    ::

        url = tinycog.SignedUrl(item.assets["data"].href, planetary_computer.sign_url)

    `sign(url)` is called at the first request, and once more when the server responds 401 or 403:
    what it returned has expired. Only the url that was given is shown, not what `sign` returns.

    Attributes:
        url: names the object in messages, and is what `sign` is called with; it need not be http.
        sign: function, async or not, of that url; returns the http url to request.
    """

    __slots__ = ("sign", "url")

    def __init__(self, url: str, sign: Callable[[str], str | Awaitable[str]]) -> None:
        """Keep both; nothing is called.

        Raises:
            UsageError: the url is no text with a scheme, or `sign` no function.
        """
        if not _is_url(url):
            message = "SignedUrl needs a url that names the object, and a function of that url"
            raise UsageError(message)
        if not callable(sign):
            message = "SignedUrl needs a function, async or not, that returns the url to request"
            raise UsageError(message)
        self.url = url
        self.sign = sign

    def __repr__(self) -> str:
        """Return the url as it may be shown; the function may hold a key."""
        from tinycog.sources.redact import shown_url  # noqa: PLC0415 - only here

        return f"SignedUrl({shown_url(self.url)!r}, ...)"


def _is_url(value: object) -> bool:
    return isinstance(value, str) and bool(scheme_of(value))
