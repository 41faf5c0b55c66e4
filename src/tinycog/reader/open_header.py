"""The header of a file, read once, as far as is needed, however many callers wait."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tinycog.errors import TinycogError, TruncatedError, UsageError
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.single_flight import SingleFlight, side_by_side
from tinycog.limits import Limits
from tinycog.sources.lazy_import import import_ahead, import_whole
from tinycog.tiff.page_view import PageView
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import Steps, need

if TYPE_CHECKING:
    from tinycog.geo.sidecars import Beside
    from tinycog.reader.read_header import HeaderState
    from tinycog.reader.sidecars import Sidecars
    from tinycog.tiff.image import Image
    from tinycog.tiff.parse import Tiff

PARSERS = "tinycog.reader.read_header"
"""What parses a header: imported while the first bytes of one are under way."""


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
                import_whole(PARSERS)
                from tinycog.reader.read_header import first_cached  # noqa: PLC0415 - see PARSERS

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
        if self._sidecars is None:
            return self._keep(await self._read_page(known))
        state, self.beside = await side_by_side(self._read_page(known), self._sidecars.read())
        return self._keep(state.with_nodata(self.beside.nodata_text(state.pyramid.levels[0])))

    async def _read_page(self, known: Tiff | None) -> HeaderState:
        """Read the IFD of the page. Cost: 1 request; for another than the first, those on the way.

        Raises:
            TileIndexError: there is no such page.
        """
        fetcher, head_bytes = self._fetcher, self._head_bytes
        if known is None:
            import_ahead(PARSERS)
            state = await fetcher.drive(self._head(), page_bytes=head_bytes)
            if state is not None:
                return state
        import_whole(PARSERS)
        from tinycog.reader.read_header import read_first  # noqa: PLC0415 - see PARSERS

        return await read_first(fetcher, self._limits, head_bytes, self._view, known)

    def _head(self) -> Steps[HeaderState | None]:
        """Parse what the first bytes tell, once they are in: None if more are needed."""
        buffer, lost = self._fetcher.buffer, None
        try:
            yield from need(buffer, [ByteRange(0, 1)])
        except TruncatedError as exc:
            lost = exc
        import_whole(PARSERS)
        from tinycog.reader.read_header import parse_head  # noqa: PLC0415 - see PARSERS

        return (yield from parse_head(buffer, self._limits, self._view, lost))

    async def _read_cached(self, state: HeaderState) -> HeaderState:
        from tinycog.reader.read_header import read_cached  # noqa: PLC0415 - see PARSERS

        return self._keep(await read_cached(self._fetcher, self._limits, self.state or state))

    async def _read_rest(self, state: HeaderState) -> HeaderState:
        from tinycog.reader.read_header import read_all  # noqa: PLC0415 - see PARSERS

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
            from tinycog.reader.read_header import sort_cached  # noqa: PLC0415 - see PARSERS

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
