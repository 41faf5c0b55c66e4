from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
import pytest
import rasterio
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycog.errors import FormatError, LimitError, TruncatedError
from tinycog.limits import Limits
from tinycog.testing import (
    Directory,
    Field,
    HugeTiff,
    Layout,
    Places,
    flaws,
    make_image,
    make_pyramid,
    make_tiff,
)
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.ghost import parse_ghost
from tinycog.tiff.parse import parse_ifd, parse_tiff, parse_values
from tinycog.tiff.pyramid import parse_image, parse_pyramid
from tinycog.tiff.spec import FIELD_TYPES, Tag

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

LIMITS = Limits()
ORDERS = ["ifds-first", "index-last", "ifds-last", "values-apart", "reversed"]


class File:
    """Runs parsers over a file; the buffer gets only the ranges that they ask for."""

    def __init__(self, data):
        self.read = data.read if isinstance(data, HugeTiff) else lambda a, b: data[a:b]
        self.size = len(data) if isinstance(data, bytes) else data.size
        self.buffer = SparseBuffer()
        self.asked = 0
        self.tiff = self.run(parse_tiff(self.buffer, LIMITS))

    def run(self, parser):
        while True:
            try:
                ranges = next(parser)
            except StopIteration as done:
                return done.value
            self.buffer.size = self.size
            for start, stop in ranges:
                data = self.read(start, min(stop, self.size))
                self.asked += len(data)
                self.buffer.put(start, data)

    def values(self, ifd):
        entries = list(ifd.entries.values())
        values = self.run(parse_values(self.buffer, self.tiff.header, entries, LIMITS))
        return {entry.tag: value for entry, value in zip(entries, values, strict=True)}

    def value(self, ifd, tag):
        return self.values(ifd)[tag]

    def image(self, i=0):
        return self.run(parse_image(self.buffer, self.tiff.header, self.tiff.ifds[i], LIMITS))

    def tiles(self, image):
        """Stored bytes of all tiles."""
        entries = [image.offsets, image.byte_counts]
        index = self.run(parse_values(self.buffer, self.tiff.header, entries, LIMITS))
        return [self.read(at, at + length) for at, length in zip(*index, strict=True)]


# --- layout and parser are inverse ---------------------------------------------------------------


def numbers(kind):
    length = kind.length // len(kind.format)
    if kind.format in ("f", "d"):
        return st.floats(width=length * 8, allow_nan=False)
    signed = kind.format[0].islower()
    low = -(1 << length * 8 - 1) if signed else 0
    number = st.integers(low, low + (1 << length * 8) - 1)
    return st.tuples(number, number) if len(kind.format) == 2 else number


def values_of(kind):
    if kind.name in ("ASCII", "UTF-8"):
        return st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
    if kind.format in ("s", "B"):
        return st.binary(max_size=20)
    return st.lists(numbers(kind), max_size=5).map(tuple)


@st.composite
def fields(draw):
    kind = draw(st.sampled_from(list(FIELD_TYPES.values())))
    key = draw(st.sampled_from([kind.name, kind.code]))
    return Field(draw(st.integers(0, 65535)), key, draw(values_of(kind)))


directories = st.lists(fields(), min_size=1, max_size=8).map(
    lambda found: Directory((), [b"tile", b""]).having(*found)
)
layouts = st.builds(
    Layout, st.sampled_from(ORDERS), st.booleans(), st.booleans(), st.integers(0, 5)
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(directories, min_size=1, max_size=4),
    st.sampled_from("<>"),
    st.booleans(),
    layouts,
)
def test_what_is_made_is_what_is_parsed(chain, byte_order, big, layout):
    file = File(make_tiff(chain, byte_order=byte_order, big=big, layout=layout))
    assert (file.tiff.header.byte_order, file.tiff.header.variant.magic) == (
        byte_order,
        43 if big else 42,
    )
    assert not file.tiff.findings
    assert file.tiff.complete
    assert len(file.tiff.ifds) == len(chain)
    for ifd, directory in zip(file.tiff.ifds, chain, strict=True):
        assert not ifd.findings
        assert file.values(ifd) == {field.tag: field.values for field in directory.fields}


