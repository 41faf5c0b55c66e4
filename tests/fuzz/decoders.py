"""The command: two decoders of one codec over broken streams, which must say the same of each.

    python tests/fuzz/decoders.py lzw                          # a million streams
    python tests/fuzz/decoders.py lzw --first 7000 --streams 1000

The fast decoder, where the installed imagecodecs has one that is trusted, and the one that has the
last word: the same pixels and findings, or the same refusal, and no byte beside the place for the
pixels. Exit status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

if __package__ in (None, ""):  # run as a script
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

import imagecodecs
import numpy as np

import tinycog
from fuzz import streams
from fuzz.children import Children
from fuzz.run import say, sort
from fuzz.streams import Stream
from fuzz.ways import Differs
from tinycog.decode import lossless
from tinycog.decode.segment import Segment
from tinycog.testing import make_image, make_tiff
from tinycog.tiff.image import Image
from tinycog.tiff.spec import Compression

BLOCK, SAMPLE = 200, 200
"""Streams of one item, and of those whose verdicts are counted."""

TOLD = 100_000
"""Streams between two lines that tell of them."""

GUARD = b"\xa5" * 64
"""Bytes around the place for the pixels, which stay as they are."""

Decode = Callable[[Segment, bytes], Any]
Verdict = tuple[str, object]


class Codec(NamedTuple):
    """Two decoders of a codec, and what makes broken streams of it."""

    compression: Compression
    fast: Decode
    last_word: Decode
    make: Callable[[Random], Stream]


CODECS: Mapping[str, Codec] = {
    "lzw": Codec(Compression.LZW, lossless.decode_lzw, lossless.lzw_by_libtiff, streams.lzw),
}


class Block(NamedTuple):
    """Streams by their seeds, from `turn` on."""

    name: str
    turn: int

    @property
    def seed(self) -> int:
        """Of the first of them."""
        return self.turn

    def make(self) -> bytes:
        return self.name.encode()


async def compare(data: bytes, turn: int, mark: Callable[[str], None] = lambda _: None) -> None:
    """Hold both verdicts of each stream of a block against each other; count the good ones."""
    codec = CODECS[data.decode()]
    for seed in range(turn, turn + BLOCK):
        compare_one(codec, seed)
    mark("streams")


def compare_one(codec: Codec, seed: int) -> Verdict:
    """Compare the verdicts on one stream, and return that.

    Raises:
        Differs: there are two.
    """
    random = Random(seed)  # noqa: S311 - no secret
    stream = codec.make(random)
    image = image_of(
        stream.length, reaches_over=random.random() < 0.2, compression=codec.compression
    )
    ours, theirs = (judge(decode, image, stream.data) for decode in (codec.fast, codec.last_word))
    if ours != theirs:
        message = f"decoders: seed {seed}, {stream.data[:40].hex()}: {ours!r:.300}, {theirs!r:.300}"
        raise Differs(message)
    return ours


def judge(decode: Decode, image: Image, data: bytes) -> Verdict:
    """What a decoder makes of a stream: its bytes and findings, or its refusal."""
    grid = image.grid
    length = grid.tile_width * grid.tile_height
    room = np.frombuffer(bytearray(GUARD + bytes(length) + GUARD), np.uint8)
    place = room[len(GUARD) : -len(GUARD)].reshape(1, grid.tile_height, grid.tile_width)
    segment = Segment(image, 0, 0, place)
    try:
        pixels = segment.exact(np.frombuffer(decode(segment, data), np.uint8)).tobytes()
        verdict = "pixels", (pixels, [finding.message for finding in segment.findings])
    except (tinycog.TinycogError, RuntimeError, ValueError) as error:
        verdict = "refused", f"{type(error).__name__}: {error}"
    if room[: len(GUARD)].tobytes() != GUARD or room[-len(GUARD) :].tobytes() != GUARD:
        message = "bytes beside the place for the pixels: they changed"
        raise Differs(message)
    return verdict


@cache
def image_of(length: int, *, reaches_over: bool, compression: int) -> Image:
    """An image of one tile of so many bytes, which may reach over its edge."""
    side = int(length**0.5)
    rows, cols = (side - 5, side - 3) if reaches_over else (side, side)
    file = make_tiff([make_image(np.zeros((1, rows, cols), np.uint8), tile=(side, side))])

    async def opened() -> Image:
        return (await tinycog.open(file)).levels[0].image

    return replace(asyncio.run(opened()), compression=compression)


def blocks(name: str, first: int, streams_: int) -> Iterator[Block]:
    """So many streams, by blocks; now and then it is told how far they are."""
    for start in range(first, first + streams_, BLOCK):
        if start > first and (start - first) % TOLD == 0:
            say(f"{start - first} streams are under way")
        yield Block(name, start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(description="Break streams; compare two decoders of each.")
    parser.add_argument("codec", choices=sorted(CODECS))
    parser.add_argument("--streams", type=int, default=1_000_000, help="so many (1000000)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first (0)")
    parser.add_argument("--processes", type=int, default=2, help="at a time (2)")
    options = parser.parse_args(arguments)
    codec = CODECS[options.codec]
    for side in streams.SIDES:  # what all children need, made once
        for reaches_over in (False, True):
            image_of(side * side, reaches_over=reaches_over, compression=codec.compression)
    sample = Counter(compare_one(codec, options.first + i)[0] for i in range(SAMPLE))
    say(f"imagecodecs {imagecodecs.__version__}; of {SAMPLE} streams, {dict(sample)}")
    children = Children(options.processes, exercise=compare)
    began = time.monotonic()
    items = blocks(options.codec, options.first, options.streams)
    with closing(children.failures(items, 25)) as failures:
        found = sort(failures)
    for (block, failure), times in found.values():
        say(f"{times} x {failure.kind}: {failure.where}, first in {block}\n{failure.detail}")
    seconds = time.monotonic() - began
    say(f"{children.done * BLOCK} streams in {seconds:.0f} s")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
