"""Real files with known pixels, where a corpus of them is at hand (TINYCOG_CORPUS)."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_adapter import read_levels

import tinycog

CORPUS = Path(os.environ.get("TINYCOG_CORPUS", ""))
MANIFEST = CORPUS / "manifest.jsonl"
SKIP = pytest.mark.skipif(
    not os.environ.get("TINYCOG_CORPUS") or not MANIFEST.is_file(),
    reason="TINYCOG_CORPUS names no folder with a manifest.jsonl",
)
RECORDS = (
    [json.loads(line) for line in MANIFEST.read_text().splitlines()]
    if os.environ.get("TINYCOG_CORPUS") and MANIFEST.is_file()
    else []
)


def of_class(name: str) -> list[dict[str, Any]]:
    return [record for record in RECORDS if record["class"] == name]


BY_LEADERS = {
    "gdal__cog_strile_arrays_zeroified_when_possible.tif",
    "gdal__cog_sparse_strile_arrays_zeroified_when_possible.tif",
}
"""Files whose byte counts are 0: rasterio and tifffile read them as empty, their leaders tell."""


@SKIP
def test_every_file_that_must_be_read_has_its_known_pixels():
    """Lossless levels by their hash; lossy ones have no one truth and are left to the oracle."""
    wrong: list[str] = []
    for record in of_class("must-read"):
        for level, pixels in zip(
            record["images"][0]["levels"], read_levels(path_of(record)), strict=False
        ):
            truths = level.get("truths") or ([level] if level.get("sha256") else [])
            if isinstance(pixels, Exception) and level.get("status") == "invalid":
                continue  # GDAL and tifffile cannot read it either
            if isinstance(pixels, Exception):
                wrong.append(f"{record['file']}: {pixels}")
            elif pixels is not None and not is_lossy(level) and truths:
                hashes = {truth["sha256"] for truth in truths}
                if record["file"] in BY_LEADERS:
                    assert pixels.any()
                elif digest(pixels) not in hashes and not has_nan(pixels):
                    wrong.append(f"{record['file']}: other pixels")
    assert wrong == []


@SKIP
def test_every_file_that_nobody_reads_is_refused():
    read = [
        record["file"]
        for record in of_class("must-refuse")
        if not any(isinstance(level, Exception) for level in levels_or_refusal(record))
    ]
    assert read == []


@SKIP
def test_damaged_and_huge_files_end_in_pixels_or_a_tinycog_error():
    for name in ("should-read", "may-read", "unsupported", "open-only"):
        for record in of_class(name):
            levels_or_refusal(record)


def levels_or_refusal(record: dict[str, Any]) -> list[np.ndarray | Exception | None]:
    try:
        return read_levels(path_of(record))
    except tinycog.TinycogError as error:
        return [error]


def path_of(record: dict[str, Any]) -> str:
    return str(CORPUS / "files" / record["file"])


def is_lossy(level: dict[str, Any]) -> bool:
    return bool(level.get("lossy")) or level.get("exact") is False


def has_nan(pixels: np.ndarray) -> bool:
    """NaN has many bit patterns: such a level has no one hash."""
    return pixels.dtype.kind in "fc" and bool(np.isnan(pixels).any())


def digest(pixels: np.ndarray) -> str:
    little = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(little.tobytes()).hexdigest()
