"""From one url to the next, and which headers go along. No I/O."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

import yarl
from multidict import CIMultiDict

from tinycog.errors import SourceError
from tinycog.limits import Limits
from tinycog.sources.redact import redact_line

REDIRECTS = frozenset({301, 302, 303, 307, 308})

LASTING = frozenset({301, 308})
"""Those that say that it has moved for good."""

SECRET = re.compile(
    r"auth|cookie|token|secret|key|passw|credential|session|signature", re.IGNORECASE
)
"""Headers of such names never cross to another origin (http.redirect.secrets)."""

Origin = tuple[str, str | None, int | None]
"""Scheme, host and port."""


class Hop:
    """One url on the way to an answer, and the headers that it is asked with."""

    def __init__(
        self, url: yarl.URL, headers: CIMultiDict[str], secrets: Iterable[str], limits: Limits
    ) -> None:
        """Begin there; `secrets` are names of headers that stay at this origin."""
        self.url = url
        self.headers = headers
        self._secrets = frozenset(name.lower() for name in secrets)
        self._limits = limits
        self._left = limits.redirects
        self._undressed()

    @property
    def origin(self) -> Origin:
        """Which server it is asked of."""
        return _origin(self.url)

    def go_on(self, location: str) -> None:
        """Follow a redirect (http.redirect).

        Raises:
            SourceError: it leads nowhere, or where it should not.
        """
        if not self._left:
            message = f"more than {self._limits.redirects} redirects"
            raise SourceError(message)
        self._left -= 1
        target = self.url.join(as_given(location))
        if target.scheme not in ("http", "https") or not target.host:
            message = f"redirected to {redact_line(target.scheme)!r}, which is not http"
            raise SourceError(message)
        lowered = (self.url.scheme, target.scheme) == ("https", "http")
        if lowered and not self._limits.insecure_redirects:
            at = redact_line(target.origin())
            message = f"redirected from https to {at}: Limits.insecure_redirects"
            raise SourceError(message)
        crosses = _origin(target) != _origin(self.url)
        self.url = target.with_user(None)
        if crosses:
            for name in [name for name in self.headers if self._is_secret(name)]:
                self.headers.popall(name, None)

    def _is_secret(self, name: str) -> bool:
        return name.lower() in self._secrets or SECRET.search(name) is not None

    def _undressed(self) -> None:
        """Credentials in the url go into a header, so that they follow the rule of headers."""
        user, password = self.url.user, self.url.password
        if user is None and password is None:
            return
        self.url = self.url.with_user(None)
        if "Authorization" not in self.headers:
            login = base64.b64encode(f"{user or ''}:{password or ''}".encode())
            self.headers["Authorization"] = f"Basic {login.decode()}"


def _origin(url: yarl.URL) -> Origin:
    return url.scheme, url.host, url.port


def as_given(url: str) -> yarl.URL:
    """A url as given, for a signed one must not be quoted anew; quoted if it cannot be sent so."""
    return yarl.URL(url, encoded=url.isascii() and url.isprintable() and " " not in url)
