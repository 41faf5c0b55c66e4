"""Pages of the documentation, their blocks of code, links and anchors."""

from __future__ import annotations

import ast
import re
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?"
    r"(?P<indent> *)```(?P<language>python|sh)\n(?P<code>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
PROGRAM = re.compile(r"^asyncio\.run|^import tinycog\.sync|^import xarray", re.MULTILINE)

NOT_RUN = ("not run: ", "demo command", "test command")
"""How comments begin that stand before a block which is not run here; tests know the commands."""

NEEDED = {
    "s3://": ("s3fs", "moto", "aiobotocore"),
    "S3Store": ("obstore", "moto"),
    ".parquet": ("pyarrow", "shapely"),
    ".parq": ("fastparquet",),
    ".zarr": ("zarr", "xarray"),
    "zarr_store": ("zarr",),
    'codecs="tinycog"': ("zarr",),
    "chunks={}": ("xarray", "dask"),
    ".isel(": ("xarray", "dask"),
    'engine="kerchunk"': ("xarray", "kerchunk"),
    "tinycog.adapters.rio_tiler": ("rio_tiler", "async_geotiff"),
    "rasterio.": ("rasterio",),
    ".plot(": ("matplotlib",),
}
"""Packages that a block needs without importing them itself."""


class Block(NamedTuple):
    """A block of code; `number` counts those of its page from 1."""

    page: str
    number: int
    language: str
    code: str
    not_run: str

    @property
    def name(self) -> str:
        """Name of its test."""
        return f"{self.page}:{self.number}"

    @property
    def is_program(self) -> bool:
        """True of a whole program, which runs in a process of its own."""
        return self.language == "python" and PROGRAM.search(self.code) is not None


def name_of(page: Path) -> str:
    """Return a page's path below the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of Python and of a shell."""
    found: list[Block] = []
    for number, match in enumerate(FENCE.finditer(page.read_text("utf-8")), 1):
        mark, indent = match["mark"] or "", match["indent"]
        code = re.sub(rf"^{indent}", "", match["code"], flags=re.MULTILINE)
        not_run = mark.removeprefix("not run: ") if mark.startswith(NOT_RUN) else ""
        found.append(Block(name_of(page), number, match["language"], code, not_run))
    return found


def lacking(block: Block) -> list[str]:
    """Return the packages that a block needs and that are not installed."""
    names = {name for text, needed in NEEDED.items() if text in block.code for name in needed}
    if block.language == "python":
        for node in ast.walk(ast.parse(block.code)):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    found = {name for name in names if find_spec(name) is None}
    if "xarray" in names and not entry_points(group="xarray.backends", name="tinycog"):
        found.add("tinycog, installed")  # so that xarray knows the engine
    return sorted(found)


def prose(page: Path) -> str:
    """Return a page's text without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def links(page: Path) -> list[tuple[str, str]]:
    """Return path and anchor of each link to a file."""
    found = re.findall(r"\]\(([^)\s:#]*)(?:#([^)\s]*))?\)", prose(page))
    return [(path, anchor) for path, anchor in found if path or anchor]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts and MyST make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}
