"""Depths of validation: what each costs, what it finds, and what it cannot know."""

# pyright: reportArgumentType=false
from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from huge_cog import HugeCog

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.errors import UsageError
from tinycog.testing import Directory, Field, RangeServer, make_image, make_tiff
from tinycog.tiff.spec import Tag
from tinycog.validator.profiles import PROFILES

PIXELS = np.add.outer(np.arange(600), np.arange(1100)).astype(np.uint16)[None]
PLACE = {"crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6)}

HUGE = HugeCog(1 << 19, 256, padding=30_000)
"""2048 x 2048 tiles at level 0, 166 GB."""


def write(pixels: np.ndarray = PIXELS, **options: object) -> bytes:
    return tinycog.sync.write(bytes, pixels, **{"blocksize": 128, **PLACE, **options}).data


GOOD = write()


def tile_range(data: bytes, z: int, tile: int) -> tinycog.TileRange:
    return tinycog.sync.open(data).tile_ranges(z)[tile]


def spoilt(data: bytes, *tiles: tuple[int, int]) -> bytes:
    """The file with the middle of some tiles (level, tile) overwritten."""
    changed = bytearray(data)
    for z, tile in tiles:
        place = tile_range(data, z, tile)
        at = place.offset + place.length // 2
        changed[at : at + 8] = b"\xff" * 8
    return bytes(changed)


def findings(report: tinycog.ValidationReport, rule: str) -> list[tinycog.RuleFinding]:
    return [one for one in report.findings if one.rule == rule]


# --- header --------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_header_of_166_gb_and_5_million_tiles_costs_4_requests(profile):
    async with RangeServer({"a.tif": HUGE}) as server:
        report = await tinycog.validate(server.url("a.tif"), profile)
        asked = [(line.start or 0, line.stop or 0) for line in server.log]
    assert len(asked) <= 4
    assert sum(stop - start for start, stop in asked) <= 200_000
    assert report.depth == "header"
    assert report.judged == "12 levels"
    if profile in ("gdal", "rio-cogeo"):  # first blocks of 12 levels lie in 12 places
        assert "fail" not in report.verdicts.values()
        assert "unknown" in report.verdicts.values()


def far(count: int, gap: int = 100_000) -> bytes:
    """A TIFF whose IFDs lie far apart behind the pixels of the first: each a smaller level."""
    sides = [512 >> z for z in range(count)]
    directories = [
        make_image(np.zeros((1, side, side), np.uint8), tile=(64, 64)).having(
            Field(Tag.NewSubfileType, "LONG", int(z > 0))
        )
        for z, side in enumerate(sides)
    ]
    from tinycog.testing import Layout  # noqa: PLC0415 - beside what uses it

    return make_tiff(directories, layout=Layout("ifds-first", gap=gap))


async def test_ifds_far_apart_cost_one_more_request_each():
    data = far(4)
    async with RangeServer({"a.tif": data}) as server:
        report = await tinycog.validate(server.url("a.tif"), "gdal")
        assert report.judged == "4 levels"
        assert len(server.log) <= 4 + 4


async def test_reading_stops_at_the_first_ifd_behind_pixels():
    """As gdaladdo leaves a file: overviews at its end."""
    page = make_image(np.zeros((1, 64, 64), np.uint8), tile=(64, 64))
    first = make_tiff([make_image(np.zeros((1, 512, 512), np.uint8), tile=(64, 64), compression=1)])
    assert len(first) > 1 << 15
    ifd = tinycog.sync.open(first).pages[0].ifd
    end = len(first) + len(first) % 2
    other = make_tiff([page])
    rest = bytearray(other)
    link = ifd.offset + 2 + 12 * len(ifd.entries)
    data = bytearray(first.ljust(end, b"\0"))
    data[link : link + 4] = struct.pack("<I", end + 8)
    data += rest
    async with RangeServer({"a.tif": bytes(data)}) as server:
        report = await tinycog.validate(server.url("a.tif"), "earth-engine")
        assert len(server.log) == 1
        assert report.verdicts == {"must": "fail", "best": "unknown"}
        assert {one.rule for one in report.findings if one.severity == "error"} == {"ee/ifds-first"}
        assert report.judged == "1 level; not all IFDs"
        await tinycog.validate(server.url("a.tif"), "gdal")
        assert len(server.log) > 2  # the others read on


async def test_what_a_limit_keeps_from_being_read_is_unknown():
    cog = tinycog.open(far(6), limits=tinycog.Limits(header_requests=2))
    report = await tinycog.validate(cog, "earth-engine-upload")
    assert report.verdicts == {"upload": "unknown"}
    assert report.findings[0].rule == "file/all-ifds"

    tight = tinycog.open(GOOD, limits=tinycog.Limits(index_bytes=16))
    report = await tinycog.validate(tight, "tiff", depth="tiles")
    assert set(report.verdicts.values()) == {"unknown"}
    assert "Limits.index_bytes" in report.findings[0].message


# --- tiles ---------------------------------------------------------------------------------------


async def test_the_index_of_a_remote_file_is_read_once_and_in_pieces():
    huge = HugeCog(1 << 14, 16)
    tiles = sum(level.tiles for level in huge.levels)
    async with RangeServer({"a.tif": huge}) as server:
        report = await tinycog.validate(server.url("a.tif"), "gdal", depth="tiles")
        received = sum((line.stop or 0) - (line.start or 0) for line in server.log)
    assert report.verdicts == {"structure": "pass", "blocks": "pass"}
    assert received <= huge.size + 12 * tiles + (1 << 20)
    assert len(server.log) <= received // (1 << 20) + 20


def test_blocks_of_which_all_leaders_are_wrong_are_counted(tmp_path):
    huge = HugeCog(1 << 11, 16)
    data = bytearray(huge.read(0, huge.size))
    level = huge.levels[0]
    for offset in huge.offsets(0, np.arange(level.tiles)).tolist():
        data[offset - 4] ^= 0xFF
    (tmp_path / "a.tif").write_bytes(data)
    report = tinycog.sync.validate(tmp_path / "a.tif", "gdal", depth="tiles")
    (finding,) = findings(report, "gdal/leader")
    assert f"and {level.tiles - 1} more" in finding.message


# --- full ----------------------------------------------------------------------------------------


def test_broken_tiles_are_named():
    data = spoilt(GOOD, (0, 20), (1, 3))
    assert tinycog.sync.validate(data, "ogc-cog", depth="tiles").passed
    report = tinycog.sync.validate(data, "ogc-cog", depth="full")
    assert report.verdicts["pixels"] == "fail"
    found = findings(report, "file/decodes")
    assert [one.message.partition(" is broken")[0] for one in found] == [
        "level 0, tile x=2, y=2",
        "level 1, tile x=3, y=0",
    ]
    assert [one.offset for one in found] == [
        tile_range(GOOD, 0, 20).offset,
        tile_range(GOOD, 1, 3).offset,
    ]
    assert all(one.ifd is not None for one in found)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "none"},
        {"compression": "lzw", "interleave": "band"},
        {"mask": "internal"},
        {"sparse": True},
        {"bigtiff": True, "compression": "zstd"},
    ],
)
@pytest.mark.parametrize("profile", ["gdal", "tiff"])
def test_files_by_the_writer_are_whole(options, profile):
    pixels = np.ma.MaskedArray(PIXELS, mask=PIXELS < 300) if "mask" in options else PIXELS
    if options.get("interleave"):
        pixels = np.concatenate([PIXELS, PIXELS + 1])
    report = tinycog.sync.validate(write(pixels, **options), profile, depth="full")
    assert report.passed, report
    assert [one for one in report.findings if one.severity != "note"] == []


