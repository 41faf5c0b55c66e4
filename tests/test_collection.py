"""An index of assets: read once, filtered without a request, opened without one, never stale."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import shutil
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from collection_files import SIDE, cog_of, pixels_of
from conftest import fixture_path
from replaced_assets import outcome

import tinycog
import tinycog.sync
from tinycog.collection.sidecar import sidecar_of
from tinycog.testing import Fault, RangeServer, make_image, make_tiff, serve_in_thread

COUNT = 6
DATA = {f"{i}.tif": cog_of(i) for i in range(COUNT)}
NAMES = [f"{i}" for i in range(COUNT)]


@pytest.fixture
async def server():
    async with RangeServer(dict(DATA)) as server:
        yield server


def urls(server, count=COUNT):
    return [server.url(f"{i}.tif") for i in range(count)]


def described(i):
    return {"n": i, "share": i / 2, "kind": "ab"[i % 2], "deep": {"of": [i]}, "ok": i > 2}


async def indexed(server, **options):
    return await tinycog.Collection.from_urls(
        urls(server),
        properties=[described(i) for i in range(COUNT)],
        times=[f"2024-01-0{i + 1}" for i in range(COUNT)],
        **options,
    )


@pytest.fixture(scope="module")
def kept():
    """A collection that is there without a server."""

    async def make():
        async with RangeServer(dict(DATA)) as server:
            return await indexed(server)

    return asyncio.run(make())


def names(collection):
    return [asset.name for asset in collection]


# --- reading headers -----------------------------------------------------------------------------


async def test_a_header_is_one_request_and_an_asset_has_its_facts(server):
    told = []
    found = await indexed(server, on_progress=lambda done, total: told.append((done, total)))

    assert len(server.log) == COUNT
    assert told == [(i + 1, COUNT) for i in range(COUNT)]
    assert names(found) == NAMES
    for i, asset in enumerate(found):
        cog = await tinycog.open(DATA[f"{i}.tif"])
        assert asset.where == server.url(f"{i}.tif")
        assert (asset.shape, asset.dtype, asset.nodata) == ((SIDE, SIDE), "uint16", 65535)
        assert (asset.crs, asset.transform) == ("EPSG:32633", cog.transform)
        assert (asset.mask, asset.resolution, asset.bands) == ("nodata", (10, 10), (None,))
        assert asset.properties == described(i)
        assert asset.start == datetime(2024, 1, i + 1, tzinfo=UTC)
        assert asset.end is None
        lng, lat = cog.lnglat()
        west, south, east, north = asset.bounds or ()
        assert west < lng < east
        assert south < lat < north


async def test_a_snapshot_is_no_longer_than_twice_the_header(server):
    for asset in await indexed(server):
        cog = asset.open()
        header = sum(stop - start for start, stop in [(0, (await cog.tile_ranges(2))[0].offset)])
        assert 0 < len(asset.snapshot or b"") <= 2 * header


async def test_opening_an_asset_costs_no_request_and_reads_the_right_pixels(server):
    found = await indexed(server)
    server.clear()
    for i, asset in enumerate(found):
        cog = await asset.open()
        assert str(cog.crs) == "EPSG:32633"
        assert len(server.log) == i
        raster = await cog.read(window=(10, 20, 50, 40))
        assert np.array_equal(raster.data, pixels_of(i)[:, 20:60, 10:60])
        assert len(server.log) == i + 1


async def test_files_at_once_are_as_many_as_is_said(server):
    under_way, most = 0, 0

    async def sign(url):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return url

    found = await tinycog.Collection.from_urls(urls(server), concurrency=2, sign=sign)
    assert names(found) == NAMES
    assert most == 2


# --- errors --------------------------------------------------------------------------------------


BROKEN = {
    "gone": (None, tinycog.NotFoundError),
    "cut": (DATA["0.tif"][:50], tinycog.TruncatedError),
    "text": (b"no tiff at all, but text", tinycog.NotTiffError),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_one_broken_of_many_is_raised_by_name_or_kept(kind):
    data, error = BROKEN[kind]
    files = {f"{i}.tif": cog_of(i % COUNT) for i in range(40) if i != 17}
    if data is not None:
        files["17.tif"] = data
    async with RangeServer(files) as server:
        wheres = urls(server, 40)
        with pytest.raises(error, match="asset '17'"):
            await tinycog.Collection.from_urls(wheres)
        found = await tinycog.Collection.from_urls(wheres, errors="keep")

    assert names(found) == [f"{i}" for i in range(40) if i != 17]
    ((name, where, why),) = found.failed
    assert (name, where, type(why)) == ("17", wheres[17], error)
    assert found[3:5].failed == found.filter(bounds=(0, 0, 1, 1)).failed == found.failed
    assert (found + found).failed == found.failed * 2
    assert "1 failed" in repr(found)


async def test_what_failed_is_in_the_index_and_is_tried_again(server, tmp_path):
    wheres = [*urls(server), server.url("late.tif")]
    found = await tinycog.Collection.from_urls(wheres, errors="keep")
    found.save(tmp_path / "a.jsonl")
    again = tinycog.Collection.load(tmp_path / "a.jsonl")
    ((name, where, why),) = again.failed
    assert (name, where) == ("late", wheres[-1])
    assert isinstance(why, tinycog.NotFoundError)
    assert str(why) == str(found.failed[0].error)

    still = await again.refresh()
    assert [one.name for one in still.failed] == ["late"]
    async with RangeServer({**DATA, "late.tif": cog_of(9)}) as other:
        moved = [tinycog.FailedAsset(name, other.url("late.tif"), why)]
        fresh = await tinycog.Collection(failed=moved).refresh()
    assert (names(fresh), fresh.failed) == (["late"], ())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"names": ["a"]}, "names= has 1 for 6 files"),
        ({"properties": {"a": 1}}, "properties= is a sequence"),
        ({"times": ["yesterday"] * COUNT}, "'yesterday'"),
        ({"times": [("2024-02-01", "2024-01-01")] * COUNT}, "cannot end"),
        ({"concurrency": 0}, "concurrency"),
        ({"errors": "drop"}, "errors="),
    ],
)
async def test_what_makes_no_sense_is_refused(server, options, text):
    with pytest.raises(tinycog.UsageError, match=text):
        await tinycog.Collection.from_urls(urls(server), **options)


async def test_what_has_no_name_is_refused():
    with pytest.raises(tinycog.UsageError, match="url or a path"):
        await tinycog.Collection.from_urls([DATA["0.tif"]])  # pyright: ignore[reportArgumentType]


# --- names, patterns, places ---------------------------------------------------------------------


async def test_a_pattern_is_listed_and_sorted(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / "x" / name).mkdir(parents=True)
        (tmp_path / "x" / name / "t.tif").write_bytes(DATA["0.tif"])
    (tmp_path / "lone.tif").write_bytes(DATA["1.tif"])
    found = await tinycog.Collection.from_urls(f"{tmp_path}/x/*/t.tif")
    assert [asset.where for asset in found] == [f"{tmp_path}/x/{n}/t.tif" for n in "abc"]
    assert names(found) == [f"{tmp_path}/x/{n}/t.tif" for n in "abc"]  # "t" would be of all
    deep = await tinycog.Collection.from_urls([tmp_path / "lone.tif", f"{tmp_path}/x/**/*.tif"])
    assert names(deep)[0] == "lone"
    assert len(deep) == 4
    with pytest.raises(tinycog.NotFoundError, match="names no file"):
        await tinycog.Collection.from_urls(f"{tmp_path}/*.png")


async def test_a_pattern_of_fsspec_is_listed():
    fsspec = pytest.importorskip("fsspec")
    fs = fsspec.filesystem("memory")
    for i in (2, 0, 1):
        fs.pipe(f"/collection/{i}.tif", DATA[f"{i}.tif"])
    found = await tinycog.Collection.from_urls("memory://collection/*.tif")
    assert [asset.where for asset in found] == [f"memory:///collection/{i}.tif" for i in range(3)]
    by_fs = await tinycog.Collection.from_urls("/collection/*.tif", fs=fs)
    assert names(by_fs) == ["0", "1", "2"]
    assert np.array_equal((await by_fs[1].open(fs=fs).read()).data, pixels_of(1))


async def test_relative_paths_become_absolute(tmp_path, monkeypatch):
    (tmp_path / "a.tif").write_bytes(DATA["0.tif"])
    monkeypatch.chdir(tmp_path)
    (asset,) = await tinycog.Collection.from_urls("a.tif")
    assert asset.where == str(tmp_path / "a.tif")


async def test_a_file_without_a_place_is_kept_and_lies_in_no_area():
    path = fixture_path("tiled-gcps")
    plain = make_tiff([make_image(pixels_of(0), tile=(64, 64))])
    async with RangeServer({"gcps.tif": path.read_bytes(), "plain.tif": plain}) as server:
        wheres = [server.url("gcps.tif"), server.url("plain.tif")]
        found = await tinycog.Collection.from_urls(wheres)
    assert [asset.bounds for asset in found] == [None, None]
    assert [asset.transform for asset in found] == [None, None]
    assert len(found.filter(bounds=(-180, -90, 180, 90))) == 0


# --- a sequence ----------------------------------------------------------------------------------


def test_it_is_a_sequence(kept):
    assert len(kept) == COUNT
    assert kept[-1] == kept[COUNT - 1]
    assert kept[1] in kept
    assert names(kept[1:4]) == ["1", "2", "3"]
    assert names(kept[::-2]) == ["5", "3", "1"]
    both = kept[4:] + kept[:2] + kept
    assert names(both) == ["4", "5", "0", "1", *NAMES]
    assert names(both[1:7:2]) == ["5", "1", "1"]
    assert both[-COUNT].name == "0"
    assert list(reversed(kept[:2])) == [kept[1], kept[0]]
    assert len(kept[3:3]) == 0
    assert [len(part) for part in (tinycog.Collection(), kept[:0] + kept[:0])] == [0, 0]
    with pytest.raises(IndexError, match="there is no asset 6"):
        _ = kept[COUNT]
    with pytest.raises(tinycog.UsageError, match="holds assets"):
        tinycog.Collection(["a.tif"])  # pyright: ignore[reportArgumentType]


def test_it_shows_its_first_assets(kept):
    assert repr(kept).splitlines()[0] == f"<Collection of {COUNT} assets"
    assert "EPSG:32633" in repr(kept)
    assert "... 1 more" in repr(kept)
    assert f"Collection of {COUNT} assets" in kept._repr_html_()
    assert "uint16" in kept[0]._repr_html_()


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])  # noqa: S301 - our own
def test_it_pickles_without_its_file(kept, how, tmp_path):
    kept.save(tmp_path / "a.jsonl")
    loaded = tinycog.Collection.load(tmp_path / "a.jsonl")
    again = how(loaded[1:4])
    shutil.rmtree(tmp_path)
    assert list(again) == list(kept[1:4])


# --- kept in a file ------------------------------------------------------------------------------


@pytest.fixture(params=["jsonl", "parquet"])
def path(request, tmp_path):
    if request.param == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow, of the extra collections, is not there")
    return tmp_path / f"index.{request.param}"


async def test_an_index_comes_back_as_it_was(server, path):
    found = await indexed(server)
    found.save(path)
    again = tinycog.Collection.load(path)
    assert list(again) == list(found)
    again[2:4].save(path)
    assert names(tinycog.Collection.load(path)) == ["2", "3"]
    assert names(again) == NAMES  # what is open stays
    cog = again[1].open()
    assert np.array_equal((await cog.read()).data, pixels_of(1))


def test_columns_beside_are_used_and_never_stale(kept, tmp_path):
    path = tmp_path / "a.jsonl"
    kept.save(path)
    columns = sidecar_of(path)
    first = columns.read_bytes()
    assert names(tinycog.Collection.load(path).filter(where={"n": 3})) == ["3"]
    assert columns.read_bytes() == first

    text = path.read_text("utf-8")
    changed = text.replace('"n":3', '"n":9')  # as long as before
    stat = path.stat()
    path.write_text(changed, "utf-8")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert names(tinycog.Collection.load(path).filter(where={"n": 9})) == ["3"]
    assert columns.read_bytes() != first

    for broken in (b"", b"no zip", first[:-100], first[:100] + b"x" + first[101:]):
        columns.write_bytes(broken)
        assert names(tinycog.Collection.load(path).filter(where={"n": 9})) == ["3"]
    columns.unlink()
    tmp_path.chmod(0o500)
    try:
        assert len(tinycog.Collection.load(path)) == COUNT
    finally:
        tmp_path.chmod(0o700)


def test_an_index_that_is_changed_in_place_is_noticed(kept, tmp_path):
    path = tmp_path / "a.jsonl"
    kept.save(path)
    loaded = tinycog.Collection.load(path)
    with path.open("r+b") as file:
        at = path.read_bytes().index(b'"name":"2"')
        file.seek(at)
        file.write(b'"name":"7"')
    assert loaded[1].name == "1"
    with pytest.raises(tinycog.UsageError, match="changed since it was loaded"):
        _ = loaded[2]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda lines: lines[:-1], "cut or changed"),
        (lambda lines: [*lines, lines[-1]], "cut or changed"),
        (lambda lines: lines[1:], "not an index"),
        (lambda lines: [lines[0].replace(":1,", ":2,"), *lines[1:]], "version 2"),
        (lambda lines: [lines[0], "{no json", *lines[2:]], "line 2"),
        (lambda lines: lines[:0], "not an index"),
    ],
)
def test_a_broken_index_is_refused(kept, tmp_path, change, text):
    path = tmp_path / "a.jsonl"
    kept.save(path)
    path.write_text("\n".join([*change(path.read_text("utf-8").splitlines()), ""]), "utf-8")
    with pytest.raises(tinycog.UsageError, match=text):
        tinycog.Collection.load(path)


def test_a_save_that_fails_leaves_what_was_there(kept, tmp_path):
    path = tmp_path / "a.jsonl"
    kept.save(path)
    bad = tinycog.Asset("bad", "/a.tif", properties={"x": float("nan")})
    with pytest.raises(tinycog.UsageError, match="'bad' cannot be written"):
        tinycog.Collection([bad]).save(path)
    assert len(tinycog.Collection.load(path)) == COUNT
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.columns"]


def test_urls_with_credentials_are_not_written_unasked(tmp_path):
    path = tmp_path / "a.jsonl"
    secret = tinycog.Collection([tinycog.Asset("a", "https://example.com/a.tif?sig=hush")])
    with pytest.raises(tinycog.UsageError, match="may be a credential") as caught:
        secret.save(path)
    assert "hush" not in str(caught.value)
    assert not path.exists()
    secret.save(path, secrets=True)
    assert tinycog.Collection.load(path)[0].where.endswith("hush")
    tinycog.Collection([tinycog.Asset("a?#@", "/data/a.tif")]).save(path)


def test_nodata_that_json_cannot_hold_comes_back(path):
    for nodata in (float("nan"), float("-inf"), 0, None, 1 << 62):
        asset = tinycog.Asset("a", "/a.tif", nodata=nodata)
        tinycog.Collection([asset]).save(path)
        found = tinycog.Collection.load(path)[0].nodata
        assert repr(found) == repr(nodata)


# --- objects that are replaced -------------------------------------------------------------------


async def test_replaced_objects_are_refused_by_name_and_generation():
    assert await outcome(40) == (40, 0, [])


async def test_an_object_that_is_gone_is_named(server):
    found = await indexed(server)
    server.script(Fault.status(404, times=None))
    with pytest.raises(tinycog.NotFoundError, match=r"asset '2', indexed as http://.*/2\.tif#\""):
        await found[2].open().read_tile(0, 0, 0)
    with pytest.raises(tinycog.NotFoundError, match="asset '3'"):
        await found[3].open().read_tile_bytes(0, 0, 0)


async def test_refresh_reads_only_what_was_replaced(server):
    found = await indexed(server)
    other = make_tiff([make_image(pixels_of(50), tile=(64, 64))])
    server.script(
        Fault.change(other, path="2.tif", times=None), Fault.status(404, path="4.tif", times=None)
    )
    server.clear()
    fresh = await found.refresh()

    assert (fresh.replaced, fresh.removed) == (("2",), ("4",))
    assert names(fresh) == ["0", "1", "2", "3", "5"]
    assert fresh[0] == found[0]
    assert fresh[2].generation != found[2].generation
    assert (fresh[2].properties, fresh[2].start) == (found[2].properties, found[2].start)
    assert np.array_equal((await fresh[2].open().read()).data, pixels_of(50))
    asked = [(line.start, line.stop) for line in server.log]
    assert (
        sum(stop - start == 1 for start, stop in asked) == COUNT + 1
    )  # once more without If-Match
    assert (found.replaced, found.removed) == ((), ())


async def test_a_handle_tells_whether_its_object_is_the_current_one(server):
    cog = await tinycog.open(server.url("0.tif"))
    await cog.check_current()
    assert [line.stop - line.start for line in server.log[1:]] == [1]
    server.script(Fault.change(DATA["1.tif"], times=None))
    with pytest.raises(tinycog.SourceChangedError):
        await cog.check_current()


# --- filters -------------------------------------------------------------------------------------


def test_times_are_half_open(kept):
    start = datetime(2024, 1, 3, tzinfo=UTC)
    for given in (
        start,
        "2024-01-03",
        "2024-01-03T00:00:00Z",
        date(2024, 1, 3),
        start.replace(tzinfo=None),
        np.datetime64("2024-01-03"),
        datetime(2024, 1, 3, 2, tzinfo=timezone(timedelta(hours=2))),
    ):
        assert names(kept.filter(start=given)) == ["2", "3", "4", "5"], given
        assert names(kept.filter(end=given)) == ["0", "1"], given
    assert names(kept.filter(start="2024-01-02", end="2024-01-04")) == ["1", "2"]
    with pytest.raises(tinycog.UsageError, match="not before"):
        kept.filter(start="2024-01-04", end="2024-01-04")
    with pytest.raises(tinycog.UsageError, match="end="):
        kept.filter(end="soon")


def test_an_asset_with_an_end_lies_in_all_of_its_time():
    spans = [("2024-01-01", "2024-01-05"), ("2024-01-04", None), (None, None)]
    assets = [
        tinycog.Asset(str(i), f"/{i}", start=_time(start), end=_time(end))
        for i, (start, end) in enumerate(spans)
    ]
    found = tinycog.Collection(assets)
    assert names(found.filter(start="2024-01-05")) == ["0"]
    assert names(found.filter(start="2024-01-05T00:00:00.000001")) == []
    assert names(found.filter(end="2024-01-02")) == ["0"]
    assert names(found.filter(start="2023-01-01", end="2025-01-01")) == ["0", "1"]


def _time(text):
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ({"n": 3}, "3"),
        ({"n": 3.0}, "3"),
        ({"n": (2, 4)}, "234"),
        ({"n": (None, 1)}, "01"),
        ({"share": (1.5, None)}, "345"),
        ({"share": 0.5}, "1"),
        ({"kind": "a"}, "024"),
        ({"kind": ["a", "b"], "n": {1, 2}}, "12"),
        ({"kind": ("b", "z")}, "135"),
        ({"ok": True}, "345"),
        ({"deep": {"of": [4]}}, "4"),
        ({"deep": [{"of": [4]}, {"of": [5]}]}, "45"),
        ({"kind": 3}, ""),
        (lambda asset: asset.properties["n"] % 2 == 1, "135"),
    ],
)
def test_properties(kept, tmp_path, where, wanted, loaded):
    if loaded:
        kept.save(tmp_path / "a.jsonl")
        kept = tinycog.Collection.load(tmp_path / "a.jsonl")
    assert names(kept.filter(where=where)) == list(wanted)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"where": {"cloud": 3}}, "no asset has the property 'cloud'; there is"),
        ({"where": {"knd": "a"}}, "there is kind"),
        ({"where": {"n": (1, 2, 3)}}, "a range is"),
        ({"where": {"kind": (1, 2)}}, "which can be 'a'"),
        ({"where": "n"}, "where="),
        ({"bounds": (0, 0, 1)}, "bounds"),
        ({"bounds": (0, 0, 1, 1), "geometry": {"type": "Point", "coordinates": [0, 0]}}, "both"),
        ({"crs": 3857}, "crs="),
        ({"geometry": {"type": "Nothing"}}, "GeoJSON"),
        ({"geometry": 5}, "GeoJSON"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(kept, options, text):
    with pytest.raises(tinycog.UsageError, match=text):
        kept.filter(**options)


def test_integers_keep_every_digit_and_a_missing_value_is_not_zero():
    big = (1 << 53) + 1
    values: list[Any] = [big, big + 1, None, 0, 1.5, 1 << 70]
    assets = [tinycog.Asset(str(i), "/", properties={"n": v}) for i, v in enumerate(values)]
    for some in (assets[:4], assets, assets[2:5]):
        found = tinycog.Collection(some)
        for asset in some:
            value = asset.properties["n"]
            if value is not None:
                assert names(found.filter(where={"n": value})) == [asset.name]
        assert "2" not in names(found.filter(where={"n": (None, None)}))


def boxes(*bounds):
    return tinycog.Collection(
        [tinycog.Asset(str(i), f"/{i}", bounds=one) for i, one in enumerate(bounds)]
    )


def test_bounds_go_over_the_antimeridian():
    found = boxes(
        (170, -10, -170, 10),
        (-10, -10, 10, 10),
        (175, 0, 180, 5),
        (-180, 0, -178, 5),
        (-180, -90, 180, 90),
    )
    assert names(found.filter(bounds=(178, 0, -179, 1))) == ["0", "2", "3", "4"]
    assert names(found.filter(bounds=(-172, 0, -171, 1))) == ["0", "4"]
    assert names(found.filter(bounds=(178, 0, 181.5, 1))) == ["0", "2", "3", "4"]
    assert names(found.filter(bounds=(-10, 10, -9, 11))) == ["1", "4"]
    assert names(found.filter(bounds=(350, 0, 351, 1))) == ["1", "4"]
    assert names(found.filter(bounds=(-180, 80, 180, 90))) == ["4"]


def test_geometries_are_compared_with_footprints():
    pytest.importorskip("shapely", reason="shapely, of the extra collections, is not there")
    turned = {"type": "Polygon", "coordinates": [[[0, 5], [5, 0], [10, 5], [5, 10], [0, 5]]]}
    found = tinycog.Collection(
        [
            tinycog.Asset("turned", "/a", bounds=(0, 0, 10, 10), geometry=turned),
            tinycog.Asset("box", "/b", bounds=(0, 0, 10, 10)),
            tinycog.Asset("over", "/c", bounds=(170, 0, -170, 10)),
        ]
    )
    corner = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    assert names(found.filter(geometry=corner)) == ["box"]
    assert names(found.filter(bounds=(0, 0, 1, 1))) == ["turned", "box"]
    feature = {"type": "Feature", "properties": {}, "geometry": turned}
    assert names(found.filter(geometry=feature)) == ["turned", "box"]
    for x in (175, -175, 185):
        point = {"type": "Point", "coordinates": [x, 5]}
        assert names(found.filter(geometry=point)) == ["over"], x

    class Shape:
        __geo_interface__ = corner

    assert names(found.filter(geometry=Shape())) == ["box"]


def test_areas_in_another_crs(kept):
    assert names(kept.filter(bounds=(503_100, 4_998_000, 505_900, 4_999_000), crs=32633)) == ["1"]
    pytest.importorskip("shapely", reason="shapely, of the extra collections, is not there")
    ring = [[503_100, 4_998_000], [505_900, 4_998_000], [505_900, 4_999_000], [503_100, 4_998_000]]
    area = {"type": "Polygon", "coordinates": [ring]}
    assert names(kept.filter(geometry=area, crs="EPSG:32633")) == ["1"]


def test_filters_of_parts_keep_their_order(kept, tmp_path):
    kept.save(tmp_path / "a.jsonl")
    both = tinycog.Collection.load(tmp_path / "a.jsonl")[::-1] + kept
    assert names(both.filter(where={"n": (2, 3)})) == ["3", "2", "2", "3"]
    assert len(tinycog.Collection().filter(where={"n": 1}, bounds=(0, 0, 1, 1))) == 0


# --- blocking ------------------------------------------------------------------------------------


def test_it_blocks(tmp_path):
    with serve_in_thread(dict(DATA)) as server:
        found = tinycog.sync.Collection.from_urls([server.url(f"{i}.tif") for i in range(3)])
        assert isinstance(found[0], tinycog.sync.Asset)
        cog = found[1].open()
        assert isinstance(cog, tinycog.sync.Cog)
        assert np.array_equal(cog.read().data, pixels_of(1))
        found.save(tmp_path / "a.jsonl")
        again = tinycog.sync.Collection.load(tmp_path / "a.jsonl")
        assert [one.name for one in again + found[:1]] == ["0", "1", "2", "0"]
        assert len(again.filter(bounds=(0, 0, 1, 1))) == 0
        assert again.refresh().replaced == ()


def test_an_index_is_json_lines(kept, tmp_path):
    kept.save(tmp_path / "a.jsonl")
    first, *others = map(json.loads, (tmp_path / "a.jsonl").read_text("utf-8").splitlines())
    assert first == {"tinycog_collection": 1, "assets": COUNT}
    assert [one["name"] for one in others] == NAMES
    assert others[0]["properties"] == described(0)
