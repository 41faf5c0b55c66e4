"""Rules of validation: each has a check, a file that keeps it, and one that breaks it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from validation import tables
from validation.files import BREAKING, KEEPING, Made, Maker, good, large_tiles, offset, put

import tinycog
import tinycog.sync
from tinycog.argument_types import ValidationDepth
from tinycog.validator.any_file import ALL_IFDS, DECODES
from tinycog.validator.profiles import PROFILES, RULES

OF_PROFILES = [rule for rule in RULES if rule not in (ALL_IFDS.id, DECODES.id)]
"""Rules but for those that every profile has."""


def findings(maker: Maker, rule: str, folder: Path) -> set[str]:
    """Severities of what a file has against one rule."""
    made = maker()
    made = made if isinstance(made, Made) else Made(made)
    only = tinycog.ValidationProfile("only", "a test", {"all": [rule]})
    if made.size is None and not made.has_ovr:
        where: bytes | Path = made.data
    else:
        where = folder / "image.tif"
        with where.open("wb") as file:
            file.write(made.data)
            file.truncate(made.size or len(made.data))
        if made.has_ovr:
            (folder / "image.tif.ovr").write_bytes(made.data)
    depth: ValidationDepth = "tiles" if made.size is None else "header"
    report = tinycog.sync.validate(where, only, depth=depth, literal=made.literal)
    if made.literal:
        assert tinycog.sync.validate(where, only, depth=depth).passed
    assert {one.rule for one in report.findings} <= {rule}, report
    return {one.severity for one in report.findings} - {"note"}


@pytest.mark.parametrize("rule", OF_PROFILES)
def test_a_file_that_breaks_each_rule(rule, tmp_path):
    assert findings(BREAKING[rule], rule, tmp_path) == {RULES[rule].severity}


@pytest.mark.parametrize("rule", OF_PROFILES)
def test_a_file_that_keeps_each_rule(rule, tmp_path):
    assert findings(KEEPING[rule], rule, tmp_path) == set()


def test_each_rule_has_files_and_each_file_a_rule():
    assert set(BREAKING) == set(KEEPING) == set(OF_PROFILES)


def test_rules_of_every_file():
    at = offset(good(), 2)
    broken = put(good(), at, bytes(20))
    report = tinycog.sync.validate(broken, "tiff", depth="full")
    assert [one.rule for one in report.findings] == ["file/decodes"]
    assert tinycog.sync.validate(good(), "tiff", depth="full").passed

    cut = tinycog.open(good(), limits=tinycog.Limits(ifds=1))
    report = tinycog.sync.validate(cut, "tiff")
    found = {one.rule: one.severity for one in report.findings}
    assert found["file/all-ifds"] == "unknown"


def test_each_rule_is_of_a_profile_and_checked_by_something():
    used = {rule for one in PROFILES.values() for ids in one.classes.values() for rule in ids}
    assert used == set(OF_PROFILES)
    for rule in RULES.values():
        assert callable(rule.check)
        assert all((rule.says, rule.source, rule.remedy))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_good_file_has_nothing_to_be_told(profile):
    made = {"ogc-bigtiff": good(big=True), "earth-engine-external": large_tiles()}
    report = tinycog.sync.validate(made.get(profile, good()), profile, depth="tiles", strict=True)
    assert [one for one in report.findings if one.severity != "note"] == []
    assert report.passed


def test_a_difference_from_gdal_has_a_reason():
    text = tables.SPEC.read_text("utf-8").partition(f"## {tables.DIFFERENCES}\n")[2]
    rows = re.findall(r"^\| `([^`]+)` \| \d+ \| (.+) \|$", text.partition("\n## ")[0], re.MULTILINE)
    assert rows == [(rule, tables.reason_of(rule)) for rule in tables.errors_of_others()]
    assert set(tables.REASONS) <= set(tables.errors_of_others())
