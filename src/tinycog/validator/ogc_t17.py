"""The draft of COG in OGC's Testbed-17, with ids of ours: its copy prints none.

The draft's own ids, in its repository, are `/req/req-class-...`, one of them printed for two
requirements; each rule's source names that of its statement. What it says as 21-026 does is looked
at as there. It differs in three things: a file below 4 Gb must be a classic TIFF, nothing is said
of what comes behind the last overview, and overviews may carry a georeference, if it has the same
point of origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tinycog.validator import ogc_cog
from tinycog.validator.facts import JudgedFile
from tinycog.validator.ogc_overviews import OVERVIEWS as OVERVIEWS_OF_OGC
from tinycog.validator.ogc_overviews import WRITE, is_reduced
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of

SOURCE = "OGC Testbed-17, draft of COG, /req/req-class-{}"

HALF_PIXEL = 0.5
"""Pixels of an overview by which its corner may lie elsewhere: a point may be meant by its place,
or an area."""


def same_origin(facts: JudgedFile) -> Iterator[Observation]:
    """Overviews that carry a georeference must have the point of origin of the image."""
    origin = facts.corners.get(facts.main.ifd.offset)
    for image in facts.images():
        corner = facts.corners.get(image.ifd.offset)
        if corner is None or origin is None or not is_reduced(image):
            continue
        x, y = corner.x - origin.x, corner.y - origin.y
        if max(abs(x / corner.width), abs(y / corner.height)) > HALF_PIXEL:
            text = f"{facts.name_of(image)} begins at ({corner.x:.9g}, {corner.y:.9g}), not where"
            text += f" the image does, at ({origin.x:.9g}, {origin.y:.9g})"
            yield Observation(text, None, image.ifd.offset)


def _as_here(rule: Rule, name: str, statement: str) -> Rule:
    source = SOURCE.format(statement)
    return replace(rule, id=f"t17/{name}", severity="error", source=source)


_FORMAT = {rule.id: rule for rule in ogc_cog.FORMAT}
_KEYS = {rule.id: rule for rule in ogc_cog.KEYS}

FORMAT = (
    _as_here(
        _FORMAT["/rec/geotiff-format/use-geotiff"],
        "use-geotiff-a",
        "geotiff-format/use-geotiff A: below 4 Gb a COG SHALL be a TIFF 6.0",
    ),
    _as_here(
        _FORMAT["/req/geotiff-format/use-geotiff"],
        "use-geotiff-b",
        "geotiff-format/use-geotiff B: above 4 Gb it SHALL be a BigTIFF",
    ),
    _as_here(
        _FORMAT["/req/geotiff-format/tiling"],
        "tiling",
        "geotiff-format/tiling: all IFDs SHALL be organised into tiles",
    ),
    _as_here(
        _KEYS["/req/geotiff-keys/basic-metadata-format"],
        "basic-metadata",
        "geotiff-format/use-geotiff, printed a second time: metadata SHALL be those of GeoTIFF",
    ),
)

OVERVIEWS = tuple(
    _as_here(rule, f"overviews-{part.lower()}", f"geotiff-overviews/overviews {part}")
    for rule, part in zip(OVERVIEWS_OF_OGC, "ABCDE", strict=False)
)

KEYS = (
    _as_here(
        _KEYS["/req/geotiff-keys/georeference"],
        "georeference",
        "geotiff-keys/georeference: full images SHALL have these three tags",
    ),
    Rule(
        "t17/point-of-origin",
        "error",
        "overviews have the point of origin of their image",
        SOURCE.format("geotiff-keys/point-of-origin"),
        WRITE,
        same_origin,
    ),
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
