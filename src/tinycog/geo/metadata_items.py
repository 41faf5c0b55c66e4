"""Parse GDAL's metadata XML; safe for hostile XML (gdal.metadata.xml)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.parsers import expat

MAX_DEPTH = 16
MAX_BYTES = 4 << 20

ENTITY = re.compile(r"&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|apos|quot));", re.IGNORECASE)
NAMED = {"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": '"'}
SPACE = " \t\r\n\v\f"


class Item(NamedTuple):
    """An item: name and text, band (0-based) or None for the image, domain and role."""

    name: str
    text: str
    band: int | None
    domain: str
    role: str


class _RefusedError(Exception):
    """The XML holds something that is never accepted."""


@dataclass
class _Reader:
    """Handlers for expat that build no tree: only children of the root count."""

    items: list[Item] = field(default_factory=list[Item])
    depth: int = 0
    root: str = ""
    attributes: dict[str, str] | None = None
    text: list[str] = field(default_factory=list[str])

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            message = f"elements are nested more than {MAX_DEPTH} deep"
            raise _RefusedError(message)
        if self.depth == 1:
            self.root = name
        if self.depth == 2 and name.lower() == "item":  # noqa: PLR2004 - a child of the root
            self.attributes = {key.lower(): value for key, value in attributes.items()}
            self.text = []

    def end(self, _name: str) -> None:
        """Handle the end of an element."""
        if self.depth == 2 and self.attributes is not None:  # noqa: PLR2004 - a child of the root
            item = _item(self.attributes, "".join(self.text))
            self.items += [] if item is None else [item]
            self.attributes = None
        self.depth -= 1

    def characters(self, data: str) -> None:
        """Collect the text of an item."""
        if self.depth == 2 and self.attributes is not None:  # noqa: PLR2004 - a child of the root
            self.text.append(data)

    def doctype(self, *_: object) -> None:
        """Refuse a doctype: only there can entities be defined."""
        message = "it has a doctype"
        raise _RefusedError(message)


def parse_items(text: str) -> tuple[list[Item], str | None]:
    """Parse items; returns them and None, or none and what is wrong with the XML, as in GDAL."""
    if len(text) > MAX_BYTES:
        return [], f"it has {len(text)} characters, more than {MAX_BYTES}"
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(text.strip(SPACE + "\ufeff").encode("utf-8", "replace"), True)  # noqa: FBT003
    except (expat.ExpatError, _RefusedError) as exc:
        return [], str(exc)
    if reader.root.lower() != "gdalmetadata":
        return [], f"its root is {reader.root[:40]!r}, expected 'GDALMetadata'"
    return reader.items, None


def _item(attributes: dict[str, str], text: str) -> Item | None:
    """Make an item; None without a name or text. Leading blanks of the text are dropped."""
    text = text.lstrip(SPACE)
    name = attributes.get("name")
    if name is None or not text:
        return None
    sample = re.match(r"\s*[-+]?\d{1,9}", attributes.get("sample", "-1"), re.ASCII)
    band = int(sample[0]) if sample else 0
    return Item(
        name,
        unescape(text),
        band if band >= 0 else None,
        attributes.get("domain", ""),
        attributes.get("role", "").lower(),
    )


def unescape(text: str) -> str:
    """Undo the second level of escapes: GDAL writes two (gdal.metadata.items)."""
    return ENTITY.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    sixteen, ten, name = found.groups()
    if name:
        return NAMED[name.lower()]
    code = int(sixteen, 16) if sixteen else int(ten)
    is_character = 0 < code < 0x110000 and not 0xD800 <= code < 0xE000  # noqa: PLR2004 - Unicode
    return chr(code) if is_character else found[0]
