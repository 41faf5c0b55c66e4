"""Which image is a level, a mask, a page: GDAL's rules, so that level z is the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
from conftest import FILES, LIMITS, Feed, fixture_path, read_pyramid

from tinycog.errors import FormatError
from tinycog.limits import Limits
from tinycog.testing import Directory, Field, Places, flaws, make_image, make_tiff
from tinycog.testing.maker import BEYOND
from tinycog.tiff.image import Image
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import Pyramid, parse_pyramid
from tinycog.tiff.spec import Tag

REDUCED, PAGE, MASK = 1, 2, 4


def image(
    width: int, subfile_type: int = 0, *, height: int = 0, bands: int = 1, name: int = 0
) -> Directory:
    """A square image that holds its name, or its width, as its first pixel."""
    pixels = np.full((bands, height or width, width), name or width, np.uint8)
    return make_image(pixels, subfile_type=subfile_type)


def nesting(parent: Directory, *children: Directory) -> Directory:
    """The same directory with SubIFDs."""
    listed = parent.having(Field(Tag.SubIFDs, "IFD", Places.SUB_IFDS))
    return Directory(listed.fields, listed.tiles, children, listed.link)


@dataclass
class Roles:
    """The roles of the images of a file, each by the value of its first pixel."""

    levels: list[int]
    masks: list[int | None]
    pages: list[int]
    rules: list[str]


def roles_of(*chain: Directory, limits: Limits = LIMITS) -> Roles:
    data = make_tiff(chain)
    pyramid = read_pyramid(data, limits)

    def name(found: Image) -> int:
        assert found.offsets is not None
        at = int.from_bytes(data[slice(*found.offsets.range)], "little")
        return data[at]

    return Roles(
        [name(level) for level in pyramid.levels],
        [None if mask is None else name(mask) for mask in pyramid.masks],
        [name(page) for page in pyramid.pages],
        [finding.rule for finding in pyramid.findings],
    )


# --- levels --------------------------------------------------------------------------------------


def test_a_lone_image_is_level_0():
    assert roles_of(image(64)) == Roles([64], [None], [], [])


def test_reduced_images_are_the_next_levels_in_file_order():
    assert roles_of(image(64), image(32, REDUCED), image(16, REDUCED)).levels == [64, 32, 16]
    assert roles_of(image(64), image(16, REDUCED), image(32, REDUCED)).levels == [64, 16, 32]


def test_the_size_of_a_level_is_its_own_and_not_compared():
    assert roles_of(image(64), image(31, REDUCED, height=5), image(90, REDUCED)).levels == [
        *(64, 31, 90)
    ]


@pytest.mark.parametrize("subfile_type", [REDUCED, PAGE, MASK, REDUCED | MASK])
def test_the_first_image_is_level_0_whatever_it_says(subfile_type):
    assert roles_of(image(64, subfile_type), image(32, REDUCED)).levels == [64, 32]


def test_a_reduced_image_with_other_bands_is_a_page():
    assert roles_of(image(64), image(32, REDUCED, bands=3), image(16, REDUCED)) == Roles(
        [64, 16], [None, None], [32], []
    )


@pytest.mark.parametrize("subfile_type", [0, PAGE, 8, 0x10000])
def test_an_image_that_is_neither_reduced_nor_mask_is_a_page(subfile_type):
    assert roles_of(image(64), image(32, subfile_type)).pages == [32]


def test_the_bit_for_pages_does_not_matter_beside_the_others():
    assert roles_of(image(64), image(32, REDUCED | PAGE)).levels == [64, 32]


# --- masks ---------------------------------------------------------------------------------------


def test_a_mask_belongs_to_level_0():
    assert roles_of(image(64), image(64, MASK, name=1)) == Roles([64], [1], [], [])


def test_a_reduced_mask_belongs_to_the_level_of_its_size():
    roles = roles_of(
        image(64),
        image(64, MASK, name=1),
        image(32, REDUCED),
        image(16, REDUCED),
        image(32, REDUCED | MASK, name=2),
        image(16, REDUCED | MASK, name=3),
    )
    assert roles == Roles([64, 32, 16], [1, 2, 3], [], [])


def test_some_levels_may_have_no_mask():
    roles = roles_of(
        image(64), image(32, REDUCED), image(16, REDUCED), image(16, REDUCED | MASK, name=3)
    )
    assert roles.masks == [None, None, 3]


def test_levels_of_one_size_get_their_masks_in_order():
    roles = roles_of(
        image(64),
        image(32, REDUCED, name=10),
        image(32, REDUCED, name=11),
        image(32, REDUCED | MASK, name=2),
        image(32, REDUCED | MASK, name=3),
    )
    assert roles == Roles([64, 10, 11], [None, 2, 3], [], [])


@pytest.mark.parametrize(
    "mask",
    [
        image(32, MASK, name=1),
        image(64, REDUCED | MASK, name=1),
        image(64, MASK, height=63, name=1),
    ],
    ids=["too-small", "reduced-but-of-full-size", "other-height"],
)
def test_a_mask_that_fits_no_level_is_a_page(mask):
    assert roles_of(image(64), mask) == Roles([64], [None], [1], [])


def test_a_second_mask_of_a_level_is_a_page():
    roles = roles_of(image(64), image(64, MASK, name=1), image(64, MASK, name=2))
    assert roles == Roles([64], [1], [2], [])


def test_a_mask_that_comes_before_its_level_is_a_page():
    roles = roles_of(image(64), image(32, REDUCED | MASK, name=2), image(32, REDUCED))
    assert roles == Roles([64, 32], [None, None], [2], [])


# --- SubIFDs -------------------------------------------------------------------------------------


def test_the_sub_ifds_of_the_first_image_come_before_the_chain():
    first = nesting(image(64), image(32, REDUCED), image(16, REDUCED))
    assert roles_of(first, image(8, REDUCED)).levels == [64, 32, 16, 8]


def test_sub_ifds_follow_the_same_rules():
    first = nesting(
        image(64),
        image(64, MASK, name=1),
        image(32),
        image(16, REDUCED),
        image(8, REDUCED, bands=2),
    )
    assert roles_of(first) == Roles([64, 16], [1, None], [32, 8], [])


def test_the_sub_ifds_of_later_images_are_not_read():
    second = nesting(image(32), image(16, REDUCED))
    assert roles_of(image(64), second) == Roles([64], [None], [32], [])


def test_a_later_image_with_sub_ifds_is_a_page():
    second = nesting(image(32, REDUCED), image(16, REDUCED))
    assert roles_of(image(64), second, image(8, REDUCED)) == Roles([64, 8], [None, None], [32], [])


def test_a_sub_ifd_with_sub_ifds_is_a_page():
    first = nesting(image(64), nesting(image(32, REDUCED), image(16, REDUCED)))
    assert roles_of(first) == Roles([64], [None], [32], [])


@pytest.mark.parametrize("name", ["LONG", "IFD", "LONG8", "IFD8"])
def test_sub_ifds_may_be_listed_by_any_integer_type(name):
    first = nesting(image(64), image(32, REDUCED))
    first = first.having(Field(Tag.SubIFDs, name, Places.SUB_IFDS))
    assert roles_of(first).levels == [64, 32]


def test_a_sub_ifd_where_there_is_none_is_a_finding():
    first = image(64).having(Field(Tag.SubIFDs, "IFD", [BEYOND]))
    assert roles_of(first) == Roles([64], [None], [], ["tiff.ifd.unreadable"])


@pytest.mark.parametrize(
    "field",
    [
        Field(Tag.SubIFDs, "IFD", b"", count=3, place=BEYOND),
        Field(Tag.SubIFDs, "IFD", [1] * 5),
    ],
    ids=["beyond-the-end", "too-many"],
)
def test_a_list_of_sub_ifds_that_cannot_be_read_is_a_finding(field):
    roles = roles_of(image(64).having(field), image(32, REDUCED), limits=Limits(ifds=5))
    assert roles == Roles([64, 32], [None, None], [], ["tiff.pyramid.sub-ifds"])


@pytest.mark.parametrize(
    "field",
    [
        Field(Tag.SubIFDs, "IFD", [0, 0]),
        Field(Tag.SubIFDs, "SLONG", [-100, -8]),
        Field(Tag.SubIFDs, "DOUBLE", [8.0]),
        Field(Tag.SubIFDs, "ASCII", "abc"),
        Field(Tag.SubIFDs, "IFD", b""),
    ],
    ids=["zero", "negative", "float", "text", "none"],
)
def test_what_cannot_be_the_offset_of_a_sub_ifd_is_left_out(field):
    assert roles_of(image(64).having(field)) == Roles([64], [None], [], [])


# --- what cannot be read -------------------------------------------------------------------------


def test_a_later_image_that_cannot_be_understood_is_left_out_with_a_finding():
    broken = image(32, REDUCED).without(Tag.ImageWidth)
    roles = roles_of(image(64), broken, image(16, REDUCED))
    assert roles == Roles([64, 16], [None, None], [], ["tiff.ifd.unreadable"])


def test_a_first_image_that_cannot_be_understood_is_an_error():
    with pytest.raises(FormatError, match="expected at least 1 by 1"):
        roles_of(image(64).without(Tag.ImageWidth), image(32, REDUCED))


def test_a_value_beyond_the_end_of_a_tag_that_can_be_done_without_is_a_finding():
    lost = Field(Tag.GDALNoData, "ASCII", b"", count=9, place=BEYOND)
    assert roles_of(image(64).having(lost)).rules == ["tiff.value.place"]


def test_findings_of_chain_ifds_and_images_are_all_told():
    chain = flaws.ifd_loop(flaws.unknown_field_type([image(64), image(32, REDUCED)]))
    assert roles_of(*chain).rules == ["tiff.ifd.loop", "tiff.field-type.known"]


def beyond(directory: Directory) -> Directory:
    return directory.having(Field(Tag.StripOffsets, "LONG", BEYOND))


def read_roles(*chain: Directory) -> Pyramid:
    return read_pyramid(make_tiff(chain))


def test_a_last_overview_whose_only_tile_lies_beyond_the_end_is_left_out():
    pyramid = read_roles(image(64), image(32, REDUCED), beyond(image(16, REDUCED)))
    assert [level.grid.width for level in pyramid.levels] == [64, 32]
    assert len(pyramid.masks) == 2
    assert [finding.rule for finding in pyramid.findings] == ["tiff.pyramid.absent"]


def test_an_overview_beyond_the_end_keeps_its_number_if_others_follow():
    pyramid = read_roles(image(64), beyond(image(32, REDUCED)), image(16, REDUCED))
    assert [level.grid.width for level in pyramid.levels] == [64, 32, 16]
    assert pyramid.findings == ()


def test_level_0_is_never_left_out():
    assert len(read_roles(beyond(image(64))).levels) == 1


# --- what is asked -------------------------------------------------------------------------------


def test_the_values_of_all_later_images_are_asked_for_in_one_step():
    bits = Field(Tag.BitsPerSample, "SHORT", [8] * 3)
    chain = [image(n, REDUCED if n < 64 else 0, bands=3).having(bits) for n in (64, 32, 16)]
    feed = Feed(make_tiff(chain))
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    places = [ifd.entries[Tag.BitsPerSample].range for ifd in tiff.ifds]
    samples = [ifd.entries[Tag.SampleFormat].range for ifd in tiff.ifds]
    feed.asked.clear()
    feed.run(parse_pyramid(feed.buffer, tiff, LIMITS))
    first, rest = feed.asked
    assert set(first) == {places[0], samples[0]}
    assert set(rest) == {*places[1:], *samples[1:]}


def test_sub_ifds_are_asked_for_side_by_side():
    first = nesting(image(64), *(image(n, REDUCED) for n in (32, 16, 8)))
    feed = Feed(make_tiff([first]))
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    feed.asked.clear()
    feed.run(parse_pyramid(feed.buffer, tiff, LIMITS))
    assert [len(step) for step in feed.asked] == [1, 3, 3]


# --- as GDAL has it ------------------------------------------------------------------------------

NAMES = sorted(path.stem for path in FILES.glob("*.tif"))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    "name", [name for name in NAMES if "mask" in name or "ifds" in name or "pages" in name]
)
def test_levels_and_masks_are_those_of_gdal(name):
    path = fixture_path(name)
    pyramid = read_pyramid(path.read_bytes())
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(path) as dataset:
        shapes = [dataset.shape]
        has_mask = "per_dataset" in {flag.name for flag in dataset.mask_flag_enums[0]}
        for i in range(len(dataset.overviews(1))):
            with rasterio.open(path, OVERVIEW_LEVEL=i) as overview:
                shapes.append(overview.shape)
    assert [level.shape[1:] for level in pyramid.levels] == shapes
    assert (pyramid.masks[0] is not None) == has_mask
