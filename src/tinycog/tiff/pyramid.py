"""Which images of a file are levels of the first one, which are their masks, which are other pages.

The rules are GDAL's (tiff.pyramid.*), so that level z here is level z everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple, TypeVar

from tinycog.errors import Finding, FormatError, LimitError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.image import FACTS, OPTIONS, Image, make_image
from tinycog.tiff.parse import (
    Entry,
    FileHeader,
    Ifd,
    Tiff,
    decode_value,
    parse_ifd,
    parse_values,
    spans_of,
)
from tinycog.tiff.ranges import ByteRange, count_clusters
from tinycog.tiff.spec import MASK, REDUCED, Tag
from tinycog.tiff.steps import Steps, together

T = TypeVar("T")

OPAQUE = 7
"""Code of the field type of bytes that are not numbers."""

OPTIONAL = frozenset(
    {Tag.GDALNoData, Tag.ExtraSamples, Tag.ReferenceBlackWhite, Tag.YCbCrCoefficients}
)
"""Tags that an image can do without where their values lie beyond the end of the file."""


class Pyramid(NamedTuple):
    """The images of a file in their roles.

    Attributes:
        levels: level 0 is the first IFD, at full resolution; overviews follow in file order.
        masks: the transparency mask of each level, or None.
        pages: all other images that can be read, in file order.
        findings: what is odd about any of them.
    """

    levels: tuple[Image, ...]
    masks: tuple[Image | None, ...]
    pages: tuple[Image, ...]
    findings: tuple[Finding, ...]


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
    return entry.tag in OPTIONAL and buffer.size is not None and entry.range.stop > buffer.size


def parse_pyramid(
    buffer: SparseBuffer, tiff: Tiff, limits: Limits, first: Image | None = None
) -> Steps[Pyramid]:
    """Sort the images of the walked chain, and the SubIFDs of its first IFD, into their roles.

    `first` is the image of the first IFD, if it was parsed before.

    Raises:
        FormatError: the first image cannot be parsed; any other is a finding.
    """
    if first is None:
        first = yield from parse_image(buffer, tiff.header, tiff.ifds[0], limits)
    subs = yield from _parse_sub_ifds(buffer, tiff, limits)
    rest = [found for found in (*subs, *tiff.ifds[1:]) if isinstance(found, Ifd)]
    near, far = _near(buffer, rest, limits)
    images = yield from together(
        _or_finding(parse_image(buffer, tiff.header, ifd, limits), "an IFD is left out", ifd.offset)
        for ifd in near
    )
    lost = [found for found in (*subs, *far, *images) if isinstance(found, Finding)]
    roles = _Roles(first)
    for image in images:
        if isinstance(image, Image):
            roles.add(image)
    while len(roles.levels) > 1 and _is_absent(buffer, tiff.header, roles.levels[-1]):
        text = "the last overview's only tile lies beyond the end of the file; it is left out"
        lost.append(Finding("tiff.pyramid.absent", text, None, roles.levels.pop().ifd.offset))
    return roles.pyramid([*tiff.findings, *lost])


def _is_absent(buffer: SparseBuffer, header: FileHeader, image: Image) -> bool:
    """Return whether an image's only tile lies beyond the end of the file (tiff.pyramid.absent)."""
    entry = image.offsets
    if entry is None or entry.count != 1 or buffer.size is None or buffer.missing([entry.range]):
        return False
    value = decode_value(header.byte_order, entry, buffer.read(*entry.range))
    offset = value[0] if isinstance(value, tuple) else 0
    return isinstance(offset, int) and offset >= buffer.size


