"""A url that is read by HTTP ranges."""

from __future__ import annotations

from collections.abc import Mapping

from tinycog.buffer import ByteRange
from tinycog.sources.base import Answer, load


class HttpSource:
    """Ranges of a url; `exchange` carries them out."""

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None) -> None:
        """Remember the url; nothing is sent."""
        self._url = url
        self._headers = dict(headers or {})

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
        await exchange.get_range(self._url, part, self._headers, answer)

    async def aclose(self) -> None:
        """Nothing is this source's own: the session belongs to the loop."""
