"""`tinycog points FILE X Y ...`: the values of the pixels that points lie in."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tinycog
from tinycog.checks import check_bands
from tinycog.commands.opening import STDIN, add_file, add_open_options, check_stdin, open_named
from tinycog.commands.progress import watched
from tinycog.commands.saving import output_file
from tinycog.commands.values import number_or_text
from tinycog.errors import UsageError

COLUMNS = (
    ("x", "y"),
    ("lon", "lat"),
    ("lng", "lat"),
    ("longitude", "latitude"),
    ("easting", "northing"),
)
"""Names of the columns of a CSV that hold coordinates."""

ENDINGS = (".csv", ".json", ".geojson")


class AskedPoints(NamedTuple):
    """Points that a person has given.

    Attributes:
        places: (x, y) of each.
        facts: what else was said of each.
        crs: that the document names, or None.
    """

    places: list[tuple[float, float]]
    facts: list[dict[str, Any]]
    crs: str | None = None


EXAMPLES = (
    "tinycog points image.tif 9.5 47.2 --crs EPSG:4326",
    "tinycog points image.tif cities.csv --crs EPSG:4326 -o values.csv",
    "tinycog points image.tif - --format json < cities.geojson",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.usage = "%(prog)s [options] FILE (X Y ... | POINTS)"
    parser.description = (
        "Print the value of each band at points. Each tile that holds any is read once. An empty"
        " cell (null in JSON) is a sample that is not valid, or a point outside of the file."
    )
    add_file(parser)
    parser.add_argument(
        "points",
        nargs="+",
        metavar="X Y",
        help="coordinates, or a file of points: .csv (columns x and y, lon and lat, or the first"
        " two), GeoJSON, or - for stdin",
    )
    parser.add_argument(
        "--crs", type=number_or_text, help="of the points, such as EPSG:4326 (that of the file)"
    )
    parser.add_argument("--level", type=int, default=0, help="0 = full resolution (the default)")
    parser.add_argument("--indexes", type=int, nargs="+", metavar="BAND", help="from 1 on (all)")
    parser.add_argument(
        "-o", "--out", default="-", metavar="PATH", help=".csv, .json or .geojson (stdout)"
    )
    parser.add_argument(
        "--format", choices=[one[1:] for one in ENDINGS], help="of what is printed (csv)"
    )
    add_open_options(parser)
    parser.set_defaults(run=points)


async def points(args: argparse.Namespace) -> None:
    """Carry the command out."""
    out = output_file(args.out, ENDINGS, f".{args.format or 'csv'}")
    check_stdin(args, args.points[0], "its points")
    asked = _asked(args.points)
    if not asked.places:
        raise UsageError("there are no points")
    async with open_named(args) as cog:
        with watched(args, cog):
            found = await cog.points(
                asked.places,
                crs=asked.crs if args.crs is None else args.crs,
                level=args.level,
                indexes=args.indexes,
            )
        bands = [band + 1 for band in check_bands(cog.count, None, args.indexes)]
    write = {".csv": _csv, ".json": _json, ".geojson": _geojson}[out.ending]
    out.write([write(asked, found, bands).encode()])


# --- what is asked -------------------------------------------------------------------------------


def _asked(words: Sequence[str]) -> AskedPoints:
    """Return the points of the command line.

    Raises:
        UsageError: these are none.
    """
    if len(words) == 1:
        (word,) = words
        if "," in word and not Path(word).exists():
            words = word.split(",")
        else:
            return _of_text(sys.stdin.read() if word == STDIN else _text_of(word), word)
    try:
        numbers = [float(part) for word in words for part in word.split(",") if part]
    except ValueError:
        message = f"expected coordinates X Y ..., or one file of points, not {' '.join(words)!r}"
        raise UsageError(message) from None
    if len(numbers) % 2:
        message = f"coordinates are pairs X Y: there are {len(numbers)} numbers"
        raise UsageError(message)
    return AskedPoints(
        list(zip(numbers[::2], numbers[1::2], strict=True)), [{}] * (len(numbers) // 2)
    )


def _text_of(path: str) -> str:
    return Path(path).read_text("utf-8-sig")


def _of_text(text: str, name: str) -> AskedPoints:
    name = "stdin" if name == STDIN else name
    return _of_json(text, name) if text.lstrip()[:1] in ("{", "[") else _of_csv(text, name)


def _of_json(text: str, name: str) -> AskedPoints:
    """Return the points of GeoJSON."""
    try:
        document: Any = json.loads(text)
        features = document["features"] if document["type"] == "FeatureCollection" else [document]
        crs = document["crs"]["properties"]["name"] if "crs" in document else None
        places: list[tuple[float, float]] = []
        facts: list[dict[str, Any]] = []
        for feature in features:
            found = _places(feature["geometry"] if feature["type"] == "Feature" else feature, name)
            places += found
            facts += [dict(feature.get("properties") or {}) for _ in found]
    except (KeyError, TypeError, json.JSONDecodeError) as exc:
        message = f"{name} is no GeoJSON of points"
        raise UsageError(message) from exc
    return AskedPoints(places, facts, crs)


def _places(geometry: Mapping[str, Any], name: str) -> list[tuple[float, float]]:
    """Return the coordinates of a geometry of GeoJSON."""
    kind, several = geometry["type"], geometry["coordinates"]
    if kind not in ("Point", "MultiPoint"):
        message = f"{name} holds a {kind}: expected points"
        raise UsageError(message)
    return [(float(x), float(y)) for x, y, *_ in ([several] if kind == "Point" else several)]


def _of_csv(text: str, name: str) -> AskedPoints:
    """Return the points of a table; the first line may name its columns."""
    rows = [row for row in csv.reader(io.StringIO(text)) if any(cell.strip() for cell in row)]
    if not rows:
        return AskedPoints([], [])
    names = [cell.strip() for cell in rows[0]]
    if _is_number(names[0]):
        names, columns = [f"column{n + 1}" for n in range(len(names))], (0, 1)
        names[:2] = "x", "y"
    else:
        rows, columns = rows[1:], _columns(names, name)
    places: list[tuple[float, float]] = []
    facts: list[dict[str, Any]] = []
    for number, row in enumerate(rows, 1):
        try:
            x, y = (float(row[column]) for column in columns)
        except (ValueError, IndexError):
            message = f"{name}: row {number} has no two coordinates: {','.join(row)[:60]!r}"
            raise UsageError(message) from None
        places.append((x, y))
        facts.append(
            {
                key: cell
                for n, (key, cell) in enumerate(zip(names, row, strict=False))
                if n not in columns
            }
        )
    return AskedPoints(places, facts)


def _columns(names: Sequence[str], name: str) -> tuple[int, int]:
    lower = [one.lower() for one in names]
    for x, y in COLUMNS:
        if x in lower and y in lower:
            return lower.index(x), lower.index(y)
    message = f"{name} has no columns x and y, lon and lat: {', '.join(names)[:60]}"
    raise UsageError(message)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# --- what is told --------------------------------------------------------------------------------


def _samples(found: tinycog.Values, point: int) -> list[Any]:
    """Return the samples of a point; None where one is not valid."""
    return [
        value if is_valid else None
        for value, is_valid in zip(
            found.data[point].tolist(), found.band_masks[point].tolist(), strict=True
        )
    ]


def _csv(asked: AskedPoints, found: tinycog.Values, bands: Sequence[int]) -> str:
    others = list(dict.fromkeys(key for facts in asked.facts for key in facts))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["x", "y", *others, *(f"band{band}" for band in bands)])
    for point, ((x, y), facts) in enumerate(zip(asked.places, asked.facts, strict=True)):
        cells = ["" if value is None else value for value in _samples(found, point)]
        table.writerow([repr(x), repr(y), *(facts.get(key, "") for key in others), *cells])
    return text.getvalue()


def _of_point(found: tinycog.Values, point: int, bands: Sequence[int]) -> dict[str, Any]:
    samples = [str(one) if isinstance(one, complex) else one for one in _samples(found, point)]
    return {"inside": bool(found.inside[point])} | {
        f"band{band}": value for band, value in zip(bands, samples, strict=True)
    }


def _json(asked: AskedPoints, found: tinycog.Values, bands: Sequence[int]) -> str:
    document = [
        {"x": x, "y": y, **facts, **_of_point(found, point, bands)}
        for point, ((x, y), facts) in enumerate(zip(asked.places, asked.facts, strict=True))
    ]
    return _dumped(document)


def _geojson(asked: AskedPoints, found: tinycog.Values, bands: Sequence[int]) -> str:
    features: list[Mapping[str, object]] = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": list(place)},
            "properties": facts | _of_point(found, point, bands),
        }
        for point, (place, facts) in enumerate(zip(asked.places, asked.facts, strict=True))
    ]
    return _dumped({"type": "FeatureCollection", "features": features})


def _dumped(document: object) -> str:
    """Return JSON; it has no infinity, which becomes null."""
    text = json.dumps(document)
    if "Infinity" in text or "NaN" in text:
        text = json.dumps(json.loads(text, parse_constant=lambda _: None))
    return text + "\n"
