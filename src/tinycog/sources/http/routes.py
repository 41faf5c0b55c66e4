"""How one url is requested: through which proxy, with which TLS, cookies, in whose session."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from os import fspath
from ssl import SSLContext
from typing import TYPE_CHECKING, NamedTuple

from tinycog.errors import SourceError
from tinycog.sources.http.connections import Body, Check, Exchange
from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.http1 import ResponseHead
from tinycog.sources.http.netrc_file import Logins
from tinycog.sources.http.options import Http, HttpSession
from tinycog.sources.http.proxies import Proxy, ProxyRules
from tinycog.sources.http.redirects import Target
from tinycog.sources.http.urls import Url
from tinycog.sources.lazy_import import load

if TYPE_CHECKING:
    from tinycog.sources.http.cookie_jar import HandleCookies

COOKIE_JAR = "tinycog.sources.http.cookie_jar"


class TlsOptions(NamedTuple):
    """What TLS connections are made with; those with other options are other connections.

    Attributes:
        context: of the caller.
        verifies: whether certificates are verified.
        ca_file: authorities, instead of the system's.
        client_cert: certificate, key, password of the key.
        trust_env: whether variables may name the authorities.
    """

    context: SSLContext | None = None
    verifies: bool = True
    ca_file: str | None = None
    client_cert: tuple[str, ...] = ()
    trust_env: bool = True

    @classmethod
    def of(cls, http: Http) -> TlsOptions:
        """Return those of a caller."""
        context = http.ssl if isinstance(http.ssl, SSLContext) else None
        cert = http.client_cert
        parts = () if cert is None else cert if isinstance(cert, tuple) else (cert,)
        return cls(
            context,
            verifies=http.ssl is not False,
            ca_file=None if http.ca_file is None else fspath(http.ca_file),
            client_cert=tuple(fspath(part) for part in parts),
            trust_env=http.trust_env,
        )

    def __repr__(self) -> str:
        """Show nothing: there may be a password."""
        return "TlsOptions(...)"


Endpoint = tuple[str, str, int, TlsOptions | None]
"""Scheme, host, port, and TLS options other than the default: whose connections are the same."""


class Route(NamedTuple):
    """How a url is requested.

    Attributes:
        endpoint: what connections to it are kept by.
        proxy: it is requested through this.
        session: it is requested by this one of the caller's.
        cookies: those that servers set.
        is_home: whether that is the server of the first url.
    """

    endpoint: Endpoint
    proxy: Proxy | None
    session: HttpSession | None
    cookies: HandleCookies | None
    is_home: bool

    @property
    def is_direct(self) -> bool:
        """Return whether it is sent on a connection of ours to the server."""
        return self.proxy is None and self.session is None

    def headers(self, target: Target) -> Fields:
        """Return the headers to send, with the cookies that servers set."""
        if self.cookies is None:
            return target.headers
        return self.cookies.added_to(target.url, target.headers)

    def watched(self, target: Target, exchange: Exchange) -> Exchange:
        """Return an exchange that keeps the cookies of the response, too."""
        if self.cookies is None:
            return exchange
        check = partial(_check, self.cookies, target.url, exchange.check)
        return exchange._replace(check=check)

    def name_proxy(self, error: SourceError) -> None:
        """Add to an error which proxy was asked, unless it says that."""
        if self.proxy is not None and error.args and f"proxy {self.proxy}" not in str(error):
            error.args = (f"{error}: through the proxy {self.proxy}",)


class Routes:
    """How the urls of one handle are requested.

    Files and variables of the environment are read once, for its first request.

    Attributes:
        headers: what is sent to the first server besides the headers of the caller.
        keeps_cookies: whether cookies are kept that servers set.
    """

    def __init__(self, http: Http) -> None:
        """Take what the caller wants."""
        self._http = http
        self.keeps_cookies = http.cookies is True
        self._cookies: HandleCookies | None = None
        headers: dict[str, str] = {}
        if http.user_agent is not None:
            headers["User-Agent"] = http.user_agent
        if isinstance(http.cookies, Mapping) and http.cookies:
            headers["Cookie"] = "; ".join(map("=".join, http.cookies.items()))
        self.headers = headers
        options = TlsOptions.of(http)
        self._tls = None if options == TlsOptions() else options
        elsewhere = options._replace(client_cert=())
        self._tls_elsewhere = None if elsewhere == TlsOptions() else elsewhere

    async def open(self) -> None:
        """Load what a request needs that keeps cookies."""
        if self.keeps_cookies and self._cookies is None:
            jar = await load(COOKIE_JAR)
            self._cookies = self._cookies or jar.HandleCookies()

    @cached_property
    def logins(self) -> Logins | None:
        """Return users and passwords by host, if they are wanted.

        Raises:
            UsageError: their file cannot be read.
        """
        return Logins() if self._http.netrc else None

    @cached_property
    def _proxies(self) -> ProxyRules:
        http = self._http
        if http.proxy is not None or not http.trust_env or http.session is not None:
            return ProxyRules(http.proxy)
        return ProxyRules.of_process()

    def route(self, target: Target) -> Route:
        """Return how to request the current url of a target.

        Raises:
            UsageError, UnsupportedError: the environment names no HTTP proxy.
        """
        is_home = target.is_home
        endpoint = (*target.origin, self._tls if is_home else self._tls_elsewhere)
        proxy = self._proxies.proxy_for(target.url)
        return Route(endpoint, proxy, self._http.session, self._cookies, is_home)


def _check(cookies: HandleCookies, url: Url, check: Check, head: ResponseHead) -> Body | None:
    """Keep the cookies of a response, then check it."""
    cookies.keep(url, head.headers)
    return check(head)
