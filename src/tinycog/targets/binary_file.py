"""A binary file that the caller has open for writing, whatever has `write`: a pipe, a buffer."""

from __future__ import annotations

import inspect
import io
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

from tinycog.argument_types import WritableFile
from tinycog.errors import SourceError, TinycogError, UsageError
from tinycog.sources.binary_file import may, name_of_file
from tinycog.sources.redact import redact_line
from tinycog.targets.calls import Calls
from tinycog.targets.file_errors import writing


class FileSink:
    """An open file, which is never closed here. `seek` is not needed.

    Where it can seek and truncate, what was written is taken back if it does not come to its end;
    what a pipe has got it has got.

    Attributes:
        name: name or path of the file if it tells one, else its type.
        memory: bytes that it holds at most.
    """

    memory = 0

    def __init__(self, file: WritableFile) -> None:
        """Take the file; nothing is written.

        Raises:
            UsageError: it is closed, in text mode, not for writing, or asynchronous.
        """
        self._file: Any = file
        self.name = name_of_file(file)
        self._calls = Calls()
        self._has_begun = False
        self._check_usable()

    async def check(self) -> None:
        """Make sure that the file stands at its start.

        Raises:
            UsageError: it does not: offsets in a TIFF are those of its file.
        """
        position = self._file.tell() if self._can_seek() else 0
        if position:
            message = f"the file stands at byte {position}: a TIFF begins at byte 0: {self.name}"
            raise UsageError(message)

    async def send(self, chunks: AsyncIterator[bytes], length: int) -> None:
        """Write all bytes; the file ends behind them.

        Raises:
            SourceError: they cannot be written.
        """
        del length
        self._has_begun = True
        async for chunk in chunks:
            await self._calls.run(partial(self._call, partial(self._write, chunk)))
        await self._calls.run(partial(self._call, self._end))
        self._has_begun = False

    async def discard(self) -> None:
        """Empty the file, if something was written and that is possible."""
        if self._has_begun and self._can_seek():
            self._has_begun = False
            with suppress(Exception):
                await self._calls.run(self._empty)

    def _check_usable(self) -> None:
        file, message = self._file, ""
        if getattr(file, "closed", False):
            message = "the file is closed: open it"
        elif isinstance(file, io.TextIOBase) or hasattr(file, "encoding"):
            message = 'the file is open as text: open it with mode "wb" (sys.stdout.buffer)'
        elif not may(file, "writable"):
            message = 'the file is not open for writing: open it with mode "wb"'
        elif inspect.iscoroutinefunction(file.write):
            message = "the file is asynchronous, which is not supported: write bytes or to a path"
        if message:
            message = f"{message}: {self.name}"
            raise UsageError(message)

    def _can_seek(self) -> bool:
        return callable(getattr(self._file, "seekable", None)) and may(self._file, "seekable")

    # --- in a thread -----------------------------------------------------------------------------

    def _call(self, function: Any) -> None:  # noqa: ANN401 - see `Calls`
        """Call a function, with what it raises as an error of ours."""
        try:
            with writing(self.name):
                function()
        except TinycogError:
            raise
        except Exception as exc:
            told = f"{type(exc).__name__}: {redact_line(exc)}"
            message = f"the {type(self._file).__name__} cannot be written: {told}"
            raise SourceError(message, url=self.name) from exc

    def _write(self, data: bytes) -> None:
        """Write bytes: a raw file may take fewer at once."""
        count = self._file.write(data)
        view = memoryview(data)
        is_raw = isinstance(self._file, io.RawIOBase)
        while is_raw or (isinstance(count, int) and 0 < count < len(view)):
            if count is None:
                message = "the file is not blocking: set it so (os.set_blocking)"
                raise SourceError(message, url=self.name)
            view = view[count:]
            if not view:
                return
            count = self._file.write(view)

    def _end(self) -> None:
        if callable(getattr(self._file, "flush", None)):
            self._file.flush()
        if self._can_seek():
            with suppress(OSError, ValueError, AttributeError):  # not all that seek can truncate
                self._file.truncate()

    def _empty(self) -> None:
        self._file.seek(0)
        self._file.truncate()
