"""References as others open them: zarr, xarray, VirtualiZarr."""

from __future__ import annotations

import asyncio
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import fixture_path

REASON = "needs Python 3.12 and the extra ecosystem"
zarr = pytest.importorskip("zarr", minversion="3.1", reason=REASON)
vz = pytest.importorskip("virtualizarr", reason=REASON)
pytest.importorskip("kerchunk", reason=REASON)
obstore = pytest.importorskip("obstore", reason=REASON)
rioxarray = pytest.importorskip("rioxarray", reason=REASON)

# ruff: noqa: E402 - what these need is looked for first
import fsspec
import xarray as xr
from fsspec.implementations.reference import LazyReferenceMapper
from obspec_utils.registry import ObjectStoreRegistry
from references.judge import WAYS, judge_file

import tinycog
from tinycog.adapters import zarr_codec as _zarr_codec
from tinycog.adapters.virtualizarr import Parser

OURS = [way for way in WAYS if way.codecs == "tinycog"]
V3 = [way for way in WAYS if way.zarr_format == 3]

RIGHT = {
    "cog-deflate-u8": WAYS,
    "cog-none-u8": WAYS,
    "cog-complex64": WAYS,
    "cog-sparse-nodata": WAYS,
    "cog-nodata-nan": WAYS,
    "cog-10-bands-u16": OURS,
    "cog-sparse": V3,
    "cog-jpeg-ycbcr-mask": OURS,
    "cog-lerc-nan": OURS,
    "cog-nbits12": OURS,
    "cog-webp-rgba": OURS,
    "strip-be-planar-u16-p2": OURS,
    "strip-ccitt-fax4": OURS,
    "strip-none-u8": OURS,
}


@pytest.mark.parametrize("name", RIGHT)
async def test_files_are_the_same_by_references_or_refused(name):
    outcomes = await judge_file(fixture_path(name))
    assert {way for way, outcome in outcomes.items() if outcome.kind == "right"} == set(RIGHT[name])
    assert {outcome.kind for outcome in outcomes.values()} <= {"right", "refused"}, outcomes


CORPUS = Path(os.environ.get("TINYCOG_CORPUS", "")) / "files"


@pytest.mark.skipif(not os.environ.get("TINYCOG_CORPUS"), reason="TINYCOG_CORPUS names no corpus")
async def test_a_part_of_the_corpus_is_never_wrong():
    for path in sorted(CORPUS.iterdir())[::60]:
        outcomes = await judge_file(path)
        assert "wrong" not in {outcome.kind for outcome in outcomes.values()}, path


# --- by xarray -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")
async def test_xarray_opens_them_with_their_georeference(tmp_path):
    cog = await tinycog.open(fixture_path("cog-deflate-u8"))
    await cog.references(tmp_path / "refs.json")
    pixels = (await cog.read()).data

    def read() -> Any:
        dataset = xr.open_dataset(str(tmp_path / "refs.json"), engine="kerchunk")
        return dataset, dataset["0"].values

    dataset, found = await asyncio.to_thread(read)
    np.testing.assert_array_equal(found, pixels)
    assert cog.crs is not None
    assert dataset["0"].rio.crs.to_epsg() == cog.crs.to_epsg()
    assert dataset["0"].rio.transform() == cog.transform


@pytest.mark.parametrize("zarr_format", [2, 3])
async def test_xarray_masks_nodata_and_only_nodata(zarr_format):
    cog = await tinycog.open(fixture_path("cog-sparse-nodata"))
    refs = await cog.references(zarr_format=zarr_format, levels=0)
    fs = fsspec.filesystem("reference", fo=refs, asynchronous=True, remote_protocol="file")
    store = zarr.storage.FsspecStore(fs, read_only=True)
    masked = (await cog.read()).masked()

    def read() -> np.ndarray:
        return xr.open_zarr(store, consolidated=False)["0"].values

    found = await asyncio.to_thread(read)
    np.testing.assert_array_equal(np.isnan(found), masked.mask)
    np.testing.assert_array_equal(found[~masked.mask], masked.compressed())


