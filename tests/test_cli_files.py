"""What all commands share: help, options, stdin, progress; `references`, `snapshot`, `bench`."""

from __future__ import annotations

import argparse
import io
import json
import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from conftest import fixture_path

import tinycog
import tinycog.sync
from tinycog.cli import COMMANDS, main
from tinycog.commands import progress
from tinycog.commands.opening import limits_of, open_options
from tinycog.commands.outcome import CommandParser
from tinycog.testing import serve_in_thread

U8 = str(fixture_path("cog-deflate-u8"))
DEMO = Path(tinycog.__file__).parent / "data" / "demo.tif"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# --- help ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_command_does_with_examples_that_it_understands(name, capsys):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    module = import_module(f"tinycog.commands.{name}")
    parser = CommandParser()
    module.add_options(parser)
    for example in module.EXAMPLES:
        assert f"  {example}\n" in shown
        words = shlex.split(example.partition("|")[0].partition(">")[0].partition("<")[0])
        if words[1] == name:
            parser.parse_args(words[2:])
    assert "Exit status: 0" in shown
    assert parser.description
    assert not {"None", "True", "False"} & set(shown.split())


def test_help_of_all_says_what_each_command_does(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {text}" in shown for name, text in COMMANDS.items())


# --- how files are opened ------------------------------------------------------------------------


def test_headers_are_sent(tmp_path):
    (tmp_path / "headers").write_text("X-Two: second\nX-Three: a:b\n")
    with serve_in_thread({"a.tif": DEMO}) as server:
        options = ["--header", "X-One: first", "--header", "@headers"]
        assert main(["info", server.url("a.tif"), *options]) == 0
        (line,) = server.log
    sent = {name: line.headers.get(name) for name in ("x-one", "x-two", "x-three")}
    assert sent == {"x-one": "first", "x-two": "second", "x-three": "a:b"}


def test_a_generation_that_is_not_there_is_refused(capsys):
    with serve_in_thread({"a.tif": DEMO}) as server:
        assert main(["info", server.url("a.tif"), "--pin", '"another"']) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "changed" in line or "generation" in line


def test_limits_have_names_and_units():
    found = limits_of(
        ["tiles=7", "result_bytes=1MiB", "tries=1", "seconds=2.5", "unsafe_codecs=true"]
    )
    assert (found.tiles, found.result_bytes, found.unsafe_codecs) == (7, 1 << 20, True)
    assert (found.retries.tries, found.retries.seconds) == (1, 2.5)


def test_a_limit_holds_and_says_how_it_is_raised(capsys):
    assert main(["read", U8, "-o", "a.npy", "--limits", "tiles=2"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("; --limits tiles=N raises it")


def test_options_of_stores_and_of_http():
    parser = argparse.ArgumentParser()
    module = import_module("tinycog.commands.info")
    module.add_options(parser)
    words = "s3://b/a.tif --storage-option anon=true --proxy http://p:1 --cache c --head-bytes 1MiB"
    found = open_options(parser.parse_args(words.split()))
    assert found["storage_options"] == {"anon": "true"}
    assert found["http"].proxy == "http://p:1"
    assert found["head_bytes"] == 1 << 20
    assert isinstance(found["cache"], tinycog.DiskCache)


def test_a_page_of_a_file(capsys):
    assert main(["info", str(fixture_path("tifffile-pages")), "--page", "1", "--json"]) == 0
    with tinycog.sync.open(fixture_path("tifffile-pages")) as cog:
        expected = list(cog.page(1).read_level(0).shape[1:])
    assert json.loads(capsys.readouterr().out)["shape"] == expected


def test_a_file_in_stdin(capsys, monkeypatch):
    data = io.BytesIO(Path(U8).read_bytes())
    data.seekable = lambda: False  # pyright: ignore[reportAttributeAccessIssue] - a pipe
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(data))
    assert main(["info", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [260, 300]


def test_the_document_of_info_has_levels_and_size(capsys):
    assert main(["info", U8, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["size"]) == (U8, Path(U8).stat().st_size)
    assert [level["tiles"] for level in found["levels"]] == [[3, 3], [2, 2], [1, 1]]


# --- snapshot ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.snapshot", "a.json"])
def test_a_snapshot_saves_the_request_for_the_header(name, capsys):
    with serve_in_thread({"a.tif": DEMO}) as server:
        assert main(["snapshot", server.url("a.tif"), "-o", name]) == 0
        assert f"wrote {name}: " in capsys.readouterr().out
        server.clear()
        words = ["tile", server.url("a.tif"), "0", "1", "1", "-o", "a.npy", "--snapshot", name]
        assert main(words) == 0
        assert len(server.log) == 1
    with tinycog.sync.open(DEMO) as cog:
        np.testing.assert_array_equal(np.load("a.npy"), cog.read_tile(0, 1, 1).data)


# --- references ----------------------------------------------------------------------------------


def test_references_are_those_of_the_library(tmp_path, capsys):
    pytest.importorskip("pyproj", reason="pyproj is not installed")
    with serve_in_thread({"a.tif": fixture_path("cog-metadata")}) as server:
        url = server.url("a.tif")
        assert main(["references", url, "-o", "a.json"]) == 0
        assert main(["references", url, "-o", "-", "--quiet"]) == 0
        with tinycog.sync.open(url) as cog:
            expected = cog.references()
    out = capsys.readouterr().out
    assert json.loads((tmp_path / "a.json").read_text()) == expected
    assert json.loads(out[out.index("{") :]) == expected
    assert "wrote a.json: 14 references, by 1 request, " in out


# --- bench ---------------------------------------------------------------------------------------


def test_bench_says_what_it_measured(capsys):
    with serve_in_thread({"a.tif": DEMO}) as server:
        assert main(["bench", server.url("a.tif"), "--json", "--tiles", "5"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert main(["bench", server.url("a.tif")]) == 0
    assert (document["tiles"], document["open_requests"]) == (5, 1)
    assert min(document[name] for name in document if name.endswith("seconds")) > 0
    lines = capsys.readouterr().out.splitlines()[1:]
    names = ["opened", "round trip", "bytes", "tiles", "codec alone"]
    assert [line[2:13].strip() for line in lines] == names


# --- progress ------------------------------------------------------------------------------------


def test_a_bar_is_shown_after_a_second_and_removed(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.shown_progress(argparse.Namespace(quiet=False), "tiles") as show:
        assert show is not None
        show(1, 4)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "SHOWN_SECONDS", -10)
        show(1, 4)
        line = capsys.readouterr().err
        assert line.startswith("\r[#####...............]  25% of 4 tiles, ")
    assert capsys.readouterr().err == "\r" + " " * (len(line) - 1) + "\r"


@pytest.mark.parametrize(("quiet", "is_terminal"), [(True, True), (False, False)])
def test_nothing_is_shown_where_nobody_looks(quiet, is_terminal, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with progress.shown_progress(argparse.Namespace(quiet=quiet), "tiles") as show:
        assert show is None


def test_a_long_read_says_what_has_come(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0)
    monkeypatch.setattr(progress, "SHOWN_SECONDS", 0.01)
    with serve_in_thread({"a.tif": DEMO}, latency=0.3) as server:
        assert main(["read", server.url("a.tif"), "-o", "a.npy"]) == 0
    assert "\r1 request, " in capsys.readouterr().err


# --- output that ends early ----------------------------------------------------------------------


def piped(words: str, then: str) -> tuple[int, bytes]:
    """The status of a command whose output another one reads, and what it says on stderr."""
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "tinycog", *words.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        assert command.stdout.read(len(then)) == then.encode("latin1")
        command.stdout.close()
        return command.wait(60), command.stderr.read()


@pytest.mark.parametrize(
    "words", [f"read {DEMO} -o - --quiet", f"cogify {DEMO} - --compression none"]
)
def test_whoever_reads_the_output_may_leave(words):
    status, told = piped(words, "\x93NUMPY" if "read" in words else "II")
    assert (status, told) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_all_of_a_result_goes_to_a_pipe(unbuffered):
    command = [sys.executable, "-m", "tinycog", *f"read {DEMO} -o - --quiet".split()]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": unbuffered}
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(6)  # the pipe is full while the rest waits
        rest = process.stdout.read()
        assert process.wait(60) == 0
    with tinycog.sync.open(DEMO) as cog:
        np.testing.assert_array_equal(np.load(io.BytesIO(first + rest)), cog.read().data)


def test_debug_shows_where_an_error_comes_from(capsys):
    assert main(["info", "no.tif", "--debug"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "tinycog: there is no such file: no.tif"


def test_an_error_of_ours_that_nobody_expects_is_one_line_too(capsys, monkeypatch):
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("what\nis this?")

    monkeypatch.setattr(tinycog, "open", fail)
    assert main(["info", U8]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "tinycog: RuntimeError: what is this? (this is a fault of tinycog; --debug shows where)"
    )


def test_a_name_cannot_steer_the_terminal(capsys):
    assert main(["info", "no\x1b[2J.tif"]) == 2
    assert capsys.readouterr().err == "tinycog: there is no such file: no\\x1b[2J.tif\n"


def test_the_command_line_starts_without_what_it_does_not_need():
    script = (
        "import sys, tinycog.cli as cli\n"
        "try: cli.main(['info', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*[name for name in ('imagecodecs', 'aiohttp', 'zarr', 'xarray', 'pyproj')"
        " if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
