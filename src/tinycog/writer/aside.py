"""Pixels put aside in the spool, and read back."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinycog.writer.assemble import Mask, Samples
from tinycog.writer.in_order import Spools


class Put(NamedTuple):
    """Where pixels were put.

    Attributes:
        position: in the spool.
        length: in bytes.
        shape: of the samples, (rows, cols, samples).
        dtype: of the samples.
        is_planar: whether they lie plane by plane.
        masks: which masks, (rows, cols), follow.
    """

    position: int
    length: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_planar: bool
    masks: tuple[bool, ...]


async def put_aside(spool: Spools, samples: Samples, *masks: Mask | None) -> Put:
    """Put samples (rows, cols, samples) and masks of theirs aside."""
    is_planar = not samples.flags.c_contiguous
    lying = samples.transpose(2, 0, 1) if is_planar else samples
    parts = [
        np.ascontiguousarray(part).reshape(-1).view(np.uint8)
        for part in (lying, *masks)
        if part is not None
    ]
    data = parts[0] if len(parts) == 1 else np.concatenate(parts)
    position = await spool.append(memoryview(data))
    has_masks = tuple(mask is not None for mask in masks)
    return Put(position, data.nbytes, samples.shape, samples.dtype, is_planar, has_masks)


async def read_back(
    spool: Spools, put: Put, *, is_last: bool = True
) -> tuple[Samples, list[Mask | None]]:
    """Return samples and masks that were put aside; if `is_last`, they are not read again."""
    data = bytearray()
    async for part in spool.read([put.position], [put.length], is_last=is_last):
        data += part
    rows, cols, bands = put.shape
    stored = rows * cols * bands * put.dtype.itemsize
    whole: NDArray[np.uint8] = np.frombuffer(data, np.uint8)
    samples = whole[:stored].view(put.dtype)
    if put.is_planar:
        samples = samples.reshape(bands, rows, cols).transpose(1, 2, 0)
    else:
        samples = samples.reshape(put.shape)
    masks = iter(whole[stored:].view(np.bool_).reshape(-1, rows, cols))
    return samples, [next(masks) if has_mask else None for has_mask in put.masks]
