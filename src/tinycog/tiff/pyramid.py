"""The images of a file, parsed together and sorted into their roles (`roles`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, takewhile
from typing import NamedTuple, TypeVar

from tinycog.errors import Finding, FormatError, LimitError, TileIndexError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import FACTS, OPTIONS, Image, make_image
from tinycog.tiff.page_view import PagePath, PageView
from tinycog.tiff.parse import (
    Entry,
    FileHeader,
    Ifd,
    Tiff,
    Value,
    decode_value,
    parse_ifd,
    parse_values,
    spans_of,
)
from tinycog.tiff.ranges import ByteRange, count_clusters
from tinycog.tiff.roles import (
    Member,
    Pyramid,
    Role,
    Roles,
    is_part,
    with_facts_of_first,
)
from tinycog.tiff.spec import Tag
from tinycog.tiff.steps import Steps, need, together

T = TypeVar("T")

OPAQUE = 7
"""Code of the field type of bytes that are not numbers."""

OPTIONAL = frozenset(
    {Tag.GDALNoData, Tag.ExtraSamples, Tag.ReferenceBlackWhite, Tag.YCbCrCoefficients}
)
"""Tags that an image can do without where their values lie beyond the end of the file."""

APERIO = b"Aperio "
"""How ImageDescription begins in a slide of Aperio (tiff.pyramid.aperio)."""

APERIO_NAMES: dict[bytes, Role] = {b"label": "label", b"macro": "macro"}
"""First words of the second line of ImageDescription of pictures that are no part of the slide."""

NAME_BYTES = 256
"""Bytes of ImageDescription in which such a word lies."""


def parse_image(buffer: SparseBuffer, header: FileHeader, ifd: Ifd, limits: Limits) -> Steps[Image]:
    """Parse the values that make an image of an IFD, in one step.

    Raises:
        FormatError: a required value lies beyond the end of the file, or is impossible.
    """
    entries = [entry for tag, entry in ifd.entries.items() if tag in FACTS]
    for entry in entries:
        if entry.field_type.code == OPAQUE and entry.tag not in OPTIONS:
            text = f"tag {entry.tag} is of field type UNDEFINED, expected integers"
            raise FormatError.of(Finding("tiff.value.integer", text, entry.offset, ifd.offset))
    lost = [entry for entry in entries if _is_lost(buffer, entry)]
    if lost:
        entries = [entry for entry in entries if entry not in lost]
    values = yield from parse_values(buffer, header, entries, limits)
    image = make_image(header, ifd, {e.tag: v for e, v in zip(entries, values, strict=True)})
    if not lost:
        return image
    return replace(image, findings=(*image.findings, *(_lost(ifd, entry) for entry in lost)))


def _lost(ifd: Ifd, entry: Entry) -> Finding:
    text = f"the value of tag {entry.tag} lies beyond the end of the file; it is ignored"
    return Finding("tiff.value.place", text, entry.offset, ifd.offset)


def _is_lost(buffer: SparseBuffer, entry: Entry) -> bool:
    return entry.tag in OPTIONAL and buffer.ends_before(entry.range.stop)


class _IfdAt(NamedTuple):
    """What lies at a place: an IFD, or why there is none."""

    path: PagePath
    ifd: Ifd
    flaw: Finding | None = None


def parse_pyramid(
    buffer: SparseBuffer,
    tiff: Tiff,
    limits: Limits,
    first: Image | None = None,
    path: PagePath = (0,),
) -> Steps[Pyramid]:
    """Sort images of the walked chain into their roles, as one of its pages has them.

    For the first page these are all images of the chain, for another those behind it that may
    belong to it (`followers`); and the SubIFDs of the page.

    Args:
        buffer: holds what has arrived.
        tiff: the chain, as far as it has been walked.
        limits: of the handle.
        first: the image of the page, if it was parsed before.
        path: the page.

    Raises:
        FormatError: the image of the page cannot be parsed; any other is a finding.
        TileIndexError: there is no such page in what was walked.
    """
    page = yield from find_ifd(buffer, tiff, limits, path)
    if first is None:
        first = yield from parse_image(buffer, tiff.header, page, limits)
    subs = yield from _parse_sub_ifds(buffer, tiff, page, path, limits)
    behind = [_IfdAt((i,), tiff.ifds[i]) for i in followers(buffer, tiff, path)]
    near, far = _near(buffer, [*subs, *behind], limits)
    images = yield from together(
        _or_finding(parse_image(buffer, tiff.header, found.ifd, limits), found.ifd.offset)
        for found in near
        if found.flaw is None
    )
    roles = yield from _start(buffer, tiff, limits, Member(path, first), behind)
    flaws = [far] if far else []
    parsed = iter(images)
    for found in near:
        image = found.flaw or next(parsed)
        if isinstance(image, Image):
            roles.add(Member(found.path, image))
        else:
            flaws.append(image)
            roles.leave_out(found.path, found.ifd, image.message)
    while len(roles.levels(path)) > 1 and _is_absent(
        buffer, tiff.header, roles.levels(path)[-1].image
    ):
        text = "the last overview's only tile lies beyond the end of the file; it is left out"
        offset = roles.leave_out_last(path).image.ifd.offset
        flaws.append(Finding("tiff.pyramid.absent", text, None, offset))
    roles.check_first()
    return roles.pyramid(path, [*tiff.findings, *flaws])


def parse_view(
    buffer: SparseBuffer, tiff: Tiff, limits: Limits, first: Image, view: PageView
) -> Steps[Pyramid]:
    """Sort the images that a view of a file has, as `parse_pyramid` does for a plain page.

    Another plane behind an IFD has one level; levels that nothing marks are those of the view.
    """
    if not (view.is_plane or view.levels):
        return (yield from parse_pyramid(buffer, tiff, limits, first, view.path))
    walked = [path for path in view.levels if tiff.complete or path[0] < len(tiff.ifds)]
    ifds = yield from together(find_ifd(buffer, tiff, limits, path) for path in walked)
    levels = yield from together(parse_image(buffer, tiff.header, ifd, limits) for ifd in ifds)
    images = (first, *levels)
    findings = (*tiff.findings, *(finding for image in images for finding in image.findings))
    return Pyramid(with_facts_of_first(images), (None,) * len(images), (), findings)


def knows_view(buffer: SparseBuffer, tiff: Tiff, view: PageView) -> bool:
    """Return whether enough of the chain has been walked to know all levels of a view."""
    if view.is_plane or view.levels:
        last = max(path[0] for path in (view.path, *view.levels))
        return tiff.complete or last < len(tiff.ifds)
    return is_walked(buffer, tiff, view.path)


def _start(
    buffer: SparseBuffer, tiff: Tiff, limits: Limits, page: Member, behind: Sequence[_IfdAt]
) -> Steps[Roles]:
    """Return the roles before any image behind the page has one."""
    if page.path == (0,):
        names = yield from _parse_names(buffer, page.image, behind)
        return Roles(page, names or {}, slide=names is not None)
    head, (at, *below) = tiff.ifds[0], page.path
    if below or not behind:
        return Roles(page)
    size = _size_of(buffer, tiff.header, behind[0].ifd)
    earlier = (ifd for ifd in tiff.ifds[1:at] if _is_part(buffer, tiff.header, ifd))
    if any(_size_of(buffer, tiff.header, ifd) == size for ifd in earlier):
        return Roles(page)
    found = yield from _or_finding(parse_image(buffer, tiff.header, head, limits), head.offset)
    return Roles(page, before=Member((0,), found) if isinstance(found, Image) else None)


def find_ifd(buffer: SparseBuffer, tiff: Tiff, limits: Limits, path: PagePath) -> Steps[Ifd]:
    """Return the IFD of a page, of those that were walked.

    Raises:
        TileIndexError: there is none.
        FormatError: it lies below one that lists no SubIFDs, or cannot be read.
    """
    at, *below = path
    if not 0 <= at < len(tiff.ifds):
        flaws = "".join(f"; {finding.message}" for finding in tiff.findings)
        message = f"page {at} does not exist (pages 0 to {len(tiff.ifds) - 1}{flaws})"
        raise TileIndexError(message)
    ifd = tiff.ifds[at]
    for k in below:
        starts = yield from _sub_ifd_offsets(buffer, tiff.header, ifd, limits)
        if not 0 <= k < len(starts):
            message = f"page {path} does not exist: an IFD has {len(starts)} SubIFDs, not {k + 1}"
            raise TileIndexError(message)
        ifd = yield from parse_ifd(buffer, tiff.header, starts[k], limits)
    return ifd


def followers(buffer: SparseBuffer, tiff: Tiff, path: PagePath) -> Iterator[int]:
    """Return the indices of the walked IFDs behind a page that may be parts of it.

    All behind the first page; those behind another up to the next page (tiff.pyramid.owner).
    """
    at = path[0]
    if len(path) > 1 or (at > 0 and _is_part(buffer, tiff.header, tiff.ifds[at])):
        return iter(())
    behind = iter(range(at + 1, len(tiff.ifds)))
    if at == 0:
        return behind
    return takewhile(lambda i: _is_part(buffer, tiff.header, tiff.ifds[i]), behind)


def is_walked(buffer: SparseBuffer, tiff: Tiff, path: PagePath) -> bool:
    """Return whether no IFD that has not been walked may be a part of a page."""
    if tiff.complete:
        return True
    at = path[0]
    if at == 0 or at >= len(tiff.ifds):
        return len(path) > 1 and at < len(tiff.ifds)
    if len(path) > 1 or _is_part(buffer, tiff.header, tiff.ifds[at]):
        return True
    return at + 1 + sum(1 for _ in followers(buffer, tiff, path)) < len(tiff.ifds)


def _is_part(buffer: SparseBuffer, header: FileHeader, ifd: Ifd) -> bool:
    """Return whether an IFD is marked as part of another, by what is stored in it alone."""
    entry = ifd.entries.get(Tag.NewSubfileType)
    if entry is None or buffer.missing([entry.range]):
        return False
    value = decode_value(header.byte_order, entry, buffer.read(*entry.range))
    return bool(value) and isinstance(value[0], int) and is_part(value[0], ifd)


def _size_of(buffer: SparseBuffer, header: FileHeader, ifd: Ifd) -> list[Value | None]:
    """Return what an IFD itself says of its size."""
    found: list[Value | None] = []
    for entry in map(ifd.entries.get, (Tag.ImageWidth, Tag.ImageLength)):
        is_here = entry is not None and not buffer.missing([entry.range])
        data = buffer.read(*entry.range) if entry is not None and is_here else b""
        found.append(decode_value(header.byte_order, entry, data) if entry and is_here else None)
    return found


def _is_absent(buffer: SparseBuffer, header: FileHeader, image: Image) -> bool:
    """Return whether an image's only tile lies beyond the end of the file (tiff.pyramid.absent)."""
    entry = image.offsets
    if entry is None or entry.count != 1 or buffer.missing([entry.range]):
        return False
    value = decode_value(header.byte_order, entry, buffer.read(*entry.range))
    offset = value[0] if isinstance(value, tuple) else 0
    return isinstance(offset, int) and buffer.ends_before(offset + 1)


