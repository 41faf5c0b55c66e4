"""What a case reads. As a script: `client.py URL DIGEST [plain]`, the child that is limited.

With `plain` every request is sent by aiohttp's public API, none on connections of tinycog's own.

The file is uncompressed, so that no codec notices wrong bytes, and longer than the first request.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys

import numpy as np

import tinycog
from tinycog import Limits, TinycogError
from tinycog.sources.http import client as http_client

SIDE, TILE = 384, 32
TILES = [(0, 0, 0), (0, 11, 11), (1, 2, 3), (0, 5, 6)]


def pixels() -> np.ndarray:
    """Those of the file: no two tiles are alike."""
    rows, cols = np.mgrid[:SIDE, :SIDE]
    return ((rows * 7 + cols * 13 + rows // 32 * cols // 32) % 251).astype(np.uint8)[None]


def file() -> bytes:
    """The file."""
    from tinycog.testing import make_pyramid, make_tiff  # noqa: PLC0415 - not in the child

    return make_tiff(make_pyramid(pixels(), (2,), tile=(TILE, TILE)))


async def read_all(url: str, limits: Limits | None = None) -> str:
    """Read all there is in several ways; the digest of it."""
    cog = tinycog.open(url, limits=limits)
    found = hashlib.sha256()
    for raster in [await cog.read_tile(1, 0, 0), await cog.read(), await cog.read(level=1)]:
        found.update(raster.data.tobytes())
    for raster in await cog.read_tiles(TILES):
        found.update(raster.data.tobytes())
    return found.hexdigest()


def digest() -> str:
    """What `read_all` gives for the file itself."""
    return asyncio.run(read_all(file()))  # type: ignore[arg-type]


async def outcome(url: str, expected: str, limits: Limits | None = None) -> list[str]:
    """ "right", "wrong", or the names of the error's types; then its message."""
    try:
        found = await read_all(url, limits)
    except TinycogError as error:
        names = [kind.__name__ for kind in type(error).__mro__]
        return ["|".join(names[: names.index("TinycogError")]), str(error)]
    return ["right" if found == expected else "wrong", ""]


def main() -> None:
    """Say the outcome, and what it took."""
    import resource  # noqa: PLC0415 - not everywhere

    http_client.USES_POOL = "plain" not in sys.argv[3:]
    names, said = asyncio.run(outcome(sys.argv[1], sys.argv[2]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = used.ru_utime + used.ru_stime
    told = {"names": names, "said": said, "cpu_seconds": seconds, "memory": used.ru_maxrss << 10}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
