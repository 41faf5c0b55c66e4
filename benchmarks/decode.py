"""What decoding one 512 x 512 tile costs, as a ratio to the bare codec and to GDAL, in one run.

    python benchmarks/decode.py [--rounds 40] [--only lerc]

Each case is a tiled file in memory, made from a fixed seed. One thread decodes its tiles, in random
turns by tinycog (`decode_tile`), by the bare imagecodecs calls for the same bytes, and by GDAL
(rasterio, block cache off, open excluded); pixels are compared. Medians of one tile, and ratios.
Then two threads decode all tiles, by tinycog and by the bare calls in turns: the ratio of these.
Peak memory is what tracemalloc sees beyond the encoded tile, in units of the decoded tile: 1 is the
pixels themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.windows import Window

import tinycog
from tinycog.decode.tile import decode_tile
from tinycog.reader.tile_parts import new_pixels
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Tag

SIDE, TILES = 512, 4
LIMITS = tinycog.Limits()
Bytes = bytes
Decoder = Callable[[Bytes, "Case"], Any]


@dataclass(frozen=True)
class Case:
    """One codec with one kind of samples."""

    name: str
    dtype: str
    options: dict[str, Any]
    bare: Decoder
    bands: int = 1

    @property
    def length(self) -> int:
        """Decoded bytes of a tile."""
        return SIDE * SIDE * self.bands * np.dtype(self.dtype).itemsize


def lossless(decode: Callable[..., Any]) -> Decoder:
    """The bare call of a codec that gives bytes, told the size."""
    return lambda data, case: decode(data, out=case.length)


def differenced(decode: Callable[..., Any]) -> Decoder:
    """The same, and imagecodecs' undoing of predictor 2."""

    def run(data: Bytes, case: Case) -> Any:  # noqa: ANN401
        words = np.frombuffer(decode(data, out=bytearray(case.length)), case.dtype)
        words = words.reshape(SIDE, SIDE, case.bands)
        return imagecodecs.delta_decode(words, axis=1, out=words)

    return run


def float_predicted(decode: Callable[..., Any]) -> Decoder:
    """The same, and imagecodecs' undoing of predictor 3."""

    def run(data: Bytes, case: Case) -> Any:  # noqa: ANN401
        raw = np.frombuffer(decode(data, out=case.length), case.dtype)
        return imagecodecs.floatpred_decode(raw.reshape(SIDE, SIDE, case.bands), axis=1)

    return run


def jpeg_with(tables: bytes) -> Decoder:
    """The bare call for JPEG tiles that share tables."""
    return lambda data, _: imagecodecs.jpeg8_decode(
        data, tables=tables, colorspace="YCBCR", outcolorspace="RGB"
    )


def picture(decode: Callable[..., Any]) -> Decoder:
    """The bare call of a codec that gives samples."""
    return lambda data, _: decode(data)


DEFLATE, LZW, ZSTD = (
    imagecodecs.deflate_decode,
    imagecodecs.lzw_decode,
    imagecodecs.zstd_decode,
)
WEBP, LERC = imagecodecs.webp_decode, imagecodecs.lerc_decode
CASES = (
    Case("deflate uint16", "uint16", {"compress": "deflate"}, lossless(DEFLATE)),
    Case(
        "deflate uint16 p2", "uint16", {"compress": "deflate", "predictor": 2}, differenced(DEFLATE)
    ),
    Case(
        "deflate uint8 x 3 p2",
        "uint8",
        {"compress": "deflate", "predictor": 2},
        differenced(DEFLATE),
        3,
    ),
    Case(
        "deflate float32 p3",
        "float32",
        {"compress": "deflate", "predictor": 3},
        float_predicted(DEFLATE),
    ),
    Case("zstd uint16", "uint16", {"compress": "zstd"}, lossless(ZSTD)),
    Case("zstd uint16 p2", "uint16", {"compress": "zstd", "predictor": 2}, differenced(ZSTD)),
    Case("zstd float32 p3", "float32", {"compress": "zstd", "predictor": 3}, float_predicted(ZSTD)),
    Case("lzw uint16", "uint16", {"compress": "lzw"}, lossless(LZW)),
    Case("lzw uint16 p2", "uint16", {"compress": "lzw", "predictor": 2}, differenced(LZW)),
    Case("lzw float32 p3", "float32", {"compress": "lzw", "predictor": 3}, float_predicted(LZW)),
    Case(
        "jpeg uint8 x 3",
        "uint8",
        {"compress": "jpeg", "photometric": "ycbcr"},
        lambda data, _: data,
        3,
    ),
    Case("webp uint8 x 3", "uint8", {"compress": "webp"}, picture(WEBP), 3),
    Case("webp uint8 x 4", "uint8", {"compress": "webp", "photometric": "rgb"}, picture(WEBP), 4),
    Case("lerc float32", "float32", {"compress": "lerc"}, picture(LERC)),
    Case("lerc float32, 0.01", "float32", {"compress": "lerc", "max_z_error": 0.01}, picture(LERC)),
    Case("lerc uint8 x 3", "uint8", {"compress": "lerc"}, picture(LERC), 3),
)


