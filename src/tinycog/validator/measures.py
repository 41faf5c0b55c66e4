"""Rules that are measured against values: what documents and profiles of callers are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import pairwise

from tinycog.errors import TinycogError, UsageError
from tinycog.tiff.spec import Compression, name_of
from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import (
    CheckName,
    Observation,
    ProfileRule,
    Rule,
    ValidationProfile,
)

TWINS = {
    Compression.DEFLATE: Compression.OLD_DEFLATE,
    Compression.JPEG_XL: Compression.JPEG_XL_DNG,
}
"""Compressions that have a second code."""

Rows = Iterator[Observation]


def tile_sides(facts: JudgedFile, sides: Collection[int]) -> Rows:
    """Tiles must be squares whose sides have one of some lengths in pixels."""
    expected = ", ".join(map(str, sorted(sides)))
    for image in facts.images():
        width, height = image.grid.tile_width, image.grid.tile_height
        if not image.grid.strips and (width != height or width not in sides):
            text = f"{facts.name_of(image)} has tiles of {width} by {height} pixels"
            yield Observation(f"{text}, not squares of {expected}", None, image.ifd.offset)


def compressions(facts: JudgedFile, codes: Collection[int]) -> Rows:
    """Levels must be compressed in one of some ways."""
    for image in facts.pyramid.levels:
        if image.compression not in codes:
            codec = name_of(Compression, image.compression)
            expected = ", ".join(Compression(code).name for code in sorted(codes))
            text = f"{facts.name_of(image)} is compressed by {codec}, not by one of {expected}"
            yield Observation(text, None, image.ifd.offset)


def overview_factors(facts: JudgedFile, low: float, high: float) -> Rows:
    """Each level must be some times smaller than the one before, rounded up or down."""
    for z, (before, image) in enumerate(pairwise(facts.pyramid.levels), 1):
        pairs = list(zip(before.size, image.size, strict=True))
        ratios = " and ".join(f"{other / side:.4g}" for other, side in pairs)
        text = f"level {z} is {ratios} times smaller than level {z - 1}"
        if not all(other // high <= side <= -(-other // low) for other, side in pairs):
            yield Observation(f"{text}, expected {low} to {high}", None, image.ifd.offset)
        elif not all(low <= other / side <= high or other == 1 for other, side in pairs):
            text = f"{text}: {low} to {high} but for rounding"
            yield Observation(text, None, image.ifd.offset, "literal")


def sample_types(facts: JudgedFile, names: Collection[str]) -> Rows:
    """Samples must be of one of some types, by numpy's names."""
    try:
        found = facts.main.dtype.name
    except TinycogError as exc:
        found = f"none that numpy has: {exc}"
    if found not in names:
        text = f"samples are of the type {found}, not of one of {', '.join(names)}"
        yield Observation(text, None, facts.main.ifd.offset)


def interleaves(facts: JudgedFile, names: Collection[str]) -> Rows:
    """Samples must be stored pixel by pixel, or band by band."""
    found = "band" if facts.main.grid.planes > 1 else "pixel"
    if facts.main.samples > 1 and found not in names:
        text = f"samples are stored by {found}, not by {' or '.join(names)}"
        yield Observation(text, None, facts.main.ifd.offset)


def most_bytes(facts: JudgedFile, most: float) -> Rows:
    """The file must not be larger than some bytes."""
    if facts.size is not None and facts.size > most:
        yield Observation(f"the file has {facts.size} bytes, {most} at most are allowed")


def most_pixels(facts: JudgedFile, most: float) -> Rows:
    """Neither side of the image may be longer than some pixels."""
    if max(facts.main.size) > most:
        text = f"the image has {facts.main.size[0]} by {facts.main.size[1]} pixels"
        yield Observation(f"{text}, {most} at most each way are allowed")


# --- rules of callers ----------------------------------------------------------------------------

