"""What once went wrong and must not again: cold starts, odd sources, hostile texts and streams."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import fsspec
import imagecodecs
import numpy as np
import pytest
from conftest import fixture_path
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

import tinycog
from tinycog.cli import main
from tinycog.errors import SourceError, TileIndexError, TinycogError
from tinycog.fetch.coalesce import coalesce
from tinycog.testing import (
    Fault,
    Field,
    Layout,
    RangeServer,
    flaws,
    make_image,
    make_pyramid,
    make_tiff,
    serve_in_thread,
)
from tinycog.tiff.nodata import nodata_value
from tinycog.tiff.ranges import ByteRange
from tinycog.tiff.spec import Tag

PIXELS = np.arange(200 * 300, dtype=np.uint16).reshape(1, 200, 300)
DATA = make_tiff(make_pyramid(PIXELS, (2, 4, 8), tile=(64, 64)))
FAR = make_tiff(make_pyramid(PIXELS, (2, 4, 8), tile=(64, 64)), layout=Layout(gap=40_000))


SCRIPTS = {
    "threads": """
import threading
def work():
    asyncio.run(tinycog.open(url).read_tile(0, 1, 2))
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
""",
    "several handles at once": """
async def main():
    await asyncio.gather(*(tinycog.open(url).read_tile(0, x, 2) for x in range(5)))
asyncio.run(main())
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_nothing_is_warned_of(name):
    with serve_in_thread({"a.tif": FAR}, latency=0.002) as server:
        script = f"import asyncio, sys, tinycog\nurl = sys.argv[1]\n{SCRIPTS[name]}"
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", script, server.url("a.tif")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own script
    noise = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    assert (done.returncode, done.stdout, noise) == (0, "", [])


async def test_bytes_in_memory_are_never_written_to():
    data = bytearray(DATA)
    tile = await tinycog.open(data).read_tile(0, 0, 0)
    tile.data[:] = 0
    assert data == DATA


async def test_pixels_do_not_change_with_the_bytes_they_came_from():
    data = bytearray(DATA)
    tile = await tinycog.open(data).read_tile(0, 0, 0)
    data[:] = bytes(len(data))
    np.testing.assert_array_equal(tile.data, PIXELS[:, :64, :64])


async def test_a_negative_level_is_told_all_levels_there_are():
    with pytest.raises(TileIndexError) as caught:
        await tinycog.open(FAR).read_tile(-1, 0, 0)
    assert str(caught.value) == "level -1 does not exist (levels 0 to 3, 0 = full resolution)"


async def test_a_raster_is_not_copied_where_numpy_may_not():
    raster = await tinycog.open(DATA).read_tile(0, 0, 0)
    with pytest.raises(ValueError, match="copy"):
        np.array(raster, np.float32, copy=False)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("text", ["1e999999", "1e99999999999999999999", "1e-99999999999999999999"])
def test_an_exponent_without_measure_is_no_integer(text):
    assert nodata_value(text, np.dtype("uint8")) in (None, 0)


async def test_values_beyond_the_last_tile_are_not_read():
    image = make_image(PIXELS, tile=(64, 64))
    offsets = next(field for field in image.fields if field.tag == Tag.TileOffsets)
    data = make_tiff([image.having(replace(offsets, count=4000))], layout="values-apart")
    assert await tinycog.open(data).read_tile_bytes(0, 0, 0) == image.tiles[0]


def test_a_range_that_is_wanted_twice_is_asked_once_however_long_it_is():
    assert len(coalesce([ByteRange(0, 10)] * 2, gap_bytes=0, request_bytes=5)) == 1


async def test_an_asynchronous_file_system_is_awaited_in_the_callers_loop(tmp_path):
    (tmp_path / "a.tif").write_bytes(DATA)
    wrapper = pytest.importorskip("fsspec.implementations.asyn_wrapper")  # fsspec 2024.12
    fs = wrapper.AsyncFileSystemWrapper(LocalFileSystem(), asynchronous=True)
    assert len((await tinycog.open(str(tmp_path / "a.tif"), fs=fs)).levels) == 4


async def test_a_folder_of_a_synchronous_file_system_is_read(tmp_path):
    (tmp_path / "a.tif").write_bytes(DATA)
    fs = DirFileSystem(str(tmp_path), fs=LocalFileSystem())
    assert len((await tinycog.open("a.tif", fs=fs)).levels) == 4


@pytest.mark.parametrize("text", [None, "no zip"], ids=["missing", "broken"])
async def test_an_archive_that_cannot_be_opened_is_an_error_of_ours(tmp_path, text):
    if text is not None:
        (tmp_path / "a.zip").write_text(text)
    with pytest.raises(TinycogError):
        await tinycog.open(f"zip://a.tif::{tmp_path}/a.zip")


