"""`tinycog.write(resume=)`: a write that was killed goes on, and gives the same bytes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest

import tinycog
from tinycog.errors import SourceError, UsageError
from tinycog.targets.journal_file import FIRST
from tinycog.targets.temporary import leftovers

CHILD = Path(__file__).with_name("resumed_write.py")

KILLS = 24

RNG = np.random.default_rng(7)


class BrokenError(Exception):
    pass


class Counted:
    """A lazy array that counts what is asked of it, and breaks where it is told to."""

    def __init__(self, pixels, left=None):
        self.pixels = pixels
        self.shape, self.dtype, self.ndim = pixels.shape, pixels.dtype, pixels.ndim
        self.left = left
        self.asked = 0

    def __array__(self, dtype=None, copy=None):
        del dtype, copy
        raise AssertionError

    def __getitem__(self, key):
        if self.left is not None:
            if not self.left:
                raise BrokenError
            self.left -= 1
        found = self.pixels[key]
        self.asked += found.size
        return found


def image(bands=1, rows=300, cols=260, dtype=np.uint16):
    ramp = np.add.outer(np.arange(rows), np.arange(cols)) // 3 % 97
    pixels = ramp[None] + RNG.integers(0, 5, (bands, rows, cols))
    pixels[:, : rows // 3] = 7
    return pixels.astype(dtype)


def blocks_of(pixels, size, count=None, seed=0):
    """Blocks in an order of their own; None behind the first `count`."""
    _, rows, cols = pixels.shape
    places = [(row, col) for row in range(0, rows, size) for col in range(0, cols, size)]
    Random(seed).shuffle(places)  # noqa: S311 - no secret
    for row, col in places:
        if count is not None:
            if not count:
                raise BrokenError
            count -= 1
        yield (row, col), pixels[:, row : row + size, col : col + size]


async def written(target, source, **options):
    return await tinycog.write(target, source, **options)


CONFIGURATIONS = {
    "chosen": {},
    "given": {"predictor": 2, "statistics": True},
    "margins": {"overview_resampling": "cubic", "statistics": True},
    "bands": {"interleave": "band", "overview_resampling": "bilinear"},
    "nodata": {"nodata": 7, "sparse": True, "overview_resampling": "average"},
    "mask": {"mask": "internal", "overview_resampling": "mode"},
    "lossy": {"compression": "jpeg", "overview_resampling": "rms"},
    "auto": {"level": "auto"},
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_a_write_that_broke_off_goes_on(name, tmp_path):
    options = {"blocksize": 32, **CONFIGURATIONS[name]}
    pixels = image(3, dtype=np.uint8)
    whole = await tinycog.write(bytes, pixels, **options)
    told = {"shape": pixels.shape, "dtype": pixels.dtype, "resume": tmp_path, **options}
    for count in (0, 1, 9, 25, 40):
        with pytest.raises(BrokenError):
            await tinycog.write(bytes, blocks_of(pixels, 40, count), **told)
    # what is known is taken, in whatever order the rest comes
    resumed = await tinycog.write(bytes, blocks_of(pixels, 50, seed=3), **told)

    assert resumed.data == whole.data
    assert list(tmp_path.iterdir()) == []
    assert resumed.plan.journal > 0
