"""JPEG tiles: streams that are cut or overwritten, of other sizes, and whose colours disagree."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

import tinycog
from tinycog.decode.jpeg_stream import walk
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Photometric, Tag

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIZE = 96
JPEG, OLD_JPEG = 7, 6


def smooth(seed: int, bands: int = 3) -> np.ndarray:
    """A picture like a photograph, (rows, cols, bands), or (rows, cols) of one."""
    rng = np.random.default_rng(seed)
    blocks = np.kron(rng.normal(size=(SIZE // 8, SIZE // 8, bands)), np.ones((8, 8, 1)))
    pixels = 128 + 40 * blocks + 5 * rng.normal(size=(SIZE, SIZE, bands))
    return np.clip(pixels, 0, 255).astype(np.uint8).squeeze()


def encoded(array: np.ndarray, **options: Any) -> bytes:
    return bytes(imagecodecs.jpeg_encode(array, level=88, **options))


def progressive(array: np.ndarray) -> bytes:
    rows, cols, bands = array.shape
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), MemoryFile() as memory:
        kind = {"driver": "JPEG", "width": cols, "height": rows, "count": bands, "dtype": "uint8"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            target = memory.open(**kind, PROGRESSIVE="ON")
        with target:
            target.write(array.transpose(2, 0, 1))
        return memory.read()


def with_restarts(array: np.ndarray) -> bytes:
    """A stream with a restart marker behind each row of units: each row is encoded by itself."""
    step = 8
    streams = [
        encoded(np.ascontiguousarray(array[y : y + step]), subsampling="444")
        for y in range(0, len(array), step)
    ]
    parts = [stream[walk(stream).scans[0].start : -2] for stream in streams]
    coded = b"".join(part + bytes((0xFF, 0xD0 + i % 8)) for i, part in enumerate(parts[:-1]))
    head = streams[0][: walk(streams[0]).scans[0].start]
    at = head.index(b"\xff\xc0")
    rows = at + 5
    head = head[:rows] + len(array).to_bytes(2, "big") + head[rows + 2 :]
    interval = b"\xff\xdd\0\4" + (array.shape[1] // 8).to_bytes(2, "big")
    return head[:at] + interval + head[at:] + coded + parts[-1] + b"\xff\xd9"


def file_of(
    streams: list[bytes],
    bands: int,
    photometric: int,
    *fields: Field,
    dtype: str = "uint8",
    shape: tuple[int, int] = (SIZE, SIZE),
    code: int = JPEG,
    **layout: Any,
) -> bytes:
    image = make_image(np.zeros((bands, *shape), dtype), **(layout or {"tile": (SIZE, SIZE)}))
    index = Tag.StripByteCounts if "rows_per_strip" in layout else Tag.TileByteCounts
    image = image.having(
        Field(Tag.Compression, "SHORT", code),
        Field(Tag.PhotometricInterpretation, "SHORT", photometric),
        Field(index, "LONG", [len(stream) for stream in streams]),
        *fields,
    )
    return make_tiff([replace(image, tiles=streams)])


KINDS = {
    "gray": (encoded(smooth(1, 1)), 1, Photometric.MIN_IS_BLACK, "uint8"),
    "4:2:0": (encoded(smooth(1), subsampling="420"), 3, Photometric.YCBCR, "uint8"),
    "4:4:4": (encoded(smooth(1), subsampling="444", optimize=True), 3, 6, "uint8"),
    "plain": (encoded(np.full((SIZE, SIZE, 3), 9, np.uint8), optimize=True), 3, 6, "uint8"),
    "progressive": (progressive(smooth(1)), 3, Photometric.YCBCR, "uint8"),
    "restarts": (with_restarts(smooth(1)), 3, Photometric.YCBCR, "uint8"),
    "12 bit": (encoded(smooth(1, 1).astype(np.uint16) * 16, bitspersample=12), 1, 1, "uint16"),
    "lossless": (encoded(smooth(1, 1), lossless=True), 1, 1, "uint8"),
}


def one_tile(kind: str, stream: bytes) -> tinycog.Cog:
    _, bands, photometric, dtype = KINDS[kind]
    bits = Field(Tag.BitsPerSample, "SHORT", [12 if kind == "12 bit" else 8] * bands)
    return tinycog.open(file_of([stream], bands, photometric, bits, dtype=dtype))


async def outcome(kind: str, stream: bytes) -> np.ndarray | str:
    try:
        tile = await one_tile(kind, stream).read_tile(0, 0, 0)
    except tinycog.CorruptTileError as error:
        return str(error)
    return tile.data


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_that_is_whole_is_read_without_a_finding(kind: str):
    tile = await one_tile(kind, KINDS[kind][0]).read_tile(0, 0, 0)

    assert tile.findings == ()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_that_is_cut_anywhere_gives_all_its_pixels_or_an_error(kind: str):
    stream = KINDS[kind][0]
    whole = await outcome(kind, stream)

    for stop in sorted({*range(4, len(stream), len(stream) // 40), len(stream) - 1}):
        found = await outcome(kind, stream[:stop])
        assert isinstance(found, str) or np.array_equal(found, whole), stop


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_whose_end_is_overwritten_is_an_error(kind: str, fill: bytes):
    stream = KINDS[kind][0]
    first = walk(stream).scans[0].start

    for stop in range(first + 8, len(stream) - 16, len(stream) // 12):
        found = await outcome(kind, stream[:stop] + fill * (len(stream) - stop))
        assert isinstance(found, str), stop


@pytest.mark.parametrize("kind", ["gray", "4:2:0", "4:4:4", "12 bit"])
async def test_a_hole_inside_a_stream_is_an_error(kind: str):
    stream = KINDS[kind][0]
    start = (walk(stream).scans[0].start + len(stream)) // 2

    for fill in (b"\0", b"\xff"):
        found = await outcome(kind, stream[:start] + fill * 64 + stream[start + 64 :])
        assert isinstance(found, str)


async def test_another_stream_that_begins_inside_one_is_an_error():
    stream, other = KINDS["4:2:0"][0], encoded(smooth(2), subsampling="420")
    half = len(stream) // 2

    assert isinstance(await outcome("4:2:0", stream[:half] + other), str)


async def test_a_missing_restart_marker_is_an_error():
    stream = KINDS["restarts"][0]
    at = stream.index(b"\xff\xd2", walk(stream).scans[0].start)

    found = await outcome("restarts", stream[:at] + stream[at + 2 :])

    assert "restart markers, expected" in str(found)


async def test_a_stream_without_the_marker_of_its_end_is_a_finding_where_all_pixels_are_there():
    stream = KINDS["4:4:4"][0]
    whole = await one_tile("4:4:4", stream).read_tile(0, 0, 0)
    tile = await one_tile("4:4:4", stream[:-2]).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data, whole.data)
    assert [finding.rule for finding in tile.findings] == ["tiff.jpeg.end"]


async def test_bytes_between_markers_and_markers_inside_segments_are_passed_over():
    stream = KINDS["4:2:0"][0]
    comment = b"\xff\xfe\0\x0c" + b"\xff\xda" * 5
    stray = stream[:2] + comment + b"\0\1\2" + stream[2:]

    np.testing.assert_array_equal(await outcome("4:2:0", stray), await outcome("4:2:0", stream))


# --- sizes ----------------------------------------------------------------------------------------


def strips(heights: list[int], rows_per_strip: int, rows: int) -> bytes:
    picture = smooth(1, 1)
    streams = [encoded(np.ascontiguousarray(picture[:height])) for height in heights]
    return file_of(streams, 1, 1, shape=(rows, SIZE), rows_per_strip=rows_per_strip)


async def test_only_the_last_strip_may_be_higher_than_its_rows():
    tall = await tinycog.open(strips([16, 16], 16, 24)).read()
    assert [finding.rule for finding in tall.findings] == ["tiff.jpeg.height"]

    with pytest.raises(tinycog.CorruptTileError, match="holds 16 x 96 pixels"):
        await tinycog.open(strips([16, 16], 8, 16)).read()


async def test_lossless_components_may_be_samples_side_by_side():
    """As DNG writers store one band: half as many columns of two components."""
    bayer = smooth(3, 1)
    stream = encoded(bayer.reshape(SIZE, SIZE // 2, 2), lossless=True)

    tile = await tinycog.open(file_of([stream], 1, 32803)).read_tile(0, 0, 0)

    np.testing.assert_array_equal(tile.data[0], bayer)


# --- colours --------------------------------------------------------------------------------------


def with_adobe(stream: bytes, transform: int) -> bytes:
    return stream[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform]) + stream[2:]


def without_jfif(stream: bytes) -> bytes:
    assert stream[2:4] == b"\xff\xe0"
    return stream[:2] + stream[4 + int.from_bytes(stream[4:6], "big") :]


COLOURS = smooth(5)
AS_YCBCR = encoded(COLOURS, subsampling="444")
SUBSAMPLED = encoded(COLOURS, subsampling="420")
AS_RGB = encoded(COLOURS, colorspace="RGB", outcolorspace="RGB")
RULE = ["tiff.jpeg.colour"]


@pytest.mark.parametrize(
    ("stream", "code", "photometric", "rules"),
    [
        (AS_YCBCR, JPEG, Photometric.YCBCR, []),
        (without_jfif(AS_YCBCR), JPEG, Photometric.YCBCR, []),
        (AS_YCBCR, JPEG, Photometric.RGB, RULE),
        (
            without_jfif(encoded(COLOURS, subsampling="420")),
            JPEG,
            Photometric.RGB,
            RULE,
        ),  # subsampled
        (AS_RGB, JPEG, Photometric.RGB, []),
        (AS_RGB, JPEG, Photometric.YCBCR, RULE),  # components are named R, G, B
        (with_adobe(without_jfif(AS_YCBCR), 1), JPEG, Photometric.YCBCR, []),
        (AS_YCBCR, OLD_JPEG, Photometric.RGB, []),
        (without_jfif(AS_YCBCR), OLD_JPEG, Photometric.RGB, []),
        (AS_RGB, OLD_JPEG, Photometric.RGB, RULE),
    ],
)
async def test_colours_are_those_that_were_encoded(stream, code, photometric, rules):
    tile = await tinycog.open(file_of([stream], 3, photometric, code=code)).read_tile(0, 0, 0)

    difference = np.abs(tile.data.transpose(1, 2, 0).astype(int) - COLOURS)
    assert difference.mean() < 10  # taken for the others, it is far over 30
    assert [finding.rule for finding in tile.findings] == rules


async def test_components_without_a_word_on_colour_are_what_the_tags_say():
    """As GDAL reads them; a marker of Adobe's alone does not turn them either."""
    for stream in (without_jfif(AS_YCBCR), with_adobe(without_jfif(AS_YCBCR), 1)):
        file = file_of([stream], 3, Photometric.RGB)
        tile = await tinycog.open(file).read_tile(0, 0, 0)
        with MemoryFile(file) as memory, memory.open() as dataset:
            np.testing.assert_array_equal(tile.data, dataset.read())
        assert [finding.rule for finding in tile.findings] == RULE * (b"Adobe" in stream)


