"""Which images of a file are levels of another, which are masks, which are pages of their own.

The rules are GDAL's wherever its choice is meaningful, so that level z here is level z everywhere
(tiff.pyramid.*). An image that only claims to be a smaller version of another stays a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from tinycog.errors import Finding
from tinycog.tiff.image import Image
from tinycog.tiff.page_view import PagePath
from tinycog.tiff.parse import Ifd
from tinycog.tiff.spec import MASK, PAGE, REDUCED, Photometric, SampleFormat, Tag, name_of

Role = Literal["level", "mask", "page", "thumbnail", "label", "macro", "unreadable"]
"""What an image is to the file; "page" is an image in its own right."""

MAX_OVERVIEWS = 30
"""Levels after the first that an image has at most, as in GDAL."""


class Member(NamedTuple):
    """An image and where its IFD stands, before it has a role."""

    path: PagePath
    image: Image


class Place(NamedTuple):
    """The role of one IFD.

    Attributes:
        path: where the IFD stands.
        ifd: the directory; without entries if it cannot be read.
        image: its facts, None if it holds no image that can be read.
        role: what it is.
        of: the page whose level or mask it is; itself for a page.
        z: level of that page, for levels and masks.
        reason: why, in a few words.
    """

    path: PagePath
    ifd: Ifd
    image: Image | None
    role: Role
    of: PagePath
    z: int | None
    reason: str


class Pyramid(NamedTuple):
    """The images of a file in their roles, as one of its pages has them.

    Attributes:
        levels: level 0 is the page itself, at full resolution; overviews follow in file order.
        masks: the transparency mask of each level, or None.
        places: the roles of all IFDs that were looked at, in file order, SubIFDs behind their
            parents.
        findings: what is odd about any of them.
    """

    levels: tuple[Image, ...]
    masks: tuple[Image | None, ...]
    places: tuple[Place, ...]
    findings: tuple[Finding, ...]


class Owner:
    """A page, and the levels and masks found for it so far."""

    def __init__(self, page: Member) -> None:
        """Begin with level 0."""
        self.page = page
        self.levels = [page]
        self.masks: dict[int, Member] = {}
        self.has_parts_behind = False

    @property
    def base(self) -> Image:
        """The image of level 0."""
        return self.page.image

    def masked_level(self, mask: Image) -> int:
        """Return the first level that a mask fits and that has none yet, else -1."""
        is_reduced = bool(mask.subfile_type & REDUCED)
        candidates = range(1, len(self.levels)) if is_reduced else range(1)
        return next(
            (
                z
                for z in candidates
                if z not in self.masks and self.levels[z].image.size == mask.size
            ),
            -1,
        )


class Roles:
    """Roles assigned so far, image by image in file order (tiff.pyramid.owner).

    What is decided about an image depends on those before it alone, so that level z of a chain
    that has been walked in part is level z of all of it.
    """

    def __init__(
        self,
        page: Member,
        names: Mapping[PagePath, Role] | None = None,
        *,
        slide: bool = False,
        before: Member | None = None,
    ) -> None:
        """Begin with the page whose levels are wanted.

        Args:
            page: what no other image can have as its level or mask.
            names: what the file itself calls some of the images that are parts.
            slide: whether it is a slide whose levels are not marked (tiff.pyramid.aperio).
            before: the first image of the file, where parts behind the page may be its.
        """
        self.findings: list[Finding] = []
        self._names = names or {}
        self._slide = slide
        self._owners: dict[PagePath, Owner] = {}
        self._places: dict[PagePath, Place] = {}
        self._first = self._own(before or page, "the first image of the file")
        self._nearest = self._first
        if before is not None:
            self._nearest = self._own(page, "the page itself")

    def add(self, member: Member) -> None:
        """Assign a role to one more image."""
        path, image = member
        if not is_part(image.subfile_type, image.ifd):
            self._add_page(member)
        elif path in self._names:
            role = self._names[path]
            self._own(member, "named so in ImageDescription", role)
            text = f"an image marked as reduced is the {role} of a slide, by its description"
            self._report("tiff.pyramid.aperio", text, image)
        elif image.subfile_type & MASK:
            self._add_mask(member)
        else:
            self._add_level(member)

    def _add_page(self, member: Member) -> None:
        path, image = member
        reason = "its NewSubfileType says neither reduced nor mask"
        if not self._slide or image.subfile_type or len(path) > 1:
            owner = self._own(member, reason)
            if len(path) == 1:
                self._nearest = owner
        elif image.grid.strips:
            self._own(member, "an image in strips of an Aperio slide", "thumbnail")
        elif (reason := misfit(image, self._first)) is None:
            self._join(self._first, member, "a tiled image of an Aperio slide that fits level 0")
        else:
            self._own(member, f"a tiled image of an Aperio slide, but {reason}")

    def _own(self, member: Member, reason: str, role: Role = "page") -> Owner:
        path, image = member
        self._places[path] = Place(path, image.ifd, image, role, path, None, reason)
        self._owners[path] = Owner(member)
        return self._owners[path]

    def _candidates(self, path: PagePath) -> list[Owner]:
        """Return the pages that a part may belong to, the likeliest first (tiff.pyramid.owner)."""
        if len(path) > 1:
            return [self._owners[path[:-1]]]
        both = [self._first, self._nearest]
        if self._nearest.has_parts_behind:
            both.reverse()
        return both if self._first is not self._nearest else both[:1]

    def _add_level(self, member: Member) -> None:
        path, image = member
        candidates = self._candidates(path)
        fitting = [owner for owner in candidates if misfit(image, owner) is None]
        if not fitting:
            reason = f"marked as reduced, but {misfit(image, candidates[0])}"
            self._report("tiff.pyramid.levels", f"an image is no level but a page: {reason}", image)
            self._own(member, reason, "thumbnail")
            return
        owner = fitting[0]
        if len(fitting) > 1:
            self._report_choice(image, fitting)
        self._join(owner, member, "marked as reduced, and it fits level 0")

    def _join(self, owner: Owner, member: Member, reason: str) -> None:
        path, image = member
        before = owner.levels[-1].image
        if image.grid.width > before.grid.width or image.grid.height > before.grid.height:
            z = len(owner.levels)
            text = f"level {z} is larger than level {z - 1}; levels keep their order in the file"
            self._report("tiff.pyramid.order", text, image)
        z = len(owner.levels)
        owner.levels.append(member)
        owner.has_parts_behind |= len(path) == 1
        self._places[path] = Place(path, image.ifd, image, "level", owner.page.path, z, reason)

    def _add_mask(self, member: Member) -> None:
        path, image = member
        fitting = [owner for owner in self._candidates(path) if owner.masked_level(image) >= 0]
        if not fitting:
            reason = "no level has the size of this mask and none yet"
            self._report("tiff.pyramid.masks", f"a mask is a page: {reason}", image)
            self._own(member, reason)
            return
        owner = fitting[0]
        if len(fitting) > 1:
            self._report_choice(image, fitting)
        z = owner.masked_level(image)
        owner.masks[z] = member
        owner.has_parts_behind |= len(path) == 1
        reason = f"a mask of the size of level {z}"
        self._places[path] = Place(path, image.ifd, image, "mask", owner.page.path, z, reason)

    def _report(self, rule: str, text: str, image: Image) -> None:
        self.findings.append(Finding(rule, text, image.ifd.offset, image.ifd.offset))

    def _report_choice(self, image: Image, fitting: list[Owner]) -> None:
        """Report that an image fits two pages, of which the first is taken; once for each page."""
        one, other = (owner.page.path[0] for owner in fitting)
        place = fitting[1].base.ifd.offset
        if any(found.ifd == place and "owner" in found.rule for found in self.findings):
            return
        gdal = "as GDAL does" if one == 0 else "where GDAL takes page 0"
        text = f"images behind page {one or other} are taken for parts of page {one}, {gdal}"
        self.findings.append(Finding("tiff.pyramid.owner", text, image.ifd.offset, place))

    def levels(self, path: PagePath) -> list[Member]:
        """Return the levels of a page so far."""
        return self._owners[path].levels

    def leave_out_last(self, path: PagePath) -> Member:
        """Make the last level of a page a page of its own: its pixels are not in the file."""
        owner = self._owners[path]
        owner.masks.pop(len(owner.levels) - 1, None)
        member = owner.levels.pop()
        self._own(member, "a level whose only tile lies beyond the end of the file")
        return member

    def check_first(self) -> None:
        """Report a first image that only is a preview of a larger one (tiff.pyramid.first)."""
        base = self._first.base
        pages = [owner.base for owner in self._owners.values() if owner is not self._first]
        larger = [one for one in pages if not one.subfile_type and one.grid.width > base.grid.width]
        if base.subfile_type & REDUCED and larger:
            width, height = larger[0].size
            text = (
                "the first IFD is marked as reduced, yet level 0 is it, as in GDAL; a page has"
                f" {width} by {height} pixels"
            )
            self._report("tiff.pyramid.first", text, base)

    def leave_out(self, path: PagePath, ifd: Ifd, reason: str) -> None:
        """Keep the place of an IFD that holds no image that can be read."""
        self._places[path] = Place(path, ifd, None, "unreadable", path, None, reason)

    def pyramid(self, path: PagePath, findings: Iterable[Finding]) -> Pyramid:
        """Return the finished `Pyramid` of a page."""
        owner = self._owners[path]
        places = [self._places[key] for key in sorted(self._places) if key >= path]
        images = [place.image for place in places if place.image is not None]
        return Pyramid(
            levels=with_facts_of_first([member.image for member in owner.levels]),
            masks=tuple(
                None if (mask := owner.masks.get(z)) is None else mask.image
                for z in range(len(owner.levels))
            ),
            places=tuple(places),
            findings=(
                *findings,
                *self.findings,
                *(finding for image in images for finding in image.findings),
            ),
        )


def with_facts_of_first(levels: Sequence[Image]) -> tuple[Image, ...]:
    """Return levels with the nodata of the first one, a fact of the file (gdal.nodata.level)."""
    text = levels[0].nodata_text
    return tuple(
        level if level.nodata_text == text else replace(level, nodata_text=text) for level in levels
    )


def children(places: Iterable[Place], path: PagePath) -> tuple[Place, ...]:
    """Return the places one below a path."""
    below = len(path) + 1
    return tuple(place for place in places if len(place.path) == below and place.path[:-1] == path)


def is_part(subfile_type: int, ifd: Ifd) -> bool:
    """Return whether an image says that it is a smaller version or a mask of another.

    One with SubIFDs of its own does not count, as in GDAL (tiff.pyramid.sub-ifds).
    """
    return bool(subfile_type & (REDUCED | MASK)) and Tag.SubIFDs not in ifd.entries


def misfit(image: Image, owner: Owner) -> str | None:
    """Return why an image is no level of a page, None if it is (tiff.pyramid.levels)."""
    return _other_pixels(image, owner.base) or _other_size(image.size, owner)


def _other_pixels(image: Image, base: Image) -> str | None:
    """Return how the pixels of an image mean something else than those of level 0."""
    if image.subfile_type & ~(REDUCED | PAGE | MASK):
        return f"NewSubfileType {image.subfile_type} marks a picture of another kind"
    if image.samples != base.samples:
        return f"it has {image.samples} samples, level 0 has {base.samples}"
    bits = (image.photometric, base.photometric) != (Photometric.PALETTE, Photometric.PALETTE)
    if _samples_of(image, bits=bits) != _samples_of(base, bits=bits):
        return "its samples are of another type than those of level 0"
    if not _same_colours(image, base):
        one, other = (name_of(Photometric, each.photometric) for each in (image, base))
        return f"its photometric is {one}, that of level 0 {other}"
    return None


def _other_size(size: tuple[int, int], owner: Owner) -> str | None:
    """Return what is wrong with the size of a level."""
    width, height = owner.base.size
    sides, full = f"{size[0]} by {size[1]} pixels", f"level 0 with {width} by {height}"
    if size[0] > width or size[1] > height or (size == (width, height) != (1, 1)):
        return f"{sides} are not smaller than {full}"
    if not _same_ratio((width, height), size):
        return f"{sides} have another aspect ratio than {full}"
    if any(level.image.size == size for level in owner.levels[1:]):
        return f"another level has {sides} already"
    if len(owner.levels) > MAX_OVERVIEWS:
        return f"level 0 has {MAX_OVERVIEWS} overviews already"
    return None


def _samples_of(image: Image, *, bits: bool) -> tuple[object, ...]:
    """Return the type of samples; palette indices mean the same in any number of bits."""
    formats = {
        SampleFormat.UINT if found == SampleFormat.VOID else found for found in image.sample_formats
    }
    return formats, set(image.bits_per_sample) if bits else None


def _same_colours(image: Image, base: Image) -> bool:
    """Return whether samples mean the same colours.

    YCbCr is always read as RGB. GDAL writes the overviews of a MinIsWhite image as palettes, whose
    indices are the samples.
    """
    ours, full = (
        Photometric.RGB if each.photometric == Photometric.YCBCR else each.photometric
        for each in (image, base)
    )
    return ours == full or (ours, full) == (Photometric.PALETTE, Photometric.MIN_IS_WHITE)


def _same_ratio(full: tuple[int, int], size: tuple[int, int]) -> bool:
    """Return whether one factor explains both sides, each rounded down or up."""
    (width, height), (cols, rows) = full, size
    return _is_less(width, cols + 1, height, rows - 1) and _is_less(
        height, rows + 1, width, cols - 1
    )


def _is_less(one: int, over: int, other: int, under: int) -> bool:
    """Return whether one / over < other / under; what is divided by 0 is infinite."""
    return not under or one * under < other * over
