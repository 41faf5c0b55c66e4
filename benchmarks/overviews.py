"""What the next level costs, in ns for each byte of a 512 x 512 tile, beside a copy of it.

    python benchmarks/overviews.py [--rounds 40]

The least processor time of one thread, rounds interleaved. "even" is the size of the tile, "odd"
one of 513 x 513 that
weighs by area; "nodata" has it in a third of the pixels, "mask" likewise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from tinycog.pixels.overviews.reducer import OverviewMethod, make_reducer

METHODS: tuple[OverviewMethod, ...] = (
    "nearest", "average", "mode", "min", "max", "rms", "bilinear", "cubic",
)  # fmt: skip
KINDS = (("uint8", 1), ("uint8", 3), ("uint16", 1), ("int16", 1), ("float32", 1), ("float64", 1))


def made(method: OverviewMethod, dtype: str, samples: int, what: str) -> Callable[[], object]:
    """Return what makes a block of the next level."""
    side = 513 if what == "odd" else 512
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 99, (side, side, samples)).astype(dtype)
    missing = rng.random((side, side)) < 1 / 3
    nodata = 100.0 if what == "nodata" else None
    if nodata is not None:
        pixels[missing] = nodata
    has_mask = what == "mask"
    reducer = make_reducer(method, pixels.dtype, side, side, nodata=nodata, has_mask=has_mask)
    valid = ~missing if has_mask else None
    block = (0, 0, *reducer.sizes)
    return lambda: reducer.reduce(pixels, valid, block)


def main() -> None:
    """Print a line for each method, dtype and case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    for dtype, samples in KINDS:
        size = 512 * 512 * samples * np.dtype(dtype).itemsize
        tile = np.zeros((512, 512, samples), dtype)
        for method in METHODS:
            cases: dict[str, Callable[[], object]] = {"copy": tile.copy}
            cases |= {
                what: made(method, dtype, samples, what)
                for what in ("even", "nodata", "mask", "odd")
            }
            taken: dict[str, list[int]] = {what: [] for what in cases}
            for _ in range(rounds):
                for what, run in cases.items():
                    start = time.thread_time_ns()
                    run()
                    taken[what].append(time.thread_time_ns() - start)
            figures = (f"{what} {min(t) / size:6.2f}" for what, t in taken.items())
            print(f"{dtype} x {samples} {method:9}", *figures, sep="  ")


if __name__ == "__main__":
    main()
