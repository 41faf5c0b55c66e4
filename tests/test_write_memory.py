"""What writing holds, measured: the bound that `memory=` states, where it is hard to keep.

All of `benchmarks/write_memory.py` takes an hour (`make write-memory`); these are some of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "write_memory.py"


@pytest.mark.skipif(sys.platform != "linux", reason="RssAnon of /proc is Linux's")
@pytest.mark.parametrize(
    ("case", "mib"),
    [
        ("bytes 100000 memory=64", 2000),
        ("bytes 200000 memory=128", 200),
        ("dask 200000 memory=64", 100),
    ],
)
def test_memory_is_bounded(case, mib):
    """Of an image of `mib` MiB: at most `memory=` and 32 MiB over the idle process."""
    if case.startswith("dask"):
        pytest.importorskip("dask.array")
    command = [sys.executable, str(BENCHMARK), "--total", str(mib), "--only", case]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603 - our own
    assert f"{case}: peak " in done.stdout, done
    assert done.returncode == 0, done.stdout


SIDE = 1_000_000

HUGE = f"""
import json, sys
import numpy as np
import tinycog.sync

def held(name):
    lines = open("/proc/self/status", encoding="ascii").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name + ":"))

def blocks():
    yield (0, 0), np.ones((1, 512, 512), np.uint8)
    yield (512_000, 358_400), np.full((1, 512, 512), 3, np.uint8)
    yield ({SIDE} - 300, {SIDE} - 200), np.full((1, 300, 200), 9, np.uint8)

path, options = sys.argv[1], json.loads(sys.argv[2])
tinycog.sync.write(bytes, np.ones((1, 600, 600), np.uint8))
before = held("VmRSS")
options |= dict(crs=32633, transform=(10, 0, 499980, 0, -10, 5300040), statistics=True)
tinycog.sync.write(path, blocks(), shape=({SIDE}, {SIDE}), dtype="uint8", sparse=True, **options)
print(held("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM of /proc is Linux's")
@pytest.mark.parametrize("options", [{"nodata": 0}, {}], ids=str)
def test_a_sparse_image_of_a_million_pixels_each_way(tmp_path, options):
    """Nearly all of its 3.8 million tiles never come: they take no work, and little memory."""
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "a.tif"
    command = [sys.executable, "-c", HUGE, str(path), json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done
    assert int(done.stdout) < 256 << 20
    with rasterio.open(path) as dataset:
        assert dataset.shape == (SIDE, SIDE)
        assert dataset.overviews(1)[:2] == [2, 4]

        def read(col, row, width, height):
            window = rasterio.windows.Window(col, row, width, height)
            return np.unique(dataset.read(1, window=window)).tolist()

        assert read(0, 0, 512, 512) == [1]
        assert read(358_400, 512_000, 512, 512) == [3]
        assert read(SIDE - 200, SIDE - 300, 200, 300) == [9]
        assert read(5000, 5000, 30, 20) == [0]
        tags = dataset.tags(1)
        valid = 2 * 512**2 + 200 * 300
        total = 4 * 512**2 + 9 * 200 * 300
        counted = valid if options else SIDE**2
        assert float(tags["STATISTICS_MEAN"]) == pytest.approx(total / counted, rel=1e-9)
        assert tags["STATISTICS_MINIMUM"] == ("1" if options else "0")
