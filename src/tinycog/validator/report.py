"""What came of a validation: findings and verdicts, as text, JSON and JUnit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Literal, NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tinycog.argument_types import ValidationDepth
from tinycog.errors import FormatError, LimitError, SourceError
from tinycog.sources.http.server_answer import ServerFacts
from tinycog.validator.advice import commands
from tinycog.validator.any_file import ALL_IFDS, DECODES, PIXELS
from tinycog.validator.facts import DEPTHS, JudgedFile
from tinycog.validator.rule import (
    Kind,
    Observation,
    Rule,
    RuleText,
    ServerRule,
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
        commands: for a shell, each of which writes another file that keeps the rule: by tinycog,
            and by GDAL. None where that would do harm, or cannot be known.
        files: names of the files concerned, in a report of several; else none.
    """

    rule: str
    severity: Severity
    message: str
    remedy: str
    offset: int | None = None
    ifd: int | None = None
    commands: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return severity, name of a single file, message, place and rule in one line."""
        at = "" if self.offset is None else f" at byte {self.offset}"
        name = f"{self.files[0]}: " if len(self.files) == 1 else ""
        return f"{self.severity}: {name}{self.message}{at} [{self.rule}]"


SHOWN_FINDINGS = 8
"""In the table of a notebook."""


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """Findings of a file and the verdict of each class of a profile.

    Attributes:
        name: the file, without secrets.
        profile: whose rules were looked at.
        judged: which images of the file were looked at, and which were not.
        depth: "header"; "tiles" where every block of the index was looked at; "full" where every
            tile was decoded, too.
        verdicts: "pass", "fail" or "unknown" for each class of the profile.
        findings: what breaks rules, in the order of these.
    """

    name: str
    profile: str
    judged: str
    depth: ValidationDepth
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
        return junit([self])

    def _repr_html_(self) -> str:
        """Return verdicts and findings for notebooks."""
        from tinycog.notebook.card import card, never_fails  # noqa: PLC0415 - only notebooks

        marks = {"pass": "✔ pass", "fail": "✘ fail"}
        facts: dict[str, object] = {"profile": self.profile, "judged": self.judged}
        facts |= {name: marks.get(one, f"? {one}") for name, one in self.verdicts.items()}
        facts["findings"] = "\n".join(map(str, self.findings[:SHOWN_FINDINGS])) or "none"
        if len(self.findings) > SHOWN_FINDINGS:
            facts[""] = f"and {len(self.findings) - SHOWN_FINDINGS} more"
        title = f"{self.name}: {'passed' if self.passed else 'not passed'}"
        return never_fails(self, lambda: card(title, facts))

    def __str__(self) -> str:
        """Return it as a person reads it; a command that mends several rules stands once."""
        lines = [f"{self.name}: {'passed' if self.passed else 'not passed'} ({self.profile})"]
        lines.append(f"  judged: {self.judged}")
        lines += [f"  {verdict:<8}{name}" for name, verdict in self.verdicts.items()]
        told: set[str] = set()
        for finding in self.findings:
            lines.append(f"  {finding}")
            if finding.severity in ("error", "warning"):
                lines.append(f"      {finding.remedy}")
                lines += [f"      $ {one}" for one in finding.commands if one not in told]
                told.update(finding.commands)
        return "\n".join(lines)


def junit(reports: Sequence[ValidationReport]) -> str:
    """Return reports as one document of JUnit's XML: a test suite for each."""
    suites = Element("testsuites")
    suites.extend(map(_suite, reports))
    indent(suites)
    return tostring(suites, encoding="unicode")


def _suite(report: ValidationReport) -> Element:
    """Return the element of a report in JUnit's XML."""
    cases = list(report.verdicts.items())
    suite = Element("testsuite", name=f"{report.profile}: {report.name}", tests=str(len(cases)))
    suite.set("failures", str(sum(verdict == "fail" for _, verdict in cases)))
    suite.set("skipped", str(sum(verdict == "unknown" for _, verdict in cases)))
    text = _printable("\n".join(map(str, report.findings)))
    for name, verdict in cases:
        case = SubElement(suite, "testcase", name=name, classname=report.profile)
        if verdict == "fail":
            SubElement(case, "failure", message=f"{name}: {verdict}").text = text
        elif verdict == "unknown":
            SubElement(case, "skipped", message=f"{name}: {verdict}").text = text
    return suite


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
    deep = DEPTHS.index(facts.depth)
    classes: dict[str, list[AskedRule]] = {}
    for title, ids in {**profile.classes, PIXELS: (DECODES.id,)}.items():
        of_class = [rules[rule] for rule in ids]
        asked = [rule for rule in of_class if DEPTHS.index(rule.depth) <= deep]
        if asked and not facts.has_all_ifds:
            asked = [ALL_IFDS, *(rule for rule in asked if not rule.needs_all)]
        if asked:
            classes[title] = [
                AskedRule(rule, partial(rule.check, facts), partial(commands, rule.id, facts, name))
                for rule in asked
            ]
    verdicts, findings = _judged(classes, profile.severities, strict=strict, literal=literal)
    return ValidationReport(name, profile.name, facts.judged, facts.depth, verdicts, findings)


