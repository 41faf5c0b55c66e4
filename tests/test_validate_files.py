"""Rules among files: tiles of one image, as Earth Engine takes them for an upload."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import json
import re
from dataclasses import replace
from math import nan
from pathlib import Path

import numpy as np
import pytest

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.errors import NotFoundError, UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.keys import GeoKeys
from tinycog.geo.same_crs import is_same_crs
from tinycog.testing import serve_in_thread
from tinycog.validator.among_files import SET_RULES, check_files
from tinycog.validator.set_rule import SetMember

ROOT = Path(__file__).parent.parent
UTM = Crs("projected", 32633)


def member(
    name: str, col: float = 0, row: float = 0, *, pixel: float = 10.0, **facts: object
) -> SetMember:
    """A tile of 100 x 100 pixels that begins so many pixels behind a corner."""
    place = (pixel, 0.0, 5e5 + pixel * col, 0.0, -pixel, 6e6 - pixel * row)
    return replace(SetMember(name, (100, 100), place, UTM, ((1, 8),)), **facts)


def broken(*members: SetMember, tolerance: float = 1e-6) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Kind and files of each rule that members break."""
    found = check_files(members, SET_RULES.values(), tolerance)
    return {rule.id.removeprefix("ee/files-"): (seen.kind, seen.files) for rule, seen in found}


A = member("a")
B = member("b", 100)
C = member("c", 200)


# --- each rule, kept and broken ------------------------------------------------------------------


def test_tiles_that_lie_side_by_side_break_nothing():
    assert broken(A, B, C, member("d", 100, -100)) == {}
    assert broken(A) == {}


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("bands", {"samples": ((1, 8), (1, 8))}),
        ("depth", {"samples": ((1, 16),)}),
        ("depth", {"samples": ((2, 8),)}),
        ("projection", {"crs": Crs("projected", 32634)}),
        ("projection", {"crs": None}),
        ("projection", {"crs": Crs("projected", 32633, epoch=2020.0)}),
        ("fill", {"nodata": 0, "masked_by": "nodata"}),
        ("fill", {"masked_by": "alpha"}),
        ("fill", {"masked_by": "mask"}),
    ],
)
def test_what_differs_is_named_with_what_it_differs_from(rule, facts):
    for files in ([A, B, replace(C, **facts)], [replace(C, **facts), A, B]):
        assert broken(*files) == {rule: ("broken", ("a", "c"))}
    (seen,) = (seen for _, seen in check_files([A, B, replace(C, **facts)], SET_RULES.values()))
    assert re.match(r"c has .*, but a, b have ", seen.message)


def test_the_same_nan_is_the_same_fill():
    files = [replace(one, nodata=nan, masked_by="nodata") for one in (A, B)]
    assert broken(*files) == {}
    assert broken(files[0], replace(B, nodata=0.0, masked_by="nodata")).keys() == {"fill"}


def test_other_pixels():
    assert broken(A, B, member("c", 100, pixel=20)) == {"resolution": ("broken", ("a", "c"))}
    turned = replace(C, transform=(10.0, 0.1, 5e5, 0.1, -10.0, 6e6))
    assert broken(A, B, turned) == {"resolution": ("broken", ("a", "c"))}
    flipped = replace(C, transform=(10.0, 0.0, 5e5, 0.0, 10.0, 6e6))
    assert broken(A, B, flipped) == {"resolution": ("broken", ("a", "c"))}


def test_pixel_sizes_count_by_where_they_move_the_far_corner():
    third = member("b", 100, pixel=10 * (1 + 5e-9))
    assert broken(A, third) == {}
    assert "resolution" in broken(A, replace(third, size=(1000, 10)))


@pytest.mark.parametrize("files", [(A, B, member("x", 200.5)), (member("x", 0.25, 3), A, B)])
def test_a_tile_off_the_grid(files):
    kind, (base, *names) = broken(*files)["offset"]
    assert (kind, names) == ("broken", ["x"])
    assert base in "ab"