# --- old-style JPEG -------------------------------------------------------------------------------


def old_layouts() -> dict[str, tuple[bytes, list[bytes], Any]]:
    """What lies in front, the strips, and tags whose numbers are places in what lies in front."""
    stream = encoded(COLOURS, subsampling="444")
    start = walk(stream).scans[0].start
    head, coded = stream[:start], stream[start:]
    tables: dict[int, list[bytes]] = {0xDB: [], 0x00: [], 0x10: []}
    at = 2
    while at < start:
        body = head[at + 4 : at + 2 + int.from_bytes(head[at + 2 : at + 4], "big")]
        if head[at + 1] == 0xDB:
            tables[0xDB].append(body[1:])
        elif head[at + 1] == 0xC4:
            tables[body[0] & 0xF0].append(body[1:])
        at += 4 + len(body)
    blob, places = b"", []
    for kind in tables.values():
        offsets = []
        for table in kind:
            offsets.append(len(blob))
            blob += table
        places.append([offsets[0], offsets[1], offsets[1]])
    parts = dict(zip((Tag.JPEGQTables, Tag.JPEGDCTables, Tag.JPEGACTables), places, strict=True))
    start_tag, length_tag = Tag.JPEGInterchangeFormat, Tag.JPEGInterchangeFormatLength
    rows = [encoded(COLOURS[y : y + 32], subsampling="444") for y in range(0, SIZE, 32)]
    cut = [row[start:] for row in rows]
    return {
        "a head": (head, [coded], {start_tag: 0, length_tag: len(head)}),
        "a head without length": (head, [coded], {start_tag: 0}),
        "a head without a scan": (
            head[: head.rindex(b"\xff\xda")],
            [head[head.rindex(b"\xff\xda") :] + coded],
            {start_tag: 0, length_tag: head.rindex(b"\xff\xda")},
        ),
        "a whole stream": (stream, [], {start_tag: 0, length_tag: len(stream)}),
        "a head, three strips": (head, cut, {start_tag: 0, length_tag: len(head)}),
        "tables": (blob, [coded], parts),
        "tables, three strips": (blob, [part[:-2] for part in cut], parts),
        "complete strips": (b"", rows, {}),
    }


