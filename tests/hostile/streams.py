"""Compressed streams that are bombs, endless, torn, or of huge windows."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import imagecodecs
import numpy as np

from hostile.case import Made, Shape, attack, in_turn, stream_image, written
from tinycog.testing import Field
from tinycog.tiff.spec import Compression, Tag

Item = tuple[str, Callable[[Shape], bytes]]
ZEROS = 64 << 20
"""Bytes of 0 that a bomb holds."""

BOMBS = {
    Compression.DEFLATE: lambda: zlib.compress(bytes(ZEROS), 9),
    Compression.OLD_DEFLATE: lambda: zlib.compress(bytes(ZEROS), 1),
    Compression.ZSTD: lambda: bytes(imagecodecs.zstd_encode(bytes(ZEROS))),
    Compression.LZMA: lambda: lzma.compress(bytes(ZEROS), preset=1),
    Compression.PACKBITS: lambda: b"\x81\0" * (1 << 19),
    Compression.LZW: lambda: bytes(imagecodecs.lzw_encode(bytes(ZEROS))),
}


@cache
def bomb(code: Compression) -> bytes:
    """A stream of a few kilobytes, or some more, that holds so many."""
    return BOMBS[code]()


SIDE = 256


def _image(shape: Shape, data: bytes, compression: int, *fields: Field, **options: object) -> bytes:
    return written(stream_image(data, compression, *fields, **options), shape)  # type: ignore[arg-type]


@attack
def bombs() -> Made:
    """Streams of a few kilobytes that hold 64 MiB, in a tile of 64 KiB."""

    def items() -> Iterator[Item]:
        for code in BOMBS:
            yield f"{code.name} too long", lambda s, c=code: _image(s, bomb(c), c)
            yield f"{code.name} torn", lambda s, c=code: _image(s, bomb(c)[:5000], c)
            for word, rows, cols in (
                ("as long as it says", 8192, 8192),
                ("of a tile of 1 GB", 32768, 32768),
                ("of half a tile of 240 MB", 15360, 16384),
                ("of half a tile of 120 MB", 7680, 16384),
            ):
                size = {"size": (rows, cols), "tile": (rows, cols)}
                yield (
                    f"{code.name} {word}",
                    lambda s, c=code, z=size: _image(s, bomb(c), c, **z),
                )
        for code in (2, 3, 4, 32766, 34676, 34887, 7, 50001, 34712, 50002, 34933, 34925):
            for name, fill in (("zeros", b"\0"), ("ones", b"\xff"), ("words", b"\x12\x87\xf0")):
                one = code in (2, 3, 4)
                bits = 1 if one else {32766: 2, 34676: 16}.get(code, 8)
                yield (
                    f"compression {code} of {name}",
                    lambda s, c=code, f=fill, b=bits: _image(s, f * (200_000 // len(f)), c, bits=b),
                )
                if bits < 8:
                    yield (
                        f"compression {code} of {name} in a large tile",
                        lambda s, c=code, f=fill, b=bits: _image(
                            s, f * 999, c, bits=b, size=(16000, 16000), tile=(16000, 16000)
                        ),
                    )

    yield from in_turn(items())


def xz_of_dictionary(data: bytes, code: int) -> bytes:
    """An xz stream whose block header claims another size of dictionary."""
    head = bytearray(data[12:24])
    length = (head[0] + 1) * 4
    assert length == 12, length
    assert head[2] == 0x21, head
    head[4] = code
    head[8:12] = struct.pack("<I", zlib.crc32(bytes(head[:8])))
    return data[:12] + bytes(head) + data[24:]


@attack
def lzma_dictionaries() -> Made:
    """Dictionaries of gigabytes; other containers, other filters; many blocks."""
    pixels = np.random.default_rng(0).integers(0, 8, (SIDE, SIDE), np.uint8).tobytes()
    plain = lzma.compress(pixels)

    def items() -> Iterator[Item]:
        for code in (0, 24, 30, 34, 37, 38, 39, 40, 41):
            yield (
                f"dictionary {code}",
                lambda s, c=code: _image(s, xz_of_dictionary(plain, c), Compression.LZMA),
            )
        alone = lzma.compress(pixels, lzma.FORMAT_ALONE)
        yield "alone", lambda s: _image(s, alone, Compression.LZMA)
        greedy = alone[:1] + b"\xff\xff\xff\xff" + alone[5:]
        yield "alone with a dictionary of 4 GB", lambda s: _image(s, greedy, Compression.LZMA)
        chain = [
            {"id": lzma.FILTER_DELTA, "dist": 4},
            {"id": lzma.FILTER_X86},
            {"id": lzma.FILTER_ARM},
            {"id": lzma.FILTER_LZMA2, "preset": 6},
        ]
        filtered = lzma.compress(pixels, filters=chain)
        yield "four filters", lambda s: _image(s, filtered, Compression.LZMA)
        blocks = lzma.compress(b"")
        yield "10000 empty streams", lambda s: _image(s, blocks * 10_000 + plain, Compression.LZMA)
        yield "padding", lambda s: _image(s, plain + bytes(4 << 20), Compression.LZMA)
        pieces = b"".join(lzma.compress(pixels[i : i + 64]) for i in range(0, len(pixels), 64))
        yield "a stream for each 64 bytes", lambda s: _image(s, pieces, Compression.LZMA)

    yield from in_turn(items())


@attack
def zstd_frames() -> Made:
    """Windows and content sizes that lie; skippable and empty frames without number."""
    magic = struct.pack("<I", 0xFD2FB528)
    pixels = bytes(range(256)) * 256
    good = bytes(imagecodecs.zstd_encode(pixels))
    raw_block = struct.pack("<I", (1 << 0) | (0 << 1) | (100 << 3))[:3] + bytes(100)

    def items() -> Iterator[Item]:
        for exponent in (0, 10, 17, 20, 21, 30, 31):
            window = magic + bytes([0x00, exponent << 3]) + raw_block
            yield (
                f"window of 2^{10 + exponent}",
                lambda s, d=window: _image(s, d, Compression.ZSTD, size=(10, 10), tile=(10, 10)),
            )
        for size in (0, 1 << 16, 1 << 31, 1 << 62, (1 << 64) - 1):
            lying = magic + b"\xe0" + struct.pack("<Q", size) + raw_block
            yield f"content of {size:x}", lambda s, d=lying: _image(s, d, Compression.ZSTD)
        skip = struct.pack("<II", 0x184D2A50, 0)
        yield (
            "100000 skippable frames",
            lambda s: _image(s, skip * 100_000 + good, Compression.ZSTD),
        )
        empty = bytes(imagecodecs.zstd_encode(b""))
        yield "50000 empty frames", lambda s: _image(s, empty * 50_000 + good, Compression.ZSTD)
        # blocks of run-length: one byte becomes 128 KiB
        rle = (
            magic + b"\0\x38" + (struct.pack("<I", (1 << 1) | (1 << 17 << 3))[:3] + b"\0") * 20_000
        )
        yield "2.6 GB of runs", lambda s: _image(s, rle, Compression.ZSTD)
        yield "dictionary wanted", lambda s: _image(s, magic + b"\x01\x38\x07" + raw_block, 50000)

    yield from in_turn(items())


@attack
def deflate_streams() -> Made:
    """Zlib headers, dictionaries, empty blocks, wrong checksums."""
    pixels = bytes(range(256)) * 256
    good = zlib.compress(pixels)

    def items() -> Iterator[Item]:
        yield "preset dictionary", lambda s: _image(s, b"\x78\xbb" + good[2:], 8)
        yield "empty blocks", lambda s: _image(s, b"\x78\x9c" + b"\0\0\0\xff\xff" * 400_000, 8)
        yield (
            "empty blocks, then pixels",
            lambda s: _image(s, b"\x78\x9c" + b"\0\0\0\xff\xff" * 400_000 + good[2:], 8),
        )
        yield "wrong checksum", lambda s: _image(s, good[:-4] + b"ABCD", 8)
        yield "gzip", lambda s: _image(s, b"\x1f\x8b" + good, 8)
        yield "raw", lambda s: _image(s, good[2:-4], 8)
        yield "tail of 2 MB", lambda s: _image(s, good + b"\xff" * (2 << 20), 8)
        yield "nothing", lambda s: _image(s, zlib.compress(b""), 8)
        yield "one byte", lambda s: _image(s, b"\x78", 8)

    yield from in_turn(items())


def _large_blob() -> bytes:
    return bytes(imagecodecs.lerc_encode(np.zeros((10_240, 10_240), np.uint8)))


@attack
def lerc_blobs() -> Made:
    """LERC: headers that lie, many blobs, bombs inside of bombs."""
    pixels = (np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 251).astype(np.uint8)
    good = bytes(imagecodecs.lerc_encode(pixels))
    flat = bytes(imagecodecs.lerc_encode(np.zeros((SIDE, SIDE), np.uint8)))
    params = lambda kind: Field(Tag.LercParameters, "LONG", [4, kind])  # noqa: E731

    def at(data: bytes, place: int, number: int) -> bytes:
        return data[:place] + struct.pack("<i", number) + data[place + 4 :]

    def items() -> Iterator[Item]:
        code = Compression.LERC
        for place in range(6, 66, 4):
            for number in (0, -1, 0x7FFFFFFF, 65536):
                yield (
                    f"{number:x} at byte {place}",
                    lambda s, p=place, n=number: _image(s, at(good, p, n), code, params(0)),
                )
        yield "2000 blobs", lambda s: _image(s, flat * 2000, code, params(0))
        yield "60 blobs of one band", lambda s: _image(s, good * 60, code, params(0))
        yield (
            "bomb in Deflate",
            lambda s: _image(s, zlib.compress(flat + bytes(ZEROS)), code, params(1)),
        )
        yield (
            "bomb in ZSTD",
            lambda s: _image(
                s, bytes(imagecodecs.zstd_encode(flat + bytes(ZEROS))), code, params(2)
            ),
        )
        yield "blobs in Deflate", lambda s: _image(s, zlib.compress(flat * 50_000), code, params(1))
        yield "wrapper 99", lambda s: _image(s, good, code, params(99))
        yield "first version", lambda s: _image(s, b"CntZImage " + good[10:], code, params(0))
        yield (
            "100 MB of one value",
            lambda s: _image(
                s, _large_blob(), code, params(0), size=(10_240, 10_240), tile=(10_240, 10_240)
            ),
        )
        wide = bytes(imagecodecs.lerc_encode(np.zeros((SIDE, SIDE, 200), np.uint8)))
        yield "200 values a pixel", lambda s: _image(s, wide, code, params(0))

    yield from in_turn(items())
