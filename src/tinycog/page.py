"""Pages of a file: every IFD with its facts, its role, and its tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from tinycog.errors import FormatError, UnsupportedError, UsageError
from tinycog.reader.open_file import OpenFile
from tinycog.tiff.image import Image
from tinycog.tiff.page_view import PagePath
from tinycog.tiff.parse import Ifd
from tinycog.tiff.roles import Place, Role, children
from tinycog.tiff.spec import Compression, Photometric, Tag, name_of
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from tinycog.reader.tags import Tags


@short_tracebacks
@dataclass(frozen=True, repr=False)
class Page:
    """One IFD of a file: what it holds, and what it is to the others.

    Attributes:
        path: (n,) for IFD n of the chain, (n, k) for its SubIFD k: `cog.page(path)` reads it.
        role: "level", "mask", "page" (an image in its own right), "thumbnail", "label", "macro", or
            "unreadable".
        of: path of the page whose level or mask it is; its own for others.
        z: level, of the pyramid of `of`, that it is or masks; None for others.
        reason: why it has that role.
        ifd: its directory.
    """

    path: PagePath
    role: Role
    of: PagePath
    z: int | None
    reason: str
    ifd: Ifd
    _place: Place
    _file: OpenFile = field(compare=False)
    _below: tuple[Place, ...] | None

    @property
    def image(self) -> Image:
        """Facts of the IFD that decoding needs.

        Raises:
            FormatError: it holds no image that can be read.
        """
        if self._place.image is None:
            raise FormatError(self.reason)
        return self._place.image

    @property
    def offset(self) -> int:
        """Absolute position of the IFD in the file."""
        return self.ifd.offset

    @property
    def width(self) -> int:
        """Number of columns of pixels."""
        return self.image.grid.width

    @property
    def height(self) -> int:
        """Number of rows of pixels."""
        return self.image.grid.height

    @property
    def count(self) -> int:
        """Number of bands."""
        return self.image.samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(bands, rows, cols)."""
        return self.image.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Numpy dtype of the pixels.

        Raises:
            UnsupportedError: no numpy type can hold the samples.
        """
        return self.image.dtype

    @property
    def nodata(self) -> int | float | None:
        """The "no data" value of the page, None if there is none."""
        return self.image.nodata

    @property
    def photometric(self) -> str:
        """Name and code of PhotometricInterpretation."""
        return name_of(Photometric, self.image.photometric)

    @property
    def compression(self) -> str:
        """Name and code of the compression, as in spec/compressions.csv."""
        return name_of(Compression, self.image.compression)

    @property
    def is_tiled(self) -> bool:
        """Whether pixels are stored in tiles, not in strips."""
        return not self.image.grid.strips

    @property
    def tile_shape(self) -> tuple[int, int]:
        """(rows, cols) of a stored tile; a strip is as wide as the image."""
        return (self.image.grid.tile_height, self.image.grid.tile_width)

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, cols) of tiles."""
        return (self.image.grid.down, self.image.grid.across)

    @property
    def subfile_type(self) -> int:
        """NewSubfileType: 1 reduced, 2 page of several, 4 mask, and sums of these."""
        return self.image.subfile_type

    @property
    def tags(self) -> Tags:
        """Tags by name or number; each is awaited for its value."""
        from tinycog.reader.tags import Tags  # noqa: PLC0415 - tags are looked at rarely

        return Tags(self.ifd, self._file)

    @property
    def description(self) -> str | None:
        """ImageDescription; None without it.

        Raises:
            UsageError: its bytes have not come with the header: `await page.tags[270]`.
        """
        entry = self.tags.get(Tag.ImageDescription)
        if entry is None:
            return None
        return str(entry.value)

    @property
    def pages(self) -> Pages:
        """SubIFDs of the page.

        Raises:
            UsageError: they have not been read: `await cog.page(path)` reads them.
        """
        below = self._below
        if below is None and Tag.SubIFDs not in self.ifd.entries:
            below = ()
        if below is None:
            below = self._file.cached_children(self._place)
        if below is None:
            message = f"the SubIFDs of page {self.path} have not been read: `await cog.page(...)`"
            raise UsageError(message)
        return make_pages(below, self._file, self.path)

    def __repr__(self) -> str:
        """Return place, role and facts in one line."""
        path = ", ".join(map(str, self.path))
        what = self.role if self.z is None else f"{self.role} {self.z} of page {self.of[0]}"
        if self._place.image is None:
            return f"<Page {path}: {what}, {self.reason}>"
        try:
            dtype = str(self.dtype)
        except UnsupportedError:
            dtype = "unsupported samples"
        kind = "tiles" if self.is_tiled else "strips"
        return (
            f"<Page {path}: {what}, {self.shape} {dtype}, {kind} of {self.tile_shape},"
            f" {self.compression}, {self.photometric}>"
        )


@short_tracebacks
@dataclass(frozen=True, repr=False)
class Pages(Sequence[Page]):
    """The IFDs of a chain, or the SubIFDs of a page, in the order of the file.

    Attributes:
        complete: whether these are all; False where the chain is cut, which a finding explains.
    """

    complete: bool
    _places: tuple[Place, ...]
    _all: tuple[Place, ...]
    _file: OpenFile = field(compare=False)

    def __len__(self) -> int:
        """Return the number of pages."""
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Page: ...

    @overload
    def __getitem__(self, at: slice) -> list[Page]: ...

    def __getitem__(self, at: int | slice) -> Page | list[Page]:
        """Return a page by its number, counted from 0, or a list of those of a slice."""
        if isinstance(at, slice):
            return [self._page(place) for place in self._places[at]]
        return self._page(self._places[at])

    def __iter__(self) -> Iterator[Page]:
        """Iterate over the pages."""
        return map(self._page, self._places)

    def _page(self, place: Place) -> Page:
        below = children(self._all, place.path) if place.path == (0,) else ()
        return Page(
            path=place.path,
            role=place.role,
            of=place.of,
            z=place.z,
            reason=place.reason,
            ifd=place.ifd,
            _place=place,
            _file=self._file,
            _below=below or None,
        )

    def __repr__(self) -> str:
        """Return a line for each page."""
        shown = [repr(page) for page in self[:SHOWN]]
        if len(self) > SHOWN:
            shown.append(f"... {len(self) - SHOWN} more")
        return "\n".join([f"<{len(self)} pages", *(f"  {line}" for line in shown)]) + ">"


SHOWN = 30
"""Pages that a representation shows."""


def make_pages(
    places: tuple[Place, ...], file: OpenFile, parent: PagePath = (), *, complete: bool = True
) -> Pages:
    """Make the sequence of the pages one below a path, of the places there and further below."""
    return Pages(complete, children(places, parent), places, file)
