"""`errors="fill"`: a broken tile is filled, invalid, and a finding; all others are as stored."""

from __future__ import annotations

import asyncio
import struct

import numpy as np
import pytest

import tinycog
from tinycog.testing import Field, make_image, make_tiff
from tinycog.tiff.spec import Tag

TILE = 16
PIXELS = np.random.default_rng(0).integers(1, 200, (3, 64, 64)).astype(np.uint8)
BROKEN = (1, 2)
"""Column and row of the tile that is broken."""

DEFLATE = 8
ROWS, COLS = slice(2 * TILE, 3 * TILE), slice(TILE, 2 * TILE)


def layout(kind: str) -> dict[str, object]:
    return {"planar": kind == "planar", "compression": DEFLATE}


def broken(kind: str = "chunky", *fields: Field, how: str = "bytes") -> bytes:
    """A file of 4 x 4 tiles, one of which is broken (in planes: that of band 1)."""
    rgb = Field(Tag.PhotometricInterpretation, "SHORT", 2)
    image = make_image(PIXELS, tile=(TILE, TILE), **layout(kind)).having(rgb, *fields)  # pyright: ignore[reportArgumentType]
    data = bytearray(make_tiff([image]))
    index = BROKEN[1] * 4 + BROKEN[0] + (16 if kind == "planar" else 0)
    ifd = asyncio.run(_image(bytes(data))).ifd
    at = ifd.entries[Tag.TileOffsets].offset + 4 * index
    (offset,) = struct.unpack_from("<I", data, at)
    if how == "bytes":
        data[offset : offset + 8] = b"\xff" * 8
    else:
        struct.pack_into("<I", data, at, len(data) + 1000)
    return bytes(data)


async def _image(data: bytes) -> tinycog.Image:
    return (await tinycog.open(data)).levels[0].image


