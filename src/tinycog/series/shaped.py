"""Series that tifffile describes in JSON; and the finding about planes without an IFD."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import cast

from tinycog.errors import Finding
from tinycog.series.imagej import is_imagej, stack, stack_leading
from tinycog.series.model import Draft, PageFrame, count_of
from tinycog.tiff.image import Image

SHAPED = ('{"shape":', "shape=(")
"""How a description by tifffile begins; the second was written before 2017."""


def shaped(
    descriptions: Sequence[str | None], frames: Sequence[PageFrame], *, adjacent: bool
) -> list[Draft]:
    """Return the series that tifffile describes; none if the pages do not fit.

    Args:
        descriptions: of the pages.
        frames: the pages.
        adjacent: whether the strips of the first page follow each other without a gap.
    """
    drafts: list[Draft] = []
    at = 0
    while at < len(frames):
        facts = _facts(descriptions[at] or "")
        draft = _draft(facts, frames[at])
        if draft is None:
            return []
        depth = frames[at].image.depth
        count = count_of(draft.leading) // depth
        if count > 1 and (facts.get("truncated") is True or at + count > len(frames)):
            behind = stack(draft.name, "shaped", draft.leading, frames[at], adjacent=adjacent)
            if at or not behind:
                return []
            drafts.append(replace(behind[0], trailing=draft.trailing, keep=True))
            at += 1
            continue
        planes = [frame for frame in frames[at : at + count] for _ in range(depth)]
        drafts.append(replace(draft, frames=planes, numbers=[*range(depth)] * count))
        at += count
    return drafts


def _draft(facts: dict[str, object], frame: PageFrame) -> Draft | None:
    """Return the axes of a series that begins with a page; None if it does not fit."""
    shape, depth = _shape(facts), frame.image.depth
    page = (depth, *frame.shape) if depth > 1 else frame.shape
    count, rest = divmod(prod(shape), prod(page))
    if not count or rest:
        return None
    letters = ("Z" if depth > 1 else "") + frame.axes
    axes = facts.get("axes")
    if not isinstance(axes, str) or len(axes) != len(shape):
        several = ((count,), "Q") if count > 1 else ((), "")
        axes = reshaped_axes(several[1] + letters, (*several[0], *page), shape)
    lengths = [prod(shape[:length]) for length in range(len(shape) + 1)]
    if count * depth not in lengths:
        return None
    split = lengths.index(count * depth)
    named = tuple(zip(axes, shape, strict=True))
    name = facts.get("name")
    return Draft(
        name if isinstance(name, str) else "",
        "shaped",
        named[:split],
        [frame],
        trailing=named[split:],
        keep=True,
    )


def _facts(description: str) -> dict[str, object]:
    if description.startswith(SHAPED[1]):
        numbers = description.removeprefix(SHAPED[1]).partition(")")[0].split(",")
        return {"shape": [int(n) if n.strip().isdecimal() else 0 for n in numbers if n.strip()]}
    try:
        return dict(json.loads(description))
    except (ValueError, TypeError, RecursionError):
        return {}


def _shape(facts: dict[str, object]) -> tuple[int, ...]:
    """Return the shape that is told, (0,) if there is none."""
    found = facts.get("shape")
    lengths = cast("list[object]", found) if isinstance(found, list) else []
    shape = tuple(n for n in lengths if isinstance(n, int) and n > 0)
    return shape if shape and len(shape) == len(lengths) else (0,)


def reshaped_axes(axes: str, shape: Sequence[int], new: Sequence[int]) -> str:
    """Return the letters of axes in another shape of the same size, Q for those that are new."""
    new = [*new, *[1] * (len(shape) - len(new))]
    i, taken, passed = len(shape) - 1, 1, 1
    found: list[str] = []
    for length in reversed(new):
        passed *= length
        while i > 0 and shape[i] == 1 and length != 1:
            i -= 1
        if i >= 0 and length == shape[i] and passed == taken * shape[i]:
            taken *= shape[i]
            found.append(axes[i])
            i -= 1
        else:
            found.append("Q")
    return "".join(reversed(found))


def stack_finding(description: str, image: Image, pages: int) -> Finding | None:
    """Return a finding if planes are said to lie behind an IFD (tiff.pyramid.stack)."""
    if pages > 1:
        return None
    if is_imagej(description):
        count = count_of(stack_leading(description, image))
    elif description.startswith(SHAPED):
        count = prod(_shape(_facts(description))) // (prod(image.shape) * image.depth)
    else:
        return None
    if count <= 1:
        return None
    text = (
        f"ImageDescription tells of {count} planes, but there is one IFD: its image is the first,"
        " Cog.series has the others"
    )
    return Finding("tiff.pyramid.stack", text, None, image.ifd.offset)
