"""Absolute http urls, split into what a request needs. No I/O.

Most urls are plain ASCII and are split by one regular expression; yarl, which takes longer to
import than such a request to send, is loaded for all others and for relative redirects.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tinycog.sources.redact import redact_line

DEFAULT_PORTS = {"http": 80, "https": 443}

MAX_PORT = 0xFFFF

PLAIN_URL = re.compile(
    r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([1-9][0-9]{0,4}))?(/[!-\"$-~]*)", re.ASCII
)
"""Scheme, host, port, path and query; no user, no fragment, nothing that would be quoted."""

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class Url(NamedTuple):
    """An absolute url without credentials and fragment, quoted as it is sent.

    Attributes:
        scheme: in lower case; not always http.
        host: ASCII (IDNA), IPv6 addresses without brackets; may be empty.
        port: as given, or that of the scheme; 0 if the scheme has none.
        path: with the query.
        login: user and password that the url held, if any.
    """

    scheme: str
    host: str
    port: int
    path: str
    login: tuple[str, str] | None = None

    @property
    def origin(self) -> Origin:
        """Return scheme, host and port: what is the same server."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Return the host, and the port unless it is the scheme's own: the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS.get(self.scheme) else f"{host}:{self.port}"

    @property
    def base(self) -> str:
        """Return the url without path and query."""
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        """Return the url as it is requested."""
        return f"{self.base}{self.path}"


def parse_url(text: str) -> Url:
    """Split a url; it is not quoted again, since a signature may cover it, if it can be sent so.

    Raises:
        ValueError: it is no url.
    """
    found = PLAIN_URL.fullmatch(text)
    if found is None:
        return _from_yarl(_yarl(text))
    scheme, host, port, path = found.groups()
    number = DEFAULT_PORTS[scheme] if port is None else int(port)
    if number > MAX_PORT:
        message = f"port {number} is larger than {MAX_PORT}"
        raise ValueError(message)
    return Url(scheme, host, number, path)


def join_url(base: Url, location: str) -> Url:
    """Resolve a `Location`, which may be relative, against the url that answered with it.

    Raises:
        ValueError: it is no url.
    """
    if PLAIN_URL.fullmatch(location) and "/." not in location:  # yarl resolves dot segments
        return parse_url(location)
    return _from_yarl(_yarl(str(base)).join(_yarl(location)))


def _yarl(text: str) -> Any:  # noqa: ANN401 - a yarl.URL; yarl is loaded here
    import yarl  # noqa: PLC0415 - most requests need none

    return yarl.URL(text, encoded=text.isascii() and text.isprintable() and " " not in text)


def _from_yarl(url: Any) -> Url:  # noqa: ANN401 - a yarl.URL; yarl is loaded above
    user, password = url.user, url.password
    login = None if user is None and password is None else (user or "", password or "")
    return Url(url.scheme, url.raw_host or "", url.port or 0, url.raw_path_qs, login)


def shown_base(url: Url) -> str:
    """Return scheme, host and port for a message."""
    return redact_line(url.base)
