"""What a notebook shows of a blocking handle: with a thumbnail, where that is cheap."""

from __future__ import annotations

import asyncio

import tinycog
from tinycog.sync.loop_thread import THREAD

SIZE = 256
"""Rows and columns of a thumbnail, at most."""

MOST_TILES = 16
"""Stored tiles of the smallest level: more are not read, nor is their index."""

MOST_REQUESTS = 2
MOST_BYTES = 256 << 10
"""Of these requests together."""

MOST_SECONDS = 3.0
"""That a notebook waits for a thumbnail."""


def card_with_thumbnail(cog: tinycog.Cog) -> str:
    """Return the card of a handle; one that is not open yet is not opened for it.

    Cost: at most 2 requests for 256 KiB of pixels of the smallest level; none where it would take
    more. Its index, which is short, is read with the header or with 1 more.
    """
    # what a notebook shows, made from the handle by its own package
    if not cog.variant or not is_open(cog):
        return cog._card()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    try:
        png, note = THREAD.run(asyncio.wait_for(_thumbnail(cog), MOST_SECONDS))
    except TimeoutError:
        png, note = None, f"no picture: it did not come within {MOST_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - a broken file has facts, too
        png, note = None, f"no picture: {error}"
    return cog._card(png, note)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def is_open(cog: tinycog.Cog) -> bool:
    """Return whether the header has been read."""
    try:
        return bool(cog.levels)
    except tinycog.UsageError:
        return False


async def _thumbnail(cog: tinycog.Cog) -> tuple[bytes | None, str]:
    level = cog.levels[-1]
    rows, cols = level.grid
    if rows * cols > MOST_TILES:
        return None, f"no picture: the smallest level has {rows * cols:,} tiles"
    size = min(SIZE, max(level.width, level.height))
    plan = await cog.plan(level=level.z)
    if len(plan.requests) > MOST_REQUESTS or plan.bytes > MOST_BYTES:
        return None, (
            f"no picture: preview() takes {len(plan.requests)} requests, {plan.bytes:,} bytes"
        )
    raster = await cog.preview(size, level=level.z, resampling="nearest")
    png = raster._thumbnail()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return png, f"level {level.z}, {level.width} x {level.height}"
