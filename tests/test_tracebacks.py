"""Tracebacks end where the caller's code called: whole scripts, counted line by line.

The measure is the same script that raises `OSError` where the call stands.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from inspect import iscoroutinefunction, unwrap
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog.errors import show_tracebacks
from tinycog.testing import Fault, RangeServer, make_image, make_tiff, serve_in_thread

AS_SHORT = 8
"""Lines that an error may be longer than an `OSError` that the script raises itself."""

IN_A_CELL = 12
"""Lines of an error in a notebook."""

ASYNC = """\
import asyncio

import numpy as np

import tinycog


async def main():
    {setup}
    {call}


asyncio.run(main())
"""

SYNC = """\
import numpy as np

import tinycog
import tinycog.sync

{setup}
{call}
"""


class Kind(NamedTuple):
    setup: str
    call: str
    error: str


KINDS = {
    "missing path": Kind("open('missing.tif')", "await cog.read_tile(0, 0, 0)", "NotFoundError"),
    "missing path, opened": Kind("open('missing.tif')", "await cog.preview()", "NotFoundError"),
    "404": Kind("open('{url}/missing.tif')", "await cog.read_tile(0, 0, 0)", "NotFoundError"),
    "not a TIFF": Kind("open('png.tif')", "await cog.read_tile(0, 0, 0)", "NotTiffError"),
    "no such level": Kind("open('good.tif')", "await cog.read_tile(7, 0, 0)", "TileIndexError"),
    "corrupt tile": Kind("open('bad.tif')", "await cog.read_tile(0, 0, 0)", "CorruptTileError"),
    "corrupt area": Kind("open('bad.tif')", "await cog.read()", "CorruptTileError"),
    "tiles": Kind(
        "open('bad.tif')", "{afor} tile in cog.iter_tiles(): tile.mask", "CorruptTileError"
    ),
    "context": Kind("open('missing.tif')", "{awith} cog: pass", "NotFoundError"),
    "wrong value": Kind("open('good.tif')", "await cog.read(window=(0, 0, -1, 4))", "UsageError"),
    "no such argument": Kind("open('good.tif')", "await cog.read(windw=(0, 0, 1, 4))", "TypeError"),
    "wrong source": Kind("open(b'')", "tinycog.open(5)", "UsageError"),
    "replaced": Kind(
        "open('{url}/good.tif', pin='\"x\"')", "await cog.read()", "SourceChangedError"
    ),
    "write": Kind(
        "open(b'')", "await tinycog.write('no/a.tif', np.ones((1, 8, 8)))", "NotFoundError"
    ),
    "validate": Kind("open(b'')", "await tinycog.validate('missing.tif')", "NotFoundError"),
    "export": Kind("open('good.tif')", "await tinycog.export(cog, 'no/a.npy')", "NotFoundError"),
    "mosaic": Kind("mosaic(['missing.tif'])", "await cog.read()", "NotFoundError"),
}


def bad_tile() -> bytes:
    """Return a file whose only tile is no Deflate."""
    pixels = np.random.default_rng(0).integers(0, 255, (1, 256, 256), "uint8")
    data = bytearray(make_tiff([make_image(pixels, tile=(256, 256), compression=8)]))
    (tile,) = tinycog.sync.open(bytes(data)).tile_ranges(0)
    data[tile.offset + 100 : tile.offset + 200] = b"\xff" * 100
    return bytes(data)


GOOD = make_tiff([make_image(np.zeros((1, 64, 64), "uint8"), tile=(64, 64), compression=8)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("tracebacks")
    (made / "good.tif").write_bytes(GOOD)
    (made / "bad.tif").write_bytes(bad_tile())
    (made / "png.tif").write_bytes(b"\x89PNG" * 100)
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[RangeServer]:
    with serve_in_thread({"good.tif": GOOD}) as running:
        yield running


def run(script: str, folder: Path, **environment: str) -> list[str]:
    """Run a script in a process of its own; return the lines that it writes to stderr."""
    path = folder / "script.py"
    path.write_text(script)
    done = subprocess.run(  # noqa: S603 - of this process
        [sys.executable, str(path)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
    )
    return done.stderr.splitlines()


def script(kind: Kind, url: str, *, blocks: bool) -> str:
    setup, call = kind.setup.replace("{url}", url), kind.call
    if blocks:
        words = {"{afor}": "for", "{awith}": "with", "await ": "", "tinycog.": "tinycog.sync."}
        for one, other in words.items():
            call = call.replace(one, other)
        return SYNC.format(setup=f"cog = tinycog.sync.{setup}", call=call)
    call = call.replace("{afor}", "async for").replace("{awith}", "async with")
    return ASYNC.format(setup=f"cog = tinycog.{setup}", call=call)


@pytest.fixture(scope="module")
def plain(folder):
    """Return the lines of an `OSError` that the script raises: async, and blocking."""
    kind = Kind("open(b'')", "raise OSError('x')", "OSError")
    found = [run(script(kind, "", blocks=blocks), folder) for blocks in (False, True)]
    assert [lines[-1] for lines in found] == ["OSError: x"] * 2
    return [len(lines) for lines in found]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("blocks", [False, True], ids=["async", "sync"])
def test_an_error_is_hardly_longer_than_one_of_the_script_itself(
    name, blocks, folder, server, plain
):
    kind = KINDS[name]
    lines = run(script(kind, server.url("").rstrip("/"), blocks=blocks), folder)

    assert re.fullmatch(rf"(tinycog\.errors\.)?{kind.error}: .+", lines[-1])
    assert len(lines) <= plain[blocks] + AS_SHORT, "\n".join(lines)
    assert not [line for line in lines if f"{os.sep}tinycog{os.sep}" in line]


CELLS = {
    "sync": "import tinycog, tinycog.sync\ntinycog.sync.open('missing.tif').read()",
    "async": "import tinycog\nawait tinycog.open('missing.tif').read()",
    "corrupt": "import tinycog, tinycog.sync\ntinycog.sync.open('bad.tif').read_tile(0, 0, 0)",
}


@pytest.mark.parametrize("name", CELLS)
def test_an_error_in_a_notebook_is_short(name, folder):
    pytest.importorskip("IPython", reason="IPython is not installed")
    shell = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "import sys\n"
        "shell = InteractiveShell.instance(colors='nocolor', history_length=0)\n"
        "shell.history_manager.enabled = False\n"
        "sys.stdout = sys.stderr\n"
        f"shell.run_cell({CELLS[name]!r})\n"
    )
    lines = run(shell, folder, IPYTHONDIR=str(folder / "ipython"))
    start = next(i for i, line in enumerate(lines) if line.startswith("-----"))
    shown = [line for line in lines[start:] if line]

    assert re.match(r"(NotFound|CorruptTile)Error: ", shown[-1])
    assert len(lines[start:]) <= IN_A_CELL, "\n".join(lines)


# --- frames of callers ---------------------------------------------------------------------------


def lines_of(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def find_key() -> dict[str, str]:
    raise KeyError("token")


async def failing_range(start: int, stop: int) -> bytes:
    del start, stop
    find_key()
    return b""


class FailingSource:
    """A source of a caller's."""

    name = origin = "mine"

    async def aopen(self) -> None:
        pass

    async def read_range(self, part: object, answer: object) -> None:
        del part, answer
        raise ValueError("mine")

    async def aclose(self) -> None:
        pass


