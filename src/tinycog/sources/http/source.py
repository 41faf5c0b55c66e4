"""A url that is read by HTTP ranges."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tinycog.errors import SourceError
from tinycog.limits import Limits
from tinycog.options import AllowHost, Headers
from tinycog.sources.http.credentials import Credentials
from tinycog.sources.lazy_import import load, loaded
from tinycog.sources.protocol import Done, RangeSink
from tinycog.sources.redact import redact, redact_line, safe_cause
from tinycog.tiff.ranges import ByteRange

FAST_PATH = "tinycog.sources.http.fast_path"
"""Loaded at the first request: it imports aiohttp."""

MOST_MOVED = 16
"""Urls that a source remembers to have moved."""

RequestHeaders = tuple[Mapping[str, str], Mapping[str, str]]
"""Headers to be sent, and those that never leave the first server."""


class HttpSource:
    """Ranges of a url; `exchange` carries them out.

    Attributes:
        url: as given.
        name: url as it may be shown: without credentials (http.secrets).
        limits: what is taken of a server: redirects, whole objects, time.
        keeps_whole: whether an object that comes whole is kept now: one at a time.
        moved: where urls have moved for good, by url.
        prepared: what `sending` makes of all that is the same in every request.
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
        self.limits = limits or Limits()
        self.url = url
        self.name = redact(url)
        silence = self.limits.retries.silence
        self._headers = Credentials("headers", headers, silence)
        self._auth = Credentials("auth", auth, silence)
        self._allow_host = allow_host
        self.keeps_whole = True
        self.moved: dict[str, str] = {}
        self.prepared: object | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        scheme, _, rest = self.url.partition("://")
        place = re.split(r"[/?#]", rest, maxsplit=1)[0]
        return f"{scheme}://{place.rpartition('@')[2]}".lower()

    async def aopen(self) -> None:
        """Load aiohttp, the first time."""
        await load(FAST_PATH)

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Send one GET, on the running loop's session."""
        sending = await load(FAST_PATH)
        await sending.get_range(self, part, answer)

    def send_range(
        self, part: ByteRange, answer: RangeSink, done: Done
    ) -> Callable[[], None] | None:
        """Send one GET now, if a connection is open that nobody uses; see `base.SendRange`."""
        sending = loaded(FAST_PATH)
        return sending and sending.send(self, part, answer, done)

    async def aclose(self) -> None:
        """Nothing is this source's own: the session belongs to the loop."""

    # --- what an exchange asks -------------------------------------------------------------------

    async def worn(self) -> RequestHeaders:
        """The headers to be sent, and those that never leave the first server."""
        return await self._headers.get(), await self._auth.get()

    @property
    def worn_so_far(self) -> RequestHeaders | None:
        """The same, if nobody has to be asked for them."""
        headers, auth = self._headers.held, self._auth.held
        return None if headers is None or auth is None else (headers, auth)

    @property
    def is_gated(self) -> bool:
        """Whether each url is asked about before it is."""
        return self._allow_host is not None

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

    def remember(self, moved: Mapping[str, str], reached: object) -> None:
        """Keep where urls have moved for good (http.redirect): no way round to where they began."""
        if not moved:
            return
        known = {**self.moved, **moved}
        if str(reached) not in known and len(known) <= MOST_MOVED:
            self.moved, self.prepared = known, None

    def forget_moved(self) -> None:
        """Ask where it began again, next time."""
        if self.moved:
            self.moved, self.prepared = {}, None

    def allows(self, url: str) -> bool:
        """Whether a url may be asked (http.redirect.host).

        Raises:
            SourceError: the caller's function failed.
        """
        if self._allow_host is None:
            return True
        try:
            return bool(self._allow_host(url))
        except Exception as exc:  # noqa: BLE001 - it may be anything; told to the caller
            message = f"allow_host failed: {type(exc).__name__}: {redact_line(exc)}"
            raise SourceError(message, url=self.name) from safe_cause(exc)

    def __getstate__(self) -> dict[str, object]:
        """Pickle what it was made with."""
        return {**self.__dict__, "keeps_whole": True, "moved": {}, "prepared": None}
