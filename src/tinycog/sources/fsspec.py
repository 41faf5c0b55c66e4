"""Every other scheme by fsspec: object stores, archives, caches, in-memory files."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tinycog.errors import NotFoundError, SourceError, TinycogError, UsageError
from tinycog.limits import Limits
from tinycog.sources.allow_host import check_allowed
from tinycog.sources.identity import Identity, plain
from tinycog.sources.lazy_import import load
from tinycog.sources.protocol import RangeSink, check_length
from tinycog.sources.redact import redact, redact_line, safe_cause, secrets_in, shown_url
from tinycog.sources.stores.answer import ObjectAnswer, begin_answer
from tinycog.sources.stores.errors import to_source_error
from tinycog.sources.stores.fork import renewed
from tinycog.sources.stores.reader import ObjectReader
from tinycog.sources.stores.threads import in_thread
from tinycog.sources.urls import links_of, scheme_of
from tinycog.tiff.ranges import ByteRange

if TYPE_CHECKING:
    from tinycog.argument_types import AllowHost

SEPARATORS = re.compile(r"[:/?#@&=;]+")
"""What stands between the parts of a url."""

MIN_HIDDEN_LENGTH = 3
"""Characters from which on a part of a url that is not shown is looked for in what others wrote."""


class FsspecSource:
    """Ranges of a path in an fsspec file system, each with the generation that it is of.

    An asynchronous file system is called in its own event loop; a synchronous or caching one in a
    thread for each read. Pickles if the file system does.
    """

    def __init__(
        self,
        where: str,
        *,
        fs: Any = None,  # noqa: ANN401 - fsspec has no types
        storage_options: Mapping[str, Any] | None = None,
        allow_host: AllowHost | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Take url and options; nothing is opened."""
        self._url = where
        self.url = where if fs is None else None
        self._options = dict(storage_options or {})
        self._allow_host = allow_host
        self._silence = (limits or Limits()).retries.silence
        self._target: tuple[Any, str] | None = None if fs is None else (fs, where)
        self._pid = os.getpid()
        self._reads: ObjectReader | None = None
        self._given_fs = fs

    @property
    def identity(self) -> Identity | None:
        """Url and options; never all: file systems take credentials from their environment."""
        fs = self._given_fs
        arguments = (getattr(fs, "storage_args", ()), getattr(fs, "storage_options", {}))
        told = (f"{type(fs).__module__}.{type(fs).__qualname__}", *arguments, self._options)
        text = plain((self._url, *told))
        return None if text is None else Identity(f"fsspec {text}", is_whole=False)

    @property
    def name(self) -> str:
        """Url or path, redacted (http.secrets)."""
        return shown_url(self._url)

    @property
    def origin(self) -> str:
        """Scheme and first part of the path: the bucket, the host."""
        scheme, separator, path = self._url.rpartition("://")
        bucket = path.partition("/")[0]
        return redact(scheme + separator + bucket) if separator else "fsspec"

    async def aopen(self) -> None:
        """Do nothing: the first read creates the file system, within its time."""

    async def read_range(self, part: ByteRange, answer: RangeSink) -> None:
        """Read a range, and name the generation that its bytes are of (store.generation).

        Raises:
            UsageError: a generation is wanted, and the file system tells none.
            SourceChangedError: the object was replaced.
            SourceError: it cannot be read, or not in time (store.time).
        """
        found = await self._read(part, answer)
        if isinstance(found, SourceError):  # not raised where it would show its cause as a context
            raise found
        check_length(self.name, part, found.data)
        begin_answer(answer, self.name, "the file system", found.size, found.names)
        answer.write(found.data)

    async def _read(self, part: ByteRange, answer: RangeSink) -> ObjectAnswer | SourceError:
        """Return the bytes, or the error that what the file system raised is."""
        try:
            async with asyncio.timeout(max(answer.seconds_left, 0)):
                reader = await self._reader()
            return await reader.read(part, answer, self._silence)
        except TinycogError:
            raise
        except Exception as exc:  # noqa: BLE001 - a file system may raise anything
            return to_source_error(exc, self.name, part, self.secrets())

    def secrets(self) -> Iterator[str]:
        """Yield what may be a credential in the url and the options of the file system."""
        shown = SEPARATORS.split(self.name)
        hidden = (text for text in SEPARATORS.split(self._url) if text not in shown)
        yield from (text for text in hidden if len(text) >= MIN_HIDDEN_LENGTH)
        fs = None if self._target is None else self._target[0]
        yield from secrets_in([self._options, getattr(fs, "storage_options", None)])

    async def _reader(self) -> ObjectReader:
        """Return what reads the object, made at the first call, and anew after a fork."""
        if self._reads is None or self._pid != os.getpid():
            fs, path = await self.open_file_system()
            if self._pid != os.getpid():
                fs = await in_thread(partial(renewed, fs, self.name))
                self._target, self._pid = (fs, path), os.getpid()
            self._reads = ObjectReader(fs, path, self.name)
        return self._reads

    async def open_file_system(self) -> tuple[Any, str]:
        """Return the file system, created at the first call, and the path in it.

        Raises:
            UsageError: there is no such file system, or it does not take the options.
            SourceError: it cannot be opened.
        """
        if self._target is not None:
            return self._target
        links = links_of(self._url)
        if len(links) > 1 and self._url.count("::") >= len(links):
            message = f'fsspec takes each "::" of a chain for a link: write %3A%3A in {self.name}'
            raise UsageError(message)
        for link in links:
            if scheme_of(link):
                check_allowed(self._allow_host, link, self.name)
        core, registry = await load("fsspec.core"), await load("fsspec.registry")
        open_url = core.url_to_fs if len(links) > 1 else partial(_open_link, registry)
        found = await in_thread(
            partial(self._opened, partial(open_url, self._url, **self._options))
        )
        if isinstance(found, TinycogError):
            raise found
        self._target, self._pid = found, os.getpid()
        return found

    def _opened(self, open_url: Callable[[], tuple[Any, str]]) -> tuple[Any, str] | TinycogError:
        """Return file system and path, or the error that what was raised is."""
        try:
            return open_url()
        except (ImportError, ValueError, TypeError) as exc:
            told = redact_line(exc, self.secrets())
            error: TinycogError = UsageError(f"fsspec cannot open {self.name}: {told}")
            error.__cause__ = safe_cause(exc, self.secrets())
        except FileNotFoundError as exc:
            error = NotFoundError("there is no such object", url=self.name)
            error.__cause__ = safe_cause(exc, self.secrets())
        except Exception as exc:  # noqa: BLE001 - a file system may raise anything
            told = f"{type(exc).__name__}: {redact_line(exc, self.secrets())}"
            error = SourceError(f"the file system cannot be opened: {told}", url=self.name)
            error.__cause__ = safe_cause(exc, self.secrets())
        return error

    async def aclose(self) -> None:
        """Do nothing: the file system is shared, and fsspec closes it."""

    def __getstate__(self) -> dict[str, object]:
        """Pickle what it was made with, and the file system."""
        return {**self.__dict__, "_reads": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take note that the file system was made anew in this process."""
        self.__dict__.update(state, _pid=os.getpid())


def _open_link(registry: Any, url: str, **options: Any) -> tuple[Any, str]:  # noqa: ANN401 - fsspec has no types
    """Do what `fsspec.core.url_to_fs` does, which takes any "::" for a chain."""
    kind = registry.get_filesystem_class(scheme_of(url))
    found = kind._get_kwargs_from_urls(url)  # noqa: SLF001 - what fsspec offers to file systems
    return kind(**(found | options)), kind._strip_protocol(url)  # noqa: SLF001 - the same
