"""`write`: a COG in one pass, of whatever gives pixels, to wherever a file may stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, overload

from tinycog.argument_types import (
    CrsLike,
    FileSystem,
    Interleave,
    MaskKind,
    NamedMember,
    ObjectStore,
    OverviewMethod,
    PixelDtype,
    PixelsLike,
    Progress,
    WarpResamplingLike,
    WindowLike,
    WriteProfile,
    WriteWhere,
)
from tinycog.checks import numbers
from tinycog.cog import Cog
from tinycog.errors import UsageError
from tinycog.geo.transform import make_affine
from tinycog.geo.written_facts import WrittenFacts
from tinycog.raster import Raster
from tinycog.targets.protocol import WriteTarget
from tinycog.tracebacks import short_tracebacks
from tinycog.write_job import WriteJob, Written, carry_out, plan_of
from tinycog.writer.check_facts import check_facts
from tinycog.writer.options import DEFAULT_MEMORY, check_options, one_of
from tinycog.writer.pending import Write
from tinycog.writer.plan import WritePlan
from tinycog.writer.sources.cog import Subset
from tinycog.writer.sources.dask_delayed import DelayedWrite
from tinycog.writer.sources.make import is_lazy
from tinycog.writer.sources.web_tiles import WebGrid

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.colour import Colormap
    from tinycog.geo.transform import RPC, GroundControlPoint
    from tinycog.mosaics import Mosaic  # loads the rules among files
    from tinycog.services import Service


class HasAsynchronous(Protocol):
    """A handle of `tinycog.sync`."""

    @property
    def asynchronous(self) -> Cog:
        """The handle that it stands for."""
        ...


PixelsFrom: TypeAlias = "PixelsLike | Cog | Mosaic | Service | Raster | HasAsynchronous"
"""What `write` takes pixels from."""


@overload
def write(
    target: WriteWhere | WriteTarget,
    source: PixelsFrom,
    *,
    plan: Literal[False] = False,
    profile: WriteProfile = "default",
    shape: Sequence[int] | None = None,
    dtype: PixelDtype | None = None,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    tiling_scheme: Literal["WebMercatorQuad"] | None = None,
    zoom: int | None = None,
    warp_resampling: WarpResamplingLike = "bilinear",
    crs: CrsLike | None = None,
    transform: Affine | Sequence[float] | None = None,
    nodata: float | None = None,
    gcps: Sequence[GroundControlPoint] = (),
    rpcs: RPC | None = None,
    area_or_point: Literal["Area", "Point"] | None = None,
    descriptions: Sequence[str | None] | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    units: Sequence[str | None] | None = None,
    colorinterp: Sequence[str | NamedMember] | None = None,
    colormap: Colormap | Mapping[int, Sequence[int]] | None = None,
    tags: Mapping[str, str] | None = None,
    compression: str | None = None,
    level: int | Literal["auto", "fast"] | None = None,
    predictor: int | str | None = None,
    quality: float | None = None,
    lossless: bool | None = None,
    max_z_error: float | None = None,
    distance: float | None = None,
    effort: int | None = None,
    photometric: Literal["ycbcr", "rgb"] | None = None,
    blocksize: int | None = None,
    overview_blocksize: int | None = None,
    overviews: bool | int | Sequence[int] | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    interleave: Interleave | None = None,
    mask: MaskKind | None = None,
    sparse: bool = False,
    statistics: bool | None = None,
    bigtiff: bool | None = None,
    byte_order: Literal["<", ">"] = "<",
    bits: int | None = None,
    memory: int = DEFAULT_MEMORY,
    verify: bool = False,
    spool: str | PathLike[str] | None = None,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    storage_options: Mapping[str, object] | None = None,
    overwrite: bool = True,
    resume: bool | str | PathLike[str] = False,
    progress: Progress | None = None,
) -> Write[Written]: ...


@overload
def write(
    target: WriteWhere | WriteTarget,
    source: PixelsFrom,
    *,
    plan: Literal[True],
    profile: WriteProfile = "default",
    shape: Sequence[int] | None = None,
    dtype: PixelDtype | None = None,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    tiling_scheme: Literal["WebMercatorQuad"] | None = None,
    zoom: int | None = None,
    warp_resampling: WarpResamplingLike = "bilinear",
    crs: CrsLike | None = None,
    transform: Affine | Sequence[float] | None = None,
    nodata: float | None = None,
    gcps: Sequence[GroundControlPoint] = (),
    rpcs: RPC | None = None,
    area_or_point: Literal["Area", "Point"] | None = None,
    descriptions: Sequence[str | None] | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    units: Sequence[str | None] | None = None,
    colorinterp: Sequence[str | NamedMember] | None = None,
    colormap: Colormap | Mapping[int, Sequence[int]] | None = None,
    tags: Mapping[str, str] | None = None,
    compression: str | None = None,
    level: int | Literal["auto", "fast"] | None = None,
    predictor: int | str | None = None,
    quality: float | None = None,
    lossless: bool | None = None,
    max_z_error: float | None = None,
    distance: float | None = None,
    effort: int | None = None,
    photometric: Literal["ycbcr", "rgb"] | None = None,
    blocksize: int | None = None,
    overview_blocksize: int | None = None,
    overviews: bool | int | Sequence[int] | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    interleave: Interleave | None = None,
    mask: MaskKind | None = None,
    sparse: bool = False,
    statistics: bool | None = None,
    bigtiff: bool | None = None,
    byte_order: Literal["<", ">"] = "<",
    bits: int | None = None,
    memory: int = DEFAULT_MEMORY,
    verify: bool = False,
    spool: str | PathLike[str] | None = None,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    storage_options: Mapping[str, object] | None = None,
    overwrite: bool = True,
    resume: bool | str | PathLike[str] = False,
    progress: Progress | None = None,
) -> Write[WritePlan]: ...


@short_tracebacks
def write(  # noqa: PLR0913 - each has a name
    target: WriteWhere | WriteTarget,
    source: PixelsFrom,
    *,
    plan: bool = False,
    profile: WriteProfile = "default",
    shape: Sequence[int] | None = None,
    dtype: PixelDtype | None = None,
    window: WindowLike | None = None,
    bounds: Sequence[float] | None = None,
    tiling_scheme: Literal["WebMercatorQuad"] | None = None,
    zoom: int | None = None,
    warp_resampling: WarpResamplingLike = "bilinear",
    crs: CrsLike | None = None,
    transform: Affine | Sequence[float] | None = None,
    nodata: float | None = None,
    gcps: Sequence[GroundControlPoint] = (),
    rpcs: RPC | None = None,
    area_or_point: Literal["Area", "Point"] | None = None,
    descriptions: Sequence[str | None] | None = None,
    scales: Sequence[float] | None = None,
    offsets: Sequence[float] | None = None,
    units: Sequence[str | None] | None = None,
    colorinterp: Sequence[str | NamedMember] | None = None,
    colormap: Colormap | Mapping[int, Sequence[int]] | None = None,
    tags: Mapping[str, str] | None = None,
    compression: str | None = None,
    level: int | Literal["auto", "fast"] | None = None,
    predictor: int | str | None = None,
    quality: float | None = None,
    lossless: bool | None = None,
    max_z_error: float | None = None,
    distance: float | None = None,
    effort: int | None = None,
    photometric: Literal["ycbcr", "rgb"] | None = None,
    blocksize: int | None = None,
    overview_blocksize: int | None = None,
    overviews: bool | int | Sequence[int] | None = None,
    overview_resampling: OverviewMethod | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    interleave: Interleave | None = None,
    mask: MaskKind | None = None,
    sparse: bool = False,
    statistics: bool | None = None,
    bigtiff: bool | None = None,
    byte_order: Literal["<", ">"] = "<",
    bits: int | None = None,
    memory: int = DEFAULT_MEMORY,
    verify: bool = False,
    spool: str | PathLike[str] | None = None,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    storage_options: Mapping[str, object] | None = None,
    overwrite: bool = True,
    resume: bool | str | PathLike[str] = False,
    progress: Progress | None = None,
) -> Write[Written] | Write[WritePlan]:
    """Write a Cloud Optimized GeoTIFF in one pass: each pixel of the source is asked for once.

    ::

        await tinycog.write("red.tif", array, crs="EPSG:32633", transform=transform, nodata=0)
        await tinycog.write("s3://bucket/red.tif", tinycog.open(url), compression="zstd")
        data = (await tinycog.write(bytes, array)).data
        tinycog.write("red.tif", dask_array).compute()

    Nothing runs before the result is awaited. The same pixels and options give the same bytes,
    whatever the blocks, their order, the source and the target; nothing is published before the
    whole file is there, and errors, cancelling and Ctrl-C leave nothing behind.

    Args:
        target: a path, a url (`s3://`, `gs://`, `az://` as an upload in parts while the file is
            made; others by fsspec), a path together with `fs` or `store`, an open binary file, or
            `bytes`: the result then has `data`.
        source: an array, (bands, rows, cols), or (rows, cols) for one band: of numpy, a memmap, a
            masked array, of dask, a DataArray with its georeference; an iterator, async or not, of
            ((row, col), block) in any order, together with `shape` and `dtype`; a `Cog`, whose
            facts are kept; a `Raster`, of which place, nodata, mask and colours are, since it knows
            no others. An iterator may fill one array again and again; no other array may change
            until the file is written.
        plan: whether what it takes is returned, instead of a file: order, memory, spool.
        profile: defaults of several options: "default"; "earth-engine" (256 pixels, Deflate 9,
            mean); "web" (lossy WebP); "archive" (Deflate 12, statistics); "fast" (the fastest
            Deflate that still compresses well).
        shape: (bands, rows, cols), or (rows, cols), of an iterator; of an array, that it is so,
            though it looks as if its bands came last (256 or more in front, 4 or fewer behind).
        dtype: of its samples.
        window: (col_off, row_off, width, height) of a `Cog` that is written.
        bounds: (left, bottom, right, top) of it, in its CRS.
        tiling_scheme: "WebMercatorQuad": a `Cog` is warped to the grid of web tiles.
        zoom: of these; None = that whose pixels are nearest in size to the file's.
        warp_resampling: method of the warp.
        crs: coordinate reference system.
        transform: from (col, row) to (x, y), as rasterio's.
        nodata: value of samples that hold none. NaN counts in no mean and no statistics, but is
            valid to a mask, as to readers, unless it is nodata: `nodata=nan` says so.
        gcps: ground control points, instead of a transform.
        rpcs: rational polynomial coefficients.
        area_or_point: whether a sample stands for its pixel, or for a point, also as the item
            AREA_OR_POINT of `tags`; None = as the source says, else "Area".
        descriptions: of each band.
        scales: factor of each band from samples to values.
        offsets: what is added to them.
        units: of each band.
        colorinterp: of each band, by rasterio's names or members.
        colormap: colours of the values of a palette, {value: (red, green, blue, alpha)}.
        tags: items of metadata of the image.
        compression: "deflate" (default), "lzw", "zstd", "lzma", "packbits", "none", "lerc",
            "lerc_deflate", "lerc_zstd", "jpeg", "webp", "jxl", "jpeg2000".
        level: of Deflate (libdeflate's, 1 to 12), ZSTD, LZMA; "auto" is the lowest that is nearly
            as small as any on a sample, "fast" the fastest that still compresses well.
        predictor: 1 (none), 2 (differences), 3 (of floats); None = the one that is smaller on a
            sample, the first tile in row-major order whose pixels are not all alike. Complex
            numbers get 2 only where it is said: tifffile cannot read it.
        quality: of JPEG, WebP and JPEG 2000.
        lossless: of WebP, JPEG XL and JPEG 2000.
        max_z_error: of LERC.
        distance: of JPEG XL.
        effort: of JPEG XL.
        photometric: of JPEG with three bands: "ycbcr" or "rgb".
        blocksize: pixels of a tile both ways, a multiple of 16; 512.
        overview_blocksize: the same of overviews; that of level 0.
        overviews: whether there are any, how many, or their factors; None = as many as it takes
            until one tile holds the image.
        overview_resampling: "nearest" (default), "average", "mode", "min", "max", "rms",
            "bilinear", "cubic", or Earth Engine's "MEAN", "MIN", "MAX", "SAMPLE", "MODE".
        like: "gdal" = sizes and rounding of overviews are those of GDAL's COG driver.
        interleave: "pixel", "band" or "tile".
        mask: how pixels that are not valid are marked: "internal" (a mask image), "alpha",
            "nodata", or "none"; None = as nodata if that is given, else by a mask image if the
            source has a mask. A sample that a mask calls valid, but that is nodata, is an error.
            "internal" makes a mask of what the samples say, too: of nodata, NODATA_VALUES, and an
            alpha of 0. The band of alpha is left out then; partial opacity is an error. "alpha" is
            for one or three bands of uint8 or uint16: readers take no other for a mask.
        sparse: whether tiles of nothing but nodata (or 0) are left out, and pixels may never come.
        statistics: whether exact statistics of the valid pixels are stored.
        bigtiff: None = if the file is too long for a classic TIFF.
        byte_order: "<" or ">".
        bits: BitsPerSample, where it is not that of the dtype: of unsigned integers of 8 bits 1
            to 7, of 16 bits 9 to 15, of 32 bits 17 to 31 (24 only of `byte_order="<"`).
        memory: bytes that are held at most. It is refused before the first byte if it is too
            small, with the smallest that works.
        verify: whether the file is read back, each tile of each level decoded and compared with
            what was encoded (of lossy codecs: levels and masks only). That reads the file once, and
            takes 8 bytes of memory for each tile. A file that differs stays where it is.
        spool: folder for what has to wait: compressed overviews, and what comes before its turn.
        fs: a file system of fsspec's, in which `target` is a path.
        store: a store with obspec's methods, in which `target` is a path.
        storage_options: of the file system or store that a url names.
        overwrite: whether what is there is replaced.
        resume: whether what is done outlives the process, in a journal that is gone when the file
            is there: True = beside the path that is written, or a folder, for any target. The
            same call goes on where one that was killed, failed or was cancelled ended, and gives
            the same bytes. Arrays and files are asked only for what lacks; iterators and dask
            give all pixels again, which must be the same. The journal takes about as much room
            as the compressed file. An upload that was left open is dropped.
        progress: called with the pixels of full resolution that are done, and their number.

    Returns:
        What is awaited for a `Written`, or with `plan` for a `WritePlan`; of an array of dask it
        has `.compute()`, too.

    Raises:
        UsageError: an argument is wrong, or pixels come twice or never.
        TargetExistsError: the target is there, and `overwrite` is False.
        UnsupportedError: the codec cannot hold such pixels, or a library lacks.
        LimitError: `memory` is too small.
        WriteError: a tile cannot be encoded, is not read back as it was, or has a valid pixel that
            would become nodata; it names the tile.
        SourceError: the target cannot be written.
    """
    options = check_options(
        profile,
        compression=compression,
        level=level,
        predictor=predictor,
        quality=quality,
        lossless=lossless,
        max_z_error=max_z_error,
        distance=distance,
        effort=effort,
        photometric=photometric,
        blocksize=blocksize,
        overview_blocksize=overview_blocksize,
        overviews=overviews,
        overview_resampling=overview_resampling,
        like=like,
        interleave=interleave,
        mask=mask,
        sparse=sparse,
        statistics=statistics,
        bigtiff=bigtiff,
        byte_order=byte_order,
        bits=bits,
        memory=memory,
        verify=verify,
    )
    facts = check_facts(
        WrittenFacts(
            crs=crs,
            transform=None if transform is None else _affine(transform),
            gcps=gcps,
            rpcs=rpcs,
            area_or_point=area_or_point,
            nodata=nodata,
            descriptions=descriptions,
            scales=scales,
            offsets=offsets,
            units=units,
            colorinterp=colorinterp,
            colormap=colormap,
            tags={"": tags} if tags else {},
        )
    )
    if progress is not None and not callable(progress):
        message = f"progress is a function of two numbers, not {progress!r}"
        raise UsageError(message)
    web_grid = None
    if tiling_scheme is not None:
        one_of(tiling_scheme, "tiling_scheme", ("WebMercatorQuad",))
        web_grid = WebGrid(zoom, options.blocksize, warp_resampling)
    elif zoom is not None:
        raise UsageError('zoom= is of tiling_scheme="WebMercatorQuad"')
    job = WriteJob(
        target=target,
        source=source,
        options=options,
        facts=facts,
        shape=shape,
        dtype=dtype,
        subset=Subset(window, bounds),
        web_grid=web_grid,
        fs=fs,
        store=store,
        storage_options=storage_options,
        overwrite=overwrite,
        resume=resume,
        spool=spool,
        progress=progress,
    )
    if plan:
        return Write(partial(plan_of, job))
    if is_lazy(source):
        return DelayedWrite(partial(carry_out, job))
    return Write(partial(carry_out, job))


def _affine(transform: Iterable[float]) -> Affine:
    """Return a transform as given by the caller.

    Raises:
        UsageError: it is not six numbers.
    """
    try:
        a, b, c, d, e, f = numbers(list(transform)[:6])
    except (TypeError, ValueError) as exc:
        message = f"transform is six finite numbers, or an Affine, not {transform!r}"
        raise UsageError(message) from exc
    return make_affine(a, b, c, d, e, f)
