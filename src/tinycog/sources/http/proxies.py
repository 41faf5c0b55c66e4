"""Which proxy a url is requested through: of the caller's, or of the environment (http.proxy)."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from tinycog.errors import UnsupportedError, UsageError
from tinycog.sources.http.redirects import basic_auth
from tinycog.sources.http.urls import DEFAULT_PORTS, Url, parse_url
from tinycog.sources.redact import redact_line
from tinycog.sources.urls import SCHEME

if TYPE_CHECKING:
    import ipaddress

VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})

NAMES = frozenset(name.encode() for name in (*VARIABLES, "no_proxy"))
"""Names of variables that count, in lower case."""

AFTER_HOST = r"(?s)[^:/][/?#].*@"
"""An @ behind what looks like a host, which is a part of a password then."""

CGI = "REQUEST_METHOD"
"""Set in a CGI script, where `HTTP_PROXY` is a header of whoever called it."""


class Proxy:
    """An HTTP proxy. As text it is host and port.

    Attributes:
        url: of the proxy.
        headers: for the proxy itself: its user and password, if any.
    """

    __slots__ = ("headers", "url")

    def __init__(self, url: Url) -> None:
        """Take a url apart."""
        login = url.login
        self.headers = {} if login is None else {"Proxy-Authorization": basic_auth(*login)}
        self.url = url._replace(login=None, path="/")

    @classmethod
    def parse(cls, text: object, where: str) -> Proxy:
        """Make a proxy of a url, or of a host with a port, as curl does.

        Args:
            text: what was given.
            where: the argument or the variable, for messages.

        Raises:
            UsageError: it is no url.
            UnsupportedError: the proxy speaks something else.
        """
        expected = (
            'expected "http://host:port", maybe with user:password@, in which / ? # and @ are'
            " written as %2F, %3F, %23 and %40"
        )
        if not isinstance(text, str):
            message = f"{where} names no proxy: {expected}"
            raise UsageError(message)
        text = text.strip()
        found = SCHEME.match(text)
        scheme = "http" if found is None else found[1].lower()
        if scheme not in DEFAULT_PORTS:
            message = (
                f"{where} names a {redact_line(scheme)} proxy, and only http and https proxies"
                " are supported: give one of these, Http(trust_env=False) to use none, or"
                " Http(session=...) with a connector that speaks it (aiohttp-socks)"
            )
            raise UnsupportedError(message, feature="proxy", value=scheme)
        try:
            url = parse_url(text if found else f"http://{text}")
        except ValueError:
            url = None
        if url is None or not url.host or re.search(AFTER_HOST, text):
            message = f"{where} names no proxy: {expected}"
            raise UsageError(message)
        return cls(url)

    def __str__(self) -> str:
        """Return what may be shown of it."""
        host = self.url.host
        return f"[{host}]:{self.url.port}" if ":" in host else f"{host}:{self.url.port}"

    __repr__ = __str__


class ProxyRules:
    """Says for each url which proxy it is requested through."""

    def __init__(self, proxy: str | None, environment: Mapping[str, str] | None = None) -> None:
        """Take the caller's proxy, or the variables of an environment."""
        self._proxy = None if proxy is None else Proxy.parse(proxy, "proxy=")
        self._variables = {} if environment is None else _variables_of(environment)
        no_proxy = self._variables.pop("no_proxy", ("", ""))[1]
        self._exceptions = no_proxy.replace(",", " ").split()

    @classmethod
    def of_process(cls) -> ProxyRules:
        """Make the rules of this process's environment."""
        if os.supports_bytes_environ and NAMES.isdisjoint(map(bytes.lower, os.environb)):
            return cls(None)  # names as text are decoded each time
        return cls(None, os.environ)

    def proxy_for(self, url: Url) -> Proxy | None:
        """Return the proxy of a url; None = its server is asked directly.

        Raises:
            UsageError: the variable that counts names no proxy.
            UnsupportedError: one of another protocol.
        """
        if self._proxy is not None or not self._variables:
            return self._proxy
        found = self._variables.get(f"{url.scheme}_proxy") or self._variables.get("all_proxy")
        if found is None or is_loopback(url.host):
            return None
        if any(_matches(entry, url) for entry in self._exceptions):
            return None
        variable, text = found
        return Proxy.parse(text, variable)


def _variables_of(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return name and value of each variable that counts, by its name in lower case.

    That in lower case comes first; an empty one is none.
    """
    found: dict[str, tuple[str, str]] = {}
    for name in environment:
        key = name.lower()
        if key not in VARIABLES and key != "no_proxy":
            continue
        value = environment.get(name, "")  # decoded each time: of these only
        if not value.strip():
            continue
        if key == "http_proxy" and name != key and CGI in environment:
            continue
        if key not in found or name == key:
            found[key] = name, value
    return found


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: localhost, or an address of the loopback."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    if address is None:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is, None of a name; "127.1" is one for the system, too."""
    import ipaddress  # noqa: PLC0415 - where there are proxies only

    with suppress(ValueError):
        return ipaddress.ip_address(host)
    if host[:1].isdigit():
        with suppress(OSError, ValueError):
            return ipaddress.ip_address(socket.inet_aton(host))
    return None


def _matches(entry: str, url: Url) -> bool:
    """Return whether an entry of `no_proxy` stands for a url.

    `*`: all; a name: itself and all below it; an address, a network; each maybe with a port.
    """
    import ipaddress  # noqa: PLC0415 - the same

    if entry == "*":
        return True
    address = _address(url.host)
    if address is not None:
        with suppress(ValueError):
            return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    name, colon, port = entry.rpartition(":")
    if colon and port.isdecimal():
        if int(port) != url.port:
            return False
        entry = name
    name = entry.strip("[]").lstrip("*").strip(".").lower()
    host = url.host.rstrip(".").lower()
    if address is not None:
        return _address(name) == address
    return bool(name) and (host == name or host.endswith(f".{name}"))
