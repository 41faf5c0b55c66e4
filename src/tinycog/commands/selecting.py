"""The area of a file that a command reads, as `Cog.read` has it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from tinycog.argument_types import Resampling
from tinycog.commands.opening import STDIN, check_stdin
from tinycog.commands.values import RECTANGLES, number_or_text, pixel_size
from tinycog.errors import UsageError

OF_AREA = (
    *("window", "bounds", "crs", "level", "shape", "res", "resampling"),
    *("indexes", "boundless", "crop", "errors"),
)
"""Options of an area that go to `Cog.read` as they are."""

OF_VALUES = ("scaled", "rgb", "oriented")
"""What becomes of the samples, likewise."""


def add_area(parser: argparse.ArgumentParser, *, tile: bool = False) -> None:
    """Add what says which pixels are read; with `tile`, one of them may be read instead."""
    group = parser.add_argument_group("the area (without any, all of the file)")
    place = group.add_mutually_exclusive_group()
    for name, sides, text in RECTANGLES:
        place.add_argument(
            f"--{name}",
            type=float,
            nargs=4,
            metavar=sides,
            default=argparse.SUPPRESS,
            help=text if name == "window" else f"{text} of the file, or of --crs",
        )
    add_geometry(place.add_argument)
    if tile:
        place.add_argument("--tile", type=int, nargs=3, metavar=("Z", "X", "Y"), help="one tile")

    def add(name: str, text: str, **more: Any) -> None:  # noqa: ANN401 - argparse's
        group.add_argument(f"--{name}", help=text, default=argparse.SUPPRESS, **more)

    add(
        "crs",
        "of --bounds or --geometry, such as EPSG:4326 (that of the file)",
        type=_CRS,
        metavar="CRS",
    )
    add_all_touched(group.add_argument)
    add(
        "level",
        "0 = full resolution; else the one that --shape or --res picks",
        type=int,
        metavar="Z",
    )
    add("shape", "rows and columns of the result", type=int, nargs=2, metavar=("ROWS", "COLS"))
    add("res", "pixel size of the result, in units of the CRS", type=float, nargs="+", metavar="N")
    add(
        "resampling",
        _RESAMPLING,
        choices=_METHODS,
        metavar="METHOD",
    )
    add("indexes", "bands, from 1 on (all)", type=int, nargs="+", metavar="BAND")
    add("boundless", "nodata, or 0, where the area lies outside", action="store_true")
    add("crop", "only what lies inside of the file", action="store_true")
    add("errors", "fill = go on where a tile is broken", choices=("raise", "fill"))


def add_geometry(add: Callable[..., argparse.Action]) -> None:
    """Add polygons that limit an area, by the method of a group that adds arguments."""
    add(
        "--geometry",
        metavar="GEOJSON",
        default=argparse.SUPPRESS,
        help="polygons: a file, - for stdin, or the text itself; pixels outside are not valid",
    )


def add_all_touched(add: Callable[..., argparse.Action]) -> None:
    """Add which pixels a geometry has, likewise."""
    add(
        "--all-touched",
        action="store_true",
        default=argparse.SUPPRESS,
        help="with --geometry: pixels that it touches, too",
    )


def add_values(parser: argparse.ArgumentParser) -> None:
    """Add what becomes of the samples."""
    group = parser.add_argument_group("the values")
    for name, text in (
        ("scaled", "sample * scale + offset, by the file's metadata, as float64"),
        ("rgb", "colours as red, green, blue of 8 bits"),
        ("oriented", "turned as the tag Orientation says"),
    ):
        group.add_argument(f"--{name}", action="store_true", default=argparse.SUPPRESS, help=text)


_CRS = number_or_text
_METHODS = get_args(Resampling)
_RESAMPLING = f"if sizes differ: nearest (default), {', '.join(_METHODS[1:])}"


def area_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `Cog.read` that were given.

    Raises:
        UsageError: one has no use without another, or the geometry is none.
    """
    options = {name: vars(args)[name] for name in (*OF_AREA, *OF_VALUES) if name in args}
    pixel_size(options)
    if "geometry" in args:
        check_stdin(args, args.geometry, "--geometry")
    options |= geometry_of(args)
    if "crs" in options and not {"bounds", "geometry"} & set(options):
        raise UsageError("--crs is that of --bounds or --geometry: give one of them")
    if "shape" in options and "res" in options:
        raise UsageError("--shape and --res both say the size of the result: leave one out")
    return options


def geometry_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the geometry that was given, and which pixels it has, as options of a read.

    Raises:
        UsageError: it is none, or there is none whose pixels are told.
    """
    options = {name: vars(args)[name] for name in ("all_touched",) if name in args}
    if "geometry" in args:
        return options | {"geometry": _geometry(args.geometry)}
    if options:
        raise UsageError("--all-touched is of --geometry: give one")
    return options


def _geometry(text: str) -> dict[str, Any]:
    """Return the geometry of GeoJSON: of a feature, or of all features together."""
    if text == STDIN:
        source, document = "stdin", sys.stdin.read()
    elif text.lstrip().startswith("{"):
        source, document = "--geometry", text
    else:
        source, document = text, Path(text).read_text("utf-8")
    try:
        found: Any = json.loads(document)
        kind = found["type"]
        if kind == "FeatureCollection":
            features: list[Any] = found["features"]
            geometries = [feature["geometry"] for feature in features]
            whole = {"type": "GeometryCollection", "geometries": geometries}
            return whole | ({"crs": found["crs"]} if "crs" in found else {})
    except (ValueError, KeyError, TypeError) as exc:
        message = f"{source} is no GeoJSON: expected a Polygon, a Feature or a FeatureCollection"
        raise UsageError(message) from exc
    return found["geometry"] if kind == "Feature" else found
