"""An index as JSON Lines (cog.collection.lines): a line that says what it is, one for each asset.

The first line tells how many assets follow, so that an index that was cut is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from tinycog.collection.columns import Columns
from tinycog.collection.rows import FileRows, encoded
from tinycog.collection.sidecar import Lines, keep, kept
from tinycog.errors import UsageError

VERSION = 1
KEY = "tinycog_collection"
CHUNK_BYTES = 1 << 22


def save(path: Path, head: Mapping[str, Any], lines: Iterable[bytes], count: int) -> None:
    """Write an index, whole or not at all, and its columns beside it.

    Args:
        path: of the index; it is replaced.
        head: what its first line says besides.
        lines: of the assets, without their ends.
        count: how many these are.
    """
    first = {KEY: VERSION, "assets": count, **head}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(encoded(first) + b"\n")
            for line in lines:
                file.write(line + b"\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    with path.open("rb") as file:
        found, content = _read(file, str(path))
    keep(path, content, found)


def load(path: Path) -> tuple[FileRows, dict[str, Any]]:
    """Return the assets of an index, and what its first line says.

    The whole file is hashed, so that columns beside it are never those of another content.

    Raises:
        UsageError: it is no index, or was cut.
        OSError: it cannot be read.
    """
    file = path.open("rb")
    try:
        name = str(path)
        found = kept(path, _hashed(file))
        if found is None:
            file.seek(0)
            found, content = _read(file, name)
            keep(path, content, found)
    except BaseException:
        file.close()
        raise
    return FileRows(file, name, found.columns, found.starts, found.checksums), found.head


def _hash() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def _hashed(file: BinaryIO) -> str:
    """Return the hash of a file."""
    found = _hash()
    while chunk := file.read(CHUNK_BYTES):
        found.update(chunk)
    return found.hexdigest()


def _read(file: BinaryIO, name: str) -> tuple[Lines, str]:
    """Return the columns of a file, and its hash."""
    content = _hash()
    starts, checksums = array("q"), array("I")
    line = file.readline()
    content.update(line)
    head = _head(line, name)
    starts.append(len(line))

    def documents() -> Iterator[dict[str, Any]]:
        for line in file:
            content.update(line)
            checksums.append(zlib.crc32(line))
            starts.append(starts[-1] + len(line))
            try:
                found = json.loads(line)
                yield {key: found.get(key) for key in ("start", "end", "bounds", "geometry")} | {
                    "properties": found.get("properties")
                }
            except (ValueError, AttributeError) as exc:
                message = f"line {len(starts)} of the index is no JSON object: {exc}: {name}"
                raise UsageError(message) from exc

    columns = Columns.of(documents())
    if len(columns) != head["assets"]:
        message = (
            f"the index was cut or changed: its first line tells of {head['assets']} assets,"
            f" but {len(columns)} follow: {name}"
        )
        raise UsageError(message)
    lines = Lines(columns, np.array(starts, np.int64), np.array(checksums, np.uint32), head)
    return lines, content.hexdigest()


def _head(line: bytes, name: str) -> dict[str, Any]:
    """Return what the first line says.

    Raises:
        UsageError: it is that of no index, or of another version.
    """
    try:
        found = json.loads(line)
        version, count = found[KEY], found["assets"]
    except (ValueError, KeyError, TypeError) as exc:
        message = f"not an index of tinycog: its first line has no {KEY!r}: {name}"
        raise UsageError(message) from exc
    if version != VERSION or not isinstance(count, int):
        message = f"an index of version {version!r}, expected {VERSION}; make it anew: {name}"
        raise UsageError(message)
    return found
