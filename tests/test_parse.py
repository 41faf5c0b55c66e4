"""From bytes to directories: header, IFD chain, entries and values, right and wrong ones."""

from __future__ import annotations

import math
import pickle
import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile
from conftest import LIMITS, Feed, read_ifd, read_tiff, run

import tinycog
from tinycog.errors import Finding, FormatError, LimitError, NotTiffError, TruncatedError
from tinycog.limits import Limits
from tinycog.testing import Directory, Field, flaws, make_image, make_tiff
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.layout import BEYOND, Plain
from tinycog.tiff.parse import Entry, Value, parse_header, parse_ifd, parse_tiff, parse_values
from tinycog.tiff.spec import BIG, CLASSIC, FIELD_TYPES, ByteOrder, Tag

ORDERS: tuple[ByteOrder, ...] = ("<", ">")
KINDS = {kind.name: kind for kind in FIELD_TYPES.values()}
ONE = Directory([Field(Tag.ImageWidth, "SHORT", 7)])

each_variant = pytest.mark.parametrize(("byte_order", "big"), list(product(ORDERS, [False, True])))


def rules(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


def values_of(data: bytes, *tags: int, limits: Limits = LIMITS) -> list[Value]:
    """The values of some tags of the first IFD."""
    feed = Feed(data)
    tiff = feed.run(parse_tiff(feed.buffer, limits, ifds=1))
    entries = [tiff.ifds[0].entries[tag] for tag in tags]
    return feed.run(parse_values(feed.buffer, tiff.header, entries, limits))


def value_of(*fields: Field, byte_order: ByteOrder = "<", big: bool = False) -> Value:
    """The value of the first of some fields, read back from a file."""
    data = make_tiff([Directory(fields)], byte_order=byte_order, big=big)
    return values_of(data, fields[0].tag)[0]


# --- header --------------------------------------------------------------------------------------


@each_variant
def test_a_header_says_byte_order_variant_and_first_ifd(byte_order, big):
    header = run(parse_header, make_tiff([ONE], byte_order=byte_order, big=big))
    assert header.byte_order == byte_order
    assert header.variant == (BIG if big else CLASSIC)
    assert header.first_ifd == (16 if big else 8)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a TIFF: the file is empty"),
        (b"II*\0\x08\0\0", "not a TIFF: 7 bytes are too few for a header"),
        (
            b"\x89PNG\r\n\x1a\n" * 2,
            r"not a TIFF but a PNG: it starts with b'\x89PNG', expected b'II' or b'MM'",
        ),
        (b"IM*\0" + bytes(12), r"not a TIFF: it starts with b'IM*\x00', expected b'II' or b'MM'"),
        (
            b"IIU\0" + bytes(12),
            "not a TIFF: version 85 in bytes 2 and 3, expected 42 or 43 (BigTIFF)",
        ),
        (
            b"MM*\0" + bytes(12),
            "not a TIFF: version 10752 in bytes 2 and 3, expected 42 or 43 (BigTIFF)",
        ),
        (
            struct.pack("<2sHHHQ", b"II", 43, 4, 0, 16),
            "BigTIFF header says offset size 4 and reserved 0, not 8 and 0",
        ),
        (
            struct.pack(">2sHHHQ", b"MM", 43, 8, 1, 16),
            "BigTIFF header says offset size 8 and reserved 1, not 8 and 0",
        ),
    ],
)
def test_what_is_no_tiff_is_refused_with_what_was_found(data, message):
    with pytest.raises(NotTiffError) as caught:
        run(parse_header, data)
    assert str(caught.value) == message
    assert caught.value.finding is not None
    assert caught.value.finding.message == message


def test_a_bigtiff_that_ends_in_its_header_is_truncated():
    with pytest.raises(TruncatedError):
        run(parse_header, make_tiff([ONE], big=True)[:12])


def test_a_header_of_eight_bytes_is_enough_for_a_classic_tiff():
    assert run(parse_header, make_tiff([ONE])[:8]).first_ifd == 8


def test_a_file_without_ifd_is_refused():
    with pytest.raises(FormatError, match=r"the file has no IFD at byte 4 \[tiff.header.first-ifd"):
        read_tiff(make_tiff([]))


