"""Absolute http urls, split into what a request needs. No I/O.

Most urls are plain ASCII and are split by one regular expression; yarl, which takes longer to
import than such a request to send, is loaded for the hosts of all others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tinycog.sources.redact import redact_line

DEFAULT_PORTS = {"http": 80, "https": 443}

MAX_PORT = 0xFFFF

PLAIN_URL = re.compile(
    r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([1-9][0-9]{0,4}))?(/[!-\"$-~]*)", re.ASCII
)
"""Scheme, host, port, path and query; no user, no fragment, nothing that would be quoted."""

ANY_URL = r"(?s)([A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)(.*)"
"""Scheme with the authority, and the rest."""

GRAPHIC = (0x21, 0x7E)
"""First and last byte that a request line may hold as it is."""

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
    """Split a url; only what cannot be sent is quoted: a signature may cover the rest (http.url).

    Raises:
        ValueError: it is no url.
    """
    found = PLAIN_URL.fullmatch(text)
    if found is None:
        return _parse_odd(text)
    scheme, host, port, path = found.groups()
    number = DEFAULT_PORTS[scheme] if port is None else int(port)
    if number > MAX_PORT:
        message = f"port {number} is larger than {MAX_PORT}"
        raise ValueError(message)
    return Url(scheme, host, number, path)


def _parse_odd(text: str) -> Url:
    """Split a url by yarl as far as its path, which is quoted here."""
    found = re.fullmatch(ANY_URL, text)
    if found is None:
        message = "it is no absolute url"
        raise ValueError(message)
    base, rest = found.groups()
    split = _split_base(base)
    if split is None:
        message = "its user, host or port cannot be read"
        raise ValueError(message)
    path = quote(rest.partition("#")[0])
    return split._replace(path=path if path.startswith("/") else f"/{path}")


def _split_base(base: str) -> Url | None:
    """Split a url without path by yarl; None if that cannot: its errors would show a password."""
    import yarl  # noqa: PLC0415 - most requests need none

    try:
        url = yarl.URL(base)
        host, port = url.raw_host or "", url.port or 0
    except ValueError:
        return None
    if quote(host) != host:
        return None
    user, password = url.user, url.password
    login = None if user is None and password is None else (user or "", password or "")
    return Url(url.scheme, host, port, "", login)


def quote(text: str) -> str:
    """Return text with its blanks, control characters and bytes beyond ASCII quoted, byte by byte.

    Bytes that are no UTF-8 are what `surrogateescape` made of them.
    """
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    data = text.encode("utf-8", "surrogateescape")
    return "".join(
        chr(byte) if GRAPHIC[0] <= byte <= GRAPHIC[1] else f"%{byte:02X}" for byte in data
    )


def join_url(base: Url, location: str) -> Url:
    """Resolve a `Location`, which may be relative, against the url that answered with it.

    Raises:
        ValueError: it is no url.
    """
    if re.fullmatch(ANY_URL, location):
        return parse_url(location)
    from urllib.parse import urljoin  # noqa: PLC0415 - relative redirects only

    joined = urljoin(str(base), quote(location))  # quoted first: urljoin drops control characters
    if re.fullmatch(ANY_URL, joined) is None:  # such as mailto:
        return Url(joined.partition(":")[0], "", 0, "")
    return parse_url(joined)


def shown_base(url: Url) -> str:
    """Return scheme, host and port for a message."""
    return redact_line(url.base)
