"""Rules among files that are tiles of one image: Earth Engine's for uploads, and a mosaic's.

What they look at are facts of opened files, however these were had: no I/O. Positions are compared
within `OFFSET_TOLERANCE` of a pixel, and what floats themselves leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import hypot, isfinite, isnan, ulp
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinycog.affine_math import Coefficients, invert
from tinycog.errors import UsageError
from tinycog.geo.crs import Crs
from tinycog.geo.same_crs import is_same_crs
from tinycog.tiff.spec import SampleFormat, name_of
from tinycog.validator.rule import Kind, Severity

T = TypeVar("T")

OFFSET_TOLERANCE = 1e-6
"""Pixels that an offset may differ from a whole number, and the far corner by other pixel sizes."""

MOST_GAP = 0.99
"""Part of the area of all files together that none of them may cover, at most."""

CODE_EDITOR_BYTES = 10 * 10**9
"""Bytes that the Code Editor takes; 10 GB in powers of two are a little more."""

SHOWN = 3
"""Names that a message tells."""

ROUNDINGS = 8
"""Roundings of floats between a position and its column."""

MaskedBy = Literal["mask", "alpha", "nodata", "nothing"]
"""What says which pixels of a file are valid."""


@dataclass(frozen=True, slots=True)
class SetMember:
    """Facts of one file of several that make an image together.

    Attributes:
        name: of the file, without secrets.
        size: (width, height) in pixels.
        transform: (a, b, c, d, e, f) from (col, row) to (x, y); None without one.
        crs: of the transform; None without one.
        samples: (sample format, bits) of each band, as TIFF counts the formats.
        masked_by: what says which pixels are valid.
        nodata: value of pixels that hold nothing; None without one.
        length: of the file in bytes; None if not known.
    """

    name: str
    size: tuple[int, int]
    transform: Coefficients | None
    crs: Crs | None
    samples: tuple[tuple[int, int], ...]
    masked_by: MaskedBy = "nothing"
    nodata: int | float | None = None
    length: int | None = None


class SetObservation(NamedTuple):
    """What breaks a rule among files, or why that cannot be known.

    Attributes:
        message: what was found and what was expected, in one line, with the names of files.
        files: names of all files that differ, behind that of one they differ from.
        kind: as of an `Observation`.
    """

    message: str
    files: tuple[str, ...]
    kind: Kind = "broken"


Found = Iterator[SetObservation]

Members = Sequence[SetMember]


@dataclass(frozen=True, slots=True)
class SetRule:
    """A rule among files: what it says, where it stands, and what looks whether they keep it.

    Attributes:
        id, severity, says, source, remedy: as of a `Rule`.
        check: yields what breaks it, by members and the tolerance in pixels.
    """

    id: str
    severity: Severity
    says: str
    source: str
    remedy: str
    check: Callable[[Members, float], Iterable[SetObservation]]


# --- what is the same ----------------------------------------------------------------------------


def _groups(
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


def _alike(
    members: Members,
    value: Callable[[SetMember], T],
    text: Callable[[T], str],
    is_same: Callable[[T, T], bool | None] = lambda one, other: one == other,
) -> Found:
    """Yield an observation for each group of files whose value is not that of most."""
    first, *others = _groups(members, value, is_same)
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
        members, _grid, lambda grid: grid.text, lambda one, other: one.fits(other, tolerance)
    )


class _Grid(NamedTuple):
    """Size and direction of pixels, and how many of them add up.

    Attributes:
        pixel: (a, b, d, e) of the transform; None without one.
        size: (width, height) in pixels.
    """

    pixel: tuple[float, float, float, float] | None
    size: tuple[int, int]

    def fits(self, other: _Grid, tolerance: float) -> bool:
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


def _grid(member: SetMember) -> _Grid:
    if member.transform is None:
        return _Grid(None, member.size)
    a, b, _, d, e, _ = member.transform
    return _Grid((a, b, d, e), member.size)


# --- where the files lie -------------------------------------------------------------------------


class _Position(NamedTuple):
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


def _comparable(members: Members, tolerance: float) -> list[_Position]:
    """Return where those files lie whose grid is that of most, in pixels of one of them."""
    _, placed, _ = _groups(members, lambda one: one.crs, is_same_crs)[0]
    _, group, _ = _groups(placed, _grid, lambda one, other: one.fits(other, tolerance))[0]
    transform = group[0].transform
    if transform is None or not all(map(isfinite, transform)):
        return []
    try:
        inverse = invert(transform)
    except UsageError:
        return []
    a, b, c, d, e, f = transform
    width, height = _sides((a, b, d, e))
    found: list[_Position] = []
    for member in group:
        _, _, x, _, _, y = member.transform or transform
        if not (isfinite(x) and isfinite(y)):
            continue
        col, row = inverse.apply(x, y)
        errors = ulp(max(abs(x), abs(c))) / width, ulp(max(abs(y), abs(f))) / height
        found.append(_Position(member, col, row, ROUNDINGS * max(errors)))
    return found


def offset(members: Members, tolerance: float) -> Found:
    """Offsets between files must be whole numbers of pixels."""
    found = _comparable(members, tolerance)
    if not found:
        names = tuple(member.name for member in members)
        text = f"where {_names(members)} lie to each other is not known: no transform tells it"
        yield SetObservation(text, names, "unknown")
        return
    anchors = (found[0], max(found, key=lambda one: one.deviation))
    base, wrong = min(
        ((anchor.member, _off_grid(found, anchor, tolerance)) for anchor in anchors),
        key=lambda pair: len(pair[1]),
    )
    if wrong:
        first, others = wrong[0], f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        text = f"{first.member.name}{others} begins {first.col:.9g} columns and {first.row:.9g}"
        text += f" rows behind {base.name}, not whole numbers within {tolerance:g}"
        yield SetObservation(text, (base.name, *(one.member.name for one in wrong)))


def _off_grid(found: Sequence[_Position], anchor: _Position, tolerance: float) -> list[_Position]:
    """Return those that do not begin whole numbers of pixels behind one of them."""
    moved = (one._replace(col=one.col - anchor.col, row=one.row - anchor.row) for one in found)
    return [one for one in moved if one.deviation > tolerance]


def gap(members: Members, tolerance: float) -> Found:
    """No more than 99 % of the area may be gap."""
    found = _comparable(members, tolerance)
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
    covered = _covered(np.round(corners), enough=area * (1 - MOST_GAP))
    if covered < area * (1 - MOST_GAP):
        far = [found[int(corners[:, side].argmin())].member for side in (0, 1)]
        far += [found[int(corners[:, side].argmax())].member for side in (2, 3)]
        names = tuple(dict.fromkeys(one.name for one in far))
        text = f"files cover {covered:.0f} of the {right - left:.0f} x {bottom - top:.0f} pixels"
        text += f" from {names[0]} to {names[-1]}, less than {1 - MOST_GAP:.0%}: the rest is gap"
        yield SetObservation(text, names)


def _covered(corners: NDArray[np.float64], enough: float) -> float:
    """Return the area that rectangles (left, top, right, bottom) cover, each part once.

    It is added up only until it is enough.
    """
    left, top, right, bottom = corners[np.argsort(corners[:, 1])].T
    edges = np.unique(np.concatenate([left, right]))
    total = 0.0
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        here = (left <= start) & (right >= stop)
        reach = np.maximum.accumulate(np.concatenate([[-np.inf], bottom[here]]))
        rows = np.clip(bottom[here] - np.maximum(top[here], reach[:-1]), 0, None).sum()
        total += float(rows) * float(stop - start)
        if total >= enough:
            break
    return total


def size(members: Members, _: float) -> Found:
    """The Code Editor takes files of up to 10 GB: of each, or of all of them, does not get clear."""
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