def test_the_tolerance_is_of_a_pixel():
    near = member("n", 100 + 4e-7)
    assert broken(A, near) == {}
    assert broken(A, member("n", 100 + 4e-6)).keys() == {"offset"}
    assert broken(A, member("n", 100.001), tolerance=0.01) == {}
    assert broken(A, member("n", 100.1), tolerance=0.01).keys() == {"offset"}


def test_floats_do_not_break_a_grid():
    rng = np.random.default_rng(1)
    for pixel in (1 / 3600, 0.00026949458523585647, 8.983152841195215e-05, 0.001, 1e-3 / 3):
        cols = [int(n) for n in rng.integers(0, 200_000, 20)]
        files = [member(str(col), col, pixel=pixel) for col in cols]
        files = [replace(one, size=(20_000, 20_000)) for one in files]
        assert broken(*files) == {}


def test_without_transforms_the_place_is_unknown():
    files = [replace(one, transform=None) for one in (A, B)]
    assert broken(*files) == {"offset": ("unknown", ("a", "b"))}


def test_almost_nothing_but_gap():
    assert broken(A, member("z", 900, 900)) == {}  # 2 % covered
    assert broken(A, member("z", 2000, 2000)) == {"gap": ("broken", ("a", "z"))}
    assert "gap" in broken(A, replace(A, name="same"), member("z", 1500, 1500))  # once, not twice
    assert broken(A, B, member("z", 1500, 1500)) == {}


def test_the_area_covered_is_that_of_a_raster():
    rng = np.random.default_rng(2)
    for _ in range(30):
        places = rng.integers(0, 3000, (12, 2))
        files = [member(str(i), int(col), int(row)) for i, (col, row) in enumerate(places)]
        raster = np.zeros((3100, 3100), bool)
        for col, row in places:
            raster[row : row + 100, col : col + 100] = True
        (left, top), (right, bottom) = places.min(0), places.max(0) + 100
        is_gap = raster.sum() < 0.01 * (right - left) * (bottom - top)
        assert ("gap" in broken(*files)) == is_gap


def test_the_bytes_of_all_are_a_note():
    files = [replace(one, length=6 * 10**9) for one in (A, B)]
    assert broken(*files) == {"size": ("literal", ("a", "b"))}
    assert broken(replace(A, length=11 * 10**9), B) == {}  # ee/upload-size, of the file alone


def test_thousands_of_tiles():
    files = [member(f"{col} {row}", 100 * col, 100 * row) for col in range(60) for row in range(60)]
    assert broken(*files) == {}
    assert broken(*files, member("x", 0.5)).keys() == {"offset"}


# --- the same CRS --------------------------------------------------------------------------------


def test_crs_are_compared_by_what_they_mean():
    pytest.importorskip("pyproj", reason="pyproj is not installed")
    data = np.zeros((1, 16, 16), np.uint8)
    place = (10, 0, 5e5, 0, -10, 6e6)
    by_code, own, other = (
        tinycog.sync.open(tinycog.sync.write(bytes, data, crs=crs, transform=place).data).crs
        for crs in (
            32633,
            "+proj=tmerc +lat_0=0 +lon_0=15.5 +k=0.9996 +x_0=500000 +y_0=0 +datum=WGS84",
            "+proj=tmerc +lat_0=0 +lon_0=16.5 +k=0.9996 +x_0=500000 +y_0=0 +datum=WGS84",
        )
    )
    assert by_code is not None
    assert own is not None
    assert is_same_crs(replace(by_code, epsg=None), UTM) is True
    assert is_same_crs(own, replace(own, name="another name")) is True
    assert is_same_crs(own, other) is False
    assert is_same_crs(own, by_code) is False


def test_a_crs_that_cannot_be_built_is_not_known():
    odd = Crs("projected", name="nowhere", keys=GeoKeys())
    assert is_same_crs(odd, UTM) is None
    assert broken(A, replace(B, crs=odd))["projection"] == ("unknown", ("a", "b"))


# --- reports of several files --------------------------------------------------------------------


