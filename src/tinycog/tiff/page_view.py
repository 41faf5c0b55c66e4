"""Which page of a file is read, and as what: known before anything of the file is."""

from __future__ import annotations

from typing import NamedTuple

PagePath = tuple[int, ...]
"""Place of an IFD: (3,) is the fourth of the chain, (3, 0) the first of its SubIFDs."""


class PageView(NamedTuple):
    """What a handle reads of a file as an image with levels.

    Attributes:
        path: the page.
        plane: which plane of a volume behind its IFD (tiff.image.depth).
        shift: bytes by which the pixels lie further on than the IFD says: another plane of a stack
            behind one IFD (tiff.pyramid.stack).
        levels: pages that are its levels after the first, though nothing in them says so.
    """

    path: PagePath = (0,)
    plane: int = 0
    shift: int = 0
    levels: tuple[PagePath, ...] = ()

    @property
    def is_plane(self) -> bool:
        """Whether it is another plane than the first behind its IFD."""
        return bool(self.plane or self.shift)


VIEW = PageView()
"""The first page, as it is."""
