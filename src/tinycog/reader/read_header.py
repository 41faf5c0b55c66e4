"""Read a file's header: its first IFD or its whole chain, and the images in their roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from tinycog.errors import Finding, TruncatedError
from tinycog.fetch.fetcher import Fetcher
from tinycog.limits import Limits
from tinycog.reader.page_bytes import VALUE_PAGE_BYTES
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ghost import Ghost, parse_ghost
from tinycog.tiff.image import Image
from tinycog.tiff.page_view import PageView
from tinycog.tiff.parse import (
    Entry,
    Ifd,
    Tiff,
    Value,
    need_header,
    no_header,
    parse_ifd,
    parse_tiff,
    parse_values,
)
from tinycog.tiff.pyramid import find_ifd, knows_view, parse_image, parse_pyramid, parse_view
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.recall import Recall
from tinycog.tiff.roles import Place, Pyramid, children, with_facts_of_first
from tinycog.tiff.scan import has_no_masks
from tinycog.tiff.spec import Tag
from tinycog.tiff.steps import Steps, need, run_cached

ISOLATED_IFD_BYTES = 1 << 13
"""Bytes read at an IFD that lies outside the head, with no others near."""

MAX_IFD_BYTES = 7 << 13
"""Most bytes read at an IFD behind which more are likely to follow."""

DOUBLING_CLUSTERS = 3
"""Number of IFDs far apart after which the bytes read at the next ones double, and again."""

MOST_DOUBLINGS = 8
"""How often they double at most."""

NEAR_IFD_BYTES = 1 << 16
"""Distance of two IFDs up to which the way to a page is read through."""

NEAR_IFDS_BYTES = 1 << 20
"""Most bytes that are then read at once."""

LIKE_IFDS = 3
"""Number of IFDs at equal distances from which on the next ones are looked for there."""


class HeaderState(NamedTuple):
    """What has been read of a header; replaced by a new value when more is read.

    Attributes:
        tiff: the IFD chain, as far as it has been walked.
        pyramid: the images of that part in their roles; it always has level 0.
        ghost: GDAL's structural metadata, None if the file has none.
        view: what is read as an image with levels.
        complete: whether all levels of it are known.
        walked: whether more than its IFD has been looked at.
    """

    tiff: Tiff
    pyramid: Pyramid
    ghost: Ghost | None
    view: PageView
    complete: bool
    walked: bool

    def knows(self, z: int | None) -> bool:
        """Return whether level `z` is known, or for None whether all levels are."""
        return self.complete or (z is not None and z < len(self.pyramid.levels))

    def values(
        self, buffer: SparseBuffer, entries: Sequence[Entry], limits: Limits
    ) -> Steps[list[Value]]:
        """Parse the values of entries of any IFD."""
        return parse_values(buffer, self.tiff.header, entries, limits)

    def ifd_at(self, buffer: SparseBuffer, offset: int, limits: Limits) -> Steps[Ifd]:
        """Parse the IFD at an absolute offset."""
        return parse_ifd(buffer, self.tiff.header, offset, limits)

    def children(
        self, buffer: SparseBuffer, place: Place, limits: Limits
    ) -> tuple[Place, ...] | None:
        """Return the SubIFDs of a page if their bytes have arrived, else None."""
        if place.image is None:
            return ()
        pyramid = run_cached(parse_pyramid(buffer, self.tiff, limits, place.image, place.path))
        return None if pyramid is None else children(pyramid.places, place.path)

    def has_no_masks(self, buffer: SparseBuffer) -> bool:
        """Return whether it is sure that none of the IFDs that have arrived is a mask."""
        return has_no_masks(buffer, self.tiff)

    def with_nodata(self, text: str | None) -> HeaderState:
        """Return it with another nodata of level 0, a fact of the file (gdal.nodata.level)."""
        (first, *others), places = self.pyramid.levels, self.pyramid.places
        if first.nodata_text == text:
            return self
        other = replace(first, nodata_text=text)
        changed = tuple(
            place._replace(image=other) if place.image is first else place for place in places
        )
        levels = with_facts_of_first((other, *others))
        return self._replace(pyramid=self.pyramid._replace(levels=levels, places=changed))


FIRSTS: Recall[HeaderState] = Recall()
"""Headers of which only the IFD of a page is known."""

WHOLES: Recall[HeaderState] = Recall()
"""Headers of which all that has arrived is known, by those of `FIRSTS`."""


async def read_first(
    fetcher: Fetcher,
    limits: Limits,
    head_bytes: int,
    view: PageView,
    known: Tiff | None = None,
) -> HeaderState:
    """Read the IFD of a page that `parse_head` lacks bytes of. Cost: the requests on the way.

    Level 0 is that IFD, so the rest of the chain, which may be long, is not walked for it.

    Args:
        fetcher: fetches the bytes of the file.
        limits: of the handle.
        head_bytes: length of the first request.
        view: the page, or plane.
        known: what another handle has walked of the chain.

    Raises:
        TileIndexError: there is no such page.
    """
    tiff = known or await fetcher.drive(
        parse_tiff(fetcher.buffer, limits, ifds=1), page_bytes=head_bytes
    )
    ghost = await fetcher.drive(parse_ghost(fetcher.buffer, tiff.header))
    tiff = await _walk_to(fetcher, limits, tiff, view.path[0] + 1)
    ifd = await fetcher.drive(
        find_ifd(fetcher.buffer, tiff, limits, view.path), page_bytes=ISOLATED_IFD_BYTES
    )
    image = await fetcher.drive(
        parse_image(fetcher.buffer, tiff.header, ifd, limits), page_bytes=VALUE_PAGE_BYTES
    )
    return _first_state(tiff, ghost, image, view)


def parse_head(
    buffer: SparseBuffer, limits: Limits, view: PageView, lost: TruncatedError | None
) -> Steps[HeaderState | None]:
    """Return what the first bytes of a file tell, None if more are needed.

    Raises:
        NotTiffError: `lost` says that there are none, or what they say is no header.
    """
    if lost is not None:
        raise no_header(lost) from lost
    yield from need_header(buffer)
    return first_cached(buffer, limits, view)


def first_cached(buffer: SparseBuffer, limits: Limits, view: PageView) -> HeaderState | None:
    """Do what `read_first` does with what has arrived, without waiting; None if that lacks bytes.

    Raises:
        FormatError, LimitError: as `read_first`.
    """
    return FIRSTS.run((limits, view), buffer, lambda seen: _parse_first(seen, limits, view))


def _parse_first(buffer: SparseBuffer, limits: Limits, view: PageView) -> HeaderState | None:
    tiff = run_cached(parse_tiff(buffer, limits, ifds=view.path[0] + 1))
    ghost = None if tiff is None else run_cached(_listed(parse_ghost(buffer, tiff.header)))
    if tiff is None or ghost is None:
        return None
    ifd = run_cached(find_ifd(buffer, tiff, limits, view.path))
    if ifd is None:
        return None
    image = run_cached(parse_image(buffer, tiff.header, ifd, limits))
    return None if image is None else _first_state(tiff, ghost[0], image, view)


def _listed(parser: Steps[Ghost | None]) -> Steps[list[Ghost | None]]:
    """Have `run_cached` tell that there is no ghost area from not knowing."""
    return [(yield from parser)]


def _first_state(tiff: Tiff, ghost: Ghost | None, image: Image, view: PageView) -> HeaderState:
    """Return the header of which only the IFD of a page is known."""
    ifd = image.ifd
    image = image.at(view.plane, view.shift) if view.is_plane else image
    place = Place(view.path, ifd, image, "page", view.path, None, "the page itself")
    pyramid = Pyramid((image,), (None,), (place,), (*tiff.findings, *image.findings))
    return HeaderState(tiff, pyramid, ghost, view, complete=False, walked=False)


def sort_cached(buffer: SparseBuffer, limits: Limits, state: HeaderState) -> HeaderState | None:
    """Do what `read_cached` does, without waiting; None if that would cost a request."""
    return WHOLES.run((limits, state), buffer, lambda seen: _parse_rest(seen, limits, state))


def _parse_rest(buffer: SparseBuffer, limits: Limits, state: HeaderState) -> HeaderState | None:
    tiff = _walk_cached(buffer, limits, state.tiff)
    pyramid = run_cached(_sort(buffer, limits, tiff, state))
    return None if pyramid is None else _state(buffer, tiff, pyramid, state)


async def read_cached(fetcher: Fetcher, limits: Limits, state: HeaderState) -> HeaderState:
    """Sort all IFDs that came with the first one. Cost: none, or 1 request for their values."""
    return await _finish(fetcher, limits, _walk_cached(fetcher.buffer, limits, state.tiff), state)


async def read_all(fetcher: Fetcher, limits: Limits, state: HeaderState) -> HeaderState:
    """Walk the rest of the chain. Cost: 1 request for each cluster of IFDs."""
    tiff, clusters, planned_before = state.tiff, 0, fetcher.planned
    while not knows_view(
        fetcher.buffer, tiff := _walk_cached(fetcher.buffer, limits, tiff), state.view
    ):
        limits.check("requests", fetcher.planned - planned_before, "requests for the header")
        clusters += 1
        if clusters > limits.header_requests:
            tiff = _cut(tiff, limits)
            break
        tiff = await _walk_on(fetcher, limits, tiff, clusters)
    return await _finish(fetcher, limits, tiff, state)


async def _walk_on(fetcher: Fetcher, limits: Limits, tiff: Tiff, clusters: int) -> Tiff:
    """Walk past the next IFD that has not arrived, by a request that grows with those before."""
    step = parse_tiff(fetcher.buffer, limits, known=tiff, ifds=len(tiff.ifds) + 1)
    doublings = min(clusters // DOUBLING_CLUSTERS, MOST_DOUBLINGS)
    page_bytes = max(_page_bytes(tiff), ISOLATED_IFD_BYTES << doublings)
    tiff = await fetcher.drive(step, page_bytes=page_bytes)
    return _walk_cached(fetcher.buffer, limits, tiff)


async def _walk_to(fetcher: Fetcher, limits: Limits, tiff: Tiff, ifds: int) -> Tiff:
    """Walk until so many IFDs are known, or to the end of the chain.

    Pages written one like the other lie at equal distances: IFDs are then fetched side by side
    from where they should be. The links between them alone decide which are read.
    """
    if len(tiff.ifds) >= ifds:
        return tiff
    tiff = _walk_cached(fetcher.buffer, limits, _resumed(tiff))
    while len(tiff.ifds) < ifds and tiff.next_offset:
        before = len(tiff.ifds)
        if places := _predicted(tiff, ifds, fetcher.buffer.size):
            await fetcher.drive(need(fetcher.buffer, places))
            tiff = _walk_cached(fetcher.buffer, limits, tiff)
        if len(tiff.ifds) == before:
            step = parse_tiff(fetcher.buffer, limits, known=tiff, ifds=before + 1)
            distance = abs(tiff.next_offset - tiff.ifds[-1].offset)
            ahead = distance * (ifds - before) if distance <= NEAR_IFD_BYTES else 0
            page_bytes = max(min(ahead, NEAR_IFDS_BYTES), ISOLATED_IFD_BYTES)
            tiff = await fetcher.drive(step, page_bytes=page_bytes)
            tiff = _walk_cached(fetcher.buffer, limits, tiff)
    return tiff


def _predicted(tiff: Tiff, ifds: int, size: int | None) -> list[ByteRange]:
    """Return where the next IFDs lie if they go on at equal distances; none if they do not."""
    offsets = [*(ifd.offset for ifd in tiff.ifds[-LIKE_IFDS:]), tiff.next_offset]
    step = offsets[-1] - offsets[-2]
    length = ISOLATED_IFD_BYTES // 4
    steps = {after - before for before, after in pairwise(offsets)}
    if len(offsets) <= LIKE_IFDS or steps != {step} or abs(step) <= NEAR_IFD_BYTES or size is None:
        return []
    count = min(ifds - len(tiff.ifds), len(tiff.ifds))
    starts = (tiff.next_offset + i * step for i in range(count))
    return [ByteRange(start, min(start + length, size)) for start in starts if 0 < start < size]


def _cut(tiff: Tiff, limits: Limits) -> Tiff:
    """Return the chain as one that is not walked any further (tiff.ifd.far)."""
    text = (
        f"the IFD chain is cut at {len(tiff.ifds)} IFDs: they lie in more than"
        f" {limits.header_requests} places (Limits.header_requests)"
    )
    finding = Finding("tiff.ifd.far", text, tiff.next_offset, tiff.ifds[-1].offset)
    return tiff._replace(is_cut=True, findings=(*tiff.findings, finding))


def _resumed(tiff: Tiff) -> Tiff:
    """Return a chain that was cut as one that may be walked on."""
    if not tiff.is_cut:
        return tiff
    findings = tuple(found for found in tiff.findings if found.rule != "tiff.ifd.far")
    return tiff._replace(is_cut=False, findings=findings)


async def _finish(fetcher: Fetcher, limits: Limits, tiff: Tiff, state: HeaderState) -> HeaderState:
    parser = _sort(fetcher.buffer, limits, tiff, state)
    pyramid = await fetcher.drive(parser, page_bytes=VALUE_PAGE_BYTES)
    return _state(fetcher.buffer, tiff, pyramid, state)


def _sort(buffer: SparseBuffer, limits: Limits, tiff: Tiff, state: HeaderState) -> Steps[Pyramid]:
    return parse_view(buffer, tiff, limits, state.pyramid.levels[0], state.view)


def _state(buffer: SparseBuffer, tiff: Tiff, pyramid: Pyramid, before: HeaderState) -> HeaderState:
    complete = knows_view(buffer, tiff, before.view)
    return before._replace(tiff=tiff, pyramid=pyramid, complete=complete, walked=True)


def _walk_cached(buffer: SparseBuffer, limits: Limits, tiff: Tiff) -> Tiff:
    """Walk the chain as far as its bytes have arrived."""
    walked = run_cached(parse_tiff(buffer, limits, known=tiff, cached=True))
    return tiff if walked is None or tiff.is_cut else walked


def _page_bytes(tiff: Tiff) -> int:
    """Return how many bytes to read at the next IFD, so that IFDs near behind it come along.

    Overviews written in one go lie one behind the other, each with an index a quarter as long as
    the one before: a third of the first index, or half of the last step, then holds all that
    follow.
    """
    last = tiff.ifds[-1]
    if len(tiff.ifds) == 1:
        estimated = _index_bytes(last) // 3 + ISOLATED_IFD_BYTES
        return ISOLATED_IFD_BYTES if estimated > MAX_IFD_BYTES else estimated
    values_stop = max((entry.range.stop for entry in last.entries.values()), default=0)
    is_near = 0 <= last.next_offset - values_stop < VALUE_PAGE_BYTES
    if not is_near:
        return ISOLATED_IFD_BYTES
    step = last.next_offset - last.offset
    return min(max(step // 2, ISOLATED_IFD_BYTES), MAX_IFD_BYTES)


def _index_bytes(ifd: Ifd) -> int:
    """Return the length of an IFD's index in bytes."""
    tags = (Tag.TileOffsets, Tag.TileByteCounts, Tag.StripOffsets, Tag.StripByteCounts)
    return sum(ifd.entries[tag].range.length for tag in tags if tag in ifd.entries)