def tile(col: float = 0, bands: int = 1, **options: object) -> bytes:
    pixels = np.full((bands, 32, 32), 7, np.uint8)
    given = {"crs": 32633, "transform": (10, 0, 5e5 + 10 * col, 0, -10, 6e6), "blocksize": 16}
    return tinycog.sync.write(bytes, pixels, **(given | options)).data


def validate(files: object, **options: object) -> tinycog.ValidationReport:
    return tinycog.sync.validate(files, "earth-engine-upload", **options)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = []
    for name, data in {"a": tile(), "b": tile(32), "c": tile(64.5, bands=2)}.items():
        found.append(tmp_path / f"{name}.tif")
        found[-1].write_bytes(data)
    return found


def test_a_report_of_several_files(paths):
    good = validate(paths[:2])
    assert (good.name, good.verdicts, good.findings) == (
        "2 files",
        {"upload": "pass", "tiles": "pass"},
        (),
    )
    report = validate(paths)
    assert report.verdicts == {"upload": "pass", "tiles": "fail"}
    a, _, c = map(str, paths)
    assert {one.rule: one.files for one in report.findings} == {
        "ee/files-bands": (a, c),
        "ee/files-offset": (a, c),
    }
    assert f"error: {c} has 2 bands, but {a}" in str(report)
    assert json.loads(report.to_json())["findings"][0]["files"] == [a, c]
    assert 'failures="1"' in report.to_junit()


def test_findings_of_one_file_name_it(paths):
    paths[1].write_bytes(tile(32, compression="jpeg"))
    report = validate(paths[:2])
    finding, *_ = report.findings
    assert (finding.severity, finding.files) == ("warning", (str(paths[1]),))
    assert str(finding).startswith(f"warning: {paths[1]}: level 0 is compressed by JPEG")
    assert report.passed
    assert not validate(paths[:2], strict=True).passed


def test_a_file_that_cannot_be_read_leaves_the_rest_unknown(paths):
    paths[2].write_bytes(b"no TIFF")
    report = validate(paths)
    assert report.verdicts == {"upload": "fail", "tiles": "unknown"}
    with pytest.raises(NotFoundError):
        validate([*paths, "none.tif"])


def test_files_without_names_get_numbers():
    report = validate([tile(), tile(), tile(bands=2)])
    numbered = {name for one in report.findings for name in one.files}
    assert any(name.endswith(" (1)") for name in numbered)


def test_handles_and_profiles_without_such_rules(paths):
    handles = [tinycog.sync.open(path) for path in paths]
    assert tinycog.sync.validate([one.asynchronous for one in handles], "gdal").verdicts == {
        "structure": "pass"
    }
    with pytest.raises(UsageError, match="the list is empty"):
        validate([])


def test_each_file_costs_what_it_costs_alone(paths):
    with serve_in_thread({path.name: path for path in paths}) as server:
        validate([server.url(path.name) for path in paths])
        assert len(server.log) == len(paths)


def test_rules_among_files_are_data_of_a_profile(paths):
    mine = tinycog.ValidationProfile(
        "m",
        "us",
        {},
        {"ee/files-bands": "warning"},
        among_files={"tiles": ["ee/files-bands"]},
    )
    assert tinycog.sync.validate(paths, mine).verdicts == {"tiles": "pass"}
    wrong = replace(mine, among_files={"tiles": ["ee/files-colour"]})
    with pytest.raises(UsageError, match="ee/files-colour"):
        tinycog.sync.validate(paths, wrong)


def test_the_command_line(paths, capsys):
    words = ["validate", *map(str, paths), "--profile", "earth-engine-upload"]
    assert main(words) == 0
    capsys.readouterr()
    assert main([*words, "--together"]) == 1
    assert "[ee/files-bands]" in capsys.readouterr().out


def test_every_rule_is_in_the_table():
    text = (ROOT / "spec" / "validation.md").read_text("utf-8")
    section = text.partition("\n## Among files\n")[2].partition("\n## ")[0]
    rows = re.findall(
        r"^\| `([^`]+)` \| tiles \| (\w+) \| files \| (.+) \| (.+) \|$", section, re.MULTILINE
    )
    assert rows == [(r.id, r.severity, r.says, r.source) for r in SET_RULES.values()]
