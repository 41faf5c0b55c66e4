"""What the variables of a level are made from: facts of a file, looked up once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

import tinycog
import tinycog.sync


@dataclass(frozen=True)
class FileFacts:
    """Facts of an open file, and one of its levels; those of bands are counted from 0.

    Attributes:
        cog: handle of the file.
        level: the level.
        dtype: dtype of its samples.
        nodata: the nodata value, of that dtype; None without one.
        flags: what says which samples of a band are valid, by rasterio's names.
        scales: scale of each band.
        offsets: offset of each band.
        descriptions: description of each band, "" without one.
        units: unit of each band, "" without one.
        tags: metadata items of the file.
    """

    cog: tinycog.sync.Cog
    level: tinycog.Level
    dtype: np.dtype[Any]
    nodata: np.generic | None
    flags: list[list[str]]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    descriptions: list[str]
    units: list[str]
    tags: dict[str, str]

    @classmethod
    def of(cls, cog: tinycog.sync.Cog, level: tinycog.Level) -> Self:
        """Look them up; the header is read if it is not known yet.

        Raises:
            UnsupportedError: no numpy type can hold the samples.
        """
        dtype, nodata = level.dtype, cog.nodata
        return cls(
            cog,
            level,
            dtype,
            None if nodata is None else dtype.type(nodata),
            cog.mask_flags,
            cog.scales,
            cog.offsets,
            [text or "" for text in cog.descriptions],
            [text or "" for text in cog.units],
            cog.tags(),
        )

    @property
    def count(self) -> int:
        """Number of bands."""
        return len(self.flags)

    @property
    def extent(self) -> tuple[int, int]:
        """(rows, cols) of the level."""
        return (self.level.height, self.level.width)

    @property
    def has_mask(self) -> bool:
        """Whether a mask or alpha, not the nodata value, says which pixels are valid."""
        return any("per_dataset" in each for each in self.flags)
