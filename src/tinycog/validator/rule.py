"""A rule, a profile of rules, and what is observed of a file. No code of any single rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tinycog.argument_types import ValidationDepth
from tinycog.errors import UsageError
from tinycog.sources.http.server_answer import ServerFacts
from tinycog.validator.facts import JudgedFile

Severity = Literal["error", "warning", "note", "unknown"]
"""What a finding does to a verdict: it fails, fails if strict, does nothing, leaves it open."""


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
        needs_all: whether it can only be told to be broken once all IFDs are known: it is about
            what is not there, or about the last level.
        stops: whether no more IFDs are read once one is known to break it.
    """

    check: Callable[[JudgedFile], Iterable[Observation]]
    depth: ValidationDepth = "header"
    needs_all: bool = False
    stops: bool = False


CheckName = Literal[
    "tile-sides",
    "compressions",
    "overview-factors",
    "sample-types",
    "interleaves",
    "most-bytes",
    "most-pixels",
]
"""What a rule of a caller looks at."""


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """One rule of a caller, as data: what it looks at, and which values are allowed.

    Attributes:
        id: `profile/name`, of no other rule.
        check: "tile-sides" (of square tiles, in pixels), "compressions" ("deflate", "lzw", "zstd"
            and so on), "overview-factors" (how many times smaller a level is than the one before:
            least, most), "sample-types" (of numpy), "interleaves" ("pixel", "band"), "most-bytes"
            (of the file), "most-pixels" (of a side of the image).
        values: what is allowed.
        severity: of what breaks it: "error" or "warning".
        says: the rule in a line; made of check and values if empty.
        source: where it stands; the profile's if empty.
        remedy: what to do.
    """

    id: str
    check: CheckName
    values: Sequence[str | int]
    severity: Severity = "error"
    says: str = ""
    source: str = ""
    remedy: str = ""


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
        rules: further rules, of its own.
        among_files: ids of the rules among several files, of each class of these.
    """

    name: str
    source: str
    classes: Mapping[str, Sequence[str]]
    severities: Mapping[str, Severity] = field(default_factory=dict[str, Severity])
    rules: Sequence[ProfileRule] = ()
    among_files: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])

    @classmethod
    def from_json(cls, text: str | bytes) -> ValidationProfile:
        """Return a profile that is written as a JSON object with these attributes.

        Raises:
            UsageError: it is no such object.
        """
        try:
            document = json.loads(text)
            rules = [ProfileRule(**rule) for rule in document.pop("rules", ())]
            found = cls(**document, rules=rules)
        except (ValueError, TypeError, AttributeError) as exc:
            message = f"a profile is a JSON object with name, source and classes: {exc}"
            raise UsageError(message) from exc
        lists: list[object] = [rule.values for rule in rules]
        objects: list[object] = [found.classes, found.severities, found.among_files]
        if all(isinstance(one, dict) for one in objects):
            lists += found.classes.values()
            lists += found.among_files.values()
        if not all(isinstance(one, list) for one in lists) or len(lists) == len(rules):
            message = (
                "a profile's classes are an object of lists of rule ids, a rule's values a list"
            )
            raise UsageError(message)
        return found


def ids_of(*rules: RuleText) -> tuple[str, ...]:
    """Return the ids of rules."""
    return tuple(rule.id for rule in rules)
