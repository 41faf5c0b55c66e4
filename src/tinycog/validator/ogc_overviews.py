"""OGC 21-026, Cloud Optimized GeoTIFF 1.0: its class geotiff-overviews, and how its rules are made.

By the letter a mask is a further full image, whose IFD stands between an image and its overviews
where the recommended order has it: masks are looked at apart, and the letter is told beside.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise, takewhile

import numpy as np

from tinycog.tiff.ghost import FRAME_LENGTH
from tinycog.tiff.image import Image
from tinycog.tiff.page_view import PagePath
from tinycog.tiff.spec import MASK, REDUCED
from tinycog.validator.facts import JudgedFile
from tinycog.validator.levels import data_order, first_block, order_of_all
from tinycog.validator.rule import Observation, Rule
from tinycog.validator.structure import chain

Rows = Iterator[Observation]


def is_reduced(image: Image) -> bool:
    """Return whether an image is marked as reduced, by bit 0 of NewSubfileType."""
    return bool(image.subfile_type & REDUCED)


def is_mask(image: Image) -> bool:
    """Return whether an image is marked as a mask, by bit 2 of NewSubfileType."""
    return bool(image.subfile_type & MASK)


def _chain(facts: JudgedFile) -> list[Image]:
    """Return the images of the chain itself, without those of SubIFDs."""
    return [
        place.image for place in facts.places if len(place.path) == 1 and place.image is not None
    ]


def _chains(facts: JudgedFile) -> Iterator[list[Image]]:
    """Yield the images of the chain that are no masks, and the masks: each are read alone."""
    images = _chain(facts)
    for of_masks in (False, True):
        yield [image for image in images if is_mask(image) == of_masks]


def _full_images(facts: JudgedFile) -> Iterator[tuple[Image, list[Image], list[Image]]]:
    """Yield the full images of the chain that have overviews.

    With each come what is, by place and size, its overview, and the reduced images right behind it
    in the chain of images, or of masks.
    """
    owners = {place.ifd.offset: place.of for place in reversed(facts.places)}
    overviews: dict[tuple[PagePath, bool], list[Image]] = defaultdict(list)
    for place in facts.places:
        if place.image is not None and is_reduced(place.image) and place.z is not None:
            overviews[place.of, is_mask(place.image)].append(place.image)
    for images in _chains(facts):
        behind = _behind(images)
        for image in images:
            own = overviews.get((owners[image.ifd.offset], is_mask(image)), [])
            if own and not is_reduced(image):
                yield image, own, behind[image.ifd.offset]


def _behind(images: Sequence[Image]) -> dict[int, list[Image]]:
    """Return the reduced images right behind each full one of a chain, by its offset."""
    found: dict[int, list[Image]] = {}
    for i, image in enumerate(images):
        if not is_reduced(image):
            after = (images[j] for j in range(i + 1, len(images)))
            found.setdefault(image.ifd.offset, list(takewhile(is_reduced, after)))
    return found


def _is_smaller(image: Image, before: Image) -> bool:
    """Return whether both sides are smaller; a side of one pixel cannot be."""
    pairs = zip(image.size, before.size, strict=True)
    return all(side < other or side == other == 1 for side, other in pairs)


def full_image(facts: JudgedFile) -> Rows:
    """One image at least must be of full resolution."""
    if all(map(is_reduced, facts.images())):
        yield Observation("every IFD is marked as reduced", None, facts.main.ifd.offset)


def first_overview(facts: JudgedFile) -> Rows:
    """Behind a full image must come its first overview, if it has any."""
    behind = _behind(_chain(facts))
    for image, _, followers in _full_images(facts):
        name, at = facts.name_of(image), image.ifd.offset
        if not followers:
            yield Observation(f"{name} is not followed by its overviews", None, at)
        elif not behind[at]:
            text = f"{name} is followed by a mask, not by its first overview"
            yield Observation(text, None, at, "literal")


def further_overviews(facts: JudgedFile) -> Rows:
    """Each further overview must be linked from the one before."""
    for _, overviews, followers in _full_images(facts):
        linked = {one.ifd.offset for one in followers}
        for overview in overviews if linked else ():
            if overview.ifd.offset not in linked:
                text = f"{facts.name_of(overview)} is not linked from the overview before it"
                yield Observation(text, None, overview.ifd.offset)


def _sizes(facts: JudgedFile, *, first: bool) -> Rows:
    """Yield reduced images that are not smaller than the IFD before: `first` ones, or others."""
    for images in _chains(facts):
        yield from _larger(facts, images, first=first)
    masks = {image.ifd.offset for image in _chain(facts) if is_mask(image)}
    for before, image in pairwise(_chain(facts)):
        if (before.ifd.offset in masks) != (image.ifd.offset in masks):
            for seen in _larger(facts, (before, image), first=first):
                yield seen._replace(kind="literal")


def _larger(facts: JudgedFile, images: Sequence[Image], *, first: bool) -> Rows:
    for before, image in pairwise(images):
        is_asked = is_reduced(image) and is_reduced(before) != first
        if is_asked and not _is_smaller(image, before):
            name, other = facts.name_of(image), facts.name_of(before)
            text = f"{name} is not smaller than {other}, the IFD before"
            yield Observation(text, None, image.ifd.offset)


def behind_overviews(facts: JudgedFile) -> Rows:
    """Behind the last overview must come a full image, or the end of the chain."""
    yield from chain(facts)
    for before, image in pairwise(_chain(facts)):
        if is_reduced(before) and is_reduced(image) and is_mask(image) != is_mask(before):
            text = f"behind the last overview, {facts.name_of(before)}, comes one of a mask"
            if is_mask(before):
                text = f"behind the last overview of a mask comes {facts.name_of(image)}"
            yield Observation(text, None, image.ifd.offset, "literal")


def recommended_order(facts: JudgedFile) -> Rows:
    """First should come IFDs, in order, then the index, then pixels, the smallest level first."""
    yield from _ifds_in_order(facts)
    levels = facts.pyramid.levels
    firsts = [first_block(facts, image) for image in levels]
    for seen in order_of_all(facts) if facts.is_whole else data_order(firsts, levels):
        yield seen._replace(kind="note") if seen.kind == "unknown" else seen
    stored = [first for first in firsts if first]
    index = [entry for image in levels for entry in (image.offsets, image.byte_counts) if entry]
    last_ifd = max(ifd.offset for ifd in facts.chain.ifds)
    for entry in index:
        if facts.is_apart(entry) and entry.offset < last_ifd:
            yield Observation("an index stands before the last IFD", entry.offset)
            break
    end = max([last_ifd, *(entry.range.stop for entry in index)])
    if stored and min(stored) < end:
        text = f"pixels stand before an IFD or an index, which end at byte {end}"
        yield Observation(text, min(stored))
    if facts.is_whole:
        yield from _masks_behind(facts)


def _ifds_in_order(facts: JudgedFile) -> Rows:
    """Yield an IFD that is out of order: image, its mask, overviews, masks of these."""
    pyramid = facts.pyramid
    wanted = [pyramid.levels[0], pyramid.masks[0], *pyramid.levels[1:], *pyramid.masks[1:]]
    for before, image in pairwise(image for image in wanted if image is not None):
        if image.ifd.offset < before.ifd.offset:
            text = f"the IFD of {facts.name_of(image)} lies before that of {facts.name_of(before)}"
            yield Observation(text, image.ifd.offset, image.ifd.offset)


def _masks_behind(facts: JudgedFile) -> Rows:
    """Yield masks with a tile that does not lie right behind that of the image."""
    for image, mask in zip(facts.pyramid.levels, facts.pyramid.masks, strict=True):
        if mask is None or image.grid.planes > 1 or image.grid.count != mask.grid.count:
            continue
        index, other = facts.indices[image.ifd.offset], facts.indices[mask.ifd.offset]
        n = min(map(len, (index.offsets, index.counts, other.offsets)))
        ends = index.offsets[:n] + index.counts[:n]
        both = index.stored()[:n] & other.stored()[:n]
        starts = other.offsets[:n]
        wrong = np.flatnonzero(both & ((starts < ends) | (starts > ends + np.uint64(FRAME_LENGTH))))
        if len(wrong):
            text = f"{len(wrong)} tiles of {facts.name_of(mask)} do not lie behind the image's"
            yield Observation(text, int(starts[wrong[0]]), mask.ifd.offset)


OGC = "OGC 21-026, {}"

WRITE = "write it anew: tinycog.write, or gdal_translate -of COG"


def ogc_rule(
    id: str,  # noqa: A002 - as the field is called
    says: str,
    check: Callable[[JudgedFile], Iterable[Observation]],
    remedy: str = WRITE,
    *,
    needs_all: bool = False,
) -> Rule:
    """Make a rule: what its id calls a requirement is an error, a recommendation a warning."""
    severity = "error" if id.startswith("/req/") else "warning"
    return Rule(id, severity, says, OGC.format(id), remedy, check, needs_all=needs_all)


OVERVIEWS_ID = "/req/geotiff-overviews/overviews"

OVERVIEWS = (
    ogc_rule(
        f"{OVERVIEWS_ID} A",
        "one image at least is of full resolution",
        full_image,
        needs_all=True,
    ),
    ogc_rule(
        f"{OVERVIEWS_ID} B",
        "behind a full image comes its first overview, another full image, or the end",
        first_overview,
    ),
    ogc_rule(
        f"{OVERVIEWS_ID} C",
        "the first overview is narrower and lower than the IFD before",
        partial(_sizes, first=True),
    ),
    ogc_rule(
        f"{OVERVIEWS_ID} D", "further overviews are linked from the one before", further_overviews
    ),
    ogc_rule(
        f"{OVERVIEWS_ID} E",
        "each further overview is narrower and lower than the IFD before",
        partial(_sizes, first=False),
    ),
    ogc_rule(
        f"{OVERVIEWS_ID} F",
        "behind the last overview comes a full image or the end",
        behind_overviews,
    ),
    ogc_rule(
        "/rec/geotiff-overviews/ifd-order",
        "IFDs come first, in order, then the index, then pixels from the smallest level on",
        recommended_order,
    ),
)
