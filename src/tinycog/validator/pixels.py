"""Whether stored tiles can be decoded: the class that every profile has at the depth "full"."""

from __future__ import annotations

from collections.abc import Iterator

from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import Observation, Rule

CLASS = "pixels"
"""Name of the class."""


def decodes(facts: JudgedFile) -> Iterator[Observation]:
    """Every stored tile must decode; what is odd about one that does is a note."""
    if facts.faults is None:
        return
    listed = 0
    for fault in facts.faults.listed:
        listed += fault.kind == "broken"
        yield Observation(fault.message, fault.offset, fault.ifd, fault.kind)
    if facts.faults.broken > listed:
        yield Observation(f"and {facts.faults.broken - listed} more tiles are broken")


DECODES = Rule(
    "file/decodes",
    "error",
    "every stored tile can be decoded",
    "none: tinycog's own",
    "write it anew from what it was made of: these pixels are lost",
    decodes,
    "full",
)
