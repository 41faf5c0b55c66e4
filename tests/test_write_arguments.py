"""`tinycog.write`: what is said is written, or refused in words that help."""

# pyright: reportArgumentType=false
from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from affine import Affine
from rasterio.io import MemoryFile

import tinycog

PLACE = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
GREY = np.arange(64 * 48, dtype=np.uint8).reshape(64, 48)


async def written(source, **options):
    return (await tinycog.write(bytes, source, **options)).data


# --- who reads what is written by default --------------------------------------------------------


@pytest.mark.parametrize("compression", ["deflate", "lzw", "zstd", "lzma"])
async def test_complex_numbers_are_read_by_all(compression):
    ramp = np.add.outer(np.arange(100), np.arange(80)).astype(np.float32)
    pixels = np.stack([ramp + 1j * ramp, 2 * ramp - 1j])
    assert pixels.dtype == np.complex64

    data = await written(pixels, compression=compression, blocksize=64, interleave="band", **PLACE)

    np.testing.assert_array_equal((await tinycog.open(data).read()).data, pixels)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data), key=0), pixels)
    with MemoryFile(data) as file, file.open() as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)


async def test_differences_of_complex_numbers_are_written_where_they_are_asked_for():
    pixels = np.add.outer(np.arange(64), 1j * np.arange(64)).astype(np.complex64)

    data = await written(pixels, predictor=2, **PLACE)

    async with tinycog.open(data) as cog:
        assert cog.levels[0].image.predictor == 2
        np.testing.assert_array_equal((await cog.read()).data[0], pixels)
    with MemoryFile(data) as file, file.open() as dataset:
        np.testing.assert_array_equal(dataset.read(1), pixels)
