"""Ten wrong uses of the command line: one clear line each, exit status 2, and nothing in vain."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import fixture_path

import tinycog
from tinycog import extras
from tinycog.cli import main
from tinycog.testing import Fault, serve_in_thread

DEMO = Path(tinycog.__file__).parent / "data" / "demo.tif"
U8 = str(fixture_path("cog-deflate-u8"))

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(64)
LOGIN = b"<!DOCTYPE html>\n<html><body>Please log in to the proxy.</body></html>\n"

COMMANDS = [
    "info {}",
    "tile {} 0 0 0 -o out/a.png",
    "preview {} -o out/a.png",
    "read {} -o out/a.npy",
    "points {} 1 2",
    "stats {}",
    "plan {}",
    "cogify {} out/a.tif",
    "mosaic {} -o out/a.tif",
    "export {} -o out/a.npy",
    "references {} -o out/a.json",
    "snapshot {} -o out/a.json",
    "bench {}",
    "index {} -o out/a.jsonl",
]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()


def told(words: list[str], capsys: pytest.CaptureFixture[str], status: int = 2) -> str:
    """The line that a command says; it writes nothing else and leaves nothing."""
    try:
        found = main(words)
    except SystemExit as left:
        found = left.code
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert (found, out) == (status, ""), line
    assert line.startswith("tinycog: ")
    assert "Traceback" not in line
    assert list(Path("out").iterdir()) == []
    return line


def each(command: str, where: object) -> list[str]:
    return command.format(where).split()


@pytest.mark.parametrize("command", COMMANDS)
def test_1_a_bad_path(command, capsys):
    line = told(each(command, "no.tif"), capsys)
    assert "there is no such file: " in line
    assert line.endswith("no.tif")


@pytest.mark.parametrize("command", COMMANDS)
def test_2_a_png_file(command, capsys):
    Path("a.png").write_bytes(PNG)
    assert "not a TIFF but a PNG" in told(each(command, "a.png"), capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_3_a_directory(command, capsys):
    Path("folder").mkdir()
    assert "it is a folder: name a file in it: " in told(each(command, "folder"), capsys)


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        ("read {} -o out/a.zarr", "zarr", "zarr"),
        ("index {} -o out/a.parquet", "pyarrow", "collections"),
        ("references {} -o out/a.parq", "fastparquet", "references"),
    ],
)
def test_4_an_extra_that_is_not_installed(words, package, extra, capsys, monkeypatch):
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name == package else find_spec("json")
    )
    with serve_in_thread({"a.tif": DEMO}) as server:
        line = told(each(words, server.url("a.tif")), capsys)
        assert server.log == []
    assert line == f"tinycog: this needs {package}: pip install 'tinycog[{extra}]'"


@pytest.mark.parametrize(
    "command",
    [
        "tile {} 9 0 0 -o out/a.png",
        "read {} --level 9 -o out/a.npy",
        "plan {} --level 9",
        "stats {} --level 9",
        "points {} 1 2 --level 9",
    ],
)
def test_5_a_level_that_is_not_there(command, capsys):
    with serve_in_thread({"a.tif": DEMO}) as server:
        line = told(each(command, server.url("a.tif")), capsys)
        assert len(server.log) == 1  # the header, which says what there is
    assert "level 9 does not exist (levels 0 to 2, 0 = full resolution)" in line
    assert line.endswith("; tinycog info lists levels and tiles")


def test_6_a_url_that_ignores_ranges(capsys):
    large = DEMO.read_bytes().ljust(64 << 20, b"\0")
    with serve_in_thread({"a.tif": large}, faults=[Fault.ignore_range(times=None)]) as server:
        line = told(["info", server.url("a.tif")], capsys)
        assert len(server.log) <= 2
        assert sum(one.sent for one in server.log) < len(large) / 2
    assert "the server ignores ranges and sent the whole object of 67,108,864 bytes" in line
    assert line.endswith("; --limits whole_bytes=64MiB accepts up to so many")


@pytest.mark.parametrize("status", [401, 403])
def test_7_no_permission_at_a_server(status, capsys):
    with serve_in_thread({"a.tif": DEMO}, faults=[Fault.status(status, times=None)]) as server:
        line = told(["info", server.url("a.tif")], capsys)
        assert len(server.log) == 1
    assert re.search(rf"access (is denied|needs credentials) \(HTTP {status} ", line)
    assert line.endswith("; credentials are sent by --header, --netrc or --storage-option")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_7_no_permission_for_a_file(capsys):
    Path("a.tif").write_bytes(DEMO.read_bytes())
    Path("a.tif").chmod(0)
    assert "Permission denied" in told(["info", "a.tif"], capsys)


@pytest.mark.parametrize("command", COMMANDS)
def test_8_a_proxy_page_instead_of_the_file(command, capsys):
    with serve_in_thread({"a.tif": LOGIN}, faults=[Fault.ignore_range(times=None)]) as server:
        line = told(each(command, server.url("a.tif")), capsys)
        assert len(server.log) == 1
    assert "not a TIFF but an HTML page: a login or error page of the server?" in line


LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # a file of it would be cut without an error, and stay
from tinycog.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.exit(main(sys.argv[1:]))
"""
"""A program that may write files of 20 kB at most: as on a disk that is full then."""

WRITES = [
    "read {} -o out/a.npy",
    "read {} -o out/a.png",
    "read {} -o out/a.tif",
    "tile {} 0 0 0 -o out/a.npy",
    "cogify {} out/a.tif",
    "mosaic {} -o out/a.tif",
    "stack {} {} -o out/a.npy",
    "demo -o out/a.png --latency-ms 0 --quiet",
]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are POSIX")
@pytest.mark.parametrize("command", WRITES)
def test_9_a_full_disk_leaves_nothing_and_is_told_with_the_name(command):
    ending = command.split("out/a")[1].split()[0]
    words = [word if word != "{}" else str(DEMO) for word in command.split()]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, check=False
    )
    (line,) = (one for one in done.stderr.splitlines() if one.startswith("tinycog: "))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert line.endswith(f"out/a{ending}")
    assert "File too large" in line
    assert list(Path("out").iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize(
    "words", ["info {}", "read {} -o - --quiet", "points {} 1 2", "plan {}", "stats {}"]
)
def test_9_a_full_disk_behind_stdout(words):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-m", "tinycog", *each(words, DEMO)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "tinycog: the disk is full: no room: standard output\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize(
    "command",
    [
        "info {}",
        "read {} -o out/a.npy",
        "cogify {} out/a.tif",
        "stats {}",
        "export {} -o out/a.npy --no-resume",
    ],
)
def test_10_ctrl_c_ends_at_once_and_leaves_nothing(command):
    with serve_in_thread({"a.tif": DEMO}, latency=30) as server:
        with subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", "tinycog", *each(command, server.url("a.tif"))],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while not server.log and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        assert len(server.log) == 1
    assert (process.returncode, out, err) == (130, "", "tinycog: stopped by Ctrl-C\n")
    assert list(Path("out").iterdir()) == []


def test_what_was_there_stays_where_nothing_can_be_written_over_it(capsys):
    Path("out/a.npy").write_bytes(b"before")
    assert main(["read", "no.tif", "-o", "out/a.npy"]) == 2
    assert main(["read", U8, "--limits", "tiles=1", "-o", "out/a.npy"]) == 2
    assert Path("out/a.npy").read_bytes() == b"before"
    capsys.readouterr()
    assert main(["read", U8, "-o", "out/a.npy", "--quiet"]) == 0
    assert np.load("out/a.npy").shape == (1, 260, 300)
