"""One broken file, made of a good one: what says what the file is changes far more than pixels."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from fuzz.places import Array, Places
from tinycog.tiff.spec import CLASSIC, FIELD_TYPES, Compression, Photometric, Tag, Variant

NUMBERS = (
    *(0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 32, 63, 64, 100, 127, 128, 255, 256, 257, 511),
    *(4095, 4096, 32767, 32768, 65535, 65536, 1 << 20, 1 << 24, (1 << 31) - 1, 1 << 31),
    *((1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
)
"""Where counts and sizes tend to break."""

LEGAL = {
    Tag.NewSubfileType: (0, 1, 2, 4, 5),
    Tag.ImageWidth: (1, 2, 15, 64, 100, 65536),
    Tag.ImageLength: (1, 2, 15, 64, 100, 65536),
    Tag.BitsPerSample: (1, 2, 4, 7, 8, 10, 12, 16, 20, 24, 32, 64, 128),
    Tag.Compression: tuple(Compression),
    Tag.PhotometricInterpretation: tuple(Photometric),
    Tag.FillOrder: (1, 2),
    Tag.Orientation: tuple(range(1, 9)),
    Tag.SamplesPerPixel: (1, 2, 3, 4, 5, 10, 65535),
    Tag.RowsPerStrip: (0, 1, 7, 64, 1 << 31),
    Tag.PlanarConfiguration: (1, 2),
    Tag.T4Options: (0, 1, 2, 4, 5),
    Tag.Predictor: (1, 2, 3, 34892),
    Tag.TileWidth: (1, 8, 16, 17, 64, 256, 4096),
    Tag.TileLength: (1, 8, 16, 17, 64, 256, 4096),
    Tag.ExtraSamples: (0, 1, 2, 999),
    Tag.SampleFormat: (1, 2, 3, 4, 5, 6),
    Tag.JPEGProc: (1, 14),
    Tag.YCbCrSubSampling: (1, 2, 4, 0x20002, 0x10004),
    Tag.LercParameters: (0, 1, 2, 4),
}
"""Numbers that mean something in a tag of one number."""

TEXTS = (
    *(b"nan", b"-nan", b"inf", b"-1e999", b"1e400", b"9" * 400, b"0x10", b" ", b"\xff\xfe\0"),
    b"<GDALMetadata><Item name='SCALE' sample='0' role='scale'>1e999</Item></GDALMetadata>",
    b"<GDALMetadata><Item name='A' sample='-1' role='offset'>nan</Item></GDALMetadata>",
    b"<!DOCTYPE a [<!ENTITY b 'cccccccc'><!ENTITY d '&b;&b;&b;'>]><GDALMetadata>&d;",
    b"<GDALMetadata>" + b"<Item>" * 300,
)
"""For values that are text."""


class Draft:
    """A file that is being broken.

    Attributes:
        data: its bytes so far.
        places: what is where in it, as it was at first.
        random: whose choices they are.
        donor: another file and its places, for what comes from elsewhere.
    """

    def __init__(
        self, data: bytes, places: Places, random: Random, donor: tuple[bytes, Places]
    ) -> None:
        self.data = bytearray(data)
        self.places = places
        self.random = random
        self.donor = donor
        header = places.header
        self.order = "<" if header is None else header.byte_order
        self.variant: Variant = CLASSIC if header is None else header.variant

    def put(self, at: int, data: bytes | bytearray) -> None:
        """Write over what is there, as far as the file reaches."""
        room = self.data[at : at + len(data)]
        self.data[at : at + len(room)] = data[: len(room)]

    def number(self, at: int, length: int, value: int) -> None:
        """Write an integer of 1, 2, 4 or 8 bytes, cut to its size."""
        order = "little" if self.order == "<" else "big"
        self.put(at, (value % (1 << 8 * length)).to_bytes(length, order))

    def get(self, at: int, length: int) -> int:
        """Read one."""
        order = "little" if self.order == "<" else "big"
        return int.from_bytes(self.data[at : at + length], order)

    def some_number(self) -> int:
        """One of those at which files break."""
        size = len(self.data)
        near = (size, size - 1, size + 1, size // 2, *self.places.ifds[:4])
        return self.random.choice(self.random.choice([NUMBERS, near]))

    def some_place(self) -> int:
        """A position: of something, at the end, beyond it, anywhere."""
        places = self.places
        known = [
            *places.ifds[:8],
            *(array.start for array in places.arrays[:16]),
            *(stream.start for stream in places.streams[:8]),
        ]
        return self.random.choice(
            [self.some_number(), self.random.randrange(len(self.data) + 8), *known[:24]]
        )


Change = Callable[[Draft], None]


# --- what the directory says ---------------------------------------------------------------------


class Parts(NamedTuple):
    """Positions of the parts of an entry."""

    tag: int
    kind: int
    counted: int
    value: int


def _parts(draft: Draft) -> Parts:
    """Of an entry, any."""
    at = draft.random.choice(draft.places.entries)
    return Parts(at, at + 2, at + 4, at + 4 + draft.variant.offset_length)


def change_tag(draft: Draft) -> None:
    draft.number(_parts(draft).tag, 2, draft.random.choice([*Tag, draft.random.randrange(65536)]))


def change_type(draft: Draft) -> None:
    draft.number(_parts(draft).kind, 2, draft.random.choice([*FIELD_TYPES, 0, 14, 255, 65535]))


def change_count(draft: Draft) -> None:
    parts, length = _parts(draft), draft.variant.offset_length
    near = [draft.get(parts.counted, length) + step for step in (-1, 1)]
    draft.number(parts.counted, length, draft.random.choice([*near, *[draft.some_number()] * 4]))


def change_value(draft: Draft) -> None:
    """What lies in the entry itself: a value, or its position."""
    parts = _parts(draft)
    kind = FIELD_TYPES.get(draft.get(parts.kind, 2))
    is_short = kind is not None and draft.get(parts.counted, draft.variant.offset_length) == 1
    length = kind.length if kind is not None and is_short else draft.variant.offset_length
    value = draft.some_number() if is_short else draft.some_place()
    draft.number(parts.value, min(length, draft.variant.offset_length), value)


def set_tag(draft: Draft) -> None:
    """Give a tag another of its own values; where it is missing, some other entry becomes it."""
    tag = draft.random.choice(list(LEGAL))
    value = draft.random.choice(LEGAL[tag])
    found = [at for at in draft.places.entries if draft.get(at, 2) == tag]
    at = draft.random.choice(found or draft.places.entries)
    length = draft.variant.offset_length
    draft.put(at + 4 + length, bytes(length))
    kind, size = (4, 4) if value > 65535 or draft.random.random() < 0.2 else (3, 2)
    draft.number(at, 2, tag)
    draft.number(at + 2, 2, kind)
    draft.number(at + 4, length, 1)
    draft.number(at + 4 + length, size, value)


def swap_entries(draft: Draft) -> None:
    """Two entries change places, or one takes that of another."""
    length = draft.variant.entry_length
    a, b = (draft.random.choice(draft.places.entries) for _ in range(2))
    one, other = draft.data[a : a + length], draft.data[b : b + length]
    draft.put(b, one)
    if draft.random.random() < 0.5:
        draft.put(a, other)


def change_link(draft: Draft) -> None:
    draft.number(
        draft.random.choice(draft.places.links), draft.variant.offset_length, draft.some_place()
    )


def change_entries(draft: Draft) -> None:
    """How many entries an IFD claims."""
    at, length = draft.random.choice(draft.places.ifds), draft.variant.count_length
    near = [draft.get(at, length) + step for step in (-1, 1)]
    draft.number(at, length, draft.random.choice([*near, draft.some_number()]))


def change_header(draft: Draft) -> None:
    change = draft.random.randrange(3)
    if change == 0:
        draft.put(0, draft.random.choice([b"II", b"MM", b"IM"]))
    elif change == 1:
        draft.number(2, 2, draft.random.choice([42, 43, 0, 85]))
    else:
        length = draft.variant.offset_length
        draft.number(draft.variant.header_length - length, length, draft.some_place())


def change_array(draft: Draft, arrays: Sequence[Array] = ()) -> None:
    """A number of a value apart."""
    _, start, length, count = draft.random.choice(arrays or draft.places.arrays)
    item = start + length * draft.random.choice([0, count - 1, draft.random.randrange(count)])
    if length == 8 and draft.random.random() < 0.3:  # a float, it may be
        special = draft.random.choice([0.0, -1.0, 1e308, 1e-308, float("inf"), float("nan")])
        draft.put(item, struct.pack(draft.order + "d", special))
    else:
        draft.number(item, length, draft.some_number())


def change_index(draft: Draft) -> None:
    """Where a tile lies, or how long it is: on another, nowhere, a little aside."""
    if not draft.places.index:
        change_array(draft)
        return
    array = draft.random.choice(draft.places.index)
    one, other = (
        array.start + array.length * draft.random.randrange(array.items) for _ in range(2)
    )
    aside = draft.get(one, array.length) + draft.random.choice([-4, -1, 1, 4, 64])
    same = draft.get(other, array.length)
    draft.number(one, array.length, draft.random.choice([aside, same, 0, draft.some_place()]))


def change_text(draft: Draft) -> None:
    array = draft.random.choice([a for a in draft.places.arrays if a.length == 1] or [None])
    if array is None:
        change_array(draft)
        return
    text = draft.random.choice(TEXTS)
    draft.put(array.start, text[: array.items].ljust(min(array.items, 4000), b" "))


def transplant(draft: Draft) -> None:
    """An entry of another file takes the place of one; its value is put at the end."""
    data, places = draft.donor
    if places.header is None or (places.header.byte_order, places.header.variant) != (
        draft.order,
        draft.variant,
    ):
        swap_entries(draft)
        return
    length = draft.variant.offset_length
    source, target = draft.random.choice(places.entries), draft.random.choice(draft.places.entries)
    draft.put(target, data[source : source + draft.variant.entry_length])
    kind = FIELD_TYPES.get(draft.get(target + 2, 2))
    size = draft.get(target + 4, length) * (kind.length if kind else 0)
    if length < size < 1 << 16:
        start = draft.get(target + 4 + length, length)
        draft.number(target + 4 + length, length, len(draft.data))
        draft.data += data[start : start + size]


# --- what tiles hold -----------------------------------------------------------------------------


def change_stream(draft: Draft) -> None:
    """Bytes of a tile, most likely of its head."""
    start, stop = draft.random.choice(draft.places.streams)
    reach = draft.random.choice([8, 32, 128, stop - start])
    for _ in range(draft.random.choice([1, 1, 2, 8])):
        at = start + draft.random.randrange(max(min(reach, stop - start), 1))
        draft.put(at, bytes([draft.random.choice([0, 1, 127, 255, draft.random.randrange(256)])]))


def move_stream(draft: Draft) -> None:
    """Bytes of one tile over those of another, or of another file's tile."""
    start, stop = draft.random.choice(draft.places.streams)
    if draft.donor[1].streams and draft.random.random() < 0.6:
        source, (first, last) = draft.donor[0], draft.random.choice(draft.donor[1].streams)
    else:
        source, (first, last) = bytes(draft.data), draft.random.choice(draft.places.streams)
    skip = draft.random.choice([0, 0, 2, 16])
    draft.put(start + skip, source[first + skip : last][: max(stop - start - skip, 0)])


