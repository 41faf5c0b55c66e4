"""Read a file's header: its first IFD or its whole chain, and the images in their roles."""

from __future__ import annotations

from typing import NamedTuple

from tinycog.errors import Finding
from tinycog.fetch.fetcher import Fetcher
from tinycog.limits import Limits
from tinycog.tiff.ghost import Ghost, parse_ghost
from tinycog.tiff.parse import Ifd, Tiff, parse_tiff
from tinycog.tiff.pyramid import Pyramid, parse_image, parse_pyramid
from tinycog.tiff.spec import Tag
from tinycog.tiff.steps import run_cached

HEAD_BYTES = 1 << 15
"""Bytes of the first request; they hold the header of most COGs (cog.header.size)."""

ISOLATED_IFD_BYTES = 1 << 13
"""Bytes read at an IFD that lies outside the head, with no others near."""

MAX_IFD_BYTES = 7 << 13
"""Most bytes read at an IFD behind which more are likely to follow."""

DOUBLING_CLUSTERS = 3
"""Number of IFDs far apart after which the bytes read at the next ones double, and again."""

VALUE_PAGE_BYTES = 1 << 10
"""Fewest bytes read where values, or SubIFDs, lie apart."""


class HeaderState(NamedTuple):
    """What has been read of a header; replaced by a new value when more is read.

    Attributes:
        tiff: the IFD chain, as far as it has been walked.
        pyramid: the images of that part in their roles; it always has level 0.
        ghost: GDAL's structural metadata, None if the file has none.
        walked: whether more than the first IFD has been looked at.
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
        """Return whether level `z` is known, or for None whether all levels are."""
        return self.complete or (z is not None and z < len(self.pyramid.levels))


async def read_first(fetcher: Fetcher, limits: Limits, head_bytes: int = HEAD_BYTES) -> HeaderState:
    """Read the first IFD. Cost: 1 request.

    Level 0 is the first IFD, so the chain, which may be long, is not walked for it.
    """
    tiff = await fetcher.drive(parse_tiff(fetcher.buffer, limits, ifds=1), page_bytes=head_bytes)
    ghost = await fetcher.drive(parse_ghost(fetcher.buffer, tiff.header))
    image = await fetcher.drive(
        parse_image(fetcher.buffer, tiff.header, tiff.ifds[0], limits), page_bytes=VALUE_PAGE_BYTES
    )
    pyramid = Pyramid((image,), (None,), (), (*tiff.findings, *image.findings))
    return HeaderState(tiff, pyramid, ghost, walked=False)


def sort_cached(fetcher: Fetcher, limits: Limits, state: HeaderState) -> HeaderState | None:
    """Do what `read_cached` does, without waiting; None if that would cost a request."""
    tiff = _walk_cached(fetcher, limits, state.tiff)
    pyramid = run_cached(parse_pyramid(fetcher.buffer, tiff, limits, state.pyramid.levels[0]))
    return None if pyramid is None else HeaderState(tiff, pyramid, state.ghost, walked=True)


async def read_cached(fetcher: Fetcher, limits: Limits, state: HeaderState) -> HeaderState:
    """Sort all IFDs that came with the first one. Cost: none, or 1 request for their values."""
    return await _finish(fetcher, limits, _walk_cached(fetcher, limits, state.tiff), state)


async def read_all(fetcher: Fetcher, limits: Limits, state: HeaderState) -> HeaderState:
    """Walk the rest of the chain. Cost: 1 request for each cluster of IFDs."""
    tiff, clusters, planned_before = state.tiff, 0, fetcher.planned
    while not (tiff := _walk_cached(fetcher, limits, tiff)).complete:
        limits.check("requests", fetcher.planned - planned_before, "requests for the header")
        clusters += 1
        if clusters > limits.header_requests:
            tiff = _cut(tiff, limits)
            break
        step = parse_tiff(fetcher.buffer, limits, known=tiff, ifds=len(tiff.ifds) + 1)
        page_bytes = max(_page_bytes(tiff), ISOLATED_IFD_BYTES << clusters // DOUBLING_CLUSTERS)
        tiff = await fetcher.drive(step, page_bytes=page_bytes)
    return await _finish(fetcher, limits, tiff, state)


def _cut(tiff: Tiff, limits: Limits) -> Tiff:
    """Return the chain without the IFDs that lie further on (tiff.ifd.far)."""
    text = (
        f"the IFD chain is cut at {len(tiff.ifds)} IFDs: they lie in more than"
        f" {limits.header_requests} places (Limits.header_requests)"
    )
    finding = Finding("tiff.ifd.far", text, tiff.next_offset, tiff.ifds[-1].offset)
    return tiff._replace(next_offset=0, findings=(*tiff.findings, finding))


async def _finish(fetcher: Fetcher, limits: Limits, tiff: Tiff, state: HeaderState) -> HeaderState:
    parser = parse_pyramid(fetcher.buffer, tiff, limits, state.pyramid.levels[0])
    pyramid = await fetcher.drive(parser, page_bytes=VALUE_PAGE_BYTES)
    return HeaderState(tiff, pyramid, state.ghost, walked=True)


def _walk_cached(fetcher: Fetcher, limits: Limits, tiff: Tiff) -> Tiff:
    """Walk the chain as far as its bytes have arrived."""
    while not tiff.complete:
        step = parse_tiff(fetcher.buffer, limits, known=tiff, ifds=len(tiff.ifds) + 1)
        walked = run_cached(step)
        if walked is None:
            break
        tiff = walked
    return tiff


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
