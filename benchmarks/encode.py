"""What encoding a tile costs beyond the bare codec, in nanoseconds for each byte of pixels.

    python benchmarks/encode.py [--rounds 24] [--side 512]

Each case is a tile made from a fixed seed. One thread encodes it, in random turns by tinycog
(`TileEncoder.encode`) and by the bare imagecodecs call on what the tile is before compression
(predicted, in the file's order); the bytes are compared. Processor time of the thread, the least of
all rounds, and the difference: predictor, interleaving, checks. "apart" takes planes that lie apart
in memory, as (bands, rows, cols) has them.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import imagecodecs
import numpy as np

from tinycog.encode.lossless import has_isal
from tinycog.encode.tile import TileEncoder, make_encoder
from tinycog.encode.tile_bytes import tile_bytes
from tinycog.encode.tile_format import CodecOptions, TileFormat
from tinycog.tiff.spec import Compression, Predictor

Encode = Callable[[Any], Any]


@dataclass(frozen=True)
class Case:
    """One codec with one kind of samples."""

    codec: str
    dtype: str
    samples: int = 1
    predictor: int = 1
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    apart: bool = False

    @property
    def name(self) -> str:
        """For the table."""
        told = "".join(f" {name}={value}" for name, value in self.options.items())
        bands = f" x {self.samples}" if self.samples > 1 else ""
        how = f" p{self.predictor}" if self.predictor > 1 else ""
        return f"{self.codec}{told} {self.dtype}{bands}{how}{' apart' if self.apart else ''}"


FAST = {"library": "isa-l", "level": 1} if has_isal() else {"level": 1}
KINDS = (("uint8", 3, 2), ("uint16", 1, 2), ("float32", 1, 3))
CASES = (
    *(Case("NONE", dtype, samples) for dtype, samples, _ in KINDS),
    Case("NONE", "uint8", 3, apart=True),
    Case("NONE", "uint16", 13, apart=True),
    *(Case("LZW", *kind) for kind in KINDS),
    *(Case("DEFLATE", *kind) for kind in KINDS),
    *(Case("DEFLATE", *kind, options=FAST) for kind in KINDS),
    Case("DEFLATE", "uint8", 3, 2, FAST, apart=True),
    Case("DEFLATE", "uint16", 4, 2, FAST, apart=True),
    Case("DEFLATE", "uint8", 1, 2, FAST),
    Case("DEFLATE", "uint16", 3, 2, FAST),
    Case("DEFLATE", "float64", 1, 3, FAST),
    Case("DEFLATE", "float32", 4, 3, FAST, apart=True),
    *(Case("ZSTD", *kind, options={"level": 1}) for kind in KINDS),
    *(Case("ZSTD", *kind) for kind in KINDS),
    Case("PACKBITS", "uint8"),
    Case("LERC", "float32"),
    Case("JPEG", "uint8", 3),
    Case("JPEG", "uint8", 3, apart=True),
    Case("WEBP", "uint8", 3),
)


def make_tile(case: Case, side: int) -> np.ndarray:
    """Terrain with as much noise as pictures have, (rows, cols, samples)."""
    y, x = np.mgrid[0:side, 0:side] / 2048
    rng = np.random.default_rng(7)
    smooth = np.sin(9 * x) + np.cos(7 * y) + np.sin(40 * x * y)
    layers = [smooth + 0.1 * rng.standard_normal(smooth.shape) for _ in range(case.samples)]
    span = {"uint8": 40, "uint16": 4000}.get(case.dtype, 300.0)
    planes = ((np.stack(layers) + 3) * span).astype(case.dtype)
    pixels = planes.transpose(1, 2, 0)
    return pixels if case.apart else np.ascontiguousarray(pixels)


def bare_of(case: Case, made: TileEncoder, tile: np.ndarray) -> Encode:
    """The codec alone, on what the tile is before compression."""
    compress = made._compress  # noqa: SLF001
    if case.codec in ("JPEG", "WEBP", "LERC"):
        given = np.ascontiguousarray(tile)
    else:
        given = np.array(tile_bytes(made.format, tile))
    if case.codec == "JPEG":
        return lambda _: imagecodecs.jpeg8_encode(
            given, 75, optimize=True, colorspace="RGB", outcolorspace="YCBCR", subsampling="420"
        )
    return lambda _: compress(given)


def measure(case: Case, rounds: int, side: int) -> tuple[float, float]:
    """Least seconds of one tile by tinycog and by the bare codec, taking turns."""
    tile = make_tile(case, side)
    made = make_encoder(
        TileFormat(
            rows=side,
            cols=side,
            dtype=tile.dtype,
            samples=case.samples,
            compression=Compression[case.codec],
            predictor=Predictor(case.predictor),
            options=CodecOptions(**case.options),
        )
    )
    work = {"ours": made.encode, "bare": bare_of(case, made, tile)}
    if case.codec != "JPEG":  # its tables are taken out
        assert bytes(work["ours"](tile)) == bytes(work["bare"](tile))
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name in random.sample(sorted(work), 2):
            times[name].append(timed(partial(work[name], tile)))
    ours, bare = (min(times[name]) for name in ("ours", "bare"))
    return ours, bare


def timed(work: Callable[[], Any]) -> float:
    """Processor time that it took, in seconds."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--side", type=int, default=512)
    asked = parser.parse_args()
    print(f"imagecodecs {imagecodecs.__version__}, numpy {np.__version__}\n")
    print(f"| tile of {asked.side} x {asked.side} | ns a byte | bare codec | beyond | µs a tile |")
    print("|---|---|---|---|---|")
    for case in CASES:
        ours, bare = measure(case, asked.rounds, asked.side)
        scale = 1e9 / (asked.side**2 * case.samples * np.dtype(case.dtype).itemsize)
        beyond = ours - bare
        row = (
            f"{ours * scale:.2f} | {bare * scale:.2f} | {beyond * scale:+.2f} | {beyond * 1e6:.0f}"
        )
        print(f"| {case.name} | {row} |")


if __name__ == "__main__":
    main()
