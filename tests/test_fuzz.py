"""Whatever the bytes: a right result or a `TinycogError`, in bounded time and memory.

Here a few broken files are tried, and the tools that try more of them (`make fuzz`). Every file
that ever failed stays in tests/corpus, and must never fail again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from mmap import mmap
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycog.sources.protocol import RangeSink, answer_whole
from tinycog.testing import Field, Layout, make_image, make_pyramid, make_tiff
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import ByteOrder, Tag

if sys.platform != "linux":
    pytest.skip("the tools need fork, setitimer and /proc", allow_module_level=True)

from fuzz import decoders, streams, watch
from fuzz.cases import Case, case_of, file, fixtures
from fuzz.children import Children, Given
from fuzz.exercise import GUARDED, TURNS, Mark, Visit, exercise, same_however_it_comes
from fuzz.keep import CORPUS, keep
from fuzz.minimize import minimized
from fuzz.mutate import mutate
from fuzz.places import places_of
from fuzz.watch import Failure
from fuzz.ways import Differs, Shattered

import tinycog
from tinycog.decode import lossless

REPLAY = Path(__file__).parent / "fuzz" / "replay.py"
OPEN = {
    "sigprof-in-axis-sums--made-bands.tif": "each of thousands of bands is resampled by itself",
    "sigprof-in-kernels-weigh--made-bands.tif": "the same, on a slow machine",
}
"""Kept files that still fail, and why."""
KEPT = sorted(str(path) for path in CORPUS.rglob("*.tif") if path.name not in OPEN)
USUAL_SECONDS = 0.06
"""Processor time of the loop in `slowness` on a quiet machine."""

FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
PLANTS = pytest.mark.usefixtures("plants")


# --- files that once failed ----------------------------------------------------------------------


def slowness() -> float:
    """How many times slower this machine is now than the one that the limits are meant for."""
    weights, lines = np.ones(4), np.ones((4, 8))
    begun = time.process_time()
    for _ in range(50_000):
        np.dot(weights, lines, out=np.zeros(8))
    return max((time.process_time() - begun) / USUAL_SECONDS, 1.0)


@pytest.mark.timeout(300)
def test_files_that_once_failed_do_not_fail_again():
    """In child processes: some took the whole process down, or its memory, or its time.

    Half of the ways on each Python: the default and the newest one have all of them together.
    """
    half = f"--half={sys.version_info.minor // 2 % 2}"
    command = [sys.executable, str(REPLAY), *KEPT, half, "--slack", f"{4 * slowness():.1f}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_that_still_fail_are_kept():
    assert {path.name for path in CORPUS.rglob("*.tif")} >= set(OPEN)


# --- broken files --------------------------------------------------------------------------------

DTYPES = ["?", "u1", "i2", "u4", "f4", "f8", "c8"]
GEO = [
    Field(Tag.ModelPixelScale, "DOUBLE", [10.0, 10.0, 0.0]),
    Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, 5e5, 5e6, 0.0]),
    Field(Tag.GeoKeyDirectory, "SHORT", [1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 32632]),
    Field(Tag.GDALMetadata, "ASCII", "<GDALMetadata><Item name='A'>b</Item></GDALMetadata>"),
    Field(Tag.GDALNoData, "ASCII", "7"),
]


@st.composite
def made(draw: st.DrawFn) -> bytes:
    """A good file: few pixels, many shapes."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 60), st.integers(1, 60)))
    order: ByteOrder = draw(st.sampled_from(["<", ">"]))
    ramp = np.arange(np.prod(shape)).reshape(shape)
    chain = make_pyramid(
        (ramp % 2 > 0) if dtype.kind == "b" else ramp.astype(dtype),
        tile=draw(st.sampled_from([None, (16, 16), (32, 16)])),
        rows_per_strip=draw(st.sampled_from([None, 1, 7])),
        compression=draw(st.sampled_from([1, 8])),
        predictor=draw(st.sampled_from([1, 2])) if dtype.kind in "ui" else 1,
        planar=draw(st.booleans()),
        byte_order=order,
        extra=draw(st.lists(st.sampled_from(GEO), unique_by=lambda field: field.tag)),
    )
    layouts = st.builds(
        Layout, st.sampled_from(["ifds-first", "ifds-last", "reversed"]), ghost=st.booleans()
    )
    return make_tiff(chain, byte_order=order, big=draw(st.booleans()), layout=draw(layouts))


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A made file with some of it changed, most likely where it says what it is."""
    data, donor = draw(made()), draw(st.sampled_from(fixtures()[:20]))
    random = draw(st.randoms(use_true_random=False))
    return mutate(data, places_of(data), random, file(donor))


turns = st.integers(0, TURNS - 1)


@given(made(), turns)
def test_a_good_file_is_read_the_same_in_all_ways(data, turn):
    asyncio.run(exercise(data, turn))


@settings(max_examples=150)
@given(broken(), turns)
def test_a_broken_file_gives_the_same_in_all_ways_or_our_errors(data, turn):
    asyncio.run(exercise(data, turn))


@given(broken(), turns)
def test_a_broken_file_says_the_same_however_its_bytes_come(data, turn):
    random = Random(turn)  # noqa: S311 - no secret
    handle = tinycog.open(data, limits=GUARDED)
    asyncio.run(same_however_it_comes(Visit(data, turn, GUARDED, random, handle)))


@FORKS
def test_cases_of_the_fuzzer_do_not_fail():
    cases = [Case(name, seed) for seed, name in enumerate(fixtures()[::4])]
    assert list(Children(slack=4).failures(cases)) == []


@FORKS
def test_both_decoders_of_a_codec_say_the_same_of_broken_streams(monkeypatch):
    monkeypatch.setattr(streams, "SIDES", (8, 16))
    monkeypatch.setattr(streams, "WEIGHTS", (1, 2))
    assert decoders.main(["lzw", "--streams", "1000"]) == 0


@FORKS
def test_decoders_that_differ_are_seen(monkeypatch, capsys):
    monkeypatch.setattr(streams, "SIDES", (8,))
    monkeypatch.setattr(streams, "WEIGHTS", (1,))
    monkeypatch.setattr(decoders, "CODECS", {"lzw": decoders.CODECS["lzw"]._replace(fast=flipped)})
    monkeypatch.setattr(decoders, "SAMPLE", 0)
    assert decoders.main(["lzw", "--streams", "200"]) == 1
    assert "differs: decoders" in capsys.readouterr().out


def flipped(segment, data):
    return bytes(255 - value for value in bytes(lossless.lzw_by_libtiff(segment, data)))


class Unsized(Shattered):
    """Does not say how long the file is, as some file systems do not."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        answer_whole(self.name, part, self.data[part.start : part.stop], answer)


