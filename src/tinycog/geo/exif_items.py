"""Parse Exif and GPS IFDs to GDAL's items of the domain EXIF (gdal.metadata.exif)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from tinycog.errors import Finding, FormatError, LimitError
from tinycog.limits import Limits
from tinycog.tiff.buffer import SparseBuffer
from tinycog.tiff.exif import ExifTag, GpsTag
from tinycog.tiff.parse import (
    Entry,
    FileHeader,
    Ifd,
    decode_value,
    offset_in,
    parse_ifd,
    parse_values,
)
from tinycog.tiff.ranges import count_clusters
from tinycog.tiff.spec import EXIF_IFDS, ByteOrder, Tag
from tinycog.tiff.steps import Steps, need, together
from tinycog.tiff.text import text_of

PREFIX = "EXIF_"
RULE = "gdal.metadata.exif"

MAX_ENTRIES = 125
"""Entries of an Exif IFD; GDAL takes one with more for broken, and reads none of it."""

MAX_BYTES = 65534
"""Bytes of a value, and characters of a text, which GDAL reads."""

UNKNOWN = frozenset(
    {
        ExifTag.InteroperabilityIFD,
        *(
            tag
            for tag in ExifTag
            if ExifTag.AmbientTemperature <= tag <= ExifTag.CameraElevationAngle
        ),
        *(tag for tag in ExifTag if tag >= ExifTag.CompositeImage),
    }
)
"""Tags of Exif that GDAL does not know."""

IMAGE_NAMES = (
    "BitsPerSample Compression PhotometricInterpretation ImageDescription Make Model "
    "StripOffsets Orientation SamplesPerPixel RowsPerStrip StripByteCounts XResolution "
    "YResolution PlanarConfiguration ResolutionUnit Software DateTime Artist "
    "JPEGInterchangeFormat JPEGInterchangeFormatLength YCbCrCoefficients YCbCrSubSampling "
    "YCbCrPositioning ReferenceBlackWhite Copyright"
)
"""Tags of an image that GDAL tells of an Exif IFD, too."""

EXIF_NAMES: dict[int, str] = {
    **{tag: tag.name for tag in ExifTag if tag not in UNKNOWN},
    ExifTag.PhotographicSensitivity: "ISOSpeedRatings",
    ExifTag.ISOSpeedLatitudeYYY: "ISOSpeedLatitudeyyy",
    ExifTag.ISOSpeedLatitudeZZZ: "ISOSpeedLatitudezzz",
    ExifTag.SubsecTime: "SubSecTime",
    ExifTag.SubsecTimeOriginal: "SubSecTime_Original",
    ExifTag.SubsecTimeDigitized: "SubSecTime_Digitized",
    ExifTag.FlashPixVersion: "FlashpixVersion",
    **{Tag[name]: name for name in IMAGE_NAMES.split()},
    Tag["FillOrder"]: "Fill_Order",
    Tag["DocumentName"]: "Document_Name",
    Tag["JPEGProc"]: "JPEG_Proc",
    Tag["XMP"]: "XmlPacket",
    Tag["ICCProfile"]: "Inter_Color_Profile",
    301: "TransferFunction",
    318: "WhitePoint",
    319: "PrimaryChromaticities",
    342: "Transfer_Range",
    33421: "CFA_Repeat_Pattern_Dim",
    33422: "CFA_Pattern",
    33423: "Battery_Level",
    33723: "IPTC/NAA",
}
"""GDAL's names, without the prefix, of tags in either IFD."""

NAMES: dict[int, Mapping[int, str]] = {
    Tag.ExifIFD: EXIF_NAMES,
    Tag.GPSIFD: {**EXIF_NAMES, **{tag: tag.name for tag in GpsTag}},
}
"""Names of the tags of each IFD."""

DNG_NAMES = {50708: "DNG_UniqueCameraModel", 50735: "DNG_CameraSerialNumber"}
"""Tags of DNG that GDAL tells of an Exif IFD; their names are whole."""

AS_TEXT = frozenset(
    {
        *(ExifTag.ExifVersion, ExifTag.FlashPixVersion, ExifTag.MakerNote),
        *(ExifTag.UserComment, Tag["XMP"]),
    }
)
"""Tags whose bytes are text, whatever their field type."""

CHARACTER_CODE_BYTES = 8
"""Bytes of UserComment before its text."""

LAST_TYPE = 12
"""Code of the last field type of TIFF 6.0, which are all that Exif has."""


class ExifItems(NamedTuple):
    """Items of the domain EXIF by name, and what is odd about their IFDs."""

    items: dict[str, str]
    findings: tuple[Finding, ...] = ()


