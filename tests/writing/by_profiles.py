"""Rules that a written file must keep: tinycog's own profiles, but for what was asked for."""

from __future__ import annotations

from pathlib import Path

import tinycog.sync
from writing.matrix import Case

NOT_GDALS = ("jpeg2000", "jxl")
"""Codecs that GDAL does not have in TIFFs, or only where it was built with libjxl."""

UNLISTED = ("packbits", "jpeg2000")
"""Codecs that Earth Engine does not name as accepted for uploads."""

PROFILES = {
    "gdal": ("error", "warning"),
    "rio-cogeo": ("error", "warning"),
    "tiff": ("error", "warning"),
    "ogc-cog": ("error",),
    "ogc-bigtiff": ("error",),
    "earth-engine": ("error",),
    "earth-engine-upload": ("error",),
}
"""Profiles whose rules the writer keeps, and how grave findings must not be.

Warnings of the others are of what a caller asks for: other codecs, tiles, flavours.
"""


def allowed(case: Case) -> set[str]:
    """Rules that what was asked for breaks."""
    options = case.options
    by_options = {
        ("/req/geotiff-keys/basic-metadata-format", "/req/optimized_geotiff/geotiff"): (
            "crs" not in options
        ),
        ("/req/geotiff-keys/georeference",): "crs" not in options or "transform" not in options,
        ("/req/optimized_geotiff/number A", "/req/optimized_geotiff/number B"): (
            # fewer, or larger steps, than reach a single tile; or tiles larger than the image
            "overviews" in options or options.get("overview_blocksize", 0) > options["blocksize"]
        ),
        ("gdal/overviews", "rio-cogeo/overviews"): "overviews" in options,
        ("gdal/opened", "rio-cogeo/opened"): options["compression"] in NOT_GDALS,
        ("ee/upload-codec",): options["compression"] in UNLISTED,
        # what rio-cogeo says, wrongly, of images one pixel or one tile wide
        ("rio-cogeo/decimation",): min(case.shape[1:]) == 1,
        ("rio-cogeo/tiled", "rio-cogeo/overview-tiled"): options["blocksize"] == case.shape[2],
    }
    return {rule for rules, is_asked in by_options.items() if is_asked for rule in rules}


def by_profiles(case: Case, path: Path) -> list[str]:
    """What breaks a rule of tinycog's own profiles."""
    expected = allowed(case)
    with path.open("rb") as file:
        is_big = 43 in file.read(4)[2:]
    found: list[str] = []
    for name, severities in PROFILES.items():
        if name == "ogc-bigtiff" and not is_big:
            continue
        report = tinycog.sync.validate(path, name, depth="tiles")
        found += [
            f"{name}: {one}"
            for one in report.findings
            if one.severity in (*severities, "unknown") and one.rule not in expected
        ]
    return found
