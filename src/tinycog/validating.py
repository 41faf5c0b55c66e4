"""`validate`: whether a file keeps the rules of a profile."""

from __future__ import annotations

from tinycog.argument_types import Progress, ValidationDepth, Where
from tinycog.checks import check_depth
from tinycog.cog import Cog
from tinycog.entry import open as open_file
from tinycog.errors import FormatError, LimitError
from tinycog.reader.judged_file import read_facts
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.validator.profiles import profile_of
from tinycog.validator.report import ValidationReport, judge, unreadable
from tinycog.validator.rule import ValidationProfile


async def validate(
    where: Where | SignedUrl | Source | Cog,
    profile: str | ValidationProfile = "ogc-cog",
    *,
    depth: ValidationDepth = "header",
    strict: bool = False,
    literal: bool = False,
    progress: Progress | None = None,
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
        depth: "header": the header and the first blocks. "tiles": also every block of the index,
            and leaders and trailers where the file says that it has them; rules of single blocks
            are only looked at then. "full": also every stored tile, decoded.
        strict: let warnings fail, too.
        literal: let what only breaks the letter of a rule fail, too.
        progress: called with the tiles that are decoded, and their number, at the depth "full".

    Returns:
        The verdict of each class of the profile, and what breaks its rules. A file that cannot be
        read at all fails every class; of one that the limits of the handle do not let be read,
        every class is "unknown".

    Raises:
        UsageError: there is no such profile or depth, or `where` is none of these.
        SourceError: the bytes cannot be had.

    Cost: at most 4 requests where all IFDs lie at the beginning of the file, else at most one more
    for each; what these cannot tell is "unknown". "tiles" reads the whole index, and with leaders a
    few bytes at each block; "full" the whole file. Memory: of "tiles" some 50 bytes for each block,
    of "full" some tiles more.
    """
    (chosen, rules), depth = profile_of(profile), check_depth(depth)
    handle = where if isinstance(where, Cog) else open_file(where)
    file = handle._file  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - bytes, not pixels
    try:
        stops = any(rules[rule].stops for ids in chosen.classes.values() for rule in ids)
        facts = await read_facts(file, depth, progress, stops=stops)
        return judge(file.name, chosen, rules, facts, strict=strict, literal=literal)
    except (FormatError, LimitError) as error:
        return unreadable(file.name, chosen, depth, error)
    except MemoryError as error:
        limit = LimitError.no_memory(f"what rules look at: {error}")
        return unreadable(file.name, chosen, depth, limit)
    finally:
        if handle is not where:
            await handle.aclose()
