"""A file as far as it has been opened: once, as far as is needed, however many callers wait.

The one object that knows source, fetcher and header together. Other modules use its verbs, and do
not reach through it into those: tests/test_architecture.py holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tinycog.cache.protocol import Cache
from tinycog.checks import Pinning
from tinycog.errors import (
    FormatError,
    LimitError,
    TileIndexError,
    TinycogError,
    UsageError,
)
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.single_flight import SingleFlight
from tinycog.limits import Limits
from tinycog.reader.open_header import PARSERS, OpenHeader
from tinycog.reader.page_bytes import VALUE_PAGE_BYTES
from tinycog.sources.lazy_import import import_ahead, import_whole, load, loaded
from tinycog.sources.protocol import Source
from tinycog.tiff.page_view import VIEW, PageView
from tinycog.tiff.steps import Steps, need_bytes, run_cached

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tinycog.errors import Finding
    from tinycog.fetch.attempt import Request
    from tinycog.geo.exif_items import ExifItems
    from tinycog.geo.georeference import Georeference
    from tinycog.geo.lazy import LazyGeoreference
    from tinycog.geo.metadata import Metadata
    from tinycog.reader.level_source import LevelSource
    from tinycog.reader.read_header import HeaderState
    from tinycog.reader.sidecars import Sidecars
    from tinycog.reader.snapshot import Snapshot
    from tinycog.reader.stored_windows import StoredWindows
    from tinycog.reader.tile_reader import TileReader
    from tinycog.reader.validity import FileMaskFacts, LevelMask
    from tinycog.series.model import Series
    from tinycog.tiff.buffer import SparseBuffer
    from tinycog.tiff.ghost import Ghost
    from tinycog.tiff.image import Image
    from tinycog.tiff.parse import Entry, Ifd, Value
    from tinycog.tiff.roles import Place, Pyramid
    from tinycog.window import Tile

T = TypeVar("T")


TILE_READERS = (
    "tinycog.reader.stored_windows",
    "tinycog.reader.validity",
    "tinycog.geo.lazy",
    "tinycog.reader.level_source",
)
"""What requests stored tiles: imported while the header is under way, behind its parsers."""

GEOREFERENCE_MODULES = ("affine", "tinycog.geo.parse")
"""What parsing a georeference imports."""


class OpenArguments(NamedTuple):
    """What a handle is made from, and what it is pickled as.

    Attributes:
        source: of the bytes.
        limits: of the handle.
        head_bytes: length of the first request.
        snapshot: what was read of the header before.
        view: what is read as an image with levels.
        sidecars: sources of what lies beside the file, by what their names end with; None if that
            is not to be read.
        pinning: what is compared to know that all responses are of one object.
        cache: where bytes are looked for before they are requested.
        asset: name of the asset of a collection that it is, "" for another file: errors have it.
    """

    source: Source
    limits: Limits
    head_bytes: int
    snapshot: bytes | None = None
    view: PageView = VIEW
    sidecars: Mapping[str, Source] | None = None
    pinning: Pinning = "strict"
    cache: Cache | None = None
    asset: str = ""


class OpenFile:
    """A file whose header, levels and georeference are read once, when first needed.

    Attributes:
        limits: of the handle.
        view: what is read as an image with levels.
        fetcher: fetches its bytes.
        colormap: of level 0 as (entries, 3), known after `read_all`; None if it has none.
    """

    def __init__(self, arguments: OpenArguments, parent: OpenFile | None = None) -> None:
        """Keep the source; nothing is read. `parent` is another page, which shares its bytes."""
        source, limits, head_bytes, snapshot, view, sidecars, pinning, cache, asset = arguments
        self.limits = limits
        self.view = view
        self._arguments = arguments
        self.fetcher = (
            Fetcher(source, limits, pinning=pinning, cache=cache, asset=asset)
            if parent is None
            else parent.fetcher
        )
        if snapshot is not None and parent is None:
            from tinycog.reader.snapshot import unpack  # noqa: PLC0415 - loads json and hashlib

            self.fetcher.restore(*unpack(snapshot))
        self._known = None if parent is None or parent.header is None else parent.header.tiff
        self._windows: StoredWindows | None = None
        self._has_leaders = False
        self._sidecars: Sidecars | None = None
        if sidecars is not None:
            from tinycog.reader.sidecars import Sidecars  # noqa: PLC0415 - only here

            self._sidecars = Sidecars(sidecars, limits, self.reader, pinning, cache)
        self._header = OpenHeader(self.fetcher, limits, head_bytes, view, self._sidecars)
        self.colormap: NDArray[np.uint16] | None = None
        self._single_flight = SingleFlight()
        self._georeference: LazyGeoreference | None = None
        self._georeference_is_read = False
        self._has_no_masks = False
        self._exif: ExifItems | None = None

    def be_asset(self, name: str) -> None:
        """Have errors name the asset of a collection that it is."""
        self._arguments = self._arguments._replace(asset=name)
        self.fetcher.asset = name

    def be_one_of(self, files: int) -> None:
        """Have its requests planned as those of one file of so many that are read side by side.

        Gaps between tiles are read along that cost less than a request, up to as many bytes as are
        needed, and the connections to a server are shared.
        """
        self.fetcher.files.count = files

    # --- read ------------------------------------------------------------------------------------

    async def read_all(self) -> HeaderState:
        """Read the header of all levels, the georeference and the metadata."""
        header = await self.read_header(None)
        if not self._georeference_is_read and not self._has_georeference_now():
            await self._single_flight.run("georeference", self._read_georeference)
        return header

    async def read_whole(self) -> HeaderState:
        """Read all that properties of the handle tell: as `read_all`, and the items of Exif."""
        header = await self.read_all()
        if self._exif is None and self._has_exif():
            await self._single_flight.run("exif", self._read_exif)
        return header

    def _has_exif(self) -> bool:
        from tinycog.tiff.spec import EXIF_IFDS  # noqa: PLC0415 - come with the header

        return any(tag in self._header.first_image().ifd.entries for tag in EXIF_IFDS)

    async def _read_exif(self) -> None:
        await load("tinycog.geo.exif_items")
        await self.fetcher.drive(self._parse_exif(), page_bytes=VALUE_PAGE_BYTES)

    def _parse_exif(self) -> Steps[ExifItems]:
        from tinycog.geo.exif_items import parse_exif  # noqa: PLC0415 - what a tile does not need

        header = (self.header or self._header.whole()).tiff.header
        ifd = self._header.first_image().ifd
        return parse_exif(self.fetcher.buffer, header, ifd, self.limits)

    async def read_header(self, z: int | None) -> HeaderState:
        """Read as much of the header as level `z` needs; all of it for None or a missing level."""
        self.fetcher.check_open()
        header = self.header
        if header is not None and header.knows(z):
            return header
        header = await self._header.read(z, self._known)
        self._has_leaders = header.ghost is not None and header.ghost.has_leaders
        if self._windows is not None:
            self._windows.reader.has_leaders = self._has_leaders
        return header

    def _has_georeference_now(self) -> bool:
        """Parse it at once, where that needs no import and no request; return whether it is read.

        An error is left to those who wait for it.
        """
        from tinycog.tiff.spec import Tag  # noqa: PLC0415 - comes with the header

        has_colours = Tag.ColorMap in self._header.first_image().ifd.entries
        if has_colours or not all(map(loaded, GEOREFERENCE_MODULES)):
            return False
        with suppress(TinycogError):
            self._georeference_is_read = run_cached(self.georeference.parse()) is not None
        return self._georeference_is_read

    async def _read_georeference(self) -> None:
        for module in GEOREFERENCE_MODULES:  # off the event loop: 0.1 s in a cold process
            await load(module)
        await self.fetcher.drive(self.georeference.parse())
        with suppress(FormatError, LimitError):  # pixels can be read without it
            self.colormap = await self.read_colormap(0)
        self._georeference_is_read = True

    async def read_tag(self, tag: int, z: int) -> Value | None:
        """Return the value of a tag of a level's IFD, None without it; see `Cog.read_tag`."""
        image = await self.image(z)
        entry = image.ifd.entries.get(tag)
        if entry is None:
            return None
        file = self
        if image.sidecar and self._sidecars is not None:
            file = self._sidecars.images.file(image.sidecar)
        (value,) = await file.read_values([entry])
        return value

    async def read_values(self, entries: Sequence[Entry]) -> list[Value]:
        """Return the values of entries of any IFD, planned together."""
        header = await self.read_header(0)
        return await self.fetcher.drive(header.values(self.fetcher.buffer, entries, self.limits))

    async def read_raw(self, entry: Entry) -> bytes:
        """Return the bytes of a value, as stored."""
        start, length = entry.range.start, entry.range.length
        self.limits.check("value_bytes", length, f"bytes of the value of tag {entry.tag}")
        return bytes(await self.fetcher.drive(need_bytes(self.fetcher.buffer, start, length)))

    async def parse(
        self, make: Callable[[SparseBuffer, Limits], Steps[T]], *, loose: bool = False
    ) -> T:
        """Run a parser that is made of the bytes of the file, fetching what it lacks.

        With `loose`, what is fetched may be shed (`shed`).
        """
        self.fetcher.check_open()
        return await self.fetcher.drive(make(self.fetcher.buffer, self.limits), loose=loose)

    def shed(self) -> None:
        """Drop bytes that may be fetched again."""
        self.fetcher.buffer.shed()

    async def read_ifd(self, offset: int) -> Ifd:
        """Return the IFD at an absolute offset: one that a tag points to."""
        header = await self.read_header(0)
        parser = header.ifd_at(self.fetcher.buffer, offset, self.limits)
        return await self.fetcher.drive(parser, page_bytes=VALUE_PAGE_BYTES)

    async def read_colormap(self, z: int) -> NDArray[np.uint16] | None:
        """Return a level's ColorMap as (entries, 3), or None; see `Cog.read_colormap`."""
        image = await self.image(z)
        from tinycog.tiff.spec import Tag  # noqa: PLC0415 - comes with the header

        entry = image.ifd.entries.get(Tag.ColorMap)
        value = await self.read_tag(Tag.ColorMap, z)
        if entry is None or value is None:
            return None
        from tinycog.tiff.colormap import make_colormap  # noqa: PLC0415 - palettes only

        return make_colormap(entry, value)

    async def read_series(self) -> list[Series]:
        """Return the series of the file; see `Cog.series`."""
        header = await self.read_all()
        await load("tinycog.series.parse_series")
        from tinycog.series.parse_series import parse_series  # noqa: PLC0415 - stacks only

        file = self.name.rpartition("/")[2]
        parser = parse_series(self.fetcher.buffer, header.tiff, self.places, self.limits, file)
        return await self.fetcher.drive(parser, page_bytes=VALUE_PAGE_BYTES)

    async def image(self, z: int) -> Image:
        """Return a level, reading as much of the header as it needs.

        Raises:
            TileIndexError: there is no such level.
        """
        levels = (await self.read_header(z if z >= 0 else None)).pyramid.levels
        if not 0 <= z < len(levels):
            all_levels = f"levels 0 to {len(levels) - 1}, 0 = full resolution"
            message = f"level {z} does not exist ({all_levels})"
            raise TileIndexError(message)
        return levels[z]

    async def sources(
        self, tiles: Iterable[Tile], *, masked: bool | None
    ) -> dict[int, LevelSource]:
        """Return the levels of tiles, by z; `masked` reads the whole header to find masks."""
        find = self.level if masked else self.level_so_far
        return {z: await find(z) for z in sorted({tile.z for tile in tiles})}

    async def level(self, z: int) -> LevelSource:
        """Return a level with its mask; the whole header is read to find that.

        Raises:
            TileIndexError: there is no such level.
        """
        import_ahead(PARSERS, *TILE_READERS)
        await self.read_all()
        return await self.level_so_far(z)

    async def level_so_far(self, z: int) -> LevelSource:
        """Return a level with its mask if that came with the header, without a request to find it.

        Raises:
            TileIndexError: there is no such level.
        """
        import_ahead(PARSERS, *TILE_READERS)
        image = await self.image(z)
        import_whole("tinycog.reader.level_source")
        from tinycog.reader.level_source import LevelSource  # noqa: PLC0415 - imported meanwhile

        return LevelSource(image, self.mask_so_far(z), self.mask_facts, self.georeference)

    async def check_current(self) -> None:
        """Check that the object is still the one that is read; see `Cog.check_current`."""
        await self.fetcher.ask()

    async def aclose(self) -> None:
        """Release what the source holds open; nothing is read any more."""
        await self.fetcher.aclose()
        if self._sidecars is not None:
            await self._sidecars.aclose()

    def join(self, reader: TileReader, sidecar: str) -> None:
        """Have its tiles read by the reader of the file that it lies beside."""
        reader.add(sidecar, self.fetcher)

    def flush(self) -> None:
        """Send the requests queued on the running event loop, without waiting for its next turn."""
        self.fetcher.flush()

    # --- what is known, without waiting ----------------------------------------------------------

    @property
    def windows(self) -> StoredWindows:
        """What fills windows of its levels from stored tiles."""
        if self._windows is None:
            import_whole(TILE_READERS[0])
            from tinycog.reader.stored_windows import StoredWindows  # noqa: PLC0415 - imported meanwhile

            self._windows = StoredWindows(self.fetcher, self.limits)
            self._windows.reader.has_leaders = self._has_leaders
        return self._windows

    @property
    def reader(self) -> TileReader:
        """What reads its stored tiles."""
        return self.windows.reader

    @property
    def header(self) -> HeaderState | None:
        """What has been read of the header, None before the first read."""
        return self._header.state

    @property
    def source(self) -> Source:
        """Where its bytes come from."""
        return self._arguments.source

    @property
    def name(self) -> str:
        """The URL or path, without credentials."""
        return self.fetcher.name

    @property
    def size(self) -> int | None:
        """Bytes of the file, None until they are known."""
        return self.fetcher.buffer.size

    @property
    def url(self) -> str | None:
        """What others open the file by, None if nothing, or nothing without a credential."""
        return self.fetcher.url

    @property
    def generation(self) -> str | None:
        """The name of the object's generation, a strong ETag or the like; None if not known."""
        return self.fetcher.generation

    @property
    def log(self) -> tuple[Request, ...]:
        """The requests sent so far, the newest 10,000; those of files beside come last."""
        beside = () if self._sidecars is None else self._sidecars.log
        return (*self.fetcher.log, *beside)

    @property
    def variant(self) -> str | None:
        """TIFF variant and byte order by name; None before the first read."""
        return None if self.header is None else self.header.tiff.header.variant.name

    @property
    def ghost(self) -> Ghost | None:
        """GDAL's structural metadata; None without any, or before the first read."""
        return None if self.header is None else self.header.ghost

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was odd about the file so far, though it could be read."""
        if self.header is None:
            return ()
        beside = () if self._header.beside is None else self._header.beside.findings
        pages = self.header.pyramid.findings
        tiles = () if self._windows is None else self._windows.reader.findings
        found = (*pages, *beside, *self._stack_findings(), *tiles)
        with suppress(UsageError):  # these have not been read
            found = (*found, *self.geo.findings, *self.metadata.findings)
        with suppress(UsageError):
            found = (*found, *(() if self.exif is None else self.exif.findings))
        return found

    def _stack_findings(self) -> tuple[Finding, ...]:
        """Return a finding if planes lie behind the first IFD that no IFD tells of."""
        from tinycog.tiff.spec import Tag  # noqa: PLC0415 - comes with the header

        first = self.levels_so_far[0]
        entry = first.ifd.entries.get(Tag.ImageDescription)
        if self.view != VIEW or entry is None:
            return ()
        text = self.cached_value(entry)
        if not isinstance(text, str) or not self.is_complete:
            return ()
        from tinycog.series.shaped import stack_finding  # noqa: PLC0415 - described files only

        found = stack_finding(text, first, len(self._header.whole().tiff.ifds))
        return () if found is None else (found,)

    def knows(self, z: int) -> bool:
        """Return whether level `z` is known, so that `image` does not wait."""
        return z >= 0 and self.header is not None and self.header.knows(z)

    @property
    def is_complete(self) -> bool:
        """Whether all levels are known, maybe from bytes that have arrived."""
        header = self._header.sorted()
        return header is not None and header.complete

    @property
    def levels_so_far(self) -> tuple[Image, ...]:
        """The levels known so far, 0 = full resolution; none before the first read."""
        header = self._header.sorted()
        return () if header is None else header.pyramid.levels

    @property
    def levels(self) -> tuple[Image, ...]:
        """All levels, 0 = full resolution.

        Raises:
            UsageError: the file is not open yet; so do `masks`, `places` and `level_size`.
        """
        return self.pyramid.levels

    @property
    def pyramid(self) -> Pyramid:
        """All images in their roles.

        Raises:
            UsageError: the file is not open yet.
        """
        return self._header.whole().pyramid

    @property
    def masks(self) -> tuple[Image | None, ...]:
        """The mask of each level, None where the file holds none."""
        return self.pyramid.masks

    def cached_value(self, entry: Entry) -> Value | None:
        """Return the value of an entry if its bytes have arrived, else None."""
        if self.header is None:
            return None
        with suppress(FormatError, LimitError):
            parser = self.header.values(self.fetcher.buffer, [entry], self.limits)
            return next(iter(run_cached(parser) or ()), None)
        return None

    def cached_children(self, place: Place) -> tuple[Place, ...] | None:
        """Return the SubIFDs of a page if their bytes have arrived, else None."""
        if self.header is None:
            return ()
        return self.header.children(self.fetcher.buffer, place, self.limits)

    @property
    def places(self) -> tuple[Place, ...]:
        """The roles of all IFDs of the chain, and of the SubIFDs of the first.

        Raises:
            UsageError: the file is not open yet, or opened as another page of it.
        """
        header = self._header.whole()
        if self.view != VIEW:
            message = "the pages of a file are known to its first one: open it without page="
            raise UsageError(message)
        return header.pyramid.places

    @property
    def has_all_pages(self) -> bool:
        """Whether the chain of IFDs was walked to its end, as far as it can be read."""
        tiff = self._header.whole().tiff
        return not tiff.is_cut and not any(f.rule == "tiff.ifd.count" for f in tiff.findings)

    def mask_so_far(self, z: int) -> LevelMask:
        """Return the mask of a level that is known, as far as the header has been read."""
        import_whole("tinycog.reader.validity")
        from tinycog.reader.validity import LevelMask  # noqa: PLC0415 - imported meanwhile

        header = self.header
        is_plain = self.view == VIEW and header is not None and not header.walked
        is_alone = self._sidecars is None or not self._sidecars.images.has_mask
        if is_plain and is_alone and header is not None and not self._has_no_masks:
            # sorting all IFDs into their roles costs more than reading a tile
            self._has_no_masks = header.has_no_masks(self.fetcher.buffer)
        if self._has_no_masks:
            return LevelMask(None, is_known=True)
        header = self._header.sorted()
        if header is None:
            return LevelMask(None, is_known=False)
        return LevelMask.of(header.pyramid.masks, z, is_complete=header.complete)

    @property
    def mask_facts(self) -> FileMaskFacts:
        """What says which pixels are valid where no mask image does.

        Raises:
            UsageError: the file is not open yet.
        """
        import_whole("tinycog.reader.validity")
        from tinycog.reader.validity import FileMaskFacts  # noqa: PLC0415 - imported meanwhile

        return FileMaskFacts(self.georeference, self._header.first_image())

    def level_size(self, z: int) -> tuple[int, int]:
        """Return (width, height) of a level in pixels."""
        return self.levels[z].size

    @property
    def level_sizes(self) -> list[tuple[int, int]]:
        """(width, height) of each level in pixels."""
        return [image.size for image in self.levels]

    @property
    def georeference(self) -> LazyGeoreference:
        """Where pixels lie and what samples mean, parsed when first looked at.

        Raises:
            UsageError: the file is not open yet.
        """
        if self._georeference is None:
            import_whole("tinycog.geo.lazy")
            from tinycog.geo.lazy import LazyGeoreference  # noqa: PLC0415 - imported meanwhile

            header = self.header or self._header.whole()
            self._georeference = LazyGeoreference(
                self.fetcher.buffer,
                header.tiff.header,
                self._header.first_image(),
                self.limits,
                self._header.beside,
            )
        return self._georeference

    @property
    def geo(self) -> Georeference:
        """Transform, CRS and control points.

        Raises:
            UsageError: they have not been read.
        """
        return self.georeference.geo

    @property
    def metadata(self) -> Metadata:
        """What samples mean: scales, units, colours, items.

        Raises:
            UsageError: it has not been read.
        """
        return self.georeference.metadata

    @property
    def exif(self) -> ExifItems | None:
        """Items of the Exif and GPS IFDs of level 0; None without such an IFD.

        Raises:
            UsageError: they have not been read.
        """
        if self._exif is None and self._has_exif():
            self._exif = run_cached(self._parse_exif())
            if self._exif is None:
                message = (
                    "the Exif IFD lies apart from the header: use `cog = await tinycog.open(...)`"
                )
                raise UsageError(message)
        return self._exif

    def snapshot(self) -> Snapshot:
        """Return what has been read of header and index; see `Dataset.snapshot`.

        Raises:
            UsageError: the file is not open yet.
        """
        return self._snapshot(self._header.whole(), self.places)

    def arguments_now(self) -> OpenArguments:
        """Return what it was made from, with a snapshot of what has been read of the header.

        Without where nothing would tell that the object has changed since.
        """
        header, arguments = self._header.sorted(), self._arguments
        is_told = arguments.pinning == "size" or self.generation is not None
        if header is None or arguments.pinning == "off" or not is_told:
            return arguments
        return arguments._replace(snapshot=self._snapshot(header, header.pyramid.places).pack())

    def __reduce__(self) -> tuple[type[OpenFile], tuple[OpenArguments]]:
        """Pickle what it was made from: a page of it does so."""
        return OpenFile, (self.arguments_now(),)

    def _snapshot(self, header: HeaderState, places: Sequence[Place]) -> Snapshot:
        from tinycog.reader.snapshot import Snapshot  # noqa: PLC0415 - loads json and hashlib
        from tinycog.tiff.header_ranges import header_ranges  # noqa: PLC0415 - only here

        buffer = self.fetcher.buffer
        parts = buffer.parts_of(header_ranges(buffer, places, self.limits, header.tiff))
        return Snapshot(buffer.size, self.generation, tuple(parts))
