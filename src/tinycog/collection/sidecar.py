"""Columns of an index, kept beside it: `index.jsonl.columns` (cog.collection.columns).

A zip of arrays in numpy's own format, without pickles. It belongs to one content of the index, by
its length and its hash; another, or a broken one, is made anew, and none is needed.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from tinycog.collection.columns import Columns
from tinycog.collection.property_columns import ColumnKind, PropertyColumn

VERSION = 1
ENDING = ".columns"
PARTS = ("values", "present", "words", "word_ends")

Arrays = Mapping[str, NDArray[Any]]


class Lines(NamedTuple):
    """Lines of an index, and their columns.

    Attributes:
        columns: of the assets.
        starts: where each line begins, and where the last one ends.
        checksums: CRC-32 of each.
        head: the first line.
    """

    columns: Columns
    starts: NDArray[np.int64]
    checksums: NDArray[np.uint32]
    head: dict[str, Any]


def sidecar_of(path: Path) -> Path:
    """Return the path of the columns of an index."""
    return path.with_name(path.name + ENDING)


def keep(path: Path, content: str, lines: Lines) -> None:
    """Keep the columns of an index, if its folder can be written.

    Args:
        path: of the index.
        content: hash of the index.
        lines: its columns.
    """
    columns = lines.columns
    facts = {
        "version": VERSION,
        "content": content,
        "head": lines.head,
        "properties": [[name, column.kind] for name, column in columns.properties.items()],
    }
    arrays: dict[str, NDArray[Any]] = {
        "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
        "starts": lines.starts,
        "checksums": lines.checksums,
        "bounds": columns.bounds,
        "times": columns.times,
        "footprints": columns.footprints,
        "footprint_ends": columns.footprint_ends,
    }
    for i, column in enumerate(columns.properties.values()):
        arrays |= {f"{i}.{part}": getattr(column, part) for part in PARTS}
    target = sidecar_of(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with suppress(OSError):
        try:
            with temporary.open("wb") as file:
                np.savez(file, **cast("Any", arrays))
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def kept(path: Path, content: str) -> Lines | None:
    """Return the columns of an index, None unless they are those of this content."""
    try:
        with sidecar_of(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return _lines(arrays, content)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def _lines(arrays: Arrays, content: str) -> Lines | None:
    facts = json.loads(arrays["facts"].tobytes())
    if facts["version"] != VERSION or facts["content"] != content:
        return None
    properties = {
        name: _column(arrays, i, kind) for i, (name, kind) in enumerate(facts["properties"])
    }
    columns = Columns(
        *(arrays[name] for name in ("bounds", "times", "footprints", "footprint_ends")), properties
    )
    return Lines(columns, arrays["starts"], arrays["checksums"], facts["head"])


def _column(arrays: Arrays, i: int, kind: ColumnKind) -> PropertyColumn:
    values, present, words, word_ends = (arrays[f"{i}.{part}"] for part in PARTS)
    return PropertyColumn(kind, values, present, words, word_ends)
