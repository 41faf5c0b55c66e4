"""`validate`: whether a file keeps the rules of a profile."""

from __future__ import annotations

from asyncio import gather
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, cast

from tinycog.argument_types import Progress, ValidationDepth, Where
from tinycog.checks import check_depth
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import FormatError, LimitError, SourceError, UsageError
from tinycog.member_facts import member_of
from tinycog.reader.judged_file import read_facts
from tinycog.reader.open_file import OpenFile
from tinycog.sources.http.probe import probe
from tinycog.sources.http.source import HttpSource
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tracebacks import short_tracebacks
from tinycog.validator.http_rules import SERVER_PROFILE, SERVER_RULES
from tinycog.validator.profiles import is_of_server, profile_of
from tinycog.validator.report import (
    ValidationReport,
    joined,
    judge,
    judge_server,
    unreachable,
    unreadable,
)
from tinycog.validator.rule import Rule, ValidationProfile
from tinycog.validator.set_report import report_of_all
from tinycog.validator.set_rule import SetMember

SIDE_BY_SIDE = 16
"""Files of several that are read at once."""

Judgeable = Where | SignedUrl | Source | Cog
"""A file as `validate` takes it."""


@short_tracebacks
async def validate(
    where: Judgeable | Sequence[Judgeable],
    profile: str | ValidationProfile = "ogc-cog",
    *,
    depth: ValidationDepth = "header",
    strict: bool = False,
    literal: bool = False,
    progress: Progress | None = None,
    http: bool = False,
) -> ValidationReport:
    """Look whether a file keeps the rules of a profile, or several files do.

    With `http`, whether its server does, too.

    ::

        report = await tinycog.validate(url, "gdal")
        if not report.passed:
            print(report)

    Args:
        where: as for `open`; or a handle, opened with whatever options. A list of these are files
            that shall make one image together: each is looked at, and so are the profile's rules
            among files, if it has any ("earth-engine-upload").
        profile: "ogc-cog", "ogc-bigtiff", "ogc-t17", "gdal", "rio-cogeo", "earth-engine",
            "earth-engine-external", "earth-engine-upload", "tiff"; "http", which looks at the
            server alone; or a `ValidationProfile` of your own.
        depth: "header": the header and the first blocks. "tiles": also every block of the index,
            and leaders and trailers where the file says that it has them; rules of single blocks
            are only looked at then. "full": also every stored tile, decoded.
        strict: let warnings fail, too.
        literal: let what only breaks the letter of a rule fail, too.
        progress: called with the tiles that are decoded, and their number, at the depth "full".
        http: look at the server of a url, too, by the rules of the profile "http": ranges, ETag,
            compression, CORS, redirects, caching.

    Returns:
        The verdict of each class of the profile, and what breaks its rules. A file that cannot be
        read at all fails every class; of one that the limits of the handle do not let be read,
        every class is "unknown". Of several files, the worst verdict of each class; findings name
        the files.

    Raises:
        UsageError: there is no such profile or depth, or `where` is none of these. With `http`: it
            is no url of http or https, or the profile has classes called as the server's are.
        SourceError: the bytes cannot be had. With `http`, an object of which the server gives no
            ranges is "unknown" instead.

    Cost: at most 4 requests where all IFDs lie at the beginning of the file, else at most one more
    for each; what these cannot tell is "unknown". "tiles" reads the whole index, and with leaders a
    few bytes at each block; "full" the whole file. Memory: of "tiles" some 50 bytes for each block,
    of "full" some tiles more. `http` sends 8 requests more, and for each redirect on the way 8.
    """
    (chosen, rules), depth = profile_of(profile), check_depth(depth)
    shared = [title for title in chosen.classes if title in SERVER_PROFILE.classes]
    if http and shared and not is_of_server(chosen):
        message = f"profile {chosen.name!r} is of a class {shared[0]!r}, as the server's are called"
        raise UsageError(message)
    is_several = isinstance(where, list | tuple)
    among = is_several and bool(chosen.among_files)
    wanted = _Wanted(rules, depth, progress, strict, literal, http, among)
    if not is_several:
        report, _ = await _judge_one(cast("Judgeable", where), chosen, wanted)
        return report
    several = cast("Sequence[Judgeable]", where)
    if not several:
        raise UsageError("there are no files to look at: the list is empty")
    found: list[tuple[ValidationReport, SetMember | None]] = []
    for start in range(0, len(several), SIDE_BY_SIDE):
        some = (_judge_one(one, chosen, wanted) for one in several[start : start + SIDE_BY_SIDE])
        for result in await gather(*some, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            found.append(result)
    named = _with_names_of_their_own(found)
    reports, members = [report for report, _ in named], [member for _, member in named]
    return report_of_all(reports, members, chosen, strict=strict, literal=literal)


async def _judge_one(
    where: Judgeable, chosen: ValidationProfile, wanted: _Wanted
) -> tuple[ValidationReport, SetMember | None]:
    """Judge a file and its server; return its facts for rules among files, if they are wanted."""
    handle = where if isinstance(where, Cog) else open_file(where)
    file = handle._file  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, not pixels
    depth, strict = wanted.depth, wanted.strict
    try:
        if is_of_server(chosen):
            return await _judge_server(file, chosen, depth, strict=strict), None
        server = None
        if wanted.http:
            server = await _judge_server(file, SERVER_PROFILE, depth, strict=strict)
        member = None
        try:
            report, member = await _judge_file(file, chosen, wanted)
        except SourceError as error:
            if server is None or server.passed:
                raise
            report = unreachable(file.name, chosen, depth, error)
        return (report if server is None else joined(report, server)), member
    finally:
        if handle is not where:
            await handle.aclose()


class _Wanted(NamedTuple):
    """How a file is looked at.

    Attributes:
        rules: those that its profile can name.
        depth, progress, strict, literal, http: as for `validate`.
        among: whether facts for rules among files are wanted.
    """

    rules: Mapping[str, Rule]
    depth: ValidationDepth
    progress: Progress | None
    strict: bool
    literal: bool
    http: bool
    among: bool


async def _judge_file(
    file: OpenFile, profile: ValidationProfile, wanted: _Wanted
) -> tuple[ValidationReport, SetMember | None]:
    """Read what rules look at, and judge it; what cannot be read is judged, too."""
    rules, depth, progress, strict, literal, _, among = wanted
    try:
        stops = any(rules[rule].stops for ids in profile.classes.values() for rule in ids)
        facts = await read_facts(file, depth, progress, stops=stops and not among)
        report = judge(file.name, profile, rules, facts, strict=strict, literal=literal)
        return report, member_of(file) if among else None
    except (FormatError, LimitError) as error:
        return unreadable(file.name, profile, depth, error), None
    except MemoryError as error:
        limit = LimitError.no_memory(f"what rules look at: {error}")
        return unreadable(file.name, profile, depth, limit), None


async def _judge_server(
    file: OpenFile, profile: ValidationProfile, depth: ValidationDepth, *, strict: bool
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
    return judge_server(file.name, profile, SERVER_RULES, facts, depth, strict=strict)


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
