"""Orientation applied on request, against Pillow and numpy; places stay where they are."""

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

import tinycog
from tinycog.errors import UsageError
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import MASK, REDUCED, Tag

CODES = range(1, 9)
PLACED = (
    Field(Tag.ModelPixelScale, "DOUBLE", [2.0, 3.0, 0.0]),
    Field(Tag.ModelTiepoint, "DOUBLE", [0, 0, 0, 100, 200, 0]),
)
ROTATED = (
    Field(
        Tag.ModelTransformation,
        "DOUBLE",
        [2.0, 0.5, 0, 100, 0.25, -3.0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 1],
    ),
)


def numbered(bands=1, rows=20, cols=32, dtype: Any = np.uint8):
    return np.arange(bands * rows * cols).reshape(bands, rows, cols).astype(dtype)


def file_of(pixels, code, *fields, more=(), **options):
    extra = [*fields]
    if code is not None:
        extra.append(Field(Tag.Orientation, "SHORT", code))
    image = make_image(pixels, tile=(16, 16), extra=extra, **options)
    if Tag.PhotometricInterpretation in {field.tag for field in fields}:
        image = image.without(Tag.ExtraSamples)
    return make_tiff([image, *more])


def turned(pixels, code):
    """What TIFF 6.0 says of each value, pixel by pixel: where row 0 and column 0 are shown."""
    shown = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).T,
        8: np.rot90,
    }[code]
    return np.stack([shown(band) for band in pixels])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("bands", [1, 3])
async def test_the_picture_is_that_of_pillow(code, bands):
    pillow = pytest.importorskip("PIL.Image")
    pixels = numbered(bands)
    colour = [Field(Tag.PhotometricInterpretation, "SHORT", 2 if bands > 1 else 1)]
    data = file_of(pixels, code, *colour)
    raster = await tinycog.open(data).read(oriented=True)
    with pillow.open(io.BytesIO(data)) as image:  # turns a TIFF when it loads
        theirs = np.asarray(image).reshape(*raster.shape[1:], bands)
    assert np.array_equal(np.moveaxis(raster.data, 0, -1), theirs)
    assert np.array_equal(raster.data, turned(pixels, code))
    stored = (await tinycog.open(data).read()).data
    theirs = tifffile.imread(io.BytesIO(data)).reshape(20, 32, bands)
    assert np.array_equal(np.moveaxis(stored, 0, -1), theirs)
    assert await (await tinycog.open(data)).pages[0].tags["Orientation"] == (code,)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("fields", [PLACED, ROTATED, ()], ids=["north-up", "rotated", "none"])
async def test_pixels_move_and_places_do_not(code, fields):
    pixels = numbered(dtype=np.uint16)
    cog = await tinycog.open(file_of(pixels, code, *fields))
    ways: list[dict[str, Any]] = [
        {},
        {"window": (3, 5, 11, 7)},
        {"window": (2, 4, 16, 8), "shape": (4, 8)},
    ]
    for options in ways:
        stored = await cog.read(**options)
        if "shape" in options:
            options = {**options, "shape": turned(stored.data, code).shape[1:]}  # noqa: PLW2901
        raster = await cog.read(oriented=True, **options)
        assert np.array_equal(raster.data, turned(stored.data, code))
        assert raster.window == stored.window
        assert raster.crs == stored.crs
        assert raster.bounds == stored.bounds
        before, after = stored.transform, raster.transform
        for row, col in zip(*np.nonzero(raster.data[0] % 13 == 5), strict=True):
            ((was_row, was_col),) = np.argwhere(stored.data[0] == raster.data[0, row, col])
            place = after @ (col + 0.5, row + 0.5)
            assert place == pytest.approx(before @ (was_col + 0.5, was_row + 0.5), abs=1e-9)


def masked_file(code):
    """A file with a mask image and an overview, whose own Orientation does not count."""
    pixels = numbered()
    mask = np.zeros((1, 20, 32), np.uint8)
    mask[0, :3, 4:] = 255
    half = make_image(pixels[:, ::2, ::2].copy(), tile=(16, 16), subfile_type=REDUCED)
    half = half.having(Field(Tag.Orientation, "SHORT", 3))
    over = make_image(
        mask,
        tile=(16, 16),
        subfile_type=MASK,
        extra=[Field(Tag.PhotometricInterpretation, "SHORT", 4)],
    )
    return file_of(pixels, code, *PLACED, more=(over, half))


@pytest.mark.parametrize("code", CODES)
async def test_masks_go_along(code):
    alpha = numbered(2)
    alpha[1] = np.where(alpha[1] % 3, 255, 0)
    band = numbered(2)
    files = {
        "image": masked_file(code),
        "nodata": file_of(band, code, Field(Tag.GDALNoData, "ASCII", "7")),
        "alpha": file_of(alpha, code, Field(Tag.ExtraSamples, "SHORT", 2)),
        "none": file_of(band, code),
    }
    ways: list[dict[str, Any]] = [{}, {"masked": True}, {"bands": [0]}, {"window": (1, 2, 20, 15)}]
    for name, data in files.items():
        cog = await tinycog.open(data)
        for options in ways:
            stored = await cog.read(**options)
            raster = await cog.read(oriented=True, **options)
            assert np.array_equal(raster.mask, turned(stored.mask[None], code)[0]), name
            assert np.array_equal(raster.band_masks, turned(stored.band_masks, code)), name
            assert np.array_equal(
                raster.masked().filled(9), turned(stored.masked().filled(9), code)
            )
            assert np.array_equal(raster.copy().mask, raster.mask)
        everything = await cog.read()
        assert everything.band_masks.all() == (name == "none")
    unknown = await tinycog.open(files["image"]).read(oriented=True, masked=False)
    assert not unknown.has_known_mask
    assert "mask not known" in repr(unknown)


