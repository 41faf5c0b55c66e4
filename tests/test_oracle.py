"""Every pixel of every fixture equals what GDAL, or where GDAL cannot, what tifffile reads."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from corpus_adapter import read_levels

import tinycog

ROOT = Path(__file__).parent.parent
FIXTURES = json.loads((ROOT / "fixtures" / "manifest.json").read_text())
MEAN_OF_LOSSY = 3.0
"""Decoders of lossy codecs may differ so much in the mean: chroma is up-sampled in several ways."""


@pytest.mark.parametrize("record", FIXTURES, ids=lambda record: record["name"])
def test_every_level_has_the_pixels_of_the_reference_reader(record: dict[str, Any]):
    path = str(ROOT / record["path"])
    expected = gdal_levels(path) if "gdal" in record["readers"] else tifffile_levels(path)

    levels = read_levels(path, tinycog.Limits(unsafe_codecs=True))

    for actual, wanted in zip(levels, expected, strict=False):
        assert isinstance(actual, np.ndarray), actual
        assert_same(actual, wanted, lossy=record["lossy"])
    assert len(levels) >= len(expected)


def assert_same(actual: np.ndarray, expected: np.ndarray, *, lossy: bool) -> None:
    assert actual.shape == expected.shape
    if lossy:
        difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
        assert difference.mean() <= MEAN_OF_LOSSY
    else:
        np.testing.assert_array_equal(actual, expected)


def gdal_levels(path: str) -> list[np.ndarray]:
    os.environ.update(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path) as dataset:
            levels = [dataset.read()]
            count = len(dataset.overviews(1))
        for i in range(count):
            with rasterio.open(path, OVERVIEW_LEVEL=i) as dataset:
                levels.append(dataset.read())
    return levels


def tifffile_levels(path: str) -> list[np.ndarray]:
    with tifffile.TiffFile(path) as tif:
        page: Any = tif.pages[0]
        data = page.asarray().reshape(page.shaped)
    separate, depth, rows, cols, contiguous = data.shape
    assert depth == 1
    bands = data[:, 0].transpose(0, 3, 1, 2).reshape(separate * contiguous, rows, cols)
    return [bands]
