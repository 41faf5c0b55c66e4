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
    blocking.py      classes made from those of `tinycog`
    __init__.pyi     their types, made by tests/make_sync_types.py
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from functools import wraps
from types import TracebackType
from typing import Any, Self, TypeVar

import tinycog
from tinycog.sync.blocking import Blocking, blocking
from tinycog.sync.loop_thread import THREAD

__all__ = [
    "Cog",
    "Overview",
    "Page",
    "Pages",
    "TagEntry",
    "Tags",
    "abort_upload",
    "list_uploads",
    "open",
    "run",
    "validate",
    "write",
]

T = TypeVar("T")


class Cog(Blocking, of=tinycog.Cog, omit=["aclose"]):
    """Handle of a TIFF, BigTIFF or COG, made by `tinycog.sync.open`: `tinycog.Cog`, blocking."""

    asynchronous: tinycog.Cog

    def close(self) -> None:
        """Close what the handle holds open, as `Cog.aclose` does."""
        THREAD.run(self.asynchronous.aclose())

    def __enter__(self) -> Self:
        """Read the header with all levels."""
        THREAD.run(self.asynchronous.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the source."""
        self.close()


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


@wraps(tinycog.open)
def open(*args: object, **options: object) -> Cog:  # noqa: A001, D103 - the library's verb
    make: Any = tinycog.open
    return blocking(make(*args, **options))


@wraps(tinycog.write)
def write(*args: object, **options: object) -> object:  # noqa: D103 - the library's verb
    make: Any = tinycog.write
    return THREAD.run(_done(make(*args, **options)))


@wraps(tinycog.list_uploads)
def list_uploads(*args: Any, **options: Any) -> list[tinycog.OpenUpload]:  # noqa: ANN401, D103 - its arguments
    return THREAD.run(tinycog.list_uploads(*args, **options))


@wraps(tinycog.abort_upload)
def abort_upload(*args: Any, **options: Any) -> None:  # noqa: ANN401, D103 - the same
    THREAD.run(tinycog.abort_upload(*args, **options))


@wraps(tinycog.validate)
def validate(*args: object, **options: object) -> tinycog.ValidationReport:  # noqa: D103 - likewise
    check: Any = tinycog.validate
    plain = [arg.asynchronous if isinstance(arg, Cog) else arg for arg in args]
    return THREAD.run(check(*plain, **options))


async def _done(pending: Any) -> object:  # noqa: ANN401 - of either result
    return await pending


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the event loop of the blocking calls, and return its result.

    For several reads side by side: `run(read_all(cog.asynchronous))`.

    Raises:
        UsageError: the caller runs in that loop itself, which would wait for itself for ever.
    """
    return THREAD.run(work)
