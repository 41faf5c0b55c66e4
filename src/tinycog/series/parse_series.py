"""Which format a file of several pages has, and its series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinycog.errors import FormatError, LimitError, UnsupportedError
from tinycog.limits import Limits
from tinycog.series.grouping import group
from tinycog.series.imagej import imagej, is_imagej, metamorph
from tinycog.series.model import Draft, PageFrame, Series
from tinycog.series.ome import is_ome, ome
from tinycog.series.shaped import SHAPED, shaped
from tinycog.series.slides import aperio, hamamatsu
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import Image
from tinycog.tiff.parse import Entry, FileHeader, Tiff, Value, parse_values
from tinycog.tiff.pyramid import parse_pyramid
from tinycog.tiff.roles import Place
from tinycog.tiff.spec import Tag
from tinycog.tiff.steps import Steps, need_bytes, together

UIC2_BYTES = 24
"""Bytes of each plane in UIC2: more than its field type says."""

APERIO = "Aperio "


def parse_series(
    buffer: SparseBuffer, tiff: Tiff, places: Sequence[Place], limits: Limits, file: str
) -> Steps[list[Series]]:
    """Parse the series of a file, as its writer describes them.

    Args:
        buffer: holds what has arrived.
        tiff: the whole chain.
        places: its pages, in their roles.
        limits: of the handle.
        file: name of the file, without folders.

    Raises:
        TruncatedError: a value lies beyond the end of the file.
        LimitError: a description is longer than `limits.value_bytes`.
    """
    chain = [place for place in places if len(place.path) == 1]
    frames = [
        PageFrame(p.path, p.image) for p in chain if p.image is not None and _is_known(p.image)
    ]
    if not frames:
        return []
    texts = yield from _descriptions(buffer, tiff.header, frames, limits)
    drafts = yield from _described(buffer, tiff, frames, texts, limits, file)
    if not drafts:
        drafts = yield from _grouped(buffer, tiff, chain, limits)
    drafts = yield from _with_levels(buffer, tiff, drafts, limits)
    return [draft.finished() for draft in drafts]


def _grouped(
    buffer: SparseBuffer, tiff: Tiff, chain: Sequence[Place], limits: Limits
) -> Steps[list[Draft]]:
    """Return the series of a file that nothing describes, with those of its SubIFDs."""
    pages = [place for place in chain if place.image is not None and not _is_part(place)]
    pyramids = yield from together(
        parse_pyramid(buffer, tiff, limits, page.image, page.path) for page in pages
    )
    frames: list[PageFrame] = []
    for page, pyramid in zip(pages, pyramids, strict=True):
        below = [place for place in pyramid.places if place.path[:-1] == page.path]
        own = [(place.path, place.image) for place in (page, *below) if not _is_part(place)]
        frames += [PageFrame(path, image) for path, image in own if image and _is_known(image)]
    return group(frames)


def _is_part(place: Place) -> bool:
    return place.role in ("level", "mask")


def _is_known(image: Image) -> bool:
    """Return whether there is a dtype for an image."""
    try:
        return bool(image.dtype)
    except UnsupportedError:
        return False


def _described(
    buffer: SparseBuffer,
    tiff: Tiff,
    frames: list[PageFrame],
    texts: list[str | None],
    limits: Limits,
    file: str,
) -> Steps[list[Draft]]:
    """Return what a format says that is known; none if the file has none, or it does not fit."""
    first, text = frames[0], texts[0] or ""
    adjacent = yield from _is_adjacent(buffer, tiff.header, first.image, limits)
    if text.startswith(SHAPED) and (found := shaped(texts, frames, adjacent=adjacent)):
        return found
    if is_ome(text) and (found := ome(text, frames, file)):
        return found
    if is_imagej(text):
        return imagej(text, frames, adjacent=adjacent)
    if text.startswith(APERIO) and not first.image.grid.strips:
        return aperio(frames)
    return (yield from _tagged(buffer, tiff.header, frames, limits, adjacent=adjacent))


def _tagged(
    buffer: SparseBuffer,
    header: FileHeader,
    frames: list[PageFrame],
    limits: Limits,
    *,
    adjacent: bool,
) -> Steps[list[Draft]]:
    """Return the series of a format that is told by private tags."""
    entries = frames[0].image.ifd.entries
    if Tag.UIC2 in entries:
        start, count = entries[Tag.UIC2].offset, entries[Tag.UIC2].count
        limits.check("value_bytes", count * UIC2_BYTES, "bytes of the value of tag UIC2")
        planes = yield from need_bytes(buffer, start, count * UIC2_BYTES)
        return metamorph(frames[0], bytes(planes), header.byte_order, adjacent=adjacent)
    if Tag.NDPIFormat not in entries:
        return []
    tags = yield from together(_parse_named(buffer, header, frame, limits) for frame in frames)
    return hamamatsu(frames, dict(zip((frame.path for frame in frames), tags, strict=True)))


def _parse_named(
    buffer: SparseBuffer, header: FileHeader, frame: PageFrame, limits: Limits
) -> Steps[dict[int, Value]]:
    """Return the tags that name a page of an NDPI."""
    entries = frame.image.ifd.entries
    wanted = [entries[tag] for tag in (Tag.NDPISourceLens, Tag.NDPIUserLabel) if tag in entries]
    values = yield from parse_values(buffer, header, wanted, limits)
    return {entry.tag: value for entry, value in zip(wanted, values, strict=True)}


def _descriptions(
    buffer: SparseBuffer, header: FileHeader, frames: Sequence[PageFrame], limits: Limits
) -> Steps[list[str | None]]:
    """Return the description of the first page, and those of all where tifffile wrote it."""
    first = yield from _description(buffer, header, frames[0], limits)
    if first is None or not first.startswith(SHAPED):
        return [first]
    rest = yield from together(_description(buffer, header, frame, limits) for frame in frames[1:])
    return [first, *rest]


def _description(
    buffer: SparseBuffer, header: FileHeader, frame: PageFrame, limits: Limits
) -> Steps[str | None]:
    entry = frame.image.ifd.entries.get(Tag.ImageDescription)
    if entry is None:
        return None
    (value,) = yield from parse_values(buffer, header, [entry], limits)
    return value if isinstance(value, str) else None


def _is_adjacent(
    buffer: SparseBuffer, header: FileHeader, image: Image, limits: Limits
) -> Steps[bool]:
    """Return whether the strips of an image follow each other without a gap."""
    if image.offsets is None or not image.grid.strips or image.grid.planes > 1:
        return False
    if image.grid.count == 1:
        return True
    entries: list[Entry] = [entry for entry in (image.offsets, image.byte_counts) if entry]
    try:
        values = yield from parse_values(buffer, header, entries, limits)
    except (FormatError, LimitError):
        return False
    rows = (image.grid.stored_rows(y) for y in range(image.grid.down))
    at, *rest = list(_integers(values[0]))
    for offset, length in zip(rest, map(image.unpacked_length, rows), strict=False):
        if offset != at + length:
            return False
        at = offset
    return True


def _integers(value: Value) -> Iterator[int]:
    return (number for number in value if isinstance(number, int))


def _with_levels(
    buffer: SparseBuffer, tiff: Tiff, drafts: Sequence[Draft], limits: Limits
) -> Steps[list[Draft]]:
    """Return series with the levels that the first page of each has."""
    return (yield from together(_with_level(buffer, tiff, draft, limits) for draft in drafts))


def _with_level(buffer: SparseBuffer, tiff: Tiff, draft: Draft, limits: Limits) -> Steps[Draft]:
    first = next(frame for frame in draft.frames if frame is not None)
    if draft.levels or draft.stride:
        return draft
    pyramid = yield from parse_pyramid(buffer, tiff, limits, first.image, first.path)
    if len(pyramid.levels) == 1:
        return draft
    known = PageFrame(first.path, first.image, pyramid.levels[1:])
    frames = [known if frame is first else frame for frame in draft.frames]
    name = draft.name or ("Baseline" if draft.kind == "ome" else "")
    return draft.replaced(name, frames)
