"""All cases."""

from __future__ import annotations

from faults.fault import Case, Fault
from faults.of_answers import CODINGS, HEADS, LENGTHS, RANGES, WHOLE
from faults.of_connections import CONNECTIONS
from faults.of_generations import GENERATIONS, KEPT
from faults.of_statuses import REDIRECTS, STATUSES
from faults.of_time import TIME

KINDS = (
    *(CONNECTIONS, TIME, HEADS, LENGTHS, RANGES, CODINGS, WHOLE),
    *(STATUSES, REDIRECTS, GENERATIONS, KEPT),
)


def all_faults() -> list[Fault]:
    return [fault for kind in KINDS for fault in kind.all]


def all_cases() -> list[Case]:
    return [case for fault in all_faults() for case in fault.cases()]
