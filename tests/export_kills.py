"""Exports that are killed at random moments, and go on: same bytes, no tile twice, nothing left.

::

    python tests/export_kills.py 20 4096    # kills, rows and columns; `make export-resumes`

Each attempt is a process that is killed by SIGKILL, whatever it does. Its source writes down what
it is asked for, so that it is known what was read again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import numpy as np

import tinycog

HEAD = 32 << 10
"""Bytes of the first request: header and index."""

MEMORY = {"npy": 12 << 20, "zarr": 12 << 20, "tif": 160 << 20}

KILLS_OF_A_FILE = 6

KILLED_BY = 0.7
"""Part of the time of a whole export in which an attempt is killed."""

MOST_AGAIN = {"npy": 6 << 20, "zarr": 6 << 20, "tif": 34 << 20}
"""Bytes that are read twice for each kill at most: pieces that are held, or regions of `write`, the
one that is read, those whose tiles are encoded, and two that tell if the source is the same."""


class Logged:
    """A file whose ranges are written down, in a file that outlives the process."""

    def __init__(self, path: Path, log: Path, delay: float) -> None:
        self._data = path.read_bytes()
        self._log, self._delay = log, delay
        self._has_begun = False
        self.name = "logged"

    async def __call__(self, start: int, stop: int) -> bytes:
        if start >= HEAD and not self._has_begun:
            self._has_begun = True
            print("begins", flush=True)  # noqa: T201 - to the parent
        with self._log.open("a") as log:
            log.write(f"{start} {stop}\n")
        await asyncio.sleep(self._delay)
        return self._data[start:stop]


def image(size: int) -> np.ndarray:
    rng = np.random.default_rng(11)
    ramp = np.add.outer(np.arange(size), np.arange(size)) // 5 % 3001
    pixels = (ramp + rng.integers(0, 40, (size, size))).astype(np.uint16)
    pixels[: size // 4, : size // 2] = 0
    return pixels


async def make_source(path: Path, size: int) -> None:
    await tinycog.write(path, image(size), nodata=0, blocksize=128, compression="zstd")


async def export(folder: Path, kind: str, delay: float) -> None:
    """Export a window that begins inside of tiles."""
    source = Logged(folder.parent / "source.tif", folder / "asked", delay)
    async with tinycog.open(source, cache=False) as cog:
        window = (50, 30, cog.width - 100, cog.height - 60)
        target = folder / f"out.{kind}"
        found = await tinycog.export(cog, target, window=window, memory=MEMORY[kind])
    with (folder / "asked").open("a") as log:
        log.write(f"{found.resumed} of {found.pieces} were done before\n")
    assert found.account.asked == window[2] * window[3]
    assert sum(found.account[1:]) == found.account.asked


def attempt(folder: Path, kind: str, delay: float, seconds: float | None) -> tuple[bool, float]:
    """Export, or go on, for so long, None = as long as it takes; return whether it was killed.

    Also returned are the seconds that it lived.
    """
    command = [sys.executable, __file__, "child", str(folder), kind, str(delay)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - itself
    with child:
        assert child.stdout is not None
        has_begun = child.stdout.readline() == "begins\n"  # else nothing was left to be read
        before = time.monotonic()
        if has_begun and seconds is not None:
            time.sleep(seconds)
            child.send_signal(signal.SIGKILL)
    if child.returncode not in (0, -signal.SIGKILL):
        message = f"an export failed: {child.returncode}"
        raise SystemExit(message)
    return child.returncode != 0, time.monotonic() - before


def digest(folder: Path, kind: str) -> str:
    """Return the hash of what was exported, of all files of a folder."""
    found = hashlib.sha256()
    target = folder / f"out.{kind}"
    for path in [target] if target.is_file() else sorted(target.rglob("*")):
        if path.is_file():
            found.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return found.hexdigest()


def again(folder: Path) -> tuple[int, str]:
    """Return the bytes of pixels that were asked for twice, and what the last attempt tells."""
    *lines, last = (folder / "asked").read_text().splitlines()
    ranges = sorted((int(a), int(b)) for a, b in (line.split() for line in lines))
    asked = sum(stop - start for start, stop in ranges if start >= HEAD)
    stop_so_far = union = 0
    for start, stop in ranges:
        if start >= HEAD:
            union += max(stop - max(start, stop_so_far), 0)
            stop_so_far = max(stop_so_far, stop)
    return asked - union, last


def kill_and_resume(root: Path, kind: str, kills: int, random: Random, delay: float) -> list[str]:
    """Export until so many attempts were killed; return what is wrong."""
    whole = root / f"whole-{kind}"
    whole.mkdir()
    _, longest = attempt(whole, kind, delay, None)
    wrong: list[str] = []
    files = killed = 0
    while killed < kills:
        folder, own = root / f"{kind}-{files}", 0
        folder.mkdir()
        target = folder / f"out.{kind}"
        while own < min(KILLS_OF_A_FILE, kills - killed) and not target.exists():
            own += attempt(folder, kind, delay, random.uniform(0, KILLED_BY * longest))[0]
        if not target.exists():
            attempt(folder, kind, delay, None)
        files, killed = files + 1, killed + own
        wrong += look(folder, whole, kind, own)
    print(f"{kind}: {killed} kills, {files} files, {longest:.1f} s without kills")  # noqa: T201
    return wrong


def look(folder: Path, whole: Path, kind: str, kills: int) -> list[str]:
    """Return what is wrong with an export that was killed so many times."""
    told, wrong = f"{kind} after {kills} kills", list[str]()
    if digest(folder, kind) != digest(whole, kind):
        wrong.append(f"{told}: other bytes")
    left = sorted(path.name for path in folder.iterdir())
    expected = sorted(path.name for path in whole.iterdir())
    if left != expected:
        wrong.append(f"{told}: {left}, not {expected}")
    twice, last = again(folder)
    if twice > kills * MOST_AGAIN[kind]:
        wrong.append(f"{told}: {twice} bytes were read twice")
    print(f"{told}: {last}; {twice} bytes were read twice")  # noqa: T201 - a program
    return wrong


def run(kills: int, size: int, kinds: tuple[str, ...], delay: float) -> list[str]:
    """Export to each kind; return what is wrong."""
    random = Random(kills)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        asyncio.run(make_source(root / "source.tif", size))
        return [one for kind in kinds for one in kill_and_resume(root, kind, kills, random, delay)]


def main() -> None:
    if sys.argv[1] == "child":
        asyncio.run(export(Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
        os._exit(0)
    wrong = run(int(sys.argv[1]), int(sys.argv[2]), ("npy", "zarr", "tif"), 0.002)
    print("\n".join(wrong) or "all as it should be")  # noqa: T201 - a program
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