ARRAYS = [
    ("SHORT", np.arange(3)),
    ("SHORT", np.array([7], np.uint64)),
    ("LONG", np.arange(200_000, dtype=np.int64)[::-1]),
    ("LONG", np.array([], np.uint32)),
    ("LONG8", np.array([1 << 63, 5], ">u8")),
    ("SLONG", np.array([-5, 6])),
    ("FLOAT", np.array([0.5, 2])),
    ("DOUBLE", np.array([[0.5], [2]], np.float32)),
]


@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize(("field_type", "array"), ARRAYS)
def test_arrays_are_written_as_the_same_numbers_are(field_type, array, byte_order):
    made = [
        make_tiff([Directory([Field(256, field_type, values)])], byte_order=byte_order)
        for values in (array, array.reshape(-1).tolist())
    ]
    assert made[0] == made[1]


def test_an_array_of_fractions_holds_their_numerators_and_denominators():
    array = np.array([[1, 2], [3, 4]])
    file = File(make_tiff([Directory([Field(256, "RATIONAL", array)])]))
    assert file.value(file.tiff.ifds[0], 256) == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    ("field_type", "array"),
    [
        ("SHORT", np.array([1, 65536])),
        ("LONG", np.array([-1, 1])),
        ("LONG", np.array([1 << 32], np.uint64)),
        ("LONG", np.array([1.0])),
    ],
)
def test_numbers_that_do_not_fit_their_field_are_refused(field_type, array):
    with pytest.raises(struct.error):
        make_tiff([Directory([Field(256, field_type, array)])])


@pytest.mark.parametrize(("byte_order", "big"), list(itertools.product("<>", [False, True])))
def test_bytes_are_those_of_the_specification(byte_order, big):
    made = make_tiff(
        [Directory([Field(256, "SHORT", 7), Field(270, "ASCII", "a long text")])],
        byte_order=byte_order,
        big=big,
    )
    text = b"a long text\0"
    if big:
        head = struct.pack(byte_order + "HHHQ", 43, 8, 0, 16)
        ifd = struct.pack(byte_order + "QHHQH6xHHQQQ", 2, 256, 3, 1, 7, 270, 2, 12, 72, 0)
    else:
        head = struct.pack(byte_order + "HI", 42, 8)
        ifd = struct.pack(byte_order + "HHHIH2xHHIII", 2, 256, 3, 1, 7, 270, 2, 12, 38, 0)
    assert made == {"<": b"II", ">": b"MM"}[byte_order] + head + ifd + text


@pytest.mark.parametrize("layout", [*ORDERS, Layout(odd=True, gap=4), Layout(ghost=True)])
@pytest.mark.parametrize("big", [False, True])
def test_places_are_those_of_tiles_and_sub_ifds(layout, big):
    child = Directory([Field(256, "SHORT", 2)])
    other = Directory([Field(256, "SHORT", 3), Field(324, "OFFSET", Places.TILES)], [b"child"])
    parent = Directory(
        [
            Field(256, "SHORT", 1),
            Field(324, "OFFSET", Places.TILES),
            Field(330, "IFD", Places.SUB_IFDS),
        ],
        [b"first", b"", b"third"],
        [child, other],
    )
    data = make_tiff([parent, child], big=big, layout=layout)
    file = File(data)
    assert [file.value(ifd, 256) for ifd in file.tiff.ifds] == [(1,), (2,)]
    first, none, third = file.value(file.tiff.ifds[0], 324)
    assert none == 0
    assert (data[first:][:5], data[third:][:5]) == (b"first", b"third")
    header = file.tiff.header
    subs = [
        file.run(parse_ifd(file.buffer, header, at, LIMITS))
        for at in file.value(file.tiff.ifds[0], 330)
    ]
    assert [file.value(ifd, 256) for ifd in subs] == [(2,), (3,)]
    (at,) = file.value(subs[1], 324)
    assert data[at:][:5] == b"child"
    assert [ifd.next_offset for ifd in subs] == [0, 0]


