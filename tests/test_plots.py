"""Plots of rasters by matplotlib, drawn without a display."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import fixture_path

import tinycog

matplotlib = pytest.importorskip("matplotlib", reason="the extra plot is not installed")
matplotlib.use("Agg")
pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def raster_of(data, nodata=None, **options):
    rows, cols = data.shape[1:]
    return tinycog.Raster(data, 0, tinycog.Window(0, 0, cols, rows), nodata, **options)


def drawn(image: Any) -> Any:
    """Return what an image of matplotlib shows."""
    return image.get_array()


def counted(axes: Any) -> list[Any]:
    """Return (counts, edges) of each histogram."""
    return [steps.get_data()[:2] for steps in axes.patches]


async def placed(nodata: int | None = 0) -> tinycog.Raster:
    """Read pixels of 10 m, whose upper left corner is at 500000, 5200000."""
    pixels = np.arange(20 * 30, dtype="uint16").reshape(1, 20, 30)
    written = await tinycog.write(
        bytes,
        pixels,
        crs="EPSG:32633",
        transform=(10, 0, 500000, 0, -10, 5200000),
        nodata=nodata,
        overviews=False,
    )
    assert written.data is not None
    return await (await tinycog.open(written.data)).read()


async def test_a_band_is_drawn_where_it_lies_with_a_colour_bar():
    raster = await placed()
    axes = raster.plot(vmin=0, vmax=599, title="heights")

    assert axes.get_xlim() == (500000, 500300)
    assert axes.get_ylim() == (5199800, 5200000)
    assert axes.get_title() == "heights"
    assert len(axes.figure.axes) == 2
    (image,) = axes.images
    assert image.get_clim() == (0, 599)
    assert drawn(image).mask.sum() == 1
    (left, top), (right, bottom) = (
        axes.transData.inverted().transform(image.get_transform().transform([corner]))[0]
        for corner in ((0, 0), (30, 20))
    )
    np.testing.assert_allclose((left, top, right, bottom), (500000, 5200000, 500300, 5199800))


async def test_pixels_are_drawn_in_their_places():
    raster = await placed(None)
    figure = pyplot.figure(figsize=(3, 2), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    raster.plot(ax=axes, cmap="gray", vmin=0, vmax=599, colorbar=False)
    figure.canvas.draw()
    seen = np.asarray(figure.canvas.buffer_rgba())[5::10, 5::10, 0]

    assert seen.shape == raster.data.shape[1:]
    np.testing.assert_allclose(seen, raster.data[0] / 599 * 255, atol=2.5)


async def test_the_ends_are_percentiles_of_valid_pixels():
    raster = await placed()
    (image,) = raster.plot(percentiles=(10, 90), colorbar=False).images
    valid = raster.data[raster.data > 0]

    np.testing.assert_allclose(image.get_clim(), np.percentile(valid, (10, 90)))


def test_three_bands_are_drawn_in_colour():
    data = np.random.default_rng(0).integers(0, 255, (3, 8, 9), "uint8")
    axes = raster_of(data).plot()
    (image,) = axes.images

    assert len(axes.figure.axes) == 1
    assert (drawn(image)[..., :3] == np.moveaxis(data, 0, -1)).all()
    assert axes.get_ylim() == (8, 0)


def test_one_of_several_bands_is_drawn_with_its_number():
    data = np.stack([np.full((4, 4), i, "float32") for i in range(3)])
    axes = raster_of(data).plot(2)

    assert axes.get_title() == "band 2"
    assert (drawn(axes.images[0]) == 2).all()
    with pytest.raises(tinycog.UsageError, match="band 3 does not exist"):
        raster_of(data).plot(3)


def test_values_that_are_no_numbers_are_not_drawn():
    data = np.array([[[1, np.nan], [np.inf, 3]]])
    (image,) = raster_of(data).plot().images

    assert np.ma.getmaskarray(drawn(image)).tolist() == [[False, True], [True, False]]
    assert image.get_clim()[1] <= 3


async def test_a_palette_keeps_its_colours():
    cog = await tinycog.open(fixture_path("cog-palette"))
    raster = await cog.read(window=(0, 0, 8, 8))
    axes = raster.plot()
    colours = (await cog.read(window=(0, 0, 8, 8), rgb=True)).data

    assert len(axes.figure.axes) == 1
    assert (drawn(axes.images[0])[..., :3] == np.moveaxis(colours[:3], 0, -1)).all()


def test_the_picture_is_that_of_a_png():
    data = np.arange(12, dtype="uint8").reshape(1, 3, 4)
    rgba = raster_of(data).to_rgba()

    assert rgba.shape == (3, 4, 4)
    assert (rgba[..., 0] == data[0]).all()
    assert (rgba[..., 3] == 255).all()


# --- histograms ----------------------------------------------------------------------------------


def test_a_histogram_counts_each_valid_pixel_once():
    data = np.array([[[0, 1, 1, 5], [9, 9, 9, 9]]], "uint8")
    axes = raster_of(data).hist()
    ((counts, edges),) = counted(axes)

    assert counts.tolist() == [1, 2, 0, 0, 0, 1, 0, 0, 0, 4]
    assert edges[0] == -0.5
    assert axes.get_ylabel() == "pixels"


async def test_a_histogram_leaves_nodata_out():
    raster = await placed()
    ((counts, _),) = counted(raster.hist(10))

    assert counts.sum() == 599


@pytest.mark.parametrize("dtype", ["int16", "float32", "uint64", "complex64"])
def test_a_histogram_of_any_type_counts_all(dtype):
    data = np.random.default_rng(0).integers(0, 30_000, (3, 40, 50)).astype(dtype)
    axes: Any = raster_of(data).hist(20)

    assert [counts.sum() for counts, _ in counted(axes)] == [2000] * 3
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "band 0",
        "band 1",
        "band 2",
    ]


def test_a_histogram_of_nothing_is_refused():
    with pytest.raises(tinycog.UsageError, match="no valid pixels"):
        raster_of(np.full((1, 2, 2), np.nan)).hist()


def test_a_density_has_an_area_of_one():
    raster = raster_of(np.linspace(0, 2, 100).reshape(1, 10, 10))
    ((counts, edges),) = counted(raster.hist(7, density=True))

    assert (counts * np.diff(edges)).sum() == pytest.approx(1)


async def test_a_fixture_is_drawn(tmp_path):
    raster = await (await tinycog.open(fixture_path("cog-metadata"))).read()
    figure: Any = raster.plot().figure
    figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000
