"""Rules among files that are tiles of one image: Earth Engine's for uploads, and a mosaic's.

What they look at are facts of opened files, however these were had: no I/O. Positions are compared
within `OFFSET_TOLERANCE` of a pixel, and what floats themselves leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import isnan
from typing import TypeVar

import numpy as np

from tinycog.geo.same_crs import is_same_crs
from tinycog.tiff.spec import SampleFormat, name_of
from tinycog.validator.rule import Severity
from tinycog.validator.set_positions import (
    covered_area,
    groups_by,
    off_grid,
    pixel_size,
    positions_of_most,
)
from tinycog.validator.set_rule import (
    Found,
    MaskedBy,
    Members,
    SetMember,
    SetObservation,
    SetRule,
)

T = TypeVar("T")

OFFSET_TOLERANCE = 1e-6
"""Pixels that an offset may differ from a whole number, and the far corner by other pixel sizes."""

MOST_GAP = 0.99
"""Part of the area of all files together that none of them may cover, at most."""

CODE_EDITOR_BYTES = 10 * 10**9
"""Bytes that the Code Editor takes; 10 GB in powers of two are a little more."""

SHOWN = 3
"""Names that a message tells."""

# --- what is the same ----------------------------------------------------------------------------


def _alike(
    members: Members,
    value: Callable[[SetMember], T],
    text: Callable[[T], str],
    is_same: Callable[[T, T], bool | None] = lambda one, other: one == other,
) -> Found:
    """Yield an observation for each group of files whose value is not that of most."""
    first, *others = groups_by(members, value, is_same)
    for other, group, is_known in others:
        message = f"{_names(group)} {_has(group)} {text(other)}, but {_names(first[1])} "
        message += f"{_has(first[1])} {text(first[0])}"
        if not is_known:
            message += ": whether these are the same is not known"
        files = (first[1][0].name, *(member.name for member in group))
        yield SetObservation(message, files, "broken" if is_known else "unknown")


def _names(group: Members) -> str:
    names = ", ".join(member.name for member in group[:SHOWN])
    return f"{names} and {len(group) - SHOWN} more" if len(group) > SHOWN else names


def _has(group: Members) -> str:
    return "have" if len(group) > 1 else "has"


def bands(members: Members, _: float) -> Found:
    """Files must have the same number of bands."""
    yield from _alike(members, lambda one: len(one.samples), lambda n: f"{n} band{'s'[: n != 1]}")


def depth(members: Members, _: float) -> Found:
    """Samples must be of the same type; files with other numbers of bands by those they have."""

    def is_same(one: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> bool:
        return all(first == second for first, second in zip(one, other, strict=False))

    yield from _alike(members, lambda one: one.samples, _sample_text, is_same)


def _sample_text(samples: tuple[tuple[int, int], ...]) -> str:
    kinds = [f"{name_of(SampleFormat, kind).split()[0].lower()}{bits}" for kind, bits in samples]
    return "samples of " + ", ".join(dict.fromkeys(kinds))


def projection(members: Members, _: float) -> Found:
    """Coordinates must mean the same."""
    yield from _alike(
        members,
        lambda one: one.crs,
        lambda crs: "no CRS" if crs is None else str(crs),
        is_same_crs,
    )


def fill(members: Members, _: float) -> Found:
    """Pixels that hold nothing must be told in the same way."""
    yield from _alike(members, lambda one: (one.masked_by, one.nodata), _fill_text, _same_fill)


Fill = tuple[MaskedBy, int | float | None]


def _same_fill(one: Fill, other: Fill) -> bool:
    """Return whether fills are the same; NaN is the same as itself."""
    both_nan = all(nodata is not None and isnan(nodata) for _, nodata in (one, other))
    return one == other or (one[0] == other[0] and both_nan)


def _fill_text(value: Fill) -> str:
    by, nodata = value
    told = "no nodata" if nodata is None else f"nodata {nodata:g}"
    return f"{told}, pixels masked by {by}" if by in ("mask", "alpha") else told


def resolution(members: Members, tolerance: float) -> Found:
    """Pixels must have the same size, so that the far corner is not another pixel's."""
    yield from _alike(
        members, pixel_size, lambda grid: grid.text, lambda one, other: one.fits(other, tolerance)
    )


# --- where the files lie -------------------------------------------------------------------------


