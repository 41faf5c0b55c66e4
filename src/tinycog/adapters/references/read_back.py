"""Chunks read through the documents as zarr reads them (cog.references.checked)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.adapters.references.levels import LevelChunks, refusal
from tinycog.adapters.references.metadata import ArrayPlan
from tinycog.errors import TinycogError
from tinycog.tile_facts import TileRange

if TYPE_CHECKING:
    from tinycog.cog import Cog

ALIKE_BYTES = 1 << 20
"""Most encoded bytes of whole strips that are read because they are as long as a short one."""


async def check_arrays(cog: Cog, arrays: Sequence[ArrayPlan], zarr_format: int, count: int) -> None:
    """Read `count` chunks of each array back, all together, and compare them with pixels read.

    Raises:
        UnsupportedError: a codec does not decode a chunk, or to other pixels.
        FormatError, SourceError: those of `Cog.read`.
    """
    places = [(array, place) for array in arrays for place in _chosen(array.chunks, count)]
    reads = [_check(cog, array, place, zarr_format) for array, place in places]
    done = await asyncio.gather(*reads, return_exceptions=True)
    for error in done:
        if error is not None:
            raise error


def _chosen(chunks: LevelChunks, count: int) -> list[TileRange]:
    """Return stored tiles, evenly spread, the last among them; others that need it; a sparse one.

    Raises:
        UnsupportedError: strips that need it are too many (cog.references.tile-codec).
    """
    alike = chunks.like_short_strips
    if sum(each.length for each in alike) > ALIKE_BYTES:
        reason = f"{len(alike)} whole strips are as long as a short one: too many to read them all"
        raise refusal(chunks, "tile-codec", reason)
    stored = chunks.stored
    picked = np.linspace(len(stored) - 1, 0, min(count, len(stored))).round().astype(int)
    chosen = [stored[int(n)] for n in picked]
    sparse = [each for each in chunks.ranges if each.is_sparse][:1]
    return list(dict.fromkeys([*chosen, *alike, *sparse]))


async def _check(cog: Cog, array: ArrayPlan, place: TileRange, zarr_format: int) -> None:
    """Read one tile back and compare it.

    Raises:
        UnsupportedError: it cannot be, or is another.
    """
    chunks = array.chunks
    _, rows, cols = chunks.chunk_shape
    left, top = place.x * cols, place.y * chunks.facts["tile_height"]
    width = min(cols, chunks.level.width - left)
    height = min(rows, chunks.level.height - top)
    data, raster = await asyncio.gather(
        cog.read_tile_bytes(chunks.z, place.x, place.y, plane=place.plane),
        cog.read(
            level=chunks.z,
            window=(left, top, width, height),
            bands=[place.plane] if chunks.facts["planes"] > 1 else None,
            masked=False,
        ),
    )
    at = f"tile x={place.x}, y={place.y}"
    if len(data or b"") != place.length:  # as of old JPEG, whose head lies elsewhere
        raise refusal(chunks, "place", f"the bytes of {at} do not lie in one place")
    try:
        found = await asyncio.to_thread(_read_chunk, array, data, place, zarr_format)
    except Exception as exc:  # a codec may raise anything
        kind = "" if isinstance(exc, TinycogError) else f"{type(exc).__name__}: "
        raise refusal(chunks, "checked", f"{at} cannot be read back: {kind}{exc}") from exc
    inside = np.ascontiguousarray(found[:, :height, :width], raster.data.dtype)
    if inside.tobytes() != np.ascontiguousarray(raster.data).tobytes():
        raise refusal(chunks, "checked", f"{at} has other pixels when it is read back")


def _read_chunk(
    array: ArrayPlan, data: bytes | None, place: TileRange, zarr_format: int
) -> NDArray[Any]:
    if data is None:
        return np.full(array.chunks.chunk_shape, array.fill_value, array.dtype)
    length = array.encoding.stored_length(place)
    return decode_chunk(array, memoryview(data)[:length], zarr_format)


def decode_chunk(array: ArrayPlan, data: memoryview, zarr_format: int) -> NDArray[Any]:
    """Decode a chunk as the documents say, with the codecs of numcodecs: (bands, rows, cols)."""
    if zarr_format == 2:  # noqa: PLR2004 - the format's number
        document, _ = array.v2()
        codec = document["compressor"]
        raw = data if codec is None else _decode(codec, data)
        pixels = _as_array(raw, document["chunks"], np.dtype(document["dtype"]))
        return pixels.transpose(2, 0, 1) if array.is_rows_first(2) else pixels
    document = array.v3()
    shape = document["chunk_grid"]["configuration"]["chunk_shape"]
    order = list(range(len(shape)))
    dtype = np.dtype(document["data_type"])
    raw = data
    for codec in reversed(document["codecs"]):  # from bytes to bytes; then bytes; then transpose
        name, arguments = codec["name"], codec["configuration"]
        if name == "transpose":
            order = arguments["order"]
        elif name == "bytes":
            dtype = dtype.newbyteorder("<" if arguments["endian"] == "little" else ">")
        else:
            raw = _decode({"id": name.removeprefix("numcodecs."), **arguments}, raw)
    stored = _as_array(raw, [shape[n] for n in order], dtype)
    return stored.transpose([order.index(n) for n in range(len(order))])


def _decode(config: Mapping[str, Any], data: memoryview) -> memoryview:
    from numcodecs import (  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
        registry,
    )

    from tinycog.adapters import numcodecs as _  # noqa: F401, PLC0415 - registers tinycog_tile

    decoded = cast("Any", registry).get_codec(dict(config)).decode(data)
    if isinstance(decoded, bytes):
        return memoryview(decoded)
    return memoryview(np.ascontiguousarray(decoded).reshape(-1).view(np.uint8))


def _as_array(raw: memoryview, shape: list[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return bytes as an array.

    Raises:
        ValueError: there are more or fewer.
    """
    if raw.nbytes != math.prod(shape) * dtype.itemsize:
        message = f"{raw.nbytes} bytes are no chunk {tuple(shape)} of {dtype}"
        raise ValueError(message)
    return np.ndarray(shape, dtype, raw)
