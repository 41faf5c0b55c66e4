"""Decompressed bytes to samples: predictor, byte order, packed bits, complex numbers."""

from __future__ import annotations

import sys
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from tinycog.decode.segment import Segment
from tinycog.decode.ycbcr import ycbcr_to_rgb
from tinycog.errors import UnsupportedError
from tinycog.tiff.spec import WHOLE_WORDS, Photometric, Predictor, SampleFormat, Tag

FLOAT24 = 24
NATIVE = "<" if sys.byteorder == "little" else ">"


def unpack_samples(segment: Segment, raw: NDArray[np.uint8], *, predicted: bool) -> NDArray[Any]:
    """Return samples (rows, cols, samples) in native byte order and the image's dtype.

    `predicted` says whether the Predictor tag applies with the codec; otherwise it is ignored
    (tiff.predictor.codecs, tiff.sample.stored).
    """
    image = segment.image
    predictor = _predictor(segment, predicted=predicted)
    if image.photometric == Photometric.YCBCR:
        _check_ycbcr(segment, predictor)
        if segment.samples > 1:
            return ycbcr_to_rgb(segment, raw)
    if predictor == Predictor.FLOATING_POINT:
        return _float_predicted(segment, raw)
    if predictor not in (Predictor.NONE, Predictor.HORIZONTAL):
        raise _unsupported("predictor", predictor)
    if image.bits in WHOLE_WORDS:
        return _whole_words(segment, raw, differenced=predictor == Predictor.HORIZONTAL)
    if predictor == Predictor.HORIZONTAL:
        raise _unsupported("predictor 2 with BitsPerSample", image.bits)
    return _packed(segment, raw)


def _predictor(segment: Segment, *, predicted: bool) -> int:
    """Return the predictor to undo, none with a codec that has none (tiff.predictor.codecs)."""
    found = segment.image.predictor
    if predicted or found == Predictor.NONE:
        return found
    if found in (Predictor.HORIZONTAL, Predictor.FLOATING_POINT):
        text = f"predictor {found} is left alone with this codec, as in libtiff and GDAL"
        segment.tolerate("tiff.predictor.codecs", f"{text}; tifffile undoes it")
    return Predictor.NONE


def _check_ycbcr(segment: Segment, predictor: int) -> None:
    """Refuse YCbCr of one sample, with a predictor, or subsampled in planes apart."""
    if segment.image.samples == 1:
        raise _unsupported("YCbCr with SamplesPerPixel", 1)
    if segment.samples > 1 and predictor != Predictor.NONE:
        raise _unsupported("uncompressed YCbCr with predictor", predictor)
    factors = segment.image.options.get(Tag.YCbCrSubSampling, (1, 1))
    if segment.samples == 1 and factors != (1, 1):
        raise _unsupported("YCbCr in planes apart with YCbCrSubSampling", factors)


def _unsupported(feature: str, value: object) -> UnsupportedError:
    return UnsupportedError(f"{feature} {value} is not supported", feature=feature, value=value)


def _whole_words(segment: Segment, raw: NDArray[np.uint8], *, differenced: bool) -> NDArray[Any]:
    """Return samples of whole words (tiff.sample.order, tiff.predictor.horizontal)."""
    image = segment.image
    if differenced:
        raw = _summed(segment, raw).view(np.uint8).reshape(-1)
    order = NATIVE if differenced else image.byte_order
    size = image.bits // 8
    if image.sample_formats[0] == SampleFormat.COMPLEX_INT:
        return _complex(segment, raw.view(f"{order}i{size // 2}"))
    if image.sample_formats[0] == SampleFormat.COMPLEX_FLOAT and size == 4:  # noqa: PLR2004
        return _complex(segment, raw.view(f"{order}f2"))
    words = raw.view(image.dtype.newbyteorder(order)).reshape(segment.shape)
    return words.astype(image.dtype, copy=False)


def _summed(segment: Segment, raw: NDArray[np.uint8]) -> NDArray[Any]:
    """Undo horizontal differencing on the bit patterns, a complex sample being one word."""
    image = segment.image
    if image.bits > 64:  # noqa: PLR2004 - libtiff has no such predictor
        raise _unsupported("predictor 2 with BitsPerSample", image.bits)
    words = raw.view(f"{image.byte_order}u{image.bits // 8}").reshape(segment.shape)
    words = _writable(words.astype(words.dtype.newbyteorder("="), copy=False))
    return imagecodecs.delta_decode(words, axis=1, out=words)


def _writable(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array itself if it may be overwritten, else a copy."""
    return array if array.flags.writeable else array.copy()


def _complex(segment: Segment, parts: NDArray[Any]) -> NDArray[Any]:
    """Return complex samples whose parts have no complex numpy type (tiff.sample.complex)."""
    real = np.empty(0, segment.image.dtype).real.dtype
    return parts.astype(real).view(segment.image.dtype).reshape(segment.shape)


def _packed(segment: Segment, raw: NDArray[np.uint8]) -> NDArray[Any]:
    """Return samples of odd widths, most significant bit first (tiff.sample.packed)."""
    image = segment.image
    if image.bits == 24 and image.byte_order == ">" and image.dtype.kind != "f":  # noqa: PLR2004
        raise _unsupported("big-endian integers with BitsPerSample", image.bits)
    if image.dtype.kind == "f":
        values = imagecodecs.float24_decode(raw.tobytes(), byteorder=image.byte_order)
    else:
        runlen = segment.cols * segment.samples
        values = imagecodecs.packints_decode(raw.tobytes(), image.dtype, image.bits, runlen=runlen)
    return np.asarray(values, image.dtype).reshape(segment.shape)


def _float_predicted(segment: Segment, raw: NDArray[np.uint8]) -> NDArray[Any]:
    """Undo the floating-point predictor (tiff.predictor.float).

    Bytes are summed along the row, `samples` apart; then the row is one plane of bytes after the
    other, most significant first whatever the file's byte order.
    """
    image = segment.image
    if image.sample_formats[0] != SampleFormat.FLOAT:
        raise _unsupported("predictor 3 with SampleFormat", image.sample_formats[0])
    size = image.bits // 8
    sums = _writable(raw).reshape(segment.rows, -1, segment.samples)
    planes = imagecodecs.delta_decode(sums, axis=1, out=sums).reshape(segment.rows, size, -1)
    if image.bits == FLOAT24:
        values = np.ascontiguousarray(planes.transpose(0, 2, 1)).tobytes()
        floats = imagecodecs.float24_decode(values, byteorder=">")
        return np.asarray(floats, image.dtype).reshape(segment.shape)
    values = segment.sample_output()
    words = values.view(f"u{size}").reshape(segment.rows, -1)
    words[...] = planes[:, 0]
    for k in range(1, size):  # by whole planes: three times as fast as byte by byte
        words <<= 8
        words |= planes[:, k]
    return values
