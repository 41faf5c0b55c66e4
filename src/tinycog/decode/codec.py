"""One row of the table of codecs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tinycog.decode.segment import Segment
from tinycog.decode.streams import Pieces


@dataclass(frozen=True, slots=True)
class Codec:
    """One row of the table of codecs.

    Attributes:
        name: for messages.
        decode: (segment, encoded bytes) → a buffer of bytes or an array of samples.
        gives: "bytes" as before compression (samples are unpacked from them), or
            "samples" in native byte order, as (rows, cols) or (rows, cols, samples).
        predicted: whether libtiff applies the Predictor tag with it (tiff.predictor.codecs).
        safe: whether the decoder withstands hostile bytes; if not, they can crash the process.
        reversible: whether FillOrder 2 reverses the bits of its bytes.
        pieces: gives the bytes in pieces, where a tile is too large to decode at once; None if no
            library does that.
    """

    name: str
    decode: Callable[[Segment, Any], Any]
    gives: Literal["bytes", "samples"] = "bytes"
    predicted: bool = False
    reversible: bool = True
    safe: bool = True
    pieces: Pieces | None = None
