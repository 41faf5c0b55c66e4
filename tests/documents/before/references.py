"""References of a file without a predictor, which the codecs of numcodecs decode."""

from __future__ import annotations

import numpy as np

import tinycog


async def before(base: str) -> dict[str, object]:
    """Write the file and its references."""
    del base
    pixels = np.arange(600 * 500, dtype="uint16").reshape(600, 500)
    await tinycog.write("zlib.tif", pixels, predictor=1)
    await tinycog.open("zlib.tif").references("image.json", levels=0)
    return {}
