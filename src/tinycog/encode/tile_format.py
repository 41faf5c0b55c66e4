"""What all stored tiles of one IFD have in common, and what a codec may be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tinycog.tiff.spec import ByteOrder, Compression, Predictor, SampleFormat, Tag

TagValue = tuple[Tag, str, tuple[int, ...] | tuple[tuple[int, int], ...] | bytes]
"""A tag, the name of its field type, and its values."""

SAMPLE_FORMATS = {
    "b": SampleFormat.UINT,
    "u": SampleFormat.UINT,
    "i": SampleFormat.INT,
    "f": SampleFormat.FLOAT,
    "c": SampleFormat.COMPLEX_FLOAT,
}
"""By numpy's kinds of dtypes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecOptions:
    """What a codec may be told; None = its default. GDAL's words, where it has one.

    Attributes:
        level: effort of a codec that takes bytes: Deflate 1 to 12 (libdeflate's levels), or 0 to 3
            of ISA-L; ZSTD 1 to 22; LZMA 0 to 9.
        library: of Deflate: "libdeflate", or "isa-l", which is faster and compresses less.
        quality: JPEG and WebP 1 to 100; JPEG 2000: signal-to-noise ratio in dB.
        lossless: of WebP, JPEG XL and JPEG 2000: whether all pixels come back as they are.
        distance: JPEG XL: 0.01 to 25, 1 is visually lossless.
        effort: JPEG XL: 1 to 9.
        max_z_error: LERC: the most that a sample may differ; 0 = not at all.
        wrapper: LERC: what compresses its blobs once more, with `level`.
        photometric: JPEG of three samples: "ycbcr", subsampled 2 by 2, or "rgb", which is not.
    """

    level: int | None = None
    library: Literal["libdeflate", "isa-l"] | None = None
    quality: float | None = None
    lossless: bool | None = None
    distance: float | None = None
    effort: int | None = None
    max_z_error: float | None = None
    wrapper: Literal["deflate", "zstd"] | None = None
    photometric: Literal["ycbcr", "rgb"] | None = None


TOLD_OTHERWISE = frozenset({"library", "wrapper"})
"""What no option of a caller's is called: a profile says it, or the name of the compression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileFormat:
    """What all stored tiles of one IFD have in common.

    Attributes:
        rows: of a stored tile.
        cols: of a stored tile.
        dtype: of the samples that are given, in native byte order.
        samples: of each pixel that a stored tile holds.
        planes: tiles that hold the samples of a pixel: more than one if planes are stored apart.
        compression: how tiles are compressed.
        predictor: what is done before.
        byte_order: of the file.
        bits: BitsPerSample; None = those of the dtype, 1 of bool. Fewer for packed samples.
        sample_format: SampleFormat; None = that of the dtype. COMPLEX_INT stores complex numbers
            whose parts are whole.
        is_mask: whether it says which pixels of another image are valid.
        options: what the codec is told.
    """

    rows: int
    cols: int
    dtype: np.dtype[Any]
    samples: int = 1
    planes: int = 1
    compression: Compression = Compression.NONE
    predictor: Predictor = Predictor.NONE
    byte_order: ByteOrder = "<"
    bits: int | None = None
    sample_format: SampleFormat | None = None
    is_mask: bool = False
    options: CodecOptions = field(default_factory=CodecOptions)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(rows, cols, samples)."""
        return (self.rows, self.cols, self.samples)

    @property
    def stored_bits(self) -> int:
        """BitsPerSample."""
        if self.bits is not None:
            return self.bits
        return 1 if self.dtype.kind == "b" else 8 * self.dtype.itemsize

    @property
    def stored_format(self) -> SampleFormat:
        """SampleFormat."""
        return self.sample_format or SAMPLE_FORMATS[self.dtype.kind]

    @property
    def is_packed(self) -> bool:
        """Whether samples are stored in fewer bits than they have in memory."""
        return self.stored_bits < 8 * self.dtype.itemsize


def mask_format(rows: int, cols: int, *, level: int | None = None) -> TileFormat:
    """Return the format of a mask: one bit, Deflate."""
    return TileFormat(
        rows=rows,
        cols=cols,
        dtype=np.dtype(bool),
        compression=Compression.DEFLATE,
        is_mask=True,
        options=CodecOptions(level=level),
    )
