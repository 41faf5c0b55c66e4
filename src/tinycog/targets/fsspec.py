"""A path in an fsspec file system: written in order, published when it is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from tinycog.argument_types import FileSystem
from tinycog.errors import TargetExistsError, TinycogError
from tinycog.sources.fsspec import FsspecSource
from tinycog.targets.calls import Calls
from tinycog.targets.parts import PREFERRED
from tinycog.targets.store_errors import to_write_error

T = TypeVar("T")

MIN_BLOCK_BYTES = 5 << 20
"""Bytes that a file system gathers before it sends them, at least: stores take no fewer."""


class FsspecSink:
    """A path or url of fsspec.

    The file is opened for writing when all of it is known, with `autocommit=False` where the file
    system has that: the object is not there before its end. Where it has not, what was written is
    removed after a failure; what it replaced is lost then.

    Attributes:
        name: url or path, redacted (http.secrets).
        memory: bytes that it holds at most.
    """

    def __init__(
        self,
        where: str,
        *,
        fs: FileSystem | None = None,
        storage_options: Mapping[str, object] | None = None,
        overwrite: bool = True,
        block_bytes: int = PREFERRED,
    ) -> None:
        """Take url and options; nothing is opened.

        Args:
            where: url or path.
            fs: a file system of fsspec's, in which it is a path.
            storage_options: of the file system that a url names.
            overwrite: whether what is there is replaced.
            block_bytes: that a file system gathers before it sends them.
        """
        self._source = FsspecSource(where, fs=fs, storage_options=storage_options)
        self.name = self._source.name
        self._overwrite = overwrite
        self._block_bytes = max(block_bytes, MIN_BLOCK_BYTES)
        self.memory = 2 * self._block_bytes
        self._calls = Calls()
        self._fs: Any = None
        self._path = ""
        self._was_there = True
        self._file: Any = None

    async def check(self) -> None:
        """Open the file system, and look whether the object is there.

        Raises:
            TargetExistsError: it is there, and must not be overwritten.
            UsageError: there is no such file system.
            SourceError: the file system cannot be reached.
        """
        self._fs, self._path = await self._source.open_file_system()
        await self._look()

    async def send(self, chunks: AsyncIterator[bytes], length: int) -> None:
        """Write all bytes, and publish the object.

        Raises:
            TargetExistsError: it is there by now, and must not be overwritten.
            SourceError: they cannot be written.
        """
        del length
        await self._look()
        await self._run(self._open)
        async for chunk in chunks:
            await self._run(partial(self._write, chunk))
        await self._run(self._publish)

    async def discard(self) -> None:
        """Discard what was written, and remove what became visible of it."""
        if self._fs is not None:
            with suppress(TinycogError):
                await self._run(self._discard)

    async def _look(self) -> None:
        self._was_there = await self._run(lambda: bool(self._fs.exists(self._path)))
        if self._was_there and not self._overwrite:
            raise TargetExistsError.of_target(self.name)

    async def _run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread, with what it raises as an error of ours."""
        try:
            return await self._calls.run(function)
        except TinycogError:
            raise
        except Exception as exc:  # noqa: BLE001 - a file system may raise anything
            error = to_write_error(exc, self.name, self._source.secrets())
        raise error  # not where it would show its cause as a context

    # --- in a thread -----------------------------------------------------------------------------

    def _open(self) -> None:
        self._file = self._fs.open(self._path, "wb", block_size=self._block_bytes, autocommit=False)

    def _write(self, data: bytes) -> None:
        self._file.write(data)

    def _publish(self) -> None:
        file = self._file
        file.close()
        if getattr(file, "autocommit", True) is False:
            file.commit()
        self._file = None

    def _discard(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        can_discard = hasattr(file, "discard") and getattr(file, "autocommit", True) is False
        with suppress(Exception):
            file.discard() if can_discard else file.close()
        if can_discard:
            with suppress(Exception):
                file.closed = True  # else it would be closed, and so published, when it is freed
        if not self._was_there and self._fs.exists(self._path):
            self._fs.rm_file(self._path)
