"""The options of `tinycog.write` as those of a command, and a write by them."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import tinycog
from tinycog.commands.printing import counted, say
from tinycog.commands.progress import shown_progress
from tinycog.commands.saving import STDOUT, open_target
from tinycog.commands.values import byte_count, number, number_or_text

if TYPE_CHECKING:
    from tinycog import Written


def add_write_options(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Add the options of `tinycog.write`, but for some."""
    parser.add_argument(
        "--plan", action="store_true", default=False, help="print what it takes; write nothing"
    )
    options = parser.add_argument_group("options of tinycog.write")
    for name, kind, text in OPTIONS:
        if name not in without:
            options.add_argument(f"--{name}", type=kind, help=text, metavar=_metavar(name, kind))
    for name, text in FLAGS:
        if name not in without:
            options.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=text)


def factors(text: str) -> bool | int | list[int]:
    """Return "none", a number of overviews, or factors such as "2,4,8".

    Raises:
        ArgumentTypeError: it is none of these.
    """
    if text == "none":
        return False
    try:
        numbers = [int(one) for one in text.split(",")]
    except ValueError as exc:
        message = f"expected a number of overviews, factors such as 2,4,8, or none, not {text!r}"
        raise argparse.ArgumentTypeError(message) from exc
    return numbers if "," in text else numbers[0]


OPTIONS: tuple[tuple[str, Callable[[str], object], str], ...] = (
    ("profile", str, "default, earth-engine, web, archive or fast"),
    ("compression", str, "deflate (default), zstd, lzw, lerc, jpeg, webp, jxl, none, ..."),
    ("level", number_or_text, "of the compression: a number, auto or fast"),
    ("predictor", number_or_text, "1, 2 or 3; by a sample where it is not said"),
    ("quality", float, "of JPEG, WebP, JPEG 2000"),
    ("max-z-error", float, "of LERC"),
    ("distance", float, "of JPEG XL"),
    ("effort", int, "of JPEG XL"),
    ("blocksize", int, "pixels of a tile both ways (512)"),
    ("overview-blocksize", int, "the same of overviews"),
    ("overviews", factors, "how many, factors such as 2,4,8, or none"),
    ("overview-resampling", str, "nearest (default), average, mode, min, max, cubic, ..."),
    ("like", str, "gdal: sizes and rounding of overviews are GDAL's"),
    ("interleave", str, "pixel, band or tile"),
    ("mask", str, "internal, alpha, nodata or none"),
    ("nodata", number, "value of pixels that hold nothing"),
    ("crs", number_or_text, "coordinate reference system, where SRC tells none or a wrong one"),
    ("tiling-scheme", str, "WebMercatorQuad: warp to the grid of web tiles"),
    ("zoom", int, "of web tiles"),
    ("warp-resampling", str, "method of that warp"),
    ("bits", int, "of a sample"),
    ("memory", byte_count, "held at most, such as 256MiB"),
    ("spool", str, "folder for what has to wait"),
)
"""Options with a value: name, type, help."""

FLAGS = (
    ("lossless", "WebP, JPEG XL, JPEG 2000 keep every sample"),
    ("sparse", "leave out tiles of nothing but nodata, or 0"),
    ("statistics", "store exact statistics"),
    ("bigtiff", "BigTIFF or classic, instead of as it is needed"),
    ("overwrite", "replace DST where it is there (the default)"),
    ("verify", "read DST back and compare each tile"),
    ("resume", "go on where a run with the same arguments was killed"),
)
"""Options that are on or off."""


def _metavar(name: str, kind: Callable[[str], object]) -> str:
    if kind is byte_count:
        return "BYTES"
    return "N" if kind in (int, float, number) else name.rpartition("-")[2].upper()


def write_options(args: argparse.Namespace, without: Collection[str] = ()) -> dict[str, Any]:
    """Return those that were given, but for some."""
    names = {name.replace("-", "_") for name, *_ in (*OPTIONS, *FLAGS)} - set(without)
    options = {name: value for name, value in vars(args).items() if name in names}
    if float(options.get("quality", 0.5)).is_integer():
        options["quality"] = int(options["quality"])
    return options


async def write_source(
    source: object, args: argparse.Namespace, without: Collection[str] = (), **more: object
) -> None:
    """Write what has pixels to `args.dst`, or print what it takes.

    Args:
        source: what `tinycog.write` takes.
        args: of the command.
        without: options that are not for `tinycog.write`, though they are called as its own.
        **more: further ones.
    """
    options = write_options(args, without) | more
    make: Any = tinycog.write
    if args.plan:
        where: Any = sys.stdout.buffer if args.dst == STDOUT else args.dst
        say(str(await make(where, source, plan=True, **options)))
        return
    began = time.perf_counter()
    with open_target(args.dst) as target, shown_progress(args, "million pixels", 10**6) as progress:
        written: Written = await make(target, source, progress=progress, **options)
    if not args.quiet:
        out = sys.stdout if target == args.dst else sys.stderr
        say(_summary(written, time.perf_counter() - began), out)


def _summary(written: Written, seconds: float) -> str:
    plan, mib = written.plan, 1 << 20
    return (
        f"wrote {written.name}: {counted(written.length, 'byte')},"
        f" {counted(len(plan.levels), 'level')}, in {seconds:.1f} s"
        f" (memory at most {(plan.memory + plan.kept) / mib:.0f} MiB,"
        f" spool at most {plan.spool / mib:.0f} MiB)"
    )
