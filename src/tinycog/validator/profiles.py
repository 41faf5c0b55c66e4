"""The profiles by name."""

from __future__ import annotations

from collections.abc import Mapping

from tinycog.errors import UsageError
from tinycog.validator import (
    any_file,
    earth_engine,
    earth_engine_external,
    gdal_script,
    ogc_bigtiff,
    ogc_cog,
    ogc_t17,
    rio_cogeo,
    structure,
)
from tinycog.validator.among_files import SET_RULES
from tinycog.validator.http_rules import SERVER_PROFILE, SERVER_RULES
from tinycog.validator.measures import rules_of
from tinycog.validator.rule import Rule, RuleText, ValidationProfile

PROFILES = {
    profile.name: profile
    for profile in (
        ogc_cog.PROFILE,
        ogc_bigtiff.PROFILE,
        ogc_t17.PROFILE,
        gdal_script.PROFILE,
        rio_cogeo.PROFILE,
        earth_engine.PROFILE,
        earth_engine_external.PROFILE,
        earth_engine.UPLOAD_PROFILE,
        structure.PROFILE,
    )
}
"""All of them that look at files; that of servers is `SERVER_PROFILE`."""


RULES = {
    rule.id: rule
    for rule in (
        *(*ogc_cog.FORMAT, *ogc_cog.OVERVIEWS, *ogc_cog.KEYS, *ogc_cog.OPTIMIZED),
        *ogc_bigtiff.CORE,
        *(*ogc_t17.FORMAT, *ogc_t17.OVERVIEWS, *ogc_t17.KEYS),
        *(*gdal_script.STRUCTURE, *gdal_script.BLOCKS),
        *rio_cogeo.RULES,
        *(*earth_engine.MUST, *earth_engine.BEST, *earth_engine.UPLOAD),
        *(*earth_engine_external.MUST, *earth_engine_external.BEST),
        *(*structure.BUILT, *structure.BLOCKS),
        *(any_file.ALL_IFDS, any_file.DECODES),
    )
}
"""All rules by id."""


def profile_of(
    profile: str | ValidationProfile,
) -> tuple[ValidationProfile, Mapping[str, Rule]]:
    """Return a profile, given by its name or as it is, and the rules that it can name.

    Raises:
        UsageError: none has that name, or it names a rule that there is not, or rules of files
            beside those of servers, or its own rules are none.
    """
    known = {**PROFILES, SERVER_PROFILE.name: SERVER_PROFILE}
    found = known.get(profile) if isinstance(profile, str) else profile
    if found is None:
        message = f"profile={profile!r} is unknown: expected one of {', '.join(known)}"
        raise UsageError(message)
    of_server = is_of_server(found)
    rules: Mapping[str, Rule] = {} if of_server else rules_of(found, RULES)
    named: Mapping[str, RuleText] = SERVER_RULES if of_server else rules
    unknown = [rule for ids in found.classes.values() for rule in ids if rule not in named]
    among = [rule for ids in found.among_files.values() for rule in ids]
    unknown += [rule for rule in among if rule not in SET_RULES]
    unknown += [rule for rule in found.severities if rule not in {*named, *SET_RULES}]
    if unknown:
        message = f"profile {found.name!r} has rules that there are not: {', '.join(unknown)}"
        raise UsageError(message)
    return found, rules


def is_of_server(profile: ValidationProfile) -> bool:
    """Return whether the rules of a profile are those of servers, not of files."""
    return any(rule in SERVER_RULES for ids in profile.classes.values() for rule in ids)
