"""Writes that are killed at random moments, and resumed: same bytes, nothing left.

::

    python tests/resumes.py 100 2048    # kills, rows and columns; `make resumes`

Each attempt is a forked process that is killed by SIGKILL, whatever it does. The source writes down
what it is asked for, so that it is known what was read again.
"""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from random import Random

import imagecodecs  # noqa: F401 - once for all children
import numpy as np

import tinycog

CONFIGURATIONS = (
    {"compression": "zstd", "level": 1},
    {"compression": "zstd", "level": 1, "overview_resampling": "cubic", "statistics": True},
    {"compression": "lzw", "nodata": 0, "overview_resampling": "average"},
    {"compression": "deflate", "level": "auto", "predictor": 2, "interleave": "band"},
)

KILLS_OF_A_FILE = 6

KILLED_BY = 0.7
"""Part of the time of a whole write in which an attempt is killed."""

MOST_AGAIN = 10 << 20
"""Bytes of pixels that are read again after a kill at most: batches under way, and two regions."""


class Logged:
    """A file whose reads are written down, in a file that outlives the process."""

    def __init__(self, cog, log):
        self._cog, self._log = cog, log

    def __getattr__(self, name):
        return getattr(self._cog, name)

    def __await__(self):
        return self._cog.__await__()

    def tags(self, *args, **options):
        return self._cog.tags(*args, **options)

    async def read(self, **options):
        raster = await self._cog.read(**options)
        with self._log.open("a") as log:
            log.write(f"{raster.data.nbytes}\n")
        return raster


def image(size: int) -> np.ndarray:
    rng = np.random.default_rng(11)
    ramp = np.add.outer(np.arange(size), np.arange(size)) // 5 % 3001
    pixels = (ramp + rng.integers(0, 40, (size, size))).astype(np.uint16)
    pixels[: size // 4, : size // 2] = 0  # tiles in front of the one that decides
    return pixels


async def write(folder: Path, source: Path, options: dict) -> None:
    async with tinycog.open(source) as cog:
        await tinycog.write(
            folder / "out.tif", Logged(cog, folder / "asked"), blocksize=128, resume=True, **options
        )


def in_child(run: Callable[[], Coroutine], seconds: float | None = None) -> bool:
    """Run in a process that lives so long, None = as long as it takes; return if it was killed."""
    child = os.fork()
    if not child:
        code = 1
        try:
            asyncio.run(run())
            code = 0
        finally:
            os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        message = "a write failed"
        raise SystemExit(message)
    return os.WIFSIGNALED(status)


def attempt(folder: Path, source: Path, options: dict, seconds: float | None) -> bool:
    """Write, or go on, for so long; return whether it was killed."""
    return in_child(lambda: write(folder, source, options), seconds)


def asked(folder: Path) -> int:
    """Return the bytes of pixels that were read."""
    log = folder / "asked"
    return sum(map(int, log.read_text().split())) if log.exists() else 0


def writes(kills: int, source: Path, size: int) -> Iterator[str]:
    """Write until so many attempts were killed; give what is wrong."""
    random = Random(kills)  # noqa: S311 - no secret
    wanted: list[str] = []
    longest: list[float] = []
    for options in CONFIGURATIONS:
        with tempfile.TemporaryDirectory() as name:
            before = time.monotonic()
            attempt(Path(name), source, options, None)
            longest.append(time.monotonic() - before)
            wanted.append(digest(Path(name)))
    killed, files, most = 0, 0, 0.0
    while killed < kills:
        kind, files = files % len(CONFIGURATIONS), files + 1
        with tempfile.TemporaryDirectory() as name:
            folder, own = Path(name), 0
            options = CONFIGURATIONS[kind]
            while own < KILLS_OF_A_FILE and not is_whole(folder):
                own += attempt(
                    folder, source, options, random.uniform(0, KILLED_BY * longest[kind])
                )
            if not is_whole(folder):
                attempt(folder, source, options, None)
            killed += own
            told = f"{options} after {own} kills"
            if digest(folder) != wanted[kind]:
                yield f"{told}: other bytes"
            left = sorted(path.name for path in folder.iterdir())
            if left != ["asked", "out.tif"]:
                yield f"{told}: {left}"
            whole = 2 * size * size
            again = asked(folder) - whole
            most = max(most, again / max(own, 1))
            if again > own * MOST_AGAIN:
                yield f"{told}: {again} bytes were read again"
    print(  # noqa: T201 - a program
        f"{killed} kills, {files} files, read again after each: {most / (1 << 20):.1f} MiB at most"
    )


def is_whole(folder: Path) -> bool:
    """Return whether a write came to its end, killed or not."""
    return [path.name for path in folder.glob("*out.tif*")] == ["out.tif"]


def digest(folder: Path) -> str:
    """Return the hash of the file."""
    return hashlib.sha256((folder / "out.tif").read_bytes()).hexdigest()


def main() -> None:
    """Kill as many as the argument says; fail if something is wrong."""
    kills, size = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source.tif")
        in_child(lambda: make_source(source, size))  # threads of this process would be forked, too
        wrong = list(writes(kills, source, size))
    print("\n".join(wrong))  # noqa: T201 - likewise
    sys.exit(bool(wrong))


async def make_source(path: Path, size: int) -> None:
    """Write the file that is written anew."""
    await tinycog.write(path, image(size), compression="none", overviews=False, blocksize=256)


if __name__ == "__main__":
    main()
