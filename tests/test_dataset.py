"""What a handle says of its file is what rasterio says, in rasterio's words."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from conftest import FILES, fixture_path
from fuzz.cases import case_of
from geo_files import NAMED_HEIGHTS, TIEPOINT, geo_tiff, in_rasterio
from rasterio.crs import CRS
from rasterio.enums import ColorInterp as RioColor
from rasterio.rio.main import main_group
from test_corpus import SKIP, path_of
from test_geo_corpus import (
    FOUND_BY_US,
    INKS_AND_LAB,
    NO_PALETTE,
    NO_SUCH_MERCATOR,
    close,
    code_in_rasterio,
    code_of,
    georeferenced,
)

import tinycog
from tinycog import UsageError
from tinycog.dataset import Profile
from tinycog.errors import TinycogError
from tinycog.geo.keys import GeoKey as K
from tinycog.testing import Field, Layout, make_image, make_pyramid, make_tiff
from tinycog.tiff.spec import Tag

# rasterio's own use of affine
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

PLAIN = make_tiff(make_pyramid(np.arange(6000, dtype=np.uint16).reshape(1, 60, 100), tile=(16, 16)))
NAMES = sorted(path.stem for path in FILES.glob("*.tif"))
NO_GDAL = ("jpeg2000", "jpegxl", "jpegxr", "png")
UNLIKE = {
    "mdextract__d664a73588796b59191ad8628065f04a.tif",  # damaged
    "exiv2__ReaganLargeTiff.tiff",  # an "overview" that is larger than the image
}
"""Other levels (tiff.pyramid.levels)."""
OTHER_FLAGS = {
    "mapserver-old__wcs_20_getcov_bands_interval.tif",
    "mapserver__wcs_20_getcov_bands_interval.tif",
    "gdal__complex_int32.tif",
    "gdal__test3_with_mask_1bit.tif",
    "gdal__test3_with_mask_8bit.tif",
    "gdal__test_nodatavalues.tif",
    "mdextract__m2-d1d366d7965db766c19a66c7a2ccbb6b.tif",
}
INFO = [
    "cog-alpha-rgba",
    "cog-compound-crs",
    "cog-epsg4326",
    "cog-jpeg-ycbcr-mask",
    "cog-metadata",
    "cog-nodata-nan",
    "cog-palette",
    "cog-rotated",
    "cog-statistics",
    "cog-user-crs",
    "cog-zstd-f32-p3",
    "strip-ccitt-fax4",
    "strip-planar-u16",
    "tiled-internal-mask",
    "tiled-jpeg-cmyk",
    "tiled-min-is-white",
    "tiled-nodata-f32",
    "tiled-oblong",
    "tiled-planar-10-bands",
]


# --- against rasterio ----------------------------------------------------------------------------


async def differences(path: str | Path, *, name: str = "") -> list[str]:
    """The facts of a file that differ from rasterio's."""
    cog = await tinycog.open(path)
    told = cog.info()
    with in_rasterio(str(path)) as theirs:
        same = {
            "transform": close(cog.transform, theirs.transform),
            "bounds": close(cog.bounds, theirs.bounds),
            "res": close(cog.res, theirs.res),
            "size": is_inks(cog)
            or (cog.count, *cog.shape[1:]) == (theirs.count, theirs.height, theirs.width),
            "crs": has_code_of(cog.crs, theirs.crs or theirs.gcps[1]) or name in FOUND_BY_US,
            "index": theirs.gcps[0] or is_indexed(cog, theirs),
        }
        if not is_inks(cog):
            same["nodata"] = same_number(cog.nodata, theirs.nodata)
            flags = [[flag.name for flag in flags] for flags in theirs.mask_flag_enums]
            same["flags"] = told["mask_flags"] == flags or name in OTHER_FLAGS
            same["colormap"] = same_colours(cog, theirs) or name in NO_PALETTE
        same |= levels_differ(path, cog, told["overviews"], theirs)
    return [fact for fact, is_same in same.items() if not is_same]


def is_inks(cog: tinycog.Cog) -> bool:
    return cog.levels[0].image.photometric in INKS_AND_LAB


def is_indexed(cog: tinycog.Cog, theirs: Any) -> bool:
    """Whether the middle of the last pixel lies in it, as rasterio has it."""
    row, col = theirs.height - 1, theirs.width - 1
    return cog.index(*theirs.xy(row, col)) == (row, col)


def has_code_of(ours: Any, theirs: Any) -> bool:
    code = None if ours is None else code_of(ours)
    return code == (None if theirs is None else code_in_rasterio(theirs.to_wkt()))


