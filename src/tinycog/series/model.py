"""Series, their planes, and the pages that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Any, TypedDict, Unpack

import numpy as np

from tinycog.checks import check_integer, check_page
from tinycog.errors import UsageError
from tinycog.tiff.image import Image
from tinycog.tiff.page_view import PagePath, PageView

KEPT = "XY"
"""Axes that stay even where they are of length 1."""


class PlaneAxes(TypedDict, total=False):
    """Places along the leading axes of a series, for `Series.plane`."""

    T: int
    Z: int
    C: int
    I: int  # noqa: E741 - the letter
    Q: int


@dataclass(frozen=True)
class Plane:
    """One plane of a series: what one page holds, or one of the planes behind an IFD.

    `cog.page(plane)` and `tinycog.open(where, page=plane)` read it as an image with levels.

    Attributes:
        index: position along the leading axes of the series.
        page: path of its page; None where it is missing or lies in another file.
        number: which of the planes behind that IFD it is, from 0.
        file: name of the file that it lies in, where that is another one.
    """

    index: tuple[int, ...]
    page: PagePath | None
    number: int = 0
    file: str | None = None
    _view: PageView | None = field(default=None, repr=False)

    @property
    def view(self) -> PageView:
        """What a handle has to read.

        Raises:
            UsageError: the plane is not in this file.
        """
        if self._view is None:
            where = "is missing" if self.file is None else f"lies in the file {self.file!r}"
            message = f"plane {self.index} {where}"
            raise UsageError(message)
        return self._view


@dataclass(frozen=True)
class Series:
    """An image of several dimensions, by tifffile's names.

    Attributes:
        name: as the file names it, or "Baseline", "Thumbnail", "Label", "Macro"; may be empty.
        kind: "ome", "imagej", "stk", "shaped", "svs", "ndpi" or "generic".
        shape: length of each axis.
        axes: a letter for each: X, Y, S (samples), Z, C, T, I (pages of no known meaning), Q
            (unknown).
        dtype: of the samples.
        levels: shape of each level of the pyramid, the first that of the series.
        planes: the planes, the last of the leading axes varying fastest.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    axes: str
    dtype: np.dtype[Any]
    levels: tuple[tuple[int, ...], ...]
    planes: tuple[Plane, ...]

    @property
    def leading_axes(self) -> str:
        """The axes that planes are counted by: those before the ones of a page."""
        return self.axes[: len(self.planes[0].index)] if self.planes else ""

    def plane(self, **axes: Unpack[PlaneAxes]) -> Plane:
        """Return the plane at a place: `series.plane(T=0, Z=3)`; axes not named are at 0.

        Raises:
            UsageError: there is no such axis, or no such place on it.
        """
        leading = self.leading_axes
        lengths = dict(zip(leading, self.shape, strict=False))
        places = {axis: check_integer(at, axis) for axis, at in axes.items()}
        for axis, at in places.items():
            if axis not in lengths:
                message = f"planes have the axes {leading!r}, not {axis!r}"
                raise UsageError(message)
            if not 0 <= at < lengths[axis]:
                message = f"axis {axis} has the places 0 to {lengths[axis] - 1}, not {at}"
                raise UsageError(message)
        index = tuple(places.get(axis, 0) for axis in leading)
        at = int(np.ravel_multi_index(index, self.shape[: len(index)])) if index else 0
        return self.planes[at]


@dataclass(frozen=True)
class PageFrame:
    """What a parser knows of a page.

    Attributes:
        path: of the page.
        image: its facts.
        levels: the images of its pyramid after the first, in its SubIFDs or behind it.
    """

    path: PagePath
    image: Image
    levels: tuple[Image, ...] = ()

    @property
    def axes(self) -> str:
        """Letters of the axes of its pixels, as stored."""
        if self.image.samples == 1:
            return "YX"
        return "SYX" if self.image.grid.planes > 1 else "YXS"

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each of these."""
        return shape_of(self.image)

    @property
    def byte_count(self) -> int:
        """Bytes of its pixels, uncompressed."""
        grid = self.image.grid
        return self.image.unpacked_length(grid.height) * grid.planes


def shape_of(image: Image) -> tuple[int, ...]:
    """Return the shape of an image as stored."""
    samples, height, width = image.shape
    if samples == 1:
        return (height, width)
    return (samples, height, width) if image.grid.planes > 1 else (height, width, samples)


@dataclass(frozen=True)
class Draft:
    """A series before its axes of length 1 are left out.

    Attributes:
        name: of the series.
        kind: of the file.
        leading: axes before those of a page, with their lengths.
        frames: the page of each plane, None where it is missing; one for all planes of a stack.
        numbers: which of the planes of that page each is, from 0.
        stride: bytes between the planes of a stack behind one IFD; 0 in a volume.
        files: names of other files, by plane.
        levels: pages that are levels of each plane, though nothing marks them.
        keep: whether axes of length 1 are kept; they are where the file names all axes.
    """

    name: str
    kind: str
    leading: tuple[tuple[str, int], ...]
    frames: Sequence[PageFrame | None]
    numbers: Sequence[int] = ()
    stride: int = 0
    files: Sequence[str | None] = ()
    levels: Sequence[Sequence[PageFrame]] = ()
    trailing: tuple[tuple[str, int], ...] | None = None
    keep: bool = False

    def finished(self) -> Series:
        """Return the series; axes of length 1, other than X and Y, are left out."""
        frame = next(frame for frame in self.frames if frame is not None)
        trailing = self.trailing or tuple(zip(frame.axes, frame.shape, strict=True))
        leading = [one for one in self.leading if self._kept(*one)]
        axes = [*leading, *(one for one in trailing if self._kept(*one))]
        listed = [level.image for level in self.levels[0]] if self.levels else frame.levels
        levels = [[length for _, length in axes]]
        for image in listed:
            sides = dict(zip("YX", (image.grid.height, image.grid.width), strict=True))
            levels.append([sides.get(axis, length) for axis, length in axes])
        places = product(*(range(length) for _, length in leading))
        return Series(
            name=self.name,
            kind=self.kind,
            shape=tuple(levels[0]),
            axes="".join(axis for axis, _ in axes),
            dtype=frame.image.dtype,
            levels=tuple(tuple(level) for level in levels),
            planes=tuple(self._plane(i, place) for i, place in enumerate(places)),
        )

    def replaced(self, name: str, frames: Sequence[PageFrame | None]) -> Draft:
        """Return the same with another name and other frames."""
        return replace(self, name=name, frames=frames)

    def _kept(self, axis: str, length: int) -> bool:
        return self.keep or length != 1 or axis in KEPT

    def _plane(self, i: int, index: tuple[int, ...]) -> Plane:
        number = self.numbers[i] if self.numbers else 0
        frame = self.frames[i] if i < len(self.frames) else None
        file = self.files[i] if self.files else None
        if frame is None:
            return Plane(index, None, file=file)
        levels = tuple(level.path for level in self.levels[i]) if self.levels else ()
        shift = number * self.stride
        view = PageView(frame.path, 0 if self.stride else number, shift, levels)
        return Plane(index, frame.path, number, None, view)


def count_of(leading: Iterable[tuple[str, int]]) -> int:
    """Return the number of planes of leading axes."""
    return prod(length for _, length in leading)


def as_view(page: int | Sequence[int] | Plane) -> PageView:
    """Return what a handle on a page, or on a plane of a series, has to read.

    Raises:
        UsageError: it is none of these, or the plane lies in another file.
    """
    return page.view if isinstance(page, Plane) else PageView(check_page(page))
