"""Parse GDAL's metadata XML; safe for hostile XML (gdal.metadata.xml).

XML that is well-formed is read by expat. Of what is not, items are salvaged one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from tinycog.geo.safe_xml import SPACE, XmlError, read_xml

MAX_SALVAGED = 1 << 20
"""Most characters of XML that is not well-formed of which items are salvaged, in about a second."""

ENTITY = re.compile(r"&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|apos|quot));", re.IGNORECASE)
NAMED = {"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": '"'}

TAG = re.compile(r"<(/?)\s*([^\s<>/]+)([^<>]*)>")
ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'/]+))""")
NOT_READ = (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", ">"), ("<!", ">"))
"""What is no element: how it begins and ends."""
CDATA = "<![CDATA["
NO_ELEMENT = ("!", "?")

NUMBERS = ("scale", "offset")
"""Roles whose texts are numbers."""


class Item(NamedTuple):
    """An item: name and text, band (0-based) or None for the image, domain and role."""

    name: str
    text: str
    band: int | None
    domain: str
    role: str


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
        if self.depth == 1:
            self.root = name
        if self.depth == 2 and name.lower() == "item":  # noqa: PLR2004 - a child of the root
            self.attributes = {key.lower(): value for key, value in attributes.items()}
            self.text = []

    def end(self, name: str) -> None:
        """Handle the end of an element."""
        del name
        if self.depth == 2 and self.attributes is not None:  # noqa: PLR2004 - a child of the root
            item = _item(self.attributes, "".join(self.text))
            self.items += [] if item is None else [item]
            self.attributes = None
        self.depth -= 1

    def characters(self, data: str) -> None:
        """Collect the text of an item."""
        if self.depth == 2 and self.attributes is not None:  # noqa: PLR2004 - a child of the root
            self.text.append(data)


def parse_items(text: str) -> tuple[list[Item], str | None]:
    """Parse items; returns them, and what is wrong with the XML, None if nothing is.

    A scale or offset that XML breaks off in is an item without text.
    """
    reader = _Reader()
    try:
        read_xml(text, reader)
    except XmlError as exc:
        return _salvaged(text) if len(text) <= MAX_SALVAGED else [], str(exc)
    if not _is_root(reader.root):
        return [], f"its root is {reader.root[:40]!r}, expected 'GDALMetadata'"
    return reader.items, None


def _is_root(name: str) -> bool:
    return name.lower() == "gdalmetadata"


def _salvaged(text: str) -> list[Item]:
    """Return the items in text that is no XML: all that begin and end behind the root's tag.

    It takes one pass, however hostile the text. Entities are XML's own.
    """
    items: list[Item] = []
    begun: str | None = None  # what the tag of an item holds
    parts: list[str] = []
    has_root, at = False, 0
    while (start := text.find("<", at)) >= 0:
        parts.append(text[at:start])
        if text[start + 1 : start + 2] in NO_ELEMENT:
            begins, ends = next(pair for pair in NOT_READ if text.startswith(pair[0], start))
            stop = text.find(ends, start + len(begins))
            if stop < 0:
                break
            parts.append(text[start + len(CDATA) : stop] if begins == CDATA else "")
            at = stop + len(ends)
            continue
        tag = TAG.match(text, start)
        at = start + 1 if tag is None else tag.end()
        if tag is None:
            parts.append("<")
            continue
        closes, name, rest = tag[1], tag[2].lower(), tag[3]
        has_root |= _is_root(name)
        if name != "item" or not has_root:
            continue
        if begun is not None:
            items += _ended(begun, "".join(parts) if closes else None)
        begun = None if closes or rest.endswith("/") else rest
        parts = []
    return items + ([] if begun is None else _ended(begun, None))


def _ended(begun: str, text: str | None) -> list[Item]:
    """Make the item that a tag began, of XML's text; `text` is None if no tag ends it.

    Of those that do not end, only scales and offsets are told: they are unknown then.
    """
    if text is None and not any(role in begun.lower() for role in NUMBERS):
        return []
    found = reversed(ATTRIBUTE.findall(begun))  # the first of a name counts
    attributes = {key.lower(): unescape(two or one or bare) for key, two, one, bare in found}
    item = _item(attributes, "?" if text is None else unescape(text))
    if item is None or (text is None and item.role not in NUMBERS):
        return []
    return [item if text is not None else item._replace(text="")]


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
