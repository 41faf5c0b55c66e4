"""Locate stored tiles, and read them: several reads and several files together."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING

from tinycog.errors import Finding, FormatError, LimitError
from tinycog.fetch.fetcher import Fetcher
from tinycog.fetch.single_flight import side_by_side
from tinycog.limits import Limits
from tinycog.reader.tile_job import LeaderError, PartResult, TileJob, prepare_decoding, tile_error
from tinycog.reader.tile_parts import TilePart
from tinycog.tiff.image import Image
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.steps import together
from tinycog.tiff.tile_index import FRAME_BYTES, TileLocation, locate

if TYPE_CHECKING:
    from tinycog.argument_types import ErrorHandling
    from tinycog.fetch.plan import Plan

INDEX_BYTES = 16 << 20
"""Bytes of index pages that a handle keeps; dropped pages are fetched again when needed."""


class TileReader:
    """Reads parts of the stored tiles of a file and of those beside it, on any event loop.

    Attributes:
        limits: checked before anything is fetched or decoded.
        findings: what was odd about the file, beside the findings of its tiles.
        has_leaders: whether the ghost area promises that leaders tell the lengths of tiles.
    """

    def __init__(self, fetcher: Fetcher, limits: Limits) -> None:
        """Keep the fetcher; nothing is read."""
        self.limits = limits
        self.findings: list[Finding] = []
        self.has_leaders = False
        self._fetchers = {"": fetcher}
        self._locating = 0
        self._is_broken = False

    def add(self, sidecar: str, fetcher: Fetcher) -> None:
        """Read images of that sidecar by a fetcher of its own."""
        self._fetchers[sidecar] = fetcher

    @property
    def leaders(self) -> bool:
        """Whether lengths are read from leaders, not from the index: no tile lacked its leader yet.

        Files beside are read by their index (gdal.ghost.leaders).
        """
        return self.has_leaders and not self._is_broken

    @property
    def file_size(self) -> int | None:
        """Bytes of the file and of those beside, None before the first response tells."""
        sizes = [fetcher.buffer.size for fetcher in self._fetchers.values()]
        return None if sizes[0] is None else sum(size or 0 for size in sizes)

    async def read(
        self, parts: Sequence[TilePart], errors: ErrorHandling = "raise"
    ) -> list[PartResult]:
        """Fetch parts, decode them into their targets, and return what was found of each.

        Raises:
            TinycogError: a part cannot be read; the others are given up. With `errors="fill"` not
                for a stored tile that is broken: its parts are filled.
        """
        (job,) = await self.begin([parts], [errors])
        try:
            return await job.wait()
        except LeaderError as exc:
            return await self.read_again(parts, exc, errors)
        finally:
            job.close()
            del job  # an error's traceback holds this frame, and so the pixels

    async def read_again(
        self, parts: Sequence[TilePart], error: LeaderError, errors: ErrorHandling = "raise"
    ) -> list[PartResult]:
        """Read parts by the byte counts of the index, after a tile lacked its leader or trailer."""
        self._is_broken = True
        text = f"the ghost area is wrong, byte counts are read instead: {error}"
        self.findings.append(Finding("gdal.ghost.leaders", text))
        return await self.read(parts, errors)

    async def begin(
        self, groups: Sequence[Sequence[TilePart]], errors: Sequence[ErrorHandling]
    ) -> list[TileJob]:
        """Locate the stored tiles of all groups together, and start a job for each group.

        Args:
            groups: parts that are read together.
            errors: of each group: what is done where a stored tile is broken.

        Raises:
            FormatError, LimitError: the tiles of a group cannot be located, or are too many; no
                job has been started.
        """
        flat = [part for group in groups for part in group]
        places: list[TileLocation | FormatError | None]
        try:
            places = [*await self._locate(flat, leaders=self.leaders)]
        except FormatError:
            if "raise" in errors:
                raise
            places = await self._locate_each(flat)
        found = iter(self._shortened(flat, places))
        locations = [list(islice(found, len(group))) for group in groups]
        size = self.file_size
        for group, located in zip(groups, locations, strict=True):
            sound = [None if isinstance(place, FormatError) else place for place in located]
            self._check_requests(group, sound)
            self._check_overlap(group, sound, size)
            self._check_decoded(group, sound, size)
        jobs = [
            TileJob(self._fetchers, self.limits, group, fills=handling == "fill")
            for group, handling in zip(groups, errors, strict=True)
        ]
        for job, located in zip(jobs, locations, strict=True):
            job.start(located)
        prepare_decoding(part.image for part in flat)
        return jobs

    def _shortened(
        self, parts: Sequence[TilePart], places: list[TileLocation | FormatError | None]
    ) -> list[TileLocation | FormatError | None]:
        """Return places without the bytes that hold no row of the parts (tiff.tile.prefix)."""
        if all(part.cut == "none" for part in parts):
            return places
        from tinycog.decode.prefix import has_prefixes  # noqa: PLC0415 - loads imagecodecs
        from tinycog.reader.prefixes import shortened  # noqa: PLC0415 - with it

        for sidecar, fetcher in self._fetchers.items():
            own = [i for i, part in enumerate(parts) if part.image.sidecar == sidecar]
            if own and fetcher.pays_for_bytes:
                cut = shortened(
                    [parts[i] for i in own], [places[i] for i in own], fetcher.rates, has_prefixes
                )
                for i, place in zip(own, cut, strict=True):
                    places[i] = place
        return places

    def _check_requests(
        self, parts: Sequence[TilePart], locations: Sequence[TileLocation | None]
    ) -> None:
        """Check the limit of requests, where there are enough tiles to reach it."""
        if len(parts) > self.limits.requests:
            from tinycog.fetch.plan import make_plan  # noqa: PLC0415 - large reads only

            count = 0
            for sidecar, ranges in self._ranges(parts, locations).items():
                fetcher = self._fetchers[sidecar]
                missing = fetcher.buffer.missing(ranges)
                count += len(make_plan(missing, [], fetcher.rates).requests)
            self.limits.check("requests", count, "requests of one read")

    def _check_overlap(
        self,
        parts: Sequence[TilePart],
        locations: Sequence[TileLocation | None],
        file_size: int | None,
    ) -> None:
        """Refuse to decode the same bytes over and over; those of equal tiles count once.

        Raises:
            LimitError: the tiles together are `limits.overlap` times as long as the file, or equal
                ones have more bytes than `limits.modest_bytes`.
        """
        if file_size is None or len(locations) <= self.limits.overlap:
            return
        ranges = [
            (part.image.sidecar, location.range)
            for part, location in zip(parts, locations, strict=True)
            if location is not None
        ]
        length = sum(place.length for _, place in set(ranges))
        if sum(place.length for _, place in ranges) > self.limits.modest_bytes:
            length = sum(place.length for _, place in ranges)
        times = length // max(file_size, 1)
        what = "the tiles share bytes: times that they are decoded"
        self.limits.check("overlap", times, what)

    def _check_decoded(
        self,
        parts: Sequence[TilePart],
        locations: Sequence[TileLocation | None],
        file_size: int | None,
    ) -> None:
        """Refuse to decode far more bytes than the file has; tiles that are not stored are none.

        Raises:
            LimitError: the pixels are over `limits.ratio`, and over `limits.modest_bytes`.
        """
        if file_size is None or not parts:
            return
        length = 0
        for part, location in zip(parts, locations, strict=True):
            if location is not None:
                grid = part.image.grid
                rows = (
                    grid.stored_rows(part.tile.y) if location.rows is None else len(part.target[0])
                )
                samples = part.image.tile_samples * part.image.dtype.itemsize
                length += rows * grid.tile_width * samples
        if length <= self.limits.ratio * file_size:
            return  # whatever they weigh
        images = {id(part.image): part.image for part in parts}
        weight = max(image.weight for image in images.values())
        self.limits.check_ratio(length, file_size, "decoded bytes of a read", weight)

    async def read_bytes(self, part: TilePart) -> bytes | None:
        """Read the encoded bytes of a tile; None if it is not stored."""
        (location,) = await self._locate_bytes([part])
        if location is None:
            return None
        (data,) = await self._fetchers[part.image.sidecar].read([location.range])
        if not location.head:
            return data
        from tinycog.tiff.old_jpeg import joined  # noqa: PLC0415 - old-style JPEG only

        return joined(location.head, data)

    async def locate(self, parts: Sequence[TilePart]) -> list[ByteRange | None]:
        """Return where the bytes of stored tiles lie; None for those that are not stored."""
        found = await self._locate_bytes(parts)
        return [None if location is None else location.range for location in found]

    async def _locate_bytes(self, parts: Sequence[TilePart]) -> list[TileLocation | None]:
        """Find the bytes of tiles by their byte counts, by their leaders where these are 0."""
        found = await self._locate(parts, leaders=False, whole=True)
        silent = [n for n, place in enumerate(found) if place is None] if self.leaders else []
        told = await self._locate([parts[n] for n in silent], leaders=True, whole=True)
        for n, place in zip(silent, told, strict=True):
            if place is not None and place.oddity is not None:  # told by a leader
                start, stop = place.range
                found[n] = TileLocation(ByteRange(start + FRAME_BYTES, stop - FRAME_BYTES))
        return found

    async def places(
        self, parts: Sequence[TilePart]
    ) -> list[TileLocation | FormatError | LimitError | None]:
        """Find the bytes of parts by the index alone; an error stands for one without a place.

        None stands for a tile that is not stored.
        """
        try:
            return [*await self._locate(parts, leaders=False)]
        except (FormatError, LimitError) as exc:
            if len(parts) == 1:
                return [exc]
        found: list[TileLocation | FormatError | LimitError | None] = []
        for part in parts:
            found += await self.places([part])
        return found

    async def read_ranges(self, image: Image, ranges: Sequence[ByteRange]) -> list[bytes]:
        """Read ranges of the file that an image lies in.

        Raises:
            TruncatedError: the file ends before one of them does.
        """
        return await self._fetchers[image.sidecar].read(ranges)

    async def plan(self, parts: Sequence[TilePart]) -> Plan:
        """Return what reading the parts will send; the index is read for it, no pixels."""
        from tinycog.fetch.plan import join_plans, make_plan  # noqa: PLC0415 - no tile needs it

        located = await self._locate(parts, leaders=self.leaders)
        cut = self._shortened(parts, [*located])
        sound = [None if isinstance(place, FormatError) else place for place in cut]
        ranges = self._ranges(parts, sound)
        plans = {
            sidecar: make_plan(await fetcher.missing(ranges[sidecar]), [], fetcher.rates)
            for sidecar, fetcher in self._fetchers.items()
            if sidecar in ranges
        }
        size = self._fetchers[""].buffer.size
        return join_plans(plans, dict.fromkeys(part.tile for part in parts), size)

    def _ranges(
        self, parts: Sequence[TilePart], locations: Sequence[TileLocation | None]
    ) -> dict[str, list[ByteRange]]:
        """Return where the stored tiles of each file that is read lie."""
        ranges: dict[str, list[ByteRange]] = {}
        for part, location in zip(parts, locations, strict=True):
            if location is not None:
                ranges.setdefault(part.image.sidecar, []).append(location.range)
        return ranges

    async def _locate(
        self, parts: Sequence[TilePart], *, leaders: bool, whole: bool = False
    ) -> list[TileLocation | None]:
        """Find where stored tiles lie, None if not stored; all of a file in the same requests.

        Of some tiles only the rows that are read, unless `whole` is asked for.
        """
        if not parts:
            return []
        if len(self._fetchers) == 1:
            return await self._locate_in("", parts, leaders=leaders, whole=whole)
        files: dict[str, list[TilePart]] = {}
        for part in parts:
            files.setdefault(part.image.sidecar, []).append(part)
        lists = await side_by_side(
            *(
                self._locate_in(sidecar, held, leaders=leaders and not sidecar, whole=whole)
                for sidecar, held in files.items()
            )
        )
        found = dict(zip(files, map(iter, lists), strict=True))
        return [next(found[part.image.sidecar]) for part in parts]

    async def _locate_in(
        self, sidecar: str, parts: Sequence[TilePart], *, leaders: bool, whole: bool
    ) -> list[TileLocation | None]:
        """Find where stored tiles of one file lie."""
        groups: dict[int, list[TilePart]] = {}
        for part in parts:
            groups.setdefault(id(part.image), []).append(part)
        images = {key: group[0].image for key, group in groups.items()}
        fetcher, limits = self._fetchers[sidecar], self.limits
        buffer = fetcher.buffer
        parser = together(
            locate(
                buffer,
                image,
                [part.position for part in groups[key]],
                limits,
                leaders=leaders,
                rows=None if whole else [part.rows for part in groups[key]],
            )
            for key, image in images.items()
        )
        try:
            with self._index_kept():
                found = await fetcher.drive(parser, loose=True)
        except FormatError as exc:
            tiles = {part.tile for part in parts}
            if len(tiles) > 1:
                raise
            raise tile_error(exc, tiles.pop()) from exc
        locations = {key: iter(level) for key, level in zip(images, found, strict=True)}
        return [next(locations[id(part.image)]) for part in parts]

    async def _locate_each(
        self, parts: Sequence[TilePart]
    ) -> list[TileLocation | FormatError | None]:
        """Find where stored tiles lie, one by one; an error stands for one without a place."""
        found: list[TileLocation | FormatError | None] = []
        for part in parts:
            try:
                found += await self._locate([part], leaders=self.leaders)
            except FormatError as exc:
                found.append(exc)
        return found

    @contextmanager
    def _index_kept(self) -> Generator[None]:
        """Keep index pages while any read looks into them; shed them between reads if too many."""
        for fetcher in () if self._locating else self._fetchers.values():
            if fetcher.buffer.loose > INDEX_BYTES:
                fetcher.buffer.shed()
        self._locating += 1
        try:
            yield
        finally:
            self._locating -= 1
