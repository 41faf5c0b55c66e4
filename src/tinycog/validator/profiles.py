"""The profiles by name."""

from __future__ import annotations

from tinycog.errors import UsageError
from tinycog.validator import (
    earth_engine,
    gdal_script,
    ogc_bigtiff,
    ogc_cog,
    ogc_t17,
    rio_cogeo,
    structure,
)
from tinycog.validator.among_files import SET_RULES
from tinycog.validator.rule import ValidationProfile

PROFILES = {
    profile.name: profile
    for profile in (
        ogc_cog.PROFILE,
        ogc_bigtiff.PROFILE,
        ogc_t17.PROFILE,
        gdal_script.PROFILE,
        rio_cogeo.PROFILE,
        earth_engine.PROFILE,
        earth_engine.UPLOAD_PROFILE,
        structure.PROFILE,
    )
}
"""All of them."""


RULES = {
    rule.id: rule
    for rule in (
        *(*ogc_cog.FORMAT, *ogc_cog.OVERVIEWS, *ogc_cog.KEYS, *ogc_cog.OPTIMIZED),
        *ogc_bigtiff.CORE,
        *(*ogc_t17.FORMAT, *ogc_t17.OVERVIEWS, *ogc_t17.KEYS),
        *(*gdal_script.STRUCTURE, *gdal_script.BLOCKS),
        *rio_cogeo.RULES,
        *(*earth_engine.MUST, *earth_engine.BEST, *earth_engine.UPLOAD),
        *(*structure.BUILT, *structure.BLOCKS),
    )
}
"""All rules by id."""


def profile_of(profile: str | ValidationProfile) -> ValidationProfile:
    """Return a profile, given by its name or as it is.

    Raises:
        UsageError: none has that name, or it names a rule that there is not.
    """
    found = PROFILES.get(profile) if isinstance(profile, str) else profile
    if found is None:
        message = f"profile={profile!r} is unknown: expected one of {', '.join(PROFILES)}"
        raise UsageError(message)
    unknown = [rule for ids in found.classes.values() for rule in ids if rule not in RULES]
    among = [rule for ids in found.among_files.values() for rule in ids]
    unknown += [rule for rule in among if rule not in SET_RULES]
    unknown += [rule for rule in found.severities if rule not in RULES | SET_RULES]
    if unknown:
        message = f"profile {found.name!r} has rules that there are not: {', '.join(unknown)}"
        raise UsageError(message)
    return found
