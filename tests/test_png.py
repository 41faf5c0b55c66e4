"""Pictures: what is shown, what is stretched, what is left transparent."""

import imagecodecs
import numpy as np
import pytest

from tinycog.errors import UsageError
from tinycog.notebook.card import card
from tinycog.pixels.png import to_png


def shown(data, mask=None, **options):
    return imagecodecs.png_decode(to_png(data, mask, **options))


def ramp(dtype="uint8", bands=1):
    line = np.arange(100, dtype=dtype)
    return np.stack([np.tile(line + band, (50, 1)) for band in range(bands)])


def test_uint8_is_shown_as_it_is():
    assert (shown(ramp()) == ramp()[0]).all()
    assert (shown(ramp(bands=3)) == np.moveaxis(ramp(bands=3), 0, -1)).all()


@pytest.mark.parametrize(
    ("bands", "shape"),
    [(1, (50, 100)), (2, (50, 100)), (3, (50, 100, 3)), (4, (50, 100, 3)), (7, (50, 100, 3))],
)
def test_bands_that_are_shown(bands, shape):
    assert shown(ramp(bands=bands)).shape == shape


@pytest.mark.parametrize("bands", [1, 3])
def test_masked_pixels_are_transparent_and_black(bands):
    mask = np.ones((50, 100), bool)
    mask[10:20] = False
    picture = shown(ramp(bands=bands) + 1, mask)
    assert picture.shape == (50, 100, bands + 1)
    assert (picture[..., -1] == np.where(mask, 255, 0)).all()
    assert not picture[10:20].any()
    assert (picture[mask][:, 0] == (ramp()[0] + 1)[mask]).all()


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "uint64", "float32", "complex64"])
def test_other_dtypes_are_stretched_between_percentiles(dtype):
    picture = shown(ramp(dtype) * 100)
    assert picture[0, 0] == 0
    assert picture[0, -1] == 255
    assert (np.diff(picture[0].astype(int)) >= 0).all()
    low, high = np.percentile(ramp(), (2, 98))
    assert abs(picture[0, 50] - (50 - low) / (high - low) * 255) <= 1


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (5000, 1), (3000, 3), (1, 5000), (700, 700)])
def test_a_picture_may_be_as_narrow_as_it_likes(bands, shape):
    data = np.random.default_rng(3).integers(0, 255, (bands, *shape), np.uint8)
    pixels = np.asarray(imagecodecs.png_decode(to_png(data)))
    np.testing.assert_array_equal(pixels.reshape(*shape, bands).transpose(2, 0, 1), data)


def test_masked_pixels_do_not_count_for_the_stretch():
    data = ramp("int16")
    mask = np.ones((50, 100), bool)
    data[0, :30], mask[:30] = -32768, False
    assert shown(data, mask)[40, -1].tolist() == [255, 255]
    assert shown(data, mask)[40, 0].tolist() == [0, 255]


def test_limits():
    data = np.array([[[-5, 0, 5, 10, 20]]], "int16")
    assert shown(data, vmin=0, vmax=10).tolist() == [[0, 0, 128, 255, 255]]
    assert shown(data.astype("uint8")[:, :, 1:], vmin=0, vmax=10).tolist() == [[0, 128, 255, 255]]
    three = np.repeat(data, 3, axis=0)
    picture = shown(three, vmin=(0, 0, 10), vmax=np.float64(20))
    assert picture[0, 3].tolist() == [128, 128, 0]
    with pytest.raises(UsageError, match=r"vmin has 2 values, expected one, or 3"):
        to_png(three, vmin=(0, 1))


@pytest.mark.parametrize("value", [0, 7, -3.5e38, 1e300])
def test_constant_data_are_grey(value):
    assert (shown(np.full((1, 4, 4), value)) == 128).all()


def test_the_whole_range_of_float64_does_not_overflow():
    data = np.array([[[-1.7e308, 0, 1.7e308]]])
    assert shown(data, vmin=-1.7e308, vmax=1.7e308).tolist() == [[0, 128, 255]]


def test_nan_is_transparent_and_infinity_is_the_end():
    data = np.linspace(0, 1, 100).reshape(1, 10, 10)
    data[0, 0, :3] = np.nan, np.inf, -np.inf
    picture = shown(data)
    assert picture[0, :3].tolist() == [[0, 0], [255, 255], [0, 255]]


def test_nothing_valid_gives_a_transparent_picture():
    assert not shown(np.full((1, 4, 4), np.nan)).any()
    assert not shown(ramp(bands=3), np.zeros((50, 100), bool)).any()


def test_rare_values_on_a_constant_ground_are_seen():
    data = np.zeros((1, 100, 100), "int16")
    data[0, 0, 0] = 9
    picture = shown(data)
    assert picture[0, 0] == 255
    assert picture[0, 1] == 0


def test_palette():
    colours = np.array([[0, 0, 0], [65535, 0, 0], [257, 32896, 65535]], "uint16")
    indices = np.array([[[0, 1, 2, 3]]], "uint8")
    expected = [[0, 0, 0], [255, 0, 0], [1, 128, 255], [0, 0, 0]]
    assert shown(indices, colormap=colours)[0].tolist() == expected
    alpha = np.concatenate([colours, [[65535], [0], [32896]]], axis=1).astype("uint16")
    mask = np.array([[True, True, True, False]])
    assert shown(indices, mask, colormap=alpha)[0, :, 3].tolist() == [255, 0, 128, 0]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((4, 4)), {}, r"expected \(bands, rows, cols\)"),
        (np.zeros((1, 0, 4)), {}, r"none of them 0"),
        (np.zeros((1, 4, 4)), {"mask": np.ones((4, 5), bool)}, r"expected \(4, 4\)"),
        (np.zeros((1, 4, 4), "u1"), {"colormap": np.zeros((4, 2), "u2")}, r"3 or 4"),
        (np.zeros((1, 4, 4)), {"colormap": np.zeros((4, 3), "u2")}, r"needs integers"),
    ],
)
def test_wrong_arguments(data, options, message):
    with pytest.raises(UsageError, match=message):
        to_png(data, **options)


def test_html_is_escaped_and_holds_the_picture():
    page = card("<a> & 'b'", {"crs": "<script>", "x": 1}, png=to_png(ramp()))
    assert "<script>" not in page
    assert "<a>" not in page
    assert "&lt;script&gt;" in page
    assert "data:image/png;base64,iVBORw0KGgo" in page
    assert "<img" not in card("t", {})
