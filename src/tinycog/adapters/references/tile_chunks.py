"""Chunks that are stored tiles, decoded without their place: what `tinycog_tile` does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.errors import CorruptTileError, UsageError
from tinycog.tile_facts import TileFacts, decode_tile

NAME = "tinycog_tile"
"""Name of the codec, in zarr 2 and 3."""

READ_ONLY = f"{NAME} decodes tiles of TIFFs; it does not encode"


@dataclass(frozen=True)
class TileChunks:
    """Decoder of the stored tiles of a level.

    Attributes:
        facts: of the level, as `Cog.tile_facts` gives them.
        short: encoded lengths of the strips at the bottom that end with the image.
    """

    facts: TileFacts
    short: tuple[int, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> TileChunks:
        """Make it of a codec's configuration.

        Raises:
            UsageError: it lacks the facts, or the lengths are none.
        """
        facts, short = config.get("facts"), config.get("short", ())
        if not isinstance(facts, Mapping) or not all(isinstance(n, int) for n in short):
            message = f"{NAME} needs facts= and short=, as Cog.references writes them"
            raise UsageError(message)
        return cls(cast("TileFacts", dict(cast("Mapping[str, Any]", facts))), tuple(short))

    def config(self) -> dict[str, Any]:
        """Return the configuration, a JSON document."""
        return {"facts": dict(self.facts), "short": list(self.short)}

    @property
    def shape(self) -> tuple[int, int, int]:
        """(samples, rows, cols) of a chunk; a single strip is as high as the image."""
        facts = self.facts
        rows = facts["tile_height"]
        if facts["strips"]:
            rows = min(rows, facts["height"])
        return (1 if facts["planes"] > 1 else facts["samples"], rows, facts["tile_width"])

    def decode(self, data: bytes | memoryview) -> NDArray[Any]:
        """Decode a chunk (cog.references.tile-codec).

        Where it lies is not known, so that it must be a whole tile; only what is as long as a strip
        that ends with the image may be one.

        Raises:
            UsageError, CorruptTileError, UnsupportedError, LimitError: those of `decode_tile`.
        """
        try:
            pixels = decode_tile(data, self.facts)
        except CorruptTileError:
            if len(data) not in self.short:
                raise
            last = -(-self.facts["height"] // self.facts["tile_height"]) - 1
            pixels = decode_tile(data, self.facts, y=last)
        if pixels.shape == self.shape:
            return pixels
        chunk = np.zeros(self.shape, pixels.dtype)
        chunk[:, : pixels.shape[1]] = pixels
        return chunk