def test_files_of_others_are_whole():
    for path in sorted(Path(__file__).parent.parent.glob("fixtures/files/*.tif")):
        report = tinycog.sync.validate(path, "tiff", depth="full")
        is_unsafe = "jpegxr" in path.name
        assert report.verdicts["pixels"] == ("unknown" if is_unsafe else "pass"), report


def test_a_file_that_was_cut_off():
    data = write(compression="none")
    place = tile_range(data, 0, 40)
    report = tinycog.sync.validate(data[: place.offset + 10], "tiff", depth="full")
    cog = tinycog.sync.open(data)
    tiles = cog.levels[0].grid[0] * cog.levels[0].grid[1] - 40
    found = findings(report, "file/decodes")
    assert len(found) == tiles
    assert found[0].message.startswith("level 0, tile x=4, y=4 is broken: tile 40 lies at bytes")


def test_an_index_without_byte_counts():
    image = make_image(PIXELS[:, :64, :64], tile=(64, 64)).without(Tag.TileByteCounts)
    for profile in PROFILES:
        report = tinycog.sync.validate(make_tiff([image]), profile, depth="full")
        assert report.verdicts["pixels"] == "pass"


def test_progress_counts_tiles():
    seen: list[tuple[int, int]] = []
    tinycog.sync.validate(GOOD, "gdal", depth="full", progress=lambda *one: seen.append(one))
    cog = tinycog.sync.open(GOOD)
    total = sum(level.grid[0] * level.grid[1] for level in cog.levels)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_ifd_that_is_named_many_times_is_judged_once():
    image = make_image(PIXELS[:, :128, :128], tile=(64, 64))
    data = make_tiff([image.having(Field(Tag.SubIFDs, "LONG", [8] * 500))])
    seen: list[tuple[int, int]] = []
    tinycog.sync.validate(data, "tiff", depth="full", progress=lambda *one: seen.append(one))
    assert tinycog.sync.open(data).levels[0].image.ifd.offset == 8
    assert seen[-1] == (4, 4)