def make_pixels(case: Case) -> np.ndarray:
    """Terrain with as much noise as pictures have, (bands, rows, cols)."""
    side = SIDE * TILES
    y, x = np.mgrid[0:side, 0:side] / side
    rng = np.random.default_rng(7)
    smooth = np.sin(9 * x) + np.cos(7 * y) + np.sin(40 * x * y)
    layers = [smooth + 0.1 * rng.standard_normal(smooth.shape) for _ in range(case.bands)]
    span = {"uint8": 40, "uint16": 4000}.get(case.dtype, 300.0)
    return ((np.stack(layers) + 3) * span).astype(case.dtype)


def make_file(case: Case) -> bytes:
    """A tiled GeoTIFF of 4 by 4 tiles."""
    side = SIDE * TILES
    shape = {"width": side, "height": side, "count": case.bands, "dtype": case.dtype}
    tiling = {"tiled": True, "blockxsize": SIDE, "blockysize": SIDE, "interleave": "pixel"}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", **shape, **tiling, **case.options) as dataset:
            dataset.write(make_pixels(case))
        return bytes(memory.read())


async def encoded_tiles(file: bytes) -> tuple[Any, list[bytes]]:
    """The image's facts, and its tiles as stored."""
    cog = await tinycog.open(file)
    places = [(0, x, y) for y in range(TILES) for x in range(TILES)]
    return cog.levels[0].image, [await cog.read_tile_bytes(*place) or b"" for place in places]


def measure(case: Case, rounds: int) -> dict[str, float]:
    """Median seconds of one tile by each reader, taking turns; and peak memory."""
    file = make_file(case)
    image, tiles = asyncio.run(encoded_tiles(file))
    bare: Callable[..., Any] = case.bare
    if case.name.startswith("jpeg"):
        bare = jpeg_with(image.options[Tag.JPEGTables])

    times: dict[str, list[float]] = {"tinycog": [], "bare": [], "gdal": []}
    with MemoryFile(file) as memory, memory.open() as dataset:
        for turn in range(rounds):
            i = turn % len(tiles)
            window = Window(i % TILES * SIDE, i // TILES * SIDE, SIDE, SIDE)  # pyright: ignore[reportCallIssue]
            work: dict[str, Callable[[], Any]] = {
                "tinycog": partial(decode, image, tiles[i]),
                "bare": partial(bare, tiles[i], case),
                "gdal": partial(dataset.read, window=window),
            }
            names = random.sample(sorted(work), 3)  # nobody always finds the caches warm
            pixels = {name: timed(times[name], work[name]) for name in names}
            assert_close(case, pixels["tinycog"].pixels, pixels["gdal"])
    result = {name: statistics.median(values) for name, values in times.items()}
    result["threads"] = two_threads(
        partial(decode, image), lambda tile: bare(tile, case), tiles, rounds
    )
    return result | {"memory": peak(lambda: decode(image, tiles[0])) / case.length}


def two_threads(
    ours: Callable[[Bytes], Any], bare: Callable[[Bytes], Any], tiles: list[bytes], rounds: int
) -> float:
    """Time of all tiles by two threads, to that of the bare calls: medians."""
    times: dict[Any, list[float]] = {ours: [], bare: []}
    with ThreadPoolExecutor(2) as pool:
        for _ in range(max(rounds // len(tiles), 3) * 2):
            for work in random.sample([ours, bare], 2):
                timed(times[work], lambda work=work: list(pool.map(work, tiles)))
    return statistics.median(times[ours]) / statistics.median(times[bare])


def decode(image: Image, tile: bytes) -> Any:  # noqa: ANN401
    """Decode a tile as a read does: into room for its pixels."""
    room = new_pixels(image, (image.samples, SIDE, SIDE))
    return decode_tile(image, 0, 0, tile, LIMITS, out=room)


def timed(times: list[float], work: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Do it and note how long it took."""
    began = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - began)
    return result


def peak(work: Callable[[], Any]) -> int:
    """Bytes that Python and numpy held at most."""
    tracemalloc.start()
    result = work()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del result
    return most


def assert_close(case: Case, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal; for JPEG nearly, since chroma is up-sampled in more than one way."""
    if case.name.startswith("jpeg"):
        assert np.abs(ours.astype(int) - theirs).mean() < 3
    else:
        np.testing.assert_array_equal(ours, theirs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=96)
    parser.add_argument("--only", default="", help="cases with this in their names")
    options = parser.parse_args()
    os.environ.update(GDAL_CACHEMAX="1", GDAL_NUM_THREADS="1")
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    print(f"GDAL {rasterio.__gdal_version__}, imagecodecs {imagecodecs.__version__}\n")
    print("| tile of 512 x 512 | tinycog ms | to bare | two threads | to GDAL | peak / decoded |")
    print("|---|---|---|---|---|---|")
    for case in (case for case in CASES if options.only in case.name):
        found = measure(case, options.rounds)
        ours = found["tinycog"]
        to_bare, to_gdal = ours / found["bare"], ours / found["gdal"]
        ratios = f"{to_bare:.2f} | {found['threads']:.2f} | {to_gdal:.2f}"
        row = f"{1000 * ours:.2f} | {ratios} | {found['memory']:.2f}"
        print(f"| {case.name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
