"""Write a COG block by block, in bounded memory, and read it back: `python write_cog.py [TARGET]`.

Without a target it is made in memory.
"""

import asyncio
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import tinycog

ROWS, COLS, STEP = 1500, 2000, 256
DEEPEST = -200


def blocks() -> Iterator[tuple[tuple[int, int], NDArray[np.float32]]]:
    """Yield a landscape, some rows at a time; NaN is sea."""
    across = np.sin(np.arange(COLS, dtype=np.float32) / 200)
    for row in range(0, ROWS, STEP):
        down = np.cos(np.arange(row, min(row + STEP, ROWS), dtype=np.float32) / 150)
        height = 1000 * np.outer(down, across)
        yield (row, 0), np.where(height > DEEPEST, height.round(), np.nan).astype(np.float32)


async def main(target: str | type[bytes]) -> None:
    """Write it, and say what was written."""
    written = await tinycog.write(
        target,
        blocks(),
        shape=(ROWS, COLS),
        dtype="float32",
        crs="EPSG:32633",
        transform=(30, 0, 500_000, 0, -30, 5_200_000),
        nodata=float("nan"),
        compression="zstd",
        overview_resampling="average",
        statistics=True,
        memory=128 << 20,
        verify=True,
    )
    print(written.plan)
    cog = await tinycog.open(written.data or str(target))
    print(cog, cog.bounds, sep="\n")
    small = await cog.preview(256)
    print(f"{written.length:,} bytes, mean height {small.masked().mean():.0f}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else bytes))
