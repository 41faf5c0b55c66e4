"""Whether ISA-L inflates tiles faster than libdeflate does, with checksums compared by both.

    python benchmarks/inflate.py [--rounds 5]

Tiles of 512 x 512 of terrain with more or less noise. `imagecodecs.isal_decode` passes over the
checksum of a zlib stream, so that it is made and compared beside it: "ISA-L" has that, "alone" has
not. Processor time of the thread, the least of some rounds, a mean of all tiles; imagecodecs must
have ISA-L (2026.6 or later).
"""

from __future__ import annotations

import argparse
import time
import zlib
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np

SIDE, TILES = 512, 16
NOISE = {"uint8": (0, 1, 12), "uint16": (1, 3, 12, 400), "float32": (1, 50)}
Inflate = Callable[[bytes, Any], None]


def tiles(dtype: str, noise: float, predictor: int) -> list[bytes]:
    """Bytes of tiles before they are compressed."""
    y, x = np.mgrid[0:SIDE, 0 : SIDE * TILES] / 2048
    smooth = np.sin(9 * x) + np.cos(7 * y) + np.sin(40 * x * y) + 3.2
    grain = noise * np.random.default_rng(7).standard_normal(smooth.shape)
    pixels = (smooth * (40 if dtype == "uint8" else 4000) + grain).astype(dtype)
    words = pixels.view(f"u{pixels.itemsize}")
    if predictor > 1:
        words = np.concatenate([words[:, :1], np.diff(words, axis=1)], axis=1)
    return [np.ascontiguousarray(tile).tobytes() for tile in np.split(words, TILES, axis=1)]


def by_libdeflate(stream: bytes, out: Any) -> None:  # noqa: ANN401
    """As tiles are decoded."""
    imagecodecs.deflate_decode(stream, out=out)


def by_isal_alone(stream: bytes, out: Any) -> None:  # noqa: ANN401
    """Without a look at the checksum."""
    imagecodecs.isal_decode(stream, out=out)  # pyright: ignore[reportAttributeAccessIssue]


def by_isal(stream: bytes, out: Any) -> None:  # noqa: ANN401
    """Compare the checksum too, where nothing follows the stream."""
    by_isal_alone(stream, out)
    checksum = imagecodecs.isal_adler32(out)  # pyright: ignore[reportAttributeAccessIssue]
    assert checksum == int.from_bytes(stream[-4:], "big")


def measure(streams: list[bytes], length: int, rounds: int) -> list[float]:
    """Milliseconds of a tile by each, taking turns."""
    ways = (by_libdeflate, by_isal, by_isal_alone)
    out = np.empty(length, np.uint8)
    times = np.zeros((rounds, len(streams), len(ways)))
    for i in range(rounds):
        for j, stream in enumerate(streams):
            for k in np.roll(range(len(ways)), i):
                began = time.thread_time()
                ways[k](stream, out)
                times[i, j, k] = time.thread_time() - began
    return list(1000 * times.min(axis=0).mean(axis=0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"imagecodecs {imagecodecs.__version__}\n")
    print("| 512 x 512 | noise | predictor | by | smaller | libdeflate ms | ISA-L to it | alone |")
    print("|---|---|---|---|---|---|---|---|")
    writers: dict[str, Callable[[bytes], bytes]] = {
        "zlib 6": zlib.compress,
        "libdeflate 6": lambda raw: bytes(imagecodecs.deflate_encode(raw, 6)),
    }
    for dtype, predictor in ((dtype, predictor) for dtype in NOISE for predictor in (1, 2)):
        for noise in NOISE[dtype]:
            raw = tiles(dtype, noise, predictor)
            for name, write in writers.items():
                streams = [write(tile) for tile in raw]
                ours, isal, alone = measure(streams, len(raw[0]), rounds)
                smaller = sum(map(len, raw)) / sum(map(len, streams))
                row = f"{smaller:.1f} | {ours:.2f} | {isal / ours:.2f} | {alone / ours:.2f}"
                print(f"| {dtype} | {noise} | {predictor} | {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
