"""What the documents say is true: their examples run, their commands are those that CI runs."""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from tinycog.cli import COMMANDS as CLI_COMMANDS
from tinycog.cli import main
from tinycog.testing import serve_in_thread

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COG = ROOT / "src" / "tinycog" / "data" / "demo.tif"


RASTERIO = "-W", "ignore:Use `@` matmul:PendingDeprecationWarning"
"""Rasterio 1.4 multiplies by what affine 3 warns of."""

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def scripts() -> list[tuple[str, str]]:
    """Examples that are whole programs, with the page of each."""
    return [
        (page.name, block)
        for page in PAGES
        for block in blocks(page, "python")
        if re.search(r"asyncio\.run|import tinycog\.sync|import xarray", block)
    ]


def lacking(example: str) -> set[str]:
    """What an example needs that is not installed: packages, and ours for an engine of xarray."""
    imports = [node for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Import)]
    names = {alias.name.partition(".")[0] for node in imports for alias in node.names}
    if "tinycog.adapters.rio_tiler" in example:
        names |= {"rio_tiler", "async_geotiff"}
    found = {name for name in names if find_spec(name) is None}
    if "xarray" in names and not entry_points(group="xarray.backends", name="tinycog"):
        found.add("tinycog")
    return found


@pytest.mark.parametrize(("page", "example"), scripts(), ids=[page for page, _ in scripts()])
def test_an_example_that_is_a_program_runs(page, example, tmp_path):
    if missing := lacking(example):
        pytest.skip(f"not installed: {missing}")
    with serve_in_thread({"image.tif": COG}) as server:
        code = example.replace("https://example.com/image.tif", server.url("image.tif"))
        run = subprocess.run(  # noqa: S603 - our own example
            [sys.executable, "-X", "dev", "-W", "error", *RASTERIO, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,  # some write files
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    # asyncio notes slow steps in this mode; a busy machine has them
    noise = [line for line in run.stderr.splitlines() if not line.startswith("Executing <")]
    assert (run.returncode, noise) == (0, []), page
    assert run.stdout, page


COMMANDS = [
    line.partition("#")[0].strip()
    for block in blocks(ROOT / "docs" / "command-line.md", "sh")
    for line in block.splitlines()
]
"""Lines of the page of the command line, without what is said of them."""

CITIES = "name,lon,lat\nAngra,-27.22,38.66\n"

AREA = """{"type": "Polygon",
    "coordinates": [[[472000, 4301000], [480000, 4301000], [472000, 4309000], [472000, 4301000]]]}
"""


def run_line(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a line as a shell does: `>` and `<` name files."""
    line, _, target = line.partition(" > ")
    line, _, given = line.partition(" < ")
    stdin = io.BytesIO(Path(given.strip()).read_bytes() if given else b"")
    stdout = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(stdout, "utf-8", write_through=True))
    program, *words = shlex.split(line)
    assert program == "tinycog"
    status = main(words)
    if target:
        Path(target.strip()).write_bytes(stdout.getvalue())
    return status


def test_the_commands_of_the_command_line_run(tmp_path, monkeypatch, capfd):
    if find_spec("pyproj") is None:
        pytest.skip("not installed: pyproj")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "image.tif").write_bytes(COG.read_bytes())
    (tmp_path / "cities.csv").write_text(CITIES)
    (tmp_path / "area.geojson").write_text(AREA)
    with serve_in_thread({"image.tif": COG}) as server:
        for line in COMMANDS:
            here = line.replace("https://example.com/image.tif", server.url("image.tif"))
            assert run_line(here, monkeypatch) == 0, (line, capfd.readouterr().err)


def test_the_page_of_the_command_line_has_every_command():
    assert {line.split()[1] for line in COMMANDS} == set(CLI_COMMANDS)


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *PAGES[1:]], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_the_architecture_names_every_module():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    package = ROOT / "src" / "tinycog"
    modules = {path.stem for path in package.rglob("[a-z]*.py") if "testing" not in path.parts}

    assert {name for name in modules if not re.search(rf"\b{name}\b", text)} == set()


def test_a_package_names_its_modules():
    package = ROOT / "src" / "tinycog"
    lacking = {
        path.relative_to(package).as_posix()
        for path in package.rglob("[a-z]*.py")
        if path.parent != package and "testing" not in path.parts
        if f"{path.name}" not in (path.parent / "__init__.py").read_text()
    }
    assert lacking == set()