# --- entries -------------------------------------------------------------------------------------


@each_variant
def test_an_entry_is_tag_type_count_and_place(byte_order, big):
    data = make_tiff(
        [Directory([Field(256, "SHORT", 7), Field(270, "ASCII", "a long text")])],
        byte_order=byte_order,
        big=big,
    )
    start, step, end = (16 + 8, 20, 16 + 8 + 2 * 20 + 8) if big else (8 + 2, 12, 8 + 2 + 2 * 12 + 4)
    inline = start + step - (8 if big else 4)
    ifd = read_ifd(data)
    assert dict(ifd.entries) == {
        256: Entry(256, KINDS["SHORT"], 1, inline),
        270: Entry(270, KINDS["ASCII"], 12, end),
    }
    assert ifd.entries[256].range == (inline, inline + 2)
    assert ifd.findings == ()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("big", [False, True])
def test_a_value_lies_in_its_entry_if_it_fits_there(name, big):
    kind = KINDS[name]
    room = 8 if big else 4
    fits = room // kind.length
    for count in (fits, fits + 1):
        values = bytes(count * kind.length)
        ifd = read_ifd(make_tiff([Directory([Field(65000, name, values)])], big=big))
        entry = ifd.entries[65000]
        end = ifd.offset + (8 + 20 + 8 if big else 2 + 12 + 4)
        assert (entry.offset < end) == (count == fits)


def test_a_value_in_its_entry_starts_at_its_first_byte_in_both_byte_orders():
    assert value_of(Field(256, "SHORT", 7), byte_order=">") == (7,)
    assert value_of(Field(256, "BYTE", b"\1\2\3"), byte_order=">") == b"\1\2\3"


# --- values --------------------------------------------------------------------------------------

LOW = {n: -(1 << n - 1) for n in (8, 16, 32, 64)}
HIGH = {n: (1 << n - 1) - 1 for n in (8, 16, 32, 64)}
TOP = {n: (1 << n) - 1 for n in (8, 16, 32, 64)}
VALUES: list[tuple[str, Plain, Value]] = [
    ("BYTE", b"\0\xff", b"\0\xff"),
    ("ASCII", "text", "text"),
    ("SHORT", [1, TOP[16]], (1, TOP[16])),
    ("LONG", [1, TOP[32]], (1, TOP[32])),
    ("RATIONAL", [(1, 3), (5, 0)], ((1, 3), (5, 0))),
    ("SBYTE", [LOW[8], HIGH[8]], (LOW[8], HIGH[8])),
    ("UNDEFINED", b"\xff\xd8", b"\xff\xd8"),
    ("SSHORT", [LOW[16], HIGH[16]], (LOW[16], HIGH[16])),
    ("SLONG", [LOW[32], HIGH[32]], (LOW[32], HIGH[32])),
    ("SRATIONAL", [(-1, 3), (5, -7)], ((-1, 3), (5, -7))),
    ("FLOAT", [0.5, -math.inf], (0.5, -math.inf)),
    ("DOUBLE", [0.1, math.inf], (0.1, math.inf)),
    ("IFD", [8, TOP[32]], (8, TOP[32])),
    ("LONG8", [1, TOP[64]], (1, TOP[64])),
    ("SLONG8", [LOW[64], HIGH[64]], (LOW[64], HIGH[64])),
    ("IFD8", [16, TOP[64]], (16, TOP[64])),
    ("UTF-8", "naïve", "naïve"),
]


def test_every_field_type_is_tested():
    assert [name for name, _, _ in VALUES] == list(KINDS)


@each_variant
@pytest.mark.parametrize(("name", "values", "expected"), VALUES, ids=[v[0] for v in VALUES])
def test_a_value_of_every_field_type_is_read(name, values, expected, byte_order, big):
    assert value_of(Field(65000, name, values), byte_order=byte_order, big=big) == expected


