"""The parser without I/O: what it asks for is enough, and says what a handle says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinycog
from tinycog.testing import Layout, make_pyramid, make_tiff

ROOT = Path(__file__).parent.parent
FILES = ROOT / "fixtures" / "files"
NAMES = ["cog-mask-rgb", "cog-deflate-u8", "cog-bigtiff-jpeg-mask", "tiled-planar-u16-p2"]


def fed(data: bytes, head: int = 0) -> tuple[tinycog.HeaderParser, int]:
    """A parser that has the header, and the bytes that it took."""
    parser = tinycog.HeaderParser(len(data))
    parser.feed(0, data[:head])
    return parser, head + feed(parser, data)


def feed(parser: tinycog.HeaderParser, data: bytes, *needed: Any) -> int:
    taken = 0
    while ranges := parser.needed(*needed):
        for start, stop in ranges:
            parser.feed(start, data[start:stop])
            taken += stop - start
    return taken


@pytest.mark.parametrize("head", [0, 8, 1000, 1 << 15])
@pytest.mark.parametrize("name", NAMES)
async def test_levels_masks_and_ranges_are_those_of_the_handle(name: str, head: int):
    data = (FILES / f"{name}.tif").read_bytes()
    parser, _ = fed(data, head)
    cog = await tinycog.open(data)
    assert [image.shape for image in parser.levels] == [level.shape for level in cog.levels]
    assert [mask is not None for mask in parser.masks] == [level.has_mask for level in cog.levels]
    for level in cog.levels:
        assert parser.tile_facts(level.z) == await cog.tile_facts(level.z)
        for place in await cog.tile_ranges(level.z):
            feed(parser, data, level.z, [(place.x, place.y)])
            assert parser.tile_range(level.z, place.x, place.y, plane=place.plane) == place


def test_it_asks_for_the_header_alone():
    pixels = np.zeros((1, 2048, 2048), np.uint8)
    images = make_pyramid(pixels, tile=(16, 16))
    data = make_tiff(images, layout=Layout(order="ifds-first"))
    parser, taken = fed(data)
    assert taken < 1000
    assert feed(parser, data, 0, [(5, 5)]) < 1 << 16


def test_what_is_lacking_and_what_does_not_exist_is_said():
    data = (FILES / "cog-deflate-u8.tif").read_bytes()
    parser = tinycog.HeaderParser(len(data))
    for ask in (lambda: parser.levels, lambda: parser.tile_facts(0)):
        with pytest.raises(tinycog.UsageError, match="feed what needed"):
            ask()
    feed(parser, data)
    with pytest.raises(tinycog.TileIndexError, match="level 99 does not exist"):
        parser.needed(99, [(0, 0)])
    with pytest.raises(tinycog.TileIndexError, match="does not exist"):
        parser.needed(0, [(1000, 0)])
    feed(parser, data, 0, [(0, 0)])
    with pytest.raises(tinycog.TileIndexError, match="plane 1 does not exist"):
        parser.tile_range(0, 0, 0, plane=1)
    with pytest.raises(tinycog.UsageError, match="start is -1"):
        parser.feed(-1, b"")


def test_a_file_that_ends_early_is_refused():
    data = (FILES / "cog-deflate-u8.tif").read_bytes()
    for length in (0, 4, 9, 100, 300):
        parser = tinycog.HeaderParser(length)
        with pytest.raises(tinycog.FormatError):
            feed(parser, data[:length])


async def test_the_example_of_the_documentation_reads_a_tile():
    page = (ROOT / "docs" / "how-to" / "embedding.md").read_text()
    example = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own documentation
    data = (FILES / "cog-mask-rgb.tif").read_bytes()
    found = names["read_tile"](lambda start, stop: data[start:stop], len(data), 0, 1, 1)
    tile = await tinycog.open(data).read_tile(0, 1, 1, padded=True)
    np.testing.assert_array_equal(found, tile.data)
