"""LERC as libtiff writes it: samples interleaved in one blob, NaN in its mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np

from tinycog.encode.edges import Pixels
from tinycog.encode.lossless import deflate, zstd
from tinycog.encode.tile_format import TagValue, TileFormat
from tinycog.errors import UsageError
from tinycog.tiff.spec import Tag

VERSION = 4
"""Of LERC 2, that of LercParameters."""

LERC_ROOM = 1 << 12
"""Bytes of headers for each band, at least."""

WRAPPERS = {None: 0, "deflate": 1, "zstd": 2}
"""Values of LercParameters (tiff.lerc.wrapper)."""


def lerc(made: TileFormat) -> Callable[[Pixels], Any]:
    """Make the codec of LERC, bare or compressed once more (tiff.encode.lerc).

    Raises:
        UsageError: the wrapper has no such level.
    """
    most = made.options.max_z_error or 0.0
    wrap = {None: _bare, "deflate": deflate, "zstd": zstd}[made.options.wrapper](made)

    def compress(tile: Pixels) -> Any:  # noqa: ANN401 - bytes, or a buffer of them
        return wrap(_blob(tile, most))

    return compress


def _bare(made: TileFormat) -> Callable[[Any], Any]:
    if made.options.level is not None:
        message = 'level is an option of what compresses LERC: give wrapper="deflate" or "zstd"'
        raise UsageError(message)
    return lambda data: data


def lerc_fields(made: TileFormat) -> tuple[TagValue, ...]:
    """Return LercParameters."""
    return ((Tag.LercParameters, "LONG", (VERSION, WRAPPERS[made.options.wrapper])),)


def keeps_values(made: TileFormat) -> bool:
    """Return whether no sample changes: whole numbers do only beyond half a unit."""
    most = made.options.max_z_error or 0.0
    return most == 0 or (made.dtype.kind != "f" and most < 1)


def _blob(tile: Pixels, most: float) -> Any:  # noqa: ANN401
    """Encode a tile; samples that are NaN are masked, by band if bands differ in them.

    Raises:
        UsageError: a float is infinite, which only a lossless blob can hold.
    """
    is_float = tile.dtype.kind == "f"
    if most and is_float and np.isinf(tile).any():
        message = f"a sample is infinite, which LERC with max_z_error={most} cannot hold: give 0"
        raise UsageError(message)
    if not is_float or not np.isnan(tile.min()):
        return _encode(tile, most)
    valid = ~np.isnan(tile)
    if np.array_equal(valid.any(axis=2), valid.all(axis=2)):
        return _encode(tile, most, masks=valid[..., 0])
    bands = np.ascontiguousarray(np.moveaxis(tile, 2, 0))
    masks = np.ascontiguousarray(np.moveaxis(valid, 2, 0))
    return _encode(bands, most, planar=True, masks=masks)


def _encode(tile: Pixels, most: float, *, planar: bool = False, **options: Any) -> Any:  # noqa: ANN401
    """Encode into zeros: the library leaves some bytes of its last word as they were."""
    bands = tile.shape[0] if planar else tile.shape[2]
    out = bytearray(2 * tile.nbytes + LERC_ROOM * bands)
    if not planar and tile.shape[2] == 1:
        tile = tile[..., 0]
    else:
        options["planar"] = planar
    return imagecodecs.lerc_encode(tile, most, version=VERSION, out=out, **options)