@pytest.mark.parametrize(
    "make",
    [
        lambda: tinycog.open(failing_range),
        lambda: tinycog.open("http://127.0.0.1:9/a.tif", headers=find_key),
    ],
    ids=["range function", "headers"],
)
async def test_a_function_of_the_caller_keeps_its_frames(make):
    with pytest.raises(tinycog.SourceError) as caught:
        await make().read()

    cause = caught.value.__cause__
    assert isinstance(cause, KeyError)
    assert lines_of(cause)[-1] == "find_key"
    assert len(lines_of(caught.value)) == 1


async def test_a_source_of_the_caller_keeps_its_frames():
    with pytest.raises(ValueError, match="mine") as caught:
        await tinycog.open(FailingSource()).read()  # pyright: ignore[reportArgumentType]

    assert lines_of(caught.value)[1:] == ["read_range"]


def test_code_of_the_caller_that_is_run_for_him_keeps_its_frames():
    data = bad_tile()

    async def work() -> None:
        await tinycog.open(data).read()

    with pytest.raises(tinycog.CorruptTileError) as caught:
        tinycog.sync.run(work())

    assert lines_of(caught.value)[1:] == ["work"]


async def test_what_a_caller_was_handling_is_still_shown():
    def handle() -> None:
        try:
            find_key()
        except KeyError:
            tinycog.open(5)  # pyright: ignore[reportArgumentType]

    with pytest.raises(tinycog.UsageError) as caught:
        handle()

    assert not caught.value.__suppress_context__
    assert isinstance(caught.value.__context__, KeyError)