@each_variant
@pytest.mark.parametrize(
    ("name", "values", "expected"), [v for v in VALUES if len(v[2]) == 2], ids=str
)
def test_a_single_value_of_every_field_type_is_read(name, values, expected, byte_order, big):
    assert not isinstance(values, int | float)
    field = Field(65000, name, values[:1])
    assert value_of(field, byte_order=byte_order, big=big) == expected[:1]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (b"no end", "no end"),
        (b"no", "no"),
        (b"two\0ends\0", "two\0ends"),
        (b"filled\0\0\0\0", "filled"),
        (b"\0", ""),
        ("höhe\0".encode(), "höhe"),
        (b"latin \xe9\0", "latin é"),
    ],
)
def test_text_ends_where_its_nuls_begin_and_is_utf_8_or_latin_1(stored, expected):
    assert value_of(Field(Tag.ImageDescription, "ASCII", stored)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ASCII", ""), ("UNDEFINED", b""), ("SHORT", ()), ("DOUBLE", ()), ("RATIONAL", ())],
)
@pytest.mark.parametrize("big", [False, True])
def test_a_value_of_count_0_is_empty(name, expected, big):
    assert value_of(Field(65000, name, b""), big=big) == expected


def test_a_value_beyond_the_end_of_the_file_hurts_only_who_asks_for_it():
    data = make_tiff(flaws.value_beyond_end([ONE]))
    assert values_of(data, Tag.ImageWidth) == [(7,)]
    with pytest.raises(TruncatedError):
        values_of(data, 65000)


def test_a_value_longer_than_the_limit_is_refused_before_it_is_fetched():
    data = make_tiff(flaws.huge_count([ONE]))
    feed = Feed(data)
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    asked = len(feed.asked)
    with pytest.raises(LimitError) as caught:
        feed.run(parse_values(feed.buffer, tiff.header, [tiff.ifds[0].entries[65000]], LIMITS))
    assert caught.value.limit == "value_bytes"
    assert caught.value.asked == 8 * 0xFFFFFFFF
    assert len(feed.asked) == asked


def test_a_count_of_2_to_the_64_is_a_limit_not_a_crash():
    data = make_tiff(flaws.huge_count([ONE], count=2**64 - 1), big=True)
    with pytest.raises(LimitError):
        values_of(data, 65000)


# --- what is odd in an IFD -----------------------------------------------------------------------


def test_an_entry_of_unknown_field_type_is_skipped_with_a_finding():
    ifd = read_ifd(make_tiff(flaws.unknown_field_type([ONE])))
    (finding,) = ifd.findings
    assert list(ifd.entries) == [Tag.ImageWidth]
    assert finding == Finding(
        "tiff.field-type.known",
        "tag 65000 has the unknown field type 99; the entry is skipped",
        8 + 2 + 12,
        8,
    )


@pytest.mark.parametrize("code", [0, 14, 15, 19, 255, 65535])
def test_unassigned_field_types_are_unknown(code):
    ifd = read_ifd(make_tiff([ONE.having(Field(65000, code, b"????"))]))
    assert rules(ifd.findings) == ["tiff.field-type.known"]


def test_of_a_tag_that_occurs_twice_the_first_counts():
    data = make_tiff(flaws.duplicate_tag([ONE]))
    assert rules(read_ifd(data).findings) == ["tiff.ifd.duplicate"]
    assert values_of(data, Tag.ImageWidth) == [(7,)]


def test_an_entry_that_is_skipped_is_no_first_one():
    fields = [Field(256, 99, b"????"), Field(256, "SHORT", 9)]
    assert value_of(*fields[1:]) == (9,)
    assert values_of(make_tiff([Directory(fields)]), 256) == [(9,)]


def test_tags_that_do_not_ascend_are_read_with_a_finding():
    fields = [Field(258, "SHORT", 8), Field(257, "SHORT", 2), Field(256, "SHORT", 1)]
    data = make_tiff([Directory(fields)])
    assert rules(read_ifd(data).findings) == ["tiff.ifd.order"] * 2
    assert values_of(data, 256, 257, 258) == [(1,), (2,), (8,)]


@pytest.mark.parametrize("big", [False, True])
def test_a_file_that_ends_before_the_link_has_a_finding(big):
    tiff = read_tiff(make_tiff([ONE], big=big)[:-4])
    assert dict(tiff.ifds[0].entries).keys() == {256}
    assert rules(tiff.ifds[0].findings) == ["tiff.ifd.link"]
    assert tiff.complete


