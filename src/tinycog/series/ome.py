"""OME-XML: the images of an OME-TIFF, and which IFD holds which plane. Safe for hostile XML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from xml.parsers import expat

import numpy as np

from tinycog.series.model import Draft, PageFrame

MAX_DEPTH = 64
MAX_PLANES = 1 << 20
LEADING = "TZC"


@dataclass
class _TiffData:
    """Where some planes lie: from an IFD on, in this file or in another."""

    attributes: dict[str, str]
    uuid: str = ""
    file: str = ""


@dataclass
class _OmeImage:
    """An Image element."""

    name: str = ""
    pixels: dict[str, str] = field(default_factory=dict[str, str])
    samples: list[str] = field(default_factory=list[str])
    data: list[_TiffData] = field(default_factory=list[_TiffData])


class _RefusedXmlError(Exception):
    """The XML holds something that is never accepted."""


@dataclass
class _OmeReader:
    """Handlers for expat that build no tree."""

    images: list[_OmeImage] = field(default_factory=list[_OmeImage])
    uuid: str = ""
    depth: int = 0
    text: list[str] | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _RefusedXmlError
        name = name.rpartition(":")[2]
        if self.depth == 1:
            self.uuid = attributes.get("UUID", "")
        elif name == "Image":
            self.images.append(_OmeImage(attributes.get("Name", "")))
        elif self.images:
            self._start_below(self.images[-1], name, attributes)

    def _start_below(self, image: _OmeImage, name: str, attributes: dict[str, str]) -> None:
        if name == "Pixels":
            image.pixels = attributes
        elif name == "Channel":
            image.samples.append(attributes.get("SamplesPerPixel", "1"))
        elif name == "TiffData":
            image.data.append(_TiffData(attributes))
        elif name == "UUID" and image.data:
            image.data[-1].file = attributes.get("FileName", "")
            self.text = []

    def end(self, name: str) -> None:
        """Handle the end of an element."""
        self.depth -= 1
        if name.rpartition(":")[2] == "UUID" and self.text is not None:
            self.images[-1].data[-1].uuid = "".join(self.text).strip()
            self.text = None

    def characters(self, data: str) -> None:
        """Collect the text of a UUID."""
        if self.text is not None:
            self.text.append(data)

    def doctype(self, *_: object) -> None:
        """Refuse a doctype: only there can entities be defined."""
        raise _RefusedXmlError


def is_ome(description: str) -> bool:
    """Return whether a description is OME-XML."""
    return description[-10:].strip().endswith("OME>")


def ome(description: str, frames: Sequence[PageFrame], file: str) -> list[Draft]:
    """Return the series of an OME-TIFF; none if the XML cannot be read.

    Images whose pixels are not stored as their pages say are left out, as by tifffile.

    Args:
        description: OME-XML.
        frames: the pages.
        file: name of this file, as other files and its own XML call it.
    """
    reader = _OmeReader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(description.encode("utf-8", "replace"), True)  # noqa: FBT003 - the last part
        drafts = [_draft(image, frames, {reader.uuid}, file) for image in reader.images]
    except (expat.ExpatError, _RefusedXmlError, ValueError, KeyError):
        return []
    return [draft for draft in drafts if draft is not None]


def _draft(image: _OmeImage, frames: Sequence[PageFrame], own: set[str], file: str) -> Draft | None:
    pixels = image.pixels
    order = pixels["DimensionOrder"][::-1]
    lengths = {axis: int(pixels[f"Size{axis}"]) for axis in order}
    if sorted(order) != sorted("XYZCT") or order[3:] != "YX" or min(lengths.values()) < 1:
        return None
    samples = int(image.samples[0]) if image.samples else 1
    if samples > 1:
        lengths["C"] = max(lengths["C"] // samples, 1)
    leading = tuple((axis, lengths[axis]) for axis in order[:3])
    count = prod(length for _, length in leading)
    if count > MAX_PLANES:
        return None
    planes, files = _planes(image.data, leading, frames, own, file)
    first = next((frame for frame in planes if frame is not None), None)
    if first is None:
        return None
    found = first.image
    if found.size != (lengths["X"], lengths["Y"]) or found.samples != samples:
        return None
    name = image.name or ("Baseline" if first.levels else "")
    return Draft(name, "ome", leading, planes[:count], files=files[:count])


def _planes(
    data: Sequence[_TiffData],
    leading: tuple[tuple[str, int], ...],
    frames: Sequence[PageFrame],
    own: set[str],
    file: str,
) -> tuple[list[PageFrame | None], list[str | None]]:
    """Return the page, or the other file, of each plane."""
    shape = [length for _, length in leading]
    count = prod(shape)
    planes: list[PageFrame | None] = [None] * count
    files: list[str | None] = [None] * count
    for one in data:
        facts = one.attributes
        ifd = int(facts.get("IFD", 0))
        number = int(facts.get("NumPlanes", 1 if "IFD" in facts else 0))
        number = int(facts.get("PlaneCount", number)) or len(frames)
        index = [int(facts.get(f"First{axis}", 0)) for axis, _ in leading]
        if any(not 0 <= at < length for at, length in zip(index, shape, strict=True)):
            continue
        start = int(np.ravel_multi_index(index, shape))
        is_here = not one.uuid or one.uuid in own or one.file in ("", file)
        for i in range(min(number, count - start)):
            if not is_here:
                files[start + i] = one.file
            elif 0 <= ifd + i < len(frames):
                planes[start + i] = frames[ifd + i]
    return planes, files
