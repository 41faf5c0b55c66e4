"""Index files, keep the index, and read from it what lies in an area.

`python examples/index_files.py URL [URL ...]`.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import tinycog


async def main(urls: list[str]) -> None:
    """Read the headers once, then a small picture of each file near the first one."""
    collection = await tinycog.Collection.from_urls(urls, errors="keep")
    for failed in collection.failed:
        print(f"left out: {failed.error}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index.jsonl")
        collection.save(path)
        print(f"{len(collection)} headers are kept")

        index = tinycog.Collection.load(path)
        near = index.filter(bounds=index[0].bounds) if index[0].bounds else index
        for asset in near:
            async with asset.open() as cog:
                raster = await cog.preview(64)
                print(f"{asset.name}: {raster.shape}, {len(cog.requests)} requests")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
