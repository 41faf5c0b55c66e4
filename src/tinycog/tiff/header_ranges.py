"""Which bytes make up the header of a file: what parsing all that has arrived of it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from tinycog.errors import TinycogError
from tinycog.limits import Limits
from tinycog.tiff.buffer import RecordingBuffer, SparseBuffer
from tinycog.tiff.ghost import parse_ghost
from tinycog.tiff.old_jpeg import read_heads
from tinycog.tiff.parse import (
    FileHeader,
    Ifd,
    offset_in,
    parse_ifd,
    parse_tiff,
    parse_values,
    spans_of,
)
from tinycog.tiff.ranges import Span
from tinycog.tiff.roles import Place
from tinycog.tiff.spec import EXIF_IFDS, Compression
from tinycog.tiff.steps import run_cached


def header_ranges(buffer: SparseBuffer, places: Sequence[Place], limits: Limits) -> list[Span]:
    """Return the ranges of header, ghost area, IFDs, and the values of all their entries.

    The IFDs are those of the chain as far as it has arrived, those of `places`, and those of Exif
    and GPS; tables of old-style JPEG are among the values. Parts of what is returned may not have
    arrived.
    """
    recorder = RecordingBuffer(buffer)
    tiff = run_cached(parse_tiff(recorder, limits, cached=True))
    if tiff is None:
        return []
    run_cached(parse_ghost(recorder, tiff.header))
    ifds = {ifd.offset: ifd for ifd in tiff.ifds}
    for place in places:
        _add_ifd(recorder, tiff.header, place.ifd.offset, ifds, limits)
    for offset in _exif_offsets(buffer, tiff.header, list(ifds.values()), limits):
        _add_ifd(recorder, tiff.header, offset, ifds, limits)
    for place in places:
        if place.image is not None and place.image.compression == Compression.OLD_JPEG:
            with suppress(TinycogError):  # it has no tables that can be used
                run_cached(read_heads(recorder, place.image, [1]))
    for ifd in ifds.values():
        recorder.asked += spans_of(ifd.entries.values())
    return recorder.asked


def _add_ifd(
    recorder: RecordingBuffer,
    header: FileHeader,
    offset: int,
    ifds: dict[int, Ifd],
    limits: Limits,
) -> None:
    """Read another IFD, if it has arrived."""
    if offset in ifds:
        return
    with suppress(TinycogError):  # it is none that can be read
        ifd = run_cached(parse_ifd(recorder, header, offset, limits))
        if ifd is not None:
            ifds[offset] = ifd


def _exif_offsets(
    buffer: SparseBuffer, header: FileHeader, ifds: Iterable[Ifd], limits: Limits
) -> Iterator[int]:
    """Yield where IFDs of Exif and GPS lie."""
    for entry in (ifd.entries[tag] for ifd in ifds for tag in EXIF_IFDS if tag in ifd.entries):
        with suppress(TinycogError):
            values = run_cached(parse_values(buffer, header, [entry], limits))
            offset = offset_in(values[0]) if values else None
            if offset is not None:
                yield offset
