"""Read one tile, and say what it cost: `python examples/one_tile.py URL`."""

import asyncio
import sys

import tinycog


async def main(url: str) -> None:
    """Read the first tile of the coarsest level."""
    async with tinycog.open(url) as cog:
        level = len(cog.levels) - 1
        tile = await cog.read_tile(level, 0, 0)
        print(f"level {level}: {tile.shape} {tile.dtype}, {tile.mask.mean():.0%} of it valid")
        for request in cog.requests:
            print(f"bytes {request.start} to {request.stop} in {request.seconds:.3f} s")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