FAR = 10_000_000
SMALL = make_image(np.zeros((1, 16, 16), np.uint8), tile=(16, 16))
OVERVIEW = SMALL.having(Field(Tag.NewSubfileType, "LONG", 1))
LOST = {
    "two values, one of which begins before the end": make_tiff(
        [
            SMALL.having(
                Field(270, "ASCII", "a" * 99, place=990), Field(42112, "ASCII", "a" * 99, place=445)
            )
        ]
    ),
    "a value of an overview": make_tiff(
        [SMALL, OVERVIEW.having(Field(Tag.BitsPerSample, "SHORT", [8] * 4, place=FAR))],
        layout=Layout(gap=30_000),
    ),
}


@pytest.mark.parametrize("lost", LOST)
def test_what_is_lost_is_a_finding_even_if_the_size_is_not_told(lost):
    source = Unsized(LOST[lost], Random(0))  # noqa: S311 - no secret
    cog = asyncio.run(awaited(tinycog.open(source, head_bytes=20)))
    assert cog.findings


async def awaited(cog: tinycog.Cog) -> tinycog.Cog:
    return await cog


# --- the tools -----------------------------------------------------------------------------------


def test_a_case_is_the_same_whenever_it_is_made():
    assert case_of(7) == case_of(7)
    cases = [Case(name, seed) for seed, name in enumerate(fixtures())]
    assert [case.make() for case in cases] == [case.make() for case in cases]
    assert sum(case.make() != file(case.name)[0] for case in cases) > 0.9 * len(cases)


