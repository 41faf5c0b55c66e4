"""Rules that every profile has: all IFDs are known; and at the depth "full", tiles decode."""

from __future__ import annotations

from collections.abc import Iterator

from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import Observation, Rule

PIXELS = "pixels"
"""Name of the class that every profile has at the depth "full"."""


def all_ifds(facts: JudgedFile) -> Iterator[Observation]:
    """What limits, or what is known already, keep from being read may break any rule."""
    for found in facts.chain.findings:
        if found.rule in ("tiff.ifd.far", "tiff.ifd.count"):
            yield Observation(found.message, found.offset, found.ifd, "unknown")


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


ALL_IFDS = Rule(
    "file/all-ifds",
    "error",
    "all IFDs are known",
    "none: tinycog's own",
    "open it with higher Limits(header_requests=, ifds=), and validate the handle",
    all_ifds,
)

DECODES = Rule(
    "file/decodes",
    "error",
    "every stored tile can be decoded",
    "none: tinycog's own",
    "write it anew from what it was made of: these pixels are lost",
    decodes,
    "full",
)
