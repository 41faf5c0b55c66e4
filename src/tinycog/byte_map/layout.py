"""The bytes of a file: which of them are header, IFDs, values, index, pixels, and which nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

SegmentKind = Literal["header", "ghost", "ifd", "values", "index", "pixels", "unused", "unknown"]
"""What bytes are. "ghost": GDAL's structural metadata; "values": of tags that do not fit into their
IFD; "index": offsets and byte counts of tiles or strips; "pixels": these; "unused": nothing points
there; "unknown": what was not read may point there."""


@dataclass(frozen=True, slots=True)
class FileSegment:
    """Bytes of a file that belong together.

    Attributes:
        start, stop: absolute byte positions, half-open.
        kind: what they are.
        of: which image they are of: "level 0", "mask of level 1", "page 3", "Exif"; several where
            their tiles alternate too often to be told one by one; empty for the header and gaps.
        tag: name of the tag whose values they are; empty for other kinds.
        blocks: stored tiles or strips in them; of a segment that is estimated, at most.
        is_estimate: whether only the first and the last of the tiles are known, or no byte counts:
            tiles of other images may lie in it, too.
    """

    start: int
    stop: int
    kind: SegmentKind
    of: str = ""
    tag: str = ""
    blocks: int = 0
    is_estimate: bool = False

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.stop - self.start

    @property
    def label(self) -> str:
        """What they are in a few words, alike for segments that are drawn alike."""
        texts = {
            "header": "header",
            "ghost": "structural metadata of GDAL",
            "ifd": f"IFD of {self.of}",
            "values": f"values of tags of {self.of}",
            "index": f"index of {self.of}",
            "pixels": f"pixels of {self.of}",
            "unused": "not used",
            "unknown": "not known",
        }
        return texts[self.kind]


@dataclass(frozen=True, slots=True)
class SegmentGroup:
    """All segments of a layout that have the same label.

    Attributes:
        label: theirs.
        first: the first of them.
        pieces: how many they are.
        length: bytes of all of them.
        blocks: stored tiles or strips of all of them.
        is_estimate: whether one of them is estimated.
    """

    label: str
    first: FileSegment
    pieces: int
    length: int
    blocks: int
    is_estimate: bool

    @property
    def text(self) -> str:
        """Label and number, for the row of a table."""
        if self.blocks:
            about = "up to " if self.is_estimate else ""
            return f"{self.label}, {about}{self.blocks:,} block{'s'[: self.blocks != 1]}"
        return f"{self.label}, {self.pieces:,} places" if self.pieces > 1 else self.label


def share_text(length: int, size: int) -> str:
    """Return a part of a file in per cent; little is not nothing."""
    share = length / max(size, 1)
    return "<0.01%" if 0 < share < LEAST_SHARE else f"{share:.2%}"


LEAST_SHARE = 0.0001


@dataclass(frozen=True, slots=True)
class FileLayout:
    """What lies where in a file, made by `Cog.layout`.

    ::

        layout = await cog.layout()
        print(layout)                                   # a picture of letters, and a table
        Path("bytes.svg").write_text(layout.to_svg())

    Attributes:
        name: of the file, without secrets.
        size: of it in bytes.
        segments: all of its bytes, in order. They only overlap where the file points to bytes
            twice, or where they are estimated.
        is_whole: whether the index of every image was read; if not, `Cog.layout(whole=True)` does.
    """

    name: str
    size: int
    segments: tuple[FileSegment, ...]
    is_whole: bool

    def groups(self) -> list[SegmentGroup]:
        """Return segments with the same label together, in the order in which they begin."""
        found: dict[str, list[FileSegment]] = {}
        for segment in self.segments:
            found.setdefault(segment.label, []).append(segment)
        return [
            SegmentGroup(
                label,
                ones[0],
                len(ones),
                sum(one.length for one in ones),
                sum(one.blocks for one in ones),
                any(one.is_estimate for one in ones),
            )
            for label, ones in found.items()
        ]

    def to_text(self, width: int = 80, *, colour: bool = False, ascii_only: bool = False) -> str:
        """Draw it for a terminal: bars to scale, and a table of what is in them.

        Args:
            width: columns of the terminal; at least 40 are used.
            colour: with escape codes of ANSI terminals.
            ascii_only: with characters of ASCII alone, as `str` of it is.
        """
        from tinycog.byte_map.terminal import draw  # noqa: PLC0415 - only here

        return draw(self, width, colour=colour, ascii_only=ascii_only)

    def to_svg(self, width: int = 960) -> str:
        """Draw it as an SVG document: bars to scale, and a table of what is in them.

        Args:
            width: of the picture in pixels; at least 480 are used.
        """
        from tinycog.byte_map.svg import draw  # noqa: PLC0415 - only here

        return draw(self, width)

    def to_json(self) -> str:
        """Return it as a JSON document."""
        segments = [{**asdict(one), "label": one.label} for one in self.segments]
        facts = {"name": self.name, "size": self.size, "is_whole": self.is_whole}
        return json.dumps({**facts, "segments": segments}, indent=2)

    def between(self, start: int, stop: int) -> Iterator[FileSegment]:
        """Yield segments that have bytes in a range."""
        for segment in self.segments:
            if segment.start < stop and segment.stop > start:
                yield segment

    def __str__(self) -> str:
        """Return the picture for a terminal of 80 columns, in ASCII."""
        return self.to_text(ascii_only=True)

    def _repr_svg_(self) -> str:
        """Return the picture for notebooks."""
        return self.to_svg()
