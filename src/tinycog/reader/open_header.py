"""The header of a file, read once, as far as is needed, however many callers wait."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tinycog.errors import TinycogError, UsageError
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.single_flight import SingleFlight, side_by_side
from tinycog.limits import Limits
from tinycog.reader.read_header import (
    HeaderState,
    first_cached,
    read_all,
    read_cached,
    read_first,
    sort_cached,
)
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Tiff
from tinycog.tiff.roles import PageView

if TYPE_CHECKING:
    from tinycog.geo.sidecars import Beside
    from tinycog.reader.sidecars import Sidecars


class OpenHeader:
    """What has been read of the header of a file, and of the files beside it.

    Attributes:
        beside: what files beside say, None if they have not been read.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        limits: Limits,
        head_bytes: int,
        view: PageView,
        sidecars: Sidecars | None,
    ) -> None:
        """Keep what reads it; nothing is read.

        Args:
            fetcher: of the file.
            limits: of the handle.
            head_bytes: length of the first request.
            view: what is read as an image with levels.
            sidecars: files beside, None if they are not to be read.
        """
        self.beside: Beside | None = None
        self._state: HeaderState | None = None
        self._is_looked_for = False
        self._fetcher = fetcher
        self._limits = limits
        self._head_bytes = head_bytes
        self._view = view
        self._sidecars = sidecars
        self._single_flight = SingleFlight()

    @property
    def state(self) -> HeaderState | None:
        """The header so far, None before the first read, unless a snapshot holds it."""
        if self._state is None and not self._is_looked_for and self._fetcher.buffer.held:
            self._is_looked_for = True
            if self._sidecars is None:
                with suppress(TinycogError):  # who reads it will be told
                    self._state = first_cached(self._fetcher.buffer, self._limits, self._view)
        return self._state

    async def read(self, z: int | None, known: Tiff | None = None) -> HeaderState:
        """Read as much as level `z` needs; all of it for None or a missing level.

        `known` is what another handle has walked of the IFD chain.
        """
        state = self.state or await self._single_flight.run(
            "first", lambda: self._read_first(known)
        )
        if not state.knows(z):
            state = self.sorted() or state
        if not state.knows(z) and not state.walked:
            state = await self._single_flight.run("cached", lambda: self._read_cached(state))
        if state.knows(z):
            return state
        return await self._single_flight.run("all", lambda: self._read_rest(state))

    async def _read_first(self, known: Tiff | None) -> HeaderState:
        read = read_first(self._fetcher, self._limits, self._head_bytes, self._view, known)
        if self._sidecars is None:
            return self._keep(await read)
        state, self.beside = await side_by_side(read, self._sidecars.read())
        return self._keep(state.with_nodata(self.beside.nodata_text(state.pyramid.levels[0])))

    async def _read_cached(self, state: HeaderState) -> HeaderState:
        return self._keep(await read_cached(self._fetcher, self._limits, self.state or state))

    async def _read_rest(self, state: HeaderState) -> HeaderState:
        return self._keep(await read_all(self._fetcher, self._limits, self.state or state))

    def _keep(self, state: HeaderState) -> HeaderState:
        """Keep what has been read; with images of files beside once all of the file's are known."""
        if self._sidecars is not None and state.complete:
            state = state._replace(pyramid=self._sidecars.images.add_to(state.pyramid))
        self._state = state
        return state

    def sorted(self) -> HeaderState | None:
        """Return what is known, with all that needs no request to be known."""
        if self.state is not None and not self.state.walked:
            found = sort_cached(self._fetcher.buffer, self._limits, self.state)
            return self.state if found is None else self._keep(found)
        return self.state

    def whole(self) -> HeaderState:
        """Return the header with all its levels.

        Raises:
            UsageError: not all of it has been read.
        """
        state = self.sorted()
        if state is None or not state.complete:
            message = "the file is not open yet: use `cog = await tinycog.open(...)`"
            raise UsageError(message)
        return state

    def first_image(self) -> Image:
        """Return level 0, whose facts are those of the file."""
        return (self.state or self.whole()).pyramid.levels[0]
