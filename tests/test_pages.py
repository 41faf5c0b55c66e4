"""Every IFD of a file is a page: its facts, its role, its tags, and a handle that reads it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tifffile
from conftest import FILES, fixture_path
from numpy.typing import NDArray

import tinycog
from tinycog import Limits, Page, TileIndexError, UsageError
from tinycog.testing import Directory, Field, Layout, Places, RangeServer, make_image, make_tiff
from tinycog.tiff.exif import ExifTag, GpsTag, InteroperabilityTag
from tinycog.tiff.layout import BEYOND

Written = tuple[NDArray[Any], dict[str, Any]]


def written(*pages: Written, **options: Any) -> bytes:
    """A file that tifffile wrote."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, **options) as writer:
        for array, how in pages:
            writer.write(array, metadata=None, contiguous=False, **how)
    return stream.getvalue()


def plane(value: int, size: int = 32, **options: Any) -> Written:
    return np.full((size, size), value, np.uint8), options


def stack(count: int, size: int = 8, **options: Any) -> bytes:
    return written(*(plane(n % 256, size, **options) for n in range(count)))


def bands_first(page: Any) -> NDArray[Any]:
    """What tifffile reads of a page, in our order."""
    array = page.asarray()
    if array.ndim == 2:
        return array[None]
    return array if page.planarconfig == 2 else np.moveaxis(array, -1, 0)


def tree(pages: Sequence[Page]) -> list[Page]:
    """Pages and the SubIFDs below them."""
    return [page for top in pages for page in (top, *tree(top.pages))]


# --- planes --------------------------------------------------------------------------------------

rng = np.random.default_rng(7)
RGB = rng.integers(0, 255, (48, 64, 3), np.uint8)
GRAY = rng.integers(0, 60000, (96, 80)).astype(np.uint16)

FILES_OF_PAGES = {
    "eight-pages": stack(8),
    "different-pages": written(
        (RGB, {"photometric": "rgb"}),
        (GRAY, {"compression": "zlib", "predictor": True}),
        (GRAY.astype(np.float32), {"tile": (32, 16)}),
        (np.moveaxis(RGB, -1, 0), {"photometric": "rgb", "planarconfig": "separate"}),
    ),
    "big-endian-bigtiff": written(
        (GRAY, {}), (RGB, {"photometric": "rgb"}), bigtiff=True, byteorder=">"
    ),
    "sub-ifds": written(
        (RGB, {"photometric": "rgb", "subifds": 2}),
        (RGB[::2, ::2], {"photometric": "rgb", "subfiletype": 1}),
        (RGB[::4, ::4], {"photometric": "rgb", "subfiletype": 1}),
        (GRAY, {"subifds": 1}),
        (GRAY[::2, ::2], {"subfiletype": 1}),
    ),
    "dng-like": written(
        (RGB, {"photometric": "rgb", "subifds": 2, "subfiletype": 1}),
        (GRAY, {"photometric": 32803, "tile": (16, 16)}),
        (RGB[:24], {"photometric": "rgb", "compression": "zlib", "subfiletype": 1}),
    ),
}


@pytest.mark.parametrize("name", FILES_OF_PAGES)
async def test_every_page_has_the_facts_and_pixels_that_tifffile_finds(name: str):
    data = FILES_OF_PAGES[name]
    cog = await tinycog.open(data)
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        theirs: list[Any] = []
        for top in tif.pages:
            theirs += [top, *(getattr(top, "pages", None) or ())]
        ours = tree(cog.pages)
        assert [page.offset for page in ours] == [page.offset for page in theirs]
        for page, other in zip(ours, theirs, strict=True):
            assert (page.width, page.height) == (other.imagewidth, other.imagelength)
            assert (page.dtype, page.count) == (other.dtype, other.samplesperpixel)
            assert (page.is_tiled, page.subfile_type) == (other.is_tiled, other.subfiletype)
            assert page.photometric.endswith(f"({int(other.photometric)})")
            assert page.compression.endswith(f"({int(other.compression)})")
            handle = cog.page(page.path)
            assert np.array_equal((await handle.read()).data, bands_first(other))
            opened = await tinycog.open(data, page=page.path)
            assert opened.shape == page.shape
            assert opened.dtype == page.dtype