class Failing(fsspec.AbstractFileSystem):
    cachable = False

    def cat_file(self, path, start=None, end=None, **_):  # noqa: ARG002 - fsspec's signature
        raise RuntimeError("what the client library raises")  # aiohttp's, botocore's, ...


async def test_whatever_a_file_system_raises_is_an_error_of_ours():
    with pytest.raises(SourceError, match="what the client library raises"):
        await tinycog.open("a.tif", fs=Failing())


LINK = make_tiff(
    flaws.link_beyond_end(make_pyramid(PIXELS, tile=(64, 64))), layout=Layout(gap=20_000)
)


@pytest.mark.parametrize("kind", ["fsspec", "http"])
async def test_a_link_beyond_the_end_is_a_finding_even_if_the_size_is_not_told(kind):
    memory: Any = fsspec.filesystem("memory")
    memory.pipe("/link.tif", LINK)
    async with RangeServer({"link.tif": LINK}, faults=[Fault.no_total(times=None)]) as server:
        where = "memory://link.tif" if kind == "fsspec" else server.url("link.tif")
        cog = await tinycog.open(where)
    assert len(cog.levels) == 3
    assert [finding.rule for finding in cog.findings] == ["tiff.ifd.unreadable"]


async def test_a_file_url_is_unquoted(tmp_path):
    (tmp_path / "a b.tif").write_bytes(DATA)
    assert len((await tinycog.open((tmp_path / "a b.tif").as_uri())).levels) == 4


async def test_an_empty_object_is_no_tiff():
    async with RangeServer({"a.tif": b""}) as server:
        with pytest.raises(tinycog.NotTiffError):
            await tinycog.open(server.url("a.tif"))


@pytest.mark.skipif(sys.platform != "linux", reason="has no such file")
async def test_a_device_is_an_error_of_ours():
    with pytest.raises(TinycogError):
        await tinycog.open("/dev/zero")


# --- test_decode / test_limits -------------------------------------------------------------------
def test_a_lerc_blob_larger_than_the_limit_is_refused_before_it_is_decoded():
    blob = imagecodecs.lerc_encode(np.zeros((12_000, 12_000), np.uint8))
    image = make_image(
        np.zeros((1, 64, 64), np.uint8),
        tile=(64, 64),
        extra=[
            Field(Tag.Compression, "SHORT", 34887),
            Field(Tag.TileByteCounts, "LONG", len(blob)),
        ],
    )
    data = make_tiff([replace(image, tiles=[blob])])
    script = (
        "import asyncio, resource, sys, tinycog, tinycog.decode as _\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "async def main():\n"
        "    try: await tinycog.open(sys.stdin.buffer.read()).read_tile(0, 0, 0)\n"
        "    except tinycog.TinycogError: pass\n"
        "asyncio.run(main())\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], input=data, capture_output=True, check=True
    )
    assert int(done.stdout) < 60


def test_a_hostile_jpeg_xr_does_not_kill_the_process():
    script = (
        "import asyncio, sys, tinycog\n"
        "data = bytearray(open(sys.argv[1], 'rb').read()); data[8329] = 237\n"
        "try: asyncio.run(tinycog.open(bytes(data)).read_tile(0, 1, 1))\n"
        "except tinycog.TinycogError: pass\n"
    )
    path = str(fixture_path("tifffile-jpegxr-rgb"))
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == 0  # noqa: S603 - our own script


async def test_what_the_wrapped_libtiff_raises_is_an_error_of_ours():
    image = make_image(
        np.zeros((1, 16, 16), np.uint16),
        tile=(16, 16),
        extra=[
            Field(Tag.Compression, "SHORT", 32809),
            Field(Tag.PhotometricInterpretation, "SHORT", 6),
            Field(Tag.TileByteCounts, "LONG", 4),
        ],
    )
    with pytest.raises(TinycogError):
        await tinycog.open(make_tiff([replace(image, tiles=[bytes(4)])])).read_tile(0, 0, 0)


@pytest.mark.parametrize("bands", [1, 3])
def test_a_tile_of_one_row_is_a_picture_of_one_row(bands, tmp_path):
    (tmp_path / "a.tif").write_bytes(make_tiff([make_image(np.zeros((bands, 1, 50), np.uint8))]))
    assert (
        main(["tile", str(tmp_path / "a.tif"), "0", "0", "0", "--out", str(tmp_path / "a.png")])
        == 0
    )
    picture = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    assert picture.reshape(*picture.shape[:2], -1).shape == (1, 50, bands)


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_a_file_that_cannot_be_written_is_one_line_and_exit_status_2(name, tmp_path, capsys):
    where = str(fixture_path("cog-deflate-u8"))
    assert main(["tile", where, "0", "0", "0", "--out", str(tmp_path / "no" / name)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tinycog: ")
