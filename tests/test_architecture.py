"""The structure that the imports cannot show: who reaches through whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import tinycog

ROOT = Path(tinycog.__file__).parent

USERS = sorted(
    str(path.relative_to(ROOT))
    for path in ROOT.rglob("*.py")
    if "OpenFile" in path.read_text() or "self._file." in path.read_text()
    if path.name != "open_file.py"
)
"""Modules that use an open file; they call it `file`, or keep it as `self._file`."""


def trains(source: str) -> Iterator[str]:
    """Attributes of attributes of attributes of an open file: `file.a.b.c`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute):
            continue
        parts, root = [node.attr], node.value
        while isinstance(root, ast.Attribute):
            if root.attr == "_file":
                break
            parts.insert(0, root.attr)
            root = root.value
        is_file = isinstance(root, ast.Attribute) or (
            isinstance(root, ast.Name) and root.id in ("file", "open_file")
        )
        if is_file and len(parts) > 2:
            yield ".".join(["file", *parts])


def test_a_train_through_an_open_file_is_found():
    source = "self._file.fetcher.scheduler.flush()\nfile.geo.crs\nopen_file.a.b.c\nself._file.x.y"
    found = ["file.fetcher.scheduler.flush", "file.a.b.c"]
    assert sorted(trains(source)) == sorted(found)


@pytest.mark.parametrize("module", USERS)
def test_no_module_reaches_through_an_open_file_into_what_it_is_made_of(module):
    source = (ROOT / module).read_text()
    assert list(trains(source)) == []
    assert "file.fetcher" not in source
