"""The documentation site: it is built without a warning, is whole, and asks no other server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import tinycog

ROOT = Path(__file__).parent.parent
BUILT_WITH = ("sphinx", "myst_parser", "furo", "rio_tiler", "virtualizarr", "zarr")
MODULES = (
    *("tinycog.sync", "tinycog.errors", "tinycog.testing", "tinycog.compat"),
    *("tinycog.earth_engine", "tinycog.adapters.rio_tiler", "tinycog.adapters.virtualizarr"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site as `make docs` builds it: warnings are errors."""
    if missing := [name for name in BUILT_WITH if find_spec(name) is None]:
        pytest.skip(f"pip install 'tinycog[docs]' for {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("site")
    options = f"-q --fail-on-warning --keep-going -c docs -d {folder}/doctrees . {folder}/html"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "sphinx", *options.split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(Path(tinycog.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return folder / "html"


@pytest.mark.timeout(600)
def test_every_public_name_is_in_the_reference(site):
    packed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    documented = {line.split(" ")[0] for line in zlib.decompress(packed).decode().splitlines()}
    names = {f"tinycog.{name}" for name in tinycog.__all__ if not name.startswith("__")}
    for module in MODULES:
        face = import_module(module)
        names |= {
            f"{module}.{name}"
            for name in getattr(face, "__all__", ())
            if getattr(face, name) is not getattr(tinycog, name, None)
            and type(getattr(face, name)).__name__ != "module"
        }

    assert names - documented == set()


@pytest.mark.timeout(600)
def test_no_page_loads_anything_from_another_server(site):
    loaded = re.compile(
        r"""<(?:script|img|iframe)[^>]*\ssrc=["']?(?:https?:)?//|@import|url\(["']?http"""
    )
    sheets = re.compile(
        r"<link[^>]*rel=[\"'](?:stylesheet|preload|preconnect)[^>]*href=[\"']?(?:https?:)?//"
    )
    pages = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(pages) > 60

    for page in pages:
        text = page.read_text("utf-8")
        assert loaded.search(text) is None, page
        assert sheets.search(text) is None, page


@pytest.mark.timeout(600)
def test_links_within_the_site_lead_somewhere(site):
    anchors: dict[Path, set[str]] = {}

    def anchors_of(page: Path) -> set[str]:
        if page not in anchors:
            anchors[page] = set(re.findall(r'\sid="([^"]+)"', page.read_text("utf-8")))
        return anchors[page]

    broken: list[tuple[str, str]] = []
    for page in site.rglob("*.html"):
        for link in set(re.findall(r'<a[^>]*\shref="([^"]+)"', page.read_text("utf-8"))):
            path, _, anchor = link.partition("#")
            if re.match(r"\w+:|//", link):
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (
                anchor and target.suffix == ".html" and anchor not in anchors_of(target)
            ):
                broken.append((page.relative_to(site).as_posix(), link))
    assert broken == []


@pytest.mark.timeout(600)
def test_the_front_page_leads_to_the_first_one(site):
    assert 'url=docs/index.html"' in (site / "index.html").read_text()
    assert (site / "docs" / "index.html").exists()
