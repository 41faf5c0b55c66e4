"""`tinycog.write(resume=)`: a write that was killed goes on, and gives the same bytes."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

import tinycog
import tinycog.sync
import tinycog.verifying
from tinycog.errors import NotFoundError, SourceError, UsageError
from tinycog.targets import journal_file
from tinycog.targets.journal_file import FIRST

KILLS, SIZE = 20, 1024

RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    """Have small images be encoded tile by tile, as large ones are batch by batch."""
    for name in ("LARGE_BATCH", "SMALL_BATCH"):
        monkeypatch.setattr(f"tinycog.writer.plan.{name}", 1 << 12)


class BrokenError(Exception):
    """The source breaks off."""


class Counted:
    """An open file that counts the pixels that are read of it, and breaks off where it is told."""

    def __init__(self, cog, left=None):
        self._cog, self.left, self.asked = cog, left, 0

    def __getattr__(self, name):
        return getattr(self._cog, name)

    def __await__(self):
        return self._cog.__await__()

    def tags(self, *args, **options):
        return self._cog.tags(*args, **options)

    async def read(self, **options):
        if self.left is not None:
            if not self.left:
                raise BrokenError
            self.left -= 1
        raster = await self._cog.read(**options)
        self.asked += raster.data.size
        return raster


def image(bands=1, rows=300, cols=260, dtype=np.uint16):
    ramp = np.add.outer(np.arange(rows), np.arange(cols)) // 3 % 97
    pixels = ramp[None] + RNG.integers(0, 5, (bands, rows, cols))
    pixels[:, : rows // 3] = 7
    return pixels.astype(dtype)


def blocks_of(pixels, size, count=None, seed=0):
    """Blocks in an order of their own, broken off behind the first `count`."""
    _, rows, cols = pixels.shape
    places = [(row, col) for row in range(0, rows, size) for col in range(0, cols, size)]
    Random(seed).shuffle(places)  # noqa: S311 - no secret
    for row, col in places:
        if count is not None:
            if not count:
                raise BrokenError
            count -= 1
        yield (row, col), pixels[:, row : row + size, col : col + size]


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


@pytest.mark.parametrize("name", ["chosen", "margins", "bands"])
async def test_of_a_file_only_what_lacks_is_read(name, tmp_path):
    pixels = image(rows=500, cols=700, dtype=np.uint8)
    options = {"blocksize": 64, "compression": "zstd", "level": 1, **CONFIGURATIONS[name]}
    data = (
        await tinycog.write(bytes, pixels, compression="none", overviews=False, blocksize=64)
    ).data
    whole = await tinycog.write(bytes, tinycog.open(data), **options)
    path = tmp_path / "a.tif"
    asked = 0
    for left in (3, 3, None):
        source = Counted(tinycog.open(data), left)
        if left is None:
            await tinycog.write(path, source, resume=True, **options)
        else:
            with pytest.raises(BrokenError):
                await tinycog.write(path, source, resume=True, **options)
            assert [one.name for one in tmp_path.iterdir()] == [".a.tif.tinycog-journal"]
        asked += source.asked

    assert path.read_bytes() == whole.data
    assert [one.name for one in tmp_path.iterdir()] == ["a.tif"]
    # what was under way, what lies around, the first and the last tile
    assert asked < 2 * pixels.size


@pytest.mark.parametrize("name", ["chosen", "mask", "bands", "nodata"])
async def test_what_is_resumed_is_read_back(name, tmp_path, monkeypatch):
    pixels, path = image(3, dtype=np.uint8), tmp_path / "a.tif"
    options = {"blocksize": 32, "verify": True, **CONFIGURATIONS[name]}
    told = {"shape": pixels.shape, "dtype": pixels.dtype, "resume": True, **options}
    with pytest.raises(BrokenError):
        await tinycog.write(path, blocks_of(pixels, 40, 30), **told)
    checked = []
    check = tinycog.verifying._check
    monkeypatch.setattr("tinycog.verifying._check", lambda *a: (checked.append(a), check(*a)))
    done = await tinycog.write(path, blocks_of(pixels, 50, seed=3), **told)
    assert len(checked) == done.plan.tiles
    assert path.read_bytes() == (await tinycog.write(bytes, pixels, **options)).data


async def test_another_version_does_not_go_on(tmp_path, monkeypatch):
    """Its bytes may be others."""
    pixels, options = image(), {"blocksize": 32, "predictor": 2}
    journal = await broken_off(tmp_path, pixels, **options)
    with monkeypatch.context() as patched:
        patched.setattr("tinycog.write_job.__version__", "0")
        with pytest.raises(UsageError, match=r"of another write \(.*version"):
            await given(pixels, resume=tmp_path, **options)
    assert journal.exists()
    await given(pixels, resume=tmp_path, **options)


async def broken_off(folder, pixels, **options):
    """Leave a journal; return its path."""
    with pytest.raises(BrokenError):
        await tinycog.write(
            bytes,
            blocks_of(pixels, 64, 24),
            shape=pixels.shape,
            dtype=pixels.dtype,
            resume=folder,
            **options,
        )
    (journal,) = folder.iterdir()
    return journal


async def given(pixels, **options):
    """Write all pixels, given by blocks."""
    told = {"shape": pixels.shape, "dtype": pixels.dtype, **options}
    return await tinycog.write(bytes, blocks_of(pixels, 64), **told)


async def test_a_torn_journal_is_read_as_far_as_it_is_whole(tmp_path):
    pixels, options = image(), {"blocksize": 32, "predictor": 2}
    whole = await tinycog.write(bytes, pixels, **options)
    journal = await broken_off(tmp_path, pixels, **options)
    kept = journal.read_bytes()
    random = Random(1)  # noqa: S311 - no secret
    for torn in (0, 5, FIRST, *(random.randrange(len(kept)) for _ in range(6))):
        for tail in (b"", bytes(100), random.randbytes(50)):
            if torn < FIRST and tail:
                continue
            journal.write_bytes(kept[:torn] + tail)
            resumed = await given(pixels, resume=tmp_path, **options)
            assert resumed.data == whole.data
            assert not journal.exists()


async def test_another_image_is_not_resumed(tmp_path):
    pixels, options = image(), {"blocksize": 32, "predictor": 2}
    whole = await tinycog.write(bytes, pixels, **options)
    journal = await broken_off(tmp_path, pixels, **options)
    with pytest.raises(UsageError, match="the journal is of another write"):
        await given(pixels, resume=tmp_path, nodata=7, **options)
    with pytest.raises(UsageError, match="the journal is of another write"):
        await given(pixels[:, :-1], resume=tmp_path, **options)
    changed = pixels.copy()
    changed[0, ::32, ::32] += 1
    with pytest.raises(UsageError, match=r"tile \(\d+, \d+\) are not those of the write that is"):
        await given(changed, resume=tmp_path, **options)
    assert journal.exists()
    # the memory may be another one
    resumed = await given(pixels, resume=tmp_path, memory=200 << 20, **options)
    assert resumed.data == whole.data
    assert list(tmp_path.iterdir()) == []


async def test_what_is_no_journal_is_left_alone(tmp_path):
    path, beside = tmp_path / "a.tif", tmp_path / ".a.tif.tinycog-journal"
    beside.write_bytes(b"a word")
    with pytest.raises(UsageError, match="no journal of tinycog"):
        await tinycog.write(path, image(), resume=True)
    assert beside.read_bytes() == b"a word"
    assert not path.exists()


async def test_two_writes_do_not_share_a_journal(tmp_path):
    started, ended = asyncio.Event(), asyncio.Event()
    pixels = image()

    async def waits():
        started.set()
        await ended.wait()
        yield (0, 0), pixels

    options = {"shape": pixels.shape, "dtype": pixels.dtype, "resume": True}

    async def first():
        return await tinycog.write(tmp_path / "a.tif", waits(), **options)

    task = asyncio.create_task(first())
    await started.wait()
    with pytest.raises(UsageError, match="another process is writing"):
        await tinycog.write(tmp_path / "a.tif", iter([((0, 0), pixels)]), **options)
    ended.set()
    assert (await task).length == (tmp_path / "a.tif").stat().st_size


async def test_a_write_goes_on_after_a_full_disk(tmp_path, monkeypatch):
    pixels = image()
    path = tmp_path / "a.tif"
    has_room = False

    def write_at(file, parts, position):
        if position > FIRST + 5000 and not has_room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(file, parts, position)

    written = journal_file.write_at
    monkeypatch.setattr(journal_file, "write_at", write_at)
    with pytest.raises(SourceError, match="the disk is full") as kept:
        await tinycog.write(path, pixels, blocksize=32, resume=True)
    has_room = True
    await tinycog.write(path, pixels, blocksize=32, resume=True)
    assert kept.value.__traceback__ is not None  # whoever holds it does not keep the lock
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"]
    expected = await tinycog.write(bytes, pixels, blocksize=32)
    assert path.read_bytes() == expected.data


@pytest.mark.parametrize("error", [GeneratorExit, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_write_goes_on_whatever_its_iterator_raised(tmp_path, is_async, error):
    pixels = image()
    options = {"shape": pixels.shape, "dtype": pixels.dtype, "blocksize": 32}
    path = tmp_path / "a.tif"

    class Broken:
        def __init__(self):
            self.blocks = blocks_of(pixels, 32, 40)

        def __iter__(self):
            return self

        def __next__(self):
            try:
                return next(self.blocks)
            except BrokenError:
                raise error from None

    class BrokenLater:
        def __init__(self):
            self.blocks = Broken()

        def __aiter__(self):
            return self

        async def __anext__(self):
            return next(self.blocks)

    source = BrokenLater() if is_async else Broken()
    expected = RuntimeError if error is GeneratorExit and not is_async else error
    with pytest.raises(expected) as kept:
        tinycog.sync.write(path, source, resume=True, **options)
    assert "ignored" not in str(kept.value)
    tinycog.sync.write(path, blocks_of(pixels, 32), resume=True, **options)
    assert [each.name for each in tmp_path.iterdir()] == ["a.tif"]
    assert path.read_bytes() == tinycog.sync.write(bytes, pixels, blocksize=32).data


async def test_where_the_journal_is_must_be_known(tmp_path):
    with pytest.raises(UsageError, match="resume=True is of a path"):
        await tinycog.write(bytes, image(), resume=True)
    with pytest.raises(NotFoundError, match="make it first"):
        await tinycog.write(bytes, image(), resume=tmp_path / "none")
    # an error before a pixel came leaves no journal
    with pytest.raises(NotFoundError):
        await tinycog.write(tmp_path / "none" / "a.tif", image(), resume=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_writes_that_are_killed_at_any_moment():
    script = Path(__file__).with_name("resumes.py")
    command = [sys.executable, script, str(KILLS), str(SIZE)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)  # noqa: S603 - our own
    assert done.returncode == 0, done.stdout + done.stderr
