"""A part of the kit of advice: a command for some rules is run, and removes its finding.

The whole kit, with the commands of GDAL, is `make advised`.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from advised.files import KINDS, NOT_ADVISED, Case, cases
from advised.run import run
from validation.files import LATE, cog, good, masked, offset, put, pyramid

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.testing import serve_in_thread
from tinycog.validator.profiles import RULES

CASES = cases()
SOME = [case for case in CASES if case.tools][::16] + [
    case
    for case in CASES
    if case.name in ("palette", "nodata", "pages", "upload-mask-3", "one-bit", "white")
]
"""Every sixteenth, and kinds of pixels that advice could harm."""

BROKEN = cog(*pyramid(), layout=LATE)


@pytest.mark.parametrize("case", SOME, ids=[case.name for case in SOME])
def test_what_is_advised_mends_and_harms_nothing(case: Case, tmp_path: Path):
    faults = [f"{tool}: {fault}" for tool, fault in run(case, tmp_path) if fault]
    assert faults == []


def test_each_rule_has_a_case():
    of_any_file = {rule for rule in RULES if rule.startswith("file/")}  # what is lost, stays lost
    assert {case.rule for case in CASES} == set(RULES) - of_any_file
    assert set(RULES) >= NOT_ADVISED
    assert len({case.name for case in CASES}) == len(CASES)


def commands(where: object, profile: str, rule: str) -> tuple[str, ...]:
    report = tinycog.sync.validate(where, profile)  # pyright: ignore[reportArgumentType]
    return next(one.commands for one in report.findings if one.rule == rule)


def test_commands_name_the_file_and_one_beside_it(tmp_path):
    path = tmp_path / "of the north.tif"
    path.write_bytes(BROKEN)
    ours, gdals = map(shlex.split, commands(path, "gdal", "gdal/first-ifd"))
    target = str(tmp_path / "of the north-cog.tif")
    assert ours == ["tinycog", "cogify", str(path), target]
    assert gdals[-2:] == [str(path), target]
    assert main([*ours[1:], "--quiet"]) == 0
    assert tinycog.sync.validate(target, "gdal", depth="tiles").passed


def test_commands_of_a_url_write_here_and_show_no_secret():
    with serve_in_thread({"image.tif": BROKEN}) as server:
        url = server.url("image.tif")
        ours, gdals = commands(f"{url}?token=SECRET", "gdal", "gdal/first-ifd")
        assert ours == f"tinycog cogify {url} image-cog.tif"
        assert gdals.endswith(f"/vsicurl/{url} image-cog.tif")


def test_commands_of_bytes_name_a_file_that_stands_for_them():
    ours, _ = commands(BROKEN, "gdal", "gdal/first-ifd")
    assert ours == "tinycog cogify image.tif image-cog.tif"


def test_overviews_are_advised_by_the_nearest_pixel_only():
    _, make, _ = KINDS["palette"]
    for command in commands(make(), "gdal", "gdal/overviews"):
        assert "cubic" not in command.lower()
        assert "OVERVIEW_RESAMPLING=NEAREST" in command or command.startswith("tinycog")


def test_nothing_is_advised_for_what_is_not_broken():
    report = tinycog.sync.validate(masked(), "ogc-cog", depth="tiles", literal=True)
    assert any(one.severity == "error" for one in report.findings)
    assert all(one.commands == () for one in report.findings if one.severity == "error")
    assert tinycog.sync.validate(good(), "gdal").findings == ()


def test_rules_of_callers_have_no_commands():
    """What they take is not known: a file may be too large for them however it is written."""
    mine = tinycog.ProfileRule("ours/small", "most-bytes", [100])
    profile = tinycog.ValidationProfile("ours", "us", {"all": ["ours/small"]}, rules=[mine])
    (finding,) = tinycog.sync.validate(BROKEN, profile).findings
    assert finding.commands == ()


def test_nothing_is_advised_for_pixels_that_are_lost():
    data = put(good(), offset(good(), 3) + 20, bytes(40))
    report = tinycog.sync.validate(data, "tiff", depth="full")
    assert [(one.rule, one.commands) for one in report.findings] == [("file/decodes", ())]


def test_a_report_tells_the_commands():
    report = tinycog.sync.validate(BROKEN, "gdal")
    line = "      $ tinycog cogify image.tif image-cog.tif"
    assert str(report).splitlines().count(line) == 1 < len(report.findings)
    assert '"tinycog cogify image.tif image-cog.tif"' in report.to_json()
