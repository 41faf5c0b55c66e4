"""What the README takes for granted: an array, files side by side, an index."""

from __future__ import annotations

import numpy as np
from documents.made import index, three


async def before(base: str) -> dict[str, object]:
    """Return names."""
    del base
    names = await three()
    await index(names, times=["2024-06-01"] * 3)
    field = {
        "type": "Polygon",
        "coordinates": [[(9.0, 45.1), (9.02, 45.1), (9.02, 45.12), (9.0, 45.1)]],
    }
    return {
        "z": 0,
        "x": 1,
        "y": 1,
        "array": np.arange(600 * 500, dtype="uint16").reshape(600, 500),
        "transform": (10, 0, 500_000, 0, -10, 5_000_000),
        "bounds": (501_000, 4_991_000, 504_000, 4_994_000),
        "field": field,
    }
