"""What the pixels are, and how many stored bytes they need: read from the local files."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import tifffile
from numpy.typing import NDArray
from rasterio.windows import Window

from .huge import STORED, TILE, stored_tile, which
from .peers.pasting import touched
from .scenarios import Box, Case

MASK = 4
NEARLY = {"jpeg-mask": 0.25}
"""Mean difference allowed where decoders may differ: chroma is up-sampled in more than one way."""


class Truth:
    """Right pixels of each case."""

    def __init__(self, root: Path) -> None:
        """Look into the directory of files."""
        self._root = root
        self._of: tuple[Case, list[NDArray[Any]]] | None = None

    def expected(self, case: Case) -> list[NDArray[Any]]:
        """Arrays of (bands, rows, cols), in the order of the job; the last case's are kept."""
        if self._of is None or self._of[0] is not case:
            self._of = (case, [self._read(case, i, box) for i, box in self._boxes(case)])
        return self._of[1]

    def differs(self, case: Case, found: list[NDArray[Any]]) -> str | None:
        """What is wrong with the pixels, or None."""
        expected = self.expected(case)
        if len(found) != len(expected):
            return f"{len(found)} arrays, not {len(expected)}"
        tolerance = NEARLY.get(case.files[0])
        for ours, right in zip(found, expected, strict=True):
            if ours.shape != right.shape or ours.dtype != right.dtype:
                return f"{ours.shape} {ours.dtype}, not {right.shape} {right.dtype}"
            if tolerance is None and not np.array_equal(ours, right):
                return f"{np.mean(ours != right):.1%} of the pixels differ"
            if tolerance is not None:
                apart = float(np.mean(np.maximum(ours, right) - np.minimum(ours, right)))
                if not apart <= tolerance:
                    return f"mean difference {apart:.2f}"
        return None

    def _boxes(self, case: Case) -> list[tuple[int, Box]]:
        """Windows of each array, and the number of its file."""
        if case.op == "level":
            with self._dataset(case.files[0], case.level) as dataset:
                return [(0, (0, 0, dataset.width, dataset.height))]
        if not case.tiles:
            return [(0, case.window)]
        side = self._page(case.files[0], case.level).tilewidth if case.files[0] != "huge" else TILE
        many = case.op == "many"
        return [
            (i if many else 0, (x * side, y * side, side, side))
            for i, (x, y) in enumerate(case.tiles)
        ]

    def _read(self, case: Case, number: int, box: Box) -> NDArray[Any]:
        name = case.files[number]
        if name == "huge":
            x, y = box[0] // TILE, box[1] // TILE
            return stored_tile(int(which(case.level, x, y)))[None]
        with self._dataset(name, case.level) as dataset:
            return dataset.read(window=Window(*box))  # pyright: ignore[reportCallIssue]

    def _dataset(self, name: str, level: int) -> Any:  # noqa: ANN401
        options: dict[str, Any] = {"OVERVIEW_LEVEL": level - 1} if level else {}
        return rasterio.open(self._root / f"{name}.tif", NUM_THREADS="ALL_CPUS", **options)

    def wanted(self, case: Case) -> int:
        """Stored bytes of the tiles that a case touches."""
        if case.files[0] == "huge":
            numbers = [int(which(case.level, x, y)) for x, y in case.tiles]
            return sum(_stored_lengths()[number] for number in numbers)
        return sum(self._stored(case, case.files[i], box) for i, box in self._boxes(case))

    def _stored(self, case: Case, name: str, box: Box) -> int:
        page = self._page(name, case.level)
        across = -(-page.imagewidth // page.tilewidth)
        apart = across * -(-page.imagelength // page.tilelength)
        planes = page.samplesperpixel if page.planarconfig == 2 else 1
        return sum(
            page.databytecounts[plane * apart + y * across + x]
            for x, y in touched(box, page.tilewidth)
            for plane in range(planes)
        )

    def _page(self, name: str, level: int) -> Any:  # noqa: ANN401
        return _pages(self._root / f"{name}.tif")[level]


@cache
def _pages(path: Path) -> list[Any]:
    with tifffile.TiffFile(path) as tiff:
        pages: list[Any] = [tiff.pages[i] for i in range(len(tiff.pages))]
        return [page for page in pages if not page.subfiletype & MASK]


@cache
def _stored_lengths() -> list[int]:
    return [len(zlib.compress(stored_tile(number).tobytes())) for number in range(STORED)]