class AskedRule(NamedTuple):
    """A rule, what looks at the facts for what breaks it, and what tells how to mend that."""

    rule: RuleText
    look: Callable[[], Iterable[Observation]]
    commands: Callable[[], tuple[str, ...]] = tuple


def _judged(
    classes: Mapping[str, Sequence[AskedRule]],
    severities: Mapping[str, Severity],
    *,
    strict: bool,
    literal: bool,
) -> tuple[dict[str, Verdict], tuple[RuleFinding, ...]]:
    """Look at the rules of classes, each once; return verdicts and findings."""
    found: dict[str, list[RuleFinding]] = {}
    verdicts: dict[str, Verdict] = {}
    for title, asked in classes.items():
        for one in asked:
            if one.rule.id not in found:
                usual = severities.get(one.rule.id, one.rule.severity)
                found[one.rule.id] = _findings(one, usual, literal=literal)
        seen: set[Severity] = {f.severity for one in asked for f in found[one.rule.id]}
        verdicts[title] = verdict_of(seen, strict=strict)
    return verdicts, tuple(one for ones in found.values() for one in ones)


def judge_server(
    name: str,
    profile: ValidationProfile,
    rules: Mapping[str, ServerRule],
    facts: ServerFacts,
    depth: ValidationDepth,
    *,
    strict: bool,
) -> ValidationReport:
    """Look at all rules of a server."""
    classes = {
        title: [AskedRule(rules[rule], partial(rules[rule].check, facts)) for rule in ids]
        for title, ids in profile.classes.items()
    }
    verdicts, findings = _judged(classes, profile.severities, strict=strict, literal=False)
    return ValidationReport(name, profile.name, "the server", depth, verdicts, findings)


def joined(report: ValidationReport, server: ValidationReport) -> ValidationReport:
    """Return the report of a file with that of its server."""
    return replace(
        report,
        verdicts={**report.verdicts, **server.verdicts},
        findings=report.findings + server.findings,
    )


def unreadable(
    name: str,
    profile: ValidationProfile,
    depth: ValidationDepth,
    error: FormatError | LimitError,
) -> ValidationReport:
    """Return the report of a file that cannot be read at all (`file/readable`).

    What only limits forbid to read may be right: its verdicts are "unknown".
    """
    is_known = isinstance(error, FormatError)
    offset = error.finding.offset if is_known and error.finding is not None else None
    remedy = "write it anew: it is no TIFF, or damaged" if is_known else "raise the limit"
    severity: Severity = "error" if is_known else "unknown"
    finding = RuleFinding("file/readable", severity, str(error), remedy, offset)
    verdict: Verdict = "fail" if is_known else "unknown"
    verdicts: dict[str, Verdict] = dict.fromkeys(profile.classes, verdict)
    return ValidationReport(name, profile.name, "nothing", depth, verdicts, (finding,))


def unreachable(
    name: str, profile: ValidationProfile, depth: ValidationDepth, error: SourceError
) -> ValidationReport:
    """Return the report of a file that its server does not give (`file/readable`)."""
    remedy = "see what the server does, or look at a copy on disk"
    finding = RuleFinding("file/readable", "unknown", str(error), remedy)
    verdicts: dict[str, Verdict] = dict.fromkeys(profile.classes, "unknown")
    return ValidationReport(name, profile.name, "nothing", depth, verdicts, (finding,))


def _findings(asked: AskedRule, usual: Severity, *, literal: bool) -> list[RuleFinding]:
    """Look at a rule; what is broken carries the commands that mend it."""
    seen, rule = list(asked.look()), asked.rule
    mended = asked.commands() if any(one.kind == "broken" for one in seen) else ()
    return [
        RuleFinding(
            rule.id,
            severity_of(one.kind, usual, literal=literal),
            one.message,
            rule.remedy,
            one.offset,
            one.ifd,
            mended if one.kind == "broken" else (),
        )
        for one in seen
    ]


def severity_of(kind: Kind, usual: Severity, *, literal: bool) -> Severity:
    """Return the severity of what was observed, by what is usual for the rule."""
    if kind == "unknown":
        return "unknown"
    return "note" if kind == "note" or (kind == "literal" and not literal) else usual


def verdict_of(found: AbstractSet[Severity], *, strict: bool) -> Verdict:
    """Return the verdict that severities of findings make."""
    if "error" in found or (strict and "warning" in found):
        return "fail"
    return "unknown" if "unknown" in found else "pass"


def _printable(text: str) -> str:
    """Return a text without what XML 1.0 cannot hold."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)