def expected(kind: str, fill: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pixels, and which samples are valid."""
    bands = [1] if kind == "planar" else [0, 1, 2]
    data, valid = PIXELS.copy(), np.ones(PIXELS.shape, bool)
    data[bands, ROWS, COLS], valid[bands, ROWS, COLS] = fill, False
    return data, valid


def assert_filled(raster: tinycog.Raster, data: np.ndarray, valid: np.ndarray) -> None:
    np.testing.assert_array_equal(raster.data, data)
    np.testing.assert_array_equal(raster.band_masks, valid)
    np.testing.assert_array_equal(raster.mask, valid.any(axis=0))


@pytest.mark.parametrize("how", ["bytes", "place"])
@pytest.mark.parametrize("kind", ["chunky", "planar"])
@pytest.mark.parametrize("masked", [None, True])
async def test_an_area_has_all_good_tiles(kind: str, how: str, masked):
    cog = await tinycog.open(await asyncio.to_thread(broken, kind, how=how))
    with pytest.raises(tinycog.FormatError, match="tile"):
        await cog.read()
    found = await cog.read(errors="fill", masked=masked)
    assert_filled(found, *expected(kind))
    (finding,) = found.findings
    assert finding.rule == "tiff.tile.filled"
    assert "tile x=1, y=2" in str(finding)
    part = await cog.read(window=(20, 30, 30, 20), errors="fill", bands=[1, 0], masked=masked)
    data, valid = (a[[1, 0], 30:50, 20:50] for a in expected(kind))
    assert_filled(part, data, valid)
    wide = await cog.read(window=(-1, -2, 67, 68), errors="fill", boundless=True, masked=masked)
    data, valid = (np.pad(a, ((0, 0), (2, 2), (1, 2))) for a in expected(kind))
    assert_filled(wide, data, valid)


@pytest.mark.parametrize("kind", ["chunky", "planar"])
async def test_nodata_fills_and_tiles_points_and_the_stream_agree(kind: str):
    data = await asyncio.to_thread(broken, kind, Field(Tag.GDALNoData, "ASCII", "7"))
    cog = await tinycog.open(data)
    pixels, valid = expected(kind, 7)
    valid &= pixels != 7
    assert_filled(await cog.read(errors="fill"), pixels, valid)
    tiles = [tile async for tile in cog.iter_tiles(errors="fill")]
    assert len(tiles) == 16
    for tile in [*tiles, await cog.read_tile(0, *BROKEN, errors="fill")]:
        rows = slice(tile.window.row_off, tile.window.row_off + TILE)
        cols = slice(tile.window.col_off, tile.window.col_off + TILE)
        assert_filled(tile, pixels[:, rows, cols], valid[:, rows, cols])  # pyright: ignore[reportArgumentType]
    with pytest.raises(tinycog.CorruptTileError):
        [tile async for tile in cog.iter_tiles()]
    places = [(x + 0.5, y + 0.5) for x, y in ((0, 0), (17, 33), (63, 63))]
    values = await cog.points(places, errors="fill")
    at = np.s_[:, [0, 33, 63], [0, 17, 63]]
    np.testing.assert_array_equal(values.data, pixels[at].T)
    np.testing.assert_array_equal(values.band_masks, valid[at].T)
    np.testing.assert_array_equal(values.mask, valid[at].any(axis=0))


@pytest.mark.parametrize("masked", [None, True, False])
@pytest.mark.parametrize("kind", ["chunky", "planar"])
async def test_what_is_filled_takes_no_part_where_pixels_are_blended(kind: str, masked):
    cog = await tinycog.open(await asyncio.to_thread(broken, kind))
    options: dict[str, object] = {"shape": (3, 3), "resampling": "average", "errors": "fill"}
    found = await cog.read(**options, masked=masked)  # pyright: ignore[reportArgumentType]
    data, valid = expected(kind)
    means = np.ma.MaskedArray(data.astype(float), ~valid)
    rows = np.linspace(0, 64, 4)
    for band in range(3):
        weights = np.clip(
            np.minimum(np.arange(1, 65)[:, None], rows[1:])
            - np.maximum(np.arange(64)[:, None], rows[:-1]),
            0,
            None,
        )
        sums = weights.T @ means[band].filled(0) @ weights
        areas = weights.T @ valid[band].astype(float) @ weights
        np.testing.assert_array_equal(found.data[band], np.floor(sums / areas + 0.5))
    if masked is not False:
        assert found.band_masks.all()
    nearest = await cog.read(shape=(32, 32), errors="fill", masked=masked)
    np.testing.assert_array_equal(nearest.data, data[:, 1::2, 1::2])
    if masked is not False:
        np.testing.assert_array_equal(nearest.band_masks, valid[:, 1::2, 1::2])


async def test_a_broken_tile_of_the_mask_image_is_not_valid():
    image = make_image(PIXELS, tile=(TILE, TILE)).having(
        Field(Tag.PhotometricInterpretation, "SHORT", 2)
    )
    fields = Field(Tag.NewSubfileType, "LONG", 4), Field(262, "SHORT", 4)
    mask = make_image(
        np.full((1, 64, 64), 255, np.uint8), tile=(TILE, TILE), compression=DEFLATE
    ).having(*fields)
    data = bytearray(make_tiff([image, mask]))
    cog = await tinycog.open(bytes(data))
    assert cog.mask_ifd is not None
    at = cog.mask_ifd.ifd.entries[Tag.TileOffsets].offset
    (offset,) = struct.unpack_from("<I", data, at)
    data[offset : offset + 8] = b"\xff" * 8
    cog = await tinycog.open(bytes(data))
    with pytest.raises(tinycog.CorruptTileError):
        await cog.read_tile(0, 0, 0)
    found = await cog.read(errors="fill")
    np.testing.assert_array_equal(found.data, PIXELS)
    assert not found.mask[:TILE, :TILE].any()
    assert found.mask[TILE:].all()
    assert found.mask[:, TILE:].all()


async def test_only_broken_tiles_are_filled():
    cog = await tinycog.open(await asyncio.to_thread(broken))
    with pytest.raises(tinycog.UsageError, match='errors is "raise" or "fill", not True'):
        await cog.read_tile(0, 0, 0, errors=True)  # pyright: ignore[reportArgumentType]
    limited = await tinycog.open(
        await asyncio.to_thread(broken), limits=tinycog.Limits(tile_bytes=100)
    )
    with pytest.raises(tinycog.LimitError):
        await limited.read(errors="fill")
