"""What one file is by references: right, refused with the reason, or wrong.

Chunks are read as others read them, by zarr through fsspec's reference file system, and held
against `Cog.read(masked=False)`.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from fsspec.implementations.reference import ReferenceFileSystem
from zarr.storage import FsspecStore

import tinycog
from tinycog.adapters import numcodecs as _numcodecs  # noqa: F401 - not installed: no entry points
from tinycog.adapters import zarr_codec as _zarr  # noqa: F401 - likewise

MOST_BYTES = 32 << 20
"""A level larger than this is read by windows."""

WINDOWS = 6


Window = tuple[int, int, int, int]


class Way(NamedTuple):
    """Codecs and format of references."""

    codecs: tinycog.ReferenceCodecs
    zarr_format: int

    def __str__(self) -> str:
        return f"{self.codecs} v{self.zarr_format}"


WAYS = tuple(Way(codecs, n) for codecs in ("numcodecs", "tinycog") for n in (2, 3))


class Outcome(NamedTuple):
    """What a file is by one way: "right", "refused", "unreadable" (by `Cog`, too) or "wrong"."""

    kind: str
    reason: str = ""


def open_group(refs: dict[str, Any]) -> zarr.Group:
    """Open references as zarr's users do."""
    fs = ReferenceFileSystem(refs, asynchronous=True, remote_protocol="file")
    return zarr.open_group(FsspecStore(fs, read_only=True), mode="r")


def bands_last(refs: dict[str, Any], z: int) -> bool:
    """Whether the array is (rows, cols, bands)."""
    attributes = refs["refs"].get(f"{z}/.zattrs")
    return attributes is not None and json.loads(attributes)["_ARRAY_DIMENSIONS"][-1] == "band"


def windows(level: tinycog.Level) -> Iterator[Window]:
    """Yield the whole level, or windows on its diagonal if it is large."""
    if np.prod(level.shape, dtype=object) * level.dtype.itemsize <= MOST_BYTES:
        yield 0, 0, level.width, level.height
        return
    rows, cols = min(level.tile_shape[0], 600), min(level.tile_shape[1], 600)
    for n in range(WINDOWS):
        width, height = min(cols, level.width), min(rows, level.height)
        left = (level.width - width) * n // (WINDOWS - 1)
        yield left, (level.height - height) * n // (WINDOWS - 1), width, height


def read_array(array: zarr.Array, window: Window, *, last: bool) -> np.ndarray:
    """Read a window as (bands, rows, cols)."""
    left, top, width, height = window
    rows, cols = slice(top, top + height), slice(left, left + width)
    if last:
        return np.asarray(array[rows, cols]).transpose(2, 0, 1)
    return np.asarray(array[:, rows, cols])


async def judge_way(cog: tinycog.Cog, way: Way) -> Outcome:
    """Make references, read through them and compare."""
    try:
        refs: Any = await cog.references(codecs=way.codecs, zarr_format=way.zarr_format)
    except tinycog.UnsupportedError as error:
        is_ours = error.feature.startswith("cog.references.")
        return Outcome("refused" if is_ours else "unreadable", str(error))
    except tinycog.TinycogError as error:
        return Outcome("unreadable", str(error))
    group = open_group(refs)
    for level in cog.levels:
        array: Any = group[str(level.z)]
        read = partial(read_array, array, last=bands_last(refs, level.z))
        for window in windows(level):
            outcome = await compare(cog, level.z, window, read)
            if outcome.kind != "right":
                return outcome
    return Outcome("right")


async def compare(
    cog: tinycog.Cog, z: int, window: Window, read: Callable[[Window], np.ndarray]
) -> Outcome:
    """Compare a window of a level."""
    expected: np.ndarray | tinycog.TinycogError
    try:
        expected = (await cog.read(level=z, window=window, masked=False)).data
    except tinycog.TinycogError as error:
        expected = error
    try:
        found = await asyncio.to_thread(read, window)
    except Exception as error:  # noqa: BLE001 - a codec may raise anything
        kind = "unreadable" if isinstance(expected, Exception) else "loud"
        return Outcome(kind, f"level {z}: {error!r}"[:500])
    if isinstance(expected, Exception):
        return Outcome("wrong", f"level {z}: pixels where there are none: {expected}")
    if found.dtype.newbyteorder("=") != expected.dtype or not same(found, expected):
        return Outcome("wrong", f"level {z}: other pixels at {window}")
    return Outcome("right")


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether pixels are the same, bit by bit."""
    one = np.ascontiguousarray(found, expected.dtype)
    return one.shape == expected.shape and one.tobytes() == np.ascontiguousarray(expected).tobytes()


async def judge_file(path: Path, ways: tuple[Way, ...] = WAYS) -> dict[Way, Outcome]:
    """Judge a file by each way."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numcodecs codecs are not in the Zarr version 3")
        warnings.filterwarnings("ignore", "The data type .* does not have a Zarr")
        try:
            cog = await tinycog.open(path)
        except tinycog.TinycogError as error:
            return dict.fromkeys(ways, Outcome("unreadable", str(error)))
        async with cog:
            return {way: await judge_way(cog, way) for way in ways}
