"""Objects that are replaced after they were indexed: each is refused by name, no pixel is mixed.

    python tests/replaced_assets.py 1000

Half of them are opened and read before, the others only afterwards. Some are replaced by a file of
the same length.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, NamedTuple

from collection_files import cog_of, pixels_of

import tinycog
from tinycog.testing import Fault, RangeServer

ADDED = (7, 0)
"""What pixels of the new files have more; the second is the same image in another place."""


class Outcome(NamedTuple):
    """How reads ended: refused by name and generation, or with pixels of any kind."""

    refused: int
    read: int
    wrong: list[str]


async def outcome(count: int) -> Outcome:
    """Index files, replace them, and read."""
    old, new = cog_of(0), [cog_of(i, add=add) for i, add in enumerate(ADDED)]
    files: dict[str, Any] = {f"{i}.tif": old for i in range(count)}
    async with RangeServer(files) as server:
        found = await tinycog.Collection.from_urls([server.url(name) for name in files])
        handles = [asset.open() for asset in found]
        wrong: list[str] = []
        for i, handle in enumerate(handles):
            if (
                i % 2
                and not (
                    (await handle.read_tile(0, 0, 0)).data == pixels_of(0)[:, :128, :128]
                ).all()
            ):
                wrong.append(f"{i}: other pixels before")
        faults = [Fault.change(new[i % 2], path=f"{i}.tif", times=None) for i in range(count)]
        server.script(*faults)

        async def read(asset: tinycog.Asset, handle: tinycog.Cog) -> str:
            try:
                await handle.read_tile(0, 1, 1)
            except tinycog.SourceChangedError as error:
                named = f"asset {asset.name!r}, indexed as {asset.where}#{asset.generation}: "
                is_named = str(error).startswith(named)
                return "" if is_named else f"{asset.name}: {error}"
            return "read"

        ends = await asyncio.gather(*map(read, found, handles))
    read_all = ends.count("read")
    return Outcome(
        ends.count(""), read_all, wrong + [end for end in ends if end not in ("", "read")]
    )


if __name__ == "__main__":
    asked = int(sys.argv[1])
    ended = asyncio.run(outcome(asked))
    line = (
        f"{ended.refused} of {asked} refused by name, {ended.read} read, {len(ended.wrong)} wrong"
    )
    sys.stdout.write(line + "\n")
    for line in ended.wrong[:10]:
        sys.stdout.write(f"{line}\n")
    sys.exit(ended.refused != asked)
