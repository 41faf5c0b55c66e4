"""References written to a path: JSON, or Parquet as fsspec's `LazyReferenceMapper` reads it."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from tinycog.argument_types import References
from tinycog.errors import UsageError
from tinycog.extras import check_installed

RECORD_SIZE = 10_000
"""References in a file of Parquet, as fsspec has it."""

JSON, PARQUET = (".json",), (".parq", ".parquet")


def check_path(path: str | PathLike[str], zarr_format: int) -> Path:
    """Return a path that references can be written to.

    Raises:
        UsageError: its name ends otherwise, Parquet cannot hold zarr 3, or an extra is missing.
    """
    found = Path(path)
    if found.suffix in PARQUET:
        if zarr_format != 2:  # noqa: PLR2004 - the format's number
            message = "Parquet holds references of zarr 2 only: leave out zarr_format="
            raise UsageError(message)
        check_installed("references", "pandas", "fastparquet")
    elif found.suffix not in JSON:
        message = f"cannot write {found.name}: expected a name that ends with .json or .parq"
        raise UsageError(message)
    return found


def write(references: References, path: Path) -> None:
    """Write references to a file, or a folder of Parquet files.

    Raises:
        OSError: they cannot be written.
    """
    if path.suffix in JSON:
        path.write_text(json.dumps(references, separators=(",", ":"), allow_nan=False), "utf-8")
    else:
        _write_parquet(references["refs"], path)


def _write_parquet(refs: Mapping[str, str | list[str | int]], path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    metadata = {
        key: json.loads(value)
        for key, value in refs.items()
        if isinstance(value, str) and key.rpartition("/")[2].startswith(".z")
    }
    records: dict[tuple[str, int], dict[int, Any]] = {}
    for key, value in refs.items():
        if key in metadata:
            continue
        name, _, chunk = key.rpartition("/")
        number = _number_of(chunk, metadata[f"{name}/.zarray"])
        record, at = divmod(number, RECORD_SIZE)
        records.setdefault((name, record), {})[at] = value
    for name in {key.partition("/")[0] for key in metadata if "/" in key}:
        for old in (path / name).glob("refs.*.parq"):
            old.unlink()
    for (name, record), values in records.items():
        left = math.prod(_counts_of(metadata[f"{name}/.zarray"])) - record * RECORD_SIZE
        (path / name).mkdir(exist_ok=True)
        file = path / name / f"refs.{record}.parq"
        _write_record([values.get(at) for at in range(min(RECORD_SIZE, left))], file)
    document = {"metadata": metadata, "record_size": RECORD_SIZE}
    (path / ".zmetadata").write_text(json.dumps(document, allow_nan=False), "utf-8")


def _number_of(chunk: str, array: Mapping[str, Any]) -> int:
    """Return the position of a chunk, row by row, as C numbers them."""
    number = 0
    for index, count in zip(chunk.split("."), _counts_of(array), strict=True):
        number = number * count + int(index)
    return number


def _counts_of(array: Mapping[str, Any]) -> list[int]:
    """Return how many chunks an array has along each dimension; of a number, one."""
    return [-(-n // c) for n, c in zip(array["shape"], array["chunks"], strict=True)] or [1]


def _inline(value: str) -> bytes:
    """Return the bytes that stand in a reference themselves."""
    return b64decode(value.removeprefix("base64:"))


def _write_record(places: list[Any], path: Path) -> None:
    fastparquet: Any = import_module("fastparquet")
    pandas: Any = import_module("pandas")

    rows: list[Any] = [p if isinstance(p, list) else [None, 0, 0] for p in places]
    frame = pandas.DataFrame(rows, columns=["path", "offset", "size"])
    frame["raw"] = [_inline(place) if isinstance(place, str) else None for place in places]
    fastparquet.write(
        str(path),
        frame,
        compression="ZSTD",
        write_index=False,
        stats=False,
        object_encoding={"raw": "bytes", "path": "utf8"},
        has_nulls=["path", "raw"],
    )
