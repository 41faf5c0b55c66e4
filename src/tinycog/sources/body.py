"""The body of an aiohttp answer, received into the memory where it is wanted.

aiohttp copies a body three times: out of the socket, out of its parser, out of its stream. For
bytes by the megabyte that is most of what a request costs, and not needed once the head is read and
the length of the body is known. So the connection is lent to a protocol of our own for the length
of the body, and given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from tinycog.sources.base import Answer


async def receive(
    response: aiohttp.ClientResponse, length: int, answer: Answer, progress: Callable[[int], None]
) -> None:
    """Pass a body of known length on to `answer`; `progress` is told how many bytes have come.

    Raises:
        aiohttp.ClientPayloadError: the connection ends before.
    """
    held = response.content.read_nowait() if response.content.total_bytes else b""
    if held:
        answer.add(held)
    left = length - len(held)
    connection = response.connection
    transport = None if connection is None else connection.transport
    if left <= 0 or transport is None:
        async for chunk, _ in response.content.iter_chunks():
            answer.add(chunk)
            progress(len(chunk))
        return
    body = _Body(transport, left, answer, progress)
    try:
        await body.complete
    finally:
        body.give_back()
    response.content.feed_eof()  # aiohttp takes the connection back into its pool


class _Body(asyncio.BufferedProtocol):
    """Receives so many bytes from a connection that is lent."""

    def __init__(
        self,
        transport: asyncio.Transport,
        length: int,
        answer: Answer,
        progress: Callable[[int], None],
    ) -> None:
        self.complete: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport = transport
        self._owner: Any = transport.get_protocol()
        self._left = length
        self._answer = answer
        self._progress = progress
        transport.set_protocol(self)
        if not transport.is_reading():
            transport.resume_reading()

    def give_back(self) -> None:
        """Let the owner have its connection again."""
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._owner)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the event loop writes to."""
        del sizehint
        return self._answer.room(self._left)

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have been written there."""
        self._left -= nbytes
        try:
            self._answer.filled(nbytes)
            self._progress(nbytes)
        except Exception as exc:  # noqa: BLE001 - told to whoever waits
            self._fail(exc)
        if not self._left:
            self.give_back()
            if not self.complete.done():
                self.complete.set_result(None)

    def eof_received(self) -> Any:  # noqa: ANN401 - the owner's
        """The server ends the connection."""
        self._cut()
        return self._owner.eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone."""
        self._cut()
        self._owner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Nothing of ours is written."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Nothing of ours is written."""
        self._owner.resume_writing()

    def _cut(self) -> None:
        self.give_back()
        self._fail(aiohttp.ClientPayloadError(f"the body ended {self._left} bytes early"))

    def _fail(self, error: Exception) -> None:
        if not self.complete.done():
            self.complete.set_exception(error)