def test_a_whole_file_is_read_once():
    async def costs() -> tuple[int, int]:
        async with RangeServer({"a.tif": GOOD}) as server:
            await tinycog.validate(server.url("a.tif"), "gdal", depth="full")
            lines = [(line.start or 0, min(line.stop or 0, len(GOOD))) for line in server.log]
            return len(lines), sum(stop - start for start, stop in lines)

    import asyncio  # noqa: PLC0415 - beside what uses it

    requests, received = asyncio.run(costs())
    assert received <= 1.1 * len(GOOD)
    assert requests <= 12


def with_offset(data: bytes, z: int, tile: int, offset: int) -> bytes:
    entry = tinycog.sync.open(data).levels[z].image.offsets
    assert entry is not None
    changed = bytearray(data)
    struct.pack_into("<I", changed, entry.offset + 4 * tile, offset)
    return bytes(changed)


def test_a_displaced_tile_is_found_though_no_order_is_declared():
    """A tile of level 0 that lies at the end of the file, and one among those of level 1."""
    plain = write().replace(b"BLOCK_ORDER=ROW_MAJOR", b"BLOCK_ORDXR=ROW_MAJOR")
    end = with_offset(plain, 0, 7, len(plain)) + bytes(tile_range(plain, 0, 7).length)
    for data in (end, with_offset(plain, 0, 7, tile_range(plain, 1, 2).offset)):
        report = tinycog.sync.validate(data, "tiff", depth="tiles")
        assert findings(report, "tiff/block-order")
    report = tinycog.sync.validate(data, "ogc-cog", depth="tiles")
    assert findings(report, "/rec/geotiff-overviews/ifd-order")
    assert not findings(tinycog.sync.validate(data, "ogc-cog"), "/rec/geotiff-overviews/ifd-order")


def test_a_block_with_a_place_and_no_bytes():
    report = tinycog.sync.validate(with_offset(GOOD, 0, 7, 0), "tiff", depth="tiles")
    (finding,) = findings(report, "tiff/block-stored")
    assert finding.message.startswith("block 7 of level 0 has offset 0 and byte count ")


def test_a_codec_that_there_is_not_leaves_it_open():
    image = make_image(np.zeros((1, 64, 64), np.uint8), tile=(64, 64))
    data = make_tiff([image.having(Field(Tag.Compression, "SHORT", 40_000))])
    report = tinycog.sync.validate(data, "tiff", depth="full")
    assert report.verdicts["pixels"] == "unknown"
    (finding,) = findings(report, "file/decodes")
    assert "tiles of level 0 are not decoded" in finding.message


def test_tiles_that_share_their_bytes_are_decoded_once_or_not_for_ever():
    tile = bytes(64 * 64)
    count = 64 * 64
    fields = [
        Field(Tag.ImageWidth, "LONG", 64 * 64),
        Field(Tag.ImageLength, "LONG", 64 * 64),
        Field(Tag.BitsPerSample, "SHORT", 8),
        Field(Tag.Compression, "SHORT", 8),
        Field(Tag.PhotometricInterpretation, "SHORT", 1),
        Field(Tag.TileWidth, "LONG", 64),
        Field(Tag.TileLength, "LONG", 64),
    ]
    import zlib  # noqa: PLC0415 - beside what uses it

    stream = zlib.compress(tile)

    def of(step: int) -> bytes:
        offsets = [8 + i * step % 16 for i in range(count)]
        counts = [len(stream)] * count
        data = make_tiff(
            [
                Directory(
                    [
                        *fields,
                        Field(Tag.TileOffsets, "LONG", offsets),
                        Field(Tag.TileByteCounts, "LONG", counts),
                    ]
                )
            ]
        )
        at = struct.unpack_from("<I", data, 4)[0]
        assert at == 8
        return data

    seen: list[tuple[int, int]] = []
    tinycog.sync.validate(of(0), "tiff", depth="full", progress=lambda *one: seen.append(one))
    assert seen[-1] == (1, 1)
    tinycog.sync.validate(of(1), "tiff", depth="full", progress=lambda *one: seen.append(one))
    assert seen[-1] == (16, 16)


