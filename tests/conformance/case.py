"""One file of the matrix, as data: who writes it, and with which features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

from conformance.samples import Sample, sample_of

STRIP_WIDTH = 37
"""Columns that stand for a block's width where strips have none of their own."""

EDGES = {
    "1x1": lambda w, h: (1, 1),  # noqa: ARG005
    "one row": lambda w, h: (2 * w + 3, 1),  # noqa: ARG005
    "one column": lambda w, h: (1, h + 11),  # noqa: ARG005
    "smaller than a block": lambda w, h: (max(w - 5, 1), max(h - 3, 1)),
    "exact multiple": lambda w, h: (2 * w, 2 * h),
    "one more than a multiple": lambda w, h: (2 * w + 1, 2 * h + 1),
    "ragged": lambda w, h: (2 * w + 3, h + 11),
    "large": lambda w, h: (190, 150),  # noqa: ARG005 - for the COG driver's large tiles
}
"""Columns and rows of an image, from those of a tile or strip."""


@dataclass(frozen=True)
class Case:
    """One file; `words` are further features, `detail` what is special within the codec."""

    writer: str
    codec: str = "none"
    sample: str = "uint8"
    bands: int = 1
    predictor: int = 1
    planar: bool = False
    order: str = "II"
    big: bool = False
    layout: str = "tile16"
    edge: str = "ragged"
    photometric: str = "minisblack"
    alpha: str = ""
    words: tuple[str, ...] = ()
    detail: str = ""
    lossy: bool = False

    @cached_property
    def name(self) -> str:
        """All that differs from the defaults: unique, and the seed of the pixels."""
        parts = [self.writer, self.codec, self.sample]
        for field in fields(self)[3:]:
            value = getattr(self, field.name)
            if value != field.default:
                parts.append(_part(field.name, value))
        return " ".join(parts)

    @property
    def kind(self) -> Sample:
        """What a sample is."""
        return sample_of(self.sample)

    @property
    def tiled(self) -> bool:
        """Whether it has tiles, not strips."""
        return self.layout.startswith("tile")

    @property
    def block(self) -> tuple[int, int]:
        """Columns and rows of a tile; of a strip, the columns are only a measure."""
        if not self.tiled:
            return STRIP_WIDTH, int(self.layout.removeprefix("strip")) or 24
        sides = self.layout.removeprefix("tile").split("x")
        return int(sides[0]), int(sides[-1])

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the image."""
        return EDGES[self.edge](*self.block)

    @property
    def strip_rows(self) -> int:
        """RowsPerStrip; `strip0` is one strip."""
        return int(self.layout.removeprefix("strip")) or self.size[1]

    def has(self, word: str) -> bool:
        """Say whether `word` is among the further features."""
        return word in self.words

    def features(self) -> Iterator[tuple[str, str]]:
        """Axis and value of each feature, as the table shows them."""
        yield "codec", self.codec
        if self.detail:
            special = "made by hand" if self.writer == "hand" else "codec, in detail"
            what = self.detail if self.writer == "hand" else f"{self.codec}: {self.detail}"
            yield special, what
        yield "writer", self.writer
        yield "predictor", str(self.predictor)
        yield "sample", self.kind.kind
        yield "bits", str(self.kind.bits)
        yield "bands", str(self.bands)
        yield "planar configuration", "separate" if self.planar else "chunky"
        yield "byte order", self.order
        yield "variant", "BigTIFF" if self.big else "classic"
        yield "layout", _layout(self.layout)
        yield "size", self.edge
        yield "photometric", self.photometric
        yield "alpha", self.alpha or "none"
        for word in self.words:
            yield "further", word


def _part(name: str, value: object) -> str:
    if isinstance(value, bool):
        return name
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{name}={value}" if isinstance(value, int) else str(value).replace(" ", "-")


def _layout(layout: str) -> str:
    if layout.startswith("tile"):
        return f"tiles of {layout.removeprefix('tile')}"
    rows = layout.removeprefix("strip")
    return "one strip" if rows == "0" else f"strips of {rows} rows"
