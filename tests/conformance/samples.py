"""What one sample of a pixel is: its kind, its bits, and the numpy type that holds it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

FORMATS = {"uint": 1, "int": 2, "float": 3, "void": 4, "complexint": 5, "complex": 6}
"""SampleFormat by kind."""


@dataclass(frozen=True)
class Sample:
    """Samples of one kind and width; `uint12`, say, or `complexint32` (both parts together)."""

    kind: str
    bits: int

    @property
    def code(self) -> int:
        """SampleFormat."""
        return FORMATS[self.kind]

    @property
    def is_packed(self) -> bool:
        """Whether samples are no whole words."""
        return self.bits not in (8, 16, 32, 64, 128)

    @property
    def dtype(self) -> np.dtype:
        """The smallest numpy type that holds a sample exactly."""
        if self.kind.startswith("complex"):
            wide = self.bits == 128 or (self.kind == "complexint" and self.bits == 64)
            return np.dtype(np.complex128 if wide else np.complex64)
        letter = {"float": "f", "int": "i"}.get(self.kind, "u")
        widths = (2, 4, 8) if letter == "f" else (1, 2, 4, 8)
        return np.dtype(f"{letter}{next(n for n in widths if n * 8 >= self.bits)}")


def sample_of(name: str) -> Sample:
    """Take `uint12` apart."""
    found = re.fullmatch(r"([a-z]+)(\d+)", name)
    assert found is not None, name
    return Sample(found[1], int(found[2]))
