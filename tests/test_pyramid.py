"""Which image is a level, a mask, a page: as in GDAL, wherever its choice is meaningful."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from conftest import FILES, LIMITS, Feed, fixture_path, read_pyramid

from tinycog.errors import FormatError, TileIndexError
from tinycog.limits import Limits
from tinycog.testing import Directory, Field, Places, flaws, make_image, make_tiff
from tinycog.tiff.image import Image
from tinycog.tiff.layout import BEYOND
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.pyramid import parse_pyramid
from tinycog.tiff.roles import Pyramid
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


def roles_of(*chain: Directory, limits: Limits = LIMITS, page: tuple[int, ...] = (0,)) -> Roles:
    data = make_tiff(chain)
    pyramid = read_pyramid(data, limits, page)

    def name(found: Image) -> int:
        assert found.offsets is not None
        at = int.from_bytes(data[slice(*found.offsets.range)], "little")
        return data[at]

    return Roles(
        [name(level) for level in pyramid.levels],
        [None if mask is None else name(mask) for mask in pyramid.masks],
        [
            name(place.image)
            for place in pyramid.places[1:]
            if place.image is not None and place.role not in ("level", "mask")
        ],
        [finding.rule for finding in pyramid.findings],
    )


# --- levels --------------------------------------------------------------------------------------


def test_a_lone_image_is_level_0():
    assert roles_of(image(64)) == Roles([64], [None], [], [])


def test_reduced_images_are_the_next_levels_in_file_order():
    assert roles_of(image(64), image(32, REDUCED), image(16, REDUCED)).levels == [64, 32, 16]
    roles = roles_of(image(64), image(16, REDUCED), image(32, REDUCED))
    assert roles == Roles([64, 16, 32], [None] * 3, [], ["tiff.pyramid.order"])


@pytest.mark.parametrize(
    ("full", "reduced"),
    [
        ((266, 276), (67, 69)),
        ((947, 753), (237, 188)),
        ((13, 19), (1, 2)),
        ((13, 1), (7, 1)),
        ((125, 164), (8, 11)),  # rounded up, by a factor of 15.6 and of 14.9
    ],
)
def test_the_sides_of_a_level_are_rounded_up_or_down(
    full: tuple[int, int], reduced: tuple[int, int]
):
    levels = [
        image(full[0], height=full[1], name=1),
        image(reduced[0], REDUCED, height=reduced[1], name=2),
    ]
    assert roles_of(*levels) == Roles([1, 2], [None, None], [], [])


NO_LEVELS = {
    "same-size": image(64, REDUCED, height=48, name=1),
    "larger": image(128, REDUCED, height=96, name=1),
    "higher": image(32, REDUCED, height=64, name=1),
    "other-ratio": image(32, REDUCED, height=32, name=1),
    "padded": image(48, REDUCED, height=32, name=1),
    "other-bands": image(32, REDUCED, height=24, bands=3, name=1),
    "another-kind": image(32, REDUCED | 8, height=24, name=1),
    "signed": image(32, REDUCED, height=24, name=1).having(Field(Tag.SampleFormat, "SHORT", 2)),
    "other-bits": image(32, REDUCED, height=24, name=1).having(
        Field(Tag.BitsPerSample, "SHORT", 4)
    ),
    "inverted": image(32, REDUCED, height=24, name=1).having(
        Field(Tag.PhotometricInterpretation, "SHORT", 0)
    ),
    "palette": image(32, REDUCED, height=24, name=1).having(
        Field(Tag.PhotometricInterpretation, "SHORT", 3)
    ),
}


@pytest.mark.parametrize("name", NO_LEVELS)
def test_a_reduced_image_that_is_no_smaller_version_is_a_page_with_a_finding(name: str):
    roles = roles_of(image(64, height=48), NO_LEVELS[name], image(16, REDUCED, height=12))
    assert roles == Roles([64, 16], [None, None], [1], ["tiff.pyramid.levels"])


def test_a_second_level_of_one_size_is_a_page():
    roles = roles_of(image(64), image(32, REDUCED, name=10), image(32, REDUCED, name=11))
    assert roles == Roles([64, 10], [None, None], [11], ["tiff.pyramid.levels"])


def test_ycbcr_is_a_level_of_rgb_since_both_are_read_as_rgb():
    colours = [
        image(n, kind, bands=3).having(Field(Tag.PhotometricInterpretation, "SHORT", colour))
        for n, kind, colour in ((64, 0, 2), (32, REDUCED, 6))
    ]
    assert roles_of(*colours).levels == [64, 32]


def test_a_level_of_a_palette_may_have_other_bits():
    palettes = [
        image(n, kind).having(
            Field(Tag.PhotometricInterpretation, "SHORT", 3),
            Field(Tag.BitsPerSample, "SHORT", bits),
        )
        for n, kind, bits in ((64, 0, 4), (32, REDUCED, 8))
    ]
    assert roles_of(*palettes).levels == [64, 32]


def test_an_image_has_thirty_overviews_at_most():
    sizes = [(4096 * k, 4096 * k) for k in range(40, 0, -1)]
    chain = [image(16, 0 if i == 0 else REDUCED, name=i + 1) for i in range(len(sizes))]
    chain = [
        one.having(Field(Tag.ImageWidth, "LONG", w), Field(Tag.ImageLength, "LONG", h))
        for one, (w, h) in zip(chain, sizes, strict=True)
    ]
    assert roles_of(*chain).levels == [*range(1, 32)]


# --- several pages -------------------------------------------------------------------------------


def test_each_page_may_have_levels_of_its_own_behind_it():
    chain = [
        image(64, name=10),
        image(32, REDUCED, name=11),
        image(64, name=50),
        image(32, REDUCED, name=51),
        image(16, REDUCED, name=52),
        image(16, REDUCED | MASK, name=53),
    ]
    roles = roles_of(*chain)
    assert (roles.levels, roles.pages) == ([10, 11], [50])
    assert roles.rules == ["tiff.pyramid.owner"]
    assert roles_of(*chain, page=(2,)).levels == [50, 51, 52]
    assert roles_of(*chain, page=(2,)).masks == [None, None, 53]
    assert roles_of(*chain, page=(3,)).levels == [51]


def test_levels_behind_all_pages_are_those_of_the_first_as_in_gdal():
    chain = [image(64, name=10), image(64, name=50), image(32, REDUCED), image(64, MASK, name=1)]
    assert roles_of(*chain) == Roles([10, 32], [1, None], [50], ["tiff.pyramid.owner"])
    assert roles_of(*chain, page=(1,)) == Roles([50], [None], [], ["tiff.pyramid.owner"])


def test_levels_belong_to_the_page_that_they_fit():
    chain = [image(64), image(100, height=30), image(32, REDUCED), image(50, REDUCED, height=15)]
    assert roles_of(*chain).levels == [64, 32]
    assert roles_of(*chain, page=(1,)).levels == [100, 50]


def test_levels_of_a_page_may_be_its_sub_ifds():
    chain = [image(64), nesting(image(50), image(25, REDUCED)), image(50, name=1)]
    assert roles_of(*chain, page=(1,)).levels == [50, 25]
    assert roles_of(*chain, page=(1, 0)).levels == [25]
    assert roles_of(*chain, page=(2,)).levels == [1]


@pytest.mark.parametrize("page", [(3,), (-1,), (0, 0), (1, 1)])
def test_a_page_that_does_not_exist_is_an_error(page: tuple[int, ...]):
    chain = [image(64), nesting(image(50), image(25, REDUCED)), image(50, name=1)]
    with pytest.raises(TileIndexError, match=r"page .* does not exist"):
        roles_of(*chain, page=page)


def test_a_first_image_that_is_only_a_preview_is_a_finding():
    first = nesting(image(16, REDUCED), image(64))
    assert roles_of(first) == Roles([16], [None], [64], ["tiff.pyramid.first"])


# --- slides of Aperio ----------------------------------------------------------------------------


def slide(width: int, text: str, subfile_type: int = 0, *, height: int = 0) -> Directory:
    pixels = np.full((1, height or width, width), width, np.uint8)
    tile = (16, 16) if "strips" not in text else None
    made = make_image(pixels, subfile_type=subfile_type, tile=tile)
    return made.having(Field(Tag.ImageDescription, "ASCII", text))


def test_the_levels_of_a_slide_are_not_marked_and_its_pictures_are_no_levels():
    chain = [
        slide(64, "Aperio Image Library v11\r\n64x64 (16x16)"),
        slide(48, "Aperio Image Library strips"),
        slide(32, "Aperio Image Library v11\r\n64x64 -> 32x32"),
        slide(64, "Aperio Image Library v11\r\nanother focal plane"),
        slide(16, "Aperio Image Library v11\r\nlabel 16x16", REDUCED),
        slide(15, "Aperio Image Library v11\r\nmacro 15x16", REDUCED | 8, height=16),
    ]
    pyramid = read_pyramid(make_tiff(chain))
    assert [level.grid.width for level in pyramid.levels] == [64, 32]
    roles = [place.role for place in pyramid.places]
    assert roles == ["page", "thumbnail", "level", "page", "label", "macro"]
    assert [found.rule for found in pyramid.findings] == ["tiff.pyramid.aperio"] * 2


def test_tiled_images_of_other_files_are_pages():
    chain = [slide(64, "Aperiodic"), slide(32, "Aperiodic")]
    assert [level.grid.width for level in read_pyramid(make_tiff(chain)).levels] == [64]


@pytest.mark.parametrize("subfile_type", [REDUCED, PAGE, MASK, REDUCED | MASK])
def test_the_first_image_is_level_0_whatever_it_says(subfile_type):
    assert roles_of(image(64, subfile_type), image(32, REDUCED)).levels == [64, 32]


def test_a_reduced_image_with_other_bands_is_a_page():
    assert roles_of(image(64), image(32, REDUCED, bands=3), image(16, REDUCED)) == Roles(
        [64, 16], [None, None], [32], ["tiff.pyramid.levels"]
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
    assert roles_of(image(64), mask) == Roles([64], [None], [1], ["tiff.pyramid.masks"])


def test_a_second_mask_of_a_level_is_a_page():
    roles = roles_of(image(64), image(64, MASK, name=1), image(64, MASK, name=2))
    assert roles == Roles([64], [1], [2], ["tiff.pyramid.masks"])


def test_a_mask_that_comes_before_its_level_is_a_page():
    roles = roles_of(image(64), image(32, REDUCED | MASK, name=2), image(32, REDUCED))
    assert roles == Roles([64, 32], [None, None], [2], ["tiff.pyramid.masks"])


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
    assert roles_of(first) == Roles([64, 16], [1, None], [32, 8], ["tiff.pyramid.levels"])


def test_the_sub_ifds_of_later_images_are_not_read():
    second = nesting(image(32), image(16, REDUCED))
    assert roles_of(image(64), second) == Roles([64], [None], [32], [])


def test_a_later_image_with_sub_ifds_is_a_page():
    second = nesting(image(32, REDUCED), image(16, REDUCED))
    roles = roles_of(image(64), second, image(8, REDUCED))
    assert roles == Roles([64, 8], [None, None], [32], ["tiff.pyramid.owner"])


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


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("options", "factors"),
    [
        ({"width": 349, "height": 352, "count": 3}, [[2, 4, 8, 16]]),
        ({"width": 125, "height": 164, "count": 1}, [[16], [4], [2], [8]]),
        ({"width": 100, "height": 1, "count": 1}, [[3, 5, 7]]),
        ({"width": 97, "height": 61, "count": 3, "photometric": "RGB", "tiled": True}, [[2, 3, 5]]),
        ({"width": 97, "height": 61, "count": 1, "nbits": 4}, [[2, 4]]),
        ({"width": 97, "height": 61, "count": 3, "photometric": "MINISWHITE"}, [[2, 4]]),
        ({"width": 97, "height": 61, "count": 1, "photometric": "MINISWHITE"}, [[2, 4]]),
        ({"width": 1, "height": 1, "count": 1}, [[2]]),
    ],
)
def test_overviews_that_gdal_makes_have_its_numbers(
    tmp_path: Path, options: dict[str, Any], factors: list[list[int]]
):
    path = tmp_path / "made.tif"
    with rasterio.open(path, "w", driver="GTiff", dtype="uint8", **options) as dataset:
        dataset.write(np.zeros((dataset.count, dataset.height, dataset.width), np.uint8))
    for some in factors:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews(some)
    shapes: list[tuple[int, ...]] = []
    with rasterio.open(path) as dataset:
        shapes.append(dataset.shape)
        count = len(dataset.overviews(1))
    for i in range(count):
        with rasterio.open(path, OVERVIEW_LEVEL=i) as overview:
            shapes.append(overview.shape)
    assert len(shapes) == 1 + sum(map(len, factors))
    pyramid = read_pyramid(path.read_bytes())
    assert [level.shape[1:] for level in pyramid.levels] == shapes
