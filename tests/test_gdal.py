"""What GDAL adds to TIFF: the ghost area behind the header, and the nodata tag."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from conftest import Feed, fixture_path

from tinycog.testing import Directory, Field, Layout, make_tiff
from tinycog.tiff.ghost import GHOST_HEAD_LENGTH, Ghost, make_ghost, parse_ghost
from tinycog.tiff.nodata import fill_value, nodata_value
from tinycog.tiff.parse import parse_header

ONE = Directory([Field(256, "SHORT", 7)])
GHOST = make_ghost()[GHOST_HEAD_LENGTH:]


def ghost_of(data: bytes) -> Ghost | None:
    feed = Feed(data)
    return feed.run(parse_ghost(feed.buffer, feed.run(parse_header(feed.buffer))))


def with_ghost(text: str, head: str | None = None) -> bytes:
    """A little-endian classic TIFF with that text as its ghost area."""
    head = f"GDAL_STRUCTURAL_METADATA_SIZE={len(text):06} bytes\n" if head is None else head
    return make_tiff([ONE])[:8] + head.encode() + text.encode("latin-1")


# --- ghost area ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("byte_order", "big"), list(product("<>", [False, True])))
def test_the_ghost_area_lies_behind_the_header(byte_order, big):
    data = make_tiff([ONE], byte_order=byte_order, big=big, layout=Layout(ghost=True))
    ghost = ghost_of(data)
    assert ghost is not None
    assert ghost.items == {
        "LAYOUT": "IFDS_BEFORE_DATA",
        "BLOCK_ORDER": "ROW_MAJOR",
        "BLOCK_LEADER": "SIZE_AS_UINT4",
        "BLOCK_TRAILER": "LAST_4_BYTES_REPEATED",
        "KNOWN_INCOMPATIBLE_EDITION": "NO",
    }
    assert ghost.stop == (16 if big else 8) + GHOST_HEAD_LENGTH + len(GHOST)


@pytest.mark.parametrize(
    ("name", "leaders"),
    [
        ("cog-deflate-u8", True),
        ("cog-bigtiff-u16", True),
        ("tiled-be-ghost", True),
        ("cog-mask-rgb", True),
        ("cog-edited-pixels", False),
        ("cog-edited-tags", False),
    ],
)
def test_the_promises_of_a_ghost_area_hold_until_an_edit(name, leaders):
    ghost = ghost_of(fixture_path(name).read_bytes())
    assert ghost is not None
    assert ghost.valid == (not name.startswith("cog-edited"))
    assert ghost.has_leaders == leaders


def test_an_edit_breaks_all_promises():
    text = GHOST.decode() + "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
    before, after = ghost_of(with_ghost(text)), ghost_of(with_ghost(text.replace("NO\n ", "YES\n")))
    assert before is not None
    assert (before.valid, before.has_leaders) == (True, True)
    assert after is not None
    assert (after.valid, after.has_leaders) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "BLOCK_LEADER=SIZE_AS_UINT4\n",
        "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n",
        "BLOCK_LEADER=SIZE_AS_UINT8\nBLOCK_TRAILER=LAST_4_BYTES_REPEATED\n",
        "",
    ],
)
def test_leaders_are_promised_only_together_with_trailers(text):
    ghost = ghost_of(with_ghost(text))
    assert ghost is not None
    assert not ghost.has_leaders


def test_items_that_are_not_known_are_kept():
    ghost = ghost_of(with_ghost("COG_WSI_VERSION=1\n A = b=c \nno item\n\n"))
    assert ghost is not None
    assert ghost.items == {"COG_WSI_VERSION": "1", "A": "b=c"}


def test_bytes_that_are_not_ascii_do_not_hurt():
    ghost = ghost_of(with_ghost("LAYOUT=\xff\0\nBLOCK_ORDER=ROW_MAJOR\n"))
    assert ghost is not None
    assert ghost.items["BLOCK_ORDER"] == "ROW_MAJOR"


@pytest.mark.parametrize(
    "data",
    [
        make_tiff([ONE]),
        make_tiff([ONE], big=True),
        make_tiff([ONE])[:8],
        with_ghost(
            "LAYOUT=IFDS_BEFORE_DATA\n", head="GDAL_STRUCTURAL_METADATA_SIZE=00002x bytes\n"
        ),
        with_ghost(
            "LAYOUT=IFDS_BEFORE_DATA\n", head="GDAL_STRUCTURAL_METADATA_SIZE=-00024 bytes\n"
        ),
        with_ghost(
            "LAYOUT=IFDS_BEFORE_DATA\n", head="GDAL_STRUCTURAL_METADATA_SIZE=000024 Bytes\n"
        ),
        with_ghost("LAYOUT=IFDS_BEFORE_DATA\n")[:-1],
        with_ghost("LAYOUT=IFDS_BEFORE_DATA\n")[:40],
        with_ghost("", head="GDAL_STRUCTURAL_METADATA_SIZE=999999 bytes\n"),
    ],
    ids=[
        *("plain", "plain-big", "only-header", "size-is-no-number", "size-is-negative"),
        *("other-words", "cut-in-its-items", "cut-in-its-head", "longer-than-the-file"),
    ],
)
def test_where_no_ghost_area_is_there_is_none(data):
    assert ghost_of(data) is None


def test_a_ghost_area_costs_its_own_bytes_and_its_absence_43():
    feed = Feed(make_tiff([ONE], layout=Layout(ghost=True)) + bytes(1000))
    header = feed.run(parse_header(feed.buffer))
    feed.asked.clear()
    feed.run(parse_ghost(feed.buffer, header))
    assert feed.asked == [[(16, 51)], [(51, 51 + len(GHOST))]]

    feed = Feed(make_tiff([ONE]) + bytes(1000))
    header = feed.run(parse_header(feed.buffer))
    feed.asked.clear()
    feed.run(parse_ghost(feed.buffer, header))
    assert feed.asked == [[(16, 51)]]


# --- nodata --------------------------------------------------------------------------------------

F4_LOWEST = float(np.finfo(np.float32).min)


@pytest.mark.parametrize(
    ("text", "dtype", "expected"),
    [
        # integers are exact
        ("0", "uint8", 0),
        ("255", "uint8", 255),
        ("-9999", "int16", -9999),
        ("-9999.0", "int16", -9999),
        ("1e2", "uint8", 100),
        ("0e500", "uint8", 0),
        ("-0.0e+999999999", "float32", -0.0),
        ("9007199254740993", "int64", 2**53 + 1),
        ("-9223372036854775808", "int64", -(2**63)),
        ("-9.2233720368547758e+18", "int64", -9223372036854775800),
        ("18446744073709551615", "uint64", 2**64 - 1),
        # floats are rounded to the dtype
        ("0.10000000000000001", "float32", float(np.float32(0.1))),
        ("0.10000000000000001", "float64", 0.1),
        ("0.1", "complex64", float(np.float32(0.1))),
        ("0.1", "complex128", 0.1),
        ("-3.4028234663852886e+38", "float32", F4_LOWEST),
        ("-3.40282306073709653e+38", "float32", float(np.float32(-3.40282306073709653e38))),
        ("-3.4e+38", "float32", float(np.float32(-3.4e38))),
        ("-9999", "float32", -9999.0),
        ("1", "float16", 1.0),
        # nan and inf in any case
        ("nan", "float32", math.nan),
        ("NaN", "float64", math.nan),
        ("-nan", "float32", math.nan),
        ("1.#QNAN", "float32", math.nan),
        ("-1.#IND", "float32", math.nan),
        ("inf", "float32", math.inf),
        ("-INF", "float64", -math.inf),
        ("Infinity", "float16", math.inf),
        # blanks, NULs, commas, what stands behind
        (" 255 ", "uint8", 255),
        ("255\n", "uint8", 255),
        ("255\0\0", "uint8", 255),
        ("255 \0", "uint8", 255),
        ("1,5", "float32", 1.5),
        ("1,0", "uint8", 1),
        ("255abc", "uint8", 255),
        ("+7", "uint8", 7),
        # what no sample can equal
        ("300", "uint8", None),
        ("-1", "uint8", None),
        ("0.5", "uint8", None),
        ("nan", "uint8", None),
        ("inf", "int32", None),
        ("9223372036854775808", "int64", None),
        # what is no number
        ("", "uint8", None),
        ("none", "float32", None),
        ("-", "float32", None),
        ("e5", "float32", None),
    ],
)
def test_nodata_is_a_value_that_samples_can_equal(text, dtype, expected):
    actual = nodata_value(text, np.dtype(dtype))
    assert type(actual) is type(expected)
    assert actual == expected or (actual != actual and expected != expected)  # noqa: PLR0124 - NaN


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float16", "float32"])
def test_samples_of_the_dtype_equal_their_nodata(dtype):
    value = nodata_value("100.0", np.dtype(dtype))
    assert (np.array([100], dtype) == value).all()


@pytest.mark.parametrize(
    ("text", "dtype", "expected"),
    [
        (None, "uint8", 0),
        ("", "uint8", 0),
        ("none", "float32", 0),
        ("7", "uint8", 7),
        ("300", "uint8", 255),
        ("-300", "int8", -128),
        ("0.5", "uint8", 1),
        ("2.4", "int16", 2),
        ("nan", "int32", 0),
        ("inf", "int32", 2**31 - 1),
        ("1e30", "uint64", 2**64 - 1),
        ("-7.5", "float32", -7.5),
        ("-inf", "float32", -math.inf),
    ],
)
def test_what_is_not_stored_is_filled_with_the_value_nearest_to_nodata(text, dtype, expected):
    assert fill_value(text, np.dtype(dtype)) == expected


def test_what_is_not_stored_may_be_nan():
    assert math.isnan(fill_value("nan", np.dtype("float32")))
