"""Validation: verdicts and findings of files that keep rules and of files that break them."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from conftest import fixture_path

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.errors import UsageError
from tinycog.testing import serve_in_thread
from tinycog.tiff.spec import Tag
from tinycog.validator.profiles import PROFILES, RULES

ROOT = Path(__file__).parent.parent
DEMO = (ROOT / "src" / "tinycog" / "data" / "demo.tif").read_bytes()
PIXELS = np.add.outer(np.arange(600), np.arange(1100)).astype(np.uint16)[None]


def write(**options: object) -> bytes:
    """A COG by tinycog: levels of 1100 x 600, 550 x 300 and so on, in tiles of 128."""
    chosen = {"blocksize": 128, "crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6), **options}
    written = tinycog.sync.write(bytes, PIXELS, **chosen)
    return written.data


GOOD = write()


def found(data: bytes, profile: str, **options: object) -> dict[str, str]:
    """Severity of each rule that a file breaks; notes left out."""
    report = tinycog.sync.validate(data, profile, **options)
    return {one.rule: one.severity for one in report.findings if one.severity != "note"}


def index(data: bytes, z: int) -> tinycog.Entry:
    """Where the offsets of a level's tiles stand."""
    entry = tinycog.sync.open(data).levels[z].image.offsets
    assert entry is not None
    return entry


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def with_offset(data: bytes, z: int, tile: int, change: int) -> bytes:
    at = index(data, z).offset + 4 * tile
    (offset,) = struct.unpack_from("<I", data, at)
    return patched(data, at, struct.pack("<I", offset + change))


def with_tiles_swapped(data: bytes, one: tuple[int, int], other: tuple[int, int]) -> bytes:
    places = [index(data, z).offset + 4 * tile for z, tile in (one, other)]
    first, second = (data[at : at + 4] for at in places)
    return patched(patched(data, places[0], second), places[1], first)


# --- files that keep the rules -------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["gdal", "tiff", "ogc-cog", "ogc-t17", "earth-engine-upload"])
@pytest.mark.parametrize("depth", ["header", "tiles", "full"])
def test_a_file_by_the_writer_breaks_no_rule(profile, depth):
    assert {r: s for r, s in found(GOOD, profile, depth=depth).items() if s == "error"} == {}


def test_the_preset_of_earth_engine_has_nothing_to_be_told():
    data = tinycog.sync.write(bytes, PIXELS, profile="earth-engine").data
    assert found(data, "earth-engine", depth="tiles") == {}


def test_a_mask_breaks_the_letter_only():
    image = np.ma.MaskedArray(PIXELS, mask=PIXELS < 300)
    place = {"crs": 32633, "transform": (10, 0, 5e5, 0, -10, 6e6)}
    data = tinycog.sync.write(bytes, image, mask="internal", blocksize=256, **place).data

    assert tinycog.sync.validate(data, "ogc-cog").passed
    assert "/req/geotiff-keys/georeference" in found(data, "ogc-cog", literal=True)
    assert found(data, "gdal", depth="tiles") == {}


def test_rio_cogeo_takes_a_level_one_tile_wide_for_untiled():
    tall = np.ascontiguousarray(PIXELS[:, :, :512])
    data = tinycog.sync.write(bytes, tall, blocksize=512).data
    assert found(data, "rio-cogeo") == {"rio-cogeo/tiled": "error"}


# --- files that break them -----------------------------------------------------------------------


def test_an_overview_that_is_many_times_as_wide_as_the_image():
    """It is 0 times narrower to rasterio, by which rio-cogeo divides."""
    width = tinycog.sync.open(GOOD).levels[1].image.ifd.entries[Tag.ImageWidth].offset
    data = patched(GOOD, width, struct.pack("<H", 60_000))
    assert found(data, "rio-cogeo")["rio-cogeo/decimation"] == "error"


