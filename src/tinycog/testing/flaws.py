"""Ways to break a file: each function takes the directories of a valid one and spoils them.

    make_tiff(flaws.ifd_loop(make_pyramid(array)))

A file that ends too early needs no function: `make_tiff(...)[:-4]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinycog.tiff.layout import BEYOND, Directory, Field
from tinycog.tiff.spec import Tag

Directories = Sequence[Directory]

_OFFSETS = (Tag.StripOffsets, Tag.TileOffsets)
_BYTE_COUNTS = (Tag.StripByteCounts, Tag.TileByteCounts)


def ifd_loop(directories: Directories) -> list[Directory]:
    """The link of the last IFD leads back to the first."""
    return [*directories[:-1], replace(directories[-1], link="first")]


def link_beyond_end(directories: Directories) -> list[Directory]:
    """The link of the last IFD leads beyond the end of the file."""
    return [*directories[:-1], replace(directories[-1], link="beyond")]


def no_entries(directories: Directories) -> list[Directory]:
    """The last IFD has no entries."""
    return [*directories[:-1], Directory(())]


def unknown_field_type(directories: Directories, *, tag: int = 65000) -> list[Directory]:
    """The first IFD has a tag of field type 99."""
    return _first_having(directories, Field(tag, 99, b"????????????"))


def duplicate_tag(directories: Directories, *, tag: int = Tag.ImageWidth) -> list[Directory]:
    """The first IFD has a tag twice, the second time with the value 1."""
    fields = list(directories[0].fields)
    at = next(i for i, field in enumerate(fields) if field.tag == tag)
    fields.insert(at + 1, replace(fields[at], values=1))
    return [replace(directories[0], fields=fields), *directories[1:]]


def unsorted_tags(directories: Directories) -> list[Directory]:
    """The first IFD has its tags in descending order."""
    return [replace(directories[0], fields=directories[0].fields[::-1]), *directories[1:]]


def value_beyond_end(directories: Directories, *, tag: int = 65000) -> list[Directory]:
    """The first IFD has a tag (of 100 bytes) whose value lies beyond the end of the file."""
    return _first_having(directories, Field(tag, "BYTE", b"", count=100, place=BEYOND))


def huge_count(
    directories: Directories, *, tag: int = 65000, count: int = 0xFFFFFFFF
) -> list[Directory]:
    """The first IFD has a tag that claims `count` DOUBLEs; a BigTIFF may claim up to 2**64 - 1."""
    return _first_having(directories, Field(tag, "DOUBLE", [0.5, 1.5], count=count))


def ascii_without_nul(
    directories: Directories, *, tag: int = Tag.ImageDescription
) -> list[Directory]:
    """The first IFD has a text, "no end", without its NUL."""
    return _first_having(directories, Field(tag, "ASCII", b"no end"))


def short_index(directories: Directories) -> list[Directory]:
    """TileOffsets of the first IFD (or StripOffsets) lacks the last tile."""
    field = _of(directories, _OFFSETS)
    return _first_having(directories, replace(field, count=len(directories[0].tiles) - 1))


def short_type_of_byte_counts(directories: Directories) -> list[Directory]:
    """TileByteCounts of the first IFD is of type SHORT: legal, but some readers trip over it."""
    return _first_having(directories, replace(_of(directories, _BYTE_COUNTS), field_type="SHORT"))


def no_byte_counts(directories: Directories) -> list[Directory]:
    """The first IFD lacks TileByteCounts (or StripByteCounts)."""
    return [directories[0].without(*_BYTE_COUNTS), *directories[1:]]


def _first_having(directories: Directories, field: Field) -> list[Directory]:
    return [directories[0].having(field), *directories[1:]]


def _of(directories: Directories, tags: Sequence[int]) -> Field:
    return next(field for field in directories[0].fields if field.tag in tags)
