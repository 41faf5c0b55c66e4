"""References of a file: what `Cog.references` carries out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from tinycog.adapters.references.encoding import encoding_of
from tinycog.adapters.references.files import PARQUET, check_path, write
from tinycog.adapters.references.levels import read_levels, refusal
from tinycog.adapters.references.metadata import (
    ArrayPlan,
    Document,
    attributes_of,
    mapping_v2,
    mapping_v3,
)
from tinycog.adapters.references.read_back import check_arrays
from tinycog.argument_types import ReferenceCodecs, References
from tinycog.checks import check_integer
from tinycog.errors import UsageError

if TYPE_CHECKING:
    from tinycog.cog import Cog

Refs = dict[str, str | list[str | int]]

ZERO = "base64:AAAAAA=="
"""The chunk of a grid mapping: an int32."""


class ReferencePlan:
    """Arrays and grid mappings of the levels of a file, without a format."""

    def __init__(
        self, cog: Cog, arrays: Sequence[ArrayPlan], mappings: dict[str, Document]
    ) -> None:
        """Keep them."""
        self.cog = cog
        self.arrays = arrays
        self.mappings = mappings

    @classmethod
    async def make(
        cls, cog: Cog, levels: Iterable[int] | int | None, codecs: ReferenceCodecs
    ) -> ReferencePlan:
        """Read what references of levels need.

        Raises:
            UsageError: an argument is wrong, or pyproj is missing.
            UnsupportedError: references cannot express a level.
            TileIndexError, LimitError, FormatError, SourceError: as for `Cog.tile_ranges`.
        """
        if codecs not in ("numcodecs", "tinycog"):
            message = f'codecs={codecs!r} is unknown: expected "numcodecs" or "tinycog"'
            raise UsageError(message)
        await cog
        found = await read_levels(cog, _checked(levels, len(cog.levels)))
        arrays: list[ArrayPlan] = []
        mappings: dict[str, Document] = {}
        for n, chunks in enumerate(found):
            suffix = f"_{chunks.z}" if n else ""
            attributes, mapping = attributes_of(cog, chunks, suffix)
            if mapping is not None:
                mappings[attributes["grid_mapping"]] = mapping
            encoding = encoding_of(chunks, codecs)
            arrays.append(ArrayPlan(chunks, encoding, cog.nodata, suffix, attributes))
        return cls(cog, arrays, mappings)

    def refs(self, url: str, zarr_format: int) -> Refs:
        """Return the keys of a store, and what each is.

        Raises:
            UnsupportedError: zarr 2 cannot express a level.
        """
        refs: Refs = {}
        if zarr_format == 2:  # noqa: PLR2004 - the format's number
            refs[".zgroup"] = _text({"zarr_format": 2})
            refs[".zattrs"] = _text({})
            for name, mapping in self.mappings.items():
                refs |= _arrays_v2(name, *mapping_v2(mapping)) | {f"{name}/0": ZERO}
        else:
            refs["zarr.json"] = _text({"zarr_format": 3, "node_type": "group", "attributes": {}})
            for name, mapping in self.mappings.items():
                refs |= {f"{name}/zarr.json": _text(mapping_v3(mapping)), f"{name}/c": ZERO}
        for array in self.arrays:
            if zarr_format == 2:  # noqa: PLR2004 - the same
                refs |= _arrays_v2(array.name, *array.v2())
            else:
                refs[f"{array.name}/zarr.json"] = _text(array.v3())
            separator, start = (".", "") if zarr_format == 2 else ("/", "c/")  # noqa: PLR2004
            for place in array.chunks.stored:
                index = separator.join(map(str, array.chunk_index(place, zarr_format)))
                length = array.encoding.stored_length(place)
                refs[f"{array.name}/{start}{index}"] = [url, place.offset, length]
        return refs


def _arrays_v2(name: str, array: Document, attributes: Document) -> Refs:
    return {f"{name}/.zarray": _text(array), f"{name}/.zattrs": _text(attributes)}


def _text(document: Any) -> str:  # noqa: ANN401 - any JSON document
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def _checked(levels: Iterable[int] | int | None, count: int) -> list[int]:
    if levels is None:
        return list(range(count))
    chosen = [levels] if isinstance(levels, int) else list(levels)
    if not chosen or len(set(chosen)) < len(chosen):
        message = f"levels={chosen} names none, or one twice"
        raise UsageError(message)
    return [check_integer(z, "levels") for z in chosen]


def _check_all_stored(plan: ReferencePlan) -> None:
    """Refuse Parquet with references that are not there: fsspec fails at them with pandas 3.

    Raises:
        UnsupportedError: a tile is not stored (cog.references.fill).
    """
    for array in plan.arrays:
        if array.chunks.has_sparse:
            reason = "tiles are not stored, and fsspec fails at these in Parquet: write .json"
            raise refusal(array.chunks, "fill", reason)


async def make_references(
    cog: Cog,
    path: str | PathLike[str] | None,
    *,
    levels: Iterable[int] | int | None,
    zarr_format: int,
    codecs: ReferenceCodecs,
    url: str | None,
    check: int,
) -> References:
    """Carry out `Cog.references`; arguments and errors are its own."""
    if zarr_format not in (2, 3):
        message = f"zarr_format={zarr_format!r} is unknown: expected 2 or 3"
        raise UsageError(message)
    if check_integer(check, "check") < 1:
        message = f"check={check}: expected at least one chunk of each level"
        raise UsageError(message)
    target = None if path is None else check_path(path, zarr_format)
    url = url or cog.url
    if url is None:
        message = (
            f"references to {cog.name} need url=, by which others read it: it has none, or one that"
            " shows a credential"
        )
        raise UsageError(message)
    plan = await ReferencePlan.make(cog, levels, codecs)
    if target is not None and target.suffix in PARQUET:
        _check_all_stored(plan)
    references: References = {"version": 1, "refs": plan.refs(url, zarr_format)}
    await check_arrays(cog, plan.arrays, zarr_format, check)
    if target is not None:
        await asyncio.to_thread(write, references, target)
    return references
