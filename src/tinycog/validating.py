"""`validate`: whether a file keeps the rules of a profile."""

from __future__ import annotations

from asyncio import gather
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from tinycog.affine_math import coefficients
from tinycog.argument_types import Progress, ValidationDepth, Where
from tinycog.checks import check_depth
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import FormatError, LimitError, UsageError
from tinycog.level import describe_samples
from tinycog.reader.judged_file import read_facts
from tinycog.reader.open_file import OpenFile
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.spec import ALPHA
from tinycog.validator.profiles import profile_of
from tinycog.validator.report import ValidationReport, judge, unreadable
from tinycog.validator.rule import Rule, ValidationProfile
from tinycog.validator.set_report import report_of_all
from tinycog.validator.set_rule import MaskedBy, SetMember

SIDE_BY_SIDE = 16
"""Files of several that are read at once."""

Judgeable = Where | SignedUrl | Source | Cog
"""A file as `validate` takes it."""


async def validate(
    where: Judgeable | Sequence[Judgeable],
    profile: str | ValidationProfile = "ogc-cog",
    *,
    depth: ValidationDepth = "header",
    strict: bool = False,
    literal: bool = False,
    progress: Progress | None = None,
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
            "earth-engine-external", "earth-engine-upload", "tiff"; or a `ValidationProfile` of your
            own.
        depth: "header": the header and the first blocks. "tiles": also every block of the index,
            and leaders and trailers where the file says that it has them; rules of single blocks
            are only looked at then. "full": also every stored tile, decoded.
        strict: let warnings fail, too.
        literal: let what only breaks the letter of a rule fail, too.
        progress: called with the tiles that are decoded, and their number, at the depth "full".

    Returns:
        The verdict of each class of the profile, and what breaks its rules. A file that cannot be
        read at all fails every class; of one that the limits of the handle do not let be read,
        every class is "unknown". Of several files, the worst verdict of each class; findings name
        the files.

    Raises:
        UsageError: there is no such profile or depth, or `where` is none of these.
        SourceError: the bytes cannot be had.

    Cost: at most 4 requests where all IFDs lie at the beginning of the file, else at most one more
    for each; what these cannot tell is "unknown". "tiles" reads the whole index, and with leaders a
    few bytes at each block; "full" the whole file. Memory: of "tiles" some 50 bytes for each block,
    of "full" some tiles more.
    """
    judged_by = profile_of(profile)
    judge_one = partial(
        _judge_one,
        judged_by=judged_by,
        depth=check_depth(depth),
        progress=progress,
        strict=strict,
        literal=literal,
    )
    if not isinstance(where, list | tuple):
        report, _ = await judge_one(cast("Judgeable", where), among=False)
        return report
    several = cast("Sequence[Judgeable]", where)
    if not several:
        raise UsageError("there are no files to look at: the list is empty")
    found: list[tuple[ValidationReport, SetMember | None]] = []
    for start in range(0, len(several), SIDE_BY_SIDE):
        some = (judge_one(one, among=True) for one in several[start : start + SIDE_BY_SIDE])
        for result in await gather(*some, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
            found.append(result)
    named = _with_names_of_their_own(found)
    reports, members = [report for report, _ in named], [member for _, member in named]
    return report_of_all(reports, members, judged_by[0], strict=strict, literal=literal)


async def _judge_one(
    where: Judgeable,
    *,
    judged_by: tuple[ValidationProfile, Mapping[str, Rule]],
    depth: ValidationDepth,
    progress: Progress | None,
    strict: bool,
    literal: bool,
    among: bool,
) -> tuple[ValidationReport, SetMember | None]:
    """Judge a file; with `among`, return its facts for rules among files, if it can be read."""
    chosen, rules = judged_by
    among = among and bool(chosen.among_files)
    handle = where if isinstance(where, Cog) else open_file(where)
    file = handle._file  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, not pixels
    try:
        stops = any(rules[rule].stops for ids in chosen.classes.values() for rule in ids)
        facts = await read_facts(file, depth, progress, stops=stops and not among)
        report = judge(file.name, chosen, rules, facts, strict=strict, literal=literal)
        return report, _member_of(file) if among else None
    except (FormatError, LimitError) as error:
        return unreadable(file.name, chosen, depth, error), None
    except MemoryError as error:
        limit = LimitError.no_memory(f"what rules look at: {error}")
        return unreadable(file.name, chosen, depth, limit), None
    finally:
        if handle is not where:
            await handle.aclose()


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


def _member_of(file: OpenFile) -> SetMember:
    """Return the facts of a file that has been read by which rules among files go."""
    image, geo = file.levels[0], file.geo
    masked_by: MaskedBy = "nothing"
    if file.masks[0] is not None:
        masked_by = "mask"
    elif image.nodata_text is not None:
        masked_by = "nodata"
    elif image.extra_samples and image.extra_samples[-1] in ALPHA:
        masked_by = "alpha"
    return SetMember(
        file.name,
        image.size,
        coefficients(geo.transform) if geo.has_transform else None,
        geo.crs,
        tuple(zip(image.sample_formats, image.bits_per_sample, strict=True)),
        masked_by,
        describe_samples(image)[1],
        file.size,
    )