def same_number(ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return float(ours) == theirs or bool(np.isnan(ours) and np.isnan(theirs))


def same_colours(cog: tinycog.Cog, theirs: Any) -> bool:
    try:
        colours = theirs.colormap(1)
    except ValueError:
        return cog.colormap is None
    if cog.levels[0].image.photometric != 3:  # GDAL makes one of 1 bit
        return cog.colormap is None
    return cog.colormap is not None and cog.colormap.as_rasterio() == colours


def levels_differ(
    path: str | Path, cog: tinycog.Cog, ours: list[int], theirs: Any
) -> dict[str, bool]:
    factors = theirs.overviews(1)
    same = {"overviews": ours == factors}
    for i in range(len(factors)):
        with in_rasterio(str(path), OVERVIEW_LEVEL=i) as overview:
            level = cog.overviews[i]
            # without a transform rasterio says the identity, for any level
            nowhere = theirs.gcps[0] or theirs.transform.is_identity
            same[f"overview {i}"] = (
                (level.width, level.height) == (overview.width, overview.height)
                and (nowhere or close(level.transform, overview.transform))
                and (nowhere or close(level.bounds, overview.bounds))
            )
    return same


@pytest.mark.parametrize("name", NAMES)
async def test_a_handle_says_what_rasterio_says(name):
    if not any(word in name for word in NO_GDAL):
        assert await differences(fixture_path(name)) == []


@SKIP
async def test_handles_of_real_files_say_what_rasterio_says():
    wrong: list[str] = []
    seen = 0
    for record in georeferenced():
        name = record["file"]
        if name in NO_SUCH_MERCATOR | UNLIKE | NAMED_HEIGHTS:
            continue
        try:
            wrong += [f"{name}: {fact}" for fact in await differences(path_of(record), name=name)]
            seen += 1
        except (OSError, TinycogError):
            continue
    assert wrong == []
    assert seen > 1000


@pytest.mark.parametrize("name", INFO)
async def test_info_has_the_keys_and_values_of_rio_info(name, runner):
    cog = await tinycog.open(fixture_path(name))
    ours = json.loads(json.dumps(cog.info(), allow_nan=False))
    theirs = json.loads(runner(str(fixture_path(name))))
    if is_inks(cog):  # GDAL makes RGBA of them
        for key in ("colorinterp", "mask_flags", "photometric"):
            theirs.pop(key, None)
    if theirs["crs"] and not theirs["crs"].startswith("EPSG:"):
        theirs.pop("crs")
    theirs.pop("gcps", None)
    if name == "cog-compound-crs":  # the unit of EPSG's heights is in the registry alone
        theirs.pop("units")
    if str(theirs["nodata"]) in ("nan", "inf", "-inf"):  # which JSON has no words for
        theirs["nodata"] = str(theirs["nodata"])
    assert ours.pop("lnglat") == pytest.approx(theirs.pop("lnglat"), abs=1e-9)
    assert repr({key: ours[key] for key in theirs}) == repr(theirs)


@pytest.fixture
def runner():
    testing = pytest.importorskip("click.testing")

    def run(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return testing.CliRunner().invoke(main_group, ["info", path]).output

    return run


@pytest.mark.parametrize(
    "name", ["cog-metadata", "strip-planar-u16", "cog-palette", "tiled-oblong"]
)
async def test_a_file_like_this_can_be_written_with_its_profile(name, tmp_path):
    cog = await tinycog.open(fixture_path(name))
    with rasterio.open(tmp_path / "like.tif", "w", **cog.profile) as target:
        target.write(np.asarray(await cog.read()))
    like = await tinycog.open(tmp_path / "like.tif")
    ours, theirs = cog.profile, like.profile
    assert (str(ours.pop("crs")), ours) == (str(theirs.pop("crs")), theirs)


async def test_a_crs_of_ours_is_one_for_rasterio_too():
    cog = await tinycog.open(fixture_path("cog-metadata"))
    with rasterio.open(fixture_path("cog-metadata")) as dataset:
        assert CRS.from_user_input(cog.crs) == dataset.crs


async def test_colours_are_words_that_equal_numbers():
    red, *_, alpha = (await tinycog.open(fixture_path("cog-alpha-rgba"))).colorinterp
    enum = RioColor
    assert (red, alpha) == ("red", "alpha")
    assert (red, alpha) == (enum.red, enum.alpha)
    assert (enum.red, enum.alpha) == (red, alpha)
    assert red != enum.alpha
    assert red.name == "red"
    assert json.dumps([red]) == '["red"]'


# --- without a place -----------------------------------------------------------------------------


async def test_a_file_without_a_georeference_has_the_identity_and_no_crs():
    cog = await tinycog.open(PLAIN)
    assert tuple(cog.transform) == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert tuple(cog.bounds) == (0, 60, 100, 0)
    assert tuple(cog.levels[1].transform)[:6] == (2, 0, 0, 0, 2, 0)
    assert cog.crs is None
    assert cog.findings == ()
    assert json.loads(json.dumps(cog.info()))["lnglat"] is None
    with pytest.raises(UsageError, match="does not say where it lies"):
        cog.tile_matrix_set()
    with pytest.raises(UsageError, match="does not say where it lies"):
        cog.lnglat()
    assert cog.stored_web_tile(0, 0, 0) is None


async def test_control_points_are_no_place_of_the_pixels():
    cog = await tinycog.open(fixture_path("tiled-gcps"))
    assert cog.crs is not None
    assert cog.gcps
    assert (await cog.read_tile(0, 0, 0)).crs is None
    with pytest.raises(UsageError, match="does not say where it lies"):
        await cog.read_web_tile(0, 0, 0)
    with pytest.raises(UsageError, match="does not say where it lies"):
        cog.tile_matrix_set()


@pytest.mark.parametrize("fact", ["width", "levels", "crs", "transform", "profile", "overviews"])
def test_facts_ask_for_an_open_handle(fact):
    with pytest.raises(UsageError, match=r"await tinycog\.open"):
        getattr(tinycog.open(PLAIN), fact)


async def test_a_palette_that_cannot_be_read_stops_nothing():
    extra = [
        Field(Tag.PhotometricInterpretation, "SHORT", 3),
        Field(Tag.ColorMap, "SHORT", b"", 768, 1 << 20),
    ]
    image = make_image(np.zeros((1, 16, 16), np.uint8), tile=(16, 16), extra=extra)
    cog = await tinycog.open(make_tiff([image]))
    assert cog.colormap is None


async def test_facts_are_read_once(monkeypatch):
    cog = await tinycog.open(fixture_path("cog-metadata"))
    monkeypatch.setattr(cog._file.fetcher, "drive", None)
    assert await cog is cog
    assert cog.crs is not None


# --- for people ----------------------------------------------------------------------------------


async def test_a_notebook_shows_a_handle_before_and_after_it_is_open():
    cog = tinycog.open(fixture_path("cog-metadata"))
    assert "not read yet" in cog._repr_html_()
    await cog
    assert "EPSG:32633" in cog._repr_html_()
    assert "Level 2" in cog._repr_html_()


async def test_a_file_whose_levels_lie_apart_can_be_shown_after_its_first_tile():
    far = make_tiff(
        make_pyramid(np.ones((1, 64, 64), np.uint8), tile=(16, 16)), layout=Layout(gap=40_000)
    )
    cog = tinycog.open(far)
    await cog.read_tile(0, 0, 0)
    assert "not read yet" in cog._repr_html_()


# --- tile matrix sets ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["cog-epsg4326", "cog-web-mercator", "cog-metadata", "cog-user-crs", "cog-compound-crs"]
)
async def test_morecantile_reads_the_tile_matrix_set(name):
    morecantile = pytest.importorskip("morecantile")
    cog = await tinycog.open(fixture_path(name))
    described = json.loads(json.dumps(cog.tile_matrix_set()))
    found = morecantile.TileMatrixSet.model_validate(described)
    for z, level in enumerate(cog.levels):
        matrix = found.matrix(len(cog.levels) - 1 - z)
        assert (matrix.matrixHeight, matrix.matrixWidth) == level.grid
        raster = await cog.read_tile(z, 0, 0, padded=True)
        bounds = found.xy_bounds(morecantile.Tile(0, 0, len(cog.levels) - 1 - z))
        assert tuple(bounds) == pytest.approx(tuple(raster.bounds), rel=1e-6)


async def test_degrees_of_another_body_are_as_long_as_there():
    keys = {K.GTModelType: 2, K.GeodeticCRS: 32767, K.EllipsoidSemiMajorAxis: 3396190.0}
    scale = Field(Tag.ModelPixelScale, "DOUBLE", [0.5, 0.5, 0.0])
    cog = await tinycog.open(geo_tiff(keys, scale, TIEPOINT))
    (matrix,) = cog.tile_matrix_set()["tileMatrices"]
    assert matrix["cellSize"] == 0.5
    degree = math.pi / 180 * 3396190.0
    assert matrix["scaleDenominator"] == pytest.approx(0.5 * degree / 0.00028)


# --- as async-geotiff's object -------------------------------------------------------------------


@pytest.fixture
def rio_tiler():
    pytest.importorskip("async_geotiff")
    return pytest.importorskip("rio_tiler.experimental.geotiff")


async def pictures_of(reader: Any) -> list[Any]:
    """What rio-tiler's reader gives of a file."""
    left, bottom, right, top = reader.get_geographic_bounds("EPSG:4326")
    x, y = (left + right) / 2, (bottom + top) / 2
    tile = reader.tms.tile(x, y, 14)
    return [
        await reader.preview(max_size=64),
        await reader.part((left, bottom, x, y), max_size=100),
        await reader.part((left, bottom, x, y), max_size=20),
        await reader.point(x, y),
        await reader.tile(tile.x, tile.y, tile.z, reproject_method="bilinear"),
        await reader.tile(tile.x // 4, tile.y // 4, tile.z - 2),
    ]


@pytest.mark.parametrize(
    "name",
    ["cog-metadata", "cog-alpha-rgba", "cog-nodata-nan", "cog-palette"],
)
async def test_rio_tilers_async_reader_takes_a_handle(name, rio_tiler):
    store = pytest.importorskip("obstore.store").LocalStore(FILES)
    theirs = rio_tiler.Reader(
        await pytest.importorskip("async_geotiff").GeoTIFF.open(f"{name}.tif", store=store)
    )
    ours = rio_tiler.Reader(await tinycog.open(fixture_path(name)))
    told, expected = (await ours.info()).model_dump(), (await theirs.info()).model_dump()
    told["colorinterp"] = [colour.upper() for colour in told["colorinterp"]]
    assert repr(told) == repr(expected)
    assert ours.colormap == theirs.colormap
    for picture, same in zip(await pictures_of(ours), await pictures_of(theirs), strict=True):
        np.testing.assert_array_equal(picture.array.data, same.array.data)
        np.testing.assert_array_equal(picture.mask, same.mask)


# --- whatever the file ---------------------------------------------------------------------------


async def facts_of(data: bytes) -> tuple[str, ...] | None:
    """All that is said of a file; None if it cannot be opened."""
    cog = tinycog.open(data)
    before = repr(cog), cog._repr_html_()
    try:
        await cog
    except TinycogError:
        return None
    assert set(cog.profile) == set(Profile.__annotations__)
    told = json.dumps(cog.info(), allow_nan=False)
    return (*before, told, repr(cog), cog._repr_html_(), repr(cog.levels), repr(cog.overviews))


async def test_all_facts_of_a_broken_file_can_be_told():
    kept = (FILES.parents[1] / "tests" / "corpus").rglob("*.tif")
    broken = [path.read_bytes() for path in kept if path.stat().st_size < 20_000]
    broken += [case_of(seed).make() for seed in range(100)]
    told = [await facts_of(data) for data in broken]
    assert sum(facts is not None for facts in told) > 50


ODD = [
    [Field(Tag.BitsPerSample, "SHORT", [8, 16]), Field(Tag.SamplesPerPixel, "SHORT", 2)],
    [Field(Tag.BitsPerSample, "SHORT", 212)],
    [Field(Tag.SampleFormat, "SHORT", 9)],
    [Field(42113, "ASCII", "-inf"), Field(Tag.SampleFormat, "SHORT", 3)],
    [Field(Tag.ModelTiepoint, "DOUBLE", [0, 0, 0, 1, 2, math.nan])],
    [
        Field(Tag.ModelPixelScale, "DOUBLE", [1e308, 1e308, 0]),
        Field(Tag.ModelTiepoint, "DOUBLE", [-1e9, 0, 0, 1e308, 1e308, 0]),
    ],
    [Field(42112, "ASCII", "<GDALMetadata><Item name='S' sample='0' role='scale'>x</Item>")],
    [Field(270, "ASCII", b"\xff\xfe<\x00")],
]


@pytest.mark.parametrize("fields", ODD)
async def test_all_facts_of_an_odd_file_can_be_told(fields):
    image = make_image(np.zeros((1, 16, 16), np.float32 if len(fields) == 2 else np.uint8))
    assert await facts_of(make_tiff([image.having(*fields)])) is not None


@pytest.mark.parametrize(("text", "told"), [("nan", "nan"), ("-inf", "-inf"), ("7", 7.0)])
async def test_nodata_that_is_no_number_of_json_is_told_as_in_stac(text, told):
    image = make_image(np.zeros((1, 16, 16), np.float32))
    cog = await tinycog.open(make_tiff([image.having(Field(42113, "ASCII", text))]))
    assert cog.info()["nodata"] == told
    assert str(cog.profile["nodata"]) == str(float(text))
