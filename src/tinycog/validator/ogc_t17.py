"""The draft of COG in OGC's Testbed-17, with ids of ours: its copy prints none.

What it says as 21-026 does is looked at as there; a file below 4 Gb must be a classic TIFF here.
"""

from __future__ import annotations

from dataclasses import replace

from tinycog.validator import ogc_cog
from tinycog.validator.rule import Rule, ValidationProfile, ids_of

SOURCE = "OGC Testbed-17, draft of COG: {}"


def _as_here(rule: Rule, name: str, statement: str) -> Rule:
    source = SOURCE.format(statement)
    return replace(rule, id=f"t17/{name}", severity="error", source=source)


_FORMAT = {rule.id: rule for rule in ogc_cog.FORMAT}
_KEYS = {rule.id: rule for rule in ogc_cog.KEYS}
_FULL, _LINKED, _SIZES, _, _ = ogc_cog.OVERVIEWS

FORMAT = (
    _as_here(
        _FORMAT["/rec/geotiff-format/use-geotiff"],
        "use-geotiff-a",
        "a file below 4 Gb SHALL be a TIFF 6; printed under the id of basic-metadata, too",
    ),
    _as_here(_FORMAT["/req/geotiff-format/use-geotiff"], "use-geotiff-b", "above, a BigTIFF"),
    _as_here(_FORMAT["/req/geotiff-format/tiling"], "tiling", "tiling"),
    _as_here(_KEYS["/req/geotiff-keys/basic-metadata-format"], "basic-metadata", "basic metadata"),
)

OVERVIEWS = (
    _as_here(_FULL, "overviews-a", "overviews, A"),
    _as_here(_LINKED, "overviews-b-d", "overviews, B and D"),
    _as_here(_SIZES, "overviews-c-e", "overviews, C and E"),
)

KEYS = (
    _as_here(_KEYS["/req/geotiff-keys/georeference"], "georeference", "georeference"),
    _as_here(_KEYS["/req/geotiff-keys/point-of-origin"], "point-of-origin", "point of origin"),
)

PROFILE = ValidationProfile(
    "ogc-t17",
    "OGC Testbed-17, draft of COG",
    {
        "geotiff-format": ids_of(*FORMAT),
        "geotiff-overviews": ids_of(*FORMAT, *OVERVIEWS),
        "geotiff-keys": ids_of(*FORMAT, *KEYS),
    },
)