@pytest.mark.parametrize("cut", [9, 15, 21])
def test_a_first_ifd_that_is_cut_off_is_refused(cut):
    with pytest.raises(TruncatedError):
        read_tiff(make_tiff([ONE])[:cut])


def test_a_first_ifd_beyond_the_end_of_the_file_is_refused():
    with pytest.raises(TruncatedError):
        read_tiff(struct.pack("<2sHI", b"II", 42, BEYOND))


def test_a_first_ifd_without_entries_is_refused():
    with pytest.raises(FormatError, match="an IFD has no entries") as caught:
        read_tiff(make_tiff([Directory(())]))
    assert caught.value.finding == Finding("tiff.ifd.empty", "an IFD has no entries", 8, 8)


@pytest.mark.parametrize("big", [False, True])
def test_a_first_ifd_with_more_entries_than_the_limit_is_refused_before_it_is_fetched(big):
    data = make_tiff([ONE.having(Field(257, "SHORT", 1))], big=big)
    assert len(read_ifd(data, Limits(entries=2)).entries) == 2
    feed = Feed(data)
    with pytest.raises(LimitError) as caught:
        feed.run(parse_tiff(feed.buffer, Limits(entries=1)))
    assert (caught.value.limit, caught.value.asked, caught.value.allowed) == ("entries", 2, 1)
    assert max(stop for step in feed.asked for _, stop in step) <= (24 if big else 16)


def test_a_bigtiff_that_claims_2_to_the_64_entries_is_refused():
    data = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 2**64 - 1)
    with pytest.raises(LimitError):
        read_tiff(data)


# --- the chain -----------------------------------------------------------------------------------


def widths(data: bytes, limits: Limits = LIMITS) -> tuple[list[int], list[str]]:
    """ImageWidth of each IFD of the chain, and the rules that the chain breaks."""
    feed = Feed(data)
    tiff = feed.run(parse_tiff(feed.buffer, limits))
    assert tiff.complete
    found: list[int] = []
    for ifd in tiff.ifds:
        ((width,),) = feed.run(parse_values(feed.buffer, tiff.header, [ifd.entries[256]], limits))
        found.append(int(str(width)))
    return found, rules(tiff.findings)


def chain_of(*numbers: int) -> list[Directory]:
    return [Directory([Field(Tag.ImageWidth, "SHORT", n)]) for n in numbers]


@each_variant
def test_a_chain_is_walked_in_its_order(byte_order, big):
    data = make_tiff(chain_of(1, 2, 3), byte_order=byte_order, big=big, layout="reversed")
    assert widths(data) == ([1, 2, 3], [])


def test_a_chain_may_go_back_in_the_file():
    data = make_tiff(chain_of(1, 2, 3), layout="reversed")
    offsets = [ifd.offset for ifd in read_tiff(data).ifds]
    assert offsets == sorted(offsets, reverse=True)


def test_a_loop_ends_the_chain():
    assert widths(make_tiff(flaws.ifd_loop(chain_of(1, 2)))) == ([1, 2], ["tiff.ifd.loop"])
    assert widths(make_tiff(flaws.ifd_loop(chain_of(1)))) == ([1], ["tiff.ifd.loop"])


def test_a_link_beyond_the_end_of_the_file_ends_the_chain():
    data = make_tiff(flaws.link_beyond_end(chain_of(1, 2)))
    assert widths(data) == ([1, 2], ["tiff.ifd.unreadable"])


def test_an_ifd_without_entries_ends_the_chain():
    data = make_tiff(flaws.no_entries(chain_of(1, 2, 3)))
    assert widths(data) == ([1, 2], ["tiff.ifd.unreadable"])


def test_an_ifd_that_is_cut_off_ends_the_chain():
    data = make_tiff(chain_of(1, 2))
    assert widths(data[:-5]) == ([1], ["tiff.ifd.unreadable"])


def test_a_later_ifd_with_more_entries_than_the_limit_ends_the_chain():
    data = make_tiff([*chain_of(1), ONE.having(Field(257, "SHORT", 1))])
    assert widths(data, Limits(entries=1)) == ([1], ["tiff.ifd.unreadable"])


def test_a_chain_is_cut_at_the_limit():
    assert widths(make_tiff(chain_of(1, 2, 3)), Limits(ifds=3)) == ([1, 2, 3], [])
    assert widths(make_tiff(chain_of(1, 2, 3)), Limits(ifds=2)) == ([1, 2], ["tiff.ifd.count"])


