"""A file of several as rules among these see it, what is observed of them, and such a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tinycog.affine_math import Coefficients
from tinycog.geo.crs import Crs
from tinycog.validator.rule import Kind, Severity

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
