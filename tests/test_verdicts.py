"""Verdicts that GDAL's validator and rio-cogeo gave of spoiled COGs, and ours of the same files."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from validation import mutants
from validation.judges import Said, difference
from validation.verdicts import RECORDED, RECORDED_COUNT

from tinycog.validator.profiles import RULES

VERDICTS = json.loads(Path(RECORDED).read_text("utf-8"))["verdicts"]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return dict(mutants.recorded(RECORDED_COUNT))


def test_the_files_are_those_that_were_judged(files):
    assert files.keys() == VERDICTS.keys()
    for name, data in files.items():
        if not name.startswith(
            ("breaks-", "keeps-")
        ):  # whose compressed bytes are those of any zlib
            assert hashlib.sha256(data).hexdigest() == VERDICTS[name]["sha256"]


@pytest.mark.parametrize("profile", ["gdal", "rio-cogeo"])
@pytest.mark.parametrize("option", [False, True])
def test_verdicts_are_the_same(files, profile, option):
    different: dict[str, str] = {}
    for name, data in files.items():
        kinds, valid = VERDICTS[name][f"{profile} {option}"]
        said = Said(None if kinds is None else Counter(kinds), valid=valid)
        found = difference(data, profile, said, option=option)
        if found is not None:
            different[name] = found
    assert different == {}


def test_every_rule_was_told_but_of_what_lies_beside_or_is_not_opened():
    told = {
        kind
        for one in VERDICTS.values()
        for key, said in one.items()
        if key != "sha256" and said[0]
        for kind in said[0]
    }
    ours = {rule for rule in RULES if rule.startswith(("gdal/", "rio-cogeo/"))}
    assert {rule.partition("/")[2] for rule in ours - told} == {"opened", "external-overviews"}
