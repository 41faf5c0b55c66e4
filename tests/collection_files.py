"""Small COGs for collections: a zone each, pixels of their own."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinycog.sync

SIDE = 300
PIXELS = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(1, SIDE, SIDE)


def pixels_of(i: int) -> NDArray[np.uint16]:
    """The pixels of file i: those of no other."""
    return PIXELS + i


@cache
def cog_of(i: int = 0, zone: int = 33, add: int = 0) -> bytes:
    """A COG of 3 km in a UTM zone."""
    transform = (10.0, 0, 500_000 + 3000 * i, 0, -10.0, 5_000_000)
    options = {"crs": f"EPSG:326{zone:02}", "transform": transform, "nodata": 65535}
    made: Any = tinycog.sync.write
    data = made(bytes, pixels_of(i + add), blocksize=128, **options).data
    assert data is not None
    return data