_Check = Callable[[JudgedFile], Rows]


def _numbers(rule: ProfileRule, count: int | None = None) -> list[int]:
    """Return the values of a rule as numbers."""
    found = [value for value in rule.values if isinstance(value, int) and value > 0]
    if len(found) != len(rule.values) or not found or count not in (None, len(found)):
        wanted = "positive whole numbers" if count is None else f"{count} positive whole numbers"
        message = f"rule {rule.id!r}: {rule.check} takes {wanted}, not {list(rule.values)}"
        raise UsageError(message)
    return found


def _names(rule: ProfileRule, known: Collection[str]) -> list[str]:
    """Return the values of a rule as names that there are."""
    found = [value for value in rule.values if value in known]
    if len(found) != len(rule.values) or not found:
        message = f"rule {rule.id!r}: {rule.check} takes some of {', '.join(known)}"
        raise UsageError(message + f", not {list(rule.values)}")
    return [str(value) for value in found]


def _tile_sides(rule: ProfileRule) -> _Check:
    sides = _numbers(rule)
    return lambda facts: tile_sides(facts, sides)


def _compressions(rule: ProfileRule) -> _Check:
    names = _names(rule, [code.name.lower() for code in Compression])
    codes = {Compression[name.upper()] for name in names}
    codes |= {TWINS[code] for code in codes & TWINS.keys()}
    return lambda facts: compressions(facts, codes)


def _overview_factors(rule: ProfileRule) -> _Check:
    low, high = _numbers(rule, 2)
    return lambda facts: overview_factors(facts, low, high)


TYPES = (
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)
"""Names of types of samples."""


def _sample_types(rule: ProfileRule) -> _Check:
    names = _names(rule, TYPES)
    return lambda facts: sample_types(facts, names)


def _interleaves(rule: ProfileRule) -> _Check:
    names = _names(rule, ("pixel", "band"))
    return lambda facts: interleaves(facts, names)


def _most_bytes(rule: ProfileRule) -> _Check:
    (most,) = _numbers(rule, 1)
    return lambda facts: most_bytes(facts, most)


def _most_pixels(rule: ProfileRule) -> _Check:
    (most,) = _numbers(rule, 1)
    return lambda facts: most_pixels(facts, most)


SEVERITIES = ("error", "warning")
"""Of what breaks a rule."""

CHECKS: Mapping[CheckName, Callable[[ProfileRule], _Check]] = {
    "tile-sides": _tile_sides,
    "compressions": _compressions,
    "overview-factors": _overview_factors,
    "sample-types": _sample_types,
    "interleaves": _interleaves,
    "most-bytes": _most_bytes,
    "most-pixels": _most_pixels,
}
"""What a rule of a caller can look at."""


def rules_of(profile: ValidationProfile, known: Mapping[str, Rule]) -> Mapping[str, Rule]:
    """Return the rules that a profile can name: its own, and those that are known.

    Raises:
        UsageError: a rule has the id of another, or takes no such check or values.
    """
    made: dict[str, Rule] = {}
    for rule in profile.rules:
        if rule.id in known or rule.id in made:
            message = f"profile {profile.name!r}: a rule {rule.id!r} is there already"
            raise UsageError(message)
        if rule.check not in CHECKS:
            message = f"rule {rule.id!r}: check={rule.check!r} is unknown: expected one of "
            raise UsageError(message + ", ".join(CHECKS))
        if rule.severity not in SEVERITIES:
            message = f"rule {rule.id!r}: severity={rule.severity!r} is none of "
            raise UsageError(message + ", ".join(SEVERITIES))
        says = rule.says or f"{rule.check}: {', '.join(map(str, rule.values))}"
        source, remedy = rule.source or profile.source, rule.remedy or "write it anew"
        check = CHECKS[rule.check](rule)
        made[rule.id] = Rule(rule.id, rule.severity, says, source, remedy, check)
    return {**known, **made}
