"""A map-style dataset of tiles, read by worker processes, as PyTorch's `DataLoader` does.

`python examples/dataset_with_workers.py URL`. The handle is pickled with its header: workers
request tiles alone. With PyTorch: `DataLoader(Tiles(url), num_workers=2)`.
"""

import multiprocessing
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinycog.sync


class Tiles:
    """The stored tiles of level 0, by number; each of the same shape (bands, rows, cols)."""

    def __init__(self, url: str) -> None:
        """Open the file. Cost: 1 request for most COGs; none in the workers."""
        self.cog = tinycog.sync.open(url)
        rows, cols = self.cog.levels[0].tile_shape
        self.across = -(-self.cog.width // cols)
        self.down = -(-self.cog.height // rows)

    def __len__(self) -> int:
        """Return the number of tiles."""
        return self.across * self.down

    def __getitem__(self, number: int) -> NDArray[Any]:
        """Return the pixels of a tile, padded where it reaches over the edge."""
        y, x = divmod(number, self.across)
        return self.cog.read_tile(0, x, y, padded=True).data


def main(url: str) -> None:
    """Compute the mean of all tiles in two processes."""
    tiles = Tiles(url)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        batches = pool.imap(tiles.__getitem__, range(len(tiles)), chunksize=4)
        means = [float(np.mean(pixels)) for pixels in batches]
    print(f"{len(means)} tiles, mean {np.mean(means):.2f}")


if __name__ == "__main__":
    main(sys.argv[1])
