"""From one url to the next, and which headers go along. No I/O."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

from tinycog.errors import SourceError
from tinycog.limits import Limits
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.netrc_file import Logins
from tinycog.sources.http.urls import Origin, Url, join_url, shown_base
from tinycog.sources.redact import redact_line

REDIRECTS = frozenset({301, 302, 303, 307, 308})

PERMANENT = frozenset({301, 308})
"""Redirects that may be remembered."""

SENSITIVE = r"(?i)auth|cookie|token|secret|key|passw|credential|session|signature"
"""Headers of such names never cross to another origin (http.redirect.secrets)."""


class RefusedRedirectError(ValueError):
    """A redirect that is not followed; the message says why."""


class Target:
    """The url to request now, and the headers to send there.

    Attributes:
        url: it holds no credentials; those became a header.
        headers: all that are sent, but for `Host`.
    """

    def __init__(
        self,
        url: Url,
        headers: Fields,
        secrets: Iterable[str],
        limits: Limits,
        logins: Logins | None = None,
    ) -> None:
        """Start at a url.

        Args:
            url: the first.
            headers: those of the first request.
            secrets: names of headers that stay at its origin.
            limits: how many redirects there may be, and whether from https to http.
            logins: users and passwords by host, for requests without Authorization.
        """
        self.url = url
        self.headers = headers
        self._secrets = frozenset(name.lower() for name in secrets)
        self._limits = limits
        self._redirects_left = limits.redirects
        self._first = url.origin
        self._leaves_secrets = False
        self._logins = logins
        self._add_login(url.login)
        self.url = url._replace(login=None)

    @property
    def is_home(self) -> bool:
        """Return whether this is the server of the first url."""
        return self.url.origin == self._first

    @property
    def origin(self) -> Origin:
        """Return the origin of the current url."""
        return self.url.origin

    def follow(self, location: str) -> None:
        """Go where a redirect points (http.redirect).

        Raises:
            RefusedRedirectError: one too many, or it leads where it must not.
            ValueError: the location is no url.
        """
        if not self._redirects_left:
            message = f"more than {self._limits.redirects} redirects (Limits.redirects)"
            raise RefusedRedirectError(message)
        self._redirects_left -= 1
        target = join_url(self.url, location)
        if target.scheme not in ("http", "https") or not target.host:
            message = f"redirected to {redact_line(target.scheme)!r}, which is not http"
            raise RefusedRedirectError(message)
        is_downgrade = (self.url.scheme, target.scheme) == ("https", "http")
        if is_downgrade and not self._limits.insecure_redirects:
            message = f"redirected from https to {shown_base(target)}: Limits.insecure_redirects"
            raise RefusedRedirectError(message)
        crosses = target.origin != self.url.origin
        self.url = target._replace(login=None)
        if crosses:
            for name in [name for name in self.headers if self._is_secret(name)]:
                self.headers.remove(name)
                self._leaves_secrets = True
            self._add_login(None)

    def name_server(self, error: SourceError) -> None:
        """Add to an error which server it is of, if a redirect led there."""
        if self.url.origin != self._first and error.args:
            left = "; credentials were not sent there (http.redirect.secrets)"
            where = f"redirected to {shown_base(self.url)}{left * self._leaves_secrets}"
            error.args = (f"{error}: {where}",)

    def _is_secret(self, name: str) -> bool:
        return name.lower() in self._secrets or re.search(SENSITIVE, name) is not None

    def _add_login(self, login: tuple[str, str] | None) -> None:
        """Add a user and a password, those of the url or of its host, as a header.

        So they follow the rule of headers.
        """
        if "Authorization" in self.headers:
            return
        if login is None and self._logins is not None:
            login = self._logins.login_of(self.url.host, is_first=self.is_home)
        if login is not None:
            self.headers.set("Authorization", basic_auth(*login))


def basic_auth(user: str, password: str) -> str:
    """Return user and password as a header has them (RFC 7617)."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
