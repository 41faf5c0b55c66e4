"""Blocking calls in threads of their own, which may hang without holding up anything else."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function in a daemon thread, and return what it returns.

    Unlike a worker of `asyncio.to_thread`, one that hangs takes no place from other calls, and
    holds up neither the end of the event loop nor that of the process. What it returns after it was
    cancelled is dropped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Callable[[], None]) -> None:
        if not future.done():
            result()

    def work() -> None:
        try:
            value = context.run(called, function)
            outcome: Callable[[], None] = lambda: future.set_result(value)  # noqa: E731
        except BaseException as exc:  # noqa: BLE001 - passed on
            error = exc
            outcome = lambda: future.set_exception(error)  # noqa: E731
        with suppress(RuntimeError):  # the event loop was closed meanwhile
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, name="tinycog-fsspec", daemon=True).start()
    return await future


def called(function: Callable[[], T]) -> T:
    """Return what a function returns that a future waits for: see `future_error`."""
    try:
        return function()
    except (StopIteration, GeneratorExit) as exc:
        raise future_error(exc) from exc


def future_error(error: BaseException) -> BaseException:
    """Return what a future takes instead of an error: no `StopIteration`, and no `GeneratorExit`.

    Of the one, whoever waits for the future would wait for ever before Python 3.12; of the other,
    coroutines would be closed that are at their `finally`.
    """
    if isinstance(error, StopIteration | GeneratorExit):
        return RuntimeError(f"it raised {type(error).__name__}")
    return error
