"""What became of each pixel that was asked for: none is lost in silence (cog.mosaic.account)."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tinycog.pixels.mask import Mask
from tinycog.records import NamedTuple

Losses = NDArray[np.uint8]
"""(rows, cols) of `Loss`."""


class Loss(IntEnum):
    """Why a pixel holds no sample of a file."""

    NONE = 0
    OUTSIDE = 1
    GAP = 2
    FAILED = 3


class Account(NamedTuple):
    """Pixels of a read by what became of them: `asked` is the sum of the others.

    Attributes:
        asked: rows times columns of the result.
        valid: pixels whose mask is True.
        nodata: pixels that a file holds and that are not valid: nodata, alpha 0, or masked.
        gap: pixels that no file of a mosaic covers.
        failed: pixels of tiles, or of files, that could not be read (`errors="fill"`).
        outside: pixels outside of the image, or of the area that was asked for.
    """

    asked: int
    valid: int
    nodata: int
    gap: int
    failed: int
    outside: int


def account_of(mask: Mask, losses: Losses | None) -> Account:
    """Count pixels; one that is valid is not lost, whatever `losses` says of a band of it."""
    asked, valid = mask.size, int(np.count_nonzero(mask))
    if losses is None or valid == asked:
        return Account(asked, valid, asked - valid, 0, 0, 0)
    counts = np.bincount(losses[~mask], minlength=len(Loss)).tolist()
    return Account(
        asked, valid, counts[Loss.NONE], counts[Loss.GAP], counts[Loss.FAILED], counts[Loss.OUTSIDE]
    )