@pytest.mark.parametrize("name", ["tifffile-pages", "strip-pages", "cog-mask-rgb"])
async def test_every_image_of_a_fixture_is_a_page(name: str):
    cog = await tinycog.open(fixture_path(name))
    with tifffile.TiffFile(fixture_path(name)) as tif:
        offsets = [page.offset for page in tif.pages]
    assert [page.offset for page in cog.pages] == offsets
    levels = {page.z: page.image for page in cog.pages if page.role == "level"}
    assert levels == {level.z: level.image for level in cog.levels[1:]}
    assert cog.pages.complete


async def test_a_page_has_levels_and_a_georeference_of_its_own():
    scale = (33550, "d", 3, (2.0, 2.0, 0.0), True)
    tie = (33922, "d", 6, (0.0, 0.0, 0.0, 100.0, 200.0, 0.0), True)
    data = written(
        plane(1, 64),
        plane(2, 64, extratags=[scale, tie]),
        plane(3, 64),
        plane(4, 32, subfiletype=1),
        plane(5, 16, subfiletype=1),
        plane(6, 64),
    )
    cog = await tinycog.open(data)
    second, third = await cog.page(1), await cog.page(2)
    assert tuple(second.transform)[:6] == (2, 0, 100, 0, -2, 200)
    assert tuple(second.bounds) == (100, 72, 228, 200)
    assert [level.width for level in second.levels] == [64]
    assert [level.width for level in third.levels] == [64]  # all overviews are behind page 2, but
    assert [level.width for level in cog.levels] == [64, 32, 16]  # GDAL takes them for page 0
    assert third.findings[0].rule == "tiff.pyramid.owner"
    assert (await third.read(shape=(8, 8))).data.ravel()[0] == 3


async def test_pages_have_roles_and_reasons():
    data = written(
        plane(1, 64, tile=(16, 16), description="Aperio Image"),
        plane(2, 40),
        plane(3, 32, tile=(16, 16)),
        (np.zeros((30, 20), np.uint8), {"subfiletype": 1, "description": "label 20x30"}),
        (np.zeros((30, 90), np.uint8), {"subfiletype": 9, "description": "macro 90x30"}),
    )
    pages = (await tinycog.open(data)).pages
    assert [page.role for page in pages] == ["page", "thumbnail", "level", "label", "macro"]
    assert [(page.of, page.z) for page in pages[2:4]] == [((0,), 1), ((3,), None)]
    assert all(page.reason for page in pages)
    assert pages[3].description == "label 20x30"
    assert repr(pages[2]).startswith("<Page 2: level 1 of page 0, (1, 32, 32) uint8, tiles of")
    assert repr(pages).count("\n") == 5


async def test_an_ifd_that_holds_no_image_is_a_page_that_says_so():
    broken = make_image(np.zeros((1, 8, 8), np.uint8)).without(256)
    good = make_image(np.ones((1, 8, 8), np.uint8))
    cog = await tinycog.open(make_tiff([good, broken, good]))
    assert [page.role for page in cog.pages] == ["page", "unreadable", "page"]
    assert "0 by 8 pixels" in repr(cog.pages[1])
    with pytest.raises(tinycog.FormatError, match="0 by 8 pixels"):
        _ = cog.pages[1].shape
    with pytest.raises(tinycog.FormatError, match="0 by 8 pixels"):
        await cog.page(1)
    assert (await cog.page(2).read()).data.max() == 1


@pytest.mark.parametrize("page", [-1, "1", (), 1.0, None, (0, -1)])
def test_what_is_no_page_is_a_mistake_of_the_caller(page: Any):
    with pytest.raises(UsageError, match=r"a page is a number from 0, or \(page, SubIFD\)"):
        tinycog.open(FILES_OF_PAGES["eight-pages"], page=page)
    with pytest.raises(UsageError):
        tinycog.open(FILES_OF_PAGES["eight-pages"]).page(page)


@pytest.mark.parametrize("page", [8, (0, 0), (7, 3)])
async def test_a_page_that_does_not_exist_is_an_error(page: Any):
    cog = tinycog.open(FILES_OF_PAGES["eight-pages"], page=page)
    with pytest.raises(TileIndexError, match="does not exist"):
        await cog


async def test_pages_are_those_of_the_file_and_known_to_its_first_handle():
    cog = tinycog.open(FILES_OF_PAGES["eight-pages"], page=3)
    assert "not read yet" in repr(cog)
    assert repr(await cog).splitlines()[0].endswith("page 3, TIFF")
    with pytest.raises(UsageError, match="open it without page="):
        _ = cog.pages
    again = pickle.loads(pickle.dumps(cog))  # noqa: S301 - our own
    assert (await again.read()).data.max() == 3
    assert (await cog.page(5).read()).data.max() == 5


