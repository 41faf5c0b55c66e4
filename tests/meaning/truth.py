"""What is true of a file: pixels and masks of both levels, by GDAL or by a written rule."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from geo_files import in_rasterio
from rasterio.enums import MaskFlags

RGBA = 4
ENDS = ["red", "alpha"]
"""Colours of the first and of the last of four bands where rasterio asks alpha alone."""


class Truth(NamedTuple):
    """A level, as a dataset shows it.

    Attributes:
        pixels: (bands, rows, cols).
        band_masks: (bands, rows, cols), True = valid.
        mask: (rows, cols), True = valid.
    """

    pixels: np.ndarray
    band_masks: np.ndarray
    mask: np.ndarray

    def part(self, rows: slice, cols: slice) -> Truth:
        """Return a part of it."""
        at = np.s_[..., rows, cols]
        return Truth(*(array[at] for array in self))

    def padded(self, before: int, after: int, fill: float) -> Truth:
        """Return it with pixels around it that are not valid."""
        wide = ((before, after), (before, after))
        return Truth(
            np.pad(self.pixels, ((0, 0), *wide), constant_values=fill),
            np.pad(self.band_masks, ((0, 0), *wide)),
            np.pad(self.mask, wide),
        )

    def filled(self, fill: float) -> Truth:
        """Return it with `fill` for what is not valid."""
        pixels = np.where(self.band_masks, self.pixels, fill).astype(self.pixels.dtype)
        return self._replace(pixels=pixels)

    def every(self, step: int) -> Truth:
        """Return the pixels that the nearest ones are, `step` times coarser."""
        at = np.s_[..., step // 2 :: step, step // 2 :: step]
        return Truth(*(array[at] for array in self))


class Facts(NamedTuple):
    """What GDAL says of a file.

    Attributes:
        levels: levels 0 and 1.
        nodata: of the dataset.
        flags: rasterio's mask flags of each band.
    """

    levels: list[Truth]
    nodata: float | None
    flags: list[list[str]]


def ask_gdal(data: bytes) -> Facts:
    """Read both levels by GDAL: level 1 as a read of the dataset at its size."""
    with in_rasterio(data) as dataset:
        levels: list[Truth] = []
        for step in (1, 2):
            shape = (dataset.height // step, dataset.width // step)
            pixels = dataset.read(out_shape=(dataset.count, *shape))
            masks = dataset.read_masks(out_shape=(dataset.count, *shape)) > 0
            flags = dataset.mask_flag_enums
            if step > 1 and set(flags[0]) == {MaskFlags.per_dataset, MaskFlags.nodata}:
                # GDAL looks at the pixels of level 0 for those of level 1 (gdal.nodata.values)
                words = dataset.tags()["NODATA_VALUES"].split()
                values = np.array(words, float)[:, None, None]
                masks = np.broadcast_to((pixels != values).any(axis=0), pixels.shape)
            if step > 1 and MaskFlags.alpha in flags[0]:
                # likewise, of alpha of 16 bits
                masks = np.broadcast_to(pixels[-1] != 0, pixels.shape).copy()
                masks[-1] = True
            # as rasterio's dataset_mask says it, which is for the full size only
            if any(MaskFlags.alpha in of_band for of_band in flags):
                mask = masks[0]
            elif [str(colour.name) for colour in dataset.colorinterp][:: RGBA - 1] == ENDS:
                mask = masks[-1]
            else:
                mask = np.logical_or.reduce(masks)
            levels.append(Truth(pixels, masks, mask))
        np.testing.assert_array_equal(levels[0].mask, dataset.dataset_mask() > 0)
        words = [[flag.name for flag in of_band] for of_band in flags]
        return Facts(levels, dataset.nodata, words)


def mean(truth: Truth, step: int, fill: float) -> Truth:
    """Return means of blocks, of valid pixels alone (gdal.mask.precedence; see resample).

    A written rule: where GDAL averages by nodata it moves a mean that equals nodata by one.
    """
    rows, cols = (n // step for n in truth.mask.shape)

    def blocks(array: np.ndarray) -> np.ndarray:
        return array.reshape(-1, rows, step, cols, step).sum(axis=(2, 4), dtype=np.float64)

    counts = blocks(truth.band_masks)
    values = np.where(truth.band_masks, truth.pixels, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = blocks(values) / counts
    if truth.pixels.dtype.kind in "iu":
        means = np.floor(np.nan_to_num(means) + 0.5)
    pixels = np.where(np.greater(counts, 0), means, fill).astype(truth.pixels.dtype)
    mask = np.greater(blocks(truth.mask[None]), 0)[0]
    masks: np.ndarray = np.greater(counts, 0)
    return Truth(pixels, masks, mask)
