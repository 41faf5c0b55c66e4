"""Pixels of a case: hard ones for lossless codecs, smooth ones for lossy; the same on every run."""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from conformance.case import Case

Pixels = NDArray[np.generic]

NODATA = 5
"""The nodata value of the cases that have one: every sample type can hold it, but 1 and 2 bits."""


def make_pixels(case: Case) -> Pixels:
    """Make the pixels of `case`, (bands, rows, cols), of the type that tinycog is to give."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    cols, rows = case.size
    shape = (case.bands, rows, cols)
    data = (
        _smooth(rng, case, shape) if case.lossy or case.has("smooth") else _hard(rng, case, shape)
    )
    if case.has("nan"):
        data[rng.random(shape) < 0.2] = np.nan
    if case.has("nan everywhere"):
        data[:, rng.random(shape[1:]) < 0.2] = np.nan
    if case.has("hard alpha"):
        data[-1] = np.where(rng.random(shape[1:]) < 0.7, 255, 0)
        data[:-1, data[-1] == 0] = 0
    if case.has("opaque"):
        data[-1] = 255
    if case.has("sparse"):
        width, height = case.block if case.tiled else (case.size[0], case.strip_rows)
        data[:, :height, :width] = fill_of(case)
    return data


def nodata_of(case: Case) -> int | None:
    """The nodata value of the file, if it has one."""
    return min(NODATA, 2**case.kind.bits - 1) if case.has("nodata") else None


def fill_of(case: Case) -> int:
    """What pixels of a tile that is not stored are."""
    return nodata_of(case) or 0


def _hard(rng: np.random.Generator, case: Case, shape: tuple[int, int, int]) -> Pixels:
    """Half a ramp, half noise that needs all bits."""
    kind = case.kind
    if kind.kind == "float":
        return _floats(rng, case, shape)
    if kind.kind == "complex":
        parts = rng.normal(0, 1000, (2, *shape))
        half = {32: "f2", 64: "f4", 128: "f8"}[kind.bits]
        parts = parts.astype(half)
        return (parts[0] + 1j * parts[1].astype(kind.dtype)).astype(kind.dtype)
    if kind.kind == "complexint":
        top = 1 << (kind.bits // 2 - 1)
        parts = rng.integers(-top, top, (2, *shape))
        return (parts[0] + 1j * parts[1]).astype(kind.dtype)
    signed = kind.kind == "int"
    low, high = (-(1 << kind.bits - 1), 1 << kind.bits - 1) if signed else (0, 1 << kind.bits)
    noise = rng.integers(low, high - 1, shape, np.int64 if signed else np.uint64, endpoint=True)
    ramp = np.indices(shape, np.int64).sum(axis=0) % min(high, 1 << 16)
    half = shape[2] // 2
    noise[..., :half] = ramp[..., :half].astype(noise.dtype)
    return noise.astype(kind.dtype)


def _floats(rng: np.random.Generator, case: Case, shape: tuple[int, int, int]) -> Pixels:
    bits = case.kind.bits
    data = rng.normal(0, 1, shape) * 10.0 ** rng.integers(-2, 4, shape)
    if not case.codec.startswith(("lerc", "jpeg")):
        special = rng.random(shape)
        for i, value in enumerate((np.inf, -np.inf, -0.0, 0.0, np.nan)):
            data[(special > i / 100) & (special < (i + 1) / 100)] = value
    if bits == 24:
        stored = imagecodecs.float24_encode(data.astype(np.float32))
        return np.asarray(imagecodecs.float24_decode(stored)).reshape(shape).astype(np.float32)
    return data.astype(case.kind.dtype)


def _smooth(rng: np.random.Generator, case: Case, shape: tuple[int, int, int]) -> Pixels:
    """Slow waves between a tenth and nine tenths of the range."""
    bands, rows, cols = shape
    y, x = np.mgrid[0:rows, 0:cols] / 30
    waves = np.zeros(shape)
    for i in range(bands):
        fx, fy, phase = rng.uniform(0.3, 1.2, 3)
        waves[i] = 0.5 + 0.4 * np.sin(fx * x + fy * y + 6 * phase)
    kind = case.kind
    if kind.dtype.kind == "f":
        return waves.astype(kind.dtype)
    top = (1 << kind.bits) - 1
    return np.rint(waves * top).astype(kind.dtype)
