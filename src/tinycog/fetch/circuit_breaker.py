"""Circuit breaker of a server: while it only fails, one request probes for all."""

from __future__ import annotations

import asyncio

from tinycog.fetch.retry import RetryState


class CircuitBreaker:
    """A server that fails: one request asks again for all, and all heed it (http.retry.one).

    So a server that is down gets a few requests more, not a few for each that it failed.
    """

    def __init__(self) -> None:
        """Nobody asks."""
        self._asking: RetryState | None = None
        self._waiting: list[asyncio.Future[bool | None]] = []

    async def turn(self, tries: RetryState) -> bool:
        """Wait while another asks; False if it gave up, as this one should then."""
        while self._asking not in (None, tries):
            waiting: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            word = await waiting
            if word is not None:
                return word
        self._asking = tries
        return True

    def passed(self) -> None:
        """Some request was answered: all may ask again."""
        if self._asking is not None:
            self._end(word=True)

    def left(self, tries: RetryState, *, gave_up: bool = False) -> None:
        """A request is over: if it asked for all, they give up too, or another one asks."""
        if self._asking is tries:
            self._end(word=False if gave_up else None)

    def _end(self, *, word: bool | None) -> None:
        waiting, self._waiting, self._asking = self._waiting, [], None
        for one in waiting:
            if not one.done():
                one.set_result(word)
