"""Read what rules look at, as deep as is asked: `tinycog.validate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tinycog.argument_types import Progress, ValidationDepth
from tinycog.errors import Finding
from tinycog.reader.decoded_tiles import DecodedTiles
from tinycog.reader.open_file import OpenFile
from tinycog.tiff.image import Image
from tinycog.tiff.parse import parse_tiff
from tinycog.tiff.roles import Place, Pyramid
from tinycog.validator.earth_engine import DEFLATE
from tinycog.validator.facts import BlockIndex, JudgedFile, WrongFrames
from tinycog.validator.levels import first_block
from tinycog.validator.read_facts import (
    make_index,
    parse_corners,
    parse_first_blocks,
    parse_ghost_text,
    parse_pieces,
    parse_stream_flags,
)
from tinycog.validator.read_frames import batches, has_frames, parse_frames

REQUESTS = 4
"""Requests that the header and the first blocks may take, where IFDs lie at the beginning."""


async def read_facts(
    file: OpenFile,
    depth: ValidationDepth = "header",
    progress: Progress | None = None,
    *,
    stops: bool = False,
) -> JudgedFile:
    """Read what rules look at.

    Args:
        file: the file.
        depth: "header": at most `REQUESTS` requests and one for each IFD that lies apart.
        progress: called with the tiles that are decoded, and their number.
        stops: whether no more IFDs are read once one is known to lie behind pixels; of the depth
            "header".

    Raises:
        FormatError: it cannot be read at all.
        LimitError: its header or its index is too large.
    """
    if stops and depth == "header" and (facts := await _facts_of_first(file)) is not None:
        return facts
    header = await file.read_all()
    chain, pyramid = header.tiff, _of_file(header.pyramid)
    ghost = await file.parse(lambda buffer, _: parse_ghost_text(buffer, chain.header))
    images = [place.image for place in pyramid.places if place.image is not None]
    is_whole = depth != "header"
    if is_whole:
        indices = await _read_indices(file, images)
    else:
        sent = len(file.log)
        left = REQUESTS - sent if sent <= 1 else REQUESTS + len(chain.ifds) - sent
        levels = [*pyramid.levels, *(image for image in images if image not in pyramid.levels)]
        indices = await file.parse(lambda buffer, _: parse_first_blocks(buffer, levels, left))
    beside = _beside(file, header.pyramid)
    facts = JudgedFile(file.size, chain, pyramid, ghost, indices, is_whole=is_whole, beside=beside)
    packed = [image for image in pyramid.levels if image.compression in DEFLATE]
    firsts = {image.ifd.offset: first_block(facts, image) or 0 for image in packed}
    stored = {ifd: at for ifd, at in firsts.items() if at}
    facts = replace(
        facts,
        geo_findings=tuple(found for found in file.findings if found.rule.startswith("geotiff")),
        corners=await file.parse(
            lambda buffer, _: parse_corners(buffer, images, cached=not is_whole)
        ),
        stream_flags=await file.parse(
            lambda buffer, _: parse_stream_flags(buffer, stored, cached=not is_whole)
        ),
    )
    done = DecodedTiles(file, facts, progress)
    if depth == "full":
        await done.decode_all()
        facts = replace(facts, faults=done.faults)
    if is_whole and has_frames(ghost.text):
        wrong = {image.ifd.offset: await _frames(file, facts, image, done) for image in images}
        facts = replace(facts, frames=wrong)
    return facts


async def _facts_of_first(file: OpenFile) -> JudgedFile | None:
    """Return the facts of what the first request has brought, if that shows an IFD behind pixels.

    None if it does not, or if the chain ends there.
    """
    header = await file.read_header(0)
    known = header.tiff
    if file.is_complete or not known.next_offset:
        return None
    chain = await file.parse(
        lambda buffer, limits: parse_tiff(buffer, limits, known=known, cached=True)
    )
    image = header.pyramid.levels[0]
    indices = await file.parse(lambda buffer, _: parse_first_blocks(buffer, [image], 1))
    index = indices[image.ifd.offset]
    stored = index.offsets[index.stored()]
    if not len(stored) or int(stored.min()) > chain.next_offset:
        return None
    text = f"no more IFDs are read: the next one lies at byte {chain.next_offset}, behind pixels"
    found = Finding("tiff.ifd.far", text, chain.next_offset, chain.ifds[-1].offset)
    chain = chain._replace(is_cut=True, findings=(*chain.findings, found))
    ghost = await file.parse(lambda buffer, _: parse_ghost_text(buffer, chain.header))
    return JudgedFile(file.size, chain, _of_file(header.pyramid), ghost, indices)


def _beside(file: OpenFile, pyramid: Pyramid) -> tuple[str, ...]:
    """Return which files beside hold images of it; what a server has is not asked."""
    read = {place.image.sidecar for place in pyramid.places if place.image is not None}
    read |= {image.sidecar for image in (*pyramid.levels, *pyramid.masks) if image is not None}
    path = file.url
    endings = (".ovr", ".msk")
    return tuple(
        ending
        for ending in endings
        if ending in read or (path is not None and Path(f"{path}{ending}").is_file())
    )


def _of_file(pyramid: Pyramid) -> Pyramid:
    """Return a pyramid without the images of files beside, and each IFD once."""
    levels = tuple(image for image in pyramid.levels if not image.sidecar)
    masks = tuple(None if mask is not None and mask.sidecar else mask for mask in pyramid.masks)

    def is_own(place: Place) -> bool:
        return place.image is None or not place.image.sidecar

    places: dict[int, Place] = {}
    for place in filter(is_own, pyramid.places):
        places.setdefault(place.ifd.offset, place)
    return Pyramid(levels, masks[: len(levels)], tuple(places.values()), pyramid.findings)


async def _read_indices(file: OpenFile, images: Sequence[Image]) -> dict[int, BlockIndex]:
    """Read the index of all blocks, some of it at a time."""
    whole = await file.parse(lambda buffer, limits: make_index(buffer, images, limits))
    for pieces in whole.batches():
        await file.parse(lambda buffer, _, pieces=pieces: parse_pieces(buffer, pieces), loose=True)
        file.shed()
    return whole.indices


async def _frames(
    file: OpenFile, facts: JudgedFile, image: Image, done: DecodedTiles
) -> WrongFrames:
    """Read leaders and trailers of an image, some at a time; not those of tiles that were read."""
    at = image.ifd.offset
    index, found = facts.indices[at], done.frames.get(at, WrongFrames())
    known = done.framed.get(at)
    for blocks in batches(index, image.grid.across * image.grid.down):
        left = blocks if known is None else blocks[~known[blocks]]
        found = found.and_then(
            await file.parse(
                lambda buffer, _, left=left: parse_frames(buffer, index, left), loose=True
            )
        )
        file.shed()
    return found
