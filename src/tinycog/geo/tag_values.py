"""Values of georeference and metadata tags, read so that a bad one costs only itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tinycog.errors import Finding, LimitError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.parse import Entry, FileHeader, Ifd, Value, decode_value
from tinycog.tiff.spec import Tag
from tinycog.tiff.steps import Steps, need
from tinycog.tiff.text import text_of

SHORT_MAX = 0xFFFF


@dataclass(frozen=True, slots=True)
class TagValues:
    """Values of some tags of one IFD, converted to the kind that the caller expects.

    A value of another kind counts as missing.
    """

    ifd: Ifd
    values: Mapping[int, Value]

    def finding(self, rule: str, text: str, tag: Tag) -> Finding:
        """Make a finding about a tag, with its position."""
        entry = self.ifd.entries.get(tag)
        return Finding(rule, text, None if entry is None else entry.offset, self.ifd.offset)

    def doubles(self, tag: Tag) -> tuple[float, ...]:
        """Return a tag's numbers, whatever their field type (geotiff.value.number)."""
        return tuple(_number(v) for v in _items(self.values.get(tag, ())))

    def shorts(self, tag: Tag) -> tuple[int, ...]:
        """Return a tag's numbers as 16-bit unsigned integers; none if one does not fit."""
        found = _items(self.values.get(tag, ()))
        fits = [v for v in found if isinstance(v, int) and 0 <= v <= SHORT_MAX]
        return tuple(fits) if len(fits) == len(found) else ()

    def raw_text(self, tag: Tag) -> bytes:
        """Return a tag's text as bytes, since GeoKeys count positions in bytes."""
        value = self.values.get(tag, b"")
        return value if isinstance(value, bytes) else b""

    def text(self, tag: Tag) -> str | None:
        """Return a tag's text up to its first NUL; None without the tag (gdal.metadata.text)."""
        value = self.values.get(tag)
        if not isinstance(value, bytes):
            return None
        return text_of(value.partition(b"\0")[0])


def _items(value: Value) -> Sequence[int | float | tuple[int, int]]:
    return () if isinstance(value, str) else value


def _number(value: float | tuple[int, int]) -> float:
    if not isinstance(value, tuple):
        return float(value)
    return value[0] / value[1] if value[1] else math.nan


def read_values(
    buffer: SparseBuffer, header: FileHeader, ifd: Ifd, tags: Iterable[Tag], limits: Limits
) -> Steps[tuple[TagValues, list[Finding]]]:
    """Read tags of an IFD in one step; unreadable values become findings (geotiff.value.lost).

    Text is returned as bytes.
    """
    findings: list[Finding] = []
    entries: list[Entry] = []
    for tag in tags:
        entry = ifd.entries.get(tag)
        if entry is None:
            continue
        try:
            limits.check("value_bytes", entry.range.length, f"bytes of the value of tag {tag}")
        except LimitError as exc:
            findings.append(Finding("geotiff.value.lost", str(exc), entry.offset, ifd.offset))
        else:
            entries.append(entry)
    yield from need(buffer, [entry.range for entry in entries])
    values: dict[int, Value] = {}
    for entry in entries:
        if buffer.ends_before(entry.range.stop):
            text = f"the value of tag {entry.tag} lies beyond the end of the file; it is ignored"
            findings.append(Finding("geotiff.value.lost", text, entry.offset, ifd.offset))
            continue
        data = buffer.read(*entry.range)
        is_text = entry.field_type.name in ("ASCII", "UTF-8")
        values[entry.tag] = bytes(data) if is_text else decode_value(header.byte_order, entry, data)
    return TagValues(ifd, values), findings
