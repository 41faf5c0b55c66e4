"""Validators of others, each in a process of a Python that has it, and what they said by kind."""

from __future__ import annotations

import json
import re
import select
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tinycog.sync
from tinycog.validator.profiles import RULES

SECONDS = 30
"""After which a validator has no answer: GDAL's asks for each of billions of blocks by itself."""

GDAL = """
import json, sys
from osgeo import gdal
gdal.PushErrorHandler("CPLQuietErrorHandler")
from osgeo_utils.samples.validate_cloud_optimized_geotiff import validate
print(json.dumps(["GDAL " + gdal.__version__]), flush=True)
for line in sys.stdin:
    name, full = json.loads(line)
    try:
        warnings, errors, _ = validate(name, full_check=full)
        answer = [errors, warnings]
    except Exception as exc:
        answer = [repr(exc)]
    print(json.dumps(answer), flush=True)
"""

RIO_COGEO = """
import json, logging, sys, warnings
import rio_cogeo
from rio_cogeo.cogeo import cog_validate
warnings.simplefilter("ignore")
logging.disable()
print(json.dumps(["rio-cogeo " + rio_cogeo.__version__]), flush=True)
for line in sys.stdin:
    name, strict = json.loads(line)
    try:
        valid, errors, warned = cog_validate(name, strict=strict, quiet=True)
        answer = [errors, warned, valid]
    except Exception as exc:
        answer = [repr(exc)]
    print(json.dumps(answer), flush=True)
"""

_KINDS = {
    "gdal": (
        (r"external \.ovr", "external-overviews"),
        ("but is not tiled", "tiled"),
        ("recommended to include", "overviews"),
        ("offset of the main IFD should", "first-ifd"),
        ("KNOWN_INCOMPATIBLE_EDITION", "edition"),
        ("larger dimension", "overview-size"),
        (r"Overview of index \d+ is not tiled", "overview-tiled"),
        ("offset of the IFD for overview", "ifd-order"),
        ("be after its IFD", "data-after-ifds"),
        ("should be after the one of the overview", "data-order"),
        ("smaller than previous", "block-order"),
        ("size in leader", "leader"),
        ("trailer bytes", "trailer"),
        ("mask block size", "mask-size"),
        (r"whereas \d+ was expected", "mask-place"),
    ),
    "rio-cogeo": (
        (r"external \.ovr", "external-overviews"),
        ("but is not tiled", "tiled"),
        ("recommended to include", "overviews"),
        ("offset of the main IFD should", "first-ifd"),
        ("invalidated by later", "edition"),
        ("should be sorted", "sorted"),
        ("Invalid Decimation", "decimation"),
        ("offset of the IFD for overview", "ifd-order"),
        ("be after its IFD", "data-after-ifds"),
        ("should be after the one of the overview", "data-order"),
        (r"Overview of index \d+ is not tiled", "overview-tiled"),
    ),
}
"""Parts of messages, and the rules of ours that say the same."""

NOT_A_TIFF = "is not a GeoTIFF"


class Said(NamedTuple):
    """What a validator said of a file.

    Attributes:
        kinds: how often each rule was broken; None if it did not open the file.
        valid: its verdict.
    """

    kinds: Counter[str] | None
    valid: bool


def kind_of(profile: str, message: str) -> str:
    """The rule that a message is about."""
    for pattern, name in _KINDS[profile]:
        if re.search(pattern, message):
            return f"{profile}/{name}"
    raise AssertionError(message)


class Judge:
    """A validator, started anew where it takes too long or is killed."""

    def __init__(self, profile: str, python: str) -> None:
        """Start it."""
        self.profile = profile
        self._command = [python, "-c", GDAL if profile == "gdal" else RIO_COGEO]
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the caller's Python
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.version: str = (self._answer(None) or ["?"])[0]

    def _answer(self, seconds: float | None = SECONDS) -> list[Any] | None:
        """Its next line, if it comes in time; of the first, which tells its version, at any."""
        answers = self._process.stdout
        if answers is None:
            raise AssertionError
        ready, _, _ = select.select([answers], [], [], seconds)
        line = answers.readline() if ready else ""
        return json.loads(line) if line else None

    def ask(self, path: Path, *, option: bool) -> Said | None:
        """What it says, with its full check or strict; None if it has no answer in time."""
        asked = self._process.stdin
        if asked is None:
            raise AssertionError
        asked.write(json.dumps([str(path), option]) + "\n")
        asked.flush()
        answer = self._answer()
        if answer is None:
            self.close()
            self._start()
            return None
        return said(self.profile, answer)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def said(profile: str, answer: Sequence[Any]) -> Said:
    """What an answer says."""
    if len(answer) == 1 or any(NOT_A_TIFF in text for text in answer[0]):
        return Said(None, valid=False)
    errors, warned, *valid = answer
    kinds = Counter(kind_of(profile, text) for text in (*errors, *warned))
    return Said(kinds, valid[0] if valid else not errors)


def difference(path: Path | bytes, profile: str, theirs: Said, *, option: bool) -> str | None:
    """What our verdict differs in, None if in nothing.

    Rules of single blocks are counted once, since ours tells the first and how many more.
    """
    is_gdal = profile == "gdal"
    depth = "tiles" if is_gdal and option else "header"
    report = tinycog.sync.validate(path, profile, depth=depth, strict=option and not is_gdal)
    found = [one for one in report.findings if one.severity in ("error", "warning")]
    ours = Counter(one.rule for one in found)
    opened = f"{profile}/opened"
    unsure = {one.rule for one in report.findings if one.severity == "unknown"}
    if theirs.kinds is None:
        return "they do not open it" if report.passed else None
    if report.passed != theirs.valid and unsure != {opened}:
        return f"passed {report.passed}, theirs {theirs.valid}: {dict(ours)}, {dict(theirs.kinds)}"
    left, right = _counted(ours), _counted(theirs.kinds)
    return None if left == right else f"{dict(left)}, theirs {dict(right)}"


def _counted(kinds: Mapping[str, int]) -> Counter[str]:
    return Counter(
        {
            kind: 1 if kind in RULES and RULES[kind].depth == "tiles" else count
            for kind, count in kinds.items()
        }
    )