def _near(
    buffer: SparseBuffer, found: Sequence[_IfdAt], limits: Limits
) -> tuple[Sequence[_IfdAt], Finding | None]:
    """Return the IFDs whose values few requests fetch, and a finding if not all (tiff.ifd.far)."""
    values = [
        spans_of(entry for tag, entry in one.ifd.entries.items() if tag in FACTS) for one in found
    ]
    count = len(found)
    while (
        count
        and count_clusters(buffer.missing(chain.from_iterable(values[:count])))
        > limits.header_requests
    ):
        count //= 2
    if count == len(found):
        return found, None
    text = f"{len(found) - count} IFDs are left out: their values lie in too many places"
    offset = found[count].ifd.offset
    return found[:count], Finding("tiff.ifd.far", text, offset, offset)


def _sub_ifd_offsets(
    buffer: SparseBuffer, header: FileHeader, ifd: Ifd, limits: Limits
) -> Steps[list[int]]:
    """Return where the SubIFDs of an IFD lie."""
    entry = ifd.entries.get(Tag.SubIFDs)
    if entry is None:
        return []
    (offsets,) = yield from parse_values(buffer, header, [entry], limits)
    return [v for v in offsets if isinstance(v, int) and v > 0] if type(offsets) is tuple else []


def _parse_sub_ifds(
    buffer: SparseBuffer, tiff: Tiff, parent: Ifd, path: PagePath, limits: Limits
) -> Steps[list[_IfdAt]]:
    """Parse the SubIFDs of an IFD (tiff.pyramid.sub-ifds)."""
    entry = parent.entries.get(Tag.SubIFDs)
    if entry is None:
        return []
    try:
        starts = yield from _sub_ifd_offsets(buffer, tiff.header, parent, limits)
        limits.check("ifds", len(tiff.ifds) + len(starts), "IFDs and SubIFDs")
        missing = buffer.missing(ByteRange(place, place + 1) for place in starts)
        limits.check("header_requests", count_clusters(missing), "places that the SubIFDs lie in")
    except (FormatError, LimitError) as exc:
        text = f"the SubIFDs of page {path[0]} cannot be read: {exc}"
        flaw = Finding("tiff.pyramid.sub-ifds", text, entry.offset, parent.offset)
        return [_IfdAt((*path, 0), Ifd.lost(entry.offset), flaw)]
    found = yield from together(
        _or_finding(parse_ifd(buffer, tiff.header, place, limits), place) for place in starts
    )
    return [
        _IfdAt((*path, k), ifd)
        if isinstance(ifd, Ifd)
        else _IfdAt((*path, k), Ifd.lost(starts[k]), ifd)
        for k, ifd in enumerate(found)
    ]


