"""What the bands of pixels stand for: what turns them into a picture (tiff.colour.rgb)."""

from __future__ import annotations

from collections.abc import Sequence

from tinycog.records import NamedTuple
from tinycog.tiff.image import Image
from tinycog.tiff.spec import ExtraSample, Photometric, Tag

BYTE_BITS = 8

CMYK_INKS = 1
"""InkSet of cyan, magenta, yellow and black."""


class Colouring(NamedTuple):
    """What the bands of pixels stand for.

    Attributes:
        photometric: PhotometricInterpretation; YCbCr means RGB that decoding has made of it.
        bits: of a sample.
        extra_samples: meaning of the bands behind the colours, as far as stated.
        ink_set: InkSet.
    """

    photometric: int
    bits: int
    extra_samples: tuple[int, ...] = ()
    ink_set: int = CMYK_INKS

    @classmethod
    def of(cls, image: Image, bands: Sequence[int]) -> Colouring | None:
        """Return that of some bands of an image; None unless they are its first ones, in order."""
        if list(bands) != list(range(len(bands))):
            return None
        if image.photometric == Photometric.YCBCR and image.grid.planes > 1:
            return None
        ink_set = image.option(Tag.InkSet, CMYK_INKS)
        return cls(image.photometric, image.bits, image.extra_samples, ink_set)

    @property
    def is_gray(self) -> bool:
        """Whether there is one colour, from black to white or from white to black."""
        return self.photometric in (
            Photometric.MIN_IS_BLACK,
            Photometric.MIN_IS_WHITE,
            Photometric.MASK,
        )

    @property
    def is_inverted(self) -> bool:
        """Whether low values are white."""
        return self.photometric == Photometric.MIN_IS_WHITE


RGBA = Colouring(Photometric.RGB, BYTE_BITS, (ExtraSample.UNASSOCIATED_ALPHA,))
"""Colours as `to_rgb` makes them."""
