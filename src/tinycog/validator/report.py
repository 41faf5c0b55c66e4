"""What came of a validation: findings and verdicts, as text, JSON and JUnit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import (
    Depth,
    Kind,
    Observation,
    Rule,
    Severity,
    ValidationProfile,
)

Verdict = Literal["pass", "fail", "unknown"]
"""Whether a file keeps the rules of a class."""


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """A rule that a file breaks, or of which that cannot be known.

    Attributes:
        rule: id of the rule, as listed in `spec/validation.md`.
        severity: "error", "warning", "note" (no verdict depends on it), "unknown".
        message: what was found and what was expected, in one line.
        remedy: what to do.
        offset: absolute byte position, or None.
        ifd: absolute byte position of the IFD concerned, or None.
        files: names of the files concerned, in a report of several; else none.
    """

    rule: str
    severity: Severity
    message: str
    remedy: str
    offset: int | None = None
    ifd: int | None = None
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return severity, message, place and rule in one line, behind the name of a single file."""
        at = "" if self.offset is None else f" at byte {self.offset}"
        name = f"{self.files[0]}: " if len(self.files) == 1 else ""
        return f"{self.severity}: {name}{self.message}{at} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Findings of a file and the verdict of each class of a profile.

    Attributes:
        name: the file, without secrets.
        profile: whose rules were looked at.
        depth: "header", or "tiles" where every block of the index was.
        verdicts: "pass", "fail" or "unknown" for each class of the profile.
        findings: what breaks rules, in the order of these.
    """

    name: str
    profile: str
    depth: Depth
    verdicts: Mapping[str, Verdict]
    findings: tuple[RuleFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether every verdict is "pass": what cannot be known is not passed."""
        return all(verdict == "pass" for verdict in self.verdicts.values())

    def to_json(self) -> str:
        """Return all of it as a JSON document."""
        return json.dumps({"passed": self.passed, **asdict(self)}, indent=2)

    def to_junit(self) -> str:
        """Return it as JUnit's XML: a test case for each class, skipped where unknown."""
        cases = list(self.verdicts.items())
        suite = Element("testsuite", name=f"{self.profile}: {self.name}", tests=str(len(cases)))
        suite.set("failures", str(sum(verdict == "fail" for _, verdict in cases)))
        suite.set("skipped", str(sum(verdict == "unknown" for _, verdict in cases)))
        text = _printable("\n".join(map(str, self.findings)))
        for name, verdict in cases:
            case = SubElement(suite, "testcase", name=name, classname=self.profile)
            if verdict == "fail":
                SubElement(case, "failure", message=f"{name}: {verdict}").text = text
            elif verdict == "unknown":
                SubElement(case, "skipped", message=f"{name}: {verdict}").text = text
        indent(suite)
        return tostring(suite, encoding="unicode")

    def __str__(self) -> str:
        """Return it as a person reads it."""
        lines = [f"{self.name}: {'passed' if self.passed else 'not passed'} ({self.profile})"]
        lines += [f"  {verdict:<8}{name}" for name, verdict in self.verdicts.items()]
        for finding in self.findings:
            lines.append(f"  {finding}")
            if finding.severity in ("error", "warning"):
                lines.append(f"      {finding.remedy}")
        return "\n".join(lines)


def judge(
    name: str,
    profile: ValidationProfile,
    rules: Mapping[str, Rule],
    facts: JudgedFile,
    *,
    strict: bool,
    literal: bool,
) -> ValidationReport:
    """Look at all rules of a profile that the facts are deep enough for."""
    depth: Depth = "tiles" if facts.is_whole else "header"
    found: dict[str, list[RuleFinding]] = {}
    verdicts: dict[str, Verdict] = {}
    for title, ids in profile.classes.items():
        of_class = [rules[rule] for rule in ids]
        asked = [rule for rule in of_class if rule.depth == "header" or facts.is_whole]
        if not asked:
            continue
        for rule in asked:
            if rule.id not in found:
                usual = profile.severities.get(rule.id, rule.severity)
                seen = rule.check(facts)
                found[rule.id] = [_finding(rule, usual, one, literal=literal) for one in seen]
        severities: set[Severity] = {one.severity for rule in asked for one in found[rule.id]}
        verdicts[title] = verdict_of(severities, strict=strict)
    findings = tuple(one for ones in found.values() for one in ones)
    return ValidationReport(name, profile.name, depth, verdicts, findings)


def unreadable(
    name: str, profile: ValidationProfile, depth: Depth, message: str, offset: int | None
) -> ValidationReport:
    """Return the report of a file that cannot be read at all (`file/readable`)."""
    remedy = "write it anew: it is no TIFF, or damaged"
    finding = RuleFinding("file/readable", "error", message, remedy, offset)
    verdicts: dict[str, Verdict] = dict.fromkeys(profile.classes, "fail")
    return ValidationReport(name, profile.name, depth, verdicts, (finding,))


def _finding(rule: Rule, usual: Severity, seen: Observation, *, literal: bool) -> RuleFinding:
    severity = severity_of(seen.kind, usual, literal=literal)
    return RuleFinding(rule.id, severity, seen.message, rule.remedy, seen.offset, seen.ifd)


def severity_of(kind: Kind, usual: Severity, *, literal: bool) -> Severity:
    """Return the severity of what was observed, by what is usual for the rule."""
    if kind == "unknown":
        return "unknown"
    return "note" if kind == "note" or (kind == "literal" and not literal) else usual


def verdict_of(found: Set[Severity], *, strict: bool) -> Verdict:
    """Return the verdict that severities of findings make."""
    if "error" in found or (strict and "warning" in found):
        return "fail"
    return "unknown" if "unknown" in found else "pass"


def _printable(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
