"""How a TIFF is built: order of tags, alignment, overlaps, data stored twice, unused bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np

from tinycog.argument_types import ValidationDepth
from tinycog.errors import Finding
from tinycog.tiff.spec import Photometric, Tag
from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import Observation, Rule, Severity, ValidationProfile, ids_of

TILE_STEP = 16
"""What TIFF wants the sides of tiles to be multiples of."""

REQUIRED = (Tag.ImageWidth, Tag.ImageLength, Tag.PhotometricInterpretation)

Rows = Iterator[Observation]


def _findings(facts: JudgedFile) -> Iterator[Finding]:
    yield from facts.chain.findings
    for ifd in facts.ifds:
        yield from ifd.findings


def reported(facts: JudgedFile, ends: str) -> Rows:
    """Yield what the parser has found by a rule of its own, named by its end."""
    for found in _findings(facts):
        if found.rule.endswith(ends):
            yield Observation(found.message, found.offset, found.ifd)


def chain(facts: JudgedFile) -> Rows:
    """The chain of IFDs must come to its end."""
    for found in facts.chain.findings:
        name = found.rule.rpartition(".")[2]
        if name in ("loop", "unreadable"):
            yield Observation(found.message, found.offset, found.ifd)
        elif name in ("count", "far"):
            yield Observation(found.message, found.offset, found.ifd, "unknown")
    yield from reported(facts, ".link")


def ifd_alignment(facts: JudgedFile) -> Rows:
    """IFDs must begin at even bytes."""
    for ifd in facts.ifds:
        if ifd.offset % 2:
            yield Observation("an IFD begins at an odd byte", ifd.offset, ifd.offset)


def value_alignment(facts: JudgedFile) -> Rows:
    """Values outside of entries should begin at even bytes."""
    for ifd in facts.ifds:
        for entry in ifd.entries.values():
            if facts.is_apart(entry) and entry.offset % 2:
                text = f"the value of tag {entry.tag} begins at an odd byte"
                yield Observation(text, entry.offset, ifd.offset)


def values_inside(facts: JudgedFile) -> Rows:
    """Values must lie inside of the file."""
    for ifd in facts.ifds:
        for entry in ifd.entries.values():
            if facts.size is not None and entry.range.stop > facts.size:
                text = f"the value of tag {entry.tag} ends at byte {entry.range.stop}"
                text += f", but the file at {facts.size}"
                yield Observation(text, entry.offset, ifd.offset)


def required(facts: JudgedFile) -> Rows:
    """Images must have the tags that every TIFF has."""
    for image in facts.images():
        kinds = ("Strip", "Tile")
        tags = [*REQUIRED, Tag[f"{kinds[not image.grid.strips]}Offsets"]]
        tags.append(Tag[f"{kinds[not image.grid.strips]}ByteCounts"])
        lacking = [tag.name for tag in tags if tag not in image.ifd.entries]
        if lacking and not image.is_one_old_jpeg:
            text = f"{facts.name_of(image)} lacks {', '.join(lacking)}"
            yield Observation(text, None, image.ifd.offset)


def index_length(facts: JudgedFile) -> Rows:
    """The index must have a value for each block."""
    for image in facts.images():
        for entry in (image.offsets, image.byte_counts):
            if entry is not None and entry.count != image.stored_count:
                text = f"tag {entry.tag} of {facts.name_of(image)} has {entry.count} values"
                text += f" for {image.stored_count} blocks"
                kind = "broken" if entry.count < image.stored_count else "note"
                yield Observation(text, entry.offset, image.ifd.offset, kind)


def tile_step(facts: JudgedFile) -> Rows:
    """Sides of tiles must be multiples of 16."""
    for image in facts.images():
        width, height = image.grid.tile_width, image.grid.tile_height
        if not image.grid.strips and (width % TILE_STEP or height % TILE_STEP):
            text = f"{facts.name_of(image)} has tiles of {width} by {height} pixels"
            yield Observation(text, None, image.ifd.offset)


def masks(facts: JudgedFile) -> Rows:
    """Mask images must say so in PhotometricInterpretation."""
    for mask in facts.pyramid.masks:
        if mask is not None and mask.photometric != Photometric.MASK:
            text = f"PhotometricInterpretation of a mask is {mask.photometric}, expected 4"
            yield Observation(text, None, mask.ifd.offset)


# --- what lies where -----------------------------------------------------------------------------


def overlaps(facts: JudgedFile, *, blocks: bool) -> Rows:
    """Ranges must not overlap; those that are the same are told by another rule."""
    used = facts.used_ranges
    count, at, before = used.block_overlaps if blocks else used.header_overlaps
    if count:
        text = f"bytes from {at} on are used twice: what lies before ends at {before}"
        yield Observation(text + _more(count), at)


def duplicates(facts: JudgedFile) -> Rows:
    """No data should be pointed to twice."""
    count, at, _ = facts.used_ranges.duplicates
    if count:
        yield Observation(f"two pointers lead to the same bytes{_more(count)}", at)


def blocks_inside(facts: JudgedFile) -> Rows:
    """Blocks must lie inside of the file, behind its header."""
    for image in facts.images():
        index = facts.indices[image.ifd.offset]
        known = min(len(index.offsets), len(index.counts))
        offsets, counts = index.offsets[:known], index.counts[:known]
        size = np.uint64(facts.size or 1 << 62)
        outside = (offsets > size) | (counts > size - np.minimum(offsets, size))
        outside |= offsets < facts.header.variant.header_length
        found = np.flatnonzero(outside & index.stored()[:known])
        if len(found):
            text = f"block {found[0]} of {facts.name_of(image)} does not lie inside of the file"
            yield Observation(text + _more(len(found)), int(offsets[found[0]]), image.ifd.offset)


def block_order(facts: JudgedFile) -> Rows:
    """Stored blocks of a plane should lie in the order of the index."""
    for image in facts.images():
        offsets = facts.indices[image.ifd.offset].offsets
        count = image.grid.across * image.grid.down
        for start in range(0, len(offsets), count):
            positions = start + np.flatnonzero(offsets[start : start + count])
            places = offsets[positions]
            wrong = np.flatnonzero(places[1:] < places[:-1]) + 1
            if len(wrong):
                at, name = int(places[wrong[0]]), facts.name_of(image)
                text = f"block {positions[wrong[0]]} of {name} lies before the one before it"
                yield Observation(text + _more(len(wrong)), at, image.ifd.offset)


def block_stored(facts: JudgedFile) -> Rows:
    """A block should have both a place and bytes, or neither, as a sparse one."""
    for image in facts.images():
        index = facts.indices[image.ifd.offset]
        known = min(len(index.offsets), len(index.counts))
        found = np.flatnonzero((index.offsets[:known] == 0) != (index.counts[:known] == 0))
        if len(found):
            i, name = int(found[0]), facts.name_of(image)
            text = f"block {i} of {name} has offset {index.offsets[i]}"
            text += f" and byte count {index.counts[i]}{_more(len(found))}"
            yield Observation(text, None, image.ifd.offset)


def unused(facts: JudgedFile) -> Rows:
    """Bytes should be used, but for what aligns; leaders and trailers are."""
    used = facts.used_ranges
    if used.gaps.times:
        text = f"{used.gap_bytes} bytes are not used, in {used.gaps.times} places"
        yield Observation(text, used.gaps.at)


def _more(count: int) -> str:
    return f", and {count - 1} more" if count > 1 else ""


TIFF6 = "TIFF 6.0, {}"

MEND = "write it anew: tinycog.write, or any writer of TIFF that keeps the rule"


def _rule(
    name: str,
    says: str,
    check: Callable[[JudgedFile], Iterable[Observation]],
    clause: str,
    severity: Severity = "error",
    depth: ValidationDepth = "header",
) -> Rule:
    """Make a rule of TIFF 6.0."""
    return Rule(f"tiff/{name}", severity, says, TIFF6.format(clause), MEND, check, depth)


BUILT = (
    _rule(
        "tag-order", "tags ascend", partial(reported, ends=".ifd.order"), "section 2: Sort Order"
    ),
    _rule(
        "tag-once",
        "no tag stands twice",
        partial(reported, ends=".duplicate"),
        "section 2: Sort Order",
    ),
    _rule(
        "field-type",
        "field types are known: readers skip others",
        partial(reported, ends=".known"),
        "section 2: Types",
        "warning",
    ),
    _rule("chain", "the chain of IFDs comes to its end", chain, "section 2: IFD"),
    _rule("ifd-alignment", "IFDs begin at even bytes", ifd_alignment, "section 2: IFD"),
    _rule(
        "value-alignment",
        "values begin at even bytes",
        value_alignment,
        "section 2: Value Offset",
        "warning",
    ),
    _rule("value-inside", "values lie in the file", values_inside, "section 2: Value Offset"),
    _rule("required-tags", "images have size, colour and index", required, "section 8"),
    _rule("index-length", "each block has a place in the index", index_length, "section 15"),
    _rule("tile-step", "sides of tiles are multiples of 16", tile_step, "section 15"),
    _rule("mask", "masks have PhotometricInterpretation 4", masks, "section 8: NewSubfileType"),
    _rule(
        "overlap",
        "header, IFDs and values do not overlap",
        partial(overlaps, blocks=False),
        "section 2: No Duplicate Pointers",
    ),
)

BLOCKS = (
    _rule("block-inside", "blocks lie in the file", blocks_inside, "section 15", depth="tiles"),
    _rule(
        "block-overlap",
        "blocks overlap neither each other nor what else is there",
        partial(overlaps, blocks=True),
        "section 2: No Duplicate Pointers",
        depth="tiles",
    ),
    _rule(
        "duplicate-data",
        "no data is pointed to twice",
        duplicates,
        "section 2: No Duplicate Pointers",
        "warning",
        "tiles",
    ),
    Rule(
        "tiff/block-order",
        "warning",
        "blocks of a plane lie in the order of the index",
        "none: tinycog's own",
        MEND,
        block_order,
        "tiles",
    ),
    Rule(
        "tiff/block-stored",
        "warning",
        "a block has an offset and a byte count, or is sparse and has neither",
        "none: tinycog's own",
        MEND,
        block_stored,
        "tiles",
    ),
    Rule(
        "tiff/unused-bytes",
        "warning",
        "no 4096 bytes or more in a row are unused",
        "none: tinycog's own",
        MEND,
        unused,
        "tiles",
        needs_all=True,
    ),
)

PROFILE = ValidationProfile(
    "tiff", "TIFF 6.0", {"structure": ids_of(*BUILT), "blocks": ids_of(*BLOCKS)}
)
