"""The head of a COG: IFDs, indices and ghost area of tiles whose lengths are known."""

from __future__ import annotations

import io
import itertools
import tracemalloc
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
import tifffile
from conftest import LIMITS, Feed, fixture_path

import tinycog
from tinycog.errors import UnsupportedError, UsageError
from tinycog.testing import make_image, serve_in_thread
from tinycog.tiff import ghost
from tinycog.tiff.ghost import GHOST_HEAD_LENGTH, frame, make_ghost, parse_ghost
from tinycog.tiff.layout import Field
from tinycog.tiff.parse import parse_header, parse_tiff, parse_values
from tinycog.tiff.spec import BIG, CLASSIC, ByteOrder, Compression, Tag
from tinycog.writer.head import ALIGNMENT, HeadLevel, plan_head
from tinycog.writer.records import LevelIndex, payload_ranges, record

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

TILE = (32, 32)
INTERLEAVES = ["pixel", "band", "tile"]
INDEX = (Tag.NewSubfileType, Tag.TileOffsets, Tag.TileByteCounts)


class Level(NamedTuple):
    """A level of a file made by hand: pixels (bands, rows, cols), mask (rows, cols) or None."""

    pixels: np.ndarray
    mask: Any


def make_levels(shape=(2, 150, 101), dtype="u2", *, mask=True, levels=3):
    rng = np.random.default_rng(3)
    pixels = rng.integers(1, 200, shape).astype(dtype)
    valid = rng.random(shape[1:]) > 0.4
    return [
        Level(pixels[:, :: 1 << z, :: 1 << z], valid[:: 1 << z, :: 1 << z] if mask else None)
        for z in range(levels)
    ]


def encode(level, interleave, byte_order: ByteOrder, sparse=(), mask_sparse=()):
    """A level of the head, and its records."""
    planar = interleave != "pixel"
    image = make_image(level.pixels, tile=TILE, planar=planar, byte_order=byte_order, sparse=sparse)
    planes = len(level.pixels) if planar else 1
    tiles = len(image.tiles) // planes
    stored = [image.tiles[i * tiles :][:tiles] for i in range(planes)]
    mask_fields = None
    if level.mask is not None:
        photometric = Field(Tag.PhotometricInterpretation, "SHORT", 4)
        options = {"tile": TILE, "compression": 8, "sparse": mask_sparse, "extra": [photometric]}
        mask = make_image(level.mask[None], **options)
        stored.append(mask.tiles)
        mask_fields = mask.without(*INDEX).fields
    masked = level.mask is not None
    index = LevelIndex.empty(tiles, planes=planes, mask=masked, interleave=interleave)
    for lengths, payloads in zip((*index.image, index.mask), stored, strict=False):
        assert lengths is not None
        lengths[:] = [len(payload) for payload in payloads]
    if interleave == "band":
        together = [[payload] for payloads in stored for payload in payloads]
    else:
        together = list(zip(*stored, strict=True))
    records = [b"".join(record(payloads)) for payloads in together]
    return HeadLevel(image.without(*INDEX).fields, index, mask_fields), records


def make_cog(levels, interleave="pixel", byte_order: ByteOrder = "<", bigtiff=None, **sparse):
    """The file, and its head."""
    encoded = [
        encode(level, interleave, byte_order, **({} if z else sparse))
        for z, level in enumerate(levels)
    ]
    head = plan_head([level for level, _ in encoded], byte_order=byte_order, bigtiff=bigtiff)
    overviews = b"".join(part for _, records in reversed(encoded[1:]) for part in records)
    start = b"".join(head.write())
    assert (len(start), len(overviews)) == (head.ifds_length, head.overviews_length)
    data = start + overviews + bytes(head.padding)
    assert len(data) == head.length
    data += b"".join(encoded[0][1])
    assert len(data) == head.file_length
    return data, head


def values_of(data):
    """Values of each IFD of the chain by tag, and the positions of these IFDs."""
    feed = Feed(data)
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    found = []
    for ifd in tiff.ifds:
        entries = list(ifd.entries.values())
        values = feed.run(parse_values(feed.buffer, tiff.header, entries, LIMITS))
        found.append(dict(zip(ifd.entries, values, strict=True)))
    assert not tiff.findings
    return found, [ifd.offset for ifd in tiff.ifds]


