"""Every block of Python and of a shell in the README and in docs/ runs, against this machine."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from documents.pages import PAGES, ROOT, Block, blocks_of, lacking, name_of
from store_servers import s3_store

import tinycog
from tinycog.testing import serve_in_thread

COG = ROOT / "src" / "tinycog" / "data" / "demo.tif"
SESSION = Path(__file__).parent / "documents" / "session.py"
WARM, CALL = SESSION.with_name("warm.py"), SESSION.with_name("call.py")
BEFORE = SESSION.parent / "before"
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]

NOT_RUN = {
    "README.md:2": "demo command",  # makes an environment; tests/test_cli.py runs the demo
    "README.md:3": "test command",  # CI begins with it
    "docs/viewer.md:2": "needs the server of the first block",  # tests/test_viewer.py asks one
}
"""Blocks that a comment says are not run here, by name; all others run."""

PATHS = os.pathsep.join(
    str(path) for path in (Path(tinycog.__file__).parents[1], SESSION.parents[1])
)
"""Where blocks find this tinycog, and what stands before them."""

SERVED: dict[str, Path] = dict.fromkeys(("image.tif", "a.tif", "20240131.tif", "20240202.tif"), COG)


def calling(address: str) -> list[str]:
    """A command that runs what follows it in a fork of the interpreter at that address."""
    return [sys.executable, "-IS", str(CALL), address]


def shims(folder: Path, address: str) -> Path:
    """Commands for blocks of a shell: this tinycog; pip and others, which do nothing here.

    `tinycog serve` has an interpreter of its own, until Ctrl-C, which comes after a few seconds.
    """
    folder.mkdir()
    command = f'{shlex.join([*calling(address), "tinycog"])} "$@"'
    alone = f'{shlex.quote(sys.executable)} -m tinycog "$@"'
    served = f"timeout --signal=INT 4 {alone}; status=$?; [ $status = 124 ] || exit $status"
    tinycog = f'if [ "$1" = serve ]; then {served}; else exec {command}; fi'
    for name, line in {"tinycog": tinycog, "pip": "exit 0", "upload": "cat >/dev/null"}.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    return folder


def work_of(page: Path, base: str) -> dict[str, object]:
    """What a page's session does; `base` is the url of the server that plays example.com."""
    steps: list[dict[str, str]] = []
    for block in blocks_of(page):
        if not block.not_run and not lacking(block):
            kind = "program" if block.is_program else block.language
            code = block.code.replace("https://example.com/", base)
            steps.append({"name": block.name, "kind": kind, "code": code})
    before = [path for stem in ("all", page.stem) if (path := BEFORE / f"{stem}.py").exists()]
    return {"base": base, "before": [str(path) for path in before], "steps": steps}


@pytest.fixture(scope="module")
def warm():
    """Address of an interpreter that has imported what pages use, to run forks of it."""
    environment = {**os.environ, "PYTHONPATH": PATHS, "OPENBLAS_NUM_THREADS": "1"}
    with TemporaryDirectory() as folder:
        address = str(Path(folder) / "warm")  # in a short path: sockets have room for no other
        command = [sys.executable, str(WARM), address]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:  # noqa: S603 - ours
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield address
            process.terminate()


@pytest.fixture(scope="module")
def results(tmp_path_factory, warm):
    """A function of a page that returns what is wrong with its blocks, by name."""

    @cache
    def run(name: str) -> dict[str, str]:
        page = ROOT / name
        folder = tmp_path_factory.mktemp("page")
        (folder / "work").mkdir()
        path = os.pathsep.join((str(shims(folder / "bin", warm)), os.environ["PATH"]))
        environment = {**os.environ, "PATH": path, "PYTHONPATH": PATHS, "BROWSER": "true"}
        with ExitStack() as stack:
            server = stack.enter_context(serve_in_thread(SERVED, cors=True))
            if "s3://" in page.read_text() and find_spec("moto") and find_spec("s3fs"):
                store = stack.enter_context(s3_store())
                for key in ("image.tif", "2024/20240131.tif", "2024/20240202.tif"):
                    store.put(key, COG.read_bytes())
                environment |= {
                    "AWS_ENDPOINT_URL": store.options["endpoint_url"],
                    "AWS_ACCESS_KEY_ID": store.options["key"],
                    "AWS_SECRET_ACCESS_KEY": store.options["secret"],
                    "AWS_REGION": "us-east-1",
                    "AWS_DEFAULT_REGION": "us-east-1",
                    "AWS_ALLOW_HTTP": "true",
                }
            work, found = folder / "work.json", folder / "results.json"
            work.write_text(json.dumps(work_of(page, server.url(""))))
            command = [*calling(warm), str(SESSION), str(work), str(found)]
            done = subprocess.run(  # noqa: S603 - ours
                command,
                cwd=folder / "work",
                env=environment,
                capture_output=True,
                text=True,
                timeout=400,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        return json.loads(found.read_text())

    return run


@pytest.mark.timeout(480)
@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_a_block_runs(block: Block, results):
    if block.not_run:
        pytest.skip(f"not run: {block.not_run}")
    if missing := lacking(block):
        pytest.skip(f"not installed: {', '.join(missing)}")
    wrong = results(block.page)
    if "NameError" in wrong[block.name] and any(
        lacking(other) for other in BLOCKS if other.page == block.page
    ):
        pytest.skip("goes on from a block that needs a package which is not installed")
    if wrong[block.name]:
        pytest.fail(wrong[block.name], pytrace=False)


@pytest.mark.timeout(480)
@pytest.mark.parametrize("name", [name_of(page) for page in PAGES])
def test_what_a_page_defines_works(name, results):
    if any(lacking(block) for block in BLOCKS if block.page == name):
        pytest.skip("not installed: what a block of it needs")
    assert results(name).get("after", "") == ""


def test_blocks_that_are_not_run_are_known_by_name():
    assert {block.name: block.not_run for block in BLOCKS if block.not_run} == NOT_RUN


def test_extras_that_pages_install_are_declared():
    for page in PAGES:
        for names in re.findall(r"tinycog\[([\w,-]+)\]", page.read_text("utf-8")):
            assert set(names.split(",")) <= set(EXTRAS), page


def test_what_stands_before_a_page_belongs_to_one():
    stems = {page.stem for page in PAGES}
    assert {path.stem for path in BEFORE.glob("*.py")} - {"all"} <= stems
