"""What writing holds: anonymous memory over that of the idle process, against `memory=`.

    python benchmarks/write_memory.py [--total MIB] [--only TEXT]

Each image is written in a child, whose RssAnon is looked at every 5 ms. The bound is `memory=` and
32 MiB; what is refused before the first byte says the smallest that works, which is tried instead.
Arrays are views of a few MB, so that what is measured is the writer's. Exit status 1 if a bound is
not kept.
"""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinycog

MIB = 1 << 20

ALLOWED = 32 * MIB
"""Bytes over `memory=` that are no fault."""

POLL = 0.005

WIDTHS = (1000, 20_000, 100_000, 200_000)

KINDS: dict[str, dict[str, Any]] = {
    "bytes": {},
    "rgb": {"bands": 3},
    "float32": {"dtype": "float32", "options": {"compression": "zstd"}},
    "cubic": {"options": {"overview_resampling": "cubic", "compression": "lzw"}},
    "bands": {"bands": 3, "options": {"interleave": "band", "overview_resampling": "average"}},
    "stored": {"dtype": "uint16", "options": {"compression": "none"}},
    "dask": {"chunks": (700, 3300)},
    "dask-cubic": {"chunks": (1000, 1000), "options": {"overview_resampling": "cubic"}},
    "shuffled": {"blocks": (600, 900)},
    "shuffled-cubic": {"blocks": (512, 512), "options": {"overview_resampling": "cubic"}},
    "columns": {"blocks": (100_000, 60)},
}


def anonymous(pid: int | str) -> int:
    """Bytes of memory of a process that are no file's; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [line for line in lines if line.startswith("RssAnon")]
    return int(found[0].split()[1]) << 10 if found else 0


def image(width: int, total: int, bands: int, dtype: str) -> NDArray[Any]:
    """A large image in little memory: rows that are views of each other."""
    size = np.dtype(dtype).itemsize
    rows = max(total // (width * size * bands), 1)
    noise = np.random.default_rng(0).integers(0, 90, rows * 8 + width + 3 * bands).astype(dtype)
    return np.lib.stride_tricks.as_strided(noise, (bands, rows, width), (3 * size, 8 * size, size))


def source_of(case: dict[str, Any]) -> tuple[object, dict[str, Any]]:
    """Pixels, and what `write` has to be told of them."""
    pixels = image(case["width"], case["total"], case.get("bands", 1), case.get("dtype", "uint8"))
    if "chunks" in case:
        import dask.array as da  # noqa: PLC0415 - a peer

        def chunk(block_info: dict[None, dict[str, Any]]) -> NDArray[Any]:
            place = tuple(slice(*ends) for ends in block_info[None]["array-location"])
            return pixels[place].copy()

        chunks: Any = da.core.normalize_chunks((len(pixels), *case["chunks"]), pixels.shape)
        meta = np.empty((0, 0, 0), pixels.dtype)
        return da.map_blocks(chunk, chunks=chunks, dtype=pixels.dtype, meta=meta), {}
    if "blocks" in case:
        return _blocks(pixels, *case["blocks"]), {"shape": pixels.shape, "dtype": pixels.dtype}
    return pixels, {}


def _blocks(pixels: NDArray[Any], down: int, across: int) -> Iterator[tuple[Any, NDArray[Any]]]:
    _, rows, cols = pixels.shape
    places = [(row, col) for row in range(0, rows, down) for col in range(0, cols, across)]
    Random(1).shuffle(places)  # noqa: S311 - no secret
    for row, col in places:
        yield (row, col), pixels[:, row : row + down, col : col + across].copy()


async def child(case: dict[str, Any]) -> None:
    """Write a small image, say so, write the large one, say what it took."""
    options = case.get("options", {})
    warm = image(64, 64 * 64, case.get("bands", 1), case.get("dtype", "uint8"))
    await tinycog.write(bytes, warm, blocksize=16, **options)
    pixels, told = source_of(case)
    sys.stdout.write("idle\n")
    sys.stdout.flush()
    sys.stdin.readline()
    path = Path(case["folder"], "a.tif")
    try:
        write: Any = tinycog.write
        done = await write(path, pixels, memory=case["memory"], **told, **options)
    except tinycog.LimitError as exc:
        answer: dict[str, Any] = {"refused": exc.asked}
    else:
        plan = done.plan
        answer = {"order": plan.order, "step": plan.step, "planned": plan.memory}
    sys.stdout.write(json.dumps(answer))


def measured(case: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Write an image in a child; return its peak over idle, and what it says."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(  # noqa: S603 - this script
            [sys.executable, __file__, "--child", json.dumps({**case, "folder": folder})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError
        process.stdout.readline()
        idle = peak = anonymous(process.pid)
        process.stdin.write("go\n")
        process.stdin.flush()
        while process.poll() is None:
            peak = max(peak, anonymous(process.pid))
            time.sleep(POLL)
        return peak - idle, json.loads(process.stdout.read() or '{"failed": true}')


def report(name: str, case: dict[str, Any]) -> bool:
    """Measure and print one image; return whether its bound is kept."""
    start = time.perf_counter()
    peak, told = measured(case)
    if "refused" in told:
        smallest = -(-told["refused"] // MIB)
        sys.stdout.write(f"{name}: refused, {smallest} MiB works\n")
        sys.stdout.flush()
        return True
    is_kept = peak <= case["memory"] + ALLOWED and "failed" not in told
    planned, fault = told.get("planned", 0), "" if is_kept else " TOO MUCH"
    sys.stdout.write(
        f"{name}: peak {peak / MIB:.0f} MiB, planned {planned / MIB:.0f}, {told.get('order')}"
        f" {told.get('step')}, {time.perf_counter() - start:.0f} s{fault}\n"
    )
    sys.stdout.flush()
    return is_kept


def main() -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--total", type=int, default=2000, help="MiB of each image")
    parser.add_argument("--only", default="", help="a part of the names of what is run")
    options = parser.parse_args()
    if options.child:
        asyncio.run(child(json.loads(options.child)))
        return 0
    is_kept = True
    for kind, case in KINDS.items():
        for width in WIDTHS:
            for memory in (64, 128, 512):
                name = f"{kind} {width} memory={memory}"
                if options.only in name:
                    total, allowed = options.total * MIB, memory * MIB
                    every = {**case, "width": width, "total": total, "memory": allowed}
                    is_kept &= report(name, every)
    return int(not is_kept)


if __name__ == "__main__":
    sys.exit(main())
