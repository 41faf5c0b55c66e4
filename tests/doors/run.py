"""The command: read random windows through every door, and compare all that each tells.

    python tests/doors/run.py                    # 500 windows
    python tests/doors/run.py --windows 50 --doors xarray dask

What is compared: pixels, mask, nodata, CRS and transform, with those of GDAL and those of
`tinycog.open(path)`. A door that does not read a file must say why: it is counted as refused. Doors
whose library or server is missing are named. Exit status 1 if anything differed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np
import rasterio
import rasterio.windows
from conftest import FILES
from doors.doors import DOORS, Seen, Served, Window, of_raster
from rasterio.errors import NotGeoreferencedWarning, RasterioError

import tinycog
from tinycog.testing import serve_in_thread

NAMES = [
    "cog-metadata",
    "cog-alpha-rgba",
    "cog-mask-rgb",
    "cog-nodata-nan",
    "cog-palette",
    "cog-sparse-nodata",
    "cog-lzw-i16-p2",
    "cog-one-row",
    "strip-pages",
    "strip-none-u16-be",
    "tiled-planar-10-bands",
    "tiled-planar-u16-p2",
    "tiled-gray-alpha-u16",
    "tiled-lerc-nan-bands",
    "tiled-f32-bands-p3",
    "tiled-internal-mask",
    "tiled-be-cint16-p2",
    "tiled-cint16",
    "tiled-jpeg-ycbcr",
    "tiled-nbits4",
    "tiled-nbits12-planar",
    "tiled-min-is-white",
    "tiled-none-u8",
    "tiled-u16",
    "tiled-webp-lossless-rgba",
    "tiled-oblong",
]


def windows_of(
    shapes: Sequence[tuple[int, ...]], count: int, seed: int
) -> list[tuple[int, Window]]:
    """Draw levels and windows inside them."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    found: list[tuple[int, Window]] = []
    for _ in range(count):
        level = draw.randrange(len(shapes))
        _, height, width = shapes[level]
        col, row = draw.randrange(width), draw.randrange(height)
        cols, rows = draw.randint(1, width - col), draw.randint(1, height - row)
        found.append((level, (col, row, cols, rows)))
    return found


def differences(found: Seen, expected: Seen) -> list[str]:
    """Name what differs."""
    wrong: list[str] = []
    if found.pixels.shape != expected.pixels.shape or found.pixels.dtype != expected.pixels.dtype:
        seen = f"{found.pixels.shape} {found.pixels.dtype}"
        return [f"{seen}, not {expected.pixels.shape} {expected.pixels.dtype}"]
    is_nan = expected.pixels.dtype.kind in "fc"
    if not np.array_equal(found.pixels, expected.pixels, equal_nan=is_nan):
        wrong.append("pixels")
    if found.mask is not None and expected.mask is not None:
        whole = expected.mask if found.mask.shape == expected.mask.shape else None
        if whole is None or not np.array_equal(found.mask, whole):
            wrong.append("mask")
    for name, value in found.facts.items():
        wanted = expected.facts[name]
        if name == "transform" and value is not None and wanted is not None:
            same = np.allclose(value, wanted, rtol=1e-9, atol=1e-9)
        else:
            same = repr(value) == repr(wanted) or value == wanted
        if not same:
            wrong.append(f"{name} {value}, not {wanted}")
    return wrong


def by_gdal(path: Path, level: int, window: Window) -> np.ndarray[Any, Any] | None:
    """Read by rasterio; None where it cannot."""
    try:
        options: Any = {} if level == 0 else {"overview_level": level - 1}
        with rasterio.open(path, **options) as dataset:
            return dataset.read(window=rasterio.windows.Window(*window))  # type: ignore[attr-defined]
    except RasterioError:
        return None


async def visit(served: Served, names: Sequence[str], count: int, seed: int, tally: Any) -> None:
    """Read windows of one file through all doors."""
    async with tinycog.open(served.path) as cog:
        chosen = windows_of([level.shape for level in cog.levels], count, seed)
        expected: list[Seen] = []
        for level, window in chosen:
            expected.append(of_raster(await cog.read(window=window, level=level, masked=True)))
            theirs = by_gdal(served.path, level, window)
            if theirs is not None and not np.array_equal(
                theirs, expected[-1].pixels, equal_nan=theirs.dtype.kind in "fc"
            ):
                tally["GDAL"]["differs"] += 1
            tally["GDAL"]["windows"] += theirs is not None
    for name in names:
        try:
            async with DOORS[name](served) as read:
                for (level, window), wanted in zip(chosen, expected, strict=True):
                    wrong = differences(await read(level, window), wanted)
                    tally[name]["windows"] += 1
                    if wrong:
                        tally[name]["differs"] += 1
                        print(f"{name}: {served.path.stem}, level {level}, {window}: {wrong}")
        except tinycog.UnsupportedError as exc:
            tally[name]["refused"] += len(chosen)
            tally[name, "why"][str(exc).partition(":")[0][:90]] += 1
        except Exception as exc:  # noqa: BLE001 - counted, and shown
            tally[name]["failed"] += 1
            print(f"{name}: {served.path.stem}: {type(exc).__name__}: {exc}"[:300])


def stores(stack: ExitStack, names: Sequence[str]) -> dict[str, Any]:
    """Start the servers of doors that need one; those that are missing are named."""
    from store_servers import azure_store, s3_store

    found: dict[str, Any] = {}
    for name, start in (("s3", s3_store), ("azure", azure_store)):
        if name in names:
            try:
                found[name] = stack.enter_context(start())
            except BaseException as exc:  # noqa: BLE001 - pytest's Skipped is no Exception
                print(f"{name}: left out: {exc}")
    return found


def main() -> int:
    """Run, and print a line for each door."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=500, help="in all")
    parser.add_argument("--doors", nargs="*", default=list(DOORS), choices=list(DOORS))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    paths = [path for name in NAMES if (path := FILES / f"{name}.tif").exists()]
    count = -(-arguments.windows // len(paths))
    tally: Any = {name: Counter() for name in ("GDAL", *arguments.doors)}
    tally |= {(name, "why"): Counter() for name in arguments.doors}
    began = time.monotonic()
    with ExitStack() as stack:
        server = stack.enter_context(serve_in_thread({path.name: path for path in paths}))
        found = stores(stack, arguments.doors)
        names = [n for n in arguments.doors if n not in ("s3", "azure") or n in found]
        for i, path in enumerate(paths):
            served = Served(path, server.url(path.name))
            for name, field in (("s3", "s3"), ("azure", "az")):
                if name in found:
                    store = found[name]
                    store.put(path.name, path.read_bytes())
                    place = f"{store.url}/{path.name}", store.options
                    served = replace(served, **{field: place})
            asyncio.run(visit(served, names, count, arguments.seed + i, tally))
    for name in ("GDAL", *names):
        told = ", ".join(f"{number} {what}" for what, number in tally[name].items())
        print(
            f"{name:18} {told}",
            *(f"\n{'':18} refused: {why}" for why in tally.get((name, "why"), ())),
        )
    print(f"{count * len(paths)} windows of {len(paths)} files, {time.monotonic() - began:.0f} s")
    bad = sum(tally[name]["differs"] + tally[name]["failed"] for name in names)
    return int(bad > 0 or not all(tally[name]["windows"] for name in names))


if __name__ == "__main__":
    sys.exit(main())
