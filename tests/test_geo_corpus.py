"""Real files lie where GDAL says, and mean what it says, where a corpus is at hand."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import pyproj
import pytest
from geo_files import NAMED_HEIGHTS, assert_same_crs, horizontal, in_rasterio, read_all
from rasterio.crs import CRS
from test_corpus import RECORDS, SKIP, path_of

from tinycog.errors import TinycogError
from tinycog.geo.crs import Crs
from tinycog.geo.georeference import Georeference
from tinycog.geo.metadata import Metadata
from tinycog.geo.transform import RPC, bounds_of, level_transform, res_of
from tinycog.tiff.pyramid import Pyramid

MOST_BYTES = 64 << 20

# --- where we differ from rasterio, and why ------------------------------------------------------

NO_SUCH_MERCATOR = {"chai2010__merc.tif", "node-gdal__unsupported-srs.tif"}
"""Mercator with a latitude that is not 0: PROJ does not know it; GDAL gives none, we refuse it."""
KEPT_SHIFT = {"gdal__epsg_27563_allgeokeys.tif"}
"""A shift to WGS 84 beside a code of EPSG.

EPSG knows the shift better: we leave it out, as GDAL does where the code stands alone.
"""
WEB_MERCATOR_OF_ESRI = {
    "gdal__WGS_1984_Web_Mercator.tif",
    "geotrellis__SBN_inc_percap-nodata-clip.tif",
}
"""A name of Web Mercator that GDAL takes for ESRI:102113, we for EPSG:3857: the same places."""
FOUND_BY_US = {
    *WEB_MERCATOR_OF_ESRI,
    "gdal__ArcGIS-1.0.0-non_scaled.tiff",
    "gdal__ArcGIS-2.0.1-non_scaled.tiff",
    "rasterio__test_esri_wkt.tif",
    "torchgeo__m_3807511_ne_18_060_20190605.tif",
}
"""CRSs by name or numbers that equal one of EPSG, which pyproj finds and GDAL does not."""
NO_PALETTE = {"golang__invalid-palette-ref.tiff"}
"""A ColorMap beyond the end of the file."""
BROKEN_EXTRAS = {"mdextract__m2-d1d366d7965db766c19a66c7a2ccbb6b.tif"}
"""libtiff takes away ExtraSamples that do not fit."""
OTHER_TAGS = {
    "libtiff-cve__crash_1_cve_2018.tif",
    "mdextract__m1-b1ab6f4b81e9b8020a90c8f2c9bcfedb.tif",
    "oiio__crash-cmyk-1bit.tif",
    "pillow__old-style-jpeg-compression-no-samplesperpixel.tif",
}
"""Damaged tags: of senseless types or counts, which libtiff corrects in ways of its own."""
INKS_AND_LAB = (5, 8)
"""PhotometricInterpretation of which GDAL makes RGBA."""


def georeferenced() -> list[dict[str, Any]]:
    return [record for record in RECORDS if is_small(record) and record.get("images")]


def is_small(record: dict[str, Any]) -> bool:
    return record["size"] <= MOST_BYTES and record["class"] not in ("must-refuse", "unsupported")


@SKIP
def test_every_file_lies_where_gdal_says():
    judge(wrong_places)


@SKIP
def test_every_crs_is_that_of_gdal():
    judge(wrong_crs)


@SKIP
def test_every_file_means_what_gdal_says():
    judge(wrong_metadata)


def judge(complaints: Any) -> None:
    """Ask of every file that both can open; a complaint is a fact that differs."""
    wrong: list[str] = []
    seen = 0
    for record in georeferenced():
        try:
            ours = read_all(Path(path_of(record)).read_bytes())
        except TinycogError:
            continue
        try:
            with in_rasterio(path_of(record)) as dataset:
                seen += 1
                wrong += [
                    f"{record['file']}: {fact}" for fact in complaints(record, *ours, dataset)
                ]
        except OSError:
            continue
    assert wrong == []
    assert seen > 1000


def close(ours: Any, theirs: Any) -> bool:
    pairs = zip(ours, theirs, strict=True)
    return all(math.isclose(a, b, rel_tol=1e-9) for a, b in pairs)


def wrong_places(
    record: dict[str, Any], ours: Georeference, _metadata: Metadata, pyramid: Pyramid, theirs: Any
) -> list[str]:
    width, height = theirs.width, theirs.height
    points = [(p.row, p.col, p.x, p.y, p.z, p.id) for p in theirs.gcps[0]]
    same = {
        "transform": close(ours.transform, theirs.transform),
        "bounds": close(bounds_of(ours.transform, width, height), theirs.bounds),
        "res": close(res_of(ours.transform), theirs.res),
        "gcps": [tuple(point) for point in ours.gcps] == points,
        "rpcs": same_rpcs(ours.rpcs, theirs.rpcs),
    }
    levels = pyramid.levels[1:] if ours.has_transform else ()
    for i, level in zip(range(len(theirs.overviews(1))), levels, strict=False):
        size = (level.grid.width, level.grid.height)
        with in_rasterio(path_of(record), OVERVIEW_LEVEL=i) as overview:
            transform = level_transform(ours.transform, (width, height), size)
            same[f"overview {i}"] = close(transform, overview.transform)
    return [name for name, is_same in same.items() if not is_same]


def same_rpcs(ours: RPC | None, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    return all(
        getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=1e-12)
        for name in RPC._fields
    )


def wrong_crs(
    record: dict[str, Any], ours: Georeference, _metadata: Metadata, _pyramid: Pyramid, theirs: Any
) -> list[str]:
    expected = theirs.crs or theirs.gcps[1]
    if record["file"] in NO_SUCH_MERCATOR:
        assert ours.crs is not None
        with pytest.raises(TinycogError, match="Mercator"):
            ours.crs.to_pyproj()
        return [] if expected is None else ["GDAL knows such a Mercator now"]
    if ours.crs is None or expected is None:
        return [] if ours.crs is None and expected is None else [f"crs {ours.crs}"]
    wkt = expected.to_wkt()
    if record["file"] in WEB_MERCATOR_OF_ESRI:  # WKT 1 loses the method
        wkt = expected.to_wkt(version="WKT2_2019")
    if record["file"] in KEPT_SHIFT:
        wkt = horizontal(pyproj.CRS.from_wkt(wkt)).to_wkt()
    has_heights = record["file"] in NAMED_HEIGHTS
    wrong = list(unlike(ours.crs, wkt, has_heights=has_heights))
    if not has_heights and record["file"] not in FOUND_BY_US:
        code, known = code_of(ours.crs), code_in_rasterio(expected.to_wkt())
        wrong += [f"epsg {code}"] * (code != known)
    return wrong


@cache
def unlike(crs: Crs, wkt: str, *, has_heights: bool) -> tuple[str, ...]:
    """Say how a CRS, and that of its code, differ from what GDAL has; many files have the same."""
    found, code = crs.to_pyproj(), code_of(crs)
    if has_heights:
        found, wkt = horizontal(found), horizontal(pyproj.CRS.from_wkt(wkt)).to_wkt()
    try:
        assert_same_crs(found, wkt)
        if code is not None:
            assert_same_crs(pyproj.CRS.from_epsg(code), wkt)
    except AssertionError as error:
        return (f"crs {crs}: {error}",)
    return ()


code_of = cache(Crs.to_epsg)


@cache
def code_in_rasterio(wkt: str) -> int | None:
    """Find the code of a CRS as rasterio does; once, for it looks through the whole registry."""
    return CRS.from_wkt(wkt).to_epsg()


def wrong_metadata(
    record: dict[str, Any], _ours: Georeference, metadata: Metadata, pyramid: Pyramid, theirs: Any
) -> list[str]:
    name, photometric = record["file"], pyramid.levels[0].photometric
    if photometric in INKS_AND_LAB or name in NO_SUCH_MERCATOR:
        return []
    colours = tuple(colour.name for colour in theirs.colorinterp)
    same = {
        "scales": metadata.scales == theirs.scales,
        "offsets": metadata.offsets == theirs.offsets,
        "descriptions": metadata.descriptions == theirs.descriptions,
        "units": metadata.units == theirs.units,
        "colorinterp": metadata.colorinterp == colours or name in NO_PALETTE | BROKEN_EXTRAS,
        "tags": same_tags(metadata.tags(), theirs.tags()) or name in OTHER_TAGS,
        "band tags": [plain(metadata.tags(i)) for i in range(theirs.count)]
        == [plain(theirs.tags(i)) for i in theirs.indexes],
    }
    return [fact for fact, is_same in same.items() if not is_same]


def same_tags(ours: dict[str, str], theirs: dict[str, str]) -> bool:
    """Compare items; rasterio leaves out text that is not UTF-8, which is Latin-1 here."""
    theirs = plain(theirs)
    left_out = {name for name, text in ours.items() if not text.isascii() and name not in theirs}
    return {name: text for name, text in plain(ours).items() if name not in left_out} == theirs


def plain(tags: dict[str, str]) -> dict[str, str]:
    """Rasterio leaves out what is not UTF-8; we replace what is not."""
    return {name: text for name, text in tags.items() if "\ufffd" not in text}
