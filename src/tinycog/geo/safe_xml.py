"""Read XML that may be hostile (gdal.metadata.xml): no doctype, and so no entities; bounded depth.

Text is read by expat, element by element; `parse_tree` makes a tree of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from xml.parsers import expat

MAX_DEPTH = 16
MAX_BYTES = 4 << 20
MAX_ELEMENTS = 100_000

SPACE = " \t\r\n\v\f"


class XmlError(Exception):
    """XML that is not well-formed, or holds something that is never accepted; a line says why."""


class XmlHandler(Protocol):
    """What is told of each element, in the order of the text."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        ...

    def end(self, name: str) -> None:
        """Handle the end of an element."""
        ...

    def characters(self, data: str) -> None:
        """Handle text."""
        ...


def read_xml(text: str, handler: XmlHandler) -> None:
    """Tell a handler what XML holds, up to what is wrong with it.

    Raises:
        XmlError: it is not well-formed, too long or too deep, or has a doctype.
    """
    if len(text) > MAX_BYTES:
        message = f"it has {len(text)} characters, more than {MAX_BYTES}"
        raise XmlError(message)
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            message = f"elements are nested more than {MAX_DEPTH} deep"
            raise XmlError(message)
        handler.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler.end(name)

    def doctype(*_: object) -> None:  # only there can entities be defined
        message = "it has a doctype"
        raise XmlError(message)

    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = handler.characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text.strip(SPACE + "\ufeff").encode("utf-8", "replace"), True)  # noqa: FBT003
    except expat.ExpatError as exc:
        raise XmlError(str(exc)) from exc


@dataclass
class Element:
    """One element: its name and those of its attributes in lower case, as GDAL compares them.

    Attributes:
        name: in lower case.
        attributes: by names in lower case.
        parts: of its text.
        children: in the order of the text.
    """

    name: str
    attributes: dict[str, str]
    parts: list[str] = field(default_factory=list[str])
    children: list[Element] = field(default_factory=list["Element"])

    @property
    def text(self) -> str:
        """All text directly in it."""
        return "".join(self.parts)

    def all(self, name: str) -> Iterator[Element]:
        """Iterate over the children of a name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> Element | None:
        """Return the first child of a name, None without one."""
        return next(self.all(name), None)


class _TreeBuilder:
    """Handler that makes a tree of the elements that are kept."""

    def __init__(self, kept: Collection[str]) -> None:
        self.open = [Element("", {})]
        self._kept = kept
        self._count = 0
        self._skipped = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Begin an element."""
        if self._skipped or (len(self.open) > 1 and name.lower() not in self._kept):
            self._skipped += 1
            return
        self._count += 1
        if self._count > MAX_ELEMENTS:
            message = f"it has more than {MAX_ELEMENTS} elements"
            raise XmlError(message)
        element = Element(name.lower(), {key.lower(): value for key, value in attributes.items()})
        self.open[-1].children.append(element)
        self.open.append(element)

    def end(self, name: str) -> None:
        """End an element."""
        del name
        if self._skipped:
            self._skipped -= 1
        else:
            self.open.pop()

    def characters(self, data: str) -> None:
        """Add text."""
        if not self._skipped:
            self.open[-1].parts.append(data)


def parse_tree(text: str, kept: Collection[str]) -> Element:
    """Return the root of XML, with the elements below it of the names `kept`, in lower case.

    Raises:
        XmlError: as for `read_xml`, or there are too many elements.
    """
    builder = _TreeBuilder(kept)
    read_xml(text, builder)
    return builder.open[0].children[0]