def ghost_of(data):
    feed = Feed(data)
    return feed.run(parse_ghost(feed.buffer, feed.run(parse_header(feed.buffer))))


async def check(levels, data):
    """All levels and masks, as tinycog and GDAL read them; level 0 as tifffile does."""
    cog = tinycog.open(data)
    await cog
    assert not cog.findings
    for z, (pixels, mask) in enumerate(levels):
        raster = await cog.read(level=z)
        assert np.array_equal(raster.data, pixels)
        assert mask is None or np.array_equal(raster.mask, mask)
        with rasterio.MemoryFile(data) as memory:
            opened = memory.open(overview_level=z - 1) if z else memory.open()
            with opened as dataset:
                assert np.array_equal(dataset.read(), pixels)
                assert mask is None or np.array_equal(dataset.dataset_mask() > 0, mask)
                if z == 0:
                    assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                    factors = [1 << z for z in range(1, len(levels))]
                    assert dataset.overviews(1) == factors
    pixels = levels[0].pixels
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        array = page.asarray()
        apart = array if page.planarconfig == 2 else np.moveaxis(np.atleast_3d(array), -1, 0)
        assert np.array_equal(apart.reshape(pixels.shape), pixels)


KINDS = list(itertools.product(INTERLEAVES, [False, True], "<>", [False, True]))


@pytest.mark.parametrize(("interleave", "mask", "byte_order", "big"), KINDS)
async def test_a_file_is_read_as_it_was_made(interleave, mask, byte_order, big):
    levels = make_levels(mask=mask)
    data, head = make_cog(levels, interleave, byte_order, bigtiff=big or None)
    assert head.variant is (BIG if big else CLASSIC)
    assert head.length % ALIGNMENT == 0
    await check(levels, data)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 32, 32), (1, 40, 20), (5, 33, 64)])
@pytest.mark.parametrize("big", [None, True])
async def test_images_of_one_tile_and_of_few(shape, big):
    levels = make_levels(shape, "u1", levels=1)
    await check(levels, make_cog(levels, bigtiff=big)[0])


@pytest.mark.parametrize("interleave", INTERLEAVES)
async def test_tiles_that_are_not_stored_have_neither_place_nor_length(interleave):
    levels = make_levels((2, 64, 96))
    pixels, mask = levels[0]
    pixels[:, :32, 32:64] = pixels[:1, 32:, :32] = 0
    mask[:32, 32:64] = False
    sparse = {1, 3} if interleave != "pixel" else {1}
    sparse |= {7} if interleave != "pixel" else set()
    data, _ = make_cog(levels, interleave, sparse=sparse, mask_sparse={1})
    await check(levels, data)
    values, _ = values_of(data)
    for tag in (Tag.TileOffsets, Tag.TileByteCounts):
        assert {i for i, value in enumerate(values[0][tag]) if value == 0} == sparse


# --- order ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("big", [None, True])
@pytest.mark.parametrize("mask", [False, True])
def test_ifds_lie_as_gdal_writes_them_and_small_levels_before_large_ones(mask, big):
    data, head = make_cog(make_levels(mask=mask), bigtiff=big)
    values, at = values_of(data)
    types = [found.get(Tag.NewSubfileType) for found in values]
    one = (1,)
    assert types == ([None, (4,), one, one, (5,), (5,)] if mask else [None, one, one])
    widths = [found[Tag.ImageWidth] for found in values]
    assert widths == [(101,), *([(101,)] if mask else []), *[(51,), (26,)] * (2 if mask else 1)]
    found = ghost_of(data)
    assert found is not None
    assert at == sorted(at)
    assert at[0] == found.stop + found.stop % 2
    smallest, middle, full = (
        min(values[i][Tag.TileOffsets]) for i in ((3, 2, 0) if mask else (2, 1, 0))
    )
    assert max(at) < head.ifds_length == smallest - 4 < middle
    assert middle < head.length == full - 4