@pytest.mark.filterwarnings("ignore:The 'fastparquet' engine is deprecated")
async def test_parquet_is_read_by_fsspecs_mapper(tmp_path):
    cog = await tinycog.open(fixture_path("cog-deflate-u8"))
    target = tmp_path / "refs.parq"
    await cog.references(target)
    references = await cog.references(target)  # replaces the first
    pixels = (await cog.read(level=1)).data

    mapper = LazyReferenceMapper(str(target), fsspec.filesystem("file"))
    chunks = {key for key, value in references["refs"].items() if isinstance(value, list)}
    assert {key: list(mapper[key]) for key in chunks} == {
        key: references["refs"][key] for key in chunks
    }

    def read() -> Any:
        return xr.open_dataset(str(target), engine="kerchunk")["1"].values

    np.testing.assert_array_equal(await asyncio.to_thread(read), pixels)


# --- by VirtualiZarr -----------------------------------------------------------------------------


def opened(name: str, codecs: tinycog.ReferenceCodecs) -> tuple[Any, Any]:
    """The manifest store of a file, and its virtual dataset."""
    url = f"file://{fixture_path(name)}"
    registry = ObjectStoreRegistry({"file://": obstore.store.LocalStore()})
    parser = Parser(levels=0, codecs=codecs)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numcodecs codecs are not in the Zarr version 3")
        warnings.filterwarnings("ignore", ".*have a chunk shape larger than their array shape")
        return parser(url, registry), vz.open_virtual_dataset(url, registry, parser)


@pytest.mark.parametrize(
    ("name", "codecs"),
    [
        ("cog-deflate-u8", "numcodecs"),
        ("cog-none-u8", "numcodecs"),
        ("cog-sparse-nodata", "numcodecs"),
        ("cog-sparse", "tinycog"),
        ("cog-jpeg-ycbcr-mask", "tinycog"),
        ("strip-be-planar-u16-p2", "tinycog"),
    ],
)
async def test_virtualizarr_reads_the_same_pixels(name, codecs):
    pixels = (await tinycog.open(fixture_path(name)).read(masked=False)).data
    store, virtual = await asyncio.to_thread(opened, name, codecs)

    group = await asyncio.to_thread(zarr.open_group, store, mode="r", zarr_format=3)
    array: Any = group["0"]
    np.testing.assert_array_equal(await asyncio.to_thread(lambda: array[...]), pixels)
    assert virtual["0"].dims == ("band", "y", "x")


@pytest.mark.parametrize("zarr_format", [2, 3])
async def test_what_virtualizarr_writes_for_kerchunk_has_our_codec(zarr_format):
    """A codec from arrays to bytes would be left out of zarr 2, and pixels be wrong."""
    pixels = (await tinycog.open(fixture_path("strip-be-planar-u16-p2")).read()).data
    _, virtual = await asyncio.to_thread(opened, "strip-be-planar-u16-p2", "tinycog")
    refs = virtual.vz.to_kerchunk(format="dict", zarr_format=zarr_format)
    fs = fsspec.filesystem("reference", fo=refs, asynchronous=True, remote_protocol="file")
    group = zarr.open_group(zarr.storage.FsspecStore(fs, read_only=True), mode="r")
    array: Any = group["0"]
    np.testing.assert_array_equal(await asyncio.to_thread(lambda: array[...]), pixels)
    with pytest.raises(tinycog.UnsupportedError, match="does not encode"):
        zarr.create_array({}, shape=(4, 4), dtype="u2", compressors=_codec(array))[...] = 1


def _codec(array: Any) -> Any:
    metadata = array.metadata
    return metadata.codecs[-1] if metadata.zarr_format == 3 else _zarr_codec_of(metadata)


def _zarr_codec_of(metadata: Any) -> Any:
    (config,) = [codec.get_config() for codec in metadata.filters]
    name = config.pop("id")
    return _zarr_codec.ZarrTileCodec.from_dict({"name": name, "configuration": config})


async def test_the_parser_refuses_as_references_do():
    with pytest.raises(tinycog.UnsupportedError, match="compression JPEG"):
        await asyncio.to_thread(opened, "cog-jpeg-ycbcr-mask", "numcodecs")
