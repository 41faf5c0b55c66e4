"""The tables of spec/validation.md: every rule by its profile, and why verdicts differ.

python tests/validation/tables.py       # makes them anew
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tinycog.validator.profiles import PROFILES, RULES

REASONS: Mapping[str, str] = {
    "/req/geotiff-format/use-geotiff": "GDAL does not look at the flavour",
    "/req/geotiff-format/tiling": "GDAL passes strips up to 512 pixels a side, or 1024 wide",
    "/req/geotiff-overviews/overviews A": "GDAL takes the first image as it is marked",
    "/req/geotiff-overviews/overviews B": "GDAL takes SubIFDs for overviews, too",
    "/req/geotiff-overviews/overviews C": "GDAL lets overviews have the size of the level before",
    "/req/geotiff-overviews/overviews D": "GDAL asks not what lies between overviews",
    "/req/geotiff-overviews/overviews E": "GDAL lets overviews have the size of the level before",
    "/req/geotiff-overviews/overviews F": "GDAL stops quietly where the chain is broken",
    "/req/geotiff-keys/basic-metadata-format": "GDAL does not look at the georeference",
    "/req/geotiff-keys/georeference": "GDAL does not look at the georeference",
    "/req/geotiff-keys/point-of-origin": "GDAL does not look at the georeference",
    "/req/optimized_geotiff/geotiff": "GDAL does not look at the georeference",
    "/req/optimized_geotiff/number A": "GDAL does not look at how much smaller overviews are",
    "/req/optimized_geotiff/number B": "GDAL only recommends overviews, above 512 pixels",
    "/req/optimized_geotiff/small-sizes A": "GDAL does not look at the shape of tiles",
    "/req/optimized_geotiff/small-sizes B": "GDAL does not look at the size of tiles",
    "/req/core/big-offsets size": "of BigTIFF, which GDAL does not look at",
    "/req/core/bifh": "a classic TIFF is no BigTIFF",
    "/req/core/bifd classic": "GDAL passes by a SubIFD that it cannot read",
    "/req/core/bifd sorted": "libtiff reads tags in any order",
    "/req/core/bifd types": "libtiff passes by tags of unknown types",
    "/req/core/bifd next": "GDAL stops quietly where the chain is broken",
    "/req/core/bifd integers": "libtiff reads integers of any type",
    "rio-cogeo/opened": "as for GDAL",
    "rio-cogeo/external-overviews": "as for GDAL",
    "rio-cogeo/tiled": "rio-cogeo takes what is one tile wide and above 512 pixels for untiled",
    "rio-cogeo/first-ifd": "GDAL passes no IFD but at 8, 16 or behind the ghost area",
    "rio-cogeo/edition": "GDAL looks for the word only where the IFD is not at 8 or 16",
    "rio-cogeo/sorted": "GDAL lets one side of an overview stay as it is",
    "rio-cogeo/decimation": "GDAL lets overviews have the size of the level before",
    "rio-cogeo/ifd-order": "as for GDAL",
    "rio-cogeo/data-after-ifds": "rio-cogeo looks for first blocks with sides exchanged",
    "rio-cogeo/data-order": "rio-cogeo looks for first blocks with sides exchanged",
    "rio-cogeo/overview-tiled": (
        "rio-cogeo takes what is one tile wide and above 512 pixels for untiled"
    ),
    "ee/tiled": "Earth Engine wants tiles for images of any size",
    "ee/tile-size": "GDAL does not look at the size of tiles",
    "ee/ifds-first": "GDAL looks only whether the smallest level lies behind its IFD",
    "ee/external-tile-size": "GDAL does not look at the size of tiles",
    "ee/upload-codec": "GDAL does not look at the codec, as long as it has it",
    "tiff/tag-order": "libtiff reads tags in any order",
    "tiff/tag-once": "libtiff takes the first",
    "tiff/chain": "GDAL stops quietly where the chain is broken",
    "tiff/ifd-alignment": "libtiff reads IFDs anywhere",
    "tiff/value-inside": "libtiff passes by values that the file does not hold",
    "tiff/required-tags": "libtiff fills in what is lacking",
    "tiff/index-length": "libtiff takes blocks without a place in the index for holes",
    "tiff/tile-step": "GDAL does not look at the size of tiles",
    "tiff/mask": "GDAL takes masks by NewSubfileType alone",
    "tiff/overlap": "GDAL does not look at what overlaps",
    "tiff/block-inside": "GDAL looks at blocks only for what the ghost area says",
    "tiff/block-overlap": "GDAL looks at blocks only for what the ghost area says",
}
"""Why a file can break an error of another profile that GDAL's validator passes."""

DIFFERENCES = "Where verdicts differ from GDAL's"

SPEC = Path(__file__).parent.parent.parent / "spec" / "validation.md"

HEAD = "| id | class | severity | depth | rule | source |\n| --- | --- | --- | --- | --- | --- |\n"


def table_of(name: str) -> str:
    """The section of a profile."""
    profile = PROFILES[name]
    classes: dict[str, str] = {}
    for title, ids in profile.classes.items():
        for rule in ids:
            classes.setdefault(rule, title)
    rows = [
        f"| `{rule}` | {title} | {RULES[rule].severity} | {RULES[rule].depth} |"
        f" {RULES[rule].says} | {RULES[rule].source} |\n"
        for rule, title in classes.items()
    ]
    return f"## `{name}`\n\n{profile.source}.\n\n{HEAD}{''.join(rows)}"


def reason_of(rule: str) -> str:
    """Why it differs: of a rule of Testbed-17, as that of the same statement of 21-026."""
    if rule == "t17/use-geotiff-a":
        return "GDAL does not look at the flavour"
    if rule.startswith("t17/"):
        return "as for `ogc-cog`"
    return REASONS[rule]


def errors_of_others() -> list[str]:
    """Rules of other profiles than GDAL's whose breaking is an error."""
    names = [name for name in PROFILES if name != "gdal"]
    ids = {rule for name in names for ids in PROFILES[name].classes.values() for rule in ids}
    return [rule for rule in RULES if rule in ids and RULES[rule].severity == "error"]


def write(passed: int, counts: Mapping[str, int]) -> None:
    """Write how many files of a corpus differ, and all sections."""
    rows = [
        f"| `{rule}` | {counts.get(rule, 0)} | {reason_of(rule)} |\n" for rule in errors_of_others()
    ]
    section = (
        f"## {DIFFERENCES}\n\nOf {passed} files of the corpus that GDAL's validator passes, so many"
        " break an error of another profile,\nand why they can; made by"
        f" `make others`.\n\n| rule | files | reason |\n| --- | --- | --- |\n{''.join(rows)}"
    )
    SPEC.write_text(made(SPEC.read_text("utf-8"), {DIFFERENCES: section}), "utf-8")


def sections() -> Mapping[str, str]:
    """All sections that are made, by their headings."""
    return {f"`{name}`": table_of(name) for name in PROFILES}


def made(text: str, more: Mapping[str, str] | None = None) -> str:
    """The text of the file with sections made anew, those that are new at its end."""
    parts = re.split(r"(?m)^(?=## )", text)
    left = {**sections(), **(more or {})}
    for i, part in enumerate(parts):
        heading = part.partition("\n")[0].removeprefix("## ")
        parts[i] = left.pop(heading, part).rstrip("\n")
    return "\n\n".join([*parts, *(one.rstrip("\n") for one in left.values())]) + "\n"


if __name__ == "__main__":
    SPEC.write_text(made(SPEC.read_text("utf-8")), "utf-8")