def positions(layout):
    """Positions of two IFDs, of a long value in each, and of their tiles."""
    directory = Directory(
        [Field(270, "ASCII", "a long text"), Field(324, "OFFSET", Places.TILES)], [b"tile"]
    )
    file = File(make_tiff([directory, directory], layout=layout))
    values = [ifd.entries[270].offset for ifd in file.tiff.ifds]
    tiles = [file.value(ifd, 324)[0] for ifd in file.tiff.ifds]
    return [ifd.offset for ifd in file.tiff.ifds], values, tiles


def test_layouts_order_the_parts_as_they_say():
    (a, b), (c, d), (e, f) = positions("ifds-first")
    assert a < c < b < d < f < e
    (a, b), (c, d), (e, f) = positions("index-last")
    assert a < c < b < d < f < e
    (a, b), (c, d), (e, f) = positions("ifds-last")
    assert f < e < c < d < a < b
    (a, b), (c, d), (e, f) = positions("values-apart")
    assert a < b < f < e < e + 65536 < c < d
    (a, b), (c, d), (e, f) = positions("reversed")
    assert b < d < a < c < f < e


def test_the_index_of_few_tiles_lies_before_that_of_many_and_behind_all_other_values():
    many, few = (
        Directory(
            [
                Field(270, "ASCII", "a long text"),
                Field(Tag.TileOffsets, "OFFSET", Places.TILES),
                Field(Tag.TileByteCounts, "LONG", [4] * count),
            ],
            [b"tile"] * count,
        )
        for count in (9, 4)
    )
    file = File(make_tiff([many, few], layout="index-last"))
    tags = (270, Tag.TileOffsets, Tag.TileByteCounts)
    a, b = ([ifd.entries[tag].offset for tag in tags] for ifd in file.tiff.ifds)
    first, second = (ifd.offset for ifd in file.tiff.ifds)
    assert first < a[0] < second < b[0] < b[1] < b[2] < a[1] < a[2]


@pytest.mark.parametrize("order", ORDERS)
def test_parts_start_at_even_or_at_odd_positions(order):
    assert all(at % 2 == 0 for part in positions(Layout(order, gap=3)) for at in part)
    assert all(at % 2 == 1 for part in positions(Layout(order, gap=3, odd=True)) for at in part)


def test_file_without_directories_has_no_ifd():
    with pytest.raises(FormatError, match="no IFD"):
        File(make_tiff([]))


# --- images --------------------------------------------------------------------------------------


def pixels(dtype, shape=(3, 37, 50)):
    rng = np.random.default_rng(7)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    if dtype.kind == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    return rng.integers(0, 256, (*shape, dtype.itemsize), np.uint8).view(dtype)[..., 0]


def read_rasterio(data, level=0):
    with rasterio.MemoryFile(data) as memory:
        opened = memory.open(overview_level=level - 1) if level else memory.open()
        with opened as dataset:
            return dataset.read()


def bands_first(array, planar):
    return array if planar else np.moveaxis(array, -1, 0)


IMAGES = [
    {"tile": (16, 32)},
    {"tile": (16, 16), "compression": 8},
    {"tile": (16, 16), "planar": True},
    {},
    {"rows_per_strip": 8},
    {"rows_per_strip": 8, "planar": True, "compression": 8},
    {"rows_per_strip": 99, "compression": 8, "predictor": 2},
    {"tile": (16, 16), "compression": 8, "predictor": 2},
    {"tile": (16, 16), "compression": 8, "predictor": 2, "planar": True},
]