@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("interleave", INTERLEAVES)
def test_each_tile_lies_behind_the_one_before_between_leader_and_trailer(
    interleave, mask, byte_order
):
    data, head = make_cog(make_levels(mask=mask), interleave, byte_order)
    values, _ = values_of(data)
    stop = head.length
    tiles = [list(zip(*[found[tag] for tag in INDEX[1:]], strict=True)) for found in values[:2]]
    count = len(tiles[0]) // (1 if interleave == "pixel" else 2)
    planes = [tiles[0][i : i + count] for i in range(0, len(tiles[0]), count)]
    rows = [*planes, tiles[1]] if mask else planes
    order = rows if interleave == "band" else zip(*rows, strict=True)
    for at, length in itertools.chain.from_iterable(order):
        assert at == stop + 4
        assert data[at - 4 : at] == length.to_bytes(4, "little")
        assert data[at + length :][:4] == data[: at + length][-4:]
        stop = at + length + 4
    assert stop == len(data)


# --- ghost area ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interleave", "mask", "length", "added"),
    [
        ("pixel", False, 140, {}),
        ("pixel", True, 174, {"MASK_INTERLEAVED_WITH_IMAGERY": "YES"}),
        ("band", False, 156, {"INTERLEAVE": "BAND"}),
        ("band", True, 156, {"INTERLEAVE": "BAND"}),
        ("tile", True, 156, {"INTERLEAVE": "TILE"}),
    ],
)
def test_the_ghost_area_says_what_gdal_says_of_such_a_file(interleave, mask, length, added):
    data, _ = make_cog(make_levels(mask=mask), interleave)
    found = ghost_of(data)
    assert found is not None
    assert found.has_leaders
    assert found.stop == 8 + GHOST_HEAD_LENGTH + length
    plain = ghost_of(fixture_path("cog-deflate-u8").read_bytes())
    assert plain is not None
    assert found.items == {**plain.items, **added}


def test_the_ghost_area_is_that_of_gdal():
    for name, masks in (("cog-deflate-u8", False), ("cog-mask-rgb", True)):
        expected = make_ghost(masks=masks)
        assert fixture_path(name).read_bytes()[8:].startswith(expected)


@pytest.mark.parametrize(
    ("payload", "trailer"),
    [(b"123456", b"3456"), (b"1234", b"1234"), (b"12", b"12\0\0"), (memoryview(b"abc"), b"abc\0")],
)
def test_the_trailer_repeats_the_last_bytes(payload, trailer):
    assert frame(payload) == (bytes([len(payload), 0, 0, 0]), payload, trailer)


async def test_tiles_of_less_than_4_bytes_are_read():
    levels = [Level(np.ones((1, 16, 16), bool), None)]
    packed = Field(Tag.Compression, "SHORT", Compression.PACKBITS)
    image = make_image(levels[0].pixels, tile=(16, 16), extra=[packed])
    index = LevelIndex.empty(1)
    payload = b"\xe1\xff"  # 255, 32 times
    index.image[:] = len(payload)
    head = plan_head([HeadLevel(image.without(*INDEX).fields, index)])
    data = b"".join([*head.write(), bytes(head.padding), *record([payload])])
    await check(levels, data)


def test_a_payload_that_its_leader_cannot_tell_is_refused(monkeypatch):
    assert ghost.LONGEST_PAYLOAD == (1 << 32) - 1
    monkeypatch.setattr(ghost, "LONGEST_PAYLOAD", 5)
    frame(b"12345")
    with pytest.raises(UnsupportedError, match="a stored tile of 6 bytes"):
        frame(b"123456")


def test_a_record_holds_what_is_stored_and_no_more():
    made = b"".join(record([b"first", b"", b"mask"]))
    assert made == b"\5\0\0\0firstirst\4\0\0\0maskmask"
    assert payload_ranges([5, 0, 4]) == [(4, 9), (0, 0), (17, 21)]
    assert made[4:9] == b"first"
    assert made[17:21] == b"mask"
    assert record([b"", b""]) == []


# --- masks behind their tiles --------------------------------------------------------------------