# --- files beside, and pages ---------------------------------------------------------------------


def test_files_beside_are_named_and_not_judged(tmp_path):
    path = tmp_path / "image.tif"
    path.write_bytes(write(overviews=[]))
    (tmp_path / "image.tif.ovr").write_bytes(write(PIXELS[:, ::2, ::2], overviews=[]))
    (tmp_path / "image.tif.msk").write_bytes(write(PIXELS.astype(np.uint8), overviews=[]))
    for where in (path, str(path), tinycog.sync.open(path), tinycog.sync.open(path, sidecars=True)):
        for depth in ("header", "tiles", "full"):
            report = tinycog.sync.validate(where, "gdal", depth=depth)
            assert report.judged == "1 level; not .ovr and .msk beside the file"
            assert "gdal/external-overviews" in {one.rule for one in report.findings}
            assert report.verdicts.get("pixels", "pass") == "pass"


@pytest.mark.parametrize("profile", PROFILES)
def test_files_of_many_pages(profile):
    pages = [make_image(np.full((1, 32, 32 + i), i, np.uint8), tile=(16, 16)) for i in range(5)]
    data = make_tiff(pages)
    report = tinycog.sync.validate(data, profile, depth="full")
    assert report.judged == "1 level, 4 other images"
    assert report.verdicts["pixels"] == "pass"
    page = tinycog.sync.open(data).page(2)
    report = tinycog.sync.validate(page, profile, depth="full")
    assert report.verdicts["pixels"] == "pass"


# --- the command line ----------------------------------------------------------------------------


def test_exit_codes(tmp_path, capsys):
    good, bad = tmp_path / "good.tif", tmp_path / "bad.tif"
    good.write_bytes(GOOD)
    bad.write_bytes(spoilt(GOOD, (0, 0)))
    command = ["validate", "--profile", "gdal"]
    assert main([*command, str(good), str(bad), "--tiles"]) == 0
    assert main([*command, str(good), "--full"]) == 0
    assert main([*command, str(good), str(bad), "--full"]) == 1
    capsys.readouterr()
    assert main([*command, str(tmp_path / "none.tif"), str(good)]) == 1
    out, err = capsys.readouterr()
    assert "there is no such file" in err
    assert "good.tif: passed" in out
    for wrong in (["--profile", "cog"], ["--tiles", "--full"]):
        try:
            status: object = main([*command, str(good), *wrong])
        except SystemExit as exited:  # of argparse
            status = exited.code
        assert status == 2


def test_a_depth_that_there_is_not():
    with pytest.raises(UsageError, match='depth is "header", "tiles" or "full", not \'all\''):
        tinycog.sync.validate(GOOD, depth="all")


MEMORY = """
import asyncio, resource, sys
import tinycog, tinycog.sync
from huge_cog import HugeCog

sys.path.insert(0, {tests!r})
from tinycog.testing import serve_in_thread

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

small = HugeCog(1 << 11, 16)
with serve_in_thread({{"a.tif": HugeCog(1 << 19, 256, padding=30_000), "b.tif": small}}) as server:
    for profile in ("tiff", "gdal"):
        tinycog.sync.validate(server.url("b.tif"), profile)
    before = peak()
    for profile in ("tiff", "gdal", "ogc-cog", "earth-engine"):
        tinycog.sync.validate(server.url("a.tif"), profile)
    print((peak() - before) >> 10)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resident memory is told by Unix")
def test_the_header_of_a_huge_file_takes_little_memory():
    tests = str(Path(__file__).parent)
    code = MEMORY.format(tests=tests)
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{Path(tinycog.__file__).parent.parent}:{tests}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 32