OLD = old_layouts()


@pytest.mark.parametrize("name", OLD)
async def test_old_style_jpeg_is_read_wherever_its_head_lies(name: str):
    front, strips, tags = OLD[name]
    rows = SIZE // max(len(strips), 1)
    front += bytes(len(front) % 2)
    image = make_image(np.zeros((3, SIZE, SIZE), np.uint8), rows_per_strip=rows)

    def made(shift: int) -> bytes:
        moved = {
            tag: value if tag == Tag.JPEGInterchangeFormatLength else np.add(value, shift).tolist()
            for tag, value in tags.items()
        }
        fields = [Field(tag, "LONG", value) for tag, value in moved.items()]
        counts = [len(strip) for strip in strips] or [0]
        return make_tiff(
            [
                replace(image, tiles=[front, *strips]).having(
                    Field(Tag.Compression, "SHORT", OLD_JPEG),
                    Field(Tag.PhotometricInterpretation, "SHORT", Photometric.YCBCR),
                    Field(Tag.YCbCrSubSampling, "SHORT", [1, 1]),
                    Field(Tag.StripByteCounts, "LONG", counts),
                    Field(Tag.StripOffsets, "LONG", places_of(strips, shift + len(front))),
                    *fields,
                )
            ]
        )

    shift = made(0).rindex(front) if front else made(0).index(strips[0])
    raster = await tinycog.open(made(shift)).read()

    assert np.abs(raster.data.transpose(1, 2, 0).astype(int) - COLOURS).mean() < 6
    assert raster.findings == ()


def places_of(strips: list[bytes], start: int) -> list[int]:
    places = [start]
    for strip in strips[:-1]:
        places.append(places[-1] + len(strip) + len(strip) % 2)
    return places if strips else [0]


async def test_old_style_jpeg_without_a_head_is_refused():
    front, strips, _ = OLD["a head"]
    file = file_of(strips, 3, Photometric.YCBCR, code=OLD_JPEG)
    with pytest.raises(tinycog.UnsupportedError, match="complete JPEG stream"):
        await tinycog.open(file).read()
    wrong = Field(Tag.JPEGInterchangeFormat, "LONG", 8)
    file = file_of(strips, 3, Photometric.YCBCR, wrong, code=OLD_JPEG, rows_per_strip=SIZE)
    with pytest.raises(tinycog.FormatError, match="there is none"):
        await tinycog.open(file).read()
    assert front
