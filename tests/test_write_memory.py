"""What writing holds, measured: the bound that `memory=` states, where it is hard to keep.

All of `benchmarks/write_memory.py` takes an hour (`make write-memory`); these are some of it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "write_memory.py"


@pytest.mark.skipif(sys.platform != "linux", reason="RssAnon of /proc is Linux's")
@pytest.mark.parametrize(
    ("case", "mib"),
    [
        ("bytes 100000 memory=64", 2000),
        ("bytes 200000 memory=128", 400),
        ("dask 200000 memory=64", 200),
        ("dask-cubic 20000 memory=128", 100),
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
