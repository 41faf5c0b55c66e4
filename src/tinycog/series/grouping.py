"""Pages that are alike are a series, and smaller ones of another are its levels: any other file."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from tinycog.series.model import Draft, PageFrame

FACTORS = (2, 3, 4)
"""Ratios of one level to the next that are looked for."""


def group(frames: Sequence[PageFrame], kind: str = "generic", axis: str = "I") -> list[Draft]:
    """Return the series of pages that are alike, in file order, as pyramids where they fit."""
    groups: dict[Hashable, list[PageFrame]] = {}
    for frame in frames:
        groups.setdefault(_likeness(frame), []).append(frame)
    drafts: list[Draft] = []
    for one, levels in _pyramids(list(groups.values())):
        depth = one[0].image.depth
        drafts.append(
            Draft(
                "",
                kind,
                ((axis, len(one)), ("Z", depth)),
                [frame for frame in one for _ in range(depth)],
                [*range(depth)] * len(one),
                levels=_transposed(levels) if depth == 1 else (),
            )
        )
    return drafts


def _likeness(frame: PageFrame) -> Hashable:
    """Return what pages of one series have in common."""
    image = frame.image
    grid = image.grid
    return (
        frame.shape,
        image.depth,
        (grid.tile_width, grid.tile_height, grid.strips, grid.planes),
        image.bits_per_sample,
        image.sample_formats,
        (image.fill_order, image.predictor, image.compression),
        image.extra_samples,
        image.photometric,
    )


def _pyramids(groups: list[list[PageFrame]]) -> list[tuple[list[PageFrame], list[list[PageFrame]]]]:
    """Return each group that is no level of one before, with the groups that are its levels."""
    found: list[tuple[list[PageFrame], list[list[PageFrame]]]] = []
    left = list(groups)
    while left:
        base = left.pop(0)
        levels: list[list[PageFrame]] = []
        factor = 0
        for other in list(left):
            step = _step((levels or [base])[-1], other, (factor,) if factor else FACTORS)
            if step:
                factor = step
                levels.append(other)
                left.remove(other)
        found.append((base, levels))
    return found


def _step(one: list[PageFrame], other: list[PageFrame], factors: Sequence[int]) -> int:
    """Return the factor by which one group is half, a third or a fourth of another, else 0."""
    a, b = one[0], other[0]
    if len(one) != len(other) or a.axes != b.axes or a.image.dtype != b.image.dtype:
        return 0
    if a.image.samples != b.image.samples or a.image.photometric != b.image.photometric:
        return 0
    sides = list(zip(a.image.size, b.image.size, strict=True))
    return next((f for f in factors if all(n in (m // f, -(-m // f)) for m, n in sides)), 0)


def _transposed(levels: list[list[PageFrame]]) -> list[tuple[PageFrame, ...]]:
    """Return the levels of each plane."""
    return list(zip(*levels, strict=True)) if levels else []
