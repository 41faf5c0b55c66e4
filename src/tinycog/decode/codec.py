"""One row of the table of codecs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tinycog.decode.segment import Segment


@dataclass(frozen=True, slots=True)
class Codec:
    """One row of the table of codecs.

    Attributes:
        name: for messages.
        decode: (segment, encoded bytes) to a buffer of bytes or an array of samples.
        gives: "bytes" as they were before compression (then samples are unpacked from them), or
            "samples" in native byte order, as (rows, cols) or (rows, cols, samples).
        predicted: whether libtiff honours the Predictor tag with it (tiff.predictor.codecs).
        safe: whether no bytes can make the decoder crash the process.
        reversible: whether FillOrder 2 means that its bytes are stored with their bits reversed.
    """

    name: str
    decode: Callable[[Segment, Any], Any]
    gives: Literal["bytes", "samples"] = "bytes"
    predicted: bool = False
    reversible: bool = True
    safe: bool = True
