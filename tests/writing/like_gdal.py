"""The command: overviews like GDAL's of images of random sizes, held against its COG driver.

    python tests/writing/like_gdal.py --count 2000

Floats are noise, so that the order in which samples are added shows in the last bit; GDAL has this
order since 3.11. Exit status 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tinycog.sync
from writing.judges import by_gdals_driver
from writing.matrix import LARGE, WIDE, Case

MOST_PIXELS = 300
"""Of an image, both ways."""


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """Yield that many images, the same for each seed; the first is one that differed."""
    random = Random(seed)  # noqa: S311 - no secret
    for number in range(count):
        dtype = random.choice((*WIDE, *LARGE, "float32", "float64"))
        options: dict[str, Any] = {
            "compression": "none",
            "like": "gdal",
            "blocksize": random.choice((16, 32, 128)),
            "overview_resampling": random.choice(("average", "average", "nearest", "mode")),
        }
        # GDAL 3.12 does not come back from means of integers of 64 bits with nodata
        if dtype not in LARGE and random.random() < 0.3:
            options["nodata"] = 7
        size = random.randint(2, MOST_PIXELS), random.randint(2, MOST_PIXELS)
        bands = random.choice((1, 1, 3))
        if not number:
            dtype, size, bands = "float32", (24, 10), 1
            options |= {"blocksize": 16, "overview_resampling": "average"}
            options.pop("nodata", None)
        yield Case(number, (bands, *size), dtype, options, like="noise")


def main() -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    differ = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.tif")
        for case in cases(given.count, given.seed):
            tinycog.sync.write(path, case.pixels(), **case.options)
            found = by_gdals_driver(case, path)
            differ += bool(found)
            for text in found:
                sys.stdout.write(f"{case.name}: {text}\n")
    sys.stdout.write(f"{given.count} images, {differ} with other overviews than GDAL's\n")
    return int(differ > 0)


if __name__ == "__main__":
    sys.exit(main())
