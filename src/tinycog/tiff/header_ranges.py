"""Which bytes make up the header of a file: what parsing all that has arrived of it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from tinycog.errors import TinycogError
from tinycog.limits import Limits
from tinycog.tiff.buffer import RecordingBuffer, SparseBuffer
from tinycog.tiff.ghost import parse_ghost
from tinycog.tiff.old_jpeg import read_heads
from tinycog.tiff.parse import (
    FileHeader,
    Ifd,
    Tiff,
    parse_ifd,
    parse_tiff,
    parse_values,
    spans_of,
)
from tinycog.tiff.ranges import Span, joined
from tinycog.tiff.recall import Recall
from tinycog.tiff.roles import Place
from tinycog.tiff.spec import EXIF_IFDS, NDPI, Compression, Tag
from tinycog.tiff.steps import run_cached

POINTERS = (Tag.SubIFDs, *EXIF_IFDS)
"""Tags whose values are offsets of further IFDs."""


RANGES: Recall[list[Span]] = Recall()
"""Those of plain chains."""

MOST_BROKEN = 100
"""IFDs that cannot be read, after which no further ones are tried."""


def header_ranges(
    buffer: SparseBuffer, places: Sequence[Place], limits: Limits, known: Tiff | None = None
) -> list[Span]:
    """Return the ranges of header, ghost area, IFDs, and the values of all their entries, joined.

    The IFDs are those of the chain and below it (SubIFDs, Exif, GPS), as far as they have arrived;
    tables of old-style JPEG are among the values. Parts of what is returned may not have arrived.

    Args:
        buffer: the bytes that have arrived.
        places: images of the file, of which the tables are wanted.
        limits: of the handle.
        known: the chain as far as it has been walked: one that is whole, and nothing odd about it,
            need not be parsed again to know which bytes it is.
    """
    if known is None or not _is_plain(known):
        return _joined_ranges(buffer, places, limits, None)
    found = RANGES.run(
        (known, places, limits), buffer, lambda seen: _joined_ranges(seen, places, limits, known)
    )
    return found or []


def _joined_ranges(
    buffer: SparseBuffer, places: Sequence[Place], limits: Limits, known: Tiff | None
) -> list[Span]:
    return joined(_header_ranges(buffer, places, limits, known))


def _header_ranges(
    buffer: SparseBuffer, places: Sequence[Place], limits: Limits, known: Tiff | None
) -> list[Span]:
    recorder = RecordingBuffer(buffer)
    if known is not None:
        tiff, recorder.asked = known, _spans_of_chain(known)
    else:
        tiff = run_cached(parse_tiff(recorder, limits, cached=True))
    if tiff is None:
        return []
    run_cached(parse_ghost(recorder, tiff.header))
    found = {ifd.offset: ifd for ifd in tiff.ifds}
    pending = list(found.values())
    broken = 0
    while pending:
        ifd = pending.pop()
        recorder.asked += spans_of(ifd.entries.values())
        for offset in _offsets_below(buffer, tiff.header, ifd, limits):
            if offset in found or len(found) >= limits.ifds or broken >= MOST_BROKEN:
                continue
            try:
                below = run_cached(parse_ifd(recorder, tiff.header, offset, limits))
            except TinycogError:
                broken += 1
                continue
            if below is not None:
                found[offset] = below
                pending.append(below)
    _read_tables(recorder, places)
    return recorder.asked


def _is_plain(tiff: Tiff) -> bool:
    """Return whether a chain is whole, and all that its IFDs hold was understood."""
    is_whole = not tiff.next_offset and not tiff.findings and tiff.header.variant is not NDPI
    return is_whole and not any(ifd.findings for ifd in tiff.ifds)


def _spans_of_chain(tiff: Tiff) -> list[Span]:
    """Return where the header lies, and the IFDs of a plain chain."""
    variant = tiff.header.variant
    around = variant.count_length + variant.offset_length
    spans: list[Span] = [(0, variant.header_length)]
    for ifd in tiff.ifds:
        length = around + len(ifd.entries) * variant.entry_length
        spans.append((ifd.offset, ifd.offset + length))
    return spans


def _read_tables(recorder: RecordingBuffer, places: Sequence[Place]) -> None:
    """Read the tables of old-style JPEG, where they can be used."""
    for place in places:
        if place.image is not None and place.image.compression == Compression.OLD_JPEG:
            with suppress(TinycogError):
                run_cached(read_heads(recorder, place.image, [1]))


def _offsets_below(
    buffer: SparseBuffer, header: FileHeader, ifd: Ifd, limits: Limits
) -> Iterator[int]:
    """Yield where IFDs lie that an IFD points to, and that one behind it."""
    if ifd.next_offset:
        yield ifd.next_offset
    for entry in (ifd.entries[tag] for tag in POINTERS if tag in ifd.entries):
        with suppress(TinycogError):
            (value,) = run_cached(parse_values(buffer, header, [entry], limits)) or [()]
            yield from (v for v in value if isinstance(v, int) and v > 0)