@pytest.mark.parametrize("code", [2, 6])
async def test_every_read_of_areas_turns_by_the_orientation_of_level_0(code):
    cog = await tinycog.open(masked_file(code))
    one = await cog.read(level=1, oriented=True)
    assert np.array_equal(one.data, turned((await cog.read(level=1)).data, code))
    assert np.array_equal((await cog.read_level(1, oriented=True)).data, one.data)
    assert np.array_equal((await cog.overviews[0].read(oriented=True)).data, one.data)
    small = await cog.preview(16, oriented=True)
    assert small.shape == ((1, 10, 16) if code == 2 else (1, 16, 10))
    assert np.array_equal(small.data, turned((await cog.preview(16)).data, code))
    bounds = (106, 155, 130, 191)
    area = await cog.read(bounds=bounds, res=(4, 6), oriented=True)
    stored = await cog.read(bounds=bounds, res=(4, 6))
    assert np.array_equal(area.data, turned(stored.data, code))
    assert area.bounds == stored.bounds
    scaled = await cog.read(oriented=True, scaled=True)
    assert np.array_equal(
        scaled.data, turned((await cog.read(scaled=True)).data, code), equal_nan=True
    )
    colours = await cog.read(oriented=True, rgb=True)
    assert np.array_equal(colours.data, turned((await cog.read(rgb=True)).data, code))
    picture = await cog.read(oriented=True)
    shown = imagecodecs.png_decode(picture.to_png())[..., 0]
    assert np.array_equal(shown[picture.mask], picture.data[0][picture.mask])
    assert picture.to_png(raw=True)
    assert "<img" in picture._repr_html_()


async def test_requests_are_those_of_the_same_read():
    cog = await tinycog.open(masked_file(6))
    ways: list[dict[str, Any]] = [{}, {"window": (0, 0, 8, 4)}, {"level": 1}]
    for options in ways:
        assert await cog.plan(oriented=True, **options) == await cog.plan(**options)
    plan = await cog.plan(shape=(10, 16))
    assert await cog.plan(shape=(16, 10), oriented=True) == plan


@pytest.mark.parametrize(
    "field",
    [
        Field(Tag.Orientation, "SHORT", 0),
        Field(Tag.Orientation, "SHORT", 9),
        Field(Tag.Orientation, "ASCII", "up"),
        Field(Tag.Orientation, "SHORT", [6, 6]),
        Field(Tag.Orientation, "SHORT", [6, 6, 6], place=1 << 28),
    ],
)
async def test_an_orientation_that_says_nothing_is_a_finding(field):
    cog = await tinycog.open(file_of(numbered(), None, field))
    raster = await cog.read(oriented=True)
    assert np.array_equal(raster.data, numbered())
    assert [finding.rule for finding in raster.findings] == ["tiff.image.orientation"]
    assert (await cog.read()).findings == ()


async def test_without_the_tag_nothing_is_turned():
    raster = await tinycog.open(file_of(numbered(), None)).read(oriented=True)
    assert np.array_equal(raster.data, numbered())
    assert raster.findings == ()
    other = await tinycog.open(file_of(numbered(), None, Field(Tag.Orientation, "LONG", 8))).read(
        oriented=True
    )
    assert np.array_equal(other.data, turned(numbered(), 8))


async def test_pages_have_their_own():
    second = make_image(numbered(rows=8, cols=4), extra=[Field(Tag.Orientation, "SHORT", 8)])
    cog = tinycog.open(file_of(numbered(), 3, more=(second,)))
    assert np.array_equal(
        (await cog.page(1).read(oriented=True)).data, turned(numbered(rows=8, cols=4), 8)
    )


async def test_tiles_that_are_filled_are_turned_with_the_others():
    image = make_image(
        numbered(), tile=(16, 16), compression=8, extra=[Field(Tag.Orientation, "SHORT", 6)]
    )
    broken = [b"\0" * len(image.tiles[0]), *image.tiles[1:]]
    data = make_tiff([type(image)(image.fields, broken)])
    raster = await tinycog.open(data).read(oriented=True, errors="fill")
    assert not raster.mask[:16, -16:].any()
    assert raster.mask[16:].all()
    assert "tiff.tile.filled" in {finding.rule for finding in raster.findings}


async def test_what_does_not_go_together_is_refused():
    cog = tinycog.open(file_of(numbered(), 6))
    with pytest.raises(UsageError, match="leave out out="):
        await cog.read(oriented=True, out=np.empty((1, 32, 20), np.uint8))
    with pytest.raises(UsageError, match="shape is"):
        await cog.read(oriented=True, shape=(1, 2, 3))
    with pytest.raises(TypeError):
        await cog.read_tile(0, 0, 0, oriented=True)  # pyright: ignore[reportCallIssue]
