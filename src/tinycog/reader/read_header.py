"""Reading a file's header: its first IFD, or its whole chain, and the images in their roles."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinycog.errors import Finding
from tinycog.fetch.fetcher import Fetcher
from tinycog.limits import Limits
from tinycog.tiff.ghost import Ghost, parse_ghost
from tinycog.tiff.parse import Ifd, Tiff, parse_tiff
from tinycog.tiff.pyramid import Pyramid, parse_image, parse_pyramid
from tinycog.tiff.spec import Tag
from tinycog.tiff.steps import run_cached

HEAD_BYTES = 1 << 15
"""Bytes of the first request: holds the header of most COGs (cog.header.size)."""

LONE_PAGE_BYTES = 1 << 13
"""Bytes read at an IFD that lies outside the head."""

NEIGHBOUR_PAGE_BYTES = 7 << 13
"""The most that is read where more IFDs are likely to follow near."""

PATIENCE = 3
"""After so many IFDs far apart, twice as much is read at the next ones."""

VALUE_PAGE_BYTES = 1 << 10
"""Bytes read at least where values, or SubIFDs, lie apart."""


@dataclass(frozen=True)
class HeaderState:
    """What has been read so far; a new value each time that more is read.

    Attributes:
        tiff: the IFD chain, as far as it was walked.
        pyramid: the images of that part in their roles; level 0 is always there.
        ghost: GDAL's structural metadata, if there are any.
        walked: whether more than the first IFD was looked at.
    """

    tiff: Tiff
    pyramid: Pyramid
    ghost: Ghost | None
    walked: bool

    @property
    def complete(self) -> bool:
        """Whether all levels are known."""
        return self.walked and self.tiff.complete

    def knows(self, z: int | None) -> bool:
        """Whether level `z` is known, or all of them for None."""
        return self.complete or (z is not None and z < len(self.pyramid.levels))


async def read_first(fetcher: Fetcher, limits: Limits, head_bytes: int = HEAD_BYTES) -> HeaderState:
    """Read the first IFD. Cost: 1 request.

    Level 0 is the first IFD, so reading it needs no walk along a chain that may be long.
    """
    tiff = await fetcher.drive(parse_tiff(fetcher.buffer, limits, ifds=1), page_bytes=head_bytes)
    ghost = await fetcher.drive(parse_ghost(fetcher.buffer, tiff.header))
    image = await fetcher.drive(
        parse_image(fetcher.buffer, tiff.header, tiff.ifds[0], limits), page_bytes=VALUE_PAGE_BYTES
    )
    pyramid = Pyramid((image,), (None,), (), (*tiff.findings, *image.findings))
    return HeaderState(tiff, pyramid, ghost, walked=False)


def sort_held(fetcher: Fetcher, limits: Limits, known: HeaderState) -> HeaderState | None:
    """The same as `read_held`, at once; None if that would cost a request."""
    tiff = _walk_held(fetcher, limits, known.tiff)
    pyramid = run_cached(parse_pyramid(fetcher.buffer, tiff, limits, known.pyramid.levels[0]))
    return None if pyramid is None else HeaderState(tiff, pyramid, known.ghost, walked=True)


async def read_held(fetcher: Fetcher, limits: Limits, known: HeaderState) -> HeaderState:
    """Take along all IFDs that came with the first. Cost: none, or 1 request for their values."""
    return await _finish(fetcher, limits, _walk_held(fetcher, limits, known.tiff), known)


async def read_all(fetcher: Fetcher, limits: Limits, known: HeaderState) -> HeaderState:
    """Walk the rest of the chain. Cost: a request for each place where IFDs lie."""
    tiff, places, begun = known.tiff, 0, fetcher.planned
    while not (tiff := _walk_held(fetcher, limits, tiff)).complete:
        limits.check("requests", fetcher.planned - begun, "requests for the header")
        places += 1
        if places > limits.header_requests:
            tiff = _cut(tiff, limits)
            break
        step = parse_tiff(fetcher.buffer, limits, known=tiff, ifds=len(tiff.ifds) + 1)
        page_bytes = max(_page_bytes(tiff), LONE_PAGE_BYTES << places // PATIENCE)
        tiff = await fetcher.drive(step, page_bytes=page_bytes)
    return await _finish(fetcher, limits, tiff, known)


def _cut(tiff: Tiff, limits: Limits) -> Tiff:
    """The chain without what lies further on (tiff.ifd.far)."""
    text = (
        f"the IFD chain is cut at {len(tiff.ifds)} IFDs: they lie in more than"
        f" {limits.header_requests} places (Limits.header_requests)"
    )
    finding = Finding("tiff.ifd.far", text, tiff.next_offset, tiff.ifds[-1].offset)
    return replace(tiff, next_offset=0, findings=(*tiff.findings, finding))


async def _finish(fetcher: Fetcher, limits: Limits, tiff: Tiff, known: HeaderState) -> HeaderState:
    parser = parse_pyramid(fetcher.buffer, tiff, limits, known.pyramid.levels[0])
    pyramid = await fetcher.drive(parser, page_bytes=VALUE_PAGE_BYTES)
    return HeaderState(tiff, pyramid, known.ghost, walked=True)


def _walk_held(fetcher: Fetcher, limits: Limits, tiff: Tiff) -> Tiff:
    """Go along the chain as far as it has already arrived."""
    while not tiff.complete:
        step = parse_tiff(fetcher.buffer, limits, known=tiff, ifds=len(tiff.ifds) + 1)
        walked = run_cached(step)
        if walked is None:
            break
        tiff = walked
    return tiff


def _page_bytes(tiff: Tiff) -> int:
    """Bytes to read at the next IFD, so that those behind it come along where they lie near.

    Overviews written in one go lie one behind the other, each with its index, a quarter of the one
    before: a third of the first index then holds all that follow, or half of the last step.
    """
    last = tiff.ifds[-1]
    if len(tiff.ifds) == 1:
        estimated = _index_bytes(last) // 3 + LONE_PAGE_BYTES
        return LONE_PAGE_BYTES if estimated > NEIGHBOUR_PAGE_BYTES else estimated
    values_stop = max((entry.range.stop for entry in last.entries.values()), default=0)
    is_near = 0 <= last.next_offset - values_stop < VALUE_PAGE_BYTES
    if not is_near:
        return LONE_PAGE_BYTES
    step = last.next_offset - last.offset
    return min(max(step // 2, LONE_PAGE_BYTES), NEIGHBOUR_PAGE_BYTES)


def _index_bytes(ifd: Ifd) -> int:
    """Bytes that an IFD's index takes."""
    tags = (Tag.TileOffsets, Tag.TileByteCounts, Tag.StripOffsets, Tag.StripByteCounts)
    return sum(ifd.entries[tag].range.length for tag in tags if tag in ifd.entries)
