"""Cookies that servers set, kept for one handle (http.cookies)."""

from __future__ import annotations

from http.client import HTTPResponse
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import cast
from urllib.request import Request

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.urls import Url

MAX_COOKIES = 100
"""Cookies that are kept; where servers set more, all are forgotten."""

MAX_COOKIE_LENGTH = 4096
"""Characters of the longest one, as browsers have it."""


class HandleCookies:
    """Cookies of one handle, by the rules of Python's `CookieJar`: domain, path, age, https."""

    def __init__(self) -> None:
        """Start with none.

        A cookie without a domain is for its host alone, and none is for all of `co.uk`.
        """
        policy = DefaultCookiePolicy(
            strict_domain=True, strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain
        )
        self._jar = CookieJar(policy)

    def keep(self, url: Url, headers: Fields) -> None:
        """Keep what a response sets."""
        lines = headers.get_all("Set-Cookie")
        if lines:
            self._jar.extract_cookies(cast("HTTPResponse", _Response(lines)), _request(url))
            if len(self._jar) > MAX_COOKIES:
                self._jar.clear()

    def added_to(self, url: Url, headers: Fields) -> Fields:
        """Return headers with the cookies for a url."""
        request = _request(url)
        self._jar.add_cookie_header(request)
        found = request.get_header("Cookie")
        if found is None:
            return headers
        own = headers.get("Cookie")
        added = Fields(headers.items())
        added.set("Cookie", found if own is None else f"{own}; {found}")
        return added


def _request(url: Url) -> Request:
    """Return what `CookieJar` takes a url in; it is sent nowhere."""
    return Request(str(url))  # noqa: S310 - the same


class _Response:
    """What `CookieJar` asks of a response, and of its headers."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = [line for line in lines if len(line) <= MAX_COOKIE_LENGTH]

    def info(self) -> _Response:
        return self

    def get_all(self, name: str, default: list[str]) -> list[str]:
        return self._lines if name == "Set-Cookie" else default
