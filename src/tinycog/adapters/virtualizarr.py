"""A parser of TIFFs for VirtualiZarr: its manifests of chunks, without kerchunk.

Needs the extra `virtualizarr`, on Python 3.12 or later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

import tinycog
from tinycog.adapters.references.make import ReferencePlan
from tinycog.adapters.references.metadata import ArrayPlan, Document, mapping_v3
from tinycog.adapters.references.read_back import check_arrays
from tinycog.argument_types import ReferenceCodecs
from tinycog.extras import check_installed

ZARR_FORMAT = 3


@dataclass(frozen=True)
class Parser:
    """Makes the manifest store of a TIFF for `virtualizarr.open_virtual_dataset`.

    ::

        registry = ObjectStoreRegistry({"s3://bucket": S3Store("bucket")})
        vds = open_virtual_dataset("s3://bucket/image.tif", registry, Parser(levels=0))

    Attributes:
        levels: as for `Cog.references`.
        codecs: as for `Cog.references`.
        check: as for `Cog.references`.
    """

    levels: Iterable[int] | int | None = None
    codecs: ReferenceCodecs = "numcodecs"
    check: int = 2

    def __call__(self, url: str, registry: Any) -> Any:  # noqa: ANN401 - VirtualiZarr's classes
        """Return the `ManifestStore` of a file.

        The header and the chunks that are read back come through the store that the registry
        names, as all chunks do later.

        Args:
            url: of the file, as chunks name it.
            registry: an `ObjectStoreRegistry` of obspec-utils that resolves it.

        Raises:
            UsageError: VirtualiZarr is not installed, or an argument is wrong.
            UnsupportedError: manifests cannot express a level, and why.
            FormatError, SourceError: the file cannot be read.
        """
        check_installed("virtualizarr", "virtualizarr")
        store, path = registry.resolve(url)
        with ThreadPoolExecutor(1) as thread:  # the caller may run an event loop
            plan = thread.submit(asyncio.run, self._plan(store, path)).result()
        return _manifest_store(plan, url, registry)

    async def _plan(self, store: Any, path: str) -> ReferencePlan:  # noqa: ANN401 - any of obspec's
        async with tinycog.open(path, store=store) as cog:
            plan = await ReferencePlan.make(cog, self.levels, self.codecs)
            await check_arrays(cog, plan.arrays, ZARR_FORMAT, self.check)
            return plan


def _manifest_store(plan: ReferencePlan, url: str, registry: Any) -> Any:  # noqa: ANN401
    from virtualizarr.manifests import (  # noqa: PLC0415 - a library of its own
        ChunkManifest,
        ManifestArray,
        ManifestGroup,
        ManifestStore,
    )
    from zarr.core.metadata.v3 import ArrayV3Metadata  # noqa: PLC0415 - the same

    from tinycog.adapters import zarr_codec as _  # noqa: F401, PLC0415 - registers tinycog_tile

    def array_of(document: Document, manifest: Any) -> Any:  # noqa: ANN401
        metadata = ArrayV3Metadata.from_dict(cast("Any", document))
        return ManifestArray(metadata=metadata, chunkmanifest=manifest)

    arrays = {array.name: array_of(array.v3(), _manifest(array, url)) for array in plan.arrays}
    for name, mapping in plan.mappings.items():
        nothing = {"path": "", "offset": 0, "length": 4, "data": bytes(4)}
        arrays[name] = array_of(mapping_v3(mapping), ChunkManifest({"c": nothing}, shape=()))
    return ManifestStore(ManifestGroup(arrays=arrays), registry=registry)


def _manifest(array: ArrayPlan, url: str) -> Any:  # noqa: ANN401 - VirtualiZarr's class
    from virtualizarr.manifests import ChunkManifest  # noqa: PLC0415 - a library of its own

    shape = [
        -(-n // c)
        for n, c in zip(array.shape(ZARR_FORMAT), array.chunk_shape(ZARR_FORMAT), strict=True)
    ]
    paths = np.full(shape, "", np.dtypes.StringDType())
    offsets, lengths = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    for place in array.chunks.stored:
        index = tuple(array.chunk_index(place, ZARR_FORMAT))
        paths[index] = url
        offsets[index] = place.offset
        lengths[index] = array.encoding.stored_length(place)
    return ChunkManifest.from_arrays(paths=paths, offsets=offsets, lengths=lengths)