def test_a_tile_without_that_of_its_mask_is_refused_where_they_lie_together():
    # GDAL takes the tile behind for its mask, then.
    with pytest.raises(UsageError, match="tile 5 of level 0"):
        make_cog(make_levels(), mask_sparse={5})
    make_cog(make_levels(), "band", mask_sparse={5})
    make_cog(make_levels(), sparse={5})


def test_fields_of_a_mask_without_its_lengths_are_refused_and_the_reverse():
    for mask, fields in ((True, None), (False, [])):
        with pytest.raises(UsageError, match="both or none"):
            HeadLevel([], LevelIndex.empty(4, mask=mask), fields)


@pytest.mark.parametrize("sparse", [{}, {"sparse": {5, 6}}, {"sparse": {5}, "mask_sparse": {5}}])
def test_gdal_reads_pixels_and_masks_over_http_at_once(sparse):
    levels = make_levels()
    for name, array in (("sparse", levels[0].pixels), ("mask_sparse", levels[0].mask)):
        for tile in sparse.get(name, ()):
            row, col = (32 * at for at in divmod(tile, 4))
            array[..., row : row + 32, col : col + 32] = 0
    data, _ = make_cog(levels, **sparse)
    alone = rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR")
    with serve_in_thread({"a.tif": data}) as server, alone:
        with rasterio.open(f"/vsicurl/{server.url('a.tif')}") as dataset:
            server.log.clear()
            assert np.array_equal(dataset.read(), levels[0].pixels)
            assert np.array_equal(dataset.dataset_mask() > 0, levels[0].mask)
        if not sparse:
            assert [line.stop for line in server.log] == [len(data)]


# --- TIFF or BigTIFF -----------------------------------------------------------------------------


def numbers(total, bigtiff=None, byte_order: ByteOrder = "<"):
    """The head of a TIFF of `total` bytes in two levels, of which only the lengths exist."""
    fields = [Field(Tag.ImageWidth, "LONG", 999)]
    full, overview = LevelIndex.empty(40), LevelIndex.empty(10)
    overview.image[0, 3:] = 1000
    full.image[0, :30] = 100_000_000
    levels = [HeadLevel(fields, index) for index in (full, overview)]
    full.image[0, -1] = total - plan_head(levels, bigtiff=False).file_length - 8
    return plan_head(levels, byte_order=byte_order, bigtiff=bigtiff)


@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize(("beyond", "variant"), [(-2, CLASSIC), (-1, CLASSIC), (0, BIG), (1, BIG)])
def test_a_file_of_4_gib_is_a_bigtiff_and_one_byte_less_is_not(beyond, variant, byte_order):
    head = numbers((1 << 32) + beyond, byte_order=byte_order)
    assert head.variant is variant
    assert head.file_length == (1 << 32) + beyond
    values, _ = values_of(b"".join(head.write()))
    at, length = (values[0][tag][-1] for tag in INDEX[1:])
    assert at + length + 4 == head.file_length
    assert values[0][Tag.TileOffsets][30:39] == (0,) * 9
    assert values[0][Tag.TileOffsets][:2] == (head.length + 4, head.length + 100_000_012)
    assert values[1][Tag.TileOffsets][3:5] == (head.ifds_length + 4, head.ifds_length + 1012)


def test_what_is_asked_for_is_made_or_refused():
    assert numbers(3_100_000_000, bigtiff=True).variant is BIG
    assert numbers((1 << 32) - 1, bigtiff=False).variant is CLASSIC
    with pytest.raises(UsageError, match="4294967296 bytes"):
        numbers(1 << 32, bigtiff=False)


def test_the_index_of_a_million_by_a_million_pixels_takes_little_memory():
    levels, across = [], 1953
    while not levels or across > 1:
        across = -(-across // 2) if levels else across
        index = LevelIndex.empty(across * across)
        index.image[:] = 70_000
        levels.append(HeadLevel([Field(Tag.ImageWidth, "LONG", across * 512)], index))
    tracemalloc.start()
    head = plan_head(levels)
    written = sum(map(len, head.write()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written == head.ifds_length > 60e6
    assert peak < 64 << 20
    assert head.file_length == head.length + 1953 * 1953 * 70_008
