"""`tinycog stats FILE`: minimum, maximum, mean, percentiles and more of each band."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence

import tinycog
from tinycog.checks import check_bands
from tinycog.commands.band_summary import BandSummary, Summaries
from tinycog.commands.opening import add_file, add_open_options, open_named
from tinycog.commands.printing import cost, is_ascii, say
from tinycog.commands.progress import shown_progress
from tinycog.errors import UnsupportedError, UsageError

ENOUGH_PIXELS = 1 << 18
"""Pixels that a level has at least from which statistics are approximated."""

PERCENTILES = (2, 25, 50, 75, 98)

BINS, MOST_BINS = 10, 1 << 16

BAR = 40
"""Characters of the longest bar of a histogram."""


EXAMPLES = (
    "tinycog stats image.tif",
    "tinycog stats image.tif --exact --percentiles 5 95 --json",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE"
    parser.description = (
        "Print statistics of the valid pixels of each band: of an overview, which is quick and"
        " approximate, or with --exact of all pixels, tile by tile, in a bounded amount of memory."
        " Percentiles and histogram of more than 4,194,304 samples that are no integers of 8 or 16"
        " bits are within 1/4096 of each value."
    )
    add_file(parser)
    parser.add_argument("--exact", action="store_true", help="read all pixels of level 0")
    parser.add_argument("--level", type=int, metavar="Z", help="read all pixels of this level")
    parser.add_argument("--indexes", type=int, nargs="+", metavar="BAND", help="from 1 on (all)")
    parser.add_argument(
        "--percentiles",
        type=_percentile,
        nargs="+",
        metavar="P",
        default=PERCENTILES,
        help=f"from 0 to 100 ({' '.join(map(str, PERCENTILES))})",
    )
    parser.add_argument("--bins", type=int, metavar="N", default=BINS, help="of the histogram (10)")
    parser.add_argument(
        "--scaled", action="store_true", help="of sample * scale + offset, by the file's metadata"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_open_options(parser)
    parser.set_defaults(run=stats)


def _percentile(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:  # noqa: PLR2004 - per cent
        message = f"a percentile is from 0 to 100, not {text}"
        raise argparse.ArgumentTypeError(message)
    return int(value) if value.is_integer() else value


async def stats(args: argparse.Namespace) -> None:
    """Carry the command out."""
    if args.exact and args.level:
        raise UsageError("--exact reads level 0: leave out --level")
    if not 1 <= args.bins <= MOST_BINS:
        message = f"--bins is from 1 to {MOST_BINS}, not {args.bins}"
        raise UsageError(message)
    async with open_named(args) as cog:
        z = _level(cog, args)
        bands = check_bands(cog.count, None, args.indexes)
        found = await _summaries(cog, z, bands, args)
        if args.scaled:
            found = [
                one.scaled(cog.scales[band], cog.offsets[band])
                for band, one in zip(bands, found, strict=True)
            ]
        if args.json:
            say(json.dumps(_document(cog, z, bands, found), indent=2))
            return
        for line in _page(cog, z, bands, found):
            say(line)


def _level(cog: tinycog.Cog, args: argparse.Namespace) -> int:
    """Return the level that is read."""
    if args.level is not None or args.exact:
        return args.level or 0
    enough = [level.z for level in cog.levels if level.width * level.height >= ENOUGH_PIXELS]
    return enough[-1] if enough else 0


async def _summaries(
    cog: tinycog.Cog, z: int, bands: Sequence[int], args: argparse.Namespace
) -> list[BandSummary]:
    level = next((level for level in cog.levels if level.z == z), None)
    dtype = cog.dtype if level is None else level.dtype
    if dtype.kind not in "iubf":
        message = f"{dtype} has no order: there is no minimum and no percentile of it"
        raise UnsupportedError(message, feature="dtype", value=str(dtype))
    summaries = Summaries(dtype, len(bands))
    done, total = 0, 0 if level is None else level.width * level.height
    with shown_progress(args, "million pixels", 10**6) as progress:
        async for tile in cog.iter_tiles(level=z, masked=True):
            summaries.add(tile.data[bands], tile.band_masks[bands])
            done += tile.width * tile.height
            if progress is not None:
                progress(done, total)
    return summaries.result(args.percentiles, args.bins)


def _page(
    cog: tinycog.Cog, z: int, bands: Sequence[int], found: Sequence[BandSummary]
) -> Iterator[str]:
    """Yield the lines for a person."""
    level = cog.levels[z]
    how = "all" if z == 0 else "approximate, of"
    yield f"{cog.name}: {how} {level.width} x {level.height} pixels of level {z}"
    for band, one in zip(bands, found, strict=True):
        name = cog.descriptions[band]
        yield ""
        yield f"band {band + 1}{f': {name}' if name else ''}"
        share = one.valid / one.pixels if one.pixels else 0
        yield f"  valid      {one.valid:,} of {one.pixels:,} pixels ({share:.2%})"
        if one.min is None or one.max is None or one.mean is None or one.std is None:
            continue
        yield f"  min, max   {one.min:.10g}, {one.max:.10g}"
        yield f"  mean, std  {one.mean:.10g}, {one.std:.10g}"
        points = ", ".join(f"{p:g}%: {value:.10g}" for p, value in one.percentiles.items())
        yield f"  {'percentiles' if one.is_counted else 'percentiles (about)'}  {points}"
        yield from _histogram(one)
    yield ""
    yield f"read by {cost(cog.requests)}"


def _histogram(one: BandSummary) -> Iterator[str]:
    most, block = max(one.counts, default=0), "#" if is_ascii() else "\u2588"
    labels = [f"{edge:.6g}" for edge in one.edges[:-1]]
    wide = max(map(len, labels), default=0)
    for label, count in zip(labels, one.counts, strict=True):
        bar = block * (math.ceil(BAR * count / most) if most else 0)
        yield f"  {label:>{wide}}  {bar:<{BAR}} {count:,}".rstrip()


def _document(
    cog: tinycog.Cog, z: int, bands: Sequence[int], found: Sequence[BandSummary]
) -> dict[str, object]:
    return {
        "name": cog.name,
        "level": z,
        "shape": [cog.levels[z].height, cog.levels[z].width],
        "exact": z == 0,
        "bands": [
            {
                "index": band + 1,
                "description": cog.descriptions[band],
                "pixels": one.pixels,
                "valid": one.valid,
                "min": _in_json(one.min),
                "max": _in_json(one.max),
                "mean": _in_json(one.mean),
                "std": _in_json(one.std),
                "percentiles": {f"{p:g}": _in_json(v) for p, v in one.percentiles.items()},
                "histogram": {"edges": one.edges, "counts": one.counts, "exact": one.is_counted},
            }
            for band, one in zip(bands, found, strict=True)
        ],
    }


def _in_json(value: float | None) -> float | None:
    """Return a number as JSON has it: none that is not finite."""
    return value if value is not None and math.isfinite(value) else None
