"""Tags are read by name or number, as tifffile reads them, for at most one request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tifffile
from conftest import FILES, fixture_path

import tinycog
from tinycog import LimitError, Limits, TileIndexError, TruncatedError, UsageError
from tinycog.testing import Field, Layout, RangeServer, make_image, make_tiff

NAMES = sorted(path.stem for path in FILES.glob("*.tif"))
PIXELS = np.ones((1, 64, 64), np.uint8)


def described(text: str = "A test", **layout: Any) -> bytes:
    """A file with an ImageDescription."""
    image = make_image(PIXELS, tile=(64, 64), extra=[Field(270, "ASCII", text)])
    return make_tiff([image], layout=Layout(**layout))


def same(ours: Any, theirs: Any) -> bool:
    """Whether values are equal: tifffile has single numbers alone, and fractions in a row."""
    if isinstance(ours, str):
        return ours.strip() == theirs.strip("\0").strip()  # tifffile cuts white space
    if isinstance(ours, bytes) and not isinstance(theirs, bytes):
        theirs = bytes([theirs]) if isinstance(theirs, int) else bytes(theirs)
    if isinstance(ours, bytes):
        return ours == theirs
    return np.array_equal(np.ravel(ours), np.ravel(theirs), equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
async def test_every_tag_is_what_tifffile_reads(name):
    cog = await tinycog.open(fixture_path(name))
    compared = 0
    with tifffile.TiffFile(fixture_path(name)) as tif:
        pages = {page.offset: page for page in tif.pages if isinstance(page, tifffile.TiffPage)}
        for level in cog.levels:
            page = pages.get(level.image.ifd.offset)
            for tag in page.tags if page is not None else ():
                ours = await cog.read_tag(tag.code, level=level.z)
                assert ours is not None
                assert same(ours, tag.value), (level.z, tag.name)
                compared += 1
    assert compared > 8


async def test_a_tag_is_read_by_its_name_or_number():
    cog = tinycog.open(described())

    assert await cog.read_tag("ImageDescription") == "A test"
    assert await cog.read_tag(270) == "A test"
    assert await cog.read_tag(tinycog.Tag.ImageWidth) == (64,)
    assert await cog.read_tag("Software") is None


async def test_a_tag_that_came_with_the_header_costs_nothing():
    async with RangeServer({"a.tif": described()}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        sent = len(server.log)
        await cog.read_tag("ImageDescription")

        assert len(server.log) == sent


async def test_a_tag_whose_value_lies_apart_costs_a_request_once():
    field = Field(65000, "DOUBLE", np.arange(10_000.0).tolist())
    data = make_tiff([make_image(PIXELS, tile=(64, 64), extra=[field])])
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"), head_bytes=1024)
        sent = len(server.log)
        assert await cog.read_tag(65000) == tuple(np.arange(10_000.0))
        assert len(server.log) == sent + 1
        await cog.read_tag(65000)

        assert len(server.log) == sent + 1


async def test_a_name_that_no_tag_has_is_an_error():
    cog = tinycog.open(described())

    with pytest.raises(UsageError, match="no tag is named 'Descriptoin'"):
        await cog.read_tag("Descriptoin")
    with pytest.raises(UsageError, match="tag must be an integer"):
        await cog.read_tag(2.5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TileIndexError):
        await cog.read_tag("ImageDescription", level=1)


async def test_a_value_that_is_too_long_or_beyond_the_end_is_an_error():
    text = "x" * 5000
    cog = tinycog.open(described(text), limits=Limits(value_bytes=4096))
    with pytest.raises(LimitError, match="tag 270"):
        await cog.read_tag("ImageDescription")

    whole = described(text, order="values-apart")
    at = whole.index(b"xxxx")
    with pytest.raises(TruncatedError):
        await tinycog.open(whole[: at + 100]).read_tag("ImageDescription")
