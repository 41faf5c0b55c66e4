"""What says which pixels of a raster are valid: known masks, the pixels themselves, or nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from tinycog.errors import UsageError
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.mask import Mask, MaskFacts, band_masks, pixel_mask


class Validity(ABC):
    """Which pixels of an array (bands, rows, cols) are valid."""

    @property
    def why_unknown(self) -> str | None:
        """Why it is not known; None where it is, or is found out when asked for."""
        return None

    @abstractmethod
    def mask(self, data: Pixels) -> Mask:
        """Return (rows, cols), True where a pixel is valid in any band.

        Raises:
            UsageError: it is not known, and why.
        """

    @abstractmethod
    def band_masks(self, data: Pixels) -> Mask:
        """Return (bands, rows, cols), True where a sample is valid.

        Raises:
            UsageError: it is not known, and why.
        """

    def copy(self) -> Validity:
        """Return one that shares no memory that may be written."""
        return self


class AllValid(Validity):
    """All pixels are valid."""

    def mask(self, data: Pixels) -> Mask:
        """Return True for each pixel, without memory of its own."""
        return np.broadcast_to(np.True_, data.shape[1:])

    def band_masks(self, data: Pixels) -> Mask:
        """Return True for each sample, without memory of its own."""
        return np.broadcast_to(np.True_, data.shape)


ALL_VALID = AllValid()


class UnknownValidity(Validity):
    """Nothing says which pixels are valid.

    Attributes:
        message: why, and what to do.
    """

    def __init__(self, message: str) -> None:
        """Keep the message."""
        self.message = message

    @property
    def why_unknown(self) -> str:
        """Why it is not known."""
        return self.message

    def mask(self, data: Pixels) -> Mask:
        """Raise a `UsageError`."""
        del data
        raise UsageError(self.message)

    def band_masks(self, data: Pixels) -> Mask:
        """Raise a `UsageError`."""
        return self.mask(data)


class KnownValidity(Validity):
    """Masks that came with the pixels.

    Attributes:
        pixels: (rows, cols), True where a pixel is valid.
        bands: (bands, rows, cols); None where all bands are valid where the pixel is.
    """

    def __init__(self, pixels: Mask, bands: Mask | None = None) -> None:
        """Keep the masks."""
        self.pixels, self.bands = pixels, bands

    @classmethod
    def of_bands(cls, masks: Mask) -> KnownValidity:
        """Make it of the masks of bands: a pixel is valid in any of them."""
        if len(masks) == 1 or not masks.strides[0]:
            return cls(masks[0])
        pixels = masks.any(axis=0)
        return cls(pixels, None if (masks == pixels).all() else masks)

    def mask(self, data: Pixels) -> Mask:
        """Return the mask of the pixels."""
        del data
        return self.pixels

    def band_masks(self, data: Pixels) -> Mask:
        """Return the masks of the bands."""
        return np.broadcast_to(self.pixels, data.shape) if self.bands is None else self.bands

    def copy(self) -> KnownValidity:
        """Return copies of the masks."""
        return KnownValidity(self.pixels.copy(), None if self.bands is None else self.bands.copy())


class ValidityOfPixels(Validity):
    """Nodata or alpha, looked for in the pixels when they are asked for.

    Attributes:
        facts: returns what the file says; raises a `UsageError` if that has not been read.
        bands: which bands of the file the data are, counted from 0.
        extra: further bands, (bands, rows, cols), which say which pixels of the data are valid.
        extra_bands: which bands of the file those are.
    """

    def __init__(
        self,
        facts: Callable[[], MaskFacts],
        bands: Sequence[int],
        extra: Pixels | None = None,
        extra_bands: Sequence[int] = (),
    ) -> None:
        """Keep the arguments; nothing is looked for."""
        self.facts, self.bands = facts, bands
        self.extra, self.extra_bands = extra, extra_bands

    def with_extra(self, extra: Pixels) -> ValidityOfPixels:
        """Return it with other pixels of the further bands."""
        return ValidityOfPixels(self.facts, self.bands, extra, self.extra_bands)

    def _all(self, data: Pixels) -> tuple[MaskFacts, Pixels, list[int]]:
        facts = self.facts()
        bands = [*self.bands, *self.extra_bands]
        if not set(facts.needed) <= set(bands):
            message = "bands that were not read say which pixels are valid: read with masked=True"
            raise UsageError(message)
        return facts, data if self.extra is None else np.concatenate([data, self.extra]), bands

    def mask(self, data: Pixels) -> Mask:
        """Return which pixels of `data` are valid."""
        facts, samples, bands = self._all(data)
        return pixel_mask(facts, samples, bands, len(data))

    def band_masks(self, data: Pixels) -> Mask:
        """Return which samples of `data` are valid."""
        facts, samples, bands = self._all(data)
        return band_masks(facts, samples, bands, len(data))

    @property
    def is_by_nodata(self) -> bool:
        """Whether samples are held against nodata, each band by itself: a pixel is valid in any."""
        facts = self.facts()
        return facts.nodata is not None and not facts.needed


class ValidityInside(Validity):
    """That of an array of which only a part lies inside the image, and is not filled in.

    Attributes:
        whole: says which pixels are valid in it.
        invalid: (bands, rows, cols) or (rows, cols), True where a pixel is invalid whatever
            `whole` says: outside of the image, or in a stored tile that could not be decoded.
    """

    def __init__(self, whole: Validity, invalid: Mask) -> None:
        """Keep both."""
        self.whole, self.invalid = whole, invalid

    @property
    def why_unknown(self) -> str | None:
        """Why it is not known."""
        return self.whole.why_unknown

    def mask(self, data: Pixels) -> Mask:
        """Return which pixels are valid: in any band that is not invalid here."""
        return self.whole.mask(data) & np.logical_or.reduce(self.band_masks(data))

    def band_masks(self, data: Pixels) -> Mask:
        """Return which samples are valid."""
        return self.whole.band_masks(data) & ~self.invalid

    def copy(self) -> ValidityInside:
        """Return copies of the masks."""
        return ValidityInside(self.whole.copy(), self.invalid.copy())


def settled(validity: Validity, data: Pixels) -> KnownValidity:
    """Return the masks of `data` worked out, whatever happens to its pixels later.

    Raises:
        UsageError: they are not known, and why.
    """
    if isinstance(validity, KnownValidity):
        return validity
    bands = validity.band_masks(data)
    is_mask_of_pixels = bands.strides[0] == 0
    if isinstance(validity, ValidityOfPixels) and validity.is_by_nodata:
        pixels = bands[0] if len(bands) == 1 else np.logical_or.reduce(bands, axis=0)
        is_mask_of_pixels = len(bands) == 1
    else:
        pixels = validity.mask(data)
    return KnownValidity(pixels, None if is_mask_of_pixels else bands)
