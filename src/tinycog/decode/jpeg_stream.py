"""The markers of a JPEG stream: its frame, its scans, and whether it holds all of its pixels.

libjpeg invents what a stream lacks, and tells nobody who calls it through imagecodecs. So markers
are walked before a stream is decoded, and a stream that looks as if it lacked something is decoded
once more with other bytes behind each scan: pixels that change were never stored (tiff.jpeg.end).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import CorruptTileError

START_OF_IMAGE = b"\xff\xd8"
END_OF_IMAGE = b"\xff\xd9"

LOSSLESS = 0xC3
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
SKIPPED = (0xC4, 0xC8, 0xCC, 0xDB)
"""Tables and extensions; but for these, 0xC0 to 0xCF start a frame."""

ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers that stand without a length: restarts and the start of an image among them."""

NONE = 0
TABLES, END, SCAN, INTERVAL, JFIF, ADOBE = 0xC4, 0xD9, 0xDA, 0xDD, 0xE0, 0xEE
ADOBE_TRANSFORM = 11

MARKER = re.compile(rb"\xff[^\0\xff" + re.escape(bytes(ALONE)) + rb"]")
"""A marker that has a length, or the end: fill bytes and those that stand alone are passed over."""

AFTER_SCAN = re.compile(rb"\xff[^\0]")
"""What ends the coded bytes of a scan: there, a 0 follows each 255 that is none."""

AFTER_RESTARTS = re.compile(rb"\xff[^\0\xd0-\xd7]")
RESTART = re.compile(rb"\xff[\xd0-\xd7]")

RESTARTS = b"".join(bytes((0xFF, 0xD0 + i)) for i in range(8))

HOLE = bytes(16)
"""So many coded bytes of 0 are a hole of the file, unless they stand for plain blocks."""

PLAIN_HOLE = bytes(512)
"""So many may be a hole even where they stand for plain blocks."""

END_OF_BLOCK = 0
FIRST_AC_TABLE = 0x10

JUNK = bytes(range(0xA5, 0xE5))
"""Bytes that no decoder may need: they are put behind the last one of a scan."""

LAST_BYTES = 4
"""A decoder needs some of the last so many bytes of a scan, unless it read too much into others."""


