"""One process for each visit, under limits: forked from a warden that has imported all it needs."""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

CPU_SECONDS = 5
MEMORY = 512 << 20
WALL_SECONDS = 120


@dataclass(frozen=True)
class Limits:
    """What a prisoner may use; None is unlimited."""

    cpu: int = CPU_SECONDS
    memory: int | None = MEMORY


@dataclass(frozen=True)
class Fate:
    """What became of a prisoner.

    Attributes:
        result: what it gave back, None if it died.
        status: of its end, 0 if it ended by itself.
        seconds: of CPU.
        rss: peak, in bytes.
        stderr: what it wrote there.
    """

    result: Any
    status: int
    seconds: float
    rss: int
    stderr: str


class Warden:
    """A process that forks prisoners, one at a time."""

    def __init__(self, load: Callable[[], Callable[..., Any]], limits: Limits) -> None:
        """Start it; `load` imports what is needed and gives what is to be done."""
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_guard, args=(other, load, limits), daemon=True)
        self._process.start()
        other.close()

    def visit(self, *arguments: Any) -> Fate:
        """Do it in a process of its own."""
        self._pipe.send(arguments)
        return self._pipe.recv()

    def close(self) -> None:
        """End it."""
        self._pipe.send(None)
        self._process.join()
        self._pipe.close()

    def __enter__(self) -> Self:
        """It runs."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()


def _guard(pipe: Connection, load: Callable[[], Callable[..., Any]], limits: Limits) -> None:
    work = load()
    used = time.process_time()
    while (arguments := pipe.recv()) is not None:
        pipe.send(_fork(work, arguments, limits, used))


def _fork(work: Callable[..., Any], arguments: Any, limits: Limits, used: float) -> Fate:
    with tempfile.TemporaryDirectory() as folder:
        result, errors = Path(folder, "result"), Path(folder, "stderr")
        child = os.fork()
        if not child:
            _serve(work, arguments, limits, used, result, errors)
        status, usage = _wait(child)
        found = pickle.loads(result.read_bytes()) if result.exists() else None  # noqa: S301
        noise = errors.read_text("utf-8", "replace") if errors.exists() else ""
    seconds = usage.ru_utime + usage.ru_stime + used
    return Fate(found, status, seconds, usage.ru_maxrss << 10, noise)


def _wait(child: int) -> tuple[int, resource.struct_rusage]:
    handle = os.pidfd_open(child)
    ready, _, _ = select.select([handle], [], [], WALL_SECONDS)
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    os.close(handle)
    return (status if ready else -1), usage


def _serve(
    work: Callable[..., Any],
    arguments: Any,
    limits: Limits,
    used: float,
    result: Path,
    errors: Path,
) -> None:
    """In the child; does not return."""
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
    cpu = max(int(limits.cpu - used + 0.5), 1)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    try:
        found = work(*arguments)
        result.write_bytes(pickle.dumps(found))
        sys.stderr.flush()
        os._exit(0)
    except BaseException:  # noqa: BLE001 - whatever it is
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(3)
