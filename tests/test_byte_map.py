"""What lies where in a file: every byte once, gaps told, drawn to scale."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from conftest import fixture_path

import tinycog
import tinycog.sync
from tinycog.errors import UsageError
from tinycog.testing import HugeTiff, make_image, make_tiff, serve_in_thread

ROOT = Path(__file__).parent.parent
FIXTURES = sorted((ROOT / "fixtures" / "files").rglob("*.tif"))
PIXELS = np.add.outer(np.arange(300), np.arange(400)).astype(np.uint16)[None]
SVG = "{http://www.w3.org/2000/svg}"


def layout_of(data: object, **options: bool) -> tinycog.FileLayout:
    return tinycog.sync.open(data).layout(**options)


def write(pixels: np.ndarray = PIXELS, **options: object) -> bytes:
    return tinycog.sync.write(bytes, pixels, **({"blocksize": 64} | options)).data


def pieces(layout: tinycog.FileLayout) -> dict[str, tuple[int, int]]:
    """Bytes and blocks of what has the same label."""
    return {group.label: (group.length, group.blocks) for group in layout.groups()}


# --- segments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_every_byte_of_a_file_is_told_once(path):
    layout = layout_of(path, whole=True)
    assert layout.size == path.stat().st_size
    reach = 0
    for segment in layout.segments:
        assert segment.start <= reach  # what nothing points to is told, too
        reach = max(reach, segment.stop)
    assert reach == layout.size


def test_the_parts_of_a_cog_lie_as_it_says():
    data = write(compression="deflate", crs=32633, transform=(10, 0, 5e5, 0, -10, 6e6))
    layout = layout_of(data)
    kinds = [segment.kind for segment in layout.segments]
    assert [kind for kind in kinds if kind != "unused"][:3] == ["header", "ghost", "ifd"]
    assert [one.of for one in layout.segments if one.kind == "pixels"] == [
        "level 3",
        "level 2",
        "level 1",
        "level 0",
    ]
    assert layout.is_whole
    assert sum(segment.length for segment in layout.segments) == len(data)
    first = min(segment.start for segment in layout.segments if segment.kind == "pixels")
    assert {one.kind for one in layout.between(first, len(data))} <= {"pixels", "unused"}


def test_blocks_are_counted_and_their_leaders_are_theirs():
    data = write(compression="deflate", overviews=[2])
    cog = tinycog.sync.open(data)
    found = pieces(cog.layout())
    for z, blocks in enumerate([7 * 5, 4 * 3]):
        stored = sum(one.length for one in cog.tile_ranges(z))
        assert found[f"pixels of level {z}"] == (stored + 8 * blocks, blocks)


def test_tags_are_named():
    layout = layout_of(fixture_path("cog-metadata"))
    tags = {segment.tag for segment in layout.segments if segment.kind == "values"}
    assert {"GeoKeyDirectory", "GDALMetadata"} <= tags
    assert {one.tag for one in layout.segments if one.kind == "index"} == {
        "TileOffsets",
        "TileByteCounts",
    }


def test_tiles_that_are_not_stored_take_no_bytes():
    pixels = PIXELS.copy()
    pixels[:, :, 64:] = 0
    found = pieces(layout_of(write(pixels, sparse=True, nodata=0, overviews=[])))
    assert found["pixels of level 0"][1] == 5


def test_what_nothing_points_to_is_told():
    data = write()
    layout = layout_of(data + bytes(5000))
    last = layout.segments[-1]
    assert (last.kind, last.start, last.stop) == ("unused", len(data), len(data) + 5000)


def test_pages_and_masks_have_names():
    found = pieces(layout_of(fixture_path("tifffile-pages")))
    assert {"IFD of level 0", "IFD of page 1", "IFD of page 2"} <= set(found)
    image = np.ma.MaskedArray(PIXELS, mask=PIXELS < 100)
    layout = layout_of(write(image, mask="internal", overviews=[2]))
    names = {segment.of for segment in layout.segments if segment.kind == "pixels"}
    assert names == {"level 0", "level 1", "mask of level 0", "mask of level 1"}


def test_tiles_that_alternate_too_often_are_told_together():
    image = np.ma.MaskedArray(np.tile(PIXELS, (1, 2, 2)), mask=np.tile(PIXELS < 100, (1, 2, 2)))
    layout = layout_of(write(image, mask="internal", overviews=[], blocksize=16))
    (segment,) = (one for one in layout.segments if one.kind == "pixels")
    assert (segment.of, segment.blocks) == ("level 0 and mask of level 0", 2 * 38 * 50)


def test_blocks_in_tatters_are_told_by_their_longest_gaps():
    image = make_image(np.arange(64 * 64, dtype=np.uint8).reshape(1, 64, 64), tile=(16, 16))
    data = make_tiff([image])
    layout = layout_of(data)
    assert sum(one.blocks for one in layout.segments) == 16


def test_a_file_that_was_cut_is_told_as_far_as_it_reaches():
    data = write()
    layout = layout_of(data[: len(data) // 2])
    assert layout.size == len(data) // 2
    assert layout.segments[-1].stop == layout.size


def test_only_the_first_page_knows_the_file():
    cog = tinycog.sync.open(fixture_path("tifffile-pages"))
    with pytest.raises(UsageError, match="open it without page="):
        cog.page(1).layout()


# --- cost ----------------------------------------------------------------------------------------


def test_a_cog_costs_its_header():
    data = write()
    with serve_in_thread({"a.tif": data}) as server:
        layout_of(server.url("a.tif"))
        assert len(server.log) == 1


def test_of_a_very_long_index_the_ends_are_read():
    huge = HugeTiff(2048 * 256, 2048 * 256)

    async def get_range(start: int, stop: int) -> bytes:
        return huge.read(start, stop)

    cog = tinycog.sync.open(get_range)
    layout = cog.layout()
    assert not layout.is_whole
    assert len(cog.requests) == 3
    assert sum(request.received for request in cog.requests) < 50_000
    *_, pixels = layout.segments
    assert (pixels.blocks, pixels.is_estimate) == (2048 * 2048, True)
    assert (pixels.start, pixels.stop) == (huge.tiles_at, huge.size)
    assert "up to 4,194,304 blocks" in str(layout)
    assert "~" in str(layout)


# --- pictures ------------------------------------------------------------------------------------

DATA = write(compression="deflate", crs=32633, transform=(10, 0, 5e5, 0, -10, 6e6))


@pytest.mark.parametrize("width", [10, 60, 80, 200])
def test_a_picture_for_terminals_is_to_scale(width):
    layout = layout_of(DATA)
    text = layout.to_text(width)
    bars = re.findall(r"^ *([\d,]+) │(.*)│$", text, re.MULTILINE)
    starts = [int(start.replace(",", "")) for start, _ in bars]
    whole = "".join(cells for _, cells in bars[:4])
    assert starts[0] == 0
    assert max(map(len, text.splitlines()[2:6])) <= max(width, 40)
    assert whole.count("0") / len(whole) == pytest.approx(
        pieces(layout)["pixels of level 0"][0] / len(DATA), abs=2 / len(whole)
    )


def test_ifds_are_drawn_again_larger():
    layout = layout_of(DATA)
    first = min(one.start for one in layout.segments if one.kind == "pixels")
    text = str(layout)
    assert f"bytes 0 to {first:,}, {len(DATA) / first:.0f} times larger" in text
    assert text.isascii()
    assert "\x1b" not in text
    assert "\x1b[" in layout.to_text(colour=True)


def test_every_letter_of_a_picture_is_in_its_table():
    text = layout_of(write(PIXELS, mask="none") + bytes(9000)).to_text(120)
    shown = set("".join(re.findall(r"│(.*)│", text)))
    told = set(re.findall(r"^  (\S) \S", text, re.MULTILINE))
    assert shown <= told


def test_an_svg_is_to_scale():
    layout = layout_of(DATA)
    root = fromstring(layout.to_svg(1000))  # noqa: S314 - our own
    assert root.get("width") == "1000"
    first = [
        (float(one.get("width") or 0), title.text or "")
        for one in root.iter(f"{SVG}rect")
        if one.get("y") == "64"
        for title in one.iter(f"{SVG}title")
    ]
    assert sum(width for width, _ in first) == pytest.approx(952, abs=0.1)
    (level0,) = (width for width, title in first if title.startswith("pixels of level 0"))
    assert level0 == pytest.approx(
        952 * pieces(layout)["pixels of level 0"][0] / len(DATA), abs=0.01
    )


def test_a_picture_with_a_tiny_share_is_well_formed():
    layout = layout_of(write(np.zeros((1, 2000, 2000), np.uint8), compression="none"))
    root = fromstring(layout.to_svg())  # noqa: S314 - our own
    assert "<0.01%" in {one.text for one in root.iter(f"{SVG}text")}


def test_the_picture_of_the_documents_is_of_the_packaged_file():
    layout = layout_of((ROOT / "src" / "tinycog" / "data" / "demo.tif").read_bytes())
    named = tinycog.FileLayout("demo.tif", layout.size, layout.segments, is_whole=True)
    assert (ROOT / "docs" / "bytes.svg").read_text() == named.to_svg()


def test_names_are_escaped():
    cog = tinycog.sync.open(DATA)
    layout = cog.layout()
    odd = tinycog.FileLayout("<a>&\x07.tif", layout.size, layout.segments, is_whole=True)
    root = fromstring(odd.to_svg())  # noqa: S314 - our own
    assert root.find(f"{SVG}title").text == "Bytes of <a>&�.tif"  # pyright: ignore[reportOptionalMemberAccess]
    assert odd._repr_svg_() == odd.to_svg()


def test_a_picture_of_a_thousand_pages_stays_short():
    image = make_image(np.zeros((1, 16, 16), np.uint8), tile=(16, 16))
    layout = layout_of(make_tiff([image] * 300))
    assert len(layout.to_text().splitlines()) < 70
    assert " more" in layout.to_text()
    assert len(layout.to_svg()) < 1_000_000


def test_a_layout_is_a_document():
    document = json.loads(layout_of(DATA).to_json())
    assert document["size"] == len(DATA)
    assert document["segments"][0] == {
        "start": 0,
        "stop": 8,
        "kind": "header",
        "of": "",
        "tag": "",
        "blocks": 0,
        "is_estimate": False,
        "label": "header",
    }
