"""Streams that are whole pictures, with headers of their own."""

# ruff: noqa: B008 - the streams of a list are made with it

from __future__ import annotations

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

SIDE = 256
_ramp = np.add.outer(np.arange(SIDE), 2 * np.arange(SIDE))
GRAY = (_ramp % 251).astype(np.uint8)
RGB = np.stack([GRAY, GRAY.T, 255 - GRAY], axis=2)


def _image(shape: Shape, data: bytes, compression: int, *fields: Field, **options: object) -> bytes:
    return written(stream_image(data, compression, *fields, **options), shape)  # type: ignore[arg-type]


def _put(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _jpeg(pixels: np.ndarray, **options: object) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, level=80, **options))  # type: ignore[arg-type]


@attack
def jpeg() -> Made:  # noqa: C901 - a list
    """Frames that lie, scans without number, tables that are none."""
    code = Compression.JPEG
    good = _jpeg(GRAY)
    frame = good.index(b"\xff\xc0") + 4
    colour = _jpeg(RGB, colorspace="RGB", outcolorspace="YCBCR")

    def items() -> Iterator[Item]:  # noqa: C901 - a list
        for rows, cols in (
            (65535, 65535),
            (0, 256),
            (256, 0),
            (255, 256),
            (512, 256),
            (65535, 256),
        ):
            size = struct.pack(">HH", rows, cols)
            yield (
                f"frame {rows} x {cols}",
                lambda s, z=size: _image(s, _put(good, frame + 1, z), code),
            )
            yield (
                f"frame {rows} x {cols} in a strip",
                lambda s, z=size: written(_strip(_put(good, frame + 1, z), code), s),
            )
        for bits in (0, 1, 7, 12, 16, 255):
            yield (
                f"precision {bits}",
                lambda s, b=bits: _image(s, _put(good, frame, bytes([b])), code),
            )
        for marker in (0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCB, 0xCF):
            yield (
                f"frame of kind {marker:x}",
                lambda s, m=marker: _image(s, _put(good, frame - 3, bytes([m])), code),
            )
        for factors in (0x00, 0x14, 0x44, 0xFF, 0x10):
            yield (
                f"factors {factors:x}",
                lambda s, f=factors: _image(s, _put(good, frame + 7, bytes([f])), code),
            )
        for count in (0, 2, 4, 255):
            yield (
                f"{count} components",
                lambda s, c=count: _image(s, _put(good, frame + 5, bytes([c])), code),
            )
        for side, count in ((SIDE, 8), (SIDE, 1000), (SIDE, 30_000), (8192, 8), (8192, 3000)):
            size = {"size": (side, side), "tile": (side, side)}
            yield (
                f"{count} scans of {side}",
                lambda s, d=_scans_of(side, count), z=size: _image(s, d, code, **z),
            )
        yield "two frames", lambda s: _image(s, good[:-2] + good[2:], code)
        yield "no end", lambda s: _image(s, good[:-2], code)
        yield "no pixels", lambda s: _image(s, good[: frame + 20], code)
        yield (
            "comments",
            lambda s: _image(
                s, good[:2] + (b"\xff\xfe\xff\xff" + bytes(65533)) * 100 + good[2:], code
            ),
        )
        yield "fill bytes", lambda s: _image(s, good[:2] + b"\xff" * 3_000_000 + good[2:], code)
        yield (
            "height 65500 of nothing",
            lambda s: _image(
                s,
                _put(good, frame + 1, struct.pack(">HH", 65500, 256)),
                code,
                size=(65500, 256),
                tile=(65504, 256),
            ),
        )
        for name, tables in {
            "empty": b"",
            "no tables": b"\xff\xd8\xff\xd9",
            "garbage": bytes(range(256)) * 4,
            "a whole stream": good,
            "torn": good[:60],
            "1 MB": b"\xff\xd8" + (b"\xff\xfe\xff\xff" + bytes(65533)) * 16 + b"\xff\xd9",
        }.items():
            field = Field(Tag.JPEGTables, "UNDEFINED", tables)
            yield f"tables {name}", lambda s, f=field: _image(s, good, code, f)
        yield (
            "YCbCr of gray",
            lambda s: _image(
                s, good, code, Field(Tag.PhotometricInterpretation, "SHORT", 6), bands=3
            ),
        )
        for at in range(20, len(colour) - 20, len(colour) // 20):
            broken = _put(colour, at, b"\xff\xda\xff\xc4\xff\xd9")
            yield (
                f"broken at {at}",
                lambda s, d=broken: _image(
                    s, d, code, Field(Tag.PhotometricInterpretation, "SHORT", 6), bands=3
                ),
            )
        arithmetic = _put(good, frame - 3, b"\xc9")
        yield "arithmetic", lambda s: _image(s, arithmetic, code)
        yield "as old JPEG", lambda s: _image(s, good, 6)
        yield (
            "old JPEG of tables",
            lambda s: _image(
                s,
                b"\0" * 100,
                6,
                Field(Tag.JPEGInterchangeFormat, "LONG", 8),
                Field(Tag.JPEGInterchangeFormatLength, "LONG", 0xFFFFFFFF),
                Field(Tag.JPEGQTables, "LONG", [1, 2, 3]),
            ),
        )

    yield from in_turn(items())


def _scans_of(side: int, count: int) -> bytes:
    """A progressive frame of a side, written by hand, with empty scans."""
    quant = b"\xff\xdb\0\x43\0" + bytes([1] * 64)
    frame = b"\xff\xc2\0\x0b\x08" + struct.pack(">HH", side, side) + b"\x01\x01\x11\0"
    huffman = b"\xff\xc4\0\x14\0" + bytes([1] + [0] * 15) + b"\0"
    huffman += b"\xff\xc4\0\x14\x10" + bytes([1] + [0] * 15) + b"\0"
    dc = b"\xff\xda\0\x08\x01\x01\0\0\0\0" + b"\0"
    ac = b"\xff\xda\0\x08\x01\x01\0\x01\x3f\0" + b"\0"
    return b"\xff\xd8" + quant + frame + huffman + dc + ac * count + b"\xff\xd9"


def _strip(data: bytes, code: int):
    image = stream_image(data, code)
    fields = (
        Field(Tag.RowsPerStrip, "LONG", SIDE),
        Field(Tag.StripOffsets, "OFFSET", next(f.values for f in image.fields if f.tag == 324)),
        Field(Tag.StripByteCounts, "LONG", [len(data)]),
    )
    return image.without(322, 323, 324, 325).having(*fields)


@attack
def jpeg_2000() -> Made:  # noqa: C901 - a list
    """SIZ, COD and boxes that lie."""
    code = Compression.JPEG_2000
    good = bytes(imagecodecs.jpeg2k_encode(GRAY, codecformat="j2k", reversible=True))
    boxed = bytes(imagecodecs.jpeg2k_encode(GRAY, codecformat="jp2", reversible=True))
    box = boxed.index(b"jp2h") - 4
    siz = good.index(b"\xff\x51") + 4
    cod = good.index(b"\xff\x52") + 4

    def items() -> Iterator[Item]:  # noqa: C901 - a list
        for place, word in (
            (2, "Xsiz"), (6, "Ysiz"), (10, "XOsiz"), (14, "YOsiz"),
            (18, "XTsiz"), (22, "YTsiz"), (26, "XTOsiz"), (30, "YTOsiz"),
        ):  # fmt: skip
            for number in (0, 1, 2, 255, 65536, 0x7FFFFFFF, 0xFFFFFFFF):
                patch = struct.pack(">I", number)
                yield (
                    f"{word} {number:x}",
                    lambda s, p=place, n=patch: _image(s, _put(good, siz + p, n), code),
                )
        for number in (0, 2, 255, 16384, 65535):
            yield (
                f"{number} components",
                lambda s, n=number: _image(s, _put(good, siz + 34, struct.pack(">H", n)), code),
            )
        for place, word in ((36, "precision"), (37, "XRsiz"), (38, "YRsiz")):
            for number in (0, 2, 37, 128, 255):
                yield (
                    f"{word} {number}",
                    lambda s, p=place, n=number: _image(s, _put(good, siz + p, bytes([n])), code),
                )
        for number in (0, 100, 65535):
            yield (
                f"{number} layers",
                lambda s, n=number: _image(s, _put(good, cod + 2, struct.pack(">H", n)), code),
            )
        for place, word in (
            (0, "style"), (1, "progression"), (4, "transform"), (5, "resolutions"),
            (6, "block width"), (7, "block height"), (8, "block style"), (9, "wavelet"),
        ):  # fmt: skip
            for number in (0, 1, 5, 8, 32, 33, 255):
                yield (
                    f"{word} {number}",
                    lambda s, p=place, n=number: _image(s, _put(good, cod + p, bytes([n])), code),
                )
        yield "torn", lambda s: _image(s, good[: len(good) // 2], code)
        yield "head only", lambda s: _image(s, good[: cod + 20], code)
        yield "boxes", lambda s: _image(s, boxed, code)
        for name, head in {
            "box of 2^64": b"\0\0\0\1jp2c" + b"\xff" * 8,
            "box of 0": b"\0\0\0\0free",
            "10000 boxes": b"\0\0\0\x08free" * 10_000,
        }.items():
            yield name, lambda s, h=head: _image(s, boxed[:box] + h + boxed[box:], code)
        tiles = _put(_put(good, siz + 18, struct.pack(">II", 1, 1)), siz + 2, b"")
        yield "tiles of 1 x 1", lambda s: _image(s, tiles, code)
        for side in (4096, 8192, 16384):
            flat = _flat(side)
            yield (
                f"nothing at {side}",
                lambda s, d=flat, n=side: _image(s, d, code, size=(n, n), tile=(n, n)),
            )
        for i in range(0, len(good) - 8, len(good) // 12):
            yield (
                f"broken at {i}",
                lambda s, d=_put(good, i, b"\xff\x90\xff\x93\xff\xd9"): _image(s, d, code),
            )
        colour = bytes(imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", level=60))
        for n in (33003, 33005):
            yield f"Aperio {n}", lambda s, c=n: _image(s, colour, c, bands=3)
            wide = _put(colour, siz + 2, struct.pack(">II", 65535, 65535))
            yield f"Aperio {n} large", lambda s, c=n, d=wide: _image(s, d, c, bands=3)

    def _flat(side: int) -> bytes:
        small = bytes(
            imagecodecs.jpeg2k_encode(np.zeros((SIDE, SIDE), np.uint8), codecformat="j2k")
        )
        at = small.index(b"\xff\x51") + 4
        small = _put(small, at + 2, struct.pack(">II", side, side))
        return _put(small, at + 18, struct.pack(">II", side, side))

    yield from in_turn(items())


@attack
def jpeg_xl() -> Made:
    """Headers of codestreams and containers that lie; animations."""
    code = Compression.JPEG_XL
    good = bytes(imagecodecs.jpegxl_encode(GRAY, lossless=True))
    boxed = bytes(imagecodecs.jpegxl_encode(GRAY, lossless=True, usecontainer=True))
    film = bytes(
        imagecodecs.jpegxl_encode(np.stack([GRAY] * 20), lossless=True, photometric="gray")
    )

    def items() -> Iterator[Item]:
        for at in range(2, 24):
            for byte in (0x00, 0x7F, 0xFF):
                yield (
                    f"{byte:02x} at byte {at}",
                    lambda s, d=_put(good, at, bytes([byte])): _image(s, d, code),
                )
        for at in range(0, 44, 4):
            yield f"box {at}", lambda s, d=_put(boxed, at, b"\xff\xff\xff\xff"): _image(s, d, code)
        yield "boxes", lambda s: _image(s, boxed, code)
        at = boxed.index(b"jxlc") - 4
        free = b"\0\0\0\x08free" * 100_000
        yield "100000 boxes", lambda s: _image(s, boxed[:at] + free + boxed[at:], code)
        yield "animation", lambda s: _image(s, film, code)
        yield "torn", lambda s: _image(s, good[: len(good) // 2], code)
        yield "head only", lambda s: _image(s, good[:12], code)
        for side in (512, 4096, 16384, 65536, 1 << 20, (1 << 30) - 1):
            yield (
                f"codestream of {side}",
                lambda s, d=_jxl_of(good, side): _image(s, d, code),
            )
            if side < 20_000:
                yield (
                    f"codestream of {side} in such a tile",
                    lambda s, d=_jxl_of(good, side), n=side: _image(
                        s, d, code, size=(n, n), tile=(n, n)
                    ),
                )
        for i in range(24, len(good) - 8, max(len(good) // 12, 1)):
            yield f"broken at {i}", lambda s, d=_put(good, i, b"\xff\0\xff\0"): _image(s, d, code)

    yield from in_turn(items())


def _jxl_of(good: bytes, side: int) -> bytes:
    """The codestream with a SizeHeader of a square of that side, the rest as it was."""
    bits = int.from_bytes(good[2:], "little")

    # drop the old SizeHeader: small=1: 5 bits + ratio 3 (+5); small=0: 2 selector + n + ratio 3
    def size_length(value: int) -> int:
        if value & 1:
            used, ratio = 1 + 5, value >> 6 & 7
            return used + 3 + (0 if ratio else 5)
        widths = (9, 13, 18, 30)
        used = 1 + 2 + widths[value >> 1 & 3]
        ratio = value >> used & 7
        used += 3
        if not ratio:
            used += 2 + widths[value >> used & 3]
        return used

    rest = bits >> size_length(bits)
    length = (len(good) - 2) * 8 - size_length(bits)
    selector = next(i for i, n in enumerate((9, 13, 18, 30)) if side <= 1 << n)
    width = (9, 13, 18, 30)[selector]
    head = 0 | selector << 1 | (side - 1) << 3 | 1 << (3 + width)
    used = 1 + 2 + width + 3
    whole = head | rest << used
    return b"\xff\x0a" + whole.to_bytes(-(-(used + length) // 8), "little")


@attack
def webp() -> Made:  # noqa: C901 - a list
    """Canvases, animations, chunks."""
    code = Compression.WEBP
    good = bytes(imagecodecs.webp_encode(RGB, lossless=True))
    lossy = bytes(imagecodecs.webp_encode(RGB, level=70, lossless=False))

    def canvas(width: int, height: int, flags: int, body: bytes) -> bytes:
        sizes = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        chunks = b"VP8X" + struct.pack("<IB3x", 10, flags) + sizes + body
        return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks

    def items() -> Iterator[Item]:
        for side in (16383, 16384, 1 << 24, 255, 1):
            for name, data in (("lossless", good), ("lossy", lossy)):
                yield (
                    f"canvas {side} {name}",
                    lambda s, d=canvas(side, side, 0, data[12:]): _image(s, d, code, bands=3),
                )
        for flags in (0x02, 0x10, 0xFF):
            data = canvas(SIDE, SIDE, flags, good[12:])
            yield f"flags {flags:x}", lambda s, d=data: _image(s, d, code, bands=3)
        frame = b"ANMF" + struct.pack("<I", 16 + len(good) - 12) + bytes(6)
        frame += struct.pack("<I", SIDE - 1)[:3] * 2 + b"\1\0\0\0" + good[12:]
        film = canvas(SIDE, SIDE, 2, b"ANIM" + struct.pack("<IIH", 6, 0, 0) + frame * 500)
        yield "500 frames", lambda s: _image(s, film, code, bands=3)
        for side in (16383, 8191):
            bits = 0x2F | (side - 1) << 8 | (side - 1) << 22
            huge = _put(good, 20, struct.pack("<Q", bits)[:5])
            yield f"VP8L of {side}", lambda s, d=huge: _image(s, d, code, bands=3)
            yield (
                f"VP8L of {side} in such a tile",
                lambda s, d=huge, n=side: _image(s, d, code, bands=3, size=(n, n), tile=(n, n)),
            )
        at = lossy.index(b"\x9d\x01\x2a") + 3
        for side in (0, 1, 16383):
            yield (
                f"VP8 of {side}",
                lambda s, d=_put(lossy, at, struct.pack("<HH", side, side)): _image(
                    s, d, code, bands=3
                ),
            )
        for size in (0, 0xFFFFFFFF, 12):
            yield (
                f"RIFF of {size:x}",
                lambda s, d=_put(good, 4, struct.pack("<I", size)): _image(s, d, code, bands=3),
            )
        yield "torn", lambda s: _image(s, good[: len(good) // 2], code, bands=3)
        for i in range(30, len(lossy) - 8, len(lossy) // 10):
            yield (
                f"broken at {i}",
                lambda s, d=_put(lossy, i, b"\xff\0\xff\0"): _image(s, d, code, bands=3),
            )

    yield from in_turn(items())


@cache
def _bomb() -> bytes:
    return zlib.compress(bytes(60 << 20), 9)


@attack
def png() -> Made:
    """IHDR that lies, text that is a bomb, interlacing."""
    code = Compression.PNG
    good = bytes(imagecodecs.png_encode(GRAY))

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    def headed(width: int, height: int, *rest: int) -> bytes:
        head = struct.pack(">IIBBBBB", width, height, *(rest or (8, 0, 0, 0, 0)))
        return good[:8] + chunk(b"IHDR", head) + good[33:]

    def with_chunk(name: bytes, body: bytes) -> bytes:
        return good[:33] + chunk(name, body) + good[33:]

    def items() -> Iterator[Item]:
        for size in (
            (0, 0),
            (1 << 31, 1),
            ((1 << 31) - 1, (1 << 31) - 1),
            (255, 256),
            (65536, 256),
        ):
            yield f"of {size}", lambda s, z=size: _image(s, headed(*z), code)
        for rest in (
            (1, 0, 0, 0, 0),
            (16, 2, 0, 0, 0),
            (8, 3, 0, 0, 0),
            (8, 0, 0, 0, 1),
            (7, 9, 9, 9, 9),
        ):
            yield f"of kind {rest}", lambda s, r=rest: _image(s, headed(SIDE, SIDE, *r), code)
        for name in (b"zTXt", b"iCCP"):
            yield (
                f"{name.decode()} bomb",
                lambda s, n=name: _image(s, with_chunk(n, b"a\0\0" + _bomb()), code),
            )
        yield "iTXt bomb", lambda s: _image(s, with_chunk(b"iTXt", b"a\0\1\0\0\0" + _bomb()), code)
        many = good[:33] + chunk(b"tEXt", b"a\0b") * 50_000 + good[33:]
        yield "50000 texts", lambda s: _image(s, many, code)
        yield "APNG", lambda s: _image(s, with_chunk(b"acTL", struct.pack(">II", 1 << 30, 0)), code)
        yield (
            "IDAT bomb",
            lambda s: _image(s, good[:33] + chunk(b"IDAT", _bomb()) + chunk(b"IEND", b""), code),
        )
        unknown = with_chunk(b"\xff\xfe\xfd\xfc", b"")
        yield "chunk that is no text", lambda s: _image(s, unknown, code)
        yield "torn", lambda s: _image(s, good[: len(good) // 2], code)

    yield from in_turn(items())


@attack
def jpeg_xr() -> Made:
    """Refused unless asked for."""
    data = bytes(imagecodecs.jpegxr_encode(GRAY, level=0.9))
    for shape in (Shape("<", big=False), Shape(">", big=True)):
        yield f"as it is {shape.word}", _image(shape, data, Compression.JPEG_XR)
        yield f"garbage {shape.word}", _image(shape, data[:40] + bytes(99), Compression.JPEG_XR)
