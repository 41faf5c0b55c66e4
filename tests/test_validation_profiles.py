"""Profiles of callers: data, in Python or JSON, and what is wrong in them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from validation.files import LATE, PIXELS, cog, good, pyramid

import tinycog
import tinycog.sync
from tinycog.cli import main
from tinycog.errors import UsageError

DOCS = Path(__file__).parent.parent / "docs" / "validate.md"


def profile(**changes: object) -> dict[str, object]:
    """A profile of a service that takes tiles of 256 to 2048 pixels."""
    document: dict[str, object] = {
        "name": "service",
        "source": "its handbook",
        "classes": {"layout": ["gdal/data-after-ifds"], "tiles": ["service/tiles"]},
        "rules": [{"id": "service/tiles", "check": "tile-sides", "values": [256, 2048]}],
    }
    return {**document, **changes}


def with_rule(check: str, *values: object, **more: object) -> tinycog.ValidationProfile:
    """A profile with one rule."""
    rule = {"id": "service/it", "check": check, "values": list(values), **more}
    return tinycog.ValidationProfile.from_json(
        json.dumps(profile(classes={"all": ["service/it"]}, rules=[rule]))
    )


def test_a_profile_of_a_service_as_data():
    mine = tinycog.ValidationProfile.from_json(json.dumps(profile()))
    assert mine.rules == [tinycog.ProfileRule("service/tiles", "tile-sides", [256, 2048])]
    assert tinycog.sync.validate(good(), mine).verdicts == {"layout": "pass", "tiles": "pass"}

    late = tinycog.sync.validate(cog(*pyramid(tile=(512, 512)), layout=LATE), mine)
    assert late.verdicts == {"layout": "fail", "tiles": "fail"}
    assert [one.rule for one in late.findings][:2] == ["gdal/data-after-ifds", "service/tiles"]
    text = "level 0 has tiles of 512 by 512 pixels, not squares of 256, 2048"
    assert late.findings[1].message == text


@pytest.mark.parametrize(
    ("check", "kept", "broken"),
    [
        ("tile-sides", [256], [512]),
        ("compressions", ["deflate", "zstd"], ["lzw"]),
        ("overview-factors", [2, 4], [3, 4]),
        ("sample-types", ["uint8", "float32"], ["uint16"]),
        ("interleaves", ["pixel"], ["pixel"]),
        ("most-bytes", [1 << 30], [1000]),
        ("most-pixels", [600], [599]),
    ],
)
def test_each_check(check, kept, broken):
    assert tinycog.sync.validate(good(), with_rule(check, *kept)).passed
    is_single = check == "interleaves"
    assert tinycog.sync.validate(good(), with_rule(check, *broken)).passed == is_single
    warned = with_rule(check, *broken, severity="warning")
    assert tinycog.sync.validate(good(), warned).passed
    assert tinycog.sync.validate(good(), warned, strict=True).passed == is_single


def test_bands_stored_apart():
    planar = cog(*pyramid(pixels=PIXELS.repeat(3, axis=0)[:, :64, :64], planar=True))
    assert not tinycog.sync.validate(planar, with_rule("interleaves", "pixel")).passed
    assert tinycog.sync.validate(planar, with_rule("interleaves", "band", "pixel")).passed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": {"all": ["service/none"]}}, "rules that there are not: service/none"),
        ({"rules": [{"id": "gdal/tiled", "check": "tile-sides", "values": [1]}]}, "already"),
        ({"rules": [{"id": "a", "check": "tiles", "values": [1]}]}, "check='tiles' is unknown"),
        (
            {"rules": [{"id": "a", "check": "tile-sides", "values": ["x"]}]},
            "positive whole numbers",
        ),
        ({"rules": [{"id": "a", "check": "overview-factors", "values": [2]}]}, "takes 2 positive"),
        ({"rules": [{"id": "a", "check": "sample-types", "values": ["byte"]}]}, "some of uint8"),
        (
            {"rules": [{"id": "a", "check": "most-bytes", "values": [1], "severity": "fatal"}]},
            "severity='fatal' is none of error, warning",
        ),
        ({"rules": [{"id": "a"}]}, "a profile is a JSON object"),
        ({"classes": ["gdal/tiled"]}, "an object of lists of rule ids"),
        ({"classes": {"all": "gdal/tiled"}}, "an object of lists of rule ids"),
        ({"colour": "blue"}, "a profile is a JSON object"),
    ],
)
def test_what_is_wrong_in_a_profile_is_said(changes, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        tinycog.sync.validate(
            good(), tinycog.ValidationProfile.from_json(json.dumps(profile(**changes)))
        )


def test_a_profile_from_a_file_on_the_command_line(tmp_path, capsys):
    (tmp_path / "image.tif").write_bytes(good())
    (text,) = re.findall(r"```json\n(.+?)```", DOCS.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "ours.json"
    path.write_text(text)
    assert main(["validate", str(tmp_path / "image.tif"), "--profile", str(path)]) == 0
    assert "passed (ours)" in capsys.readouterr().out
    assert main(["validate", "image.tif", "--profile", str(tmp_path / "none.json")]) != 0
    assert "none.json" in capsys.readouterr().err