def offset(members: Members, tolerance: float) -> Found:
    """Offsets between files must be whole numbers of pixels."""
    found = positions_of_most(members, tolerance)
    if not found:
        names = tuple(member.name for member in members)
        text = f"where {_names(members)} lie to each other is not known: no transform tells it"
        yield SetObservation(text, names, "unknown")
        return
    anchors = (found[0], max(found, key=lambda one: one.deviation))
    base, wrong = min(
        ((anchor.member, off_grid(found, anchor, tolerance)) for anchor in anchors),
        key=lambda pair: len(pair[1]),
    )
    if wrong:
        first, others = wrong[0], f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        text = f"{first.member.name}{others} begins {first.col:.9g} columns and {first.row:.9g}"
        text += f" rows behind {base.name}, not whole numbers within {tolerance:g}"
        yield SetObservation(text, (base.name, *(one.member.name for one in wrong)))


def gap(members: Members, tolerance: float) -> Found:
    """No more than 99 % of the area may be gap."""
    found = positions_of_most(members, tolerance)
    corners = np.array(
        [
            (one.col, one.row, one.col + one.member.size[0], one.row + one.member.size[1])
            for one in found
        ],
        np.float64,
    ).reshape(-1, 4)
    if not len(corners):
        return
    left, top = corners[:, :2].min(0)
    right, bottom = corners[:, 2:].max(0)
    area = float(right - left) * float(bottom - top)
    covered = covered_area(np.round(corners), enough=area * (1 - MOST_GAP))
    if covered < area * (1 - MOST_GAP):
        far = [found[int(corners[:, side].argmin())].member for side in (0, 1)]
        far += [found[int(corners[:, side].argmax())].member for side in (2, 3)]
        names = tuple(dict.fromkeys(one.name for one in far))
        text = f"files cover {covered:.0f} of the {right - left:.0f} x {bottom - top:.0f} pixels"
        text += f" from {names[0]} to {names[-1]}, less than {1 - MOST_GAP:.0%}: the rest is gap"
        yield SetObservation(text, names)


def size(members: Members, _: float) -> Found:
    """The Code Editor takes files of up to 10 GB; whether all together count is not clear."""
    lengths = [member.length or 0 for member in members]
    if max(lengths) <= CODE_EDITOR_BYTES < sum(lengths):
        text = f"{_names(members)} have {sum(lengths)} bytes together: the Code Editor takes 10 GB,"
        text += " which the page says of a file"
        yield SetObservation(text, tuple(member.name for member in members), "literal")


UPLOAD_PAGE = "Earth Engine, Uploading image data: tiled uploads"

ONE = f"{UPLOAD_PAGE}, 1"


def _rule(
    name: str,
    says: str,
    source: str,
    remedy: str,
    check: Callable[[Members, float], Iterable[SetObservation]],
    severity: Severity = "error",
) -> SetRule:
    return SetRule(f"ee/files-{name}", severity, says, source, remedy, check)


SET_RULES = {
    rule.id: rule
    for rule in (
        _rule("bands", "files have the same number of bands", ONE, "write the same bands", bands),
        _rule(
            "depth", "files have the same type of samples", ONE, "write them with one dtype", depth
        ),
        _rule(
            "projection",
            "files have the same projection",
            ONE,
            "warp them to one CRS",
            projection,
        ),
        _rule(
            "resolution",
            "files have the same resolution",
            ONE,
            "resample them to one grid",
            resolution,
        ),
        _rule("fill", "files have the same fill values", ONE, "write them with one nodata", fill),
        _rule(
            "offset",
            "offsets between files are whole numbers of pixels, within 1e-6",
            f"{UPLOAD_PAGE}, 2",
            "resample them to one grid",
            offset,
        ),
        _rule(
            "gap",
            "gaps take at most 99 % of the area",
            f"{UPLOAD_PAGE}, 3",
            "upload them as several images",
            gap,
        ),
        _rule(
            "size",
            "the Code Editor takes 10 GB",
            "Earth Engine, Uploading image data: file size",
            "upload them by the command line",
            size,
            "warning",
        ),
    )
}
"""Rules among files by id."""


def check_files(
    members: Members, rules: Iterable[SetRule], tolerance: float = OFFSET_TOLERANCE
) -> Iterator[tuple[SetRule, SetObservation]]:
    """Yield what breaks rules among files, in the order of the rules; nothing of a single file."""
    if len(members) > 1:
        for rule in rules:
            for seen in rule.check(members, tolerance):
                yield rule, seen
