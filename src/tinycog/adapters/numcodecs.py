"""`tinycog_tile` for numcodecs: decodes the chunks of zarr 2 arrays that are stored tiles.

numcodecs finds it by its entry point; importing this module registers it, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

import numpy as np
from numcodecs import (  # pyright: ignore[reportMissingTypeStubs]
    compat,
    registry,
)
from numcodecs.abc import Codec  # pyright: ignore[reportMissingTypeStubs]

from tinycog.adapters.references.tile_chunks import NAME, READ_ONLY, TileChunks
from tinycog.errors import UnsupportedError


class TileCodec(Codec):
    """Decodes any tile that tinycog decodes; made by `numcodecs.get_codec` of what references say.

    Args:
        facts: of the level, as `Cog.tile_facts` gives them.
        short: encoded lengths of strips that end with the image.

    Raises:
        UsageError: these are no facts of a level.
    """

    codec_id = NAME

    def __init__(self, facts: Mapping[str, Any], short: tuple[int, ...] = ()) -> None:
        """Keep the facts."""
        self._chunks = TileChunks.of({"facts": facts, "short": short})

    def encode(self, buf: Any) -> None:  # noqa: ANN401, ARG002 - numcodecs' signature
        """Raise an `UnsupportedError`: TIFFs are not written."""
        raise UnsupportedError(READ_ONLY, feature=NAME)

    def decode(self, buf: Any, out: Any = None) -> Any:  # noqa: ANN401 - any buffers
        """Return the pixels as (samples, rows, cols), little-endian.

        Raises:
            CorruptTileError, UnsupportedError, LimitError: the bytes cannot be decoded, and why.
        """
        numpys = cast("Any", compat)
        pixels = self._chunks.decode(memoryview(numpys.ensure_contiguous_ndarray(buf)).cast("B"))
        little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
        return numpys.ndarray_copy(little, out)

    def get_config(self) -> dict[str, Any]:
        """Return the codec as JSON."""
        return {"id": NAME, **self._chunks.config()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make it of JSON."""
        return cls(config["facts"], tuple(config.get("short", ())))

    def __repr__(self) -> str:
        """Return name and shape of a chunk."""
        return f"<{NAME} {self._chunks.shape}>"


cast("Any", registry).register_codec(TileCodec)
