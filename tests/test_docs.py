"""Links of the documents lead somewhere; they name what there is."""

from __future__ import annotations

import re

import pytest
from documents.pages import PAGES, ROOT, anchors, blocks_of, links, name_of

from tinycog.cli import COMMANDS


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *PAGES[1:]], ids=name_of)
def test_links_lead_somewhere(page):
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), (path, anchor)


@pytest.mark.parametrize(
    "page", [page for page in PAGES[1:] if page.name != "index.md"], ids=name_of
)
def test_a_page_is_in_the_navigation(page):
    index = (ROOT / "docs" / "index.md").read_text()
    name = page.relative_to(ROOT / "docs").with_suffix("").as_posix()

    assert re.search(rf"^{name}$", index, re.MULTILINE)


def test_the_page_of_the_command_line_has_every_command():
    lines = [block.code for block in blocks_of(ROOT / "docs" / "command-line.md")]
    assert set(re.findall(r"^tinycog ([a-z-]+)", "".join(lines), re.MULTILINE)) == set(COMMANDS)


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
