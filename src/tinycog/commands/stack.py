"""`tinycog stack SRC... -o DST`: many files, step by step in time, to zarr, numpy or COGs."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

import tinycog
from tinycog.argument_types import ErrorHandling, MosaicMethod, WarpResampling
from tinycog.commands.mosaic import INDICES
from tinycog.commands.opening import add_open_options, open_options
from tinycog.commands.progress import TerminalProgress, shown_progress
from tinycog.commands.saving import OutputFile, check_target, note
from tinycog.commands.selecting import add_all_touched, add_geometry, geometry_of
from tinycog.commands.values import byte_count, number_or_text, pixel_size
from tinycog.errors import UsageError
from tinycog.exporting.to_array import ArrayFile
from tinycog.targets.file_errors import writing

ENDINGS = (".zarr", ".npy", ".tif", ".tiff")

OF_STACK = (
    *("bounds", "bounds_crs", "crs", "res", "bands", "groupby", "method", "resampling", "pad_to"),
)
"""Arguments that are those of `Collection.stack`."""


class Asked(NamedTuple):
    """How a stack is written.

    Attributes:
        errors: what happens where a file is broken.
        memory: bytes of pixels that are held.
        progress: what shows how far it is, or None.
    """

    errors: ErrorHandling
    memory: int
    progress: TerminalProgress | None


StackWriter = Callable[[tinycog.Stack, Path, Asked], Awaitable[list[str]]]
"""Writes a stack, and returns the names of what it wrote."""

MEMORY = 256 << 20
"""Bytes of pixels that are held by default."""


EXAMPLES = (
    "tinycog stack scenes.jsonl -o stack.zarr --groupby day",
    "tinycog stack a.tif b.tif -o stack.npy --bands 0 1",
    "tinycog stack scenes.jsonl -o field.zarr --geometry field.geojson --bounds-crs EPSG:4326",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] SRC [SRC ...] -o DST"
    parser.description = (
        "Write many TIFFs as (time, band, row, col) on one grid: that of the first file, which all"
        " must have, unless --crs, --res or --bounds says another."
    )
    parser.epilog = (
        "A DST that ends with .zarr is a group that xarray opens; .npy holds the samples, with"
        " times, bands and place in a .stack.json beside, and a .mask.npy where some are not"
        " valid; .tif stands for a COG for each step, whose name is in front of the ending."
    )
    parser.argument_default = argparse.SUPPRESS  # what is not said is left to the functions
    parser.add_argument(
        "src", nargs="+", metavar="SRC", help="urls, paths, or an index that tinycog index has made"
    )
    parser.add_argument(
        "-o", "--out", dest="dst", required=True, metavar="DST", help="path of .zarr, .npy or .tif"
    )
    parser.add_argument("--groupby", help="time, day, solar_day, or a property; else each scene")
    parser.add_argument(
        "--method",
        choices=get_args(MosaicMethod),
        help="what becomes of pixels that several files of a step have (first)",
    )
    parser.add_argument("--bands", nargs="+", type=number_or_text, help="names, or numbers from 0")
    grid = parser.add_argument_group("the grid")
    grid.add_argument("--crs", type=number_or_text, help="coordinate reference system")
    grid.add_argument("--res", type=float, nargs="+", metavar="SIZE", help="of a pixel, or x and y")
    grid.add_argument("--bounds", type=float, nargs=4, metavar=("LEFT", "BOTTOM", "RIGHT", "TOP"))
    add_geometry(grid.add_argument)
    grid.add_argument(
        "--bounds-crs", type=number_or_text, help="of --bounds or --geometry, if not --crs"
    )
    add_all_touched(grid.add_argument)
    grid.add_argument(
        "--pad-to", type=int, metavar="N", help="rows and columns up to multiples of N, not valid"
    )
    grid.add_argument("--resampling", choices=get_args(WarpResampling), help="nearest (default)")
    parser.add_argument(
        "--errors", choices=("raise", "fill"), help="fill = go on where a file is broken"
    )
    parser.add_argument("--memory", type=byte_count, help="bytes of pixels held, such as 256MiB")
    add_open_options(parser, many=True)
    parser.set_defaults(run=stack)


async def stack(args: argparse.Namespace) -> None:
    """Carry the command out."""
    given = vars(args)
    options: dict[str, Any] = {name: given[name] for name in OF_STACK if name in given}
    pixel_size(options)
    options |= geometry_of(args)
    check_target(args.dst)
    write = _writer(args.dst)
    scenes = await _collection(args)
    async with await scenes.stack(**options) as found:
        with shown_progress(args, "million samples", 10**6) as progress:
            asked = Asked(given.get("errors", "raise"), given.get("memory", MEMORY), progress)
            names = await write(found, Path(args.dst), asked)
        text = f"wrote {', '.join(names)}: {found!r}"
    note(text, args)


async def _collection(args: argparse.Namespace) -> tinycog.Collection:
    """Return the assets of indices, and those of urls and paths, whose headers are read."""
    indices = [src for src in args.src if src.endswith(INDICES)]
    files = [src for src in args.src if src not in indices]
    found = await tinycog.Collection.from_urls(files, **open_options(args))
    for src in indices:
        found = found + tinycog.Collection.load(src)
    return found


def _writer(dst: str) -> StackWriter:
    """Return what writes a stack, by the ending of its target.

    Raises:
        UsageError: it has none of those.
    """
    writers = {".zarr": _to_zarr, ".npy": _to_npy, ".tif": _to_cogs, ".tiff": _to_cogs}
    ending = Path(dst).suffix.lower()
    if ending not in writers:
        message = f"DST ends with one of {', '.join(ENDINGS)}, not {ending or 'nothing'!r}"
        raise UsageError(message)
    return writers[ending]


async def _to_zarr(found: tinycog.Stack, dst: Path, asked: Asked) -> list[str]:
    """Write a group, through a folder of another name that gets its own in the end."""
    _check_free(dst)
    array = await found.to_xarray(chunks={}, mask_and_scale=False, errors=asked.errors)
    from shutil import rmtree  # noqa: PLC0415 - only here

    part = dst.with_name(f".{dst.name}.part")
    dataset: Any = array.to_dataset(name="stack")
    try:
        rmtree(part, ignore_errors=True)  # of one that was killed
        with writing(str(dst), str(dst.parent)):
            await asyncio.to_thread(dataset.to_zarr, part, consolidated=False)
            part.rename(dst)
    finally:
        rmtree(part, ignore_errors=True)
    return [dst.name]


def _check_free(dst: Path) -> None:
    """Refuse to write over a folder."""
    if dst.is_dir():
        message = f"{dst} is there already: remove it, or take another name"
        raise UsageError(message)


async def _to_npy(found: tinycog.Stack, dst: Path, asked: Asked) -> list[str]:
    """Write samples, which of them are valid where not all are, and what they are of as JSON."""
    _check_free(dst)
    beside, told = dst.with_suffix(".mask.npy"), dst.with_suffix(".stack.json")
    samples = ArrayFile(dst, found.shape, found.dtype)
    masks = ArrayFile(beside, found.shape, np.dtype(np.bool_))
    files = [file.part for file in (samples, masks)]
    try:
        is_whole = await _fill(found, samples, masks, asked)
        document = json.dumps(_facts(found), indent=1)
        OutputFile(str(told), told.suffix).write([document.encode()])
        if is_whole:
            beside.unlink(missing_ok=True)
        for file in files[: 1 if is_whole else 2]:
            file.publish(overwrite=True)
        return [path.name for path in ([dst, told] if is_whole else [dst, told, beside])]
    finally:
        for file in files:
            file.remove()


async def _fill(found: tinycog.Stack, samples: ArrayFile, masks: ArrayFile, asked: Asked) -> bool:
    """Write samples, and which are valid, piece by piece; return whether all are."""
    for file in (samples, masks):
        file.open(again=False)
    _, bands, rows, cols = found.shape
    done, total, is_whole = 0, len(found.steps) * bands * rows * cols, True
    numbers = {id(step): n for n, step in enumerate(found.steps)}
    async for piece in found.iter_pieces(max_bytes=asked.memory, errors=asked.errors):
        first = numbers[id(piece.steps[0])] * bands
        for file, data in ((samples, piece.data), (masks, piece.band_masks)):
            await asyncio.to_thread(file.write, piece.window, data, first)
        is_whole &= bool(piece.band_masks.all())
        done += piece.data.size
        if asked.progress is not None:
            asked.progress(done, total)
    return is_whole


def _facts(found: tinycog.Stack) -> dict[str, object]:
    """Return what the axes of a stack are, for JSON."""
    nodata = found.nodata
    return {
        "steps": [
            {"time": None if np.isnat(step.time) else str(step.time), "name": step.name}
            for step in found.steps
        ],
        "bands": list(found.bands),
        "crs": None if found.crs is None else str(found.crs),
        "transform": list(found.transform)[:6],
        "nodata": nodata if nodata is None or np.isfinite(nodata) else str(nodata),
    }


async def _to_cogs(found: tinycog.Stack, dst: Path, asked: Asked) -> list[str]:
    """Write a COG for each step."""
    names: list[str] = []
    for n, step in enumerate(found.steps):
        label = re.sub(r"[^A-Za-z0-9._-]+", "-", step.name).strip("-") or f"{n}"
        path = dst.with_name(f"{dst.stem}_{label}{dst.suffix}")
        if path.name in names:  # names that differ in what a path cannot hold
            path = dst.with_name(f"{dst.stem}_{label}_{n}{dst.suffix}")
        await tinycog.write(
            path,
            _blocks(found, n, asked.errors),
            shape=found.shape[1:],
            dtype=found.dtype,
            crs=found.crs,
            transform=found.transform,
            nodata=found.nodata,
            scales=found.scales,
            offsets=found.offsets,
            units=found.units,
            descriptions=found.bands,
            memory=asked.memory,
            mask=None if found.nodata is not None else "internal",
        )
        names.append(path.name)
    return names


async def _blocks(
    found: tinycog.Stack, step: int, errors: ErrorHandling
) -> AsyncGenerator[tuple[tuple[int, int], Any], None]:
    """Yield the pixels of a step, chunk by chunk."""
    _, _, rows, cols = found.chunks
    row = 0
    for height in rows:
        col = 0
        for width in cols:
            raster = await found.read(steps=[step], window=(col, row, width, height), errors=errors)
            pixels = raster.data[0] if found.nodata is not None else raster.masked()[0]
            yield (row, col), pixels
            col += width
        row += height
