"""A job of tiles: its states, and what it leaves of a read that failed or was cancelled."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

import tinycog
from tinycog import CorruptTileError, Limits
from tinycog.fetch.fetcher import Fetcher
from tinycog.reader import tile_job
from tinycog.reader.tile_job import NOTHING_ODD, JobState, TileJob
from tinycog.reader.tile_parts import TilePart, tile_parts
from tinycog.reader.tile_reader import TileReader
from tinycog.sources.memory import MemorySource
from tinycog.testing import make_image, make_tiff
from tinycog.window import Tile

PIXELS = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64)
IMAGE = make_image(PIXELS, tile=(64, 64), compression=8)
DATA = make_tiff([IMAGE])
BROKEN = make_tiff([replace(IMAGE, tiles=[b"\xff" * len(IMAGE.tiles[0])])])


async def started(data: bytes) -> tuple[TileJob, np.ndarray]:
    """A job that reads the one tile of a file, and the array that the tile goes to."""
    image = (await tinycog.open(data)).levels[0].image
    out = np.zeros_like(PIXELS)
    parts: list[TilePart] = tile_parts(image, Tile(0, 0, 0), out)
    (job,) = await TileReader(Fetcher(MemorySource(data)), Limits()).begin([parts], ["raise"])
    return job, out


async def test_a_job_runs_until_all_parts_are_in_place():
    job, out = await started(DATA)
    assert job.state is JobState.RUNNING
    assert await job.wait() == [NOTHING_ODD]
    assert job.state is JobState.DONE
    np.testing.assert_array_equal(out, PIXELS)


async def test_a_job_fails_with_the_first_error_which_names_the_tile():
    job, _ = await started(BROKEN)
    with pytest.raises(CorruptTileError, match="level 0, tile x=0, y=0"):
        await job.wait()
    assert job.state is JobState.FAILED
    assert isinstance(job.error, CorruptTileError)


async def test_a_job_that_is_closed_while_it_runs_is_cancelled():
    job, _ = await started(DATA)
    waiting = asyncio.ensure_future(job.wait())
    await asyncio.sleep(0)
    job.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert job.state is JobState.CANCELLED


@pytest.mark.parametrize("name", ["release", "tile_error"])
async def test_an_error_of_a_callback_ends_the_job(name, monkeypatch):
    """Nobody calls it again: whoever waits would wait for ever."""

    def spoil(*_: object) -> None:
        raise KeyError(name)

    job, _ = await started(DATA if name == "release" else BROKEN)
    monkeypatch.setattr(tile_job, name, spoil)
    with pytest.raises(KeyError, match=name):
        await asyncio.wait_for(job.wait(), 10)
    assert job.state is JobState.FAILED


@pytest.mark.parametrize("name", ["release", "tile_error"])
async def test_an_error_of_a_callback_reaches_the_caller(name, monkeypatch):
    cog = await tinycog.open(DATA if name == "release" else BROKEN)

    def spoil(*_: object) -> None:
        raise KeyError(name)

    monkeypatch.setattr(tile_job, name, spoil)
    for read in (cog.read_tile(0, 0, 0), cog.read_tiles([(0, 0, 0)]), cog.read()):
        with pytest.raises(KeyError, match=name):
            await asyncio.wait_for(read, 10)


@pytest.mark.parametrize(("data", "state"), [(DATA, JobState.DONE), (BROKEN, JobState.FAILED)])
async def test_a_job_that_is_over_stays_as_it_ended(data, state):
    job, _ = await started(data)
    await asyncio.gather(job.wait(), return_exceptions=True)
    error = job.error
    job.close()
    assert (job.state, job.error) == (state, error)


async def test_a_job_of_no_parts_is_done_at_once():
    reader = TileReader(Fetcher(MemorySource(DATA)), Limits())
    (job,) = await reader.begin([[]], ["raise"])
    assert job.state is JobState.DONE
