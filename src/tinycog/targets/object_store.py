"""An object in a store with obspec's methods, as those of obstore: sent by one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tinycog.argument_types import ObjectStore
from tinycog.errors import SourceError, TargetExistsError, TinycogError, UsageError
from tinycog.sources.object_store import ObjectStoreSource
from tinycog.targets.parts import PREFERRED, Bounds
from tinycog.targets.store_errors import to_write_error

MIN_PART_BYTES = 5 << 20
"""Bytes of a part that every store takes."""

MAX_PARTS = 10_000
"""Parts of an object at most; they are longer than was asked for if there were more."""

IN_FLIGHT = 4
"""Parts that the store sends at once."""

ATTRIBUTES = {"Content-Type": "image/tiff"}
"""What objects are stored with; folders (`LocalStore`) take nothing."""


class ObjectSink:
    """A path in a store, sent by `put_async`, which numbers parts itself.

    Attributes:
        name: what the store tells of its url, redacted (http.secrets), and the path.
        memory: bytes that it holds at most.
    """

    def __init__(
        self,
        path: str,
        store: ObjectStore,
        *,
        overwrite: bool = True,
        part_bytes: int = PREFERRED,
        bounds: Bounds | None = None,
    ) -> None:
        """Take path and store; nothing is written.

        Args:
            path: in the store.
            store: with `put_async`.
            overwrite: whether an object of that name is replaced.
            part_bytes: of a part, unless they must be longer.
            bounds: of the length of the file; None: not known.

        Raises:
            UsageError: it is no store, or none that can be written.
        """
        self._source = ObjectStoreSource(path, store)
        self._path = path
        self._store: Any = store
        self._overwrite = overwrite
        longest = sum(bounds or ())
        self._part_bytes = max(part_bytes, MIN_PART_BYTES, -(-longest // MAX_PARTS))
        self.memory = (IN_FLIGHT + 2) * self._part_bytes
        self._putting: asyncio.Task[None] | None = None
        self._is_stopped = False
        self._reason: Exception | None = None
        self.name = self._source.name
        needed = ["put_async"] + ["head_async"] * (not overwrite)
        lacking = [method for method in needed if not callable(getattr(store, method, None))]
        if lacking:
            message = f"{type(store).__name__} has no {lacking[0]}, which this needs: {self.name}"
            raise UsageError(message)

    async def check(self) -> None:
        """Look whether the object is there, if it must not be overwritten.

        Raises:
            TargetExistsError: it is.
            SourceError: the store cannot be reached.
        """
        if self._overwrite:
            return
        try:
            await self._store.head_async(self._path)
        except FileNotFoundError:
            return
        except Exception as exc:  # noqa: BLE001 - a store may raise anything
            error: TinycogError = to_write_error(exc, self.name, self._source.secrets())
            if isinstance(error, FileNotFoundError):
                return
        else:
            error = TargetExistsError.of_target(self.name)
        raise error  # not where it would show its cause as a context

    async def send(self, chunks: AsyncIterator[bytes], length: int) -> None:
        """Send all bytes; the store publishes the object at the end.

        Raises:
            TargetExistsError: it is there by now, and must not be overwritten.
            SourceError: they cannot be sent.
        """
        await self.check()
        self._putting = asyncio.create_task(self._put(chunks, length))
        try:
            await asyncio.shield(self._putting)
        except asyncio.CancelledError:
            await self.discard()
            raise

    async def discard(self) -> None:
        """Have a call that is under way fail, so that the store drops what it has got."""
        self._is_stopped = True
        if self._putting is not None:
            await asyncio.wait([self._putting])

    async def _put(self, chunks: AsyncIterator[bytes], length: int) -> None:
        part = max(self._part_bytes, -(-length // MAX_PARTS))
        options: dict[str, object] = {"chunk_size": part, "max_concurrency": IN_FLIGHT}
        if self._source.origin != "file":
            options["attributes"] = ATTRIBUTES
        bodies = self._bodies(chunks)
        try:
            body = bodies if length > part else b"".join([chunk async for chunk in bodies])
            await self._store.put_async(self._path, body, **options)
        except Exception as exc:  # noqa: BLE001 - a store may raise anything
            # an error of what it reads from passes it as it is, or as one of its own
            error = self._reason or to_write_error(exc, self.name, self._source.secrets())
        else:
            return
        raise error  # not where it would show its cause as a context

    async def _bodies(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        try:
            async for chunk in chunks:
                self._check_going_on()
                yield chunk
        except Exception as exc:
            self._reason = exc
            raise

    def _check_going_on(self) -> None:
        if self._is_stopped:
            message = "the write was stopped"
            raise SourceError(message, url=self.name)
