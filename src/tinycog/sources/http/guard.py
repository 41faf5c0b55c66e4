"""A connection that takes no more of a server than an answer needs, and no answer that is not ours.

aiohttp bounds each line of a head, but not how much comes besides the body: informational answers,
chunk extensions, trailers may flow for ever. And it reads what a server sends unasked on a kept
connection as the answer to the next request.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError

HEAD_BYTES = 256 << 10
"""Bytes besides the body (http.head)."""

CHUNK_COST = 8
"""Bytes on the wire for one of a body, at most: chunks of one byte take six."""

AGAIN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
"""What aiohttp sends a GET again for, once, on whatever connection it was."""


class Guarded(ResponseHandler):
    """aiohttp's protocol of a connection, with a bound and a distrust."""

    _come = 0
    _asked = 0

    def set_response_params(self, **options: Any) -> None:  # noqa: ANN401 - aiohttp's
        """A request is about to be sent: nothing can have been answered yet (http.surplus)."""
        is_early = bool(self._tail or self._buffer)
        self._tail = b""
        self._come = 0
        self._asked += 1
        super().set_response_params(**options)
        if is_early:
            self.set_exception(aiohttp.ServerDisconnectedError("it answered before it was asked"))

    def data_received(self, data: bytes) -> None:
        """Bytes have come that are not for a protocol of ours."""
        super().data_received(data)
        self._come += len(data)
        if self._come > HEAD_BYTES and not self._is_body():
            error = HttpProcessingError(message="too many bytes come besides the body")
            if self._payload is not None:
                self._payload.set_exception(aiohttp.ClientPayloadError(error.message), error)
            self.set_exception(error)
            if self.transport is not None:
                self.transport.abort()

    def _is_body(self) -> bool:
        body = 0 if self._payload is None else self._payload.total_bytes
        return self._come <= HEAD_BYTES + CHUNK_COST * body

    def is_connected(self) -> bool:
        """Whether it may be used again: not if more came than the answer (http.surplus)."""
        return super().is_connected() and not (self._buffer or self._tail or self._exception)

    def set_exception(self, exc: Any, exc_cause: Any = None) -> None:  # noqa: ANN401 - aiohttp's
        """Tell aiohttp what to send again by itself: what broke on a connection that was kept.

        There the server may have hung up meanwhile, and what is no answer is the rest of the one
        before. On a new connection both are failures like others: `fetch` tries again.
        """
        if self._asked > 1 and isinstance(exc, HttpProcessingError):
            exc = aiohttp.ServerDisconnectedError(f"not an answer: {exc.message}")
        elif self._asked == 1 and isinstance(exc, AGAIN):
            exc = aiohttp.ClientConnectionError(f"{type(exc).__name__}: {exc}")
        super().set_exception(exc, exc if exc_cause is None else exc_cause)


class Connector(aiohttp.TCPConnector):
    """Makes such connections; how many there are is bounded by `fetch.origin`."""

    def __init__(self) -> None:
        """Belong to the running event loop."""
        super().__init__(limit=0)  # pyright: ignore[reportUnknownMemberType]
        self._factory = partial(Guarded, loop=self._loop)
