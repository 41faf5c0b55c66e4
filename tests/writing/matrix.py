"""Many files that tinycog writes: codecs, dtypes, bands, masks, sizes, byte orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZES = (1, 2, 3, 15, 16, 17, 31, 64, 65, 100, 127, 128, 129, 200, 257, 400)

LOSSLESS = ("none", "deflate", "lzw", "zstd", "lzma", "packbits")

WIDE = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")

LARGE = ("uint64", "int64")

RARE = ("float16", "complex64", "complex128")

PICTURES = {
    "jpeg": (("uint8",), (1, 3)),
    "webp": (("uint8",), (3, 4)),
    "lerc": (("uint8", "int16", "uint16", "int32", "float32", "float64"), (1, 2)),
    "lerc_deflate": (("uint8", "float32"), (1,)),
    "lerc_zstd": (("uint16", "float64"), (1,)),
}


@dataclass(frozen=True)
class Case:
    """A file: its pixels, and how it is written.

    Attributes:
        number: seed of its pixels.
        shape: (bands, rows, cols).
        dtype: of the samples.
        options: of `tinycog.write`.
        masked: whether some pixels are not valid, by a mask.
    """

    number: int
    shape: tuple[int, int, int]
    dtype: str
    options: dict[str, Any] = field(default_factory=dict)
    masked: bool = False

    @property
    def name(self) -> str:
        """What tells it from others."""
        told = "-".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        size = "x".join(map(str, self.shape))
        return f"{self.number:04}-{size}-{self.dtype}-{told}{'-masked' if self.masked else ''}"

    @property
    def is_lossless(self) -> bool:
        """Whether readers give the very same pixels."""
        return self.options["compression"] in (*LOSSLESS, "lerc", "lerc_deflate", "lerc_zstd")

    def pixels(self) -> NDArray[Any]:
        """The image: a ramp with noise, and an even corner."""
        rng = np.random.default_rng(self.number)
        bands, rows, cols = self.shape
        ramp = np.add.outer(np.arange(rows), np.arange(cols)) // 3 % 97
        image = ramp[None] + rng.integers(0, 4, self.shape) + 20 * np.arange(bands)[:, None, None]
        image[:, : rows // 3, : cols // 2] = 7
        return image.astype(self.dtype)

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
        yield _case(number, random)


def _case(number: int, random: Random) -> Case:
    rows, cols = random.choice(SIZES), random.choice(SIZES)
    codec = random.choice((*LOSSLESS, *LOSSLESS, *PICTURES))
    options: dict[str, Any] = {"compression": codec, "blocksize": random.choice((16, 32, 64, 128))}
    if codec in PICTURES:
        dtypes, counts = PICTURES[codec]
        dtype, bands = random.choice(dtypes), random.choice(counts)
    else:
        dtype = random.choice((*WIDE, *WIDE, *LARGE, *RARE))
        bands = random.choice((1, 1, 2, 3, 4, 5))
        options["interleave"] = random.choice(("pixel", "pixel", "band", "tile"))
        options["predictor"] = random.choice((None, 1))
    is_complex = dtype.startswith("complex")
    methods = ("nearest",) if is_complex else ("nearest", "average", "mode", "min", "rms", "cubic")
    options["overview_resampling"] = random.choice(methods)
    if random.random() < 0.3 and codec not in ("webp", "lerc", "lerc_deflate", "lerc_zstd"):
        options["byte_order"] = ">"
    options["bigtiff"] = random.choice((None, None, None, True))
    masked = random.random() < 0.3 and not is_complex
    if masked:
        options["mask"] = "internal"
    elif random.random() < 0.3 and not is_complex and codec not in ("jpeg", "webp"):
        options["nodata"] = 7
        options["sparse"] = random.random() < 0.5
    if random.random() < 0.2:
        options["statistics"] = True
    return Case(number, (bands, rows, cols), dtype, options, masked)
