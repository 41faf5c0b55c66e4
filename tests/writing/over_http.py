"""The command: windows of files that we write, read by GDAL over HTTP, and what it asked for.

    python tests/writing/over_http.py --count 100

GDAL follows the ghost area: it takes the length of a tile from the four bytes in front of it, so
that it needs no byte counts, and the mask from behind its tile, so that one GET gives both. Each
window lies in one tile of a file that GDAL has not seen. Exit status 1 if pixels or masks are
wrong, if a request is all but the edge of byte counts, or if one window in ten takes two requests.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import rasterio
from rasterio.windows import Window

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import tinycog
import tinycog.sync
from tinycog.testing import serve_in_thread

SIZE = 1500, 2100
BLOCK = 256
EDGE = 16 << 10
"""Bytes that GDAL reads at once: a request begins and ends at multiples of them."""

ROUNDING = 3
"""How much versions of libjpeg differ."""

KINDS: tuple[dict[str, Any], ...] = (
    {"compression": "deflate"},
    {"compression": "deflate", "mask": "internal"},
    {"compression": "zstd", "bigtiff": True},
    {"compression": "lzw", "mask": "internal", "interleave": "band"},
    {"compression": "lzw", "mask": "internal", "interleave": "tile"},
    {"compression": "none", "byte_order": ">"},
    {"compression": "jpeg", "mask": "internal"},
)


class Asked(NamedTuple):
    """What GDAL asked for to read a window.

    Attributes:
        requests: how many GETs.
        counts: how many of them hold more than the edge of the byte counts.
        is_right: whether pixels and mask are those that were written.
    """

    requests: int
    counts: int
    is_right: bool


def images() -> Iterator[tuple[bytes, np.ndarray, np.ndarray | None]]:
    """Yield files, their pixels as we read them, and their masks."""
    rng = np.random.default_rng(1)
    y, x = np.ogrid[: SIZE[0], : SIZE[1]]
    smooth = 120 + 100 * np.sin(x / 90) * np.cos(y / 70)
    for kind in KINDS:
        noise = rng.integers(0, 9, (1, *SIZE))  # of all bands: libjpegs scale colours differently
        pixels = (smooth + noise + np.arange(3)[:, None, None]).astype(np.uint8)
        source = pixels
        if "mask" in kind:
            source = np.ma.MaskedArray(
                pixels, np.broadcast_to(rng.random(SIZE) < 0.3, pixels.shape)
            )
        data = tinycog.sync.write(bytes, source, blocksize=BLOCK, crs=32633, **kind).data
        assert data is not None
        with tinycog.sync.open(data) as cog:
            raster = cog.read(masked=True)
        yield data, raster.data, raster.mask if "mask" in kind else None


def byte_counts(data: bytes) -> Sequence[tuple[int, int]]:
    """Return (start, stop) of the byte counts of all levels and masks."""
    with tinycog.sync.open(data) as cog:
        found = [level.image.byte_counts for level in cog.levels]
    return [(entry.range.start, entry.range.stop) for entry in found if entry is not None]


def windows(count: int) -> Iterator[tuple[int, Window]]:
    """Yield which file, and which part of one of its tiles."""
    random = Random(4)  # noqa: S311 - no secret
    for number in range(count):
        row = random.randrange(SIZE[0] // BLOCK) * BLOCK + random.randrange(BLOCK // 2)
        col = random.randrange(SIZE[1] // BLOCK) * BLOCK + random.randrange(BLOCK // 2)
        side = BLOCK // 2
        yield number % len(KINDS), Window.from_slices((row, row + side), (col, col + side))


def ask(
    number: int, data: bytes, pixels: np.ndarray, mask: np.ndarray | None, window: Window
) -> Asked:
    """Read a window, and its mask, by GDAL."""
    counts = byte_counts(data)
    part = window.toslices()
    with serve_in_thread({f"{number}.tif": data}) as server:
        with rasterio.open(f"/vsicurl/{server.url(f'{number}.tif')}") as dataset:
            server.clear()
            found = dataset.read(window=window).astype(np.int16)
            is_right = np.abs(found - pixels[(slice(None), *part)]).max() <= ROUNDING
            if mask is not None:
                valid = dataset.dataset_mask(window=window) > 0
                is_right &= np.array_equal(valid, mask[part])
        ranges = [(line.start or 0, line.stop or 0) for line in server.log]
    touched = [
        sum(max(0, min(stop, last) - max(start, first)) for first, last in counts)
        for start, stop in ranges
    ]
    return Asked(len(ranges), sum(one > EDGE for one in touched), is_right)


def main() -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    made = list(images())
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        found = [
            ask(number, *made[kind], window)
            for number, (kind, window) in enumerate(windows(given.count))
        ]
    by_kind: dict[int, Counter[int]] = {}
    for number, one in enumerate(found):
        by_kind.setdefault(number % len(KINDS), Counter())[one.requests] += 1
    for kind, asked in by_kind.items():
        bad = sum(not one.is_right for one in found[kind :: len(KINDS)])
        sys.stdout.write(f"{KINDS[kind]}: windows by requests {dict(asked)}, {bad} wrong\n")
    wrong = sum(not one.is_right for one in found)
    counts = sum(one.counts for one in found)
    sys.stdout.write(
        f"{len(found)} windows by GDAL {rasterio.__gdal_version__}: {counts} requests of byte"
        f" counts, {wrong} wrong\n"
    )
    many = sum(
        number
        for kind, asked in by_kind.items()
        for requests, number in asked.items()
        if requests > 1 and "interleave" not in KINDS[kind]
    )
    return int(bool(wrong or counts) or 10 * many > len(found))


if __name__ == "__main__":
    sys.exit(main())