@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "f4", "f8"])
@pytest.mark.parametrize("options", IMAGES, ids=str)
def test_pixels_are_those_that_others_read(options, dtype, byte_order):
    array = pixels(dtype)
    before = array.copy()
    data = make_tiff([make_image(array, byte_order=byte_order, **options)], byte_order=byte_order)
    assert np.array_equal(array, before)
    assert np.array_equal(read_rasterio(data), array)
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        assert np.array_equal(
            bands_first(tiff.pages[0].asarray(), options.get("planar", False)), array
        )


@pytest.mark.parametrize("byte_order", "<>")
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(("dtype", "predictor"), [("f2", 1), ("f4", 3), ("f8", 3), ("c8", 1)])
def test_pixels_of_floats(dtype, predictor, planar, byte_order):
    array = pixels(dtype)
    image = make_image(
        array,
        tile=(16, 16),
        compression=8,
        predictor=predictor,
        planar=planar,
        byte_order=byte_order,
    )
    data = make_tiff([image], byte_order=byte_order, big=True)
    assert np.array_equal(read_rasterio(data), array)


@pytest.mark.parametrize("width", [1, 2])
def test_narrow_images_with_predictors(width):
    for dtype, predictor in (("u2", 2), ("f4", 3)):
        array = pixels(dtype, (1, 5, width))
        data = make_tiff([make_image(array, compression=8, predictor=predictor)])
        assert np.array_equal(read_rasterio(data), array)


def test_tiles_of_the_other_byte_order_are_refused():
    with pytest.raises(ValueError, match="byte order"):
        make_tiff([make_image(pixels("u2"), byte_order=">")])
    make_tiff([make_image(pixels("u1"), byte_order=">")])


@pytest.mark.parametrize("options", [{"tile": (16, 16)}, {"rows_per_strip": 5, "planar": True}])
def test_bool_makes_samples_of_one_bit(options):
    array = pixels("u1") > 99
    data = make_tiff([make_image(array, **options)])
    assert np.array_equal(read_rasterio(data), array)