async def test_a_page_is_read_by_a_snapshot_of_its_file():
    data = FILES_OF_PAGES["sub-ifds"]
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        await cog.page((1, 0))
        kept = cog.snapshot()
        server.clear()
        again = await tinycog.open(server.url("a.tif"), page=(1, 0), snapshot=kept)
        assert again.shape == (1, 48, 40)
        assert server.log == []


# --- what it costs -------------------------------------------------------------------------------


def far(count: int, gap: int = 100_000) -> bytes:
    images = [make_image(np.full((1, 16, 16), n, np.uint8)) for n in range(count)]
    return make_tiff(images, layout=Layout(gap=gap))


async def test_a_page_of_a_thousand_costs_what_is_looked_at():
    data = stack(1000)
    async with RangeServer({"a.tif": data}) as server:
        raster = await tinycog.open(server.url("a.tif"), page=3).read()
        assert (raster.data.max(), len(server.log)) == (3, 1)
        server.clear()
        raster = await tinycog.open(server.url("a.tif"), page=999).read()
        assert raster.data.max() == 999 % 256
        assert len(server.log) <= 4
        server.clear()
        cog = await tinycog.open(server.url("a.tif"))
        opened = len(server.log)
        assert (len(cog.pages), opened <= 14) == (1000, True)
        values = [int((await cog.page(n).read()).data.max()) for n in range(0, 1000, 50)]
        assert values == [n % 256 for n in range(0, 1000, 50)]
        assert len(server.log) - opened <= 20


async def test_pages_far_apart_at_equal_distances_are_found_side_by_side():
    data = far(40)
    async with RangeServer({"a.tif": data}) as server:
        cog = tinycog.open(server.url("a.tif"), page=39)
        assert (await cog.read()).data.max() == 39
        assert sum(line.sent for line in server.log) < 40 * 12_000
        times = sorted((line.start or 0) for line in server.log)
        assert len(times) <= 45


async def test_a_chain_that_is_cut_says_so_and_its_further_pages_are_reached():
    data = far(12, 1 << 20)
    cog = await tinycog.open(data, limits=Limits(header_requests=3))
    assert len(cog.pages) < 12
    assert not cog.pages.complete
    assert "tiff.ifd.far" in {found.rule for found in cog.findings}
    last = await cog.page(11)
    assert (await last.read()).data.max() == 11
    assert "tiff.ifd.far" not in {found.rule for found in last.findings}


async def test_more_pages_than_the_limit_are_a_finding():
    cog = await tinycog.open(stack(9), limits=Limits(ifds=5))
    assert (len(cog.pages), cog.pages.complete) == (5, False)
    assert [found.rule for found in cog.findings] == ["tiff.ifd.count"]
    with pytest.raises(TileIndexError, match=r"page 7 does not exist .*Limits.ifds"):
        await cog.page(7)


async def test_sub_ifds_of_a_later_page_are_read_with_it():
    first = make_image(np.zeros((1, 16, 16), np.uint8))
    second = make_image(np.ones((1, 16, 16), np.uint8))
    child = make_image(np.full((1, 8, 8), 2, np.uint8), subfile_type=1)
    second = second.having(Field(330, "IFD", Places.SUB_IFDS))
    second = Directory(second.fields, second.tiles, (child,), second.link)
    data = make_tiff([first, second], layout=Layout(gap=100_000))
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        with pytest.raises(UsageError, match="SubIFDs of page"):
            _ = cog.pages[1].pages
        page = await cog.page(1)
        assert [level.width for level in page.levels] == [16, 8]
        assert [sub.role for sub in cog.pages[1].pages] == ["level"]


# --- tags ----------------------------------------------------------------------------------------


