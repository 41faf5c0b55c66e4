"""Many files that tinycog writes: codecs, dtypes, bands, masks, sizes, facts, byte orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray

import tinycog

SIZES = (1, 2, 3, 15, 16, 17, 31, 64, 65, 100, 127, 128, 129, 200, 257, 400)

LARGE_SIZES = (511, 512, 513, 777, 1023, 1024, 1025)

LOSSLESS = ("none", "deflate", "lzw", "zstd", "lzma", "packbits")

WIDE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")

LARGE = ("uint64", "int64")

RARE = ("float16", "complex64", "complex128")

METHODS = ("nearest", "average", "mode", "min", "max", "rms", "bilinear", "cubic", "MEAN", "MODE")

PICTURES = {
    "jpeg": (("uint8",), (1, 3)),
    "webp": (("uint8",), (3, 4)),
    "jxl": (("uint8", "uint16"), (1, 3)),
    "jpeg2000": (("uint8", "uint16"), (1, 3)),
    "lerc": (("uint8", "int16", "uint16", "int32", "float32", "float64"), (1, 2)),
    "lerc_deflate": (("uint8", "float32"), (1,)),
    "lerc_zstd": (("uint16", "float64"), (1,)),
}

ONLY_PIXELS = ("jpeg", "webp", "jxl", "jpeg2000", "lerc", "lerc_deflate", "lerc_zstd")
"""Codecs without words of their own: no nodata, no other byte order."""

Like = Literal["ramp", "noise", "nan", "extremes", "bits", "opacity"]
"""What the pixels are: numbers, no two alike, some NaN, largest and smallest, few bits, colours
with alpha."""


@dataclass(frozen=True)
class Case:
    """A file: its pixels, and how it is written.

    Attributes:
        number: seed of its pixels.
        shape: (bands, rows, cols).
        dtype: of the samples.
        options: of `tinycog.write`.
        masked: whether some pixels are not valid, by a mask.
        like: what its pixels are.
    """

    number: int
    shape: tuple[int, int, int]
    dtype: str
    options: dict[str, Any] = field(default_factory=dict)
    masked: bool = False
    like: Like = "ramp"

    @property
    def name(self) -> str:
        """What tells it from others."""
        told = "-".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        size = "x".join(map(str, self.shape))
        kind = f"{'-masked' if self.masked else ''}-{self.like}"
        return f"{self.number:04}-{size}-{self.dtype}-{told}{kind}"

    @property
    def is_lossless(self) -> bool:
        """Whether readers give the very same pixels."""
        compression = self.options["compression"]
        return (
            compression in LOSSLESS
            or compression.startswith("lerc")
            or bool(self.options.get("lossless"))
        )

    @property
    def is_planar(self) -> bool:
        """Whether each band has tiles of its own."""
        return self.options.get("interleave", "pixel") != "pixel"

    def pixels(self) -> NDArray[Any]:
        """The image, by default a ramp with noise, and an even corner."""
        rng = np.random.default_rng(self.number)
        bands, rows, cols = self.shape
        ramp = np.add.outer(np.arange(rows), np.arange(cols)) // 3 % 97
        ramp = np.maximum(ramp, 8) if self.options.get("mask") == "nodata" else ramp
        image = ramp[None] + rng.integers(0, 4, self.shape) + 20 * np.arange(bands)[:, None, None]
        # what a mask calls valid must not be nodata
        image[:, : rows // 3, : cols // 2] = 8 if self.options.get("mask") == "nodata" else 7
        if self.like == "bits":
            return (image % (1 << self.options["bits"])).astype(self.dtype)
        if self.like == "noise":
            noise = rng.normal(size=self.shape) * 1000
            return (noise if np.dtype(self.dtype).kind == "f" else noise % 100).astype(self.dtype)
        if self.like == "extremes":
            info = np.iinfo(self.dtype)
            ends = np.array([info.min, info.min + 1, info.max - 1, info.max], self.dtype)
            return ends[image % 4]
        image = image.astype(self.dtype)
        if self.like == "nan":
            image[rng.random(self.shape) < 0.2] = np.nan
        if self.like == "opacity":
            top = np.iinfo(self.dtype).max
            opacity = np.array([0, 0, top // 3, top, top], self.dtype)
            image[-1] = opacity[rng.integers(0, 5, (rows, cols))]
        return image

    def valid(self) -> NDArray[np.bool_]:
        """Which pixels are valid, if it is masked."""
        rng = np.random.default_rng(self.number + 1)
        valid = rng.random(self.shape[1:]) < 0.8
        valid[self.shape[1] // 2 :, : self.shape[2] // 3] = False
        return valid


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """Yield that many files, the same for each seed."""
    random = Random(seed)  # noqa: S311 - no secret
    for number in range(count):
        made = random.choice(KINDS)(number + 10_000 * seed, random)
        if max(made.shape) > 512:  # from here on validators want overviews
            made.options.pop("overviews", None)
        if random.random() < 0.4:
            made.options.update(_facts(made.shape[0], random))
        yield made


def _size(random: Random) -> int:
    return random.choice(LARGE_SIZES if random.random() < 0.06 else SIZES)


def _base(random: Random, codec: str, *, is_complex: bool = False) -> dict[str, Any]:
    """Options that any file may have."""
    methods = ("nearest", "average", "mode") if is_complex else METHODS
    options: dict[str, Any] = {
        "compression": codec,
        "blocksize": random.choice((16, 32, 64, 128)),
        "overview_resampling": random.choice(methods),
        "bigtiff": random.choice((None, None, None, True)),
    }
    if codec not in ONLY_PIXELS and random.random() < 0.3:
        options["byte_order"] = ">"
    if random.random() < 0.2:
        options["statistics"] = not is_complex
    if random.random() < 0.15:
        options["overview_blocksize"] = random.choice((16, 64, 256))
    if random.random() < 0.15:
        options["overviews"] = random.choice((False, 1, 3, [2, 8], [4]))
    return options


def _any(number: int, random: Random) -> Case:
    """Any codec, dtype and interleave, and nodata or a mask."""
    codec = random.choice((*LOSSLESS, *LOSSLESS, *PICTURES))
    if codec in PICTURES:
        dtypes, counts = PICTURES[codec]
        dtype, bands = random.choice(dtypes), random.choice(counts)
    else:
        dtype = random.choice((*WIDE, *WIDE, *LARGE, *RARE))
        bands = random.choice((1, 1, 2, 3, 4, 5))
    is_complex = dtype.startswith("complex")
    options = _base(random, codec, is_complex=is_complex)
    if codec in LOSSLESS:
        options["interleave"] = random.choice(("pixel", "pixel", "band", "tile"))
        has_differences = dtype == "complex64" and codec not in ("none", "packbits")
        options["predictor"] = random.choice((None, 2 if has_differences else 1))
    if codec in ("jxl", "jpeg2000"):
        options["lossless"] = random.random() < 0.5
    masked = random.random() < 0.3 and not is_complex
    if masked:
        options["mask"] = "internal"
    elif (
        random.random() < 0.3
        and not is_complex
        and codec not in ("jpeg", "webp")
        and options.get("lossless") is not False  # nodata would not be found again: refused
    ):
        options["nodata"] = 7
        options["sparse"] = random.random() < 0.5
        if random.random() < 0.3:
            masked, options["mask"] = codec in LOSSLESS, "nodata"
    return Case(number, (bands, _size(random), _size(random)), dtype, options, masked)


def _colours(number: int, random: Random) -> Case:
    """Alpha that the source has, or that says what is valid."""
    options = _base(random, random.choice(("deflate", "zstd", "lzw", "none")))
    dtype = random.choice(("uint8", "uint16"))
    size = _size(random), _size(random)
    if random.random() < 0.5:
        bands = random.choice((2, 4))
        names = ("red", "green", "blue") if bands == 4 else ("gray",)
        options["colorinterp"] = [*names, "alpha"]
        return Case(number, (bands, *size), dtype, options, like="opacity")
    options["mask"] = "alpha"
    return Case(number, (random.choice((1, 3)), *size), dtype, options, masked=True)


def _palette(number: int, random: Random) -> Case:
    """Indices of a palette, or few bits, or both."""
    options = _base(random, random.choice(("deflate", "lzw", "zstd", "packbits")))
    options["overview_resampling"] = random.choice(("nearest", "mode"))
    bits = random.choice((None, 1, 2, 4))
    like: Like = "ramp"
    if bits is not None:
        options["bits"] = bits
        like = "bits"
    if bits is None or random.random() < 0.5:
        top = 1 << (bits or 8)
        options["colormap"] = {i: (i * 3 % 256, 255 - i, i, 255) for i in range(top)}
    if random.random() < 0.3:
        options["nodata"] = 0
    return Case(number, (1, _size(random), _size(random)), "uint8", options, like=like)


def _rare(number: int, random: Random) -> Case:
    """Nodata that is NaN, the ends of integers, many bands."""
    options = _base(random, random.choice(LOSSLESS))
    size = _size(random), _size(random)
    kind = random.choice(("nan", "extremes", "many"))
    if kind == "nan":
        options |= {"nodata": float("nan"), "sparse": random.random() < 0.5}
        dtype = random.choice(("float32", "float64", "float16"))
        return Case(number, (random.choice((1, 3)), *size), dtype, options, like="nan")
    if kind == "extremes":
        dtype = random.choice(("int64", "uint64", "int32", "uint32", "int8"))
        info = np.iinfo(dtype)
        if random.random() < 0.5:
            options["nodata"] = random.choice((info.min, info.max))
        return Case(number, (1, *size), dtype, options, like="extremes")
    options["interleave"] = random.choice(("pixel", "band", "tile"))
    return Case(number, (random.randint(10, 14), *size), random.choice(WIDE), options)


def _like_gdal(number: int, random: Random) -> Case:
    """Overviews of GDAL's sizes, to the bit."""
    options = _base(random, random.choice(("deflate", "zstd", "lzw")))
    options.pop("overviews", None)
    options.pop("overview_blocksize", None)
    options["overview_resampling"] = random.choice(("nearest", "average", "mode"))
    options["like"] = "gdal"
    dtype = random.choice(("uint8", "int16", "uint16", "float32"))
    if random.random() < 0.4:
        options["nodata"] = 7
    return Case(number, (random.choice((1, 1, 3)), _size(random), _size(random)), dtype, options)


