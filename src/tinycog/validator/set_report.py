"""The report of several files: what was found in each, and among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinycog.validator.among_files import SET_RULES, check_files
from tinycog.validator.report import (
    RuleFinding,
    ValidationReport,
    Verdict,
    severity_of,
    verdict_of,
)
from tinycog.validator.rule import Severity, ValidationProfile
from tinycog.validator.set_rule import SetMember


def report_of_all(
    reports: Sequence[ValidationReport],
    members: Sequence[SetMember | None],
    profile: ValidationProfile,
    *,
    strict: bool,
    literal: bool,
) -> ValidationReport:
    """Return one report of several files.

    Args:
        reports: one for each file; no two of a name.
        members: facts of each, None of a file that cannot be read: what rules among files say is
            unknown then.
        profile: by which they were judged.
        strict: as for `validate`.
        literal: as for `validate`.
    """
    findings = [
        replace(finding, files=(report.name,)) for report in reports for finding in report.findings
    ]
    titles = dict.fromkeys(title for report in reports for title in report.verdicts)
    verdicts: dict[str, Verdict] = {
        title: _worst([report.verdicts.get(title, "pass") for report in reports])
        for title in titles
    }
    readable = [member for member in members if member is not None]
    for title, ids in profile.among_files.items():
        found: list[RuleFinding] = []
        for rule, seen in check_files(readable, [SET_RULES[rule] for rule in ids]):
            usual = profile.severities.get(rule.id, rule.severity)
            severity = severity_of(seen.kind, usual, literal=literal)
            found.append(
                RuleFinding(rule.id, severity, seen.message, rule.remedy, files=seen.files)
            )
        severities: set[Severity] = {finding.severity for finding in found}
        if len(readable) < len(members):
            severities.add("unknown")
        verdicts[title] = verdict_of(severities, strict=strict)
        findings += found
    name = f"{len(reports)} files" if len(reports) > 1 else reports[0].name
    judged = "; ".join(dict.fromkeys(report.judged for report in reports))
    depth = reports[0].depth
    return ValidationReport(name, profile.name, judged, depth, verdicts, tuple(findings))


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    if "fail" in verdicts:
        return "fail"
    return "unknown" if "unknown" in verdicts else "pass"
