"""An `aiohttp.ClientSession` of the caller's: which requests go by it (http.session.own)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import cast

import aiohttp

from tinycog.errors import UsageError
from tinycog.sources.http.redirects import SENSITIVE, RefusedRedirectError
from tinycog.sources.http.routes import Route
from tinycog.sources.redact import redact_line


def checked_session(route: Route) -> aiohttp.ClientSession:
    """Return the session of a route, if it can be used in the running loop and for its server.

    Raises:
        UsageError: it is none, is closed, or belongs to another event loop.
        RefusedRedirectError: it would send credentials of its own to another server.
    """
    session = cast("object", route.session)
    if not isinstance(session, aiohttp.ClientSession):
        message = (
            f"Http(session=...) must be an aiohttp.ClientSession, not {type(session).__name__}"
        )
        raise UsageError(message)
    if session.closed:
        message = "the session of Http(session=...) is closed"
        raise UsageError(message)
    loop = asyncio.get_running_loop()
    if getattr(session, "_loop", loop) is not loop:  # the public name warns that it is deprecated
        message = (
            "the session of Http(session=...) belongs to another event loop: open a handle with a"
            " session that was made in this one"
        )
        raise UsageError(message)
    found = None if route.is_home else next(_secrets(session), None)
    if found is not None:
        _, host, port, _ = route.endpoint
        message = (
            f"redirected to {redact_line(host)} port {port}, to which the session would send"
            f" {found} of its own (http.redirect.secrets): give tinycog.open that as auth= instead"
        )
        raise RefusedRedirectError(message)
    return session


def _secrets(session: aiohttp.ClientSession) -> Iterator[str]:
    """Yield what a session sends to every server and that may be a credential."""
    if session.auth is not None:
        yield "auth="
    for name in session.headers:
        if re.search(SENSITIVE, name):
            yield f"the header {redact_line(name)}"
    for cookie in session.cookie_jar:
        if not cookie["domain"]:
            yield "cookies="