def raises(error: Exception) -> None:
    raise error


PLANTED: dict[bytes, Callable[[], object]] = {
    b"leak": lambda: raises(KeyError()),
    b"differs": lambda: raises(Differs("one and the other (a, b): details")),
    b"stray": lambda: asyncio.get_running_loop().call_soon(raises, ZeroDivisionError()),
    b"warning": lambda: warnings.warn("of something", stacklevel=1),
    b"slow": lambda: deque(iter(int, 1), 0),
    b"memory": lambda: mmap(-1, 40 << 20).write(b"1" * (40 << 20)),
    b"hang": lambda: threading.Event().wait(),
    b"crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
}
FAILURES = {
    b"leak": ("leak", "KeyError in test_fuzz.raises"),
    b"differs": ("differs", "one and the other (a, b)"),
    b"stray": ("leak", "ZeroDivisionError in test_fuzz.raises"),
    b"warning": ("leak", "UserWarning in test_fuzz.<lambda>"),
    b"slow": ("slow", "SIGPROF in nowhere.known"),
    b"memory": ("memory", "a step"),
    b"hang": ("hang", "SIGALRM in nowhere.known"),
    b"crash": ("crash", "SIGSEGV in nowhere.known"),
}


async def planted(data: bytes, turn: int, mark: Mark) -> None:
    """Stands for `exercise`: fails as the data say."""
    del turn
    mark("a step")
    for name, plant in PLANTED.items():
        if name in data:
            plant()
    await asyncio.sleep(0)


@pytest.fixture
def plants(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children inherit it."""
    monkeypatch.setattr(watch, "exercise", planted)
    monkeypatch.setattr(watch, "CPU_SECONDS", 0.3)
    monkeypatch.setattr(watch, "GROWTH_BYTES", 20 << 20)
    monkeypatch.setattr(watch, "WALL_SECONDS", 4)


@FORKS
@PLANTS
def test_every_kind_of_failure_is_seen_and_none_ends_the_others():
    items = [Given(data, 0) for kind in FAILURES for data in (b"good", kind)]
    children = Children(processes=2)
    found = {item.data: failure[:2] for item, failure in children.failures([*items, items[0]])}
    assert found == FAILURES
    assert children.done == len(items) + 1


@FORKS
@PLANTS
def test_a_file_is_made_small_while_it_fails_so():
    data = b"12345678" * 500 + b"crash" + b"12345678" * 500
    smallest = minimized(data, 0, Failure("crash", "", ""))
    assert smallest.endswith(b"crash")
    assert len(smallest.strip(b"\0")) < 100


@FORKS
@PLANTS
def test_the_smallest_file_of_a_failure_is_kept_once(tmp_path):
    failure = Failure(*FAILURES[b"leak"], "")
    for data in (b"leak 1", b"leak 2"):
        keep(data, 0, failure, "name", tmp_path)
    (kept,) = tmp_path.rglob("*.tif")
    assert kept.relative_to(tmp_path).parts == ("leak", "keyerror-in-test-fuzz-raises--name.tif")
    assert kept.read_bytes() == b"leak"
    keep(b"good", 0, Failure("leak", "another", ""), "name", tmp_path)
    assert len(list(tmp_path.rglob("*.tif"))) == 1


def test_the_structure_of_a_file_is_found():
    found = places_of(file("cog-deflate-u8.tif")[0])
    cog = asyncio.run(awaited(tinycog.open(file("cog-deflate-u8.tif")[0])))
    assert len(found.ifds) == len(cog.levels)
    assert len(found.streams) == sum(level.grid[0] * level.grid[1] for level in cog.levels)
    assert {Tag.TileOffsets, Tag.GeoKeyDirectory} <= {array.tag for array in found.arrays}
