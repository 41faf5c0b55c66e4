"""`write`: a COG in one pass, of whatever gives pixels, to wherever a file may stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from tinycog.argument_types import CrsLike, Interleave, NamedMember, ObjectStore
from tinycog.checks import check_integer
from tinycog.errors import UsageError
from tinycog.geo.written_facts import WrittenFacts
from tinycog.targets.factory import make_target
from tinycog.targets.memory import BytesTarget
from tinycog.targets.protocol import WriteTarget
from tinycog.targets.spool import Spool
from tinycog.thread_pool import shared_pool
from tinycog.write.cog_file import CogFile
from tinycog.write.options import DEFAULT_MEMORY, FileOptions, check_options
from tinycog.write.plan import Progress, WritePlan
from tinycog.write.sources.make import is_lazy, make_pixel_source

if TYPE_CHECKING:
    from affine import Affine

    from tinycog.geo.colour import Colormap
    from tinycog.geo.transform import RPC, GroundControlPoint

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written.

    Attributes:
        name: of the file, without secrets.
        length: in bytes.
        plan: what writing it was said to take.
        data: the file, where `bytes` was the target.
    """

    name: str
    length: int
    plan: WritePlan
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arguments:
    """What `write` was called with, checked as far as it can be without the source."""

    target: Any
    source: Any
    options: FileOptions
    facts: WrittenFacts
    shape: Sequence[int] | None
    dtype: Any
    store: ObjectStore | None
    storage_options: Mapping[str, object] | None
    overwrite: bool
    spool: str | None
    progress: Progress | None


class Write(Generic[T]):
    """A file to be written, once it is awaited."""

    def __init__(self, run: Callable[[], Any]) -> None:
        """Keep what is to be done."""
        self._run = run

    def __await__(self) -> Generator[Any, None, T]:
        """Write it."""
        return self._run().__await__()


def write(
    target: Any,  # noqa: ANN401
    source: Any,  # noqa: ANN401
    *,
    profile: str = "default",
    shape: Sequence[int] | None = None,
    dtype: Any = None,  # noqa: ANN401
    crs: CrsLike | None = None,
    transform: Affine | Sequence[float] | None = None,
    nodata: float | None = None,
    gcps: Sequence[GroundControlPoint] = (),
    rpcs: RPC | None = None,
    area_or_point: Literal["Area", "Point"] = "Area",
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
    blocksize: int | None = None,
    overview_blocksize: int | None = None,
    overviews: bool | int | Sequence[int] | None = None,
    overview_resampling: str | NamedMember | None = None,
    like: Literal["gdal"] | None = None,
    interleave: Interleave | None = None,
    mask: Any = None,  # noqa: ANN401
    sparse: bool = False,
    statistics: bool | None = None,
    bigtiff: bool | None = None,
    byte_order: Literal["<", ">"] = "<",
    bits: int | None = None,
    memory: int = DEFAULT_MEMORY,
    spool: str | None = None,
    store: ObjectStore | None = None,
    storage_options: Mapping[str, object] | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    plan: bool = False,
) -> Any:  # noqa: ANN401
    """Write a Cloud Optimized GeoTIFF in one pass."""
    options = check_options(
        profile,
        compression=compression,
        level=level,
        predictor=predictor,
        quality=quality,
        lossless=lossless,
        max_z_error=max_z_error,
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
    )
    facts = WrittenFacts(
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
    arguments = _Arguments(
        target=target,
        source=source,
        options=options,
        facts=facts,
        shape=shape,
        dtype=dtype,
        store=store,
        storage_options=storage_options,
        overwrite=overwrite,
        spool=spool,
        progress=progress,
    )
    run = partial(_plan if plan else _write, arguments)
    if is_lazy(source) and not plan:
        from tinycog.write.sources.dask_delayed import DelayedWrite

        return DelayedWrite(run)
    return Write(run)


def _affine(transform: Sequence[float]) -> Affine:
    from affine import Affine  # noqa: PLC0415 - loads attrs

    return Affine(*list(transform)[:6])


async def _prepare(arguments: _Arguments) -> tuple[CogFile, WriteTarget, Spool]:
    options = arguments.options
    source = await make_pixel_source(
        arguments.source,
        shape=arguments.shape,
        dtype=arguments.dtype,
        facts=arguments.facts,
        memory=options.memory // 4,
    )
    target = make_target(
        arguments.target,
        store=arguments.store,
        storage_options=arguments.storage_options,
        overwrite=arguments.overwrite,
    )
    spool = Spool(arguments.spool)
    threads = shared_pool().size
    file = CogFile(source, options, held=target.memory, threads=threads)
    return file, target, spool


async def _plan(arguments: _Arguments) -> WritePlan:
    file, _, _ = await _prepare(arguments)
    return file.plan


async def _write(arguments: _Arguments) -> Written:
    file, target, spool = await _prepare(arguments)
    try:
        try:
            await target.begin()
            length = await file.write(target, spool, arguments.progress)
        except BaseException:
            await asyncio.shield(target.abort())
            raise
    finally:
        await spool.close()
    data = target.result if isinstance(target, BytesTarget) else None
    return Written(target.name, length, file.plan, data)
