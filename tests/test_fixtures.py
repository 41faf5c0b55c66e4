"""The manifest of fixtures tells the truth."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
RECORDS: list[dict[str, Any]] = json.loads(
    (ROOT / "fixtures/manifest.json").read_text(encoding="utf-8")
)
KEYS = {
    *("name", "path", "sha256", "size", "driver", "version", "options"),
    *("command", "features", "lossy", "readers"),
}

each_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])


@each_record
def test_a_file_is_the_one_that_was_listed(record):
    content = (ROOT / record["path"]).read_bytes()
    assert len(content) == record["size"]
    assert hashlib.sha256(content).hexdigest() == record["sha256"]


@each_record
def test_a_record_says_what_the_file_shows_and_how_it_was_made(record):
    assert set(record) == KEYS
    assert record["features"]
    assert all(record["features"])
    assert record["name"] in record["command"]
    assert record["driver"] in {"COG", "GTiff", "tifffile"}
    assert record["version"].startswith("tifffile" if record["driver"] == "tifffile" else "GDAL")


@each_record
def test_gdal_or_tifffile_gave_the_pixels_back(record):
    assert set(record["readers"]) & {"gdal", "tifffile"}


def test_no_file_is_unlisted():
    found = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fixtures/files").iterdir()}
    assert found == {record["path"] for record in RECORDS} - {"src/tinycog/data/demo.tif"}


def test_the_demo_is_listed_and_small():
    (demo,) = (record for record in RECORDS if record["name"] == "demo")
    assert demo["path"] == "src/tinycog/data/demo.tif"
    assert demo["size"] <= 120_000


def test_records_are_sorted_and_named_once():
    paths = [record["path"] for record in RECORDS]
    assert paths == sorted(paths)
    assert max(Counter(record["name"] for record in RECORDS).values()) == 1


def test_all_files_together_are_small():
    assert sum(record["size"] for record in RECORDS) < 4_000_000
