"""`tinycog_tile` for zarr 3: decodes chunks that are stored tiles.

zarr finds it by its entry point; importing this module registers it, too. Needs zarr 3.

It stands behind `bytes` as a compressor does. So what turns metadata of zarr 3 into those of zarr 2
carries it along as the codec of numcodecs that has its name; a codec from arrays to bytes would be
left out there, without an error.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from zarr.abc.codec import BytesBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer
from zarr.registry import register_codec

from tinycog.adapters.references.tile_chunks import NAME, READ_ONLY, TileChunks
from tinycog.errors import UnsupportedError, UsageError


@dataclass(frozen=True)
class ZarrTileCodec(BytesBytesCodec):
    """Decodes any tile that tinycog decodes, to (samples, rows, cols), little-endian.

    Attributes:
        configuration: facts of the level and lengths of short strips, as a JSON text.
    """

    configuration: str

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make it of the metadata of an array.

        Raises:
            UsageError: it holds no facts of a level.
        """
        if data.get("name") != NAME or "configuration" not in data:
            message = f"expected the configuration of {NAME}, as Cog.references writes it"
            raise UsageError(message)
        config = TileChunks.of(data["configuration"]).config()
        return cls(json.dumps(config, sort_keys=True, allow_nan=False))

    def to_dict(self) -> dict[str, Any]:
        """Return it for the metadata of an array."""
        return {"name": NAME, "configuration": json.loads(self.configuration)}

    @cached_property
    def _chunks(self) -> TileChunks:
        return TileChunks.of(json.loads(self.configuration))

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        pixels = self._chunks.decode(memoryview(chunk_data.as_numpy_array()).cast("B"))
        dtype = chunk_spec.dtype.to_native_dtype()
        if pixels.shape != chunk_spec.shape or pixels.dtype != dtype.newbyteorder("="):
            message = (
                f"{NAME} decodes {pixels.dtype} of shape {pixels.shape}, but the array has chunks"
                f" of {dtype} of shape {chunk_spec.shape}"
            )
            raise UsageError(message)
        little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
        raw = little.reshape(-1).view(np.uint8)
        return chunk_spec.prototype.buffer.from_array_like(cast("Any", raw))

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    def _encode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        del chunk_data, chunk_spec
        raise UnsupportedError(READ_ONLY, feature=NAME)

    async def _encode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> Buffer | None:
        return self._encode_sync(chunk_data, chunk_spec)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Raise an `UnsupportedError`: TIFFs are not written."""
        del input_byte_length, chunk_spec
        raise UnsupportedError(READ_ONLY, feature=NAME)


register_codec(NAME, ZarrTileCodec)
