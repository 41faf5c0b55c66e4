"""`validate`: whether a file keeps the rules of a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from tinycog.argument_types import Where
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import FormatError, LimitError, SourceError, UsageError
from tinycog.reader.open_file import OpenFile
from tinycog.sources.http.probe import probe
from tinycog.sources.http.source import HttpSource
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.image import Image
from tinycog.validator.earth_engine import DEFLATE
from tinycog.validator.facts import JudgedFile, TileFrame
from tinycog.validator.http_rules import SERVER_PROFILE, SERVER_RULES
from tinycog.validator.levels import first_block
from tinycog.validator.profiles import is_of_server, profile_of
from tinycog.validator.read_facts import (
    batches,
    parse_corners,
    parse_first_blocks,
    parse_frames,
    parse_ghost_text,
    parse_indices,
    parse_stream_flags,
)
from tinycog.validator.report import (
    ValidationReport,
    joined,
    judge,
    judge_server,
    unreachable,
    unreadable,
)
from tinycog.validator.rule import Rule, ValidationProfile

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
    http: bool = False,
) -> ValidationReport:
    """Look whether a file keeps the rules of a profile, and with `http` whether its server does.

    ::

        report = await tinycog.validate(url, "gdal")
        if not report.passed:
            print(report)

    Args:
        where: as for `open`; or a handle, opened with whatever options.
        profile: "ogc-cog", "ogc-bigtiff", "ogc-t17", "gdal", "rio-cogeo", "earth-engine",
            "earth-engine-upload", "tiff"; "http", which looks at the server alone; or a
            `ValidationProfile` of your own.
        strict: let warnings fail, too.
        tiles: look at every block of the index, and at leaders and trailers where the file says
            that it has them. Rules of single blocks are only looked at then.
        literal: let what only breaks the letter of a rule fail, too.
        http: look at the server of a url, too, by the rules of the profile "http": ranges, ETag,
            compression, CORS, redirects, caching.

    Returns:
        The verdict of each class of the profile, and what breaks its rules. A file that cannot be
        read at all fails every class.

    Raises:
        UsageError: there is no such profile, or `where` is none of these. With `http`: it is no
            url of http or https, or the profile has classes called as the server's are.
        SourceError: the bytes cannot be had. With `http`, an object of which the server gives no
            ranges is "unknown" instead.

    Cost: at most 4 requests where all IFDs lie at the beginning of the file, else at most one more
    for each; what these cannot tell is "unknown". `tiles` reads the whole index, and with leaders a
    few bytes at each block. `http` sends 8 requests more, and for each redirect on the way 8.
    """
    chosen, rules = profile_of(profile)
    shared = [title for title in chosen.classes if title in SERVER_PROFILE.classes]
    if http and shared and not is_of_server(chosen):
        message = f"profile {chosen.name!r} is of a class {shared[0]!r}, as the server's are called"
        raise UsageError(message)
    handle = where if isinstance(where, Cog) else open_file(where)
    file = handle._file  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, not pixels
    try:
        if is_of_server(chosen):
            return await _judge_server(file, chosen, strict=strict)
        server = await _judge_server(file, SERVER_PROFILE, strict=strict) if http else None
        report = await _judge_file(
            file, where, chosen, _Wanted(rules, strict, tiles, literal, server)
        )
        return report if server is None else joined(report, server)
    finally:
        if handle is not where:
            await handle.aclose()


class _Wanted(NamedTuple):
    """How a file is looked at.

    Attributes:
        rules: those that its profile can name.
        strict, tiles, literal: as for `validate`.
        server: what came of its server.
    """

    rules: Mapping[str, Rule]
    strict: bool
    tiles: bool
    literal: bool
    server: ValidationReport | None


async def _judge_file(
    file: OpenFile, where: object, profile: ValidationProfile, wanted: _Wanted
) -> ValidationReport:
    """Read what rules look at, and judge it; what cannot be read is judged, too."""
    rules, strict, tiles, literal, server = wanted
    depth = "tiles" if tiles else "header"
    try:
        facts = await read_facts(file, tiles=tiles)
    except (FormatError, LimitError) as error:
        found = error.finding if isinstance(error, FormatError) else None
        offset = None if found is None else found.offset
        return unreadable(file.name, profile, depth, str(error), offset)
    except SourceError as error:
        if server is None or server.passed:
            raise
        return unreachable(file.name, profile, depth, str(error))
    facts = replace(facts, has_ovr=has_ovr(where))
    return judge(file.name, profile, rules, facts, strict=strict, literal=literal)


async def _judge_server(
    file: OpenFile, profile: ValidationProfile, *, strict: bool
) -> ValidationReport:
    """Ask the server of a url, and judge its answers.

    Raises:
        UsageError: it is no url of http or https.
        SourceError: the object cannot be had.
    """
    source = file.source
    if not isinstance(source, HttpSource):
        message = f"a server is looked at by a url of http or https; {file.name} is none"
        raise UsageError(message)
    facts = await probe(source.client)
    return judge_server(file.name, profile, SERVER_RULES, facts, strict=strict)


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