def _near(
    buffer: SparseBuffer, ifds: Sequence[Ifd], limits: Limits
) -> tuple[Sequence[Ifd], list[Finding]]:
    """Return the IFDs whose values few requests fetch, and a finding if not all (tiff.ifd.far)."""
    values = [spans_of(entry for tag, entry in ifd.entries.items() if tag in FACTS) for ifd in ifds]
    count = len(ifds)
    while (
        count
        and count_clusters(buffer.missing(chain.from_iterable(values[:count])))
        > limits.header_requests
    ):
        count //= 2
    if count == len(ifds):
        return ifds, []
    text = f"{len(ifds) - count} IFDs are left out: their values lie in too many places"
    return ifds[:count], [Finding("tiff.ifd.far", text, ifds[count].offset, ifds[count].offset)]


def _parse_sub_ifds(
    buffer: SparseBuffer, tiff: Tiff, limits: Limits
) -> Steps[Sequence[Ifd | Finding]]:
    """Parse the SubIFDs of the first IFD (tiff.pyramid.sub-ifds)."""
    entry = tiff.ifds[0].entries.get(Tag.SubIFDs)
    if entry is None:
        return ()
    try:
        (offsets,) = yield from parse_values(buffer, tiff.header, [entry], limits)
        starts = [v for v in offsets if isinstance(v, int) and v > 0]
        limits.check("ifds", len(tiff.ifds) + len(starts), "IFDs and SubIFDs")
        missing = buffer.missing(ByteRange(place, place + 1) for place in starts)
        limits.check("header_requests", count_clusters(missing), "places that the SubIFDs lie in")
    except (FormatError, LimitError) as exc:
        text = f"the SubIFDs of the first IFD cannot be read: {exc}"
        return (Finding("tiff.pyramid.sub-ifds", text, entry.offset, tiff.ifds[0].offset),)
    return (
        yield from together(
            _or_finding(
                parse_ifd(buffer, tiff.header, place, limits), "an IFD cannot be read", place
            )
            for place in starts
        )
    )


def _or_finding(parser: Steps[T], what: str, offset: int) -> Steps[T | Finding]:
    """Run a parser; an error becomes a finding."""
    try:
        return (yield from parser)
    except (FormatError, LimitError) as exc:
        return Finding("tiff.ifd.unreadable", f"{what}: {exc}", offset, offset)


class _Roles:
    """Roles assigned so far (tiff.pyramid.levels, tiff.pyramid.masks)."""

    def __init__(self, first: Image) -> None:
        self.first = first
        self.levels = [first]
        self.masks: dict[int, Image] = {}
        self.pages: list[Image] = []

    def add(self, image: Image) -> None:
        """Assign a role to one more image; one that is neither level nor mask is a page."""
        kind = image.subfile_type & (REDUCED | MASK)
        if Tag.SubIFDs in image.ifd.entries:
            kind = 0
        if kind == REDUCED and image.samples == self.first.samples:
            self.levels.append(image)
        elif kind & MASK and (z := self._masked_level(image, reduced=bool(kind & REDUCED))) >= 0:
            self.masks[z] = image
        else:
            self.pages.append(image)

    def _masked_level(self, mask: Image, *, reduced: bool) -> int:
        """Return the first level of the mask's size that has no mask yet, else -1."""
        candidates = range(1, len(self.levels)) if reduced else range(1)
        size = mask.shape[1:]
        free = (z for z in candidates if z not in self.masks and self.levels[z].shape[1:] == size)
        return next(free, -1)

    def _as_in_file(self, level: Image) -> Image:
        """Return a level with the nodata of level 0, a fact of the file (gdal.nodata.level)."""
        text = self.first.nodata_text
        return level if level.nodata_text == text else replace(level, nodata_text=text)

    def pyramid(self, findings: Iterable[Finding]) -> Pyramid:
        """Return the finished `Pyramid`."""
        images = (*self.levels, *self.masks.values(), *self.pages)
        return Pyramid(
            levels=tuple(self._as_in_file(level) for level in self.levels),
            masks=tuple(self.masks.get(z) for z in range(len(self.levels))),
            pages=tuple(self.pages),
            findings=(*findings, *(finding for image in images for finding in image.findings)),
        )
