"""Small COGs to order, for pages that read files by name."""

from __future__ import annotations

import numpy as np

import tinycog

SIZE = 10.0
"""Side of a pixel, in metres."""


async def scene(
    name: str,
    *,
    col: int = 0,
    shape: tuple[int, int] = (1000, 400),
    size: float = SIZE,
    top: float = 5_000_000,
    value: int = 100,
    descriptions: tuple[str, ...] = ("B04",),
) -> str:
    """Write a file of EPSG:32632 whose left edge lies `col` pixels east of 500000; its name."""
    pixels = np.full((len(descriptions), *shape), value, "uint16")
    await tinycog.write(
        name,
        pixels,
        crs="EPSG:32632",
        transform=(size, 0, 500_000 + col * size, 0, -size, top),
        nodata=0,
        blocksize=256,
        descriptions=descriptions,
    )
    return name


async def three() -> list[str]:
    """Write a.tif, b.tif and c.tif, side by side."""
    return [await scene(f"{name}.tif", col=400 * at) for at, name in enumerate("abc")]


async def index(names: list[str], **options: object) -> None:
    """Keep their headers in scenes.jsonl."""
    collection = await tinycog.Collection.from_urls(names, **options)  # pyright: ignore[reportArgumentType]
    collection.save("scenes.jsonl")