def test_a_level_whose_tiles_come_too_early():
    data = with_tiles_swapped(GOOD, (0, 0), (1, 0))
    assert found(data, "gdal") == {"gdal/data-order": "error"}
    assert found(data, "rio-cogeo") == {"rio-cogeo/data-order": "error"}
    assert found(data, "ogc-cog")["/rec/geotiff-overviews/ifd-order"] == "warning"


def test_one_displaced_tile_is_found_among_all():
    data = with_tiles_swapped(GOOD, (0, 20), (0, 21))
    assert found(data, "gdal") == {}
    assert "gdal/block-order" in found(data, "gdal", depth="tiles")


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (1 << 30, {"tiff/block-inside"}),
        (-100, {"tiff/block-overlap"}),
    ],
)
def test_a_tile_that_lies_elsewhere(change, rules):
    assert rules <= set(found(with_offset(GOOD, 0, 7, change), "tiff", depth="tiles"))


def test_a_wrong_leader_and_a_wrong_trailer():
    (offset,) = struct.unpack_from("<I", GOOD, index(GOOD, 0).offset)
    data = patched(GOOD, offset - 4, b"\1\0\0\0")
    assert found(data, "gdal", depth="tiles") == {"gdal/leader": "error"}

    (second,) = struct.unpack_from("<I", GOOD, index(GOOD, 0).offset + 4)
    data = patched(GOOD, second - 8, b"wxyz")
    assert found(data, "gdal", depth="tiles") == {"gdal/trailer": "error"}


def test_an_edit_that_broke_the_layout():
    data = GOOD.replace(b"EDITION=NO\n ", b"EDITION=YES\n")
    assert found(data, "gdal") == {"gdal/edition": "error"}
    assert found(data, "rio-cogeo") == {"rio-cogeo/edition": "error"}


def test_a_plain_tiff():
    data = fixture_path("strip-be-f32").read_bytes()
    assert "ee/tiled" in found(data, "earth-engine")
    assert "/req/geotiff-format/tiling" in found(data, "ogc-cog")
    assert found(data, "ogc-bigtiff")["/req/core/bifh"] == "error"


def test_a_georeference_that_is_not_there():
    data = tinycog.sync.write(bytes, PIXELS).data
    assert "/req/geotiff-keys/georeference" in found(data, "ogc-cog")
    verdicts = tinycog.sync.validate(data, "ogc-cog").verdicts
    assert verdicts["/req/geotiff-overviews"] == "pass"
    assert verdicts["/req/geotiff-keys"] == verdicts["/req/optimized_geotiff"] == "fail"


def test_overviews_beside_the_file(tmp_path):
    path = tmp_path / "image.tif"
    path.write_bytes(GOOD)
    (tmp_path / "image.tif.ovr").write_bytes(GOOD)
    report = tinycog.sync.validate(path, "gdal")
    assert [one.rule for one in report.findings] == ["gdal/external-overviews"]


@pytest.mark.parametrize("data", [b"", b"no TIFF at all, but some text", GOOD[:100]])
@pytest.mark.parametrize("profile", PROFILES)
def test_what_cannot_be_read_fails_every_class(data, profile):
    report = tinycog.sync.validate(data, profile)
    assert set(report.verdicts.values()) == {"fail"}
    assert [one.rule for one in report.findings] == ["file/readable"]


# --- verdicts and reports ------------------------------------------------------------------------


def test_strict_lets_warnings_fail():
    data = write(overviews=[])
    assert found(data, "gdal") == {"gdal/overviews": "warning"}
    assert tinycog.sync.validate(data, "gdal").passed
    assert not tinycog.sync.validate(data, "gdal", strict=True).passed


def test_a_profile_of_the_callers():
    mine = tinycog.ValidationProfile("m", "us", {"a": ["ee/tile-256"]}, {"ee/tile-256": "error"})
    assert tinycog.sync.validate(GOOD, mine).verdicts == {"a": "fail"}
    wrong = tinycog.ValidationProfile("m", "us", {"a": ["no/such-rule"]})
    with pytest.raises(UsageError, match="rules that there are not: no/such-rule"):
        tinycog.sync.validate(GOOD, wrong)
    with pytest.raises(UsageError, match="profile='cog' is unknown"):
        tinycog.sync.validate(GOOD, "cog")


