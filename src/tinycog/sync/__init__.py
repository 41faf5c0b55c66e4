"""The same reads, blocking: for scripts, notebooks and threads.

::

    import tinycog.sync

    tile = tinycog.sync.open(url).read_tile(z, x, y)
    with tinycog.sync.open(url) as cog:
        print(cog.crs, cog.shape)               # read when they are looked at
        for tile in cog.iter_tiles(): ...

Methods and properties are those of `tinycog.Cog`, and so are costs and errors; what is awaited
there is waited for here. A property that needs the header reads it. All calls of a process run in
one event loop in a thread of its own, so handles may be shared by threads, and work in notebooks,
inside of a running event loop, and after a fork.

::

    loop_thread.py   the event loop and its thread
    collection.py    those of collections, when they are first used
    mosaics.py       those of mosaics, likewise
    stacks.py        those of stacks, likewise
    services.py      those of services, likewise
    tile_sets.py     those of tile sets, likewise
    thumbnail.py     what a notebook shows of a handle
    blocking.py      classes made from those of `tinycog`
    __init__.pyi     their types, made by tests/make_sync_types.py
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from functools import wraps
from importlib import import_module
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar

import tinycog
from tinycog.sync.blocking import Blocking, Closing, blocking
from tinycog.sync.loop_thread import THREAD
from tinycog.tracebacks import short_tracebacks

__all__ = [
    "Asset",
    "Cog",
    "Collection",
    "Mosaic",
    "Overview",
    "Page",
    "Pages",
    "Service",
    "Stack",
    "TagEntry",
    "Tags",
    "TileSet",
    "abort_upload",
    "export",
    "list_uploads",
    "mosaic",
    "open",
    "run",
    "update",
    "validate",
    "write",
]

T = TypeVar("T")


class Cog(Closing, Blocking, of=tinycog.Cog, omit=["aclose"]):
    """Handle of a TIFF, BigTIFF or COG, made by `tinycog.sync.open`: `tinycog.Cog`, blocking."""

    asynchronous: tinycog.Cog

    def _repr_html_(self) -> str:
        """Return a table of facts, a thumbnail and the footprint, for notebooks.

        Cost: 0 requests if the handle is not open, else at most 2 for 256 KiB, each time.
        """
        from tinycog.sync.thumbnail import card_with_thumbnail  # noqa: PLC0415 - only notebooks

        return card_with_thumbnail(self.asynchronous)


class Overview(Blocking, of=tinycog.Overview):
    """A level after the first: `tinycog.Overview`, blocking."""


class Page(Blocking, of=tinycog.Page):
    """An IFD and its role: `tinycog.Page`, blocking."""


class Pages(Blocking, Sequence[Page], of=tinycog.Pages):
    """IFDs of a file: `tinycog.Pages`, blocking."""

    __len__: Any
    __getitem__: Any


class TagEntry(Blocking, of=tinycog.TagEntry):
    """One tag of a page: `tinycog.TagEntry`, blocking; its `value` is read when it is looked at."""


class Tags(Blocking, Mapping[str | int, TagEntry], of=tinycog.Tags):
    """Tags of a page: `tinycog.Tags`, blocking."""

    __iter__: Any
    __len__: Any
    __getitem__: Any


@short_tracebacks
@wraps(tinycog.open)
def open(*args: object, **options: object) -> Cog:  # noqa: A001, D103 - the library's verb
    make: Any = tinycog.open
    return blocking(make(*args, **options))


@short_tracebacks
def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the event loop of the blocking calls, and return its result.

    For several reads side by side: `run(read_all(cog.asynchronous))`.

    Raises:
        UsageError: the caller runs in that loop itself, which would wait for itself for ever; or it
            is no coroutine.
    """
    if not isawaitable(work):
        message = f"run() takes a coroutine, not {type(work).__name__}: run(read_all(...))"
        raise tinycog.UsageError(message)
    return THREAD.run(work)


LATE_MODULES = {
    "Asset": "collection",
    "Collection": "collection",
    "Mosaic": "mosaics",
    "Stack": "stacks",
    "Service": "services",
    "TileSet": "tile_sets",
    "mosaic": "mosaics",
}
"""Modules of names that are imported when they are first used."""

LATE = frozenset({"abort_upload", "export", "list_uploads", "update", "validate", "write"})
"""Functions whose modules are imported when they are first used: no read needs them."""


def _blocking_function(function: Any) -> Any:  # noqa: ANN401 - any of these
    """Return a function that waits for what another one returns."""

    @short_tracebacks
    @wraps(function)
    def blocking_call(*args: object, **options: object) -> object:
        plain = [arg.asynchronous if isinstance(arg, Blocking) else arg for arg in args]
        return THREAD.run(_done(function(*plain, **options)))

    return blocking_call


async def _done(pending: Any) -> object:  # noqa: ANN401 - of any result
    return await pending


if TYPE_CHECKING:  # their types are in the stub
    Asset: Any
    Collection: Any
    Mosaic: Any
    Stack: Any
    Service: Any
    TileSet: Any
    abort_upload: Any
    export: Any
    list_uploads: Any
    mosaic: Any
    update: Any
    validate: Any
    write: Any
else:

    def __getattr__(name: str) -> object:
        """Make a function of `LATE`, or a class, at its first use."""
        if name in LATE_MODULES:
            module = import_module(f"{__name__}.{LATE_MODULES[name]}")
            value = globals()[name] = getattr(module, name)
            return value
        if name not in LATE:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        value = globals()[name] = _blocking_function(getattr(tinycog, name))
        return value