def test_the_finding_of_a_chain_says_where_it_was_left():
    first, second = read_tiff(make_tiff(chain_of(1, 2))).ifds
    (finding,) = read_tiff(make_tiff(flaws.ifd_loop(chain_of(1, 2)))).findings
    assert (finding.offset, finding.ifd) == (first.offset, second.offset)


# --- a walk in parts -----------------------------------------------------------------------------


def test_a_walk_can_stop_early_and_go_on():
    feed = Feed(make_tiff(chain_of(1, 2, 3)))
    one = feed.run(parse_tiff(feed.buffer, LIMITS, ifds=1))
    two = feed.run(parse_tiff(feed.buffer, LIMITS, known=one, ifds=2))
    whole = feed.run(parse_tiff(feed.buffer, LIMITS, known=two))
    assert [len(one.ifds), len(two.ifds), len(whole.ifds)] == [1, 2, 3]
    assert [one.complete, two.complete, whole.complete] == [False, False, True]
    assert whole == read_tiff(feed.data)


def test_a_step_of_a_walk_changes_no_earlier_one():
    feed = Feed(make_tiff(chain_of(1, 2, 3)))
    one = feed.run(parse_tiff(feed.buffer, LIMITS, ifds=1))
    before = one._replace()
    feed.run(parse_tiff(feed.buffer, LIMITS, known=one))
    assert one == before


def test_a_complete_walk_goes_on_without_asking():
    feed = Feed(make_tiff(chain_of(1, 2)))
    whole = feed.run(parse_tiff(feed.buffer, LIMITS))
    asked = len(feed.asked)
    assert feed.run(parse_tiff(feed.buffer, LIMITS, known=whole)) is whole
    assert len(feed.asked) == asked


def test_a_loop_is_found_by_a_walk_that_goes_on():
    feed = Feed(make_tiff(flaws.ifd_loop(chain_of(1, 2))))
    one = feed.run(parse_tiff(feed.buffer, LIMITS, ifds=1))
    whole = feed.run(parse_tiff(feed.buffer, LIMITS, known=one))
    assert rules(whole.findings) == ["tiff.ifd.loop"]


def test_a_walk_of_one_ifd_does_not_look_at_the_next():
    feed = Feed(make_tiff(flaws.link_beyond_end(chain_of(1))))
    one = feed.run(parse_tiff(feed.buffer, LIMITS, ifds=1))
    assert (one.findings, one.next_offset) == ((), BEYOND)


# --- what is asked -------------------------------------------------------------------------------


def test_a_directory_is_asked_for_in_two_steps_and_no_value_with_it():
    data = make_tiff([ONE.having(Field(270, "ASCII", "x" * 1000))])
    feed = Feed(data)
    feed.run(parse_tiff(feed.buffer, LIMITS))
    assert feed.asked == [[(0, 16)], [(16, 8 + 2 + 2 * 12 + 4)]]


def test_values_are_asked_for_in_one_step_and_only_those_that_are_wanted():
    texts = [Field(tag, "ASCII", "x" * 1000) for tag in (270, 271, 272)]
    feed = Feed(make_tiff([ONE.having(*texts)]))
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    entries = tiff.ifds[0].entries
    feed.asked.clear()
    feed.run(parse_values(feed.buffer, tiff.header, [entries[270], entries[272]], LIMITS))
    assert feed.asked == [[entries[270].range, entries[272].range]]


def test_a_value_in_its_entry_costs_nothing():
    feed = Feed(make_tiff([ONE]))
    tiff = feed.run(parse_tiff(feed.buffer, LIMITS))
    feed.asked.clear()
    feed.run(parse_values(feed.buffer, tiff.header, [tiff.ifds[0].entries[256]], LIMITS))
    assert feed.asked == []


def test_a_parser_does_no_more_than_ask():
    buffer = SparseBuffer()
    parser = parse_tiff(buffer, LIMITS)
    assert next(parser) == [(0, 16)]
    with pytest.raises(LookupError):
        next(parser)