# --- what is left alone --------------------------------------------------------------------------


async def test_a_fault_of_the_library_keeps_its_frames(monkeypatch):
    monkeypatch.setattr("tinycog.reader.tile_buffer.TileBuffer", None)
    with pytest.raises(AttributeError) as caught:
        await tinycog.open(GOOD).read_tile(0, 0, 0)

    assert lines_of(caught.value)[1] == "read_tile"


async def test_a_cancellation_is_left_alone():
    async with RangeServer({"a.tif": GOOD}) as running:
        running.script(Fault.stall())
        task = asyncio.ensure_future(tinycog.open(running.url("a.tif")).read_tile(0, 0, 0))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_group_holds_short_errors():
    cog = await tinycog.open(GOOD)

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(cog.read_tile(7, 0, 0))
            group.create_task(cog.read_tile(8, 0, 0))

    with pytest.raises(ExceptionGroup) as caught:
        await both()

    assert [lines_of(one) for one in caught.value.exceptions] == [[], []]


async def test_errors_that_several_wait_for_show_each_of_them_once():
    cog = tinycog.open(bad_tile())

    async def first() -> None:
        await cog.read_tile(0, 0, 0)

    async def second() -> None:
        await cog.read_tile(0, 0, 0)

    errors = await asyncio.gather(first(), second(), return_exceptions=True)

    assert all(isinstance(one, tinycog.CorruptTileError) for one in errors)
    assert all(len(lines_of(one)) == 1 for one in errors if isinstance(one, Exception))


async def test_an_error_that_left_pickles():
    with pytest.raises(tinycog.CorruptTileError) as caught:
        await tinycog.open(bad_tile()).read()
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - of this process

    assert str(again) == str(caught.value)
    assert again.level == 0


# --- all of it -----------------------------------------------------------------------------------


@pytest.fixture
def whole() -> Iterator[None]:
    show_tracebacks()
    yield
    show_tracebacks(whole=False)


@pytest.mark.usefixtures("whole")
async def test_frames_and_causes_are_shown_on_demand():
    with pytest.raises(tinycog.NotFoundError) as caught:
        await tinycog.open("/nowhere/a.tif").read()

    assert isinstance(caught.value.__cause__, FileNotFoundError)
    assert "read_header" in lines_of(caught.value)


def test_the_environment_shows_them_too(folder):
    kind = KINDS["missing path"]
    lines = run(script(kind, "", blocks=True), folder, TINYCOG_TRACEBACKS="whole")

    assert [line for line in lines if "in read_header" in line]


async def test_what_an_error_was_made_of_stays_its_context():
    with pytest.raises(tinycog.NotFoundError) as caught:
        await tinycog.open("/nowhere/a.tif").read()

    assert caught.value.__suppress_context__
    assert isinstance(caught.value.__context__, FileNotFoundError)


async def test_the_log_has_all_of_it(caplog):
    with caplog.at_level(logging.DEBUG, "tinycog"), pytest.raises(tinycog.NotFoundError):
        await tinycog.open("/nowhere/a.tif").read()

    assert "read_header" in caplog.text
    assert "FileNotFoundError" in caplog.text


# --- no method is forgotten ----------------------------------------------------------------------


def awaited() -> Iterator[tuple[str, Callable[..., Awaitable[object]]]]:
    """Yield all that is public and awaited."""
    for name in tinycog.__all__:
        value = getattr(tinycog, name)
        if iscoroutinefunction(value):
            yield name, value
        if isinstance(value, type) and value.__module__.startswith("tinycog."):
            for member, function in vars(value).items():
                if not member.startswith("_") and iscoroutinefunction(function):
                    yield f"{name}.{member}", function


PROTOCOLS = ("Cache.", "HttpSession.", "Source.", "WriteTarget.", "ObjectStore.", "Supports")
"""What callers bring."""


def test_all_that_is_awaited_has_short_tracebacks():
    found = {
        name: unwrap(function) is not function
        for name, function in awaited()
        if not name.startswith(PROTOCOLS)
    }

    assert len(found) > 30
    assert [name for name, is_short in found.items() if not is_short] == []


def test_a_traceback_is_in_the_order_of_its_calls(folder):
    lines = run(script(KINDS["missing path"], "", blocks=True), folder)
    places = [i for i, line in enumerate(lines) if line.startswith("  File ")]

    assert all(one < other for one, other in pairwise(places))
    assert len(places) == 1
