"""How a producer of data puts validation into CI: the examples of docs/validate.md, run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from validation.files import LATE, cog, good, pyramid

import tinycog
from tinycog.cli import main
from tinycog.testing import serve_in_thread

PAGE = (Path(__file__).parent.parent / "docs" / "validate.md").read_text("utf-8")

BAD = cog(*pyramid(), layout=LATE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder with a good file in out/, in which commands run; `tinycog` is this one."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.tif").write_bytes(good())
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "tinycog"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tinycog "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(tinycog.__file__).parent.parent))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.skipif(shutil.which("sh") is None, reason="a workflow's steps are those of a shell")
def test_the_steps_of_a_workflow(folder):
    built, published = (
        step.removeprefix("- run: ").strip().removeprefix("pip install tinycog && ")
        for step in blocks("yaml")
        if step.startswith("- run: ")
    )

    run = subprocess.run(built, shell=True, check=False, capture_output=True)  # noqa: S602
    assert run.returncode == 0
    (folder / "out" / "b.tif").write_bytes(BAD)
    assert main(built.replace("out/*.tif", "out/a.tif out/b.tif").split()[1:]) == 1
    with serve_in_thread({"image.tif": good()}, cors=True) as server:
        step = published.replace("https://example.com/image.tif", server.url("image.tif"))
        assert main(step.split()[1:]) == 0


def test_the_hook_of_pre_commit(folder, capsys):
    (hook,) = (block for block in blocks("yaml") if block.startswith("repos:"))
    entry, pattern = (re.search(rf"{key}: (.*)", hook) for key in ("entry", "files"))
    assert entry is not None
    assert pattern is not None
    assert re.search(pattern[1], "out/a.tif")
    assert not re.search(pattern[1], "out/a.tif.aux.xml")

    words = shlex.split(entry[1])[1:]
    assert main([*words, "out/a.tif"]) == 0
    (folder / "out" / "b.tiff").write_bytes(BAD)
    assert main([*words, "out/a.tif", "out/b.tiff"]) == 1
    assert "error: " in capsys.readouterr().out


def test_the_test_of_pytest(folder, monkeypatch):
    (test,) = (block for block in blocks("python") if "import pytest" in block)
    (folder / "test_files.py").write_text(test)
    (folder / "out" / "b.tif").write_bytes(BAD)
    monkeypatch.setenv(
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"
    )  # they take longer to load than all else
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_files.py"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert "1 failed, 1 passed" in run.stdout
    assert "[gdal/first-ifd]" in run.stdout


def test_several_files_are_one_document_of_junit(folder, capsys):
    (folder / "out" / "b.tif").write_bytes(BAD)
    assert (
        main(["validate", "out/a.tif", "out/b.tif", "--profile", "gdal", "--format", "junit"]) == 1
    )
    text = capsys.readouterr().out
    assert text.count("<testsuites>") == 1
    assert text.count("<testsuite ") == 2
    assert 'failures="1"' in text


def test_the_report_that_is_shown_is_that_of_such_a_file(folder, capsys):
    (shown,) = (block for block in blocks("text") if "cogify" in block)
    (folder / "image.tif").write_bytes(BAD)
    main(["validate", "image.tif", "--profile", "gdal"])
    told = capsys.readouterr().out.splitlines()
    lines = [line for line in shown.splitlines() if "error" not in line]
    assert set(lines) <= set(told)
