"""`validate`: whether a file keeps the rules of a profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tinycog.argument_types import Where
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import FormatError, LimitError
from tinycog.reader.open_file import OpenFile
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.image import Image
from tinycog.validator.earth_engine import DEFLATE
from tinycog.validator.facts import JudgedFile, TileFrame
from tinycog.validator.levels import first_block
from tinycog.validator.profiles import profile_of
from tinycog.validator.read_facts import (
    batches,
    parse_corners,
    parse_first_blocks,
    parse_frames,
    parse_ghost_text,
    parse_indices,
    parse_stream_flags,
)
from tinycog.validator.report import ValidationReport, judge, unreadable
from tinycog.validator.rule import ValidationProfile

REQUESTS = 4
"""Requests that the header and the first blocks may take, where IFDs lie at the beginning."""

LEADERS = ("BLOCK_LEADER=SIZE_AS_UINT4", "BLOCK_TRAILER=LAST_4_BYTES_REPEATED")
"""Words of the ghost area by which blocks have leaders and trailers."""


async def validate(
    where: Where | SignedUrl | Source | Cog,
    profile: str | ValidationProfile = "ogc-cog",
    *,
    strict: bool = False,
    tiles: bool = False,
    literal: bool = False,
) -> ValidationReport:
    """Look whether a file keeps the rules of a profile.

    ::

        report = await tinycog.validate(url, "gdal")
        if not report.passed:
            print(report)

    Args:
        where: as for `open`; or a handle, opened with whatever options.
        profile: "ogc-cog", "ogc-bigtiff", "ogc-t17", "gdal", "rio-cogeo", "earth-engine",
            "earth-engine-upload", "tiff"; or a `ValidationProfile` of your own.
        strict: let warnings fail, too.
        tiles: look at every block of the index, and at leaders and trailers where the file says
            that it has them. Rules of single blocks are only looked at then.
        literal: let what only breaks the letter of a rule fail, too.

    Returns:
        The verdict of each class of the profile, and what breaks its rules. A file that cannot be
        read at all fails every class.

    Raises:
        UsageError: there is no such profile, or `where` is none of these.
        SourceError: the bytes cannot be had.

    Cost: at most 4 requests where all IFDs lie at the beginning of the file, else at most one more
    for each; what these cannot tell is "unknown". `tiles` reads the whole index, and with leaders a
    few bytes at each block.
    """
    chosen, rules = profile_of(profile)
    handle = where if isinstance(where, Cog) else open_file(where)
    file = handle._file  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, not pixels
    try:
        facts = await read_facts(file, tiles=tiles)
        facts = replace(facts, has_ovr=has_ovr(where))
    except (FormatError, LimitError) as error:
        found = error.finding if isinstance(error, FormatError) else None
        offset = None if found is None else found.offset
        return unreadable(file.name, chosen, "tiles" if tiles else "header", str(error), offset)
    finally:
        if handle is not where:
            await handle.aclose()
    return judge(file.name, chosen, rules, facts, strict=strict, literal=literal)


def has_ovr(where: object) -> bool:
    """Return whether a path has overviews in a file beside; what a server has is not asked."""
    return isinstance(where, str | Path) and Path(f"{where}.ovr").is_file()


async def read_facts(file: OpenFile, *, tiles: bool) -> JudgedFile:
    """Read what rules look at: at most `REQUESTS` requests and one for each IFD that lies apart."""
    header = await file.read_all()
    chain, pyramid = header.tiff, header.pyramid
    ghost = await file.parse(lambda buffer, _: parse_ghost_text(buffer, chain.header))
    images = [place.image for place in pyramid.places if place.image is not None]
    if tiles:
        indices = await file.parse(lambda buffer, _: parse_indices(buffer, images))
    else:
        sent = len(file.log)
        left = REQUESTS - sent if sent <= 1 else REQUESTS + len(chain.ifds) - sent
        levels = [*pyramid.levels, *(image for image in images if image not in pyramid.levels)]
        indices = await file.parse(lambda buffer, _: parse_first_blocks(buffer, levels, left))
    facts = JudgedFile(file.size, chain, pyramid, ghost, indices, is_whole=tiles)
    packed = [image for image in pyramid.levels if image.compression in DEFLATE]
    firsts = {image.ifd.offset: first_block(facts, image) or 0 for image in packed}
    stored = {ifd: at for ifd, at in firsts.items() if at}
    facts = replace(
        facts,
        geo_findings=tuple(found for found in file.findings if found.rule.startswith("geotiff")),
        corners=await file.parse(lambda buffer, _: parse_corners(buffer, images)),
        stream_flags=await file.parse(
            lambda buffer, _: parse_stream_flags(buffer, stored, cached=not tiles)
        ),
    )
    if not tiles or not any(words in ghost.text for words in LEADERS):
        return facts
    frames: dict[int, tuple[TileFrame, ...]] = {}
    for image in images:
        frames[image.ifd.offset] = await _wrong_frames(file, facts, image)
    return replace(facts, frames=frames)


async def _wrong_frames(file: OpenFile, facts: JudgedFile, image: Image) -> tuple[TileFrame, ...]:
    """Read leaders and trailers of an image, some at a time, and return those that are wrong."""
    index = facts.indices[image.ifd.offset]
    found: list[TileFrame] = []
    for blocks in batches(index, image.grid.across * image.grid.down):
        found += await file.parse(
            lambda buffer, _, blocks=blocks: parse_frames(buffer, index, blocks), loose=True
        )
        file.shed()
    return tuple(found)
