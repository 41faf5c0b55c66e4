"""One row of the table of codecs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import imagecodecs

if TYPE_CHECKING:
    from tinycog.decode.segment import Segment
    from tinycog.decode.streams import Pieces


@dataclass(frozen=True, eq=False, repr=False)
class Codec:
    """One row of the table of codecs.

    Functions are named as `module.function` of this package, and imported when they are first used:
    a process reads one codec or two, and has no pixel before all that is imported is there.

    Attributes:
        name: for messages.
        decoder: (segment, encoded bytes) → a buffer of bytes or an array of samples.
        gives: "bytes" as before compression (samples are unpacked from them), or
            "samples" in native byte order, as (rows, cols) or (rows, cols, samples).
        predicted: whether libtiff applies the Predictor tag with it (tiff.predictor.codecs).
        safe: whether the decoder withstands hostile bytes; if not, they can crash the process.
        reversible: whether FillOrder 2 reverses the bits of its bytes.
        by_pieces: gives the bytes in pieces, where a tile is too large to decode at once; None if
            no library does that.
        library: the function of imagecodecs that it calls first, None if none.
    """

    name: str
    decoder: str
    gives: Literal["bytes", "samples"] = "bytes"
    predicted: bool = False
    reversible: bool = True
    safe: bool = True
    by_pieces: str | None = None
    library: str | None = None

    @cached_property
    def decode(self) -> Callable[[Segment, Any], Any]:
        """The function that `decoder` names."""
        return _named(self.decoder)

    @cached_property
    def pieces(self) -> Pieces | None:
        """The function that `by_pieces` names; None where this Python lacks the library."""
        return None if self.by_pieces is None else _named(self.by_pieces)

    def load(self) -> None:
        """Import what decodes, ahead of the first tile."""
        _ = self.decode
        if self.library is not None:
            getattr(imagecodecs, self.library)  # imports the extension that has it


def _named(path: str) -> Any:  # noqa: ANN401 - a function of one kind or another
    module, _, name = path.partition(".")
    return getattr(import_module(f"tinycog.decode.{module}"), name)
