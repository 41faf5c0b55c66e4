"""CI runs what the documents say, on the versions that pyproject.toml declares."""

from __future__ import annotations

import fnmatch
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import conftest
import pytest

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = {(3, 11): Path("a"), (3, 12): Path("b"), (3, 13): Path("c")}


@pytest.fixture(scope="module")
def matrix() -> Any:
    spec = importlib.util.spec_from_file_location("matrix", ROOT / ".ci" / "matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matrix", module)  # dataclasses look there
        patch.setattr(sys, "dont_write_bytecode", True)
        spec.loader.exec_module(module)
    return module


def test_ci_begins_with_the_test_command_of_the_readme(matrix):
    readme = (ROOT / "README.md").read_text()
    (command,) = re.findall(r"<!-- test command -->\n```sh\n(.*?)\n```", readme, re.DOTALL)
    first = matrix.all_parts(PYTHONS, (3, 11))[0]

    assert "python -m pytest" in command
    assert (first.commands, first.has_corpus) == ((command,), True)
    assert ".ci/matrix.py" in (ROOT / ".ci" / "run").read_text()


def test_every_python_and_the_lowest_versions_are_tried(matrix):
    names = [part.name for part in matrix.all_parts(PYTHONS, (3, 11))]

    assert names[1:] == [
        "Python 3.13",
        "Python 3.12, quick",
        "lowest versions, Python 3.11",
        "tools",
        "sdist and wheel",
        "linters",
    ]


def test_a_default_python_that_is_the_newest_is_not_tried_twice(matrix, capsys):
    names = [part.name for part in matrix.all_parts(PYTHONS, (3, 13))]

    assert names[1:3] == ["Python 3.11, quick", "Python 3.12, quick"]
    assert "skipped: a newer Python; none is found above 3.13" in capsys.readouterr().out


def test_every_dependency_has_a_lowest_version(matrix):
    project = PYPROJECT["project"]
    declared = project["dependencies"] + project["optional-dependencies"]["geo"]

    assert len(matrix.lowest()) == len(declared)
    for pin, requirement in zip(matrix.lowest(), declared, strict=True):
        assert requirement.startswith(pin.replace("==", ">="))


def test_a_part_ends_at_the_first_command_that_fails(matrix, capfd):
    outcome = matrix.run(matrix.Part("some", ("echo '2 passed in 0.10s'", "false", "echo no")))

    assert (outcome.failed, outcome.closing) == (True, "2 passed in 0.10s")
    assert "\nno\n" not in capfd.readouterr().out


def test_only_the_first_part_sees_the_corpus(matrix, monkeypatch, capfd):
    monkeypatch.setenv("TINYCOG_CORPUS", "there")
    for has_corpus in (True, False):
        matrix.run(matrix.Part("some", ("echo is ${TINYCOG_CORPUS-nowhere}",), has_corpus))

    assert re.findall("^is .*", capfd.readouterr().out, re.MULTILINE) == ["is there", "is nowhere"]


def test_the_quick_modules_are_there():
    assert {path.stem for path in (ROOT / "tests").glob("test_*.py")} >= conftest.QUICK


def test_the_sdist_packs_all_that_is_committed():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no clone of the repository")
    listed = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - git
    packed = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    tops = {f"/{name.split('/')[0]}" for name in listed.stdout.splitlines()}

    packed += ["/pyproject.toml"]  # hatchling always packs it
    assert {top for top in tops if not any(fnmatch.fnmatch(top, one) for one in packed)} == set()
