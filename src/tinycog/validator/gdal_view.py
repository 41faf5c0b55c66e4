"""What GDAL sees of a file: whether it opens it at all, and what it takes for levels."""

from __future__ import annotations

from collections.abc import Iterator

from tinycog.tiff.image import Image
from tinycog.tiff.roles import MAX_OVERVIEWS
from tinycog.tiff.spec import MASK, REDUCED, Compression, Photometric, name_of
from tinycog.validator.facts import JudgedFile
from tinycog.validator.rule import Observation

DECODERS = frozenset(
    {
        *(Compression.NONE, Compression.LZW, Compression.PACKBITS),
        *(Compression.CCITT_RLE, Compression.CCITT_T4, Compression.CCITT_T6),
        *(Compression.CCITT_RLE_WORD, Compression.THUNDERSCAN, Compression.NEXT),
        *(Compression.OLD_JPEG, Compression.JPEG, Compression.JBIG, Compression.PIXAR_LOG),
        *(Compression.DEFLATE, Compression.OLD_DEFLATE, Compression.SGI_LOG, Compression.SGI_LOG24),
        *(Compression.LERC, Compression.LZMA, Compression.ZSTD, Compression.WEBP),
    }
)
"""Compressions of TIFFs that usual builds of GDAL have."""

IF_BUILT = (Compression.JPEG_XL, Compression.JPEG_XL_DNG)
"""Compressions that GDAL has only where it is built with libjxl: many builds are not."""

MOST_BLOCKS = (1 << 31) - 1
"""Blocks of an image that GDAL can count."""

BYTE_BITS = 8


def opened(facts: JudgedFile) -> Iterator[Observation]:
    """GDAL must open the image: some that can be read otherwise it does not."""
    image, at = facts.main, facts.main.ifd.offset
    if image.compression in IF_BUILT:
        text = "GDAL opens JPEG XL only where it was built with libjxl"
        yield Observation(text, None, at, "unknown")
    elif image.compression not in DECODERS:
        text = f"GDAL has no decoder of compression {name_of(Compression, image.compression)}"
        yield Observation(text, None, at)
    if image.grid.count > MOST_BLOCKS:
        text = f"the image has {image.grid.count} blocks, and GDAL counts {MOST_BLOCKS} at most"
        yield Observation(text, None, at)
    is_packed = image.photometric == Photometric.YCBCR and image.subsampling != (1, 1)
    is_wide = max(image.bits_per_sample) > BYTE_BITS
    if is_packed and is_wide and image.compression != Compression.JPEG:
        text = "GDAL opens subsampled YCbCr of more than 8 bits only if it is JPEG"
        yield Observation(text, None, at)


def levels(facts: JudgedFile) -> tuple[Image, ...]:
    """Return the levels that GDAL sees: every reduced image of as many samples is one.

    It looks neither at the size of an image nor at the type of its samples, does not ask which
    image it is an overview of, and goes no further than an IFD that it cannot read.
    """
    main = facts.main
    reduced: list[Image] = []
    for place in facts.pyramid.places:
        image = place.image
        if image is None and len(place.path) == 1:
            break
        if image is None or image.ifd.offset == main.ifd.offset or image.samples != main.samples:
            continue
        if image.subfile_type & (REDUCED | MASK) == REDUCED:
            reduced.append(image)
    return (main, *reduced[:MAX_OVERVIEWS])


def masks(facts: JudgedFile) -> dict[int, Image]:
    """Return the mask of each level that has one, by the position of the level's IFD."""
    pyramid = facts.pyramid
    pairs = zip(pyramid.levels, pyramid.masks, strict=True)
    return {level.ifd.offset: mask for level, mask in pairs if mask is not None}
