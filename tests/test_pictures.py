"""Pictures for the eye: by photometric interpretation, bits and alpha; palettes resampled."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import imagecodecs
import numpy as np
import pytest

import tinycog
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

SIDE = 8


def file_of(value: Any, photometric: int, *fields: Field, dtype: str = "uint8") -> bytes:
    """A file whose pixels all have the same samples."""
    samples = np.atleast_1d(np.asarray(value, dtype))
    array = np.broadcast_to(samples[:, None, None], (len(samples), SIDE, SIDE)).copy()
    code = Field(Tag.PhotometricInterpretation, "SHORT", photometric)
    image = make_image(array, rows_per_strip=SIDE).having(code, *fields)
    packed: list[Any] = [f.values for f in fields if f.tag == Tag.BitsPerSample]
    if packed:
        digits = (array.reshape(-1, 1) >> np.arange(packed[0])[::-1]) & 1
        image = replace(image, tiles=[np.packbits(digits.astype(np.uint8)).tobytes()])
    return make_tiff([image])


def bits(count: int) -> Field:
    return Field(Tag.BitsPerSample, "SHORT", count)


def colormap(
    colours: dict[int, tuple[int, int, int]], unit: int = 257, name: str = "SHORT"
) -> Field:
    values = np.zeros((3, 256), np.int64)
    for index, colour in colours.items():
        values[:, index] = colour
    return Field(Tag.ColorMap, name, (values * unit).ravel().tolist())


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
ALPHA, ASSOCIATED = (Field(Tag.ExtraSamples, "SHORT", kind) for kind in (2, 1))
SIGNED = 256

PICTURES: dict[str, tuple[bytes, Any]] = {
    "MinIsWhite, 1 bit": (file_of(0, 0, bits(1)), 255),
    "MinIsBlack, 1 bit": (file_of(1, 1, bits(1)), 255),
    "mask": (file_of(1, 4, bits(1)), 255),
    "2 bits": (file_of(2, 1, bits(2)), 170),
    "4 bits": (file_of(15, 1, bits(4)), 255),
    "MinIsWhite, 4 bits": (file_of(15, 0, bits(4)), 0),
    "MinIsWhite": (file_of(10, 0), 245),
    "gray and alpha": (file_of((90, 40), 1, ALPHA), (90, 40)),
    "RGB": (file_of((1, 2, 3), 2), (1, 2, 3)),
    "RGB and alpha": (file_of((10, 200, 30, 77), 2, ALPHA), (10, 200, 30, 77)),
    "RGB, transparent": (file_of((10, 200, 30, 0), 2, ALPHA), (0, 0, 0, 0)),
    "RGB and something": (
        file_of((10, 200, 30, 0), 2, Field(Tag.ExtraSamples, "SHORT", 0)),
        (10, 200, 30),
    ),
    "RGB in alpha": (file_of((64, 0, 32, 128), 2, ASSOCIATED), (128, 0, 64, 128)),
    "no ink": (file_of((0, 0, 0, 0), 5), (255, 255, 255)),
    "ink": (file_of((255, 0, 0, 0), 5), (0, 255, 255)),
    "palette": (file_of(5, 3, colormap({5: RED})), RED),
    "palette of 8 bits": (file_of(5, 3, colormap({5: (200, 0, 9)}, 1)), (200, 0, 9)),
    "palette shifted by 8": (file_of(5, 3, colormap({5: (255, 200, 9)}, 256)), (255, 200, 9)),
    "palette of BYTEs": (file_of(5, 3, colormap({5: (255, 200, 9)}, 1, "BYTE")), (255, 200, 9)),
    "palette of LONGs": (file_of(5, 3, colormap({5: (255, 200, 9)}, 257, "LONG")), (255, 200, 9)),
    "L*a*b*, white": (file_of((255, 0, 0), 8), (255, 255, 255)),
    "L*a*b*, black": (file_of((0, 0, 0), 8), (0, 0, 0)),
    "L*a*b*, red": (file_of((136, 80, 67), 8), RED),
    "L*a*b*, blue": (file_of((82, 79, SIGNED - 108), 8), BLUE),
    "ICCLab, white": (file_of((255, 128, 128), 9), (255, 255, 255)),
    "L*a*b* of 16 bits": (file_of((65535, 0, 0), 8, dtype="uint16"), (255, 255, 255)),
}


def shown(png: bytes) -> Any:
    return imagecodecs.png_decode(png)[3, 2].tolist()


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_has_the_colours_that_a_person_would_see(name: str):
    file, expected = PICTURES[name]
    cog = await tinycog.open(file)

    for raster in (await cog.read(), await cog.read_tile(0, 0, 0), await cog.preview(4)):
        found = shown(raster.to_png())
        assert np.abs(np.subtract(found, expected)).max() <= 3, found
        assert "img src" in raster._repr_html_()


@pytest.mark.parametrize("name", PICTURES)
async def test_what_is_asked_for_in_rgb_has_the_same_colours(name: str):
    file, expected = PICTURES[name]
    raster = await tinycog.open(file).read(rgb=True)

    gray, *alpha = np.atleast_1d(expected) if np.size(expected) < 3 else ([], [])
    colour = (gray, gray, gray, *alpha) if np.size(expected) < 3 else expected
    assert np.abs(np.subtract(shown(raster.to_png()), colour)).max() <= 3


async def test_more_than_8_bits_are_stretched_and_then_turned_if_0_is_white():
    ramp = np.arange(64, dtype=np.uint16).reshape(1, 8, 8) * 900
    white = Field(Tag.PhotometricInterpretation, "SHORT", 0)
    plain = await tinycog.open(make_tiff([make_image(ramp)])).read()
    turned = await tinycog.open(make_tiff([make_image(ramp).having(white)])).read()

    black, light = (imagecodecs.png_decode(r.to_png()) for r in (plain, turned))
    np.testing.assert_array_equal(255 - black, light)
    assert black[0, 0] < black[-1, -1]


async def test_inks_that_are_not_cmyk_have_no_colours():
    file = file_of((9, 9, 9, 9), 5, Field(Tag.InkSet, "SHORT", 2))
    with pytest.raises(tinycog.UnsupportedError, match="InkSet 2"):
        await tinycog.open(file).read(rgb=True)


async def test_a_tag_that_spoils_a_tile_after_it_was_read_is_the_error_of_that_read():
    file = file_of((9, 9, 9, 9), 5, Field(Tag.InkSet, "ASCII", b"WGS 84\0"))
    cog = tinycog.open(file)
    for read in (cog.read_tile(0, 0, 0), cog.read_tiles([(0, 0, 0)]), cog.read()):
        with pytest.raises(tinycog.FormatError, match="InkSet holds 'WGS 84'"):
            await asyncio.wait_for(read, 10)


async def test_bands_that_are_not_the_first_are_gray():
    cog = tinycog.open(file_of((10, 200, 30, 77), 2, ALPHA))
    assert shown((await cog.read(bands=[1])).to_png()) == 200


# --- palettes -------------------------------------------------------------------------------------


STRIPES = np.zeros((1, 64, 64), np.uint8)
STRIPES[:, :, 1::2] = 2
STRIPED = make_tiff(
    [
        make_image(STRIPES).having(
            Field(Tag.PhotometricInterpretation, "SHORT", 3),
            colormap({0: RED, 1: GREEN, 2: BLUE}),
        )
    ]
)


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic", "average", "mode", "max"])
async def test_an_index_that_is_not_there_is_never_made(method: Any):
    cog = tinycog.open(STRIPED)
    indices = await cog.read(shape=(31, 31), resampling=method)
    colours = await cog.read(shape=(31, 31), resampling=method, rgb=True)

    assert set(np.unique(indices.data)) <= {0, 2}
    assert not colours.data[1].any()


async def test_a_preview_of_a_palette_has_its_colours():
    colours = imagecodecs.png_decode((await tinycog.open(STRIPED).preview(16)).to_png())
    assert {tuple(colour) for colour in colours.reshape(-1, 3).tolist()} <= {RED, BLUE}