def test_reports_for_programs():
    report = tinycog.sync.validate(with_tiles_swapped(GOOD, (0, 0), (1, 0)), "gdal")
    document = json.loads(report.to_json())
    assert (document["passed"], document["verdicts"]) == (False, {"structure": "fail"})
    assert document["findings"][0]["rule"] == "gdal/data-order"
    (suite,) = fromstring(report.to_junit())  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


def test_the_command_line(tmp_path, capsys):
    path = tmp_path / "image.tif"
    path.write_bytes(GOOD)
    assert main(["validate", str(path), "--profile", "gdal", "--tiles"]) == 0
    assert "passed (gdal)" in capsys.readouterr().out
    path.write_bytes(with_tiles_swapped(GOOD, (0, 0), (1, 0)))
    assert main(["validate", str(path), "--profile", "gdal"]) == 1
    assert "[gdal/data-order]" in capsys.readouterr().out


def test_a_header_costs_few_requests_and_a_handle_stays_open():
    with serve_in_thread({"image.tif": DEMO}) as server:
        cog = tinycog.sync.open(server.url("image.tif"))
        for profile in PROFILES:
            tinycog.sync.validate(cog, profile)
        assert len(cog.requests) <= 4
        assert cog.read_tile(2, 0, 0).data.any()


def test_what_a_sparse_index_hides_is_unknown():
    def blocks() -> object:
        yield (0, 64 * 2000), np.ones((64, 64), np.uint8)

    options = {"shape": (64 * 2, 64 * 4000), "dtype": "uint8", "sparse": True, "blocksize": 16}
    data = tinycog.sync.write(bytes, blocks(), **options).data
    with serve_in_thread({"image.tif": data}) as server:
        url = server.url("image.tif")
        report = tinycog.sync.validate(url, "gdal")
        assert report.verdicts == {"structure": "unknown"}
        assert not report.passed
        assert tinycog.sync.validate(url, "gdal", depth="tiles").passed


# --- the tables of spec/ -------------------------------------------------------------------------


def test_every_rule_is_in_the_table_of_its_profile():
    text = (ROOT / "spec" / "validation.md").read_text("utf-8")
    for profile in PROFILES.values():
        _, _, section = text.partition(f"\n## `{profile.name}`\n")
        section = section.partition("\n## ")[0]
        rows = re.findall(
            r"^\| `([^`]+)` \| .* \| (\w+) \| (\w+) \| (.+) \| (.+) \|$", section, re.MULTILINE
        )
        ids = dict.fromkeys(rule for ids in profile.classes.values() for rule in ids)
        rules = [RULES[rule] for rule in ids]
        assert rows == [(r.id, r.severity, r.depth, r.says, r.source) for r in rules]


def test_every_rule_is_of_a_profile():
    used = {rule for one in PROFILES.values() for ids in one.classes.values() for rule in ids}
    assert {*used, "file/all-ifds", "file/decodes"} == set(RULES)  # these two are of all profiles


def test_a_report_of_rio_cogeo_is_the_same():
    cogeo = pytest.importorskip("rio_cogeo.cogeo", reason="rio-cogeo is not installed")
    from rasterio.io import MemoryFile  # noqa: PLC0415 - comes with it

    for data in (GOOD, with_tiles_swapped(GOOD, (0, 0), (1, 0)), write(overviews=[])):
        with MemoryFile(data) as file:
            valid, errors, warnings = cogeo.cog_validate(file.name, quiet=True)
        report = tinycog.sync.validate(data, "rio-cogeo")
        severities = [one.severity for one in report.findings if one.severity != "note"]
        assert report.passed == valid
        assert len(severities) == len(errors) + len(warnings)