KINDS: tuple[Callable[[int, Random], Case], ...] = (
    _any,
    _any,
    _any,
    _colours,
    _palette,
    _rare,
    _like_gdal,
)


def _facts(bands: int, random: Random) -> dict[str, Any]:
    """What is told of the image besides its pixels."""
    found: dict[str, Any] = {}
    place = random.choice(("north-up", "rotated", "point", "gcps", "rpcs", "none"))
    if place in ("north-up", "point"):
        found |= {"crs": 32633, "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
        if place == "point":
            found["area_or_point"] = "Point"
    elif place == "rotated":
        found |= {"crs": 3857, "transform": Affine(0.8, 0.6, -1e6, 0.6, -0.8, 2e6)}
    elif place == "gcps":
        corners = ((0.0, 0.0), (0.0, 9.0), (7.0, 0.0), (7.0, 9.0))
        found |= {
            "crs": 4326,
            "gcps": [
                tinycog.GroundControlPoint(row, col, 10 + col / 8, 50 - row / 8, 3.0, "")
                for row, col in corners
            ],
        }
    elif place == "rpcs":
        line = tuple(float(i) / 8 for i in range(20))
        found["rpcs"] = tinycog.RPC(
            500.0,
            400.0,
            51.5,
            0.25,
            line,
            line,
            5.0,
            6.0,
            -3.0,
            0.5,
            line,
            line,
            4.0,
            3.0,
            1.0,
            0.5,
        )
    if random.random() < 0.5:
        found["descriptions"] = [f"band {i} é" if i % 3 else None for i in range(bands)]
        found["scales"] = [0.5 + i for i in range(bands)]
        found["offsets"] = [-1.0 * i for i in range(bands)]
        found["units"] = ["m" if i % 2 else None for i in range(bands)]
        found["tags"] = {"AUTHOR": "x < y & z", "B": ""}
    return found
