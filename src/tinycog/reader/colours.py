"""Colours of a raster for the eye: the step behind `rgb=True`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import UnsupportedError
from tinycog.pixels.arrays import Pixels
from tinycog.pixels.colouring import RGBA, Colouring
from tinycog.pixels.validity import KnownValidity, Validity
from tinycog.raster import Raster
from tinycog.reader.pixel_file import PixelFile
from tinycog.thread_pool import run_in_pool
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Photometric


async def to_rgb_raster(file: PixelFile, raster: Raster) -> Raster:
    """Convert samples as stored to uint8 RGB or RGBA, with the ColorMap of level 0.

    The masks are those of the samples as stored: they are worked out before those are gone.

    Cost: 1 request if the image is a palette whose ColorMap lies apart from the header.
    """
    image = await file.image(raster.level)
    is_palette = image.photometric == Photometric.PALETTE
    colormap = await file.read_colormap(0) if is_palette else None
    pixels = await run_in_pool(_to_rgb, image, raster.data, colormap)
    validity = await run_in_pool(_kept_validity, raster)
    return replace(
        raster, data=pixels, nodata=None, colormap=None, validity=validity, colouring=RGBA
    )


def _kept_validity(raster: Raster) -> Validity:
    """Return the mask of the pixels, the same for all bands, if it is known."""
    if not raster.has_known_mask:
        return raster.validity
    return KnownValidity(raster.mask)


def _to_rgb(image: Image, pixels: Pixels, colormap: NDArray[np.uint16] | None) -> Pixels:
    colouring = Colouring.of(image, range(len(pixels)))
    if colouring is None:
        colouring = RGBA._replace(extra_samples=image.extra_samples)
        pixels = _joined_planes(image, pixels)
    from tinycog.pixels.to_rgb import to_rgb  # noqa: PLC0415 - pictures only

    return np.require(to_rgb(colouring, pixels, colormap), requirements=["C", "W"])


def _joined_planes(image: Image, pixels: Pixels) -> Pixels:
    """Convert YCbCr that is stored in planes apart; each was given as it is stored."""
    from tinycog.decode.ycbcr import components_to_rgb  # noqa: PLC0415 - loads imagecodecs

    if pixels.dtype != np.uint8 or len(pixels) < 3:  # noqa: PLR2004
        message = f"{len(pixels)} planes of YCbCr of {pixels.dtype} have no colours"
        raise UnsupportedError(message, feature="rgb", value=str(pixels.dtype))
    return np.stack([*components_to_rgb(image, *pixels[:3]), *pixels[3:]])
