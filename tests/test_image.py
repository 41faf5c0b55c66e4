"""The facts of one IFD: defaults, tiling, sample types; what cannot be decoded is still a fact."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from conftest import LIMITS, Feed, read_pyramid

from tinycog.errors import FormatError, LimitError, TileIndexError, TruncatedError, UnsupportedError
from tinycog.limits import Limits
from tinycog.testing import Directory, Field, make_image, make_tiff
from tinycog.tiff.image import Grid, Image, sample_dtype
from tinycog.tiff.layout import BEYOND
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import parse_image
from tinycog.tiff.spec import Tag

SIZE = [Field(Tag.ImageWidth, "SHORT", 100), Field(Tag.ImageLength, "SHORT", 60)]
TILES = [Field(Tag.TileWidth, "SHORT", 32), Field(Tag.TileLength, "SHORT", 16)]


def image_of(*fields: Field) -> Image:
    """The image of a directory of 100 by 60 pixels with those fields too."""
    return read_pyramid(make_tiff([Directory(SIZE).having(*fields)])).levels[0]


def shorts(tag: Tag, *values: int) -> Field:
    return Field(tag, "SHORT", values)


# --- defaults ------------------------------------------------------------------------------------


def test_what_is_not_said_has_the_default_of_tiff_6():
    image = image_of()
    assert image.subfile_type == 0
    assert image.compression == 1
    assert image.photometric == 1
    assert image.predictor == 1
    assert image.fill_order == 1
    assert image.samples == 1
    assert image.bits_per_sample == (1,)
    assert image.sample_formats == (1,)
    assert image.extra_samples == ()
    assert image.subsampling == (1, 1)
    assert image.nodata is None
    assert image.offsets is None
    assert image.byte_counts is None
    assert image.findings == ()


def test_without_rows_per_strip_the_image_is_one_strip():
    assert image_of().grid == Grid(100, 60, 100, 60, planes=1, strips=True)


def test_what_is_said_is_a_fact_as_stored():
    image = image_of(
        Field(Tag.NewSubfileType, "LONG", 2),
        shorts(Tag.BitsPerSample, 12),
        shorts(Tag.Compression, 34661),
        shorts(Tag.PhotometricInterpretation, 32803),
        shorts(Tag.FillOrder, 2),
        shorts(Tag.Predictor, 34892),
        shorts(Tag.SampleFormat, 4),
        Field(Tag.GDALNoData, "ASCII", "7"),
    )
    assert image.subfile_type == 2
    assert image.compression == 34661
    assert image.photometric == 32803
    assert image.fill_order == 2
    assert image.predictor == 34892
    assert (image.bits, image.sample_formats) == (12, (4,))
    assert image.nodata_text == "7"


def test_the_older_subfile_type_is_not_heeded():
    assert image_of(shorts(Tag.SubfileType, 2)).subfile_type == 0


@pytest.mark.parametrize("name", ["BYTE", "SHORT", "LONG", "LONG8", "IFD", "SBYTE", "SLONG8"])
def test_a_number_may_have_any_integer_field_type(name):
    width = Field(Tag.ImageWidth, name, b"\x64" if name == "BYTE" else 100)
    assert image_of(width).grid.width == 100


@pytest.mark.parametrize(
    "field",
    [
        Field(Tag.ImageWidth, "FLOAT", 100.0),
        Field(Tag.ImageWidth, "ASCII", "100"),
        Field(Tag.ImageWidth, "RATIONAL", [(100, 1)]),
        Field(Tag.ImageWidth, "SSHORT", -100),
        Field(Tag.Compression, "DOUBLE", 1.0),
        Field(Tag.BitsPerSample, "SLONG", -8),
    ],
    ids=lambda field: f"{field.tag}-{field.field_type}",
)
def test_a_number_that_is_no_unsigned_integer_is_refused(field):
    with pytest.raises(FormatError, match="expected unsigned integers") as caught:
        image_of(field)
    assert caught.value.finding is not None
    assert caught.value.finding.rule == "tiff.value.integer"


def test_compression_may_be_repeated_for_each_sample():
    assert image_of(shorts(Tag.Compression, 5, 5, 5)).compression == 5


@pytest.mark.parametrize("tag", [Tag.ImageWidth, Tag.ImageLength, Tag.RowsPerStrip])
def test_a_size_with_two_values_is_refused(tag):
    with pytest.raises(FormatError, match=f"tag {tag.name} holds 2 values, expected one"):
        image_of(shorts(tag, 10, 10))


@pytest.mark.parametrize("tag", [Tag.ImageWidth, Tag.BitsPerSample, Tag.Compression])
def test_a_number_without_a_value_is_refused(tag):
    with pytest.raises(FormatError, match=f"tag {tag.name} holds no value"):
        image_of(Field(tag, "SHORT", b""))


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(0, 60), (100, 0)], ids=["no-width", "no-height"])
def test_an_image_without_size_is_refused(width, height):
    with pytest.raises(FormatError) as caught:
        image_of(shorts(Tag.ImageWidth, width), shorts(Tag.ImageLength, height))
    assert str(caught.value).startswith(f"the image is {width} by {height} pixels, expected")
    assert caught.value.finding is not None
    assert (caught.value.finding.rule, caught.value.finding.ifd) == ("tiff.image.size", 8)


def test_an_image_that_does_not_say_its_size_is_refused():
    with pytest.raises(FormatError, match="the image is 0 by 0 pixels"):
        read_pyramid(make_tiff([Directory([shorts(Tag.BitsPerSample, 8)])]))


def test_an_image_without_samples_is_refused():
    with pytest.raises(FormatError, match="SamplesPerPixel is 0, expected 1 to 65535"):
        image_of(shorts(Tag.SamplesPerPixel, 0))


def test_more_samples_than_a_short_holds_are_refused():
    with pytest.raises(FormatError, match="SamplesPerPixel is 65536"):
        image_of(Field(Tag.SamplesPerPixel, "LONG", 65536))


@pytest.mark.parametrize(
    "fields",
    [
        TILES[:1],
        TILES[1:],
        [TILES[0], shorts(Tag.TileLength, 0)],
        [shorts(Tag.TileWidth, 0), TILES[1]],
    ],
    ids=["no-length", "no-width", "length-0", "width-0"],
)
def test_tiles_without_size_are_refused(fields):
    with pytest.raises(FormatError, match="expected at least 1 by 1") as caught:
        image_of(*fields)
    assert caught.value.finding is not None
    assert caught.value.finding.rule == "tiff.tile.size"


def test_tiles_that_are_not_multiples_of_16_are_read_with_a_finding():
    image = image_of(shorts(Tag.TileWidth, 100), shorts(Tag.TileLength, 50))
    assert image.grid == Grid(100, 60, 100, 50)
    assert [finding.rule for finding in image.findings] == ["tiff.tile.multiple"]


@pytest.mark.parametrize("planar", [0, 3])
def test_a_planar_configuration_that_nobody_knows_is_refused(planar):
    if planar == 3:
        with pytest.raises(FormatError, match="PlanarConfiguration is 3, expected 1 or 2"):
            image_of(shorts(Tag.PlanarConfiguration, planar))
    else:
        assert image_of(shorts(Tag.PlanarConfiguration, planar)).grid.planes == 1


# --- tiles and strips ----------------------------------------------------------------------------


def test_tiles_are_counted_up_to_the_edges():
    grid = image_of(*TILES).grid
    assert grid == Grid(100, 60, 32, 16)
    assert (grid.across, grid.down, grid.count) == (4, 4, 16)


def test_strips_are_tiles_as_wide_as_the_image():
    grid = image_of(shorts(Tag.RowsPerStrip, 25)).grid
    assert grid == Grid(100, 60, 100, 25, strips=True)
    assert (grid.across, grid.down, grid.count) == (1, 3, 3)


@pytest.mark.parametrize("rows", [0, 60, 61, 2**32 - 1])
def test_a_strip_is_at_most_as_high_as_the_image(rows):
    assert image_of(Field(Tag.RowsPerStrip, "LONG", rows)).grid.tile_height == 60


def test_tiles_at_the_edge_are_stored_full_and_the_last_strip_is_short():
    tiles, strips = Grid(100, 60, 32, 16), Grid(100, 25, 100, 8, strips=True)
    assert [tiles.stored_rows(y) for y in range(4)] == [16, 16, 16, 16]
    assert [strips.stored_rows(y) for y in range(4)] == [8, 8, 8, 1]


def test_tiles_at_the_edge_lie_partly_outside_the_image():
    grid = Grid(100, 60, 32, 16)
    assert grid.inside(0, 0) == (16, 32)
    assert grid.inside(3, 0) == (16, 4)
    assert grid.inside(0, 3) == (12, 32)
    assert grid.inside(3, 3) == (12, 4)


def test_tiles_are_numbered_row_by_row():
    grid = Grid(100, 60, 32, 16)
    numbers = [grid.indices(x, y) for y in range(4) for x in range(4)]
    assert numbers == [(i,) for i in range(16)]


def test_planes_are_numbered_one_after_the_other():
    grid = Grid(100, 60, 32, 16, planes=3)
    assert grid.count == 48
    assert grid.indices(0, 0) == (0, 16, 32)
    assert grid.indices(3, 1) == (7, 23, 39)


def test_strips_of_planes_are_numbered_one_after_the_other():
    grid = image_of(
        shorts(Tag.SamplesPerPixel, 3),
        shorts(Tag.PlanarConfiguration, 2),
        shorts(Tag.RowsPerStrip, 25),
    ).grid
    assert [grid.indices(0, y) for y in range(3)] == [(0, 3, 6), (1, 4, 7), (2, 5, 8)]


@pytest.mark.parametrize(("x", "y"), [(4, 0), (0, 4), (-1, 0), (0, -1), (10**9, 10**9)])
def test_a_tile_that_does_not_exist_is_refused_with_what_does(x, y):
    with pytest.raises(TileIndexError) as caught:
        Grid(100, 60, 32, 16).indices(x, y)
    assert str(caught.value) == f"tile x={x}, y={y} does not exist (x 0 to 3, y 0 to 3)"


def test_the_index_of_tiles_is_a_place_and_not_read():
    data = make_tiff([make_image(np.zeros((1, 60, 100), np.uint8), tile=(16, 32))])
    feed = Feed(data)
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    entries = tiff.ifds[0].entries
    feed.asked.clear()
    image = feed.run(parse_image(feed.buffer, tiff.header, tiff.ifds[0], LIMITS))
    assert (image.offsets, image.byte_counts) == (entries[324], entries[325])
    assert feed.asked == []


@pytest.mark.parametrize(
    ("tiling", "tags"),
    [
        (TILES, (Tag.StripOffsets, Tag.StripByteCounts)),
        ([], (Tag.TileOffsets, Tag.TileByteCounts)),
    ],
    ids=["tiles-by-strip-tags", "strips-by-tile-tags"],
)
def test_the_index_may_stand_under_the_other_tag(tiling, tags):
    image = image_of(*tiling, *(Field(tag, "LONG", 1) for tag in tags))
    assert image.offsets == image.ifd.entries[tags[0]]
    assert image.byte_counts == image.ifd.entries[tags[1]]


def test_the_right_tag_comes_before_the_other():
    image = image_of(*TILES, Field(Tag.StripOffsets, "LONG", 1), Field(Tag.TileOffsets, "LONG", 2))
    assert image.offsets == image.ifd.entries[Tag.TileOffsets]


# --- samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "expected"),
    [((8, 8, 8), (8, 8, 8)), ((8,), (8, 8, 8)), ((8, 16), (8, 16, 16)), ((8, 8, 8, 4), (8, 8, 8))],
)
def test_too_few_values_for_the_samples_are_repeated(stored, expected):
    image = image_of(shorts(Tag.SamplesPerPixel, 3), shorts(Tag.BitsPerSample, *stored))
    assert image.bits_per_sample == expected


def test_one_sample_format_holds_for_all_samples():
    image = image_of(
        shorts(Tag.SamplesPerPixel, 3), shorts(Tag.SampleFormat, 3), shorts(Tag.BitsPerSample, 32)
    )
    assert image.sample_formats == (3, 3, 3)
    assert image.dtype == np.float32


def test_mixed_bits_are_refused_only_when_asked_for():
    image = image_of(shorts(Tag.SamplesPerPixel, 3), shorts(Tag.BitsPerSample, 5, 6, 5))
    assert image.shape == (3, 60, 100)
    with pytest.raises(UnsupportedError) as caught:
        _ = image.dtype
    assert str(caught.value) == "samples with different BitsPerSample (5, 6, 5) are not supported"
    assert (caught.value.feature, caught.value.value) == ("BitsPerSample", (5, 6, 5))


def test_mixed_sample_formats_are_refused_only_when_asked_for():
    image = image_of(
        shorts(Tag.SamplesPerPixel, 2), shorts(Tag.SampleFormat, 1, 2), shorts(Tag.BitsPerSample, 8)
    )
    with pytest.raises(UnsupportedError, match="different SampleFormat"):
        _ = image.dtype


def test_samples_of_a_stored_tile_are_all_or_one():
    chunky = image_of(shorts(Tag.SamplesPerPixel, 3))
    planar = image_of(shorts(Tag.SamplesPerPixel, 3), shorts(Tag.PlanarConfiguration, 2))
    one = image_of(shorts(Tag.PlanarConfiguration, 2))
    assert [image.grid.planes for image in (chunky, planar, one)] == [1, 3, 1]
    assert [image.tile_samples for image in (chunky, planar, one)] == [3, 1, 1]


UINT, INT, FLOAT, VOID, COMPLEX_INT, COMPLEX_FLOAT = range(1, 7)
DTYPES = {
    **{(UINT, bits): "uint8" for bits in range(1, 9)},
    **{(UINT, bits): "uint16" for bits in range(9, 17)},
    **{(UINT, bits): "uint32" for bits in range(17, 33)},
    (UINT, 64): "uint64",
    (VOID, 1): "uint8",
    (VOID, 16): "uint16",
    **{(INT, bits): f"int{bits}" for bits in (8, 16, 32, 64)},
    **{(FLOAT, bits): f"float{bits}" for bits in (16, 32, 64)},
    (FLOAT, 24): "float32",
    (COMPLEX_INT, 32): "complex64",
    (COMPLEX_INT, 64): "complex128",
    (COMPLEX_FLOAT, 32): "complex64",
    (COMPLEX_FLOAT, 64): "complex64",
    (COMPLEX_FLOAT, 128): "complex128",
}


@pytest.mark.parametrize(("stored", "expected"), DTYPES.items(), ids=str)
def test_samples_have_the_smallest_dtype_that_holds_them(stored, expected):
    assert sample_dtype(*stored) == np.dtype(expected)


@pytest.mark.parametrize("sample_format", range(8))
def test_all_other_samples_are_refused(sample_format):
    known = {bits for kind, bits in DTYPES if kind == sample_format}
    known |= {bits for kind, bits in DTYPES if kind == UINT and sample_format == VOID}
    for bits in set(range(130)) - known:
        with pytest.raises(UnsupportedError, match=f"samples of {bits} bits with SampleFormat"):
            sample_dtype(sample_format, bits)


def test_the_dtype_is_in_native_order_whatever_the_file():
    image = make_image(np.zeros((1, 4, 4), np.uint16), byte_order=">")
    level = read_pyramid(make_tiff([image], byte_order=">")).levels[0]
    assert level.byte_order == ">"
    assert level.dtype.isnative


# --- nodata and what codecs read -----------------------------------------------------------------


def test_nodata_is_a_number_of_the_dtype():
    image = image_of(Field(Tag.GDALNoData, "ASCII", "200 "), shorts(Tag.BitsPerSample, 8))
    assert image.nodata == 200
    assert image.fill_value == 200


def test_nodata_that_no_sample_can_equal_is_none():
    image = image_of(Field(Tag.GDALNoData, "ASCII", "-9999"), shorts(Tag.BitsPerSample, 8))
    assert image.nodata is None
    assert image.fill_value == 0


@pytest.mark.parametrize(
    "field",
    [
        Field(Tag.GDALNoData, "ASCII", ""),
        Field(Tag.GDALNoData, "ASCII", "  "),
        Field(Tag.GDALNoData, "SHORT", 7),
    ],
    ids=["empty", "blank", "number"],
)
def test_nodata_that_is_no_text_is_none(field):
    assert image_of(field).nodata_text is None


YCBCR = [
    shorts(Tag.PhotometricInterpretation, 6),
    shorts(Tag.SamplesPerPixel, 3),
    shorts(Tag.BitsPerSample, 8),
]


@pytest.mark.parametrize(
    ("values", "expected"), [((1, 1), (1, 1)), ((4, 2), (4, 2)), ((2,), (2, 2))], ids=str
)
def test_subsampling_is_columns_then_rows(values, expected):
    image = image_of(*YCBCR, shorts(Tag.YCbCrSubSampling, *values))
    assert image.subsampling == expected


def test_subsampling_is_two_by_two_if_nothing_is_said():
    assert image_of(*YCBCR).subsampling == (2, 2)


def test_only_ycbcr_of_samples_side_by_side_is_subsampled():
    said = shorts(Tag.YCbCrSubSampling, 4, 2)
    assert image_of(said).subsampling == (1, 1)
    planar = shorts(Tag.PlanarConfiguration, 2)
    assert image_of(*YCBCR, said, planar).subsampling == (1, 1)


def test_values_for_codecs_are_kept_as_they_are():
    image = image_of(
        Field(Tag.JPEGTables, "UNDEFINED", b"\xff\xd8\xff\xd9"), Field(Tag.T4Options, "LONG", 1)
    )
    assert image.options == {Tag.JPEGTables: b"\xff\xd8\xff\xd9", Tag.T4Options: (1,)}
    assert image.option(Tag.T4Options, 0) == 1
    assert image.option(Tag.T6Options, 0) == 0


def test_extra_samples_are_as_stated():
    image = image_of(shorts(Tag.SamplesPerPixel, 5), shorts(Tag.ExtraSamples, 2, 0))
    assert image.extra_samples == (2, 0)


# --- values out of reach -------------------------------------------------------------------------


@pytest.mark.parametrize("tag", [Tag.GDALNoData, Tag.ExtraSamples])
def test_a_value_beyond_the_end_that_can_be_done_without_is_a_finding(tag):
    image = image_of(Field(tag, "SHORT", b"", count=100, place=BEYOND))
    (finding,) = image.findings
    assert finding.rule == "tiff.value.place"
    assert finding.offset == BEYOND
    assert str(int(tag)) in finding.message
    assert image.nodata_text is None
    assert image.extra_samples == ()


@pytest.mark.parametrize("tag", [Tag.BitsPerSample, Tag.JPEGTables])
def test_a_value_beyond_the_end_that_is_needed_is_an_error(tag):
    with pytest.raises(TruncatedError):
        image_of(Field(tag, "SHORT", b"", count=100, place=BEYOND))


def test_a_value_beyond_the_end_that_no_image_needs_does_not_matter():
    assert image_of(Field(65000, "SHORT", b"", count=100, place=BEYOND)).findings == ()


def test_a_value_over_the_limit_is_refused():
    data = make_tiff([Directory(SIZE).having(Field(Tag.JPEGTables, "UNDEFINED", bytes(100)))])
    with pytest.raises(LimitError):
        read_pyramid(data, Limits(value_bytes=99))


def test_all_values_of_an_image_are_asked_for_in_one_step():
    fields = [
        Field(Tag.BitsPerSample, "SHORT", [8] * 9),
        Field(Tag.JPEGTables, "UNDEFINED", bytes(99)),
    ]
    fields += [Field(Tag.ImageDescription, "ASCII", "x" * 1000), shorts(Tag.SamplesPerPixel, 9)]
    feed = Feed(make_tiff([Directory(SIZE).having(*fields)]))
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    entries = tiff.ifds[0].entries
    feed.asked.clear()
    feed.run(parse_image(feed.buffer, tiff.header, tiff.ifds[0], LIMITS))
    assert feed.asked == [[entries[Tag.BitsPerSample].range, entries[Tag.JPEGTables].range]]


def test_an_image_is_a_value():
    data = make_tiff([make_image(np.zeros((3, 60, 100), np.int16), tile=(16, 32), planar=True)])
    image = read_pyramid(data).levels[0]
    assert image == read_pyramid(data).levels[0]
    assert image != replace(image, compression=5)
    assert pickle.loads(pickle.dumps(image)) == image  # noqa: S301 - our own
