"""Files of the matrix: two levels, which agree or not about nodata and masks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from tinycog.testing import Directory, Field, make_image, make_tiff
from tinycog.tiff.spec import Photometric, Tag

SIZE, TILE = 64, 16
"""Rows and columns of level 0, and of a stored tile. Level 1 has half as many rows."""

ZOOM = 3
"""Zoom level of the web tiles that the tiles of level 0 are; there are four each way."""

WORLD = 2 * 20037508.342789244
LEFT, TOP, PIXEL = -WORLD / 2 + WORLD / 4, WORLD / 2 - WORLD / 4, WORLD / 2**ZOOM / TILE

NODATA = ("none", "level 0", "level 1", "both", "differing", "NaN", "per band")
MASKS = ("none", "both levels", "level 0", "level 1", "alpha")
LAYOUTS = ("pixel", "band", "strips")
DTYPES = ("uint8", "int16", "uint16", "float32")


class Case(NamedTuple):
    """One file of the matrix."""

    nodata: str
    mask: str
    layout: str
    dtype: str
    palette: bool

    @property
    def name(self) -> str:
        """All values, in a line."""
        kind = "palette" if self.palette else "gray or colours"
        return f"nodata {self.nodata}; mask {self.mask}; {self.layout}; {self.dtype}; {kind}"

    @property
    def features(self) -> set[str]:
        """The values of its axes, in pairs with the way that says what is valid."""
        return {
            f"{self.nodata}/{self.mask}",
            *(f"{self.layout}/{word}" for word in (self.nodata, self.mask, self.dtype)),
            f"palette/{self.palette}/{self.nodata}",
        }

    def data(self) -> bytes:
        """Make the file."""
        rng = np.random.default_rng(abs(hash_of(self.name)))
        pixels = self._pixels(rng)
        levels = [
            self._level(pixels, 0),
            self._level(self._pixels(rng)[:, : SIZE // 2, : SIZE // 2].copy(), 1),
        ]
        masks = [
            _mask(rng.random((n, n)) < 0.6, kind)
            for n, kind, where in ((SIZE, 4, "level 0"), (SIZE // 2, 5, "level 1"))
            if self.mask in ("both levels", where)
        ]
        return make_tiff([*levels, *masks])

    @property
    def bands(self) -> int:
        """Number of bands."""
        if self.palette:
            return 1
        return 4 if self.mask == "alpha" else 3

    def _pixels(self, rng: np.random.Generator) -> np.ndarray:
        """Values of which some are nodata, in single bands and in all at once."""
        values = rng.integers(1, 5, (self.bands, SIZE, SIZE)).astype(self.dtype)
        everywhere = rng.random((SIZE, SIZE)) < 0.2
        values[:, everywhere] = values[:1, everywhere]
        if self.mask == "alpha":
            values[-1] = rng.integers(0, 3, (SIZE, SIZE))
        if self.nodata == "NaN" and values.dtype.kind == "f":
            values[values == 2] = np.nan
        return values

    def _level(self, pixels: np.ndarray, z: int) -> Directory:
        planar, strips = self.layout == "band", self.layout == "strips"
        tiling: dict[str, Any] = {"rows_per_strip": 7} if strips else {"tile": (TILE, TILE)}
        image = make_image(pixels, planar=planar, subfile_type=z, compression=8, **tiling)
        return image.having(*self._facts(z), *(_place() if z == 0 else []))

    def _facts(self, z: int) -> list[Field]:
        fields: list[Field] = []
        texts = {
            "level 0": ("2", None),
            "level 1": (None, "2"),
            "both": ("2", "2"),
            "differing": ("2", "3"),
            "NaN": ("nan", None),
        }
        text = texts.get(self.nodata, (None, None))[z]
        if text is not None:
            fields.append(Field(Tag.GDALNoData, "ASCII", text))
        if self.nodata == "per band" and z == 0:
            words = " ".join(str(2 + i) for i in range(self.bands))
            xml = f'<GDALMetadata><Item name="NODATA_VALUES">{words}</Item></GDALMetadata>'
            fields.append(Field(Tag.GDALMetadata, "ASCII", xml))
        if self.palette:
            fields.append(Field(Tag.PhotometricInterpretation, "SHORT", Photometric.PALETTE))
            colours = np.random.default_rng(0).integers(0, 256, 768) * 257
            fields.append(Field(Tag.ColorMap, "SHORT", colours.tolist()))
        elif self.bands > 1:
            fields.append(Field(Tag.PhotometricInterpretation, "SHORT", Photometric.RGB))
        if self.mask == "alpha":
            fields.append(Field(Tag.ExtraSamples, "SHORT", [2]))
        return fields


def hash_of(text: str) -> int:
    """Return the same number for a text in every process."""
    return int.from_bytes(text.encode()[-8:], "little") ^ len(text)


def _mask(valid: np.ndarray, kind: int) -> Directory:
    fields = Field(Tag.NewSubfileType, "LONG", kind), Field(262, "SHORT", 4)
    samples = valid[None].astype(np.uint8) * 255
    return make_image(samples, tile=(TILE, TILE), compression=8).having(*fields)


def _place() -> list[Field]:
    keys = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3857]
    return [
        Field(Tag.ModelPixelScale, "DOUBLE", [PIXEL, PIXEL, 0.0]),
        Field(Tag.ModelTiepoint, "DOUBLE", [0.0, 0.0, 0.0, LEFT, TOP, 0.0]),
        Field(Tag.GeoKeyDirectory, "SHORT", keys),
    ]


def all_cases() -> list[Case]:
    """Return the whole matrix, without files that cannot be."""
    return list(_cases())


def _cases() -> Iterator[Case]:
    for values in product(NODATA, MASKS, LAYOUTS, DTYPES, (False, True)):
        case = Case(*values)
        may_be_palette = case.mask != "alpha" and case.layout != "band" and case.dtype == "uint8"
        if case.palette and not may_be_palette:
            continue
        if case.nodata == "NaN" and case.dtype != "float32":
            continue
        yield case


def sample(cases: list[Case]) -> list[Case]:
    """Return cases that have every feature at least once."""
    left = {feature for case in cases for feature in case.features}
    chosen: list[Case] = []
    for case in cases:
        if case.features & left:
            chosen.append(case)
            left -= case.features
    return chosen
