"""An index as GeoParquet with the columns of STAC-GeoParquet, and tables of STAC items, by pyarrow.

A row is an item of STAC, its properties columns of their own, so that others read it. What is ours
stands beside (cog.collection.parquet): `tinycog:asset`, the asset as JSON, `tinycog:snapshot`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from tinycog.collection.asset import Asset, of_document, to_document
from tinycog.collection.geo_frames import OURS
from tinycog.collection.rows import check_urls, encoded, to_line
from tinycog.collection.stac_assets import TIMES
from tinycog.collection.stac_write import to_item
from tinycog.collection.times import to_time
from tinycog.collection.wkb import to_wkb
from tinycog.errors import UsageError
from tinycog.extras import check_installed

VERSION = "1"
KEY = "tinycog_collection"
SNAPSHOT = "tinycog:snapshot"
SIDES = ("xmin", "ymin", "xmax", "ymax")
STAC_GEOPARQUET = "1.1.0"
TOP = ("type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets")


def save(path: Path, assets: Iterable[Asset], head: Mapping[str, object], *, secrets: bool) -> None:
    """Write an index; see `Collection.save`.

    Raises:
        UsageError: an asset cannot be written, or pyarrow is not installed.
    """
    check_installed("collections", "pyarrow")
    pa: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")

    held = list(assets)
    lines = map(to_line, held)
    for _ in lines if secrets else check_urls(lines):
        pass
    columns = _columns(held, pa)
    table = pa.table(columns)
    kinds = {item["type"] for asset in held if (item := asset.geometry) is not None}
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": sorted(map(str, kinds)),
                "covering": {"bbox": {side: ["bbox", side] for side in SIDES}},
            }
        },
    }
    ours = {KEY: VERSION, "assets": len(held), **head}
    texts = {
        "geo": geo,
        "stac-geoparquet": {"version": STAC_GEOPARQUET},
        "tinycog": ours,
    }
    table = table.replace_schema_metadata({key: json.dumps(text) for key, text in texts.items()})
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        parquet.write_table(table, temporary, compression="zstd")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _columns(assets: Sequence[Asset], pa: Any) -> dict[str, Any]:  # noqa: ANN401 - pyarrow
    items = [to_item(asset, needs_time=False) for asset in assets]
    box = pa.struct([(side, pa.float64()) for side in SIDES])
    time = pa.timestamp("us", tz="UTC")
    boxes = [
        None if asset.bounds is None else dict(zip(SIDES, asset.bounds, strict=True))
        for asset in assets
    ]
    columns: dict[str, Any] = {
        "id": pa.array([item["id"] for item in items], pa.string()),
        "type": pa.array(["Feature"] * len(items), pa.string()),
        "stac_version": pa.array([item["stac_version"] for item in items], pa.string()),
        "stac_extensions": pa.array(
            [item["stac_extensions"] for item in items], pa.list_(pa.string())
        ),
        "geometry": pa.array([to_wkb(asset.geometry) or None for asset in assets], pa.binary()),
        "bbox": pa.array(boxes, box),
        "links": pa.array([[] for _ in items], pa.list_(pa.struct([("href", pa.string())]))),
        "assets": pa.array([item["assets"] for item in items])
        if items
        else pa.array([], pa.null()),
    }
    for name in TIMES:
        times = [to_time(item["properties"].get(name)) for item in items]
        columns[name] = pa.array(times, time)
    names = {name: None for item in items for name in item["properties"] if name not in TIMES}
    for name in names:
        if name not in columns:
            columns[name] = _column([item["properties"].get(name) for item in items], pa)
    documents = [to_document(asset) for asset in assets]
    for document in documents:
        document.pop("snapshot", None)
    columns[OURS] = pa.array([encoded(document).decode() for document in documents], pa.string())
    columns[SNAPSHOT] = pa.array([asset.snapshot for asset in assets], pa.binary())
    return columns


def _column(values: Sequence[object], pa: Any) -> Any:  # noqa: ANN401 - pyarrow
    """Return values as an array; as JSON text where they are of several types."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else json.dumps(value) for value in values])


def load(path: Path) -> tuple[list[Asset], Mapping[str, object]]:
    """Return the assets of an index, and what it says besides.

    Raises:
        UsageError: it is no index of ours, or pyarrow is not installed.
    """
    table = _read(path, [OURS, SNAPSHOT])
    metadata: Mapping[bytes, bytes] = table.schema.metadata or {}
    head = json.loads(metadata.get(b"tinycog", b"{}"))
    if head.get(KEY) != VERSION or OURS not in table.column_names:
        message = f"not an index of tinycog, use Collection.from_stac_geoparquet: {path}"
        raise UsageError(message)
    rows: Any = zip(table.column(OURS).to_pylist(), table.column(SNAPSHOT).to_pylist(), strict=True)
    found: list[Asset] = []
    for text, snapshot in rows:
        asset = of_document(json.loads(text))
        found.append(asset if snapshot is None else replace(asset, snapshot=snapshot))
    return found, head


def _read(path: Path, columns: Sequence[str] | None = None) -> Any:  # noqa: ANN401 - pyarrow
    """Return a table, with those of some columns that are there.

    Raises:
        UsageError: it is none, or pyarrow is not installed.
    """
    check_installed("collections", "pyarrow")
    pa: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")

    try:
        with parquet.ParquetFile(path) as file:
            there = file.schema_arrow.names
            wanted = None if columns is None else [name for name in columns if name in there]
            return file.read(columns=wanted)
    except pa.ArrowException as exc:
        message = f"{path} is no Parquet file: {exc}"
        raise UsageError(message) from exc


def read_items(path: Path) -> list[dict[str, Any]]:
    """Return the items of a table of STAC-GeoParquet.

    Raises:
        UsageError: it is none, or pyarrow or shapely is not installed.
    """
    check_installed("collections", "shapely")
    shapely: Any = import_module("shapely")
    mapping: Any = import_module("shapely.geometry").mapping
    table = _read(path)
    lacking = {"id", "assets", "geometry"} - set(table.column_names)
    if lacking:
        message = f"{path} is no table of STAC items: it has no column {min(lacking)!r}"
        raise UsageError(message)
    found: list[dict[str, Any]] = []
    for row in table.to_pylist():
        item: dict[str, Any] = {name: row[name] for name in TOP if row.get(name) is not None}
        if isinstance(item.get("geometry"), bytes):
            item["geometry"] = mapping(shapely.from_wkb(item["geometry"]))
        box = item.get("bbox")
        if isinstance(box, dict):
            item["bbox"] = [box[side] for side in SIDES]
        if row.get("collection") is not None:
            item["collection"] = row["collection"]
        item["assets"] = {key: _plain(one) for key, one in item["assets"].items() if one}
        others = {*TOP, "collection", OURS, SNAPSHOT}
        item["properties"] = {
            name: _plain(value)
            for name, value in row.items()
            if name not in others and value is not None
        }
        found.append(item)
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 - of Arrow
    """Return a value as JSON has it, without what a row of a table lacks."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _plain(one) for key, one in items if one is not None}
    if isinstance(value, list):
        return [_plain(one) for one in cast("list[Any]", value)]
    return value.isoformat() if hasattr(value, "isoformat") else value
