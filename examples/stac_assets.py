"""Read the same area of all TIFF assets of a STAC item, side by side.

`python examples/stac_assets.py ITEM.json`.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import tinycog


async def main(item: dict[str, Any]) -> None:
    """Read each asset's part of the item's bounding box, 256 pixels wide."""
    assets = {
        name: asset["href"]
        for name, asset in item["assets"].items()
        if asset.get("type", "").startswith("image/tiff")
    }

    async def read(href: str) -> tinycog.Raster:
        async with tinycog.open(href) as cog:
            return await cog.read(bounds=item["bbox"], crs="EPSG:4326", shape=(256, 256), crop=True)

    rasters = await asyncio.gather(*map(read, assets.values()))
    for name, raster in zip(assets, rasters, strict=True):
        print(f"{name}: {raster.shape} {raster.dtype}, {raster.data.mean():.2f} on average")


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text())))
