"""Read a map tile by rio-tiler, over tinycog: `python examples/rio_tiler_reader.py URL`."""

import asyncio
import sys

from tinycog.adapters.rio_tiler import Reader


async def main(url: str) -> None:
    """Read the tile in the middle, at the finest zoom."""
    async with Reader(url) as src:
        left, bottom, right, top = src.get_geographic_bounds("EPSG:4326")
        zoom = src.maxzoom
        place = src.tms.tile((left + right) / 2, (bottom + top) / 2, zoom)
        image = await src.tile(place.x, place.y, place.z)
        png = image.render(img_format="PNG")
        print(f"tile {place.z}/{place.x}/{place.y}: {image.array.shape}, {len(png)} bytes of PNG")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
