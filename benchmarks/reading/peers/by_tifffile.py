"""tifffile over fsspec: structure and decoding are tifffile's, bytes come by `cat_ranges`.

tifffile reads tiles one after the other through a file; asking fsspec for all of them at once is
what kerchunk and its like do with it.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import fsspec
import numpy as np
import tifffile

from . import Array, Box, Job, Place, ThreadedPeer
from .pasting import paste, touched

MASK = 4


class Handle(NamedTuple):
    """A page, and where its bytes are."""

    page: Any
    url: str


class Peer(ThreadedPeer):
    """One file system for the whole run, so that its connections live on."""

    def __init__(self) -> None:
        """Make the file system, and threads to decode in."""
        self._fs = fsspec.filesystem("http")
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._open: list[Any] = []

    def open(self, url: str, level: int) -> Handle:
        """The page of that level; masks do not count."""
        file = self._fs.open(url, block_size=32768, cache_type="readahead")
        tiff = tifffile.TiffFile(file)
        self._open += [tiff, file]
        seen = -1
        for i in range(len(tiff.pages) if level else 1):
            page: Any = tiff.pages[i]
            seen += not page.subfiletype & MASK
            if seen == level:
                return Handle(page, url)
        raise IndexError(level)

    def tile(self, handle: Handle, place: Place) -> Array:
        """One tile."""
        return self._read(handle, [place])[0]

    def tiles(self, handle: Handle, job: Job) -> list[Array]:
        """Each in a thread of its own, where its bytes are awaited and decoded."""
        with ThreadPoolExecutor(job.concurrency) as pool:
            return list(pool.map(lambda place: self.tile(handle, place), job.tiles))

    def at_once(self, handle: Handle, places: list[Place]) -> list[Array]:
        """Fetched together, decoded in threads."""
        return self._read(handle, places)

    def window(self, handle: Handle, box: Box) -> Array:
        """Tiles, pasted."""
        side = handle.page.tilewidth
        places = touched(box, side)
        return paste(box, side, zip(places, self._read(handle, places), strict=True))

    def level(self, handle: Handle) -> Array:
        """All tiles, pasted."""
        return self.window(handle, (0, 0, handle.page.imagewidth, handle.page.imagelength))

    def finish(self) -> dict[str, Any]:
        """Close what is open."""
        for each in self._open:
            each.close()
        self._open.clear()
        return {}

    def _read(self, handle: Handle, places: list[Place]) -> list[Array]:
        page = handle.page
        across, down = (
            -(-page.imagewidth // page.tilewidth),
            -(-page.imagelength // page.tilelength),
        )
        planes = page.samplesperpixel if page.planarconfig == 2 else 1
        indices = [p * across * down + y * across + x for x, y in places for p in range(planes)]
        starts = [page.dataoffsets[i] for i in indices]
        stops = [page.dataoffsets[i] + page.databytecounts[i] for i in indices]
        urls = [handle.url] * len(indices)
        parts = self._fs.cat_ranges(urls, starts, stops, on_error="raise")

        def decode(data: bytes, index: int) -> Array:
            return page.decode(data, index, jpegtables=page.jpegtables)[0][0]

        each = map if len(parts) == 1 else self._pool.map
        pixels = list(each(decode, parts, indices))
        if planes == 1:
            return [np.moveaxis(one, 2, 0) for one in pixels]
        groups = [pixels[i : i + planes] for i in range(0, len(pixels), planes)]
        return [np.stack([one[..., 0] for one in group]) for group in groups]