# --- bytes, whatever they mean -------------------------------------------------------------------


def change_bytes(draft: Draft) -> None:
    """Here and there, more often near the head."""
    size = len(draft.data)
    reach = min(size, draft.random.choice([64, 512, 4000, size]))
    for _ in range(draft.random.choice([1, 1, 2, 4])):
        at = draft.random.randrange(reach)
        if draft.random.random() < 0.5:
            draft.data[at] ^= 1 << draft.random.randrange(8)
        else:
            draft.number(at, draft.random.choice([1, 2, 4, 8]), draft.some_number())


def copy_bytes(draft: Draft) -> None:
    """A block over another, or between."""
    size = len(draft.data)
    start, at = draft.random.randrange(size), draft.random.randrange(size)
    block = draft.data[start : start + draft.random.choice([1, 4, 12, 20, 200])]
    if draft.random.random() < 0.7:
        draft.put(at, block)
    else:
        draft.data[at:at] = block


def cut(draft: Draft) -> None:
    """The end, or a piece out of the middle."""
    at = draft.random.randrange(1, len(draft.data) + 1)
    stop = len(draft.data) if draft.random.random() < 0.7 else at + draft.random.choice([1, 4, 64])
    del draft.data[at:stop]


def splice(draft: Draft) -> None:
    """The rest is another file's."""
    other = draft.donor[0]
    at = draft.random.randrange(min(len(draft.data), len(other)))
    draft.data[at:] = other[at:]


OF_ENTRIES: dict[Change, int] = {
    change_tag: 4,
    change_type: 4,
    change_count: 8,
    change_value: 12,
    set_tag: 16,
    swap_entries: 3,
    change_link: 2,
    change_entries: 2,
    change_header: 2,
    transplant: 6,
}
OF_ARRAYS: dict[Change, int] = {change_array: 8, change_index: 6, change_text: 4}
OF_STREAMS: dict[Change, int] = {change_stream: 12, move_stream: 4}
OF_BYTES: dict[Change, int] = {change_bytes: 8, copy_bytes: 3, cut: 3, splice: 2}


def mutate(data: bytes, places: Places, random: Random, donor: tuple[bytes, Places]) -> bytes:
    """Break a file in one place, or in several."""
    draft = Draft(data, places, random, donor)
    changes = {
        **(OF_ENTRIES if places.entries else {}),
        **(OF_ARRAYS if places.arrays else {}),
        **(OF_STREAMS if places.streams else {}),
        **OF_BYTES,
    }
    times = random.choice([1, 1, 1, 2, 2, 3, 5, 8])
    for change in random.choices(list(changes), list(changes.values()), k=times):
        if draft.data:
            change(draft)
    return bytes(draft.data)
