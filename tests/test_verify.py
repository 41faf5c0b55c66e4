"""`tinycog.write(..., verify=True)`: a file that is not what was written is an error."""

from __future__ import annotations

import io

import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog.errors import UsageError, WriteError
from tinycog.targets.file import FileTarget

RNG = np.random.default_rng(7)
PIXELS = RNG.integers(0, 60_000, (3, 301, 203)).astype(np.uint16)


def floats():
    pixels = PIXELS[0].astype(np.float32)
    pixels[10:20, 30:50] = np.nan
    pixels[0, :5] = -0.0
    return pixels


def masked():
    return np.ma.MaskedArray(PIXELS, PIXELS[:1].repeat(3, 0) < 20_000)


CASES = {
    "deflate": (PIXELS, {}),
    "bands": (PIXELS, {"interleave": "band", "compression": "zstd", "predictor": 2}),
    "tile": (PIXELS, {"interleave": "tile", "compression": "lzw"}),
    "big-endian": (PIXELS.astype(">u2"), {"byte_order": ">", "bigtiff": True}),
    "factors": (PIXELS, {"overviews": [4]}),
    "floats": (floats(), {"predictor": 3}),
    "lerc": (floats(), {"compression": "lerc_zstd"}),
    "complex": (floats() + 1j * floats(), {}),
    "mask": (masked(), {"mask": "internal"}),
    "nodata": (np.ma.maximum(masked(), 1), {"nodata": 0}),
    "alpha": (masked(), {"mask": "alpha"}),
    "sparse": (np.zeros((500, 300), np.int16), {"sparse": True}),
    "sparse-nan": (np.full((500, 300), np.nan), {"sparse": True, "nodata": np.nan}),
    "bits": ((PIXELS % 16).astype(np.uint8), {"bits": 4, "predictor": 1}),
    "jpeg": ((PIXELS >> 8).astype(np.uint8), {"compression": "jpeg"}),
    "jpeg-mask": (masked().astype(np.uint8), {"compression": "jpeg", "mask": "internal"}),
    "webp": ((PIXELS >> 8).astype(np.uint8), {"compression": "webp", "lossless": True}),
    "jxl": (PIXELS, {"compression": "jxl", "lossless": True}),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_was_written_is_read_back(case, tmp_path):
    pixels, options = CASES[case]
    options = {"blocksize": 64, "overview_resampling": "average", **options}

    done = await tinycog.write(tmp_path / "a.tif", pixels, verify=True, **options)
    plain = await tinycog.write(bytes, pixels, **options)

    assert (tmp_path / "a.tif").read_bytes() == plain.data
    assert done.length == plain.length


async def test_bytes_are_read_back():
    assert (await tinycog.write(bytes, PIXELS, verify=True)).data


@pytest.fixture
def corrupted(monkeypatch):
    """Change a byte of a tile once a file is written."""
    place = {}
    finish = FileTarget.finish

    async def finish_and_corrupt(self, head, length):
        await finish(self, head, length)
        z, x, y = place["tile"]
        async with tinycog.open(self.name) as cog:
            (found,) = [
                one
                for one in await cog.tile_ranges(z)
                if (one.x, one.y) == (x, y) and one.plane == 0
            ]
        with open(self.name, "r+b") as file:  # noqa: ASYNC230, PTH123
            file.seek(found.offset + found.length // 2)
            byte = file.read(1)
            file.seek(-1, io.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x10]))

    monkeypatch.setattr(FileTarget, "finish", finish_and_corrupt)
    return place


@pytest.mark.parametrize("compression", ["none", "deflate", "lzw", "zstd"])
@pytest.mark.parametrize("tile", [(0, 2, 3), (1, 1, 0), (3, 0, 0)])
async def test_a_tile_that_was_changed_is_named(compression, tile, corrupted, tmp_path):
    corrupted["tile"] = tile
    options = {"compression": compression, "blocksize": 64}
    z, x, y = tile

    with pytest.raises(
        WriteError, match=rf"a\.tif was written, but level {z}, tile x={x}, y={y}:"
    ) as e:
        await tinycog.write(tmp_path / "a.tif", PIXELS, verify=True, **options)
    assert (e.value.level, e.value.x, e.value.y) == tile


async def test_what_cannot_be_read_back_is_refused_before_a_byte(tmp_path):
    file = io.BytesIO()
    with pytest.raises(UsageError, match="verify=True reads the file back"):
        await tinycog.write(file, PIXELS, verify=True)
    assert file.getvalue() == b""
    with pytest.raises(UsageError, match="verify"):
        await tinycog.write(FileTarget(tmp_path / "a.tif"), PIXELS, verify=True)
    assert list(tmp_path.iterdir()) == []