class Frame(NamedTuple):
    """The frame header of a JPEG stream, and what precedes it."""

    marker: int
    """Kind of frame: 0xC0 baseline, 0xC3 lossless."""
    precision: int
    rows: int
    cols: int
    names: bytes
    """Identifiers of the components."""
    factors: tuple[int, ...]
    """Sampling factors of each component, as stored: 0x11 where it is not subsampled."""
    is_jfif: bool
    transform: int | None
    """What an Adobe marker says of colours: 0 none, 1 YCbCr, 2 YCCK; None without one."""

    @property
    def is_subsampled(self) -> bool:
        """Whether components have fewer samples than others."""
        return len(set(self.factors)) > 1

    @property
    def is_progressive(self) -> bool:
        """Whether further scans refine the first one."""
        return self.marker in PROGRESSIVE

    @property
    def is_lossless(self) -> bool:
        """Whether samples are predicted, not transformed."""
        return self.marker == LOSSLESS

    @property
    def units(self) -> int:
        """Coded units of a scan of all components."""
        side = 1 if self.is_lossless else 8
        if len(self.factors) == 1:
            across = down = side
        else:
            across = side * max(factor >> 4 for factor in self.factors)
            down = side * max(factor & 15 for factor in self.factors)
        return -(-self.cols // max(across, 1)) * -(-self.rows // max(down, 1))


class Scan(NamedTuple):
    """The coded bytes of a scan."""

    start: int
    stop: int
    interval: int
    """Units between its restart markers, 0 without any."""


class Stream(NamedTuple):
    """What the markers of a stream say."""

    frame: Frame
    scans: Sequence[Scan]
    is_ended: bool
    """Whether the last scan is followed by the marker of the end."""
    hole: int
    """Where bytes of 0 lie that may be a hole, the first behind the start of a scan; -1: none."""


def walk(data: bytes) -> Stream:
    """Walk the markers of a stream (tiff.jpeg.frame).

    Raises:
        CorruptTileError: no frame header precedes the first scan.
    """
    at, size = 2, len(data)
    head = _Head()
    scans: list[Scan] = []
    marker = NONE
    while data.startswith(START_OF_IMAGE):
        marker, at = _next_marker(data, at)
        stop = at + (data[at] << 8 | data[at + 1]) if at + 2 <= size else 0
        if marker in (NONE, END) or stop < at + 2 or stop > size:
            break
        if marker == SCAN:
            if head.frame is None:
                break
            found = (AFTER_RESTARTS if head.interval else AFTER_SCAN).search(data, stop)
            end = size if found is None else found.start()
            scans.append(Scan(stop, end, head.interval))
            stop = end
        elif marker not in SKIPPED:
            head.read(marker, data[at + 2 : stop])
        at = stop
    if head.frame is None or not scans:
        what = "frame header" if head.frame is None else "scan"
        message = f"the tile is not a JPEG stream: no {what} in its first {min(at, size)} bytes"
        raise CorruptTileError(message)
    return Stream(head.frame, scans, marker == END, data.find(HOLE, scans[0].start))


class _Head:
    """What the markers before a scan have said so far."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.interval = 0
        self._is_jfif = False
        self._transform: int | None = None

    def read(self, marker: int, body: bytes) -> None:
        """Read one marker segment; most say nothing that matters here."""
        if 0xC0 <= marker <= 0xCF and len(body) >= 6 and self.frame is None:  # noqa: PLR2004
            rows, cols = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
            end = 6 + 3 * body[5]
            names, factors = body[6:end:3], tuple(body[7:end:3])
            self.frame = Frame(
                marker, body[0], rows, cols, names, factors, self._is_jfif, self._transform
            )
        elif marker == INTERVAL:
            self.interval = int.from_bytes(body[:2], "big")
        elif marker == JFIF:
            self._is_jfif = self._is_jfif or body.startswith(b"JFIF\0")
        elif marker == ADOBE and body.startswith(b"Adobe") and len(body) > ADOBE_TRANSFORM:
            self._transform = body[ADOBE_TRANSFORM]


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the next marker from a place on that has a length, and where that lies.

    As in libjpeg, bytes that are no marker are passed over. Behind the last one it is NONE.
    """
    found = MARKER.search(data, at)
    return (NONE, len(data)) if found is None else (data[found.end() - 1], found.end())


def _first_symbols(tables: bytes) -> Iterator[tuple[int, int]]:
    """Yield class and number of Huffman tables, and the symbol that bits of 0 stand for."""
    at = 2
    while True:
        marker, at = _next_marker(tables, at)
        stop = at + int.from_bytes(tables[at : at + 2], "big")
        if marker in (NONE, END, SCAN) or stop < at + 2:
            return
        at += 2
        while marker == TABLES and at + 17 < stop <= len(tables):
            yield tables[at], tables[at + 17]
            at += 17 + sum(tables[at + 1 : at + 17])
        at = stop


def looks_broken(data: bytes, stream: Stream, pixels: NDArray[Any]) -> bool:
    """Return whether a stream may lack pixels: most that do, and hardly any that do not.

    Where coded bytes end early, libjpeg leaves the last unit mid-gray; where samples are predicted,
    it goes on with the last one.
    """
    frame, scans = stream.frame, stream.scans
    if not stream.is_ended or len(scans) > 1 or not pixels.size:
        return True
    if stream.hole >= 0 and data.find(PLAIN_HOLE, stream.hole) >= 0:
        return True
    last = pixels[-1, -1]
    if frame.is_lossless:
        return bool((pixels[-1, -4:] == last).all())
    middle = 1 << (frame.precision - 1)
    return bool(last.item(0) == middle and (last == middle).all())


def check_holes(data: bytes, stream: Stream, tables: bytes) -> None:
    """Check that no bytes of 0 lie where they cannot stand for pixels.

    Where bits of 0 are no plain blocks, they are coefficients of -1 without end.

    Raises:
        CorruptTileError: there are some.
    """
    first, at = stream.scans[0], stream.hole
    if at < 0 or stream.frame.is_lossless or len(stream.scans) > 1 or at + len(HOLE) > first.stop:
        return
    zeros = {**dict(_first_symbols(tables)), **dict(_first_symbols(data))}.get(FIRST_AC_TABLE)
    if zeros not in (END_OF_BLOCK, None) and data[at : first.stop].rstrip(b"\0"):
        message = f"the JPEG stream is overwritten with 0 from byte {at} on"
        raise CorruptTileError(message)


def check_restarts(data: bytes, stream: Stream) -> None:
    """Check that no restart marker is missing.

    Raises:
        CorruptTileError: one is.
    """
    if len(stream.scans) > 1 or not stream.scans[0].interval:
        return
    start, stop, interval = stream.scans[0]
    found = b"".join(RESTART.findall(data, start, stop))
    count = -(-stream.frame.units // interval) - 1
    if found != (RESTARTS * (count // 8 + 1))[: 2 * count]:
        message = (
            f"the JPEG stream has {len(found) // 2} restart markers, expected {count} in order"
        )
        raise CorruptTileError(message)


Decode = Callable[[bytes], NDArray[Any]]


def find_missing(
    data: bytes, stream: Stream, pixels: NDArray[Any], inside: tuple[int, int], decode: Decode
) -> str | None:
    """Return what the stream lacks though it holds all pixels; None if it lacks nothing.

    Args:
        data: the stream.
        stream: its markers.
        pixels: decoded from `data`.
        inside: (rows, columns) of the pixels that count.
        decode: decodes another stream likewise. It is called up to three times.

    Raises:
        CorruptTileError: pixels are not stored, or bytes are that were not decoded.
    """
    if not stream.is_ended and (len(stream.scans) > 1 or stream.frame.is_progressive):
        message = f"the JPEG stream ends behind its scan {len(stream.scans)}, before its end"
        raise CorruptTileError(message)
    last = stream.scans[-1]
    coded = data[last.start : last.stop]
    stop = last.stop if stream.is_ended else last.start + len(coded.rstrip(b"\0\xff"))
    rows, cols = inside
    junked = decode(_with_junk(data, stream, stop))
    if not np.array_equal(junked[:rows, :cols], pixels[:rows, :cols]):
        message = "the JPEG stream ends, or is broken, before its last pixels: they are not stored"
        raise CorruptTileError(message)
    is_plain = bool((pixels == pixels[:1, :1]).all())
    if len(stream.scans) == 1 and not is_plain:
        cut = max(last.start + len(coded.rstrip(b"\0")) - LAST_BYTES, last.start)
        heads = (data[:cut] + rest + END_OF_IMAGE for rest in (JUNK, b""))
        if all(np.array_equal(decode(head), pixels) for head in heads):
            message = "the JPEG stream is broken: bytes are left behind its last pixel"
            raise CorruptTileError(message)
    return None if stream.is_ended else "the JPEG stream lacks the marker of its end"


def _with_junk(data: bytes, stream: Stream, stop: int) -> bytes:
    """Return the stream with junk behind each scan and before each restart marker."""
    cuts = [
        found.start()
        for scan in stream.scans
        if scan.interval
        for found in RESTART.finditer(data, scan.start, scan.stop)
    ]
    cuts += [scan.stop for scan in stream.scans[:-1]]
    pieces: list[bytes] = []
    at = 0
    for cut in sorted(cuts):
        pieces += [data[at:cut], JUNK]
        at = cut
    return b"".join([*pieces, data[at:stop], JUNK, END_OF_IMAGE])
