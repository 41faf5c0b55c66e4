"""`Http`: how requests are sent, as a caller wants it. No I/O."""

from __future__ import annotations

import os
import re
import ssl as tls
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from os import PathLike
from pickle import PicklingError
from typing import Protocol

from tinycog.errors import UsageError
from tinycog.sources.http.proxies import Proxy


class HttpSession(Protocol):
    """An `aiohttp.ClientSession`, as far as it is known before aiohttp is loaded."""

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        ...


ClientCert = (
    str
    | PathLike[str]
    | tuple[str | PathLike[str], str | PathLike[str]]
    | tuple[str | PathLike[str], str | PathLike[str], str]
)
"""File of a certificate with its key, or files of both, and the password of the key."""

USER_AGENT = r"[\x20-\x7e]+"

COOKIE_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"

COOKIE_VALUE = r"[\x20-\x3a\x3c-\x7e]*"
"""No control character, which could begin a header, and no semicolon, which would a cookie."""

SHOWN = ("trust_env", "ssl", "ca_file", "netrc", "user_agent", "max_connections")
"""Fields that hold no credential."""

MAX_CERT_PARTS = 3

OF_THE_SESSION = ("ca_file", "client_cert", "max_connections")
"""Fields that are for connections of ours."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Http:
    """How HTTP requests are sent, for `open(url, http=...)` or `tinycog.configure(http=...)`.

    ::

        corporate = tinycog.Http(proxy="http://user:password@proxy:3128", ca_file="corporate.pem")
        tinycog.configure(http=tinycog.Http(netrc=True, cookies=True))    # NASA Earthdata

    It pickles, unless it holds an ssl context or a session; its `repr` shows no credential.

    Attributes:
        proxy: url of an HTTP proxy, maybe with user and password, for all requests; without, the
            variables of the environment say which (`trust_env`).
        trust_env: whether `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` count, as for
            curl, though never for loopback addresses; and `CURL_CA_BUNDLE` and
            `REQUESTS_CA_BUNDLE`, where `SSL_CERT_FILE` is not set.
        ssl: an `ssl.SSLContext`; False = certificates are not verified, so that anybody between
            can read and change what is sent, credentials included.
        ca_file: certificates of the authorities that are trusted, instead of the system's: a file
            in PEM, or a folder.
        client_cert: certificate for servers that ask for one: a file in PEM that holds the key
            too, or (certificate, key), or (certificate, key, password). It is shown to the url's
            own server only, not after a redirect to another.
        cookies: cookies to send to the url's own server; or True = those that servers set, also on
            redirects, are kept for the handle and sent back, by the rules of browsers.
        netrc: send user and password that `NETRC`, or `~/.netrc`, has for the host, as `auth` is
            sent; after a redirect, those of that host, if it has an entry.
        user_agent: header `User-Agent`, instead of "tinycog".
        session: an `aiohttp.ClientSession` by which all requests are sent, from its event loop. It
            is never closed here. Its own headers and `auth` follow no redirect to another server.
        max_connections: connections to the url's server at most, of all handles with this number;
            without, as many as hide its round trip, up to 64, and twice that while it is quick.
    """

    proxy: str | None = None
    trust_env: bool = True
    ssl: tls.SSLContext | bool = True
    ca_file: str | PathLike[str] | None = None
    client_cert: ClientCert | None = None
    cookies: Mapping[str, str] | bool = field(default=False, hash=False)
    netrc: bool = False
    user_agent: str | None = None
    session: HttpSession | None = None
    max_connections: int | None = None

    def __post_init__(self) -> None:
        """Check the values; nothing is opened.

        Raises:
            UsageError: one is wrong, or has no use beside another.
            UnsupportedError: the proxy is none of HTTP.
        """
        for name in ("trust_env", "netrc"):
            if not isinstance(getattr(self, name), bool):
                raise _wrong(name, "True or False")
        if self.proxy is not None:
            Proxy.parse(self.proxy, "proxy=")
        if self.user_agent is not None and not _fits(USER_AGENT, self.user_agent):
            raise _wrong("user_agent", "a text of printable ASCII characters")
        self._check_tls()
        self._check_cookies()
        most = self.max_connections
        if most is not None and (not _is_a(most, int) or most is True or most < 1):
            raise _wrong("max_connections", "a number from 1 on")
        self._check_session()

    def _check_tls(self) -> None:
        if not _is_a(self.ssl, tls.SSLContext, bool):
            raise _wrong("ssl", "an ssl.SSLContext, or False")
        if self.ca_file is not None and not _is_path(self.ca_file):
            raise _wrong("ca_file", "a path")
        cert = self.client_cert
        parts: tuple[object, ...] = cert if isinstance(cert, tuple) else (cert,)
        is_cert = 1 <= len(parts) <= MAX_CERT_PARTS and all(map(_is_path, parts[:2]))
        if cert is not None and not (is_cert and all(_is_a(part, str) for part in parts[2:])):
            raise _wrong("client_cert", "a path, (cert, key) or (cert, key, password)")
        if self.ca_file is not None and self.ssl is not True:
            message = "ca_file= has no use beside ssl=: load it into the context"
            raise UsageError(message)
        if cert is not None and isinstance(self.ssl, tls.SSLContext):
            message = "client_cert= has no use beside an ssl context: load it into that"
            raise UsageError(message)

    def _check_cookies(self) -> None:
        if isinstance(self.cookies, bool):
            return
        if not _is_a(self.cookies, Mapping):
            raise _wrong("cookies", "a mapping of texts, or True")
        for name, value in self.cookies.items():
            if not (_fits(COOKIE_NAME, name) and _fits(COOKIE_VALUE, value)):
                raise _wrong("cookies", "names and values that a Cookie header may hold")
        object.__setattr__(self, "cookies", dict(self.cookies))

    def _check_session(self) -> None:
        if self.session is None:
            return
        given = [name for name in OF_THE_SESSION if getattr(self, name) is not None]
        given += ["ssl"] * (self.ssl is not True) + ["cookies"] * (self.cookies is True)
        if given:
            message = f"{given[0]}= has no use beside session=, which has its own"
            raise UsageError(message)

    @property
    def has_credentials(self) -> bool:
        """Whether servers may be shown more than the url and the headers of a request tell."""
        given = (self.client_cert, self.cookies, self.netrc, self.session)
        return any(given) or isinstance(self.ssl, tls.SSLContext)

    def __repr__(self) -> str:
        """Return what is set, without credentials."""
        shown: list[str] = []
        for each in fields(self):
            value = getattr(self, each.name)
            if value is each.default or value == each.default:
                continue
            text = "..."
            if each.name == "proxy":
                text = repr(Proxy.parse(value, "proxy=").url.base)
            elif each.name in SHOWN or isinstance(value, bool):
                text = repr(value)
            shown.append(f"{each.name}={text}")
        return f"Http({', '.join(shown)})"

    def __reduce__(self) -> tuple[object, tuple[dict[str, object]]]:
        """Pickle the arguments.

        Raises:
            PicklingError: one cannot be pickled.
        """
        if self.session is not None:
            message = (
                "Http(session=...) cannot be pickled: a session belongs to its event loop;"
                " open with another http= in the other process"
            )
            raise PicklingError(message)
        if isinstance(self.ssl, tls.SSLContext):
            message = (
                "Http(ssl=...) cannot be pickled with an ssl context: ca_file= and client_cert= can"
            )
            raise PicklingError(message)
        return _made, ({each.name: getattr(self, each.name) for each in fields(self)},)


def check_http(given: object) -> None:
    """Check an argument `http`.

    Raises:
        UsageError: it is no `Http`.
    """
    if given is not None and not isinstance(given, Http):
        message = f"http= must be a tinycog.Http, not a {type(given).__name__}"
        raise UsageError(message)


def _made(arguments: dict[str, object]) -> Http:
    """Make what was pickled."""
    return Http(**arguments)  # pyright: ignore[reportArgumentType] - as they were


def _wrong(name: str, expected: str) -> UsageError:
    """Return the error of a value, which may be a credential: it is not shown."""
    return UsageError(f"Http({name}=...) must be {expected}")


def _is_a(value: object, *kinds: type) -> bool:
    return isinstance(value, kinds)


def _fits(pattern: str, text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(pattern, text) is not None


def _is_path(value: object) -> bool:
    return isinstance(value, str | os.PathLike) and bool(os.fspath(value))  # pyright: ignore[reportUnknownArgumentType]
