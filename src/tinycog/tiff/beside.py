"""Images in the files beside a TIFF: overviews (`.ovr`) and masks (`.msk`), as GDAL reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinycog.errors import Finding, FormatError
from tinycog.tiff.image import Image
from tinycog.tiff.roles import Member, Owner, Pyramid, misfit, with_facts_of_first
from tinycog.tiff.spec import Photometric

OVERVIEWS_RULE, MASK_RULE = "gdal.sidecar.overviews", "gdal.sidecar.mask"


def with_overviews(pyramid: Pyramid, beside: Pyramid, sidecar: str, name: str) -> Pyramid:
    """Return a pyramid with the images of an `.ovr` as its levels (gdal.sidecar.overviews).

    Args:
        pyramid: of the file, all of it.
        beside: of the file beside; all of its levels are overviews.
        sidecar: what its name ends with.
        name: of it, for messages.
    """
    findings = [*pyramid.findings]
    findings += (replace(found, message=f"{name}: {found.message}") for found in beside.findings)
    base, *own = pyramid.levels
    if own:
        text = f"{name} is not read: the TIFF has overviews of its own"
        return pyramid._replace(findings=(*pyramid.findings, Finding(OVERVIEWS_RULE, text)))
    owner = Owner(Member((0,), base))
    masks = [pyramid.masks[0]]
    for image, mask in zip(beside.levels, beside.masks, strict=True):
        reason = misfit(image, owner)
        if reason is not None:
            text = f"an image of {name} is no level: {reason}"
            findings.append(Finding(OVERVIEWS_RULE, text, None, image.ifd.offset))
            continue
        # overviews of a MinIsWhite image are palettes, whose indices are its samples
        is_palette = image.photometric == Photometric.PALETTE
        photometric = base.photometric if is_palette else image.photometric
        found = replace(image, photometric=photometric, sidecar=sidecar)
        owner.levels.append(Member((0,), found))
        masks.append(None if mask is None else replace(mask, sidecar=sidecar))
    levels = with_facts_of_first([member.image for member in owner.levels])
    return pyramid._replace(levels=levels, masks=tuple(masks), findings=tuple(findings))


def with_mask(pyramid: Pyramid, masks: Sequence[Image], name: str) -> Pyramid:
    """Return a pyramid with the image of a `.msk` as its mask (gdal.sidecar.mask).

    Args:
        pyramid: of the file, all of it.
        masks: the mask, and its own overviews.
        name: of the file that holds it, for messages.

    Raises:
        FormatError: it has not the size of level 0.
    """
    base = pyramid.levels[0]
    if pyramid.masks[0] is not None:
        text = f"{name} is not read: the TIFF has a mask of its own"
        return pyramid._replace(findings=(*pyramid.findings, Finding(MASK_RULE, text)))
    if masks[0].size != base.size:
        (width, height), (cols, rows) = masks[0].size, base.size
        text = f"{name} has {width} by {height} pixels, level 0 has {cols} by {rows}"
        raise FormatError.of(Finding(MASK_RULE, text))
    by_size = {mask.size: mask for mask in reversed(masks)}
    found = tuple(by_size.get(level.size) for level in pyramid.levels)
    return pyramid._replace(masks=found)