@pytest.mark.parametrize("options", IMAGES, ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_pixels_wherever_the_parts_lie(order, options):
    array = pixels("u2")
    for big, odd in itertools.product([False, True], repeat=2):
        layout = Layout(order, odd=odd, gap=3)
        data = make_tiff([make_image(array, **options)], big=big, layout=layout)
        assert np.array_equal(read_rasterio(data), array)


def test_sparse_tiles_have_neither_place_nor_length_and_read_as_zero():
    array = pixels("u1", (1, 32, 48))
    data = make_tiff([make_image(array, tile=(16, 16), sparse={1, 3})])
    array[:, :16, 16:32] = 0
    array[:, 16:, :16] = 0
    assert np.array_equal(read_rasterio(data), array)
    file = File(data)
    values = file.values(file.tiff.ifds[0])
    assert [i for i, at in enumerate(values[Tag.TileOffsets]) if at == 0] == [1, 3]
    assert [i for i, n in enumerate(values[Tag.TileByteCounts]) if n == 0] == [1, 3]


def test_extra_fields_replace_those_of_the_image():
    image = make_image(
        pixels("u1"),
        extra=[
            Field(Tag.PhotometricInterpretation, "SHORT", 2),
            Field(Tag.GDALNoData, "ASCII", "7"),
        ],
        subfile_type=2,
    ).without(Tag.ExtraSamples)
    facts = File(make_tiff([image])).image()
    assert (facts.photometric, facts.nodata, facts.subfile_type) == (2, 7, 2)
    assert facts.extra_samples == ()


@pytest.mark.parametrize("big", [False, True])
def test_gdal_takes_a_pyramid_with_a_ghost_area_for_a_cog(big):
    array = pixels("u2", (1, 100, 120))
    pyramid = make_pyramid(array, (2, 4), tile=(32, 32), compression=8)
    data = make_tiff(pyramid, big=big, layout=Layout(ghost=True))
    with rasterio.MemoryFile(data) as memory, memory.open() as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.overviews(1) == [2, 4]
    for level, factor in enumerate((1, 2, 4)):
        assert np.array_equal(read_rasterio(data, level), array[:, ::factor, ::factor])
    file = File(data)
    ghost = file.run(parse_ghost(file.buffer, file.tiff.header))
    assert ghost is not None
    assert ghost.has_leaders
    assert file.tiff.header.first_ifd == (200 if big else 192)
    found = file.run(parse_pyramid(file.buffer, file.tiff, LIMITS))
    assert [level.shape for level in found.levels] == [(1, 100, 120), (1, 50, 60), (1, 25, 30)]


@pytest.mark.parametrize("byte_order", "<>")
def test_leaders_and_trailers_stand_around_every_tile(byte_order):
    stored = [b"123456", b"", b"ab"]
    directory = Directory([Field(Tag.TileOffsets, "OFFSET", Places.TILES)], stored)
    data = make_tiff([directory], byte_order=byte_order, layout=Layout(ghost=True))
    file = File(data)
    first, none, last = file.value(file.tiff.ifds[0], Tag.TileOffsets)
    assert none == 0
    assert data[first - 4 : first + 10] == b"\6\0\0\0" + b"123456" + b"3456"
    assert data[last - 4 :] == b"\2\0\0\0" + b"ab" + b"ab\0\0"


# --- flaws ---------------------------------------------------------------------------------------


class Broken:
    """Makes files of a pyramid with a flaw."""

    def __init__(self, byte_order, big):
        self.byte_order, self.big = byte_order, big
        array = pixels("u1", (1, 40, 40))
        self.pyramid = make_pyramid(array, tile=(16, 16), byte_order=byte_order)

    def __call__(self, flaw, directories=None, **options):
        spoiled = flaw(directories or self.pyramid, **options)
        return File(make_tiff(spoiled, byte_order=self.byte_order, big=self.big))


@pytest.fixture(params=list(itertools.product("<>", [False, True])), ids=str)
def broken(request):
    return Broken(*request.param)


def rules(findings):
    return [finding.rule for finding in findings]


def test_flaw_ifd_loop(broken):
    file = broken(flaws.ifd_loop)
    assert len(file.tiff.ifds) == 3
    assert rules(file.tiff.findings) == ["tiff.ifd.loop"]


def test_flaw_link_beyond_end(broken):
    file = broken(flaws.link_beyond_end)
    assert len(file.tiff.ifds) == 3
    assert rules(file.tiff.findings) == ["tiff.ifd.unreadable"]


def test_flaw_no_entries(broken):
    file = broken(flaws.no_entries)
    assert len(file.tiff.ifds) == 2
    assert rules(file.tiff.findings) == ["tiff.ifd.unreadable"]
    with pytest.raises(FormatError, match=r"\[tiff.ifd.empty\]"):
        broken(flaws.no_entries, broken.pyramid[:1])


def test_flaw_unknown_field_type(broken):
    (first, *_) = broken(flaws.unknown_field_type).tiff.ifds
    assert rules(first.findings) == ["tiff.field-type.known"]
    assert 65000 not in first.entries


def test_flaw_duplicate_tag(broken):
    file = broken(flaws.duplicate_tag)
    assert rules(file.tiff.ifds[0].findings) == ["tiff.ifd.duplicate"]
    assert file.image().grid.width == 40


def test_flaw_unsorted_tags(broken):
    file = broken(flaws.unsorted_tags)
    assert set(rules(file.tiff.ifds[0].findings)) == {"tiff.ifd.order"}
    assert file.image().grid.width == 40


def test_flaw_value_beyond_end(broken):
    file = broken(flaws.value_beyond_end)
    assert file.image().grid.width == 40
    with pytest.raises(TruncatedError):
        file.values(file.tiff.ifds[0])


def test_flaw_huge_count(broken):
    counts = [0xFFFFFFFF, 1 << 63, (1 << 64) - 1] if broken.big else [0xFFFFFFFF]
    for count in counts:
        file = broken(flaws.huge_count, count=count)
        assert file.tiff.ifds[0].entries[65000].count == count
        assert file.image().grid.width == 40
        with pytest.raises(LimitError):
            file.values(file.tiff.ifds[0])


def test_flaw_ascii_without_nul(broken):
    file = broken(flaws.ascii_without_nul)
    assert file.value(file.tiff.ifds[0], Tag.ImageDescription) == "no end"


def test_flaw_short_index(broken):
    image = broken(flaws.short_index).image()
    assert image.offsets.count == image.grid.count - 1 == image.byte_counts.count - 1


def test_flaw_short_type_of_byte_counts(broken):
    file = broken(flaws.short_type_of_byte_counts)
    image = file.image()
    assert image.byte_counts.field_type.name == "SHORT"
    assert file.tiles(image) == broken.pyramid[0].tiles


def test_flaw_no_byte_counts(broken):
    image = broken(flaws.no_byte_counts).image()
    assert image.byte_counts is None
    assert image.offsets is not None


def test_file_cut_in_its_last_link():
    pyramid = make_pyramid(pixels("u1", (1, 40, 40)), tile=(16, 16))
    data = make_tiff(pyramid, layout="ifds-last")
    file = File(data[:-4])
    assert len(file.tiff.ifds) == 3
    assert rules(file.tiff.ifds[2].findings) == ["tiff.ifd.link"]
    file = File(data[:-5])
    assert len(file.tiff.ifds) == 2
    assert rules(file.tiff.findings) == ["tiff.ifd.unreadable"]


# --- huge files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "huge",
    [
        HugeTiff(150, 100, tile=16),
        HugeTiff(150, 100, tile=16, compression=1, dtype=np.uint16),
        HugeTiff(150, 100, tile=16, big=False, dtype=np.uint32),
        HugeTiff(16, 16, tile=16),
        HugeTiff(16, 32, tile=16),
        HugeTiff(16, 32, tile=16, big=False),
    ],
    ids=lambda huge: f"{huge.size} bytes",
)
def test_huge_file_is_valid_and_holds_the_expected_pixels(huge):
    data = huge.read(0, huge.size)
    assert len(data) == huge.size
    (array,) = read_rasterio(data)
    assert np.array_equal(array, tifffile.imread(io.BytesIO(data)))
    for y, x in np.ndindex(huge.down, huge.across):
        tile = array[y * 16 : y * 16 + 16, x * 16 : x * 16 + 16]
        assert (tile == huge.expected(x, y)).all()
    for start in range(0, huge.size, 97):
        assert huge.read(start, start + 101) == data[start : start + 101]


def test_huge_file_of_a_million_tiles_is_read_in_parts():
    huge = HugeTiff(256_000, 256_000, compression=1)
    assert (huge.across, huge.down) == (1000, 1000)
    assert huge.size > 65e9
    file = File(huge)
    image = file.image()
    assert image.grid.count == image.offsets.count == image.byte_counts.count == 1_000_000
    assert file.asked < 1000
    (i,) = image.grid.indices(999, 998)
    at = image.offsets.offset + i * 8
    (offset,) = struct.unpack("<Q", huge.read(at, at + 8))
    assert huge.read(offset, offset + huge.step) == bytes([huge.expected(999, 998)]) * 65536
    last = huge.read(huge.size - 3, huge.size)
    assert last == bytes([huge.expected(999, 999)]) * 3


def test_huge_deflated_tiles_fit_their_byte_counts():
    huge = HugeTiff(256_000, 256_000)
    i = 123_456
    start = huge.byte_counts_at + i * 4
    (length,) = struct.unpack("<I", huge.read(start, start + 4))
    at = huge.tiles_at + i * huge.step
    pixels = zlib.decompress(huge.read(at, at + length))
    assert pixels == bytes([huge.expected(456, 123)]) * 65536