async def test_tags_are_a_mapping_by_name_and_number():
    private = (65000, "B", 5, b"\x01\x02\x03\x04\x05", True)
    data = written((RGB, {"photometric": "rgb", "extratags": [private], "resolution": (72, 36)}))
    tags = (await tinycog.open(data)).pages[0].tags
    with tifffile.TiffFile(io.BytesIO(data)) as tif:
        theirs: Any = tif.pages.first.tags  # pyright: ignore[reportAttributeAccessIssue]
        assert len(tags) == len(theirs)
        for tag in theirs:
            assert tags[tag.code].count == len(await tags[tag.code]) or tag.dtype == 2
    assert 256 in tags
    assert "ImageWidth" in tags
    assert "Orientation" not in tags
    assert "no such name" not in tags
    assert tags["ImageWidth"].value == (64,)
    assert await tags["XResolution"] == ((72, 1),)
    assert await tags[65000] == b"\x01\x02\x03\x04\x05"
    assert list(tags)[-1] == 65000
    assert await tags["BitsPerSample"].read_bytes() == b"\x08\0\x08\0\x08\0"
    assert await tags.read("ImageWidth", 65000, "Orientation") == {
        "ImageWidth": (64,),
        65000: b"\x01\x02\x03\x04\x05",
    }
    assert set(await tags.read()) == set(tags)
    assert repr(tags["ImageLength"]) == "<ImageLength (257): 1 LONG, (48,)>"
    with pytest.raises(KeyError):
        _ = tags["Orientation"]


async def test_a_value_is_read_when_it_is_asked_for():
    text = "a" * 50_000
    images = [
        make_image(np.zeros((1, 8, 8), np.uint8), extra=[Field(270, "ASCII", text)])
        for _ in range(2)
    ]
    data = make_tiff(images, layout=Layout("values-apart", gap=50_000))
    async with RangeServer({"a.tif": data}) as server:
        cog = await tinycog.open(server.url("a.tif"))
        page, sent = cog.pages[1], len(server.log)
        with pytest.raises(UsageError, match="use `await tags"):
            _ = page.description
        assert len(server.log) == sent
        assert await page.tags["ImageDescription"] == text
        assert len(server.log) == sent + 1
        assert page.description == text


async def test_a_value_beyond_the_end_is_an_error_of_the_file():
    lost = Field(65000, "BYTE", b"", count=99, place=BEYOND)
    cog = await tinycog.open(make_tiff([make_image(np.zeros((1, 8, 8), np.uint8)).having(lost)]))
    with pytest.raises(tinycog.TruncatedError):
        await cog.pages[0].tags[65000]
    assert "65000" in repr(cog.pages[0].tags[65000])


def pointing(tag: int, below: Directory, *more: Field) -> bytes:
    """A file whose only image points to an IFD that is no image."""
    image = make_image(np.zeros((1, 8, 8), np.uint8), extra=more)
    listed = image.having(Field(tag, "LONG", Places.SUB_IFDS))
    return make_tiff([Directory(listed.fields, listed.tiles, (below,), listed.link)])


async def test_exif_icc_xmp_and_orientation_are_within_reach():
    exif = Directory(
        [
            Field(ExifTag.FNumber, "RATIONAL", [(14, 5)]),
            Field(ExifTag.LensModel, "ASCII", "A lens"),
        ]
    )
    data = pointing(
        34665,
        exif,
        Field(274, "SHORT", 6),
        Field(700, "BYTE", b"<x/>" * 3),
        Field(34675, "UNDEFINED", b"a profile"),
    )
    tags = (await tinycog.open(data)).pages[0].tags
    assert await tags["ICCProfile"] == b"a profile"
    assert await tags["XMP"] == b"<x/>" * 3
    assert await tags["Orientation"] == (6,)
    found = await tags.read_ifd("ExifIFD")
    assert await found.read() == {"FNumber": ((14, 5),), "LensModel": "A lens"}
    with pytest.raises(UsageError, match="no tag 'InteroperabilityIFD'"):
        await found.read_ifd("InteroperabilityIFD")
    with pytest.raises(UsageError, match="holds no offset"):
        await tags.read_ifd("ICCProfile")


async def test_gps_is_within_reach():
    gps = Directory(
        [
            Field(GpsTag.GPSLatitudeRef, "ASCII", "N"),
            Field(GpsTag.GPSLatitude, "RATIONAL", [(48, 1), (12, 1), (30, 1)]),
        ]
    )
    cog = await tinycog.open(pointing(34853, gps))
    found = await cog.pages[0].tags.read_ifd("GPSIFD")
    assert list(found) == ["GPSLatitudeRef", "GPSLatitude"]
    assert await found["GPSLatitude"] == ((48, 1), (12, 1), (30, 1))


def test_exif_names_are_those_of_the_table():
    rows = [row.split(",") for row in (FILES.parents[1] / "spec" / "exif.csv").read_text().split()]
    names = {"exif": ExifTag, "gps": GpsTag, "interoperability": InteroperabilityTag}
    assert [(kind, int(number), name) for kind, number, name in rows[1:]] == [
        (kind, tag.value, tag.name) for kind, tags in names.items() for tag in tags
    ]
