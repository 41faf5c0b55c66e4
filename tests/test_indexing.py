"""`tinycog index`: files, patterns and STAC items to an index, with a table of properties."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from collection_files import cog_of

import tinycog
from tinycog.cli import main


@pytest.fixture
def folder(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.tif").write_bytes(cog_of(i))
    return tmp_path


def load(folder, name="index.jsonl"):
    return tinycog.Collection.load(folder / name)


def test_files_are_indexed_with_what_a_table_says(folder, capsys):
    (folder / "table.csv").write_text(
        "name,start,cloud,note\n0,2024-01-01,1.5,a\n2,2024-01-03,,b\n"
    )
    args = ["index", f"{folder}/*.tif", "-o", f"{folder}/index.jsonl"]
    assert main([*args, "--properties", f"{folder}/table.csv"]) == 0
    found = load(folder)
    assert [asset.properties for asset in found] == [{"cloud": 1.5, "note": "a"}, {}, {"note": "b"}]
    assert [asset.start for asset in found] == [
        datetime(2024, 1, 1, tzinfo=UTC),
        None,
        datetime(2024, 1, 3, tzinfo=UTC),
    ]
    out, err = capsys.readouterr()
    assert out == ""
    assert "index.jsonl: 3 assets" in err

    (folder / "table.jsonl").write_text(json.dumps({"name": "9.tif", "n": 1}) + "\n")
    assert main([*args, "--properties", f"{folder}/table.jsonl"]) == 2
    assert "'9.tif', which is none of the files" in capsys.readouterr().err
    (folder / "table.csv").write_text("id,n\n1,2\n")
    assert main([*args, "--properties", f"{folder}/table.csv"]) == 2
    assert "no column 'name' or 'where'" in capsys.readouterr().err


def test_a_broken_file_ends_it_or_is_told_at_the_end(folder, capsys):
    (folder / "1.tif").write_bytes(b"no tiff")
    args = ["index", f"{folder}/*.tif", "-o", f"{folder}/index.jsonl", "--quiet"]
    assert main(args) == 2
    assert "asset '1'" in capsys.readouterr().err
    assert not (folder / "index.jsonl").exists()
    assert main([*args, "--keep-going"]) == 1
    assert "asset '1'" in capsys.readouterr().err
    found = load(folder)
    assert [asset.name for asset in found] == ["0", "2"]
    assert [one.name for one in found.failed] == ["1"]


def test_items_are_indexed(folder, capsys):
    item = {
        "type": "Feature",
        "id": "a",
        "geometry": None,
        "properties": {"datetime": "2024-01-01T00:00:00Z"},
        "assets": {key: {"href": f"./{i}.tif"} for i, key in enumerate(("red", "nir"))},
    }
    (folder / "item.json").write_text(json.dumps(item))
    args = ["index", "--stac", f"{folder}/item.json", "-o", f"{folder}/index.jsonl"]
    assert main([*args, "--assets", "nir"]) == 0
    (asset,) = load(folder)
    assert (asset.name, asset.crs) == ("a/nir", "EPSG:32633")
    assert main([*args, "--no-headers"]) == 0
    assert [one.crs for one in load(folder)] == [None, None]
    assert main([*args, "--properties", "x.csv"]) == 2
    assert main(["index", f"{folder}/0.tif", "-o", f"{folder}/x.jsonl", "--assets", "a"]) == 2
    assert "add --stac" in capsys.readouterr().err
