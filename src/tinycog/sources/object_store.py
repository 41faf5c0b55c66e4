"""Objects in a store with obspec's methods, `open(path, store=...)`: those of obstore, for one.

::

    store = obstore.store.S3Store("bucket", region="eu-central-1")
    cog = await tinycog.open("folder/a.tif", store=store)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tinycog.errors import SourceError, TinycogError, UsageError
from tinycog.limits import Limits
from tinycog.sources.condition import Condition
from tinycog.sources.protocol import RangeSink
from tinycog.sources.redact import redact, secrets_in, secrets_in_url, shown_url
from tinycog.sources.stores import obspec
from tinycog.sources.stores.answer import ObjectRead
from tinycog.sources.stores.errors import to_source_error
from tinycog.sources.stores.timed import Arrived, in_time
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from tinycog.argument_types import ObjectStore

SCHEMES = {"S3Store": "s3", "GCSStore": "gs", "AzureStore": "az"}
"""Schemes by which obstore's stores are named."""

BUCKETS = ("bucket", "container_name")
"""What their configuration calls what is named behind the scheme."""


_processes: dict[str, int] = {}
"""The process in which the threads of "obstore" run, once a handle has read by it."""


class ObjectStoreSource:
    """Ranges of an object in a store, each with the generation that it is of.

    Pickles if the store does.
    """

    def __init__(self, path: str, store: ObjectStore, limits: Limits | None = None) -> None:
        """Take path and store; nothing is read.

        Raises:
            UsageError: it is no store.
        """
        _check_store(store)
        self._path = path
        self._store = store
        self._silence = (limits or Limits()).retries.silence
        self._condition = Condition()
        self._is_obstore = _is_obstore(store)

    @property
    def name(self) -> str:
        """What the store tells of its url or bucket, redacted (http.secrets), and the path."""
        return f"{shown_url(_url_of(self._store)).rstrip('/')}/{self._path.lstrip('/')}"

    @property
    def origin(self) -> str:
        """Scheme with host or bucket, "file" for a folder, else the type of the store."""
        url = _url_of(self._store)
        scheme, separator, rest = url.partition("://")
        if not separator:
            return "file" if os.path.isabs(url) else url  # noqa: PTH117 - a text
        return redact(f"{scheme}://{rest.partition('/')[0]}")

    async def aopen(self) -> None:
        """Do nothing: the store is there."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Read a range, on condition that the object is of the known generation (store.obspec).

        Raises:
            UsageError: a generation is wanted, and the store tells none.
            SourceChangedError: the object was replaced.
            SourceError: it cannot be read, or not in time (store.time).
        """
        if self._is_obstore:
            _check_process(self.name)
        unseen = 0 if self._is_obstore else part.length
        try:
            await in_time(partial(self._read, part, answer), answer, self._silence, unseen)
        except TinycogError:
            raise
        except Exception as exc:  # noqa: BLE001 - a store may raise anything
            error = to_source_error(exc, self.name, part, self.secrets(), "the store")
        else:
            return
        raise error  # not where it would show its cause as a context

    async def _read(self, part: ByteRange, answer: RangeSink, arrived: Arrived) -> None:
        wanted = ObjectRead(
            self._store,
            self._path,
            part,
            answer.generation,
            arrived,
            self.name,
            self._condition,
            is_pinned=answer.pinning == "strict",
        )
        await obspec.read(wanted, answer)

    def secrets(self) -> Iterator[str]:
        """Yield what may be a credential in the url and the settings of the store."""
        settings = [getattr(self._store, name, None) for name in ("config", "client_options")]
        yield from (text for text in secrets_in(settings) if text not in self.name)
        yield from secrets_in_url(_url_of(self._store))

    async def aclose(self) -> None:
        """Do nothing: the store is the caller's."""


def _check_store(store: ObjectStore) -> None:
    if hasattr(store, "cat_file"):
        message = f"store= has no use for an fsspec file system: pass {type(store).__name__} as fs="
        raise UsageError(message)
    if isinstance(store, type) or not obspec.method_of(store):
        name = store.__name__ if isinstance(store, type) else type(store).__name__
        message = (
            f"{name} is no object store: expected an object with a method of obspec's that reads"
            " (get_async, get, get_range_async, ...), as those of obstore.store"
        )
        raise UsageError(message)


def _is_obstore(store: object) -> bool:
    """Return whether a store is obstore's: its reads run in threads of its own."""
    return any(cls.__module__.partition(".")[0] == "obstore" for cls in type(store).__mro__)


def _check_process(name: str) -> None:
    """Check that the threads of obstore, if it has any yet, are in this process (store.fork).

    Raises:
        SourceError: they are in the process that this one was forked from.
    """
    if _processes.setdefault("obstore", os.getpid()) != os.getpid():
        message = (
            "obstore was used before this process was forked, and cannot be used in it: start"
            ' processes by "spawn" or "forkserver"'
        )
        raise SourceError(message, url=name)


def _url_of(store: object) -> str:
    """Return the url of a store, its folder, or its type, if it tells neither."""
    for attribute in ("url", "base_url"):
        url = getattr(store, attribute, None)
        if isinstance(url, str):
            return url
    kind = type(store).__name__
    prefix = str(getattr(store, "prefix", None) or "")
    config = getattr(store, "config", None)
    buckets = [config.get(name) for name in BUCKETS] if isinstance(config, Mapping) else []  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    bucket = next((str(name) for name in buckets if name), "")  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if bucket and kind in SCHEMES:
        return f"{SCHEMES[kind]}://{bucket}/{prefix}"
    return prefix or kind
