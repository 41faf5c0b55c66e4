"""A rule, a profile of rules, and what is observed of a file. No code of any single rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tinycog.validator.facts import JudgedFile

Severity = Literal["error", "warning", "note", "unknown"]
"""What a finding does to a verdict: it fails, fails if strict, does nothing, leaves it open."""

Depth = Literal["header", "tiles"]
"""What a rule looks at: the header and the first blocks, or the index of every block."""


Kind = Literal["broken", "unknown", "literal", "note"]
"""What was observed; see `Observation`."""


class Observation(NamedTuple):
    """What breaks a rule in a file, or why that cannot be known.

    Attributes:
        message: what was found and what was expected, in one line.
        offset: absolute byte position, or None.
        ifd: absolute byte position of the IFD concerned, or None.
        kind: "broken"; "unknown" where it cannot be told at this depth; "literal" where only the
            letter of the rule is broken, and not what it plainly means; "note" where no verdict
            depends on it.
    """

    message: str
    offset: int | None = None
    ifd: int | None = None
    kind: Kind = "broken"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it says, where it stands, and what looks whether a file keeps it.

    Attributes:
        id: as its source prints it; ours, `profile/name`, where the source prints none.
        severity: of what breaks it: "error" or "warning".
        says: the rule in a line.
        source: the document or program, and the place in it.
        remedy: what to do.
        check: yields what breaks it.
        depth: what it looks at.
    """

    id: str
    severity: Severity
    says: str
    source: str
    remedy: str
    check: Callable[[JudgedFile], Iterable[Observation]]
    depth: Depth = "header"


@dataclass(frozen=True, slots=True)
class ValidationProfile:
    """Rules that are looked at together, as data.

    Attributes:
        name: by which it is told in reports.
        source: the document or program whose rules they are, with its version.
        classes: ids of the rules of each class that gets a verdict of its own.
        severities: by rule id, "error" or "warning" where it is another one than usual.
        among_files: ids of the rules among several files, of each class of these.
    """

    name: str
    source: str
    classes: Mapping[str, Sequence[str]]
    severities: Mapping[str, Severity] = field(default_factory=dict[str, Severity])
    among_files: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


def ids_of(*rules: Rule) -> tuple[str, ...]:
    """Return the ids of rules."""
    return tuple(rule.id for rule in rules)