def parse_exif(
    buffer: SparseBuffer, header: FileHeader, ifd: Ifd, limits: Limits
) -> Steps[ExifItems]:
    """Parse the items of an image's Exif and GPS IFDs, in two steps.

    An IFD or a value that cannot be read is a finding of the result.
    """
    found = yield from together(
        _parse_below(buffer, header, ifd, ifd.entries[tag], limits)
        for tag in EXIF_IFDS
        if tag in ifd.entries
    )
    items = dict(chain.from_iterable(one.items.items() for one in found))
    return ExifItems(items, tuple(chain.from_iterable(one.findings for one in found)))


def _parse_below(
    buffer: SparseBuffer, header: FileHeader, ifd: Ifd, entry: Entry, limits: Limits
) -> Steps[ExifItems]:
    """Parse the items of the IFD that an entry points to."""
    name = Tag(entry.tag).name
    bounded = replace(limits, entries=min(limits.entries, MAX_ENTRIES))
    try:
        (value,) = yield from parse_values(buffer, header, [entry], limits)
        offset = offset_in(value) if entry.count == 1 else None
        if offset is None:
            text = f"{name} is {entry.count} {entry.field_type.name}, expected the offset of an IFD"
            return ExifItems({}, (Finding(RULE, text, entry.offset, ifd.offset),))
        below = yield from parse_ifd(buffer, header, offset, bounded)
        return (yield from _parse_items(buffer, header, below, NAMES[entry.tag], limits))
    except LimitError as exc:
        text = f"the IFD of {name} is not read: {exc.asked} entries or places, not {exc.allowed}"
    except FormatError as exc:
        text = f"the IFD of {name} is not read: {exc}"
    return ExifItems({}, (Finding(RULE, text, entry.offset, ifd.offset),))


def _parse_items(
    buffer: SparseBuffer, header: FileHeader, ifd: Ifd, names: Mapping[int, str], limits: Limits
) -> Steps[ExifItems]:
    """Parse the items of an IFD; what is known of it lies in one place or in few."""
    findings = list(ifd.findings)
    entries = [entry for tag, entry in ifd.entries.items() if tag in names or tag in DNG_NAMES]
    fits = [entry for entry in entries if _flaw(buffer, entry) is None]
    for entry in entries:
        if flaw := _flaw(buffer, entry):
            text = f"tag {entry.tag} of an Exif IFD {flaw}; it is ignored"
            findings.append(Finding(RULE, text, entry.offset, ifd.offset))
    missing = buffer.missing([entry.range for entry in fits])
    limits.check("header_requests", count_clusters(missing), "places of the values of an Exif IFD")
    yield from need(buffer, [entry.range for entry in fits])
    items: dict[str, str] = {}
    for entry in fits:
        data = bytes(buffer.read(*entry.range))
        name = DNG_NAMES.get(entry.tag) or PREFIX + names[entry.tag]
        items[name] = _text(header.byte_order, entry, data)
    return ExifItems(items, tuple(findings))


def _flaw(buffer: SparseBuffer, entry: Entry) -> str | None:
    """Return why GDAL, or anybody, cannot read a value; None if nothing is wrong."""
    if entry.field_type.code > LAST_TYPE and entry.tag not in AS_TEXT:
        return f"is of field type {entry.field_type.name}, which Exif does not have"
    if entry.range.length > MAX_BYTES:
        return f"has {entry.range.length} bytes, more than the {MAX_BYTES} that GDAL reads"
    if buffer.ends_before(entry.range.stop):
        return "lies beyond the end of the file"
    return None


def _text(byte_order: ByteOrder, entry: Entry, data: bytes) -> str:
    """Return a value as GDAL prints it."""
    if entry.tag == ExifTag.UserComment and len(data) >= CHARACTER_CODE_BYTES:
        data = data[CHARACTER_CODE_BYTES:]
    if entry.field_type.name == "ASCII" or entry.tag in AS_TEXT:
        return _words(data)
    value = decode_value(byte_order, entry, data)
    if isinstance(value, bytes):
        return " ".join(f"0x{byte:02x}" for byte in value)
    return " ".join(map(_number, value))


def _words(data: bytes) -> str:
    """Return text up to its first NUL, without the blanks around the value."""
    return text_of(data.rstrip(b" \0").partition(b"\0")[0]).lstrip(" \t")


def _number(value: str | float | tuple[int, int]) -> str:
    """Return a number in 6 digits, a fraction in brackets; one with a 0 in it is 0."""
    if isinstance(value, tuple):
        return f"({value[0] / value[1]:g})" if value[1] else "(0)"
    return f"{value:g}" if isinstance(value, float) else str(value)
