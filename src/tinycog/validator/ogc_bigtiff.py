"""The draft of OGC 21-061, BigTIFF: its class core. Permissions are nothing that can be broken."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tinycog.validator.facts import JudgedFile
from tinycog.validator.ogc_cog import CLASSIC_BYTES, chain_end
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of
from tinycog.validator.structure import reported

BIG_TYPES = (16, 17, 18)
"""Codes of the field types that BigTIFF adds."""

Rows = Iterator[Observation]


def _uses_big_types(facts: JudgedFile) -> bool:
    entries = (entry for ifd in facts.ifds for entry in ifd.entries.values())
    return any(entry.field_type.code in BIG_TYPES for entry in entries)


def needs_big(facts: JudgedFile) -> Rows:
    """A BigTIFF must have more than 4 GiB, or use the new types; a larger file must be one."""
    is_large = (facts.size or 0) > CLASSIC_BYTES
    if facts.is_big and not is_large and not _uses_big_types(facts):
        yield Observation("a small BigTIFF, without any of the field types 16, 17 and 18", 0)
    if not facts.is_big and is_large:
        yield Observation(f"a classic TIFF of {facts.size} bytes", 0)


def header(facts: JudgedFile) -> Rows:
    """The file must begin as a BigTIFF does."""
    if not facts.is_big:
        yield Observation("the version is 42, expected 43: a classic TIFF", 2)


def rarely_small(facts: JudgedFile) -> Rows:
    """A file up to 4 GiB without the new types should be a classic TIFF."""
    if facts.is_big and (facts.size or 0) <= CLASSIC_BYTES and not _uses_big_types(facts):
        yield Observation(f"a BigTIFF of {facts.size} bytes could be a classic TIFF", 0)


SOURCE = "OGC 21-061 (draft), {}"

MEND = "write it anew: tinycog.write(..., bigtiff=True)"

CORE = (
    Rule(
        "/req/core/big-offsets",
        "error",
        "the file is over 4 GiB, or uses the field types 16 to 18",
        SOURCE.format("/req/core/big-offsets"),
        "write it as classic TIFF",
        needs_big,
    ),
    Rule(
        "/req/core/bifh",
        "error",
        "the file begins with the header of 16 bytes",
        SOURCE.format("/req/core/bifh"),
        MEND,
        header,
    ),
    Rule(
        "/req/core/bifd sorted",
        "error",
        "entries ascend by tag",
        SOURCE.format("/req/core/bifd"),
        MEND,
        partial(reported, ends=".ifd.order"),
    ),
    Rule(
        "/req/core/bifd chain",
        "error",
        "the next IFD is none of those before, and can be read",
        SOURCE.format("/req/core/bifd"),
        MEND,
        chain_end,
    ),
    Rule(
        "/req/core/bifd types",
        "error",
        "field types are known",
        SOURCE.format("/req/core/bifd"),
        MEND,
        partial(reported, ends=".field-type.known"),
    ),
    Rule(
        "/rec/core/rec-small-files",
        "warning",
        "a file up to 4 GiB without the new field types is a classic TIFF",
        SOURCE.format("/rec/core/rec-small-files"),
        "write it as classic TIFF",
        rarely_small,
    ),
)

PROFILE = ValidationProfile("ogc-bigtiff", "OGC 21-061, BigTIFF (draft)", {"core": ids_of(*CORE)})
