"""`tinycog index SRC... -o INDEX`: headers of many files, for `tinycog.Collection.load`."""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tinycog
from tinycog.commands.opening import add_open_options, open_options
from tinycog.commands.outcome import CHECK_FAILED, tell
from tinycog.commands.printing import counted, say
from tinycog.commands.progress import shown_progress
from tinycog.errors import UsageError

OF_TIME = ("start", "end", "datetime")
"""Columns of a table of properties that are times."""

KEYS = ("name", "where")
"""Columns by which a row belongs to a file."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = "Read the headers of many files once, and keep what they say."
    parser.add_argument("src", nargs="+", metavar="SRC", help="urls, paths, patterns with *")
    parser.add_argument(
        "-o", "--out", required=True, metavar="INDEX", help=".jsonl, or .parquet (GeoParquet)"
    )
    parser.add_argument(
        "--stac", action="store_true", help="SRC are STAC items or item collections"
    )
    parser.add_argument(
        "--assets", nargs="+", metavar="KEY", help="of the items; else all that are TIFFs"
    )
    parser.add_argument(
        "--no-headers", action="store_true", help="with --stac: keep what items say, read no header"
    )
    parser.add_argument(
        "--properties",
        metavar="TABLE",
        help=".csv or .jsonl with a column name or where; start, end, datetime are times",
    )
    parser.add_argument("--concurrency", type=int, default=64, help="files at once (64)")
    parser.add_argument(
        "--keep-going", action="store_true", help="index the others where a file cannot be read"
    )
    add_open_options(parser, many=True)
    parser.set_defaults(run=index)


async def index(args: argparse.Namespace) -> int:
    """Carry the command out; return 1 if a file failed."""
    began = time.perf_counter()
    with shown_progress(args, "files") as show:
        shared: dict[str, Any] = {
            "concurrency": args.concurrency,
            "errors": "keep" if args.keep_going else "raise",
            "on_progress": show,
            **open_options(args),
        }
        found = await (_of_items if args.stac else _of_files)(args, shared)
    found.save(args.out)
    for failed in found.failed:
        tell(str(failed.error))
    if not args.quiet:
        seconds = time.perf_counter() - began
        say(f"wrote {args.out}: {counted(len(found), 'asset')} in {seconds:.1f} s", sys.stderr)
    return CHECK_FAILED if found.failed else 0


async def _of_items(args: argparse.Namespace, shared: Mapping[str, Any]) -> tinycog.Collection:
    if args.properties is not None:
        raise UsageError("--properties has no use with --stac: items have properties")
    found = tinycog.Collection()
    for src in args.src:
        found += await tinycog.Collection.from_stac(
            src, assets=args.assets, read_headers=not args.no_headers, **shared
        )
    return found


async def _of_files(args: argparse.Namespace, shared: Mapping[str, Any]) -> tinycog.Collection:
    if args.assets is not None or args.no_headers:
        raise UsageError("--assets and --no-headers are for STAC items: add --stac")
    table = None if args.properties is None else PropertyTable.read(Path(args.properties))
    found = await tinycog.Collection.from_urls(
        args.src,
        properties=None if table is None else table.properties,
        times=None if table is None else table.times,
        **shared,
    )
    if table is not None and (unused := table.unused()):
        message = f"{args.properties} has a row for {unused!r}, which is none of the files"
        raise UsageError(message)
    return found


class PropertyTable:
    """Properties and times of files, by their names or urls."""

    def __init__(self, key: str, rows: Mapping[str, Mapping[str, object]]) -> None:
        """Keep the rows, by the value of the column `key`."""
        self._key, self._rows = key, rows
        self._used: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> PropertyTable:
        """Read a table.

        Raises:
            UsageError: it has no column that says which file a row is for.
        """
        if path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                rows = [
                    {name: _value(text) for name, text in row.items()}
                    for row in csv.DictReader(file)
                ]
        else:
            rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
        key = next((key for key in KEYS if rows and all(key in row for row in rows)), None)
        if key is None:
            message = f"{path} has no column 'name' or 'where', by which rows belong to files"
            raise UsageError(message)
        return cls(key, {str(row[key]): row for row in rows})

    def properties(self, where: str) -> Mapping[str, object]:
        """Return the properties of a file."""
        row = self._row(where)
        return {
            name: value
            for name, value in row.items()
            if name not in (*KEYS, *OF_TIME) and value is not None
        }

    def times(self, where: str) -> tuple[Any, Any]:
        """Return beginning and end of a file."""
        row = self._row(where)
        return row.get("start") or row.get("datetime"), row.get("end")

    def unused(self) -> str | None:
        """Return a row that is for none of the files."""
        return next((name for name in self._rows if name not in self._used), None)

    def _row(self, where: str) -> Mapping[str, object]:
        name = Path(where).name
        for key in (where, name, name.rpartition(".")[0]):
            if key in self._rows:
                self._used.add(key)
                return self._rows[key]
        return {}


def _value(text: str) -> object:
    """Return a cell of a table of text: a number where it is one, None where it is empty."""
    kinds: tuple[Callable[[str], object], ...] = (int, float)
    for kind in kinds:
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None
