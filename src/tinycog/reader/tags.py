"""Tags of an IFD as a mapping whose values are read when they are asked for."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from tinycog.errors import UsageError
from tinycog.tiff.exif import ExifTag, GpsTag, InteroperabilityTag
from tinycog.tiff.parse import Entry, Ifd, Value, offset_in
from tinycog.tiff.spec import Tag, tag_number
from tinycog.tracebacks import short_tracebacks

NAMES_BELOW: dict[int, type[IntEnum]] = {
    Tag.ExifIFD: ExifTag,
    Tag.GPSIFD: GpsTag,
    ExifTag.InteroperabilityIFD: InteroperabilityTag,
}
"""Names of the tags of the IFD that a tag points to."""


class ValueReader(Protocol):
    """What reads values: an open file."""

    async def read_values(self, entries: Sequence[Entry]) -> list[Value]:
        """Read the values of entries, planned together."""
        ...

    async def read_raw(self, entry: Entry) -> bytes:
        """Read the bytes of a value, as stored."""
        ...

    async def read_ifd(self, offset: int) -> Ifd:
        """Read an IFD at an absolute offset."""
        ...

    def cached_value(self, entry: Entry) -> Value | None:
        """Return a value if its bytes have arrived."""
        ...


@short_tracebacks
@dataclass(frozen=True, repr=False, eq=False)
class TagEntry:
    """One tag of a page: `await` it for its value.

    Attributes:
        name: as in TIFF 6.0 and its successors; its number as text where it has no known name.
        number: of the tag.
        field_type: name of the type of its values: "ASCII", "SHORT", ...
        count: number of values.
        offset: absolute position of the value in the file.
    """

    name: str
    number: int
    field_type: str
    count: int
    offset: int
    _entry: Entry
    _reader: ValueReader

    def __await__(self) -> Generator[Any, None, Value]:
        """Read the value, as `Cog.read_tag` returns it.

        Raises:
            LimitError: it is longer than `Limits.value_bytes`.
            TruncatedError: it lies beyond the end of the file.
            SourceError: the bytes cannot be fetched.

        Cost: 0 requests where it came with the header, else 1.
        """
        return self._read().__await__()

    async def _read(self) -> Value:
        (value,) = await self._reader.read_values([self._entry])
        return value

    async def read_bytes(self) -> bytes:
        """Read the bytes of the value as they are stored; errors and cost as for its value."""
        return await self._reader.read_raw(self._entry)

    @property
    def value(self) -> Value:
        """The value, if it came with what has been read.

        Raises:
            UsageError: its bytes have not been read: `await` the entry.
        """
        found = self._reader.cached_value(self._entry)
        if found is None:
            message = f"the value of {self.name} has not been read: use `await tags[{self.name!r}]`"
            raise UsageError(message)
        return found

    def __repr__(self) -> str:
        """Return name, type, count, and the value if it is short and has been read."""
        found = self._reader.cached_value(self._entry) if self.count <= SHOWN else None
        shown = "" if found is None else f", {found!r}"
        return f"<{self.name} ({self.number}): {self.count} {self.field_type}{shown}>"


SHOWN = 64
"""Number of values that a representation shows."""


@short_tracebacks
@dataclass(frozen=True, repr=False, eq=False)
class Tags(Mapping[str | int, TagEntry]):
    """Tags of a page by name or number; each is awaited for its value.

    ::

        await page.tags["ImageDescription"]
        await page.tags.read("XResolution", "YResolution", 65421)
        exif = await page.tags.read_ifd("ExifIFD")

    Iterated over, it has the name of each tag, and the number of one without a known name.
    """

    _ifd: Ifd
    _reader: ValueReader
    _names: type[IntEnum] = Tag

    def __getitem__(self, tag: str | int) -> TagEntry:
        """Return a tag by its name or number.

        Raises:
            KeyError: the page has no such tag.
        """
        entry = self._find(tag)
        name, kind = str(self._key(entry.tag)), entry.field_type.name
        return TagEntry(name, entry.tag, kind, entry.count, entry.offset, entry, self._reader)

    def _find(self, tag: str | int) -> Entry:
        try:
            return self._ifd.entries[tag_number(tag, self._names)]
        except (UsageError, KeyError):
            raise KeyError(tag) from None

    def __iter__(self) -> Iterator[str | int]:
        """Iterate over names and numbers, in the order of the file."""
        return iter([self._key(number) for number in self._ifd.entries])

    def __len__(self) -> int:
        """Return the number of tags."""
        return len(self._ifd.entries)

    def _key(self, number: int) -> str | int:
        try:
            return self._names(number).name
        except ValueError:
            return number

    async def read(self, *tags: str | int) -> dict[str | int, Value]:
        """Read the values of several tags, planned together; of all if none is named.

        Tags that the page does not have are left out.

        Raises:
            TinycogError: as for a single one.
        """
        entries = {key: self._find(key) for key in tags or self if key in self}
        values = await self._reader.read_values(list(entries.values()))
        return dict(zip(entries, values, strict=True))

    async def read_ifd(self, tag: str | int) -> Tags:
        """Read the IFD that a tag points to, such as "ExifIFD" or "GPSIFD".

        "InteroperabilityIFD" is a tag of the Exif IFD.

        Raises:
            UsageError: the page has no such tag, or it holds no offset.
            FormatError: there is no IFD at that offset.

        Cost: 0 requests where it came with the header, else 1.
        """
        if tag not in self:
            message = f"the page has no tag {tag!r}"
            raise UsageError(message)
        entry = self[tag]
        value = await entry
        offset = offset_in(value)
        if offset is None:
            message = f"tag {entry.name} holds no offset of an IFD, but {value!r}"
            raise UsageError(message[:200])
        ifd = await self._reader.read_ifd(offset)
        return Tags(ifd, self._reader, NAMES_BELOW.get(entry.number, Tag))

    def __repr__(self) -> str:
        """Return the names."""
        return f"<Tags {', '.join(map(str, self))}>"
