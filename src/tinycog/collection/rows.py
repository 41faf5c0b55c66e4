"""Where the assets of a collection are kept: in memory, or in a file that they are read from."""

from __future__ import annotations

import json
import re
import threading
import weakref
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

import tinycog
from tinycog.collection.asset import Asset, of_document, to_document
from tinycog.collection.columns import Columns
from tinycog.errors import UsageError


class AssetRows(Protocol):
    """Assets by number, and the columns of all of them."""

    @property
    def columns(self) -> Columns:
        """What filters look at."""
        ...

    def asset(self, row: int) -> Asset:
        """Return an asset."""
        ...

    def line(self, row: int) -> bytes:
        """Return an asset as a line of JSON, without its end."""
        ...


class HeldRows:
    """Assets in memory."""

    def __init__(self, assets: Sequence[Asset]) -> None:
        """Keep them."""
        self._assets = assets
        self._columns: Columns | None = None

    @property
    def columns(self) -> Columns:
        """What filters look at, made at the first use."""
        if self._columns is None:
            self._columns = Columns.of(map(to_document, self._assets))
        return self._columns

    def asset(self, row: int) -> Asset:
        """Return an asset."""
        return self._assets[row]

    def line(self, row: int) -> bytes:
        """Return an asset as a line of JSON, without its end.

        Raises:
            UsageError: it holds what JSON cannot.
        """
        return to_line(self._assets[row])


class FileRows:
    """Assets in a file of JSON Lines, which stays open: each is read when it is asked for."""

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        columns: Columns,
        starts: NDArray[np.int64],
        checksums: NDArray[np.uint32],
    ) -> None:
        """Keep the file.

        Args:
            file: open for reading.
            name: of the file, for messages.
            columns: of its assets.
            starts: where each line begins, and where the last one ends.
            checksums: CRC-32 of each line.
        """
        self._file, self._name = file, name
        weakref.finalize(self, file.close)
        self._lock = threading.Lock()
        self._columns = columns
        self._starts, self._checksums = starts, checksums

    @property
    def columns(self) -> Columns:
        """What filters look at."""
        return self._columns

    def asset(self, row: int) -> Asset:
        """Return an asset.

        Raises:
            UsageError: the file was changed since it was loaded.
        """
        return of_document(json.loads(self.line(row)))

    def line(self, row: int) -> bytes:
        """Return an asset as a line of JSON, without its end.

        Raises:
            UsageError: the file was changed since it was loaded.
        """
        start, stop = int(self._starts[row]), int(self._starts[row + 1])
        with self._lock:
            self._file.seek(start)
            found = self._file.read(stop - start)
        if zlib.crc32(found) != self._checksums[row]:
            message = f"the index was changed since it was loaded, load it again: {self._name}"
            raise UsageError(message)
        return found.rstrip(b"\n")


def to_line(asset: Asset) -> bytes:
    """Return an asset as a line of JSON, without its end.

    Raises:
        UsageError: it holds what JSON cannot.
    """
    try:
        return encoded(to_document(asset))
    except (TypeError, ValueError) as exc:
        message = f"asset {asset.name!r} cannot be written as JSON: {exc}"
        raise UsageError(message) from exc


WHERE = re.compile(rb'"where":"((?:[^"\\\\]|\\\\.)*)"')
"""Of a line: the url or path."""

SUSPECT = re.compile(rb"[?@#]")
"""What stands in a url that may show a credential."""


def check_urls(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines whose urls show no credential.

    Raises:
        UsageError: one may.
    """
    for line in lines:
        found = WHERE.search(line)
        if found is not None and SUSPECT.search(found[1]):
            where = json.loads(b'"' + found[1] + b'"')
            handle = tinycog.open(where)
            if "://" in where and handle.url is None:
                message = (
                    f"the url of asset {json.loads(line)['name']!r} has a query, a user or a"
                    " password, which may be a credential: index urls without and sign them"
                    f" (sign=), or save with secrets=True: {handle.name}"
                )
                raise UsageError(message)
        yield line


def encoded(document: object) -> bytes:
    """Return a document as JSON in UTF-8, on one line."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
