"""Rules of validation: each has a check, a file that keeps it, and one that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from validation.files import BREAKING, KEEPING, Made, Maker, good, large_tiles

import tinycog
import tinycog.sync
from tinycog.validator.profiles import PROFILES, RULES


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
    is_deep = made.size is None
    report = tinycog.sync.validate(where, only, tiles=is_deep, literal=made.literal)
    if made.literal:
        assert tinycog.sync.validate(where, only, tiles=is_deep).passed
    assert {one.rule for one in report.findings} <= {rule}, report
    return {one.severity for one in report.findings} - {"note"}


@pytest.mark.parametrize("rule", RULES)
def test_a_file_that_breaks_each_rule(rule, tmp_path):
    assert findings(BREAKING[rule], rule, tmp_path) == {RULES[rule].severity}


@pytest.mark.parametrize("rule", RULES)
def test_a_file_that_keeps_each_rule(rule, tmp_path):
    assert findings(KEEPING[rule], rule, tmp_path) == set()


def test_each_rule_has_files_and_each_file_a_rule():
    assert set(BREAKING) == set(KEEPING) == set(RULES)


def test_each_rule_is_of_a_profile_and_checked_by_something():
    used = {rule for one in PROFILES.values() for ids in one.classes.values() for rule in ids}
    assert used == set(RULES)
    for rule in RULES.values():
        assert callable(rule.check)
        assert all((rule.says, rule.source, rule.remedy))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_good_file_has_nothing_to_be_told(profile):
    made = {"ogc-bigtiff": good(big=True), "earth-engine-external": large_tiles()}
    report = tinycog.sync.validate(made.get(profile, good()), profile, tiles=True, strict=True)
    assert [one for one in report.findings if one.severity != "note"] == []
    assert report.passed
