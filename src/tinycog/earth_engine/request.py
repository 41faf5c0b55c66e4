"""What comes of making a request: where it goes, what it says, and what speaks against it."""

from __future__ import annotations

import json
from dataclasses import dataclass

import tinycog

HOST = "https://earthengine.googleapis.com/v1alpha"

UNKNOWN = (
    "whether you may create the asset, whether its parent exists, and whether it exists already",
    "whether the object may be read by Earth Engine, and by those that the asset is shared with",
)
"""What no look at the bytes can tell."""

UNKNOWN_WITHOUT_GENERATION = (
    "which generation of {} is taken: the latest then, as the URI names none"
)

UNKNOWN_COPY = "whether {} holds the bytes that were looked at: these were of {}"


@dataclass(frozen=True, slots=True)
class EarthEngineRequest:
    """A request to Earth Engine, made and looked at, but not sent.

    Attributes:
        url: to which it is to be posted, by an authorized session.
        body: to be posted as JSON.
        reports: what was found in the files.
        refused: what Earth Engine would refuse by its own pages; empty if nothing is known.
        unknown: what cannot be known here.
        source: the pages that this follows, with the state of them.
    """

    url: str
    body: dict[str, object]
    reports: tuple[tinycog.ValidationReport, ...]
    refused: tuple[str, ...]
    unknown: tuple[str, ...]
    source: str

    @property
    def advice(self) -> tuple[str, ...]:
        """What is taken, but might be better."""
        return tuple(
            _text(report, finding)
            for report in self.reports
            for finding in report.findings
            if finding.severity == "warning"
        )

    def to_json(self) -> str:
        """Return the body as JSON."""
        return json.dumps(self.body, indent=2)

    def __str__(self) -> str:
        """Return it as a person reads it."""
        lines = [f"POST {self.url}", self.to_json(), ""]
        for title, texts in (
            ("would be refused", self.refused),
            ("might be better", self.advice),
            ("not known here", self.unknown),
        ):
            lines += [f"{title}:", *(f"  {text}" for text in texts)] if texts else []
        return "\n".join(lines)


def refusals(reports: tuple[tinycog.ValidationReport, ...]) -> tuple[str, ...]:
    """Return what the files are refused for."""
    return tuple(
        _text(report, finding)
        for report in reports
        for finding in report.findings
        if finding.severity == "error"
    )


def not_known(reports: tuple[tinycog.ValidationReport, ...]) -> tuple[str, ...]:
    """Return what could not be found out about the files."""
    return tuple(
        _text(report, finding)
        for report in reports
        for finding in report.findings
        if finding.severity == "unknown"
    )


def _text(report: tinycog.ValidationReport, finding: tinycog.RuleFinding) -> str:
    name = "" if finding.files else f"{report.name}: "
    return f"{name}{str(finding).partition(': ')[2]}"
