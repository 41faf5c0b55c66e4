"""A url that is read by HTTP ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tinycog.errors import shows_urls
from tinycog.limits import Limits
from tinycog.sources.http import fast_path
from tinycog.sources.http.client import HttpClient
from tinycog.sources.http.credentials import RequestCredentials
from tinycog.sources.http.loop_connections import leave
from tinycog.sources.http.options import Http
from tinycog.sources.identity import Identity, plain
from tinycog.sources.protocol import Done, RangeSink
from tinycog.sources.redact import redacted_url
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from tinycog.argument_types import AllowHost, Headers

PLAIN = Http()
"""How requests are sent where nobody says anything else."""


class HttpSource:
    """Ranges of a url; its `HttpClient`, made at the first request, carries them out.

    Attributes:
        url: as given; of one that is signed, what names it.
        limits: what is taken of a server: redirects, whole objects, time.
        max_connections: to its server at most, if the caller says so.
    """

    def __init__(
        self,
        url: str | SignedUrl,
        *,
        headers: Headers | None = None,
        auth: Headers | None = None,
        allow_host: AllowHost | None = None,
        limits: Limits | None = None,
        http: Http | None = None,
    ) -> None:
        """Hold the url; nothing is sent."""
        self.limits = limits or Limits()
        self.url = url.url if isinstance(url, SignedUrl) else url
        self._http = http or PLAIN
        self.max_connections = self._http.max_connections
        self._credentials = RequestCredentials(url, headers, auth, self.limits.retries.silence)
        self._allow_host = allow_host
        self._made: HttpClient | None = None
        self._shown: str | None = None
        self._origin: str | None = None

    @property
    def name(self) -> str:
        """Return the url as it may be shown: without credentials (http.secrets)."""
        if shows_urls():
            return self.url
        if self._shown is None:
            self._shown = redacted_url(self.url)
        return self._shown

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        if self._origin is None:
            scheme, _, rest = redacted_url(self.url).partition("://")
            authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
            self._origin = f"{scheme}://{authority.rpartition('@')[2]}".lower()
        return self._origin

    @property
    def identity(self) -> Identity:
        """Return url, query included, and headers: whole unless something else decides, too."""
        given = self._credentials.fixed
        is_whole = given is not None and not self._http.has_credentials
        is_whole = is_whole and self._allow_host is None
        told = (
            (self.url,)
            if given is None
            else (self.url, _fields(given.headers), _fields(given.auth))
        )
        return Identity(f"http {plain(told)}", is_whole)

    @property
    def client(self) -> HttpClient:
        """Return what sends the requests."""
        if self._made is None:
            self._made = HttpClient(
                self.name, self._credentials, self._allow_host, self.limits, self._http
            )
        return self._made

    async def aopen(self) -> None:
        """Do nothing: connections are made for requests."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Send one GET, on connections of the running loop.

        Raises:
            SourceError: the bytes cannot be had.
        """
        await self.client.get_range(part, answer)

    def send_range(
        self, part: ByteRange, answer: RangeSink, done: Done
    ) -> Callable[[], None] | None:
        """Send one GET without waiting; see `protocol.SendRange`."""
        return fast_path.send(self.client, part, answer, done)

    async def aclose(self) -> None:
        """Have idle connections to the server close soon, if no other handle uses it."""
        if self._made is not None:
            leave(self._made)

    def __getstate__(self) -> dict[str, object]:
        """Pickle what it was made with."""
        return {**self.__dict__, "_made": None}


def _fields(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return headers without the case and the order of their names."""
    return sorted((name.lower(), value) for name, value in headers.items())
