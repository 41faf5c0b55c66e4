"""`tinycog cogify SRC DST`: another file as a COG, with the options of `tinycog.write`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import tinycog
from tinycog.errors import UsageError

if TYPE_CHECKING:
    from tinycog import Written

UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
"""Bytes of KiB, MiB, GiB, TiB."""

SHOWN_SECONDS = 0.1
"""Between two lines of progress."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = (
        "Write a TIFF as a Cloud Optimized GeoTIFF: one pass, in bounded memory. What is not said"
        " is as in the file, or the default of tinycog.write."
    )
    parser.epilog = "Exit status: 0, 1 if it failed (nothing is left), 2 if an option is wrong."
    parser.argument_default = argparse.SUPPRESS  # what is not said is left to write()
    parser.add_argument("src", metavar="SRC", help="url or path of a TIFF")
    parser.add_argument("dst", metavar="DST", help="path, s3://, gs://, az:// url, or - for stdout")
    parser.add_argument(
        "--sidecars", action="store_true", help="read the files beside SRC, too (.msk, .aux.xml)"
    )
    add_write_options(parser)
    part = parser.add_argument_group("the part of SRC")
    for name, sides in RECTANGLES:
        part.add_argument(f"--{name}", type=float, nargs=4, metavar=sides)
    parser.set_defaults(run=cogify)


def add_write_options(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Add the options of `tinycog.write`, but for some."""
    parser.add_argument("--plan", action="store_true", help="print what it takes; write nothing")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    options = parser.add_argument_group("options of tinycog.write")
    for name, kind, text in OPTIONS:
        if name not in without:
            options.add_argument(f"--{name}", type=kind, help=text, metavar=_metavar(name, kind))
    for name, text in FLAGS:
        if name not in without:
            options.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=text)


def number_or_text(text: str) -> int | str:
    """Return an integer, or what else was given."""
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else text


def byte_count(text: str) -> int:
    """Return "256MiB" as bytes.

    Raises:
        ArgumentTypeError: it is no number of bytes.
    """
    found = re.fullmatch(r"(\d+)\s*(?:([kmgt]?)(?:i?b)?)", text.strip().lower())
    if found is None:
        message = f"expected bytes, such as 268435456 or 256MiB, not {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(found[1]) * UNITS[found[2]]


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
    ("nodata", float, "value of pixels that hold nothing"),
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

RECTANGLES = (
    ("window", ("COL", "ROW", "WIDTH", "HEIGHT")),
    ("bounds", ("LEFT", "BOTTOM", "RIGHT", "TOP")),
)
"""Options of four numbers."""

OWN = ("run", "src", "dst", "plan", "quiet", "sidecars")
"""Arguments that are not options of `tinycog.write`."""


def _metavar(name: str, kind: Callable[[str], object]) -> str:
    if kind is byte_count:
        return "BYTES"
    return "N" if kind in (int, float) else name.rpartition("-")[2].upper()


async def cogify(args: argparse.Namespace) -> None:
    """Carry the command out."""
    given = vars(args)
    options = {name: value for name, value in given.items() if name not in OWN}
    async with tinycog.open(args.src, sidecars=given.get("sidecars", False)) as cog:
        await write_source(cog, args, options)


async def write_source(source: object, args: argparse.Namespace, options: dict[str, Any]) -> None:
    """Write what has pixels to `args.dst`, or print what it takes."""
    given = vars(args)
    if float(options.get("quality", 0.5)).is_integer():
        options["quality"] = int(options["quality"])
    is_quiet = given.get("quiet", False)
    make: Any = tinycog.write
    where: Any = sys.stdout.buffer if args.dst == "-" else args.dst
    progress = (
        None if is_quiet or not sys.stderr.isatty() else TerminalProgress("million pixels", 10**6)
    )
    try:
        if given.get("plan", False):
            print(await make(where, source, plan=True, **options))
            return
        write = make(where, source, progress=progress, **options)
    except UsageError as error:
        print(f"tinycog: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    began = time.perf_counter()
    try:
        written: Written = await write
    finally:
        if progress is not None:
            progress.clear()
    if not is_quiet:
        out = sys.stderr if args.dst == "-" else sys.stdout
        print(_summary(written, time.perf_counter() - began), file=out)


def _summary(written: Written, seconds: float) -> str:
    plan, mib = written.plan, 1 << 20
    return (
        f"wrote {written.name}: {written.length:,} bytes, {len(plan.levels)} levels,"
        f" in {seconds:.1f} s (memory at most {(plan.memory + plan.kept) / mib:.0f} MiB,"
        f" spool at most {plan.spool / mib:.0f} MiB)"
    )


class TerminalProgress:
    """Shows how far a long command has come, in one line of a terminal."""

    def __init__(self, unit: str, scale: int = 1) -> None:
        """Begin now; what is counted is told in a unit, so many at once."""
        self._unit, self._scale = unit, scale
        self._began = time.perf_counter()
        self._shown = 0.0
        self._width = 0

    def __call__(self, done: int, total: int) -> None:
        """Show it, unless that was done a moment ago."""
        now = time.perf_counter()
        if now - self._shown < SHOWN_SECONDS:
            return
        self._shown = now
        left = (now - self._began) * (total - done) / max(done, 1)
        amount = total / self._scale
        shown = f"{amount:,.1f}" if self._scale > 1 else f"{total:,}"
        line = f"{done / total:4.0%} of {shown} {self._unit}, {left:.0f} s left"
        print("\r" + line.ljust(self._width), end="", file=sys.stderr, flush=True)
        self._width = len(line)

    def clear(self) -> None:
        """Remove the line."""
        print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
