"""`tinycog tile`, `preview`, `read`, `plan`, `points` write what the library reads."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from conftest import fixture_path

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.commands import drawing
from tinycog.testing import RangeServer, serve_in_thread

U8 = str(fixture_path("cog-deflate-u8"))
DEMO = Path(tinycog.__file__).parent / "data" / "demo.tif"
PLACED = str(fixture_path("cog-metadata"))
BOUNDS = (500_100.0, 5_198_000.0, 501_000.0, 5_199_000.0)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stdin(monkeypatch):
    """Puts bytes where a pipe would."""

    def put(data: bytes) -> None:
        buffer = io.BytesIO(data)
        buffer.seekable = lambda: False  # pyright: ignore[reportAttributeAccessIssue]
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))

    return put


def words(numbers) -> list[str]:
    return [str(number) for number in numbers]


# --- tile ----------------------------------------------------------------------------------------


def test_the_stored_bytes_of_a_tile(tmp_path):
    assert main(["tile", U8, "0", "1", "0", "--raw", "-o", "tile.bin"]) == 0
    with tinycog.sync.open(U8) as cog:
        assert (tmp_path / "tile.bin").read_bytes() == cog.read_tile_bytes(0, 1, 0)


def test_a_tile_for_the_eye_may_have_any_samples(tmp_path):
    path = str(fixture_path("cog-zstd-f32-p3"))
    assert main(["tile", path, "0", "0", "0", "--picture", "-o", "a.png"]) == 0
    assert imagecodecs.png_decode((tmp_path / "a.png").read_bytes()).dtype == np.uint8


def test_a_tile_goes_to_stdout_and_all_else_to_stderr(capsysbinary):
    assert main(["tile", U8, "0", "0", "0", "-o", "-", "--format", "npy"]) == 0
    out, err = capsysbinary.readouterr()
    with tinycog.sync.open(U8) as cog:
        np.testing.assert_array_equal(np.load(io.BytesIO(out)), cog.read_tile(0, 0, 0).data)
    assert err.splitlines()[0].startswith(b"<Raster (1, 128, 128) uint8")
    assert err.splitlines()[-1] == b"wrote standard output"


def test_a_tile_of_a_file_in_stdin(stdin, capsysbinary):
    stdin(fixture_path("cog-deflate-u8").read_bytes())
    assert main(["tile", "-", "0", "0", "0", "-o", "-", "--quiet"]) == 0
    out, err = capsysbinary.readouterr()
    assert (out[:4], err) == (b"\x89PNG", b"")


# --- preview -------------------------------------------------------------------------------------


def test_a_preview_in_a_file(tmp_path):
    assert main(["preview", U8, "-o", "p.png", "--size", "100"]) == 0
    picture = imagecodecs.png_decode((tmp_path / "p.png").read_bytes())
    assert max(picture.shape) == 100


def shown(capsys, *options: str, path: str = U8) -> list[str]:
    assert main(["preview", path, "--size", "20", "--quiet", *options]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("colours", "begin"), [("24bit", "\x1b[38;2;"), ("256", "\x1b[38;5;")])
def test_a_preview_in_a_terminal_has_two_pixels_in_a_character(colours, begin, capsys):
    lines = shown(capsys, "--colours", colours)
    assert len(lines) == 9  # 17 rows of pixels
    assert lines[0].startswith(begin)
    assert lines[0].endswith("\x1b[0m")
    assert sum(line.count("\u2580") for line in lines[:-1]) == 8 * 20


def test_the_colours_of_the_terminal_are_those_of_the_picture(capsys):
    with tinycog.sync.open(U8) as cog:
        picture = imagecodecs.png_decode(cog.preview(20, masked=True).to_png())
    upper, lower = picture[:2, 0]
    (line, *_) = shown(capsys, "--colours", "24bit")
    assert line.startswith(f"\x1b[38;2;{upper};{upper};{upper};48;2;{lower};{lower};{lower}m")


def test_a_preview_in_a_pipe_has_no_colours(capsys):
    lines = shown(capsys)
    assert len(lines) == 9
    assert set("".join(lines)) <= set(drawing.SHADES)
    assert len(set("".join(lines))) > 2


def test_a_preview_in_ascii(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert main(["preview", U8, "--size", "20", "--quiet"]) == 0
    lines = sys.stdout.buffer.getvalue().decode("ascii").splitlines()  # pyright: ignore[reportAttributeAccessIssue]
    assert set("".join(lines)) <= set(drawing.LETTERS)


def test_pixels_that_are_not_valid_stay_empty(tmp_path, capsys):
    pixels = np.full((1, 16, 16), 200, np.uint8)
    pixels[:, :8] = 0
    tinycog.sync.write(tmp_path / "a.tif", pixels, nodata=0)
    lines = shown(capsys, "--colours", "24bit", path="a.tif")
    assert lines[0] == f"\x1b[0m{' ' * 16}\x1b[0m"
    assert lines[-1].count("\u2580") == 16


@pytest.mark.parametrize(
    ("variables", "colours"),
    [
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, "24bit"),
        ({"TERM": "xterm-256color"}, "256"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "none"),
        ({"TERM": "dumb", "COLORTERM": "truecolor"}, "none"),
    ],
)
def test_a_terminal_tells_its_colours(variables, colours, monkeypatch):
    for name in ("TERM", "COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert drawing.colours_of_terminal() == colours


# --- read ----------------------------------------------------------------------------------------


def test_an_area_as_an_array():
    assert main(["read", PLACED, "--bounds", *words(BOUNDS), "-o", "a.npy"]) == 0
    assert main(["read", PLACED, "--window", "3", "5", "40", "30", "-o", "b.npy"]) == 0
    assert main(["read", PLACED, "--shape", "20", "30", "-o", "c.npy"]) == 0
    with tinycog.sync.open(PLACED) as cog:
        np.testing.assert_array_equal(np.load("a.npy"), cog.read(bounds=BOUNDS).data)
        np.testing.assert_array_equal(np.load("b.npy"), cog.read(window=(3, 5, 40, 30)).data)
        np.testing.assert_array_equal(np.load("c.npy"), cog.read(shape=(20, 30)).data)


def test_an_area_as_a_tiff_has_its_place_and_what_its_bands_mean():
    pytest.importorskip("pyproj", reason="pyproj is not installed")
    assert main(["read", PLACED, "--bounds", *words(BOUNDS), "-o", "a.tif"]) == 0
    with tinycog.sync.open(PLACED) as whole, tinycog.sync.open("a.tif") as cog:
        raster = whole.read(bounds=BOUNDS)
        np.testing.assert_array_equal(cog.read().data, raster.data)
        assert cog.transform == raster.transform
        assert str(cog.crs) == str(whole.crs)
        assert (cog.scales, cog.offsets) == (whole.scales, whole.offsets)
        assert (cog.units, cog.descriptions) == (whole.units, whole.descriptions)
        assert cog.mask_flags == whole.mask_flags


def test_an_area_as_zarr():
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    assert main(["read", PLACED, "--window", "3", "5", "40", "30", "-o", "a.zarr"]) == 0
    with tinycog.sync.open(PLACED) as cog:
        found = zarr.open_group("a.zarr", mode="r")
        (pixels,) = (array for _, array in found.arrays() if array.ndim == 3)
        np.testing.assert_array_equal(pixels[:], cog.read(window=(3, 5, 40, 30)).data)


def test_scaled_values():
    assert main(["read", PLACED, "--scaled", "--window", "0", "0", "9", "9", "-o", "a.npy"]) == 0
    with tinycog.sync.open(PLACED) as cog:
        expected = cog.read(window=(0, 0, 9, 9), scaled=True).data
    np.testing.assert_array_equal(np.load("a.npy"), expected)


def test_a_geometry_is_a_file_or_the_text_itself_or_stdin(tmp_path, stdin):
    left, bottom, right, top = BOUNDS
    ring = [[left, bottom], [right, bottom], [left, top], [left, bottom]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry}
    text = json.dumps({"type": "FeatureCollection", "features": [feature]})
    (tmp_path / "area.geojson").write_text(text)
    for n, given in enumerate(("area.geojson", json.dumps(geometry), "-", json.dumps(feature))):
        stdin(text.encode())
        assert main(["read", PLACED, "--geometry", given, "-o", f"{n}.npy"]) == 0
    with tinycog.sync.open(PLACED) as cog:
        expected = cog.read(geometry=geometry).data
    for n in range(4):
        np.testing.assert_array_equal(np.load(f"{n}.npy"), expected)


REFUSED = [
    ("--window 0 0 1 1 --bounds 0 0 1 1 -o a.npy", "not allowed with argument --window"),
    ("-o a.jpg", "expected a name that ends with .npy, .png, .tif, .tiff or .zarr"),
    ("-o no/a.npy", "there is no folder no: make it first"),
    ("-o folder.npy", "it is a folder; take another name"),
    ("--crs EPSG:4326 -o a.npy", "--crs is that of --bounds or --geometry"),
    ("--all-touched -o a.npy", "--all-touched is of --geometry"),
    ("--shape 1 1 --res 5 -o a.npy", "leave one out"),
    ("--raw -o a.npy", "--raw is of .png"),
    ("--geometry {} -o a.npy", "--geometry is no GeoJSON"),
    ("--resampling best -o a.npy", "invalid choice: 'best'"),
    ("--limits tile=3 -o a.npy", "there is no limit 'tile'; there are ifds, "),
    ("--limits tiles=many -o a.npy", "--limits tiles: expected a number, such as 64"),
    ("--header secret -o a.npy", "--header is NAME:VALUE"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[text for text, _ in REFUSED])
def test_wrong_options_of_read_are_refused_before_anything_is_fetched(
    options, message, tmp_path, capsys
):
    (tmp_path / "folder.npy").mkdir()
    with serve_in_thread({"a.tif": fixture_path("cog-metadata")}) as server:
        try:
            status = main(["read", server.url("a.tif"), *options.split()])
        except SystemExit as left:
            status = left.code
        assert server.log == []
    (line,) = capsys.readouterr().err.splitlines()
    assert (status, message in line, "secret" in line) == (2, True, False), line


# --- plan ----------------------------------------------------------------------------------------


@pytest.fixture
def server():
    with serve_in_thread({"a.tif": DEMO}) as server:
        yield server


def test_a_plan_is_what_the_read_sends(server: RangeServer, capsys):
    area = ["--window", "100", "100", "100", "100"]
    assert main(["plan", server.url("a.tif"), *area, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert len(server.log) == plan["header"]["requests"]
    server.clear()
    assert main(["read", server.url("a.tif"), *area, "-o", "a.npy"]) == 0
    sent = [[line.start, line.stop] for line in server.log]
    assert sent[plan["header"]["requests"] :] == plan["requests"]


def test_a_plan_for_a_person(server: RangeServer, capsys):
    assert main(["plan", server.url("a.tif"), "--tile", "0", "0", "0"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("for the plan: 1 request, ")
    assert second.startswith("for the pixels: ")
    assert ", 1 tile; 0 bytes between tiles are read along" in second
    assert main(["plan", server.url("a.tif"), "--tile", "0", "0", "0", "--level", "1"]) == 2
    assert "--tile is whole: leave out --level" in capsys.readouterr().err


# --- points --------------------------------------------------------------------------------------

POINTS = [(500_105.0, 5_199_995.0), (501_000.0, 5_198_000.0), (1.0, 2.0)]


def values() -> list[str]:
    with tinycog.sync.open(PLACED) as cog:
        return [str(value) for value in cog.points(POINTS[:2]).data[:, 0]] + [""]


def test_points_of_the_command_line(capsys):
    flat = words(number for point in POINTS for number in point)
    assert main(["points", PLACED, *flat]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["band1"] for row in rows] == values()
    assert [(float(row["x"]), float(row["y"])) for row in rows] == POINTS


def test_points_of_a_table_keep_its_columns(tmp_path):
    lines = ["name,lat,lon", *(f"{n},{y},{x}" for n, (x, y) in enumerate(POINTS))]
    (tmp_path / "points.csv").write_text("\n".join(lines))
    assert main(["points", PLACED, "points.csv", "-o", "out.csv"]) == 0
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text().splitlines()))
    assert [(row["name"], row["band1"]) for row in rows] == list(zip("012", values(), strict=True))


def test_points_without_a_head(stdin, capsys):
    stdin("\n".join(f"{x},{y}" for x, y in POINTS).encode())
    assert main(["points", PLACED, "-", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["inside"] for one in found] == [True, True, False]
    assert ["" if one["band1"] is None else str(one["band1"]) for one in found] == values()


def test_points_of_geojson_come_back_as_geojson(stdin, capsys):
    features = [
        {
            "type": "Feature",
            "properties": {"n": n},
            "geometry": {"type": "Point", "coordinates": place},
        }
        for n, place in enumerate(POINTS)
    ]
    stdin(json.dumps({"type": "FeatureCollection", "features": features}).encode())
    assert main(["points", PLACED, "-", "--format", "geojson"]) == 0
    found = json.loads(capsys.readouterr().out)["features"]
    assert [one["properties"]["n"] for one in found] == [0, 1, 2]
    assert found[0]["geometry"] == features[0]["geometry"] | {"coordinates": list(POINTS[0])}
    assert str(found[1]["properties"]["band1"]) == values()[1]


def test_points_of_another_crs(capsys):
    pytest.importorskip("pyproj", reason="pyproj is not installed")
    with tinycog.sync.open(PLACED) as cog:
        lng, lat = cog.lnglat()
        expected = cog.point(lng, lat, crs="EPSG:4326")[0]
    assert main(["points", PLACED, str(lng), str(lat), "--crs", "EPSG:4326"]) == 0
    assert capsys.readouterr().out.splitlines()[1].endswith(f",{expected}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["1", "2", "3"], "coordinates are pairs X Y: there are 3 numbers"),
        (["a", "b"], "expected coordinates X Y ..., or one file of points"),
        (["no.csv"], "No such file or directory: no.csv"),
        (["bad.csv"], "bad.csv has no columns x and y, lon and lat: a, b"),
        (["row.csv"], "row.csv: row 2 has no two coordinates: '3'"),
        (["bad.json"], "bad.json is no GeoJSON of points"),
        (["line.json"], "line.json holds a LineString: expected points"),
        (["empty.csv"], "there are no points"),
    ],
)
def test_wrong_points_are_refused_before_anything_is_fetched(given, message, tmp_path, capsys):
    line = {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}
    for name, text in {
        "bad.csv": "a,b\n1,2",
        "row.csv": "1,2\n3",
        "bad.json": "{",
        "line.json": json.dumps(line),
        "empty.csv": "",
    }.items():
        (tmp_path / name).write_text(text)
    with serve_in_thread({}) as server:
        assert main(["points", server.url("a.tif"), *given]) == 2
        assert server.log == []
    (told,) = capsys.readouterr().err.splitlines()
    assert message in told


def test_a_file_and_its_points_cannot_both_come_from_stdin(capsys):
    assert main(["points", "-", "-"]) == 2
    assert "FILE and its points cannot both come from stdin" in capsys.readouterr().err
