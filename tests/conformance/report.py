"""The table of the matrix: spec/conformance.md, from the outcomes of a whole run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

import rasterio

from conformance.expected import reason_for
from conformance.judge import LEAKED, REFUSED, RIGHT, VERDICTS, WRONG, Outcome

AXES = (
    *("codec", "predictor", "sample", "bits", "planar configuration", "byte order", "layout"),
    *("size", "bands", "photometric", "alpha", "variant", "further", "writer"),
    *("codec, in detail", "made by hand"),
)
"""The tables, in this order."""

NUMBERS = ("bits", "bands", "predictor")
READERS = ("tinycog", "gdal", "tifffile")

HEAD = """\
# Conformance

Small files by GDAL, by tifffile, and made byte by byte, each read whole by tinycog, GDAL and
tifffile, all levels, every pixel compared. `python tests/conformance/run.py --all --write` makes
this page.

- **right**: the pixels are those that were written. For lossy codecs: near them, and near those of
  another reader. Where only readers know (overviews), those of GDAL or tifffile.
- **refused**: an error, and no pixels. Of tinycog always a `TinycogError`.
- **wrong**: other pixels, without an error. Where GDAL and tifffile disagree, what was written
  decides.
- **leaked**: tinycog raised what is no `TinycogError`.

GDAL is asked for data, not for a picture (`GTIFF_RAW:` for CMYK and CIELab); the one that is
measured here has no codec for JPEG 2000, JPEG XL, JPEG XR, PNG and JPEG of 12 bits. Tifffile gives
YCbCr without JPEG as it is stored, which counts as wrong.
"""


def make_report(outcomes: Sequence[Outcome]) -> str:
    """The whole page."""
    lines = [HEAD, _versions(), "", *_summary(outcomes)]
    for axis in AXES:
        lines += ["", f"## By {axis}" if axis != "further" else "## By further features", ""]
        lines += _table(axis, outcomes)
    lines += ["", "## What tinycog refuses", "", *_refusals(outcomes)]
    faults = [o for o in outcomes if o.tinycog.word in (WRONG, LEAKED)]
    lines += ["", "## What tinycog has wrong", "", *_groups("tinycog", faults)]
    for reader in ("gdal", "tifffile"):
        others = [o for o in outcomes if getattr(o, reader).word != RIGHT]
        lines += [
            "",
            f"## Where {_title(reader)} is wrong, or refuses",
            "",
            *_groups(reader, others),
        ]
    return "\n".join(lines).rstrip() + "\n"


def _versions() -> str:
    return (
        f"Made with GDAL {rasterio.__gdal_version__} (rasterio {rasterio.__version__}),"
        f" tifffile {version('tifffile')}, imagecodecs {version('imagecodecs')}."
    )


def _summary(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| | files | right | refused | wrong | leaked |"
    yield "| --- | --: | --: | --: | --: | --: |"
    for reader in READERS:
        counts = Counter(getattr(outcome, reader).word for outcome in outcomes)
        cells = " | ".join(str(counts[word]) for word in VERDICTS)
        yield f"| {_title(reader)} | {len(outcomes)} | {cells} |"


def _table(axis: str, outcomes: Iterable[Outcome]) -> Iterator[str]:
    rows: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        for name, value in outcome.case.features():
            if name == axis:
                rows[value].append(outcome)
    names = " | ".join(f"{_title(name)}: right | refused | wrong" for name in READERS)
    yield f"| {axis} | files | {names} |"
    yield "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |"
    for value in sorted(rows, key=lambda v: int(v) if axis in NUMBERS else v):
        yield f"| {value} | {len(rows[value])} | {_cells(rows[value])} |"


def _cells(outcomes: Iterable[Outcome]) -> str:
    cells: list[int] = []
    for reader in READERS:
        words = Counter(getattr(outcome, reader).word for outcome in outcomes)
        cells += [words[RIGHT], words[REFUSED], words[WRONG] + words[LEAKED]]
    return " | ".join(str(n) if n else "" for n in cells)


def _refusals(outcomes: Iterable[Outcome]) -> Iterator[str]:
    refused = [outcome for outcome in outcomes if outcome.tinycog.word == REFUSED]
    by_reason: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in refused:
        by_reason[reason_for(outcome)].append(outcome)
    for reason, group in sorted(by_reason.items(), key=lambda item: (not item[0], -len(item[1]))):
        yield f"- **{reason or 'not expected'}**: {len(group)}"
        yield from (f"  {line}" for line in _groups("tinycog", group))


def _groups(reader: str, outcomes: Iterable[Outcome]) -> Iterator[str]:
    """One line for each message, or codec where pixels are wrong: how often, and two cases."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        verdict, case = getattr(outcome, reader), outcome.case
        is_wrong = verdict.word == WRONG
        what = f"{case.codec}, {case.detail or case.sample}" if is_wrong else plain(verdict.why)
        groups[verdict.word, what].append(outcome)
    if not groups:
        yield "Nothing."
    for (word, why), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        names = ", ".join(f"`{outcome.case.name}`" for outcome in group[:2])
        yield f"- {len(group)} {word}: {why} ({names}{', ...' * (len(group) > 2)})"


def plain(message: str) -> str:
    """A message without what differs from file to file: paths and numbers."""
    message = re.sub(r": \S*/?\d+\.tif$", "", message)
    message = re.sub(r"\S*/?\d+\.tif", "the file", message)
    message = re.sub(r"-?\b\d+(\.\d+)?(e[-+]?\d+)?j?\b|\bnan\b|\b-?inf\b", "n", message)
    message = re.sub(r"\(n[-+]n\)|-n\b", "n", message)
    return message.replace("|", "/")


def _title(reader: str) -> str:
    return {"gdal": "GDAL"}.get(reader, reader)
