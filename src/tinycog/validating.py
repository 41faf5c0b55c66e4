"""`validate`: whether a file keeps the rules of a profile."""

from __future__ import annotations

from asyncio import gather
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from tinycog.argument_types import Where
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import FormatError, LimitError, UsageError
from tinycog.member_facts import member_of
from tinycog.reader.open_file import OpenFile
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.image import Image
from tinycog.validator.among_files import SetMember
from tinycog.validator.earth_engine import DEFLATE
from tinycog.validator.facts import JudgedFile, TileFrame
from tinycog.validator.levels import first_block
from tinycog.validator.profiles import RULES, profile_of
from tinycog.validator.read_facts import (
    batches,
    parse_first_blocks,
    parse_frames,
    parse_ghost_text,
    parse_indices,
    parse_stream_flags,
)
from tinycog.validator.report import ValidationReport, judge, unreadable
from tinycog.validator.rule import ValidationProfile
from tinycog.validator.set_report import report_of_all

REQUESTS = 4
"""Requests that the header and the first blocks may take, where IFDs lie at the beginning."""

LEADERS = ("BLOCK_LEADER=SIZE_AS_UINT4", "BLOCK_TRAILER=LAST_4_BYTES_REPEATED")
"""Words of the ghost area by which blocks have leaders and trailers."""


SIDE_BY_SIDE = 16
"""Files of several that are read at once."""

Judgeable = Where | SignedUrl | Source | Cog
"""A file as `validate` takes it."""


async def validate(
    where: Judgeable | Sequence[Judgeable],
    profile: str | ValidationProfile = "ogc-cog",
    *,
    strict: bool = False,
    tiles: bool = False,
    literal: bool = False,
) -> ValidationReport:
    """Look whether a file keeps the rules of a profile, or several files do.

    ::

        report = await tinycog.validate(url, "gdal")
        if not report.passed:
            print(report)

    Args:
        where: as for `open`; or a handle, opened with whatever options. A list of these are files
            that shall make one image together: each is looked at, and so are the profile's rules
            among files, if it has any ("earth-engine-upload").
        profile: "ogc-cog", "ogc-bigtiff", "ogc-t17", "gdal", "rio-cogeo", "earth-engine",
            "earth-engine-upload", "tiff"; or a `ValidationProfile` of your own.
        strict: let warnings fail, too.
        tiles: look at every block of the index, and at leaders and trailers where the file says
            that it has them. Rules of single blocks are only looked at then.
        literal: let what only breaks the letter of a rule fail, too.

    Returns:
        The verdict of each class of the profile, and what breaks its rules. A file that cannot be
        read at all fails every class. Of several files, the worst verdict of each class, and the
        names of files in each finding.

    Raises:
        UsageError: there is no such profile, or `where` is none of these.
        SourceError: the bytes cannot be had.

    Cost: at most 4 requests where all IFDs lie at the beginning of the file, else at most one more
    for each; what these cannot tell is "unknown". `tiles` reads the whole index, and with leaders a
    few bytes at each block.
    """
    chosen = profile_of(profile)
    if not isinstance(where, list | tuple):
        report, _ = await _judge_one(where, chosen, strict=strict, tiles=tiles, literal=literal)
        return report
    several = cast("Sequence[Judgeable]", where)
    if not several:
        raise UsageError("there are no files to look at: the list is empty")
    found: list[tuple[ValidationReport, SetMember | None]] = []
    for start in range(0, len(several), SIDE_BY_SIDE):
        judged = (
            _judge_one(one, chosen, strict=strict, tiles=tiles, literal=literal)
            for one in several[start : start + SIDE_BY_SIDE]
        )
        for result in await gather(*judged, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            found.append(result)
    named = _with_names_of_their_own(found)
    reports, members = [report for report, _ in named], [member for _, member in named]
    return report_of_all(reports, members, chosen, strict=strict, literal=literal)


async def _judge_one(
    where: Judgeable, chosen: ValidationProfile, *, strict: bool, tiles: bool, literal: bool
) -> tuple[ValidationReport, SetMember | None]:
    """Judge a file; return its facts for rules among files, too, None if it cannot be read."""
    handle = where if isinstance(where, Cog) else open_file(where)
    file = handle._file  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, not pixels
    try:
        facts = await read_facts(file, tiles=tiles)
        facts = replace(facts, has_ovr=has_ovr(where))
    except (FormatError, LimitError) as error:
        found = error.finding if isinstance(error, FormatError) else None
        offset = None if found is None else found.offset
        depth = "tiles" if tiles else "header"
        return unreadable(file.name, chosen, depth, str(error), offset), None
    finally:
        if handle is not where:
            await handle.aclose()
    report = judge(file.name, chosen, RULES, facts, strict=strict, literal=literal)
    return report, member_of(file)


def _with_names_of_their_own(
    found: Sequence[tuple[ValidationReport, SetMember | None]],
) -> list[tuple[ValidationReport, SetMember | None]]:
    """Return reports and facts with a number behind names that come several times."""
    counts = Counter(report.name for report, _ in found)
    named: list[tuple[ValidationReport, SetMember | None]] = []
    for number, (report, member) in enumerate(found, 1):
        more = f" ({number})" if counts[report.name] > 1 else ""
        name = f"{report.name}{more}"
        named.append(
            (replace(report, name=name), None if member is None else replace(member, name=name))
        )
    return named


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
