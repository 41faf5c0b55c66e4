"""What was given to the viewer: a file, a folder, an index of files."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from os import PathLike, fspath
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

import tinycog
from tinycog.collection.asset import Asset
from tinycog.collection.collection import Collection
from tinycog.collection.open_options import OpenOptions
from tinycog.errors import NotFoundError, UsageError
from tinycog.fetch.single_flight import SingleFlight
from tinycog.limits import Limits
from tinycog.viewer.folder import Folder

INDEX_ENDINGS = (".jsonl", ".parquet")
"""What names of indexes end with, as `Collection.save` writes them."""

MOST_LISTED = 2000
"""Files of an index that the page lists, and whose footprints it draws."""

PIXEL_BYTES = 256 << 20
"""Bytes of pixels that a tile of a map may take."""

VIEWER_LIMITS = Limits(result_bytes=PIXEL_BYTES)
"""Limits of files that are opened for the viewer, unless a caller gives others."""


class GivenFile(NamedTuple):
    """One file that is served.

    Attributes:
        key: by which urls of the viewer name it.
        name: by which the page does.
        open: makes a handle, without any I/O.
        path: where its bytes lie on this machine, if they are served; None elsewhere.
    """

    key: str
    name: str
    open: Callable[[], tinycog.Cog]
    path: Path | None = None


class Given(ABC):
    """What was given.

    Attributes:
        title: what the page calls it.
        is_one: whether it is a single file.
    """

    title: str
    is_one = False

    def shown(self, text: str) -> str:
        """Return a message without where the files lie on this machine."""
        return text

    @abstractmethod
    def find(self, key: str) -> GivenFile:
        """Return the file of a key.

        Raises:
            NotFoundError: there is none.
        """

    @abstractmethod
    def listed(self) -> tuple[list[tuple[str, str]], int | None]:
        """Return key and name of each file, and how many there are; None if that is not known."""

    def of_asset(self, asset: Asset) -> GivenFile:
        """Return the file that an asset of `collection` is.

        Raises:
            NotFoundError: it is gone.
        """
        return self.find(asset.name)

    @abstractmethod
    async def collection(self) -> tuple[Collection, list[str]]:
        """Return the files as a collection, with their keys in its order."""


class OneFile(Given):
    """A single file: a path, a url, a handle."""

    is_one = True

    def __init__(self, file: GivenFile, title: str) -> None:
        """Keep it."""
        self._file, self.title = file, title

    def shown(self, text: str) -> str:
        """Return a message with the name alone."""
        path = self._file.path
        return text if path is None else text.replace(str(path), path.name)

    def find(self, key: str) -> GivenFile:
        """Return the file, if that is its key."""
        if key != self._file.key:
            raise NotFoundError("there is no such file", url=key)
        return self._file

    def listed(self) -> tuple[list[tuple[str, str]], int | None]:
        """Return the one."""
        return [(self._file.key, self._file.name)], 1

    async def collection(self) -> tuple[Collection, list[str]]:
        """Return none: a single file is shown by itself."""
        return Collection(), []


class FolderFiles(Given):
    """The TIFFs of a folder, listed anew when the page is loaded."""

    def __init__(self, path: Path, options: OpenOptions) -> None:
        """Keep where it lies."""
        self._folder, self._options = Folder(path), options
        self.title = self._folder.root.name or str(self._folder.root)
        self._names: dict[str, Path] = {}
        self._read: tuple[object, Collection, list[str]] | None = None
        self._flight = SingleFlight()

    def shown(self, text: str) -> str:
        """Return a message with paths in the folder."""
        return text.replace(f"{self._folder.root}{os.sep}", "")

    def find(self, key: str) -> GivenFile:
        """Return the file of a name that was listed."""
        if key not in self._names:
            self.listed()
        if key not in self._names:
            raise NotFoundError("the folder lists no such file", url=key)
        path = self._folder.path_of(key)
        return GivenFile(key, key, lambda: tinycog.open(path, **self._options), path)

    def listed(self) -> tuple[list[tuple[str, str]], int | None]:
        """List the folder."""
        self._names, is_all = self._folder.listed()
        return [(name, name) for name in self._names], len(self._names) if is_all else None

    async def collection(self) -> tuple[Collection, list[str]]:
        """Read the headers of all files, again if one was changed."""
        return await self._flight.run("headers", self._collection)

    async def _collection(self) -> tuple[Collection, list[str]]:
        names = dict(self._names)
        state = [(name, _state(path)) for name, path in names.items()]
        if self._read is None or self._read[0] != state:
            read = (
                await Collection.from_urls(
                    [str(path) for path in names.values()],
                    names=list(names),
                    errors="keep",
                    **self._options,
                )
                if names
                else Collection()
            )
            self._read = state, read, [asset.name for asset in read]
        return self._read[1:]


class IndexFiles(Given):
    """The assets of an index; keys are their numbers in it."""

    def __init__(self, collection: Collection, title: str, options: OpenOptions) -> None:
        """Keep it."""
        self._collection, self._options, self.title = collection, options, title

    def find(self, key: str) -> GivenFile:
        """Return the asset of a number."""
        number = int(key) if key.isascii() and key.isdigit() and len(key) < 10 else -1  # noqa: PLR2004
        if not 0 <= number < len(self._collection):
            raise NotFoundError("the index has no such file", url=key)
        asset = self._collection[number]
        return GivenFile(key, asset.name, lambda: asset.open(**self._options))

    def listed(self) -> tuple[list[tuple[str, str]], int | None]:
        """Return the first assets, and how many there are."""
        first = self._collection[:MOST_LISTED]
        return [(str(i), one.name) for i, one in enumerate(first)], len(self._collection)

    def of_asset(self, asset: Asset) -> GivenFile:
        """Return an asset as a file, without looking for its number."""
        key = f"{asset.name}\n{asset.where}"
        return GivenFile(key, asset.name, lambda: asset.open(**self._options))

    async def collection(self) -> tuple[Collection, list[str]]:
        """Return all of them."""
        return self._collection, [str(i) for i in range(len(self._collection))]


def look_at(where: str | PathLike[str] | tinycog.Cog | Collection, options: OpenOptions) -> Given:
    """Return what a caller gives: a path, a url, a folder, an index, a handle, a collection.

    Raises:
        UsageError: it is nothing that can be shown.
        NotFoundError: there is no such path.
    """
    opening: OpenOptions = {"limits": VIEWER_LIMITS, **options}
    if isinstance(where, tinycog.Cog):
        name = _last_part(where.name)
        return OneFile(GivenFile(name, name, lambda: where), name)
    if isinstance(where, Collection):
        return IndexFiles(where, f"{len(where):,} files", _kept(opening))
    text = fspath(where)
    if "://" in text:
        opening = _kept(opening)
        name = _last_part(tinycog.open(text, **opening).name)
        return OneFile(GivenFile(name, name, lambda: tinycog.open(text, **opening)), name)
    path = Path(text)
    if path.is_dir():
        return FolderFiles(path, opening)
    if not path.exists():
        raise NotFoundError("there is no such file or folder", url=text)
    if path.suffix in INDEX_ENDINGS:
        return IndexFiles(Collection.load(path), path.name, _kept(opening))
    if path.suffix == ".json":
        message = (
            f"{path.name} is no TIFF, folder or index: make an index of STAC items by"
            " `tinycog index --stac`"
        )
        raise UsageError(message)
    inside = path.resolve()
    file = GivenFile(path.name, path.name, lambda: tinycog.open(inside, **opening), inside)
    return OneFile(file, path.name)


def _kept(options: OpenOptions) -> OpenOptions:
    """Return options with a cache in memory, unless one is given or configured.

    What was seen once, or lies under the pointer, is not requested again.
    """
    configured = tinycog.open(b"").arguments.cache
    if "cache" in options or configured is not None:
        return options
    return {**options, "cache": tinycog.MemoryCache()}


def _last_part(name: str) -> str:
    """Return the last part of a url's path, or of a path, for urls of the viewer."""
    path = urlsplit(name).path if "://" in name else name
    return PurePosixPath(path.replace("\\", "/")).name or "image"


def _state(path: Path) -> tuple[int, int]:
    """Return what tells whether a file is another."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