def _parse_names(
    buffer: SparseBuffer, first: Image, behind: Sequence[_IfdAt]
) -> Steps[dict[PagePath, Role] | None]:
    """Return what a slide calls its images; None if it is not one (tiff.pyramid.aperio)."""
    head = first.ifd.entries.get(Tag.ImageDescription)
    if head is None or not behind or first.grid.strips or head.count < len(APERIO):
        return None
    if (yield from _read_start(buffer, head, len(APERIO))) != APERIO:
        return None
    texts = {
        one.path: one.ifd.entries[Tag.ImageDescription]
        for one in behind
        if Tag.ImageDescription in one.ifd.entries
    }
    starts = yield from together(_read_start(buffer, entry, NAME_BYTES) for entry in texts.values())
    names: dict[PagePath, Role] = {}
    for path, text in zip(texts, starts, strict=True):
        words = {line.partition(b" ")[0].lower() for line in text.splitlines()}
        names.update((path, role) for word, role in APERIO_NAMES.items() if word in words)
    return names


def _read_start(buffer: SparseBuffer, entry: Entry, length: int) -> Steps[bytes]:
    """Return the first bytes of a value; what lies beyond the end of the file is left out."""
    stop = min(entry.range.stop, entry.offset + length)
    if buffer.ends_before(stop):
        stop = max(buffer.size or 0, entry.offset)
    part = ByteRange(entry.offset, stop)
    try:
        yield from need(buffer, [part])
        return bytes(buffer.read(*part))
    except FormatError:
        return b""


def _or_finding(parser: Steps[T], offset: int) -> Steps[T | Finding]:
    """Run a parser of an IFD or of its image; an error becomes a finding."""
    try:
        return (yield from parser)
    except (FormatError, LimitError) as exc:
        return Finding("tiff.ifd.unreadable", f"an IFD is left out: {exc}", offset, offset)
