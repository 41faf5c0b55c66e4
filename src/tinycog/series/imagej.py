"""ImageJ and MetaMorph: series whose planes may all lie behind the first IFD."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from tinycog.series.model import Draft, PageFrame, count_of
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression

ORDERS = {
    "czt": "TZC",
    "ctz": "ZTC",
    "zct": "TCZ",
    "ztc": "CTZ",
    "tcz": "ZCT",
    "tzc": "CZT",
}
"""Leading axes by ImageJ's order of them, which begins with the fastest."""

LENGTHS = {"T": "frames", "Z": "slices", "C": "channels"}


def is_imagej(description: str) -> bool:
    """Return whether ImageJ, or SCIFIO, wrote a description."""
    return description.startswith(("ImageJ=", "SCIFIO="))


def stack_leading(description: str, image: Image) -> tuple[tuple[str, int], ...]:
    """Return the leading axes that ImageJ's description of the first page tells."""
    lines = (line.partition("=") for line in description.splitlines())
    facts = {key.strip(): value.strip() for key, _, value in lines}
    lengths = {axis: max(_int(facts.get(key)), 1) for axis, key in LENGTHS.items()}
    images = max(_int(facts.get("images")), 1)
    is_apart = image.grid.planes > 1
    if lengths["C"] == image.samples > 1 and (is_apart or images == lengths["T"] * lengths["Z"]):
        lengths["C"] = 1  # samples of a pixel, declared as channels
    order = ORDERS.get(facts.get("order", "").lower(), "TZC")
    leading = tuple((axis, lengths[axis]) for axis in order)
    rest = images // count_of(leading)
    return (("I", rest), *leading) if rest > 1 else leading


def _int(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        return 0


def imagej(description: str, frames: Sequence[PageFrame], *, adjacent: bool) -> list[Draft]:
    """Return the series that ImageJ describes; none if the pages do not fit.

    Args:
        description: of the first page.
        frames: the pages.
        adjacent: whether the strips of the first page follow each other without a gap.
    """
    first = frames[0]
    leading = stack_leading(description, first.image)
    count = count_of(leading)
    if count == 1 and len(frames) > 1:
        leading, count = (("I", len(frames)),), len(frames)
    if len(frames) >= count:
        return [Draft("", "imagej", leading, frames[:count])]
    return stack("", "imagej", leading, first, adjacent=adjacent)


def metamorph(first: PageFrame, planes: bytes, order: str, *, adjacent: bool) -> list[Draft]:
    """Return the series of a MetaMorph stack.

    Args:
        first: the only page.
        planes: value of UIC2, with six numbers for each plane: distance, as a fraction, date and
            time of its creation, date and time of a change.
        order: of their bytes.
        adjacent: whether the strips of the page follow each other without a gap.
    """
    numbers = list(struct.iter_unpack(f"{order}6I", planes))
    axis = "I"
    if len(numbers) > 1 and all(distance for distance, *_ in numbers):
        axis = "Z"
    elif len(numbers) > 1 and all(one[3] != other[3] for one, other in pairwise(numbers)):
        axis = "T"
    return stack("", "stk", ((axis, len(numbers)),), first, adjacent=adjacent)


def stack(
    name: str, kind: str, leading: tuple[tuple[str, int], ...], first: PageFrame, *, adjacent: bool
) -> list[Draft]:
    """Return a series of planes behind one IFD, if they can be found (tiff.pyramid.stack)."""
    if first.image.compression != Compression.NONE or not adjacent:
        return []
    count = count_of(leading)
    return [Draft(name, kind, leading, [first] * count, range(count), stride=first.byte_count)]