def test_an_ifd_is_read_wherever_it_lies():
    data = make_tiff([ONE])
    feed = Feed(b"\xee" * 5 + data)
    header = run(parse_header, data)
    ifd = feed.run(parse_ifd(feed.buffer, header, 5 + 8, LIMITS))
    assert ifd.entries[256].offset == 5 + read_ifd(data).entries[256].offset


# --- values that travel --------------------------------------------------------------------------


def test_a_parsed_file_pickles():
    tiff = read_tiff(make_tiff(flaws.ifd_loop(chain_of(1, 2))))
    assert pickle.loads(pickle.dumps(tiff)) == tiff  # noqa: S301 - our own


def test_the_entries_of_an_ifd_cannot_be_changed():
    with pytest.raises(TypeError):
        read_ifd(make_tiff([ONE])).entries[1] = None  # pyright: ignore[reportIndexIssue]


# --- beyond 4 GiB --------------------------------------------------------------------------------

FOUR_GIB = 1 << 32


def sparse(path: Path, parts: dict[int, bytes], size: int) -> Path:
    """A file of holes, but for some parts."""
    with path.open("wb") as file:
        for at, part in parts.items():
            file.seek(at)
            file.write(part)
        file.truncate(size)
    return path


async def test_a_classic_tiff_beyond_4_gib_is_a_finding(tmp_path: Path):
    data = make_tiff([make_image(np.ones((1, 16, 16), np.uint8))])
    cog = await tinycog.open(sparse(tmp_path / "a.tif", {0: data}, FOUR_GIB + 1))
    assert [found.rule for found in cog.findings] == ["tiff.header.beyond"]
    assert (await cog.read()).data.min() == 1
    short = await tinycog.open(sparse(tmp_path / "b.tif", {0: data}, FOUR_GIB))
    assert short.findings == ()


def ndpi_ifd(tags: list[tuple[int, str, list[int]]], at: int, link: int) -> dict[int, bytes]:
    """An IFD as in an NDPI, and the values that lie before it."""
    codes = {"H": 3, "I": 4}
    entries, upper, parts = b"", b"", dict[int, bytes]()
    for number, code, values in sorted(tags):
        low = [value % FOUR_GIB for value in values]
        data, high = struct.pack(f"<{len(low)}{code}", *low), values[0] >> 32
        if len(data) > 4:
            place = at - 1000 + 50 * len(parts)
            parts[place] = data
            data, high = struct.pack("<I", place % FOUR_GIB), place >> 32
        entries += struct.pack("<HHI", number, codes[code], len(values)) + data.ljust(4, b"\0")
        upper += struct.pack("<I", high)
    parts[at] = struct.pack("<H", len(tags)) + entries + struct.pack("<Q", link) + upper
    return parts


@pytest.mark.parametrize("first", [5000, FOUR_GIB + 9000])
async def test_an_ndpi_beyond_4_gib_is_read(tmp_path: Path, first: int):
    pixels = np.arange(768, dtype=np.uint8).reshape(16, 16, 3)
    parts = {0: b"II*\0" + struct.pack("<Q", first)}
    places = [first, FOUR_GIB + 30_000]
    for n, at in enumerate(places):
        strip = FOUR_GIB + 20_000 + 1000 * n
        tags = [
            (256, "I", [16]),
            (257, "I", [16]),
            (258, "H", [8, 8, 8]),
            (259, "H", [1]),
            (262, "H", [2]),
            (273, "I", [strip]),
            (277, "H", [3]),
            (278, "I", [16]),
            (279, "I", [768]),
            (65420, "I", [1]),
        ]
        parts |= ndpi_ifd(tags, at, [*places, 0][n + 1])
        parts[strip] = (pixels + n).tobytes()
    path = sparse(tmp_path / "a.ndpi", parts, FOUR_GIB + 40_000)
    cog = await tinycog.open(path)
    assert (cog.findings, len(cog.pages)) == ((), 2)
    assert await cog.read_tag("StripOffsets") == (FOUR_GIB + 20_000,)
    with tifffile.TiffFile(path) as tif:
        for n in range(2):
            found = (await cog.page(n).read()).data
            assert np.array_equal(found, np.moveaxis(pixels + n, -1, 0))
            assert np.array_equal(found, np.moveaxis(tif.pages[n].asarray(), -1, 0))
