"""The command line: what it prints, what it writes, and errors in one line."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from conftest import fixture_path

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.commands import progress
from tinycog.testing import Fault, make_image, make_tiff, serve_in_thread

U8 = str(fixture_path("cog-deflate-u8"))
DEMO = resources.files("tinycog").joinpath("data", "demo.tif").read_bytes()


def pixels_of(where: str | bytes, z: int, x: int, y: int) -> np.ndarray:
    return asyncio.run(tinycog.open(where).read_tile(z, x, y)).data


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# --- demo ----------------------------------------------------------------------------------------


def test_the_demo_writes_a_picture(tmp_path):
    assert main(["demo", "--latency-ms", "1"]) == 0
    picture = imagecodecs.png_decode((tmp_path / "demo.png").read_bytes())
    np.testing.assert_array_equal(picture.transpose(2, 0, 1), pixels_of(DEMO, 2, 0, 0))
    assert picture.shape == (256, 256, 3)


def test_the_demo_says_what_it_read_and_at_which_cost(capsys):
    main(["demo", "--latency-ms", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"serving demo.tif ({len(DEMO):,} bytes) at http://127.0.0.1:")
    assert "tile = await tinycog.open(url).read_tile(0, 1, 1)" in lines
    assert "  <Level 0: (3, 1024, 1024) uint8, 4 x 4 tiles of 256 x 256, JPEG (7)>" in lines
    assert "  <Level 2: (3, 256, 256) uint8, 1 x 1 tiles of 256 x 256, JPEG (7)>" in lines
    assert any(line.startswith("  request 1: bytes 0 to 32,768 (32,768 came)") for line in lines)
    stored = asyncio.run(tinycog.open(DEMO).read_tile_bytes(0, 1, 1))
    assert f"  2 requests, {32_768 + len(stored or b''):,} bytes" in lines
    assert "  0 requests, 0 bytes" in lines
    assert lines[-1] == "wrote demo.png"


def test_the_picture_of_the_demo_may_go_elsewhere(tmp_path):
    assert main(["demo", "--latency-ms", "0", "--out", "small.png"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["small.png"]


# --- info ----------------------------------------------------------------------------------------


def test_info_says_what_a_file_holds(capsys):
    assert main(["info", U8]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{U8}: {fixture_path('cog-deflate-u8').stat().st_size:,} bytes"
    assert lines[1] == "  image     300 x 260 pixels, 1 band of uint8"
    at = lines.index("levels")
    assert lines[at + 1 : at + 4] == [
        "  0  300 x 260, 9 tiles of 128 x 128, DEFLATE (8)",
        "  1  150 x 130, 4 tiles of 128 x 128, DEFLATE (8)",
        "  2  75 x 65, 1 tile of 128 x 128, DEFLATE (8)",
    ]


def test_info_says_where_a_file_lies_and_what_its_samples_mean(capsys):
    pytest.importorskip("pyproj", reason="pyproj is not installed")
    assert main(["info", str(fixture_path("cog-metadata"))]) == 0
    out = capsys.readouterr().out
    cog = tinycog.sync.open(fixture_path("cog-metadata"))
    assert f"  CRS       {cog.crs}" in out
    assert "  bounds    " in out
    assert "  centre    longitude " in out
    assert "sample * " in out
    assert main(["info", str(fixture_path("tiled-gcps"))]) == 0
    assert "ground control points" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cog-mask-rgb", "by a mask for all bands"),
        ("cog-alpha-rgba", "by alpha"),
        (None, "by nodata"),
    ],
)
def test_info_says_which_pixels_are_valid(name, text, capsys, tmp_path):
    path = tmp_path / "a.tif"
    if name is None:
        tinycog.sync.write(path, np.zeros((1, 20, 20), np.uint8), nodata=3)
    assert main(["info", str(path if name is None else fixture_path(name))]) == 0
    assert text in capsys.readouterr().out


def test_info_reads_urls_and_says_what_that_cost(capsys):
    with serve_in_thread({"a.tif": fixture_path("cog-deflate-u8")}) as server:
        assert main(["info", server.url("a.tif"), "--tags", "--ghost", "--layout"]) == 0
        (line,) = server.log
    assert capsys.readouterr().out.splitlines()[-1] == f"read by 1 request, {line.sent:,} bytes"


def test_bytes_that_came_though_they_were_not_requested_are_counted(capsys):
    whole = Fault.ignore_range(times=None)
    with serve_in_thread({"a.tif": DEMO}, faults=[whole]) as server:
        assert main(["info", server.url("a.tif")]) == 0
        (line,) = server.log
    assert capsys.readouterr().out.splitlines()[-1] == f"read by 1 request, {line.sent:,} bytes"


def test_info_lists_further_pages(capsys):
    assert main(["info", str(fixture_path("tifffile-pages"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:16] for line in lines if "Page" in line] == [
        "  <Page 1: page,",
        "  <Page 2: page,",
    ]


def test_info_tells_what_is_odd(capsys, tmp_path):
    image = make_image(np.zeros((1, 50, 50), np.uint8), tile=(20, 20))
    (tmp_path / "odd.tif").write_bytes(make_tiff([image]))
    assert main(["info", "odd.tif"]) == 0
    assert (
        "  tiles are 20 by 20 pixels, not multiples of 16 [tiff.tile.multiple]"
        in capsys.readouterr().out.splitlines()
    )


def test_info_lists_tags_and_what_gdal_says_of_the_layout(capsys):
    assert main(["info", U8, "--tags", "--ghost"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  LAYOUT = IFDS_BEFORE_DATA" in lines
    assert any(line.startswith("IFD 1 at byte ") and line.endswith(": level 1") for line in lines)
    assert any(re.match(r"  ImageWidth +(SHORT|LONG) x 1 +300$", line) for line in lines)


def test_info_draws_where_bytes_lie(capsys, tmp_path):
    assert main(["info", U8, "--layout", "--ascii"]) == 0
    out = capsys.readouterr().out
    assert "| 0 pixels of level 0" not in out
    assert re.search(r"^ *0 \|[A-Za-z0-9.]+\|$", out, re.MULTILINE)
    assert "  0 pixels of level 0, 9 blocks" in out
    assert main(["info", U8, "--svg", "a.svg"]) == 0
    picture = (tmp_path / "a.svg").read_text("utf-8")
    assert capsys.readouterr().out.splitlines()[-1] == "wrote a.svg"
    assert main(["info", U8, "--svg", "-"]) == 0
    assert capsys.readouterr().out == picture


def test_a_terminal_of_ascii_gets_ascii(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert main(["info", str(fixture_path("cog-metadata")), "--layout"]) == 0
    sys.stdout.flush()
    assert b"0 pixels of level 0" in sys.stdout.buffer.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_info_as_a_document(capsys):
    assert main(["info", U8, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [260, 300]
    assert main(["info", U8, "--json", "--tags", "--ghost", "--layout"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ifds"][1]["tags"]["NewSubfileType"] == [1]
    assert document["ghost"]["LAYOUT"] == "IFDS_BEFORE_DATA"
    assert document["layout"]["segments"][0]["label"] == "header"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--svg a.png", "cannot write a.png: expected a name that ends with .svg"),
        ("--svg no/a.svg", "there is no folder no: make it first"),
        ("--svg - --json", "--svg - writes the picture alone to stdout"),
        ("--whole", "--whole is of --layout and --svg"),
        ("--ascii", "--ascii is of the picture that --layout draws"),
        ("--layout --json --ascii", "--ascii is of the picture"),
    ],
)
def test_options_without_use_are_refused_before_anything_is_read(options, message, capsys):
    with serve_in_thread({}) as server:
        assert main(["info", server.url("a.tif"), *options.split()]) == 2
        assert server.log == []
    assert message in capsys.readouterr().err


# --- tile ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cog-deflate-u8", "cog-zstd-f32-p3", "cog-10-bands-u16"])
def test_a_tile_is_written_as_an_array(name):
    path = str(fixture_path(name))
    assert main(["tile", path, "0", "1", "0", "--out", "a.npy"]) == 0
    np.testing.assert_array_equal(np.load("a.npy"), pixels_of(path, 0, 1, 0))


@pytest.mark.parametrize(
    "name",
    ["cog-deflate-u8", "tiled-u16", "cog-mask-rgb", "cog-alpha-rgba", "tiled-gray-alpha-u16"],
)
def test_a_tile_is_written_as_a_picture(name, tmp_path):
    path = str(fixture_path(name))
    assert main(["tile", path, "0", "0", "0", "--out", "a.png"]) == 0
    picture = imagecodecs.png_decode((tmp_path / "a.png").read_bytes())
    expected = pixels_of(path, 0, 0, 0)
    assert picture.dtype == expected.dtype
    picture = picture.reshape(*picture.shape[:2], -1)
    np.testing.assert_array_equal(picture.transpose(2, 0, 1), expected)


def test_a_tile_is_a_picture_called_tile_if_nothing_is_said(tmp_path, capsys):
    assert main(["tile", U8, "1", "0", "0"]) == 0
    assert (tmp_path / "tile.png").exists()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("<Raster (1, 128, 128) uint8, level 1, Window(")
    assert lines[-1] == "wrote tile.png"


# --- cogify --------------------------------------------------------------------------------------


async def test_cogify_writes_what_write_does(tmp_path, capsysbinary):
    given = (
        "--compression zstd --level 5 --blocksize 128 --overviews 2,4 --nodata 0 --memory 200MiB"
    )
    arguments = ["cogify", U8, "a.tif", *given.split(), "--no-sparse", "--verify"]
    assert await asyncio.to_thread(main, arguments) == 0
    out, err = capsysbinary.readouterr()
    expected = await tinycog.write(
        bytes,
        tinycog.open(U8),
        compression="zstd",
        level=5,
        blocksize=128,
        overviews=(2, 4),
        nodata=0,
    )
    assert (tmp_path / "a.tif").read_bytes() == expected.data
    assert out.startswith(b"wrote a.tif: %s bytes, 3 levels, in " % f"{expected.length:,}".encode())
    assert b"memory at most " in out
    assert b"spool at most " in out
    assert err == b""  # no progress where stderr is no terminal


def test_cogify_writes_to_stdout(tmp_path):
    assert main(["cogify", U8, "a.tif", "--quiet"]) == 0
    command = [sys.executable, "-m", "tinycog", "cogify", U8, "-"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603 - ours
    assert (done.returncode, done.stdout) == (0, (tmp_path / "a.tif").read_bytes())
    assert done.stderr.startswith(b"wrote <stdout>: ")


def test_nodata_of_64_bits_is_exact(capsys):
    nodata = (1 << 53) + 1  # no float
    pixels = np.full((20, 20), nodata, np.int64)
    pixels[0, 0] = 5
    tinycog.sync.write("a.tif", pixels)

    assert main(["cogify", "a.tif", "b.tif", "--quiet", "--nodata", str(nodata)]) == 0

    with tinycog.sync.open("b.tif") as cog:
        assert cog.nodata == nodata
        assert np.count_nonzero(cog.read().mask) == 1
    assert main(["info", "b.tif"]) == 0
    assert f" {nodata}\n" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_cogify_writes_to_a_pipe_by_name(tmp_path):
    assert main(["cogify", U8, "a.tif", "--quiet"]) == 0
    whole = (tmp_path / "a.tif").read_bytes()
    os.mkfifo("pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_bytes)
        assert main(["cogify", U8, "pipe", "--quiet"]) == 0
        assert read.result() == whole
    if Path("/dev/stdout").exists():
        command = [sys.executable, "-m", "tinycog", "cogify", U8, "/dev/stdout"]
        assert subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout == whole  # noqa: S603


def test_cogify_is_silent_if_asked(capsys):
    assert main(["cogify", U8, "a.tif", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_cogify_shows_how_far_it_is_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0)
    assert main(["cogify", U8, "a.tif", "--blocksize", "16"]) == 0
    err = capsys.readouterr().err
    assert "% of 0.1 million pixels, " in err
    assert err.endswith("\r")
    assert main(["cogify", U8, "a.tif", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_plan_of_cogify_writes_nothing(tmp_path, capsys):
    assert main(["cogify", U8, "a.tif", "--plan"]) == 0
    first, memory, spool, levels = capsys.readouterr().out.splitlines()
    assert first.startswith("1 pass over the source, by rows of tiles (")
    assert memory.endswith(" MiB of 256 MiB")
    assert spool.startswith("spool at most ")
    assert levels == "1 tiles, levels 300 x 260"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ("--compression zip", 2, "compression is one of 'none', "),
        ("--memory lots", 2, "expected bytes, such as 268435456 or 256MiB, not 'lots'"),
        ("--overviews some", 2, "expected a number of overviews, factors such as 2,4,8, or none"),
        ("--overviews 3,5", 2, "overviews are factors, powers of 2"),
        ("--zoom 3", 2, 'zoom= is of tiling_scheme="WebMercatorQuad"'),
        ("--memory 1MiB", 2, "the smallest that works is "),
        ("--quality 80", 2, "quality is no option of Deflate"),
        ("--crs nowhere", 2, "'nowhere' is no CRS that PROJ knows"),
    ],
)
def test_a_wrong_option_of_cogify_is_one_line(options, status, message, tmp_path, capsys):
    try:
        found = main(["cogify", U8, "a.tif", *options.split()])
    except SystemExit as left:
        found = left.code
    *_, line = capsys.readouterr().err.splitlines()
    assert (found, message in line) == (status, True), line
    assert list(tmp_path.iterdir()) == []


def test_every_option_of_write_that_a_word_can_say_is_one_of_cogify(capsys):
    with pytest.raises(SystemExit):
        main(["cogify", "--help"])
    shown = set(re.findall(r"--([a-z-]+)", capsys.readouterr().out))
    told = {name.replace("_", "-") for name in inspect.signature(tinycog.write).parameters}
    of_programs = """target source shape dtype transform gcps rpcs area-or-point descriptions scales
        offsets units colorinterp colormap tags photometric byte-order fs store storage-options
        progress"""
    assert told - shown == set(of_programs.split())


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "no.tif"], "there is no such file: no.tif"),
        (["info", "nope://a.tif"], "fsspec cannot open nope://a.tif: Protocol not known: nope"),
        (["info", __file__], "not a TIFF: it starts with "),
        (
            ["tile", U8, "12", "0", "0"],
            "level 12 does not exist (levels 0 to 2, 0 = full resolution)",
        ),
        (["tile", U8, "0", "3", "0"], "tile x=3, y=0 does not exist (x 0 to 2, y 0 to 2)"),
        (
            ["tile", U8, "0", "0", "0", "--out", "a.jpg"],
            "cannot write a.jpg: expected a name that ends with .png or .npy",
        ),
        (
            ["tile", str(fixture_path("cog-zstd-f32-p3")), "0", "0", "0"],
            "PNG holds 1 to 4 bands of uint8 or uint16, not 1 of float32; write .npy",
        ),
        (
            ["tile", str(fixture_path("cog-10-bands-u16")), "0", "0", "0"],
            "PNG holds 1 to 4 bands of uint8 or uint16, not 10 of uint16; write .npy",
        ),
        (["demo", "--latency-ms", "0", "--out", "a.jpg"], "cannot write a.jpg: expected a name"),
    ],
    ids=lambda value: " ".join(value[:2])[-30:] if isinstance(value, list) else "",
)
def test_an_error_is_one_line_and_exit_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tinycog: {message}")


def test_a_url_that_is_not_there_is_one_line_and_exit_status_2(capsys):
    with serve_in_thread({}) as server:
        assert main(["info", server.url("a.tif")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tinycog: there is no such object (HTTP 404 Not Found): http://127.")


@pytest.mark.parametrize(
    "arguments", [[], ["read"], ["tile", "a.tif"], ["tile", "a", "b", "c", "d"]]
)
def test_a_wrong_command_is_told_how_it_goes(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("tinycog: ")
    assert re.search(r"\(see tinycog( tile| read)? --help\)$", line)


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"{tinycog.__version__}\n")


def run_module(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "tinycog", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_package_is_the_command_too():
    done = run_module("info", U8)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{U8}: ")


def test_the_exit_status_reaches_the_shell():
    done = run_module("info", "no.tif")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tinycog: there is no such file: no.tif\n"


def test_export_writes_an_area_of_many_files(tmp_path, capsys):
    with tinycog.sync.open(fixture_path("cog-metadata")) as cog:
        whole = cog.read(window=(3, 5, 40, 30), masked=True)
    window = ["--window", "3", "5", "40", "30"]
    source = str(fixture_path("cog-metadata"))

    assert main(["export", source, *window, "-o", "x.npy", "--memory", "64MiB", "--plan"]) == 0
    assert "40 x 30 pixels of" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    assert main(["export", source, source, *window, "-o", "x.npy", "--method", "last"]) == 0
    assert main(["export", source, *window, "-o", "x.tif", "--compression", "zstd", "--quiet"]) == 0

    assert "pixels are valid" in capsys.readouterr().out
    np.testing.assert_array_equal(np.load("x.npy"), whole.data)
    with tinycog.sync.open("x.tif") as cog:
        np.testing.assert_array_equal(cog.read().data, whole.data)


def test_an_export_that_makes_no_sense_is_exit_status_2(capsys):
    assert main(["export", str(fixture_path("cog-metadata")), "-o", "x.png"]) == 2
    assert "ends with .tif, .zarr or .npy" in capsys.readouterr().err
