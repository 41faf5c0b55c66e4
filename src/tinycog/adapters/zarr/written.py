"""A zarr v3 group of pixels, mask, coordinates and georeference, written chunk by chunk.

Its variables are those of a level in `Cog.zarr_store(levels="groups")`, and so are its attributes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import zarr as zarr_library
from numpy.typing import NDArray

from tinycog import Window
from tinycog.adapters.cf import GRID_MAPPING, has_transform
from tinycog.adapters.zarr.attributes import (
    SPATIAL_DIMENSIONS,
    grid_mapping_attributes,
    level_attributes,
    variable_attributes,
)
from tinycog.adapters.zarr.documents import Json, consolidated
from tinycog.adapters.zarr.hierarchy import DOCUMENT
from tinycog.adapters.zarr.levels import BANDS, MASK, PIXELS, centres

OF_ZARR = (DOCUMENT, ".zgroup", ".zarray", ".zmetadata")
"""Documents of which a zarr store has one."""


class ZarrFolder:
    """A zarr group in a folder; calls block."""

    def __init__(self, facts: object, chunk: tuple[int, int], *, has_mask: bool) -> None:
        """Take what it will hold; nothing is opened.

        Args:
            facts: of the pixels: shape, dtype, place, nodata, by the names of a `Cog`.
            chunk: (rows, cols) of a chunk; all bands are in one.
            has_mask: whether there is a mask.
        """
        self._facts: Any = facts
        self._chunk = chunk
        self._has_mask = has_mask
        self._folder = Path()
        self._arrays: dict[str, Any] = {}

    def is_one(self, folder: Path) -> bool:
        """Return whether a folder is a zarr store."""
        return folder.is_dir() and any((folder / name).exists() for name in OF_ZARR)

    def open(self, folder: Path, *, again: bool) -> None:
        """Make group and arrays, or open them."""
        self._folder = folder
        zarr: Any = zarr_library
        names = [PIXELS, *([MASK] if self._has_mask else [])]
        if again:
            group = zarr.open_group(folder, mode="r+", use_consolidated=False)
            self._arrays = {name: group[name] for name in names}
            return
        facts = self._facts
        place = level_attributes(facts, facts)
        group = zarr.create_group(folder, overwrite=True, zarr_format=3, attributes=place)
        bands, rows, cols = facts.shape
        chunk = min(self._chunk[0], rows), min(self._chunk[1], cols)
        self._arrays[PIXELS] = group.create_array(
            PIXELS,
            shape=(bands, rows, cols),
            chunks=(bands, *chunk),
            dtype=facts.dtype,
            fill_value=0 if facts.nodata is None else facts.nodata,
            dimension_names=BANDS,
            attributes=place | variable_attributes(facts, facts.dtype),
        )
        if self._has_mask:
            self._arrays[MASK] = group.create_array(
                MASK,
                shape=(rows, cols),
                chunks=chunk,
                dtype=np.dtype(np.bool_),
                fill_value=False,
                dimension_names=SPATIAL_DIMENSIONS,
                attributes=place,
            )
        numbers = np.arange(1, int(bands) + 1)
        _add(group, "band", numbers, ["band"], {})
        _add(group, GRID_MAPPING, np.array(0), [], grid_mapping_attributes(facts, facts))
        if has_transform(facts):
            for axis, values in centres(facts, facts).items():
                _add(group, axis, values, [axis], {"axis": axis.upper()})

    def write(self, window: Window, data: NDArray[Any], mask: NDArray[np.bool_]) -> None:
        """Write whole chunks."""
        col, row, width, height = window
        place = slice(row, row + height), slice(col, col + width)
        self._arrays[PIXELS][:, *place] = data
        if self._has_mask:
            self._arrays[MASK][place] = mask

    def seal(self) -> None:
        """Put the documents of all arrays into that of the group: opening needs no listing."""
        root = self._folder / DOCUMENT
        members = {
            path.parent.name: json.loads(path.read_text("utf-8"))
            for path in sorted(self._folder.glob(f"*/{DOCUMENT}"))
        }
        group = json.loads(root.read_text("utf-8"))
        root.write_text(json.dumps(consolidated(group, members), allow_nan=False), "utf-8")


def _add(
    group: Any,  # noqa: ANN401 - of zarr
    name: str,
    values: NDArray[Any],
    dimensions: list[str],
    attributes: Json,
) -> None:
    array = group.create_array(
        name,
        shape=values.shape,
        chunks=values.shape,
        dtype=values.dtype,
        dimension_names=dimensions,
        attributes=attributes,
    )
    array[...] = values
