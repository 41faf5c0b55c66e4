"""A rule, a profile of rules, and what is observed of a file. No code of any single rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tinycog.sources.http.server_answer import ServerFacts
from tinycog.validator.facts import JudgedFile

Severity = Literal["error", "warning", "note", "unknown"]
"""What a finding does to a verdict: it fails, fails if strict, does nothing, leaves it open."""

Depth = Literal["header", "tiles"]
"""What a rule looks at: the header and the first blocks, or the index of every block."""


class Observation(NamedTuple):
    """What breaks a rule in a file, or why that cannot be known.

    Attributes:
        message: what was found and what was expected, in one line.
        offset: absolute byte position, or None.
        ifd: absolute byte position of the IFD concerned, or None.
        kind: "broken"; "unknown" where it cannot be told at this depth; "literal" where only the
            letter of the rule is broken, and not what it plainly means.
    """

    message: str
    offset: int | None = None
    ifd: int | None = None
    kind: Literal["broken", "unknown", "literal", "note"] = "broken"


@dataclass(frozen=True, slots=True)
class RuleText:
    """What a rule says, and where it stands.

    Attributes:
        id: as its source prints it; ours, `profile/name`, where the source prints none.
        severity: of what breaks it: "error" or "warning".
        says: the rule in a line.
        source: the document or program, and the place in it.
        remedy: what to do.
    """

    id: str
    severity: Severity
    says: str
    source: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Rule(RuleText):
    """A rule, and what looks whether a file keeps it.

    Attributes:
        check: yields what breaks it.
        depth: what it looks at.
    """

    check: Callable[[JudgedFile], Iterable[Observation]]
    depth: Depth = "header"


@dataclass(frozen=True, slots=True)
class ServerRule(RuleText):
    """A rule, and what looks whether a server keeps it.

    Attributes:
        check: yields what breaks it.
    """

    check: Callable[[ServerFacts], Iterable[Observation]]


@dataclass(frozen=True, slots=True)
class ValidationProfile:
    """Rules that are looked at together, as data.

    Attributes:
        name: by which it is told in reports.
        source: the document or program whose rules they are, with its version.
        classes: ids of the rules of each class that gets a verdict of its own.
        severities: by rule id, "error" or "warning" where it is another one than usual.
    """

    name: str
    source: str
    classes: Mapping[str, Sequence[str]]
    severities: Mapping[str, Severity] = field(default_factory=dict[str, Severity])


def ids_of(*rules: RuleText) -> tuple[str, ...]:
    """Return the ids of rules."""
    return tuple(rule.id for rule in rules)
