"""The draft of OGC 21-061, BigTIFF: its class core. Permissions are nothing that can be broken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tinycog.tiff.spec import Tag
from tinycog.validator.facts import JudgedFile
from tinycog.validator.ogc_cog import CLASSIC_BYTES
from tinycog.validator.rule import Observation, Rule, ValidationProfile, ids_of
from tinycog.validator.structure import chain, reported

BIG_TYPES = (16, 17, 18)
"""Codes of the field types that BigTIFF adds."""

UNSIGNED = (
    *(Tag.NewSubfileType, Tag.ImageWidth, Tag.ImageLength, Tag.BitsPerSample, Tag.Compression),
    *(Tag.PhotometricInterpretation, Tag.SamplesPerPixel, Tag.PlanarConfiguration, Tag.Predictor),
    *(Tag.StripOffsets, Tag.RowsPerStrip, Tag.StripByteCounts, Tag.ExtraSamples, Tag.SampleFormat),
    *(Tag.TileWidth, Tag.TileLength, Tag.TileOffsets, Tag.TileByteCounts),
)
"""Tags of an image whose values are unsigned integers."""

UNSIGNED_TYPES = ("BYTE", "SHORT", "LONG", "LONG8")

Rows = Iterator[Observation]


def _uses_big_types(facts: JudgedFile) -> bool:
    entries = (entry for ifd in facts.ifds for entry in ifd.entries.values())
    return any(entry.field_type.code in BIG_TYPES for entry in entries)


def needs_big(facts: JudgedFile) -> Rows:
    """A BigTIFF must have more than 4 GiB, or use the new types; a larger file must be one.

    Small ones are refused by this requirement and discouraged by a recommendation: by the letter.
    """
    is_large = (facts.size or 0) > CLASSIC_BYTES
    if facts.is_big and not is_large and not _uses_big_types(facts):
        text = "a small BigTIFF, without any of the field types 16, 17 and 18"
        yield Observation(text, 0, None, "literal")
    if not facts.is_big and is_large:
        yield Observation(f"a classic TIFF of {facts.size} bytes", 0)


def header(facts: JudgedFile) -> Rows:
    """The file must begin as a BigTIFF does."""
    if not facts.is_big:
        yield Observation("the version is 42, expected 43: a classic TIFF", 2)


def no_classic_ifd(facts: JudgedFile) -> Rows:
    """Every SubIFD must be that of a BigTIFF, as far as it can be told: it can be read as one."""
    for place in facts.pyramid.places:
        if facts.is_big and len(place.path) > 1 and not place.ifd.entries:
            text = f"a SubIFD cannot be read as that of a BigTIFF: {place.reason}"
            yield Observation(text, place.ifd.offset, place.ifd.offset)


def integers(facts: JudgedFile) -> Rows:
    """Unsigned integers must be BYTE, SHORT, LONG or LONG8."""
    for ifd in facts.ifds:
        for tag in UNSIGNED:
            entry = ifd.entries.get(tag)
            if entry is not None and entry.field_type.name not in UNSIGNED_TYPES:
                text = f"{tag.name} is of the field type {entry.field_type.name}"
                yield Observation(f"{text}, not BYTE, SHORT, LONG or LONG8", None, ifd.offset)


def rarely_small(facts: JudgedFile) -> Rows:
    """A file up to 4 GiB without the new types should be a classic TIFF."""
    if facts.is_big and (facts.size or 0) <= CLASSIC_BYTES and not _uses_big_types(facts):
        yield Observation(f"a BigTIFF of {facts.size} bytes could be a classic TIFF", 0)


SOURCE = "OGC 21-061 (draft), {}"

MEND = "write it anew: tinycog.write(..., bigtiff=True)"


def _rule(
    name: str, says: str, check: Callable[[JudgedFile], Iterable[Observation]], remedy: str = MEND
) -> Rule:
    """Make a rule: what its id calls a requirement is an error, a recommendation a warning."""
    severity = "error" if name.startswith("/req/") else "warning"
    return Rule(name, severity, says, SOURCE.format(name), remedy, check)


CORE = (
    _rule(
        "/req/core/big-offsets size",
        "the file is over 4 GiB, or uses the field types 16 to 18",
        needs_big,
        "write it as classic TIFF",
    ),
    _rule("/req/core/bifh", "the file begins with the header of 16 bytes", header),
    _rule("/req/core/bifd classic", "no IFD is that of a classic TIFF", no_classic_ifd),
    _rule(
        "/req/core/bifd sorted",
        "entries ascend by tag",
        partial(reported, ends=".ifd.order"),
    ),
    _rule(
        "/req/core/bifd types",
        "field types are known",
        partial(reported, ends=".field-type.known"),
    ),
    _rule(
        "/req/core/bifd next",
        "the next IFD has entries, is none of those before, and can be read",
        chain,
    ),
    _rule(
        "/req/core/bifd integers",
        "unsigned integers are BYTE, SHORT, LONG or LONG8",
        integers,
    ),
    _rule(
        "/rec/core/rec-small-files",
        "a file up to 4 GiB without the new field types is a classic TIFF",
        rarely_small,
        "write it as classic TIFF",
    ),
)

PROFILE = ValidationProfile("ogc-bigtiff", "OGC 21-061, BigTIFF (draft)", {"core": ids_of(*CORE)})
