"""A url that is read by HTTP ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tinycog.buffer import ByteRange
from tinycog.errors import Limits, SourceError
from tinycog.sources.base import Answer, load
from tinycog.sources.given import Given, Headers

AllowHost = Callable[[str], bool]
"""Says of a url, one that was redirected to included, whether it may be asked."""

Worn = tuple[Mapping[str, str], Mapping[str, str]]
"""Headers to be sent, and those that never leave the first server."""


class HttpSource:
    """Ranges of a url; `exchange` carries them out.

    Attributes:
        limits: what is taken of a server: redirects, whole objects, time.
        keeps_whole: whether an object that comes whole is kept now: one at a time.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Headers | None = None,
        auth: Headers | None = None,
        allow_host: AllowHost | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Remember the url; nothing is sent."""
        self._url = url
        self._headers = Given("headers", headers)
        self._auth = Given("auth", auth)
        self._allow_host = allow_host
        self.limits = limits or Limits()
        self.keeps_whole = True

    @property
    def name(self) -> str:
        """Url, as given."""
        return self._url

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        scheme, _, rest = self._url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}".lower()

    async def aopen(self) -> None:
        """Load aiohttp, the first time."""
        await load("tinycog.sources.exchange")

    async def read_range(self, part: ByteRange, answer: Answer) -> None:
        """Send one GET, on the running loop's session."""
        exchange = await load("tinycog.sources.exchange")
        await exchange.get_range(self, part, answer)

    async def aclose(self) -> None:
        """Nothing is this source's own: the session belongs to the loop."""

    # --- what an exchange asks -------------------------------------------------------------------

    async def worn(self) -> Worn:
        """The headers to be sent, and those that never leave the first server."""
        return await self._headers.get(), await self._auth.get()

    @property
    def worn_version(self) -> tuple[int, int]:
        """Which headers they were."""
        return self._headers.version, self._auth.version

    @property
    def is_renewable(self) -> bool:
        """Whether there may be other headers if these are refused."""
        return self._headers.is_renewable or self._auth.is_renewable

    async def renew(self, version: tuple[int, int]) -> None:
        """Ask for other headers than those (http.auth.fresh)."""
        await self._headers.renew(version[0])
        await self._auth.renew(version[1])

    def allows(self, url: str) -> bool:
        """Whether a url may be asked (http.redirect.host).

        Raises:
            SourceError: the caller's function failed.
        """
        if self._allow_host is None:
            return True
        try:
            return bool(self._allow_host(url))
        except Exception as exc:
            message = f"allow_host failed: {type(exc).__name__}: {exc}"
            raise SourceError(message, url=self._url) from exc

    def __getstate__(self) -> dict[str, object]:
        """Pickle what it was made with."""
        return {**self.__dict__, "keeps_whole": True}
