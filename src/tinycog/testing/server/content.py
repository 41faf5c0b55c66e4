"""What is served: bytes, files on disk, or files that are computed as they are read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Literal, Protocol

EtagMode = bool | Literal["weak"]
"""True: strong entity tags; "weak": weak ones; False: none."""


class VirtualFile(Protocol):
    """A file that need not exist anywhere: its bytes are computed when they are read."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read(self, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop`, half-open, with `0 <= start <= stop <= size`."""
        ...


Servable = bytes | Path | VirtualFile
"""What can be served. A `Path` is read by range, never whole."""


@dataclass(frozen=True, slots=True)
class Content:
    """One version of a served file.

    Attributes:
        size: length in bytes.
        etag: entity tag as the header has it, None if the server sends none.
        modified: time of the last change, as an HTTP date.
        read: gives the bytes `start` to `stop`, half-open.

    """

    size: int
    etag: str | None
    modified: str
    read: Callable[[int, int], bytes]


class Shelf:
    """The served files by name; it notices when one is replaced.

    Bytes are tagged by their hash, files on disk by time and size (as nginx does), virtual files by
    a number that counts up with every new object.
    """

    def __init__(self, files: dict[str, Servable], etag: EtagMode) -> None:
        """Look into `files` at every request: a caller may change it at any time."""
        self.files = files
        self._etag = etag
        self._known: dict[str, tuple[Servable, Content]] = {}
        self._generations = count(1)

    def find(self, name: str) -> Content | None:
        """The file of that name as it is now, or None."""
        source = self.files.get(name)
        if source is None:
            return None
        if isinstance(source, Path):
            return self._on_disk(source)
        known = self._known.get(name)
        if known is None or known[0] is not source:
            known = self._known[name] = (source, self._in_memory(source))
        return known[1]

    def _on_disk(self, path: Path) -> Content | None:
        def read(start: int, stop: int) -> bytes:
            with path.open("rb", buffering=0) as file:
                file.seek(start)
                return file.read(stop - start)

        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        tag = self._tag(f"{stat.st_mtime_ns:x}-{stat.st_size:x}")
        return Content(stat.st_size, tag, formatdate(stat.st_mtime, usegmt=True), read)

    def _in_memory(self, source: bytes | VirtualFile) -> Content:
        now = formatdate(time.time(), usegmt=True)
        if isinstance(source, bytes):
            tag = self._tag(blake2b(source, digest_size=8).hexdigest())
            return Content(len(source), tag, now, lambda start, stop: source[start:stop])
        tag = self._tag(f"virtual-{next(self._generations)}")
        return Content(source.size, tag, now, source.read)

    def _tag(self, text: str) -> str | None:
        if self._etag is False:
            return None
        return f'W/"{text}"' if self._etag == "weak" else f'"{text}"'
