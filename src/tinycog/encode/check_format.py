"""Whether a codec can encode tiles of a format, asked before the first tile."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinycog.checks import check_size
from tinycog.encode.compressor import Compressor, given_options
from tinycog.encode.compressors import COMPRESSORS
from tinycog.encode.tile_format import SAMPLE_FORMATS, TOLD_OTHERWISE, TileFormat
from tinycog.errors import UnsupportedError, UsageError
from tinycog.tiff.spec import WHOLE_WORDS, Compression, Predictor, SampleFormat, name_of

PACKED_BITS = {"bool": (1,), "uint8": range(1, 8), "uint16": range(9, 16), "uint32": range(17, 32)}
"""BitsPerSample of samples that are packed bit by bit, by dtype (tiff.sample.packed)."""

DTYPES = (
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
)

DISPUTED = 24
"""Bits of integers whose bytes GDAL reverses in MM files, and tifffile does not."""

COMPLEX_INT_BITS = {"complex64": 32, "complex128": 64}
"""BitsPerSample of complex numbers whose parts are whole, by dtype (tiff.sample.complex)."""

LONGEST_WORD = 64
"""Bits of the widest words that libtiff differences."""


def check_format(made: TileFormat) -> Compressor:
    """Return the compressor of a format (tiff.encode.codes).

    Raises:
        UsageError: an option does not belong to the codec, or its value is not allowed.
        UnsupportedError: there is no such compressor, or it cannot hold such samples.
    """
    codec = COMPRESSORS.get(made.compression)
    if codec is None:
        names = ", ".join(Compression(code).name for code in COMPRESSORS)
        found = name_of(Compression, made.compression)
        message = f"compression {found} is not written: expected one of {names}"
        raise UnsupportedError(message, feature="compression", value=made.compression)
    for size, name in ((made.rows, "rows"), (made.cols, "cols"), (made.samples, "samples")):
        check_size(size, f"{name} of a tile")
    _check_samples(made, codec)
    _check_predictor(made, codec)
    _check_options(made, codec)
    return codec


def _check_samples(made: TileFormat, codec: Compressor) -> None:
    """Check dtype, bits and byte order."""
    if made.dtype.name not in DTYPES:
        what = f"{made.dtype}: expected {', '.join(DTYPES)}"
        raise _unsupported(codec, what, "dtype", made.dtype.name)
    name, bits = made.dtype.name, made.stored_bits
    if not _has_words(made):
        what = f"{name} in {bits} bits of {made.stored_format.name}: expected {_widths(made.dtype)}"
        raise _unsupported(codec, what, "dtype", name)
    if bits == DISPUTED and made.byte_order == ">":
        what = f"{name} in {bits} bits in a big-endian file, which readers take differently"
        raise _unsupported(codec, what, "byte_order", made.byte_order)
    allowed = codec.dtypes
    if allowed is not None and (made.dtype.name not in allowed or made.is_packed):
        what = f"{made.dtype} in {made.stored_bits} bits: expected {', '.join(allowed)}"
        raise _unsupported(codec, what, "dtype", made.dtype.name)
    if codec.samples is not None and made.samples not in codec.samples:
        counts = " or ".join(map(str, codec.samples))
        what = f"{made.samples} samples together: expected {counts}, or planes apart"
        raise _unsupported(codec, what, "SamplesPerPixel", made.samples)
    if made.byte_order == ">" and not codec.both_orders:
        raise _unsupported(codec, "big-endian files, which readers take differently", "byte_order")


def _has_words(made: TileFormat) -> bool:
    """Return whether samples of the dtype are stored in words of that kind."""
    bits, name = made.stored_bits, made.dtype.name
    if made.stored_format == SampleFormat.COMPLEX_INT:
        return COMPLEX_INT_BITS.get(name) == bits
    if made.stored_format != SAMPLE_FORMATS[made.dtype.kind]:
        return False
    is_whole = bits == 8 * made.dtype.itemsize and name != "bool"
    return is_whole or bits in PACKED_BITS.get(name, ())


def _widths(dtype: np.dtype[Any]) -> str:
    """Return the bits that integers and floats of a dtype may be stored in, as a text."""
    packed, whole = PACKED_BITS.get(dtype.name, ()), 8 * dtype.itemsize
    return f"{packed[0]} to {packed[-1]}, or {whole}" if len(packed) > 1 else f"{whole}"


def _check_predictor(made: TileFormat, codec: Compressor) -> None:
    """Check that the predictor is one that libtiff would undo."""
    found = made.predictor
    if found == Predictor.NONE:
        return
    if not codec.predicted:
        raise _unsupported(codec, f"predictor {found}: expected 1", "predictor", found)
    if found == Predictor.HORIZONTAL:
        is_right = made.stored_bits in WHOLE_WORDS and made.stored_bits <= LONGEST_WORD
    else:
        is_right = found == Predictor.FLOATING_POINT and made.dtype.kind == "f"
    if not is_right:
        what = f"predictor {found} with {made.dtype} in {made.stored_bits} bits"
        raise _unsupported(codec, what, "predictor", found)


def _check_options(made: TileFormat, codec: Compressor) -> None:
    """Check that each option belongs to the codec, and that options agree.

    Raises:
        UsageError: one does not.
    """
    given = given_options(made.options)
    for name, value in given.items():
        allowed = codec.options.get(name)
        if allowed is None:
            options = ", ".join(n for n in codec.options if n not in TOLD_OTHERWISE) or "none"
            message = f"{name} is no option of {codec.name}: expected {options}"
            raise UsageError(message)
        if not allowed.allows(value):
            message = f"{name} of {codec.name} is {value!r}, expected {allowed}"
            raise UsageError(message)
    for name in {"quality", "distance"} & set(given):
        if made.options.lossless:
            message = f"{name} and lossless=True exclude each other: expected one of them"
            raise UsageError(message)


def _unsupported(codec: Compressor, what: str, feature: str, value: Any = None) -> UnsupportedError:  # noqa: ANN401
    return UnsupportedError(f"{codec.name} cannot hold {what}", feature=feature, value=value)
