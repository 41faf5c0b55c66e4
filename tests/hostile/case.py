"""One hostile file, as data, and the attacks that make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import NamedTuple

import numpy as np

from tinycog.testing import Directory, Field, Layout, Places, make_image, make_tiff
from tinycog.tiff.spec import ByteOrder, Tag


class Shape(NamedTuple):
    """Which of the four kinds of TIFF."""

    order: ByteOrder
    big: bool

    @property
    def word(self) -> str:
        """In a name."""
        return ("II" if self.order == "<" else "MM") + ("-big" if self.big else "")


SHAPES = [Shape(order, big) for big in (False, True) for order in ("<", ">")]


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        name: unique; begins with the attack's.
        attack: the class that it belongs to.
        make: gives the file, if it is not there yet.
    """

    name: str
    attack: str
    make: bytes | Callable[[], bytes]

    @property
    def data(self) -> bytes:
        """The file."""
        return self.make if isinstance(self.make, bytes) else self.make()


Made = Iterator[tuple[str, bytes | Callable[[], bytes]]]
ATTACKS: dict[str, Callable[[], Made]] = {}


def attack(make: Callable[[], Made]) -> Callable[[], Made]:
    """Register a class of attack: it gives names and files."""
    ATTACKS[make.__name__.replace("_", "-")] = make
    return make


def all_cases() -> list[Case]:
    """Every case of every attack."""
    return [
        Case(f"{name} {detail}", name, make)
        for name, attacks in ATTACKS.items()
        for detail, make in attacks()
    ]


# --- what attacks are made of ---------------------------------------------------------------------

PIXELS = (np.add.outer(np.arange(70), np.arange(90)) % 251).astype(np.uint8)[None]
"""(1, 70, 90): six tiles of 32 x 32."""


def base(shape: Shape = SHAPES[0], bands: int = 1, **options: object) -> Directory:
    """A good image, to be spoilt."""
    options = {"tile": (32, 32), "compression": 8, **options}
    pixels = np.repeat(PIXELS, bands, axis=0)
    return make_image(pixels, byte_order=shape.order, **options)  # type: ignore[arg-type]


def written(
    directories: Directory | Sequence[Directory], shape: Shape, layout: Layout | None = None
) -> bytes:
    """The file."""
    chain = [directories] if isinstance(directories, Directory) else directories
    return make_tiff(chain, byte_order=shape.order, big=shape.big, layout=layout or Layout())


def in_turn(items: Iterable[tuple[str, Callable[[Shape], bytes]]]) -> Made:
    """Write each item as the next of the four kinds."""
    for (name, make), shape in zip(items, cycle(SHAPES), strict=False):
        yield f"{name} {shape.word}", partial(make, shape)


def in_all(items: Iterable[tuple[str, Callable[[Shape], bytes]]]) -> Made:
    """Write each item as each of the four kinds."""
    for name, make in items:
        for shape in SHAPES:
            yield f"{name} {shape.word}", partial(make, shape)


def stream_image(
    data: bytes | Sequence[bytes],
    compression: int,
    *fields: Field,
    size: tuple[int, int] = (256, 256),
    tile: tuple[int, int] = (256, 256),
    bands: int = 1,
    bits: int = 8,
) -> Directory:
    """An image whose tiles hold the given streams; `size` and `tile` are (rows, cols)."""
    tiles = [data] if isinstance(data, bytes) else list(data)
    whole = [
        Field(Tag.ImageWidth, "LONG", size[1]),
        Field(Tag.ImageLength, "LONG", size[0]),
        Field(Tag.BitsPerSample, "SHORT", [bits] * bands),
        Field(Tag.Compression, "SHORT", compression),
        Field(Tag.PhotometricInterpretation, "SHORT", 2 if bands == 3 else 1),
        Field(Tag.SamplesPerPixel, "SHORT", bands),
        Field(Tag.TileWidth, "LONG", tile[1]),
        Field(Tag.TileLength, "LONG", tile[0]),
        Field(Tag.TileOffsets, "OFFSET", Places.TILES),
        Field(Tag.TileByteCounts, "LONG", [len(one) for one in tiles]),
    ]
    return Directory((), tiles).having(*whole, *fields)
