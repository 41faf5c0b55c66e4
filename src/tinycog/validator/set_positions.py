"""Where files that make one image lie to each other: pixel sizes, offsets, the area they cover."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import hypot, isfinite, ulp
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinycog.affine_math import invert
from tinycog.errors import UsageError
from tinycog.geo.same_crs import is_same_crs
from tinycog.validator.set_rule import Members, SetMember

T = TypeVar("T")

ROUNDINGS = 8
"""Roundings of floats between a position and its column."""


def groups_by(
    members: Members, value: Callable[[SetMember], T], is_same: Callable[[T, T], bool | None]
) -> list[tuple[T, list[SetMember], bool]]:
    """Return members with the same value together, most of them first, with whether that is known.

    A value that may be the same as that of a group is a group of its own, which is not known.
    """
    found: list[tuple[T, list[SetMember], bool]] = []
    for member in members:
        own = value(member)
        is_known = True
        for other, group, _ in found:
            same = is_same(own, other)
            if same:
                group.append(member)
                break
            is_known &= same is not None
        else:
            found.append((own, [member], is_known))
    return sorted(found, key=lambda group: -len(group[1]))


class PixelSize(NamedTuple):
    """Size and direction of pixels, and how many of them add up.

    Attributes:
        pixel: (a, b, d, e) of the transform; None without one.
        size: (width, height) in pixels.
    """

    pixel: tuple[float, float, float, float] | None
    size: tuple[int, int]

    def fits(self, other: PixelSize, tolerance: float) -> bool:
        """Return whether the pixels of both lie on each other as far as either reaches."""
        if self.pixel is None or other.pixel is None:
            return self.pixel == other.pixel
        a, b, d, e = (abs(one - two) for one, two in zip(self.pixel, other.pixel, strict=True))
        cols, rows = (max(sides) for sides in zip(self.size, other.size, strict=True))
        width, height = _sides(other.pixel)
        return hypot(a, d) * cols <= tolerance * width and hypot(b, e) * rows <= tolerance * height

    @property
    def text(self) -> str:
        """What a message says of it."""
        if self.pixel is None:
            return "no transform"
        a, b, d, e = self.pixel
        turned = f", rotated by ({b!r}, {d!r})" if b or d else ""
        return f"pixels of {a!r} by {e!r}{turned}"


def _sides(pixel: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return the length of a pixel along rows and along columns."""
    a, b, d, e = pixel
    return hypot(a, d), hypot(b, e)


def pixel_size(member: SetMember) -> PixelSize:
    """Return the pixel size of a file."""
    if member.transform is None:
        return PixelSize(None, member.size)
    a, b, _, d, e, _ = member.transform
    return PixelSize((a, b, d, e), member.size)


class SetPosition(NamedTuple):
    """Where a file begins, in pixels of another.

    Attributes:
        member: the file.
        col, row: of its first pixel.
        slack: pixels that floats leave open.
    """

    member: SetMember
    col: float
    row: float
    slack: float

    @property
    def deviation(self) -> float:
        """Pixels between this and whole numbers, beyond what floats leave open."""
        off = max(abs(self.col - round(self.col)), abs(self.row - round(self.row)))
        return off - self.slack


def positions_of_most(members: Members, tolerance: float) -> list[SetPosition]:
    """Return where those files lie whose grid is that of most, in pixels of one of them."""
    _, placed, _ = groups_by(members, lambda one: one.crs, is_same_crs)[0]
    _, group, _ = groups_by(placed, pixel_size, lambda one, other: one.fits(other, tolerance))[0]
    transform = group[0].transform
    if transform is None or not all(map(isfinite, transform)):
        return []
    try:
        inverse = invert(transform)
    except UsageError:
        return []
    a, b, c, d, e, f = transform
    width, height = _sides((a, b, d, e))
    found: list[SetPosition] = []
    for member in group:
        _, _, x, _, _, y = member.transform or transform
        if not (isfinite(x) and isfinite(y)):
            continue
        col, row = inverse.apply(x, y)
        errors = ulp(max(abs(x), abs(c))) / width, ulp(max(abs(y), abs(f))) / height
        found.append(SetPosition(member, col, row, ROUNDINGS * max(errors)))
    return found


def off_grid(
    found: Sequence[SetPosition], anchor: SetPosition, tolerance: float
) -> list[SetPosition]:
    """Return those that do not begin whole numbers of pixels behind one of them."""
    moved = (one._replace(col=one.col - anchor.col, row=one.row - anchor.row) for one in found)
    return [one for one in moved if one.deviation > tolerance]


def covered_area(corners: NDArray[np.float64], enough: float) -> float:
    """Return the area that rectangles (left, top, right, bottom) cover, each part once.

    It is added up only until it is enough.
    """
    left, top, right, bottom = corners[np.argsort(corners[:, 1])].T
    edges = np.unique(np.concatenate([left, right]))
    total = 0.0
    for start, stop in pairwise(edges.tolist()):
        here = (left <= start) & (right >= stop)
        reach = np.maximum.accumulate(np.concatenate([[-np.inf], bottom[here]]))
        rows = np.clip(bottom[here] - np.maximum(top[here], reach[:-1]), 0, None).sum()
        total += float(rows) * (stop - start)
        if total >= enough:
            break
    return total
