"""One case: what it raised, how long it took, how much memory it touched."""

from __future__ import annotations

import asyncio
import faulthandler
import re
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

from fuzz.exercise import exercise, is_guarded
from fuzz.ways import Differs

Exercise = Callable[[bytes, int, Callable[[str], None]], Awaitable[None]]
"""What is done with an item, as `exercise` does it with a file."""

CPU_SECONDS = 2.0
"""Of one case, under limits that are set; under the defaults `DEFAULTS` times as much."""

WALL_SECONDS = 60
"""After so long it hangs."""

GROWTH_BYTES = 256 << 20
"""Memory that is touched in one case; under the default limits `DEFAULTS` times as much."""

DEFAULTS = 4
"""How much more the default limits allow: a tile of 256 MiB."""

ROOM_BYTES = 4 << 30
"""Address space of one case, touched or not."""


class Failure(NamedTuple):
    """What must not be.

    Attributes:
        kind: "leak" (an exception that is no TinycogError), "differs", "slow", "memory", "hang" or
            "crash".
        where: which exception in which function, or which step; failures that share kind and place
            are taken for one.
        detail: for people.
    """

    kind: str
    where: str
    detail: str

    def is_like(self, other: Failure | None) -> bool:
        """Whether it is the same failure; where time ran out is no part of it."""
        if other is None or self.kind != other.kind:
            return False
        return self.kind not in ("leak", "differs") or self.where == other.where


class Watch:
    """Exercises files one by one, in a process that may end with any of them.

    It ends by SIGPROF where a case takes too long, by SIGALRM where it hangs; the stacks of all
    threads are then in the dump.
    """

    def __init__(self, dump: IO[Any], slack: float = 1.0, way: Exercise | None = None) -> None:
        """Turn warnings to errors and bound the process; `slack` lengthens its time."""
        warnings.simplefilter("error")
        faulthandler.enable(dump)
        for number in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
            faulthandler.register(number, dump, all_threads=True, chain=True)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        room = status("VmSize") + ROOM_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
        self._slack, self._exercise = slack, way or exercise
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, context: self._lost(context.get("exception")))
        sys.unraisablehook = lambda found: self._lost(found.exc_value)
        self._strays: list[BaseException | None] = []

    def see(self, data: bytes, turn: int) -> Failure | None:
        """Exercise a file, and say what was wrong with that."""
        factor = 1 if is_guarded(turn) else DEFAULTS
        memory = Memory()
        self._strays.clear()
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS * factor * self._slack)
        signal.alarm(int(WALL_SECONDS * self._slack))
        try:
            self._loop.run_until_complete(self._exercise(data, turn, memory.mark))
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is a failure
            return failure_of(error)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
        memory.mark("end")
        if memory.growth > GROWTH_BYTES * factor:
            what = f"{memory.growth >> 20} MiB, most of them in {memory.where}"
            return Failure("memory", memory.where, what)
        return failure_of(self._strays[0]) if self._strays else None

    def _lost(self, error: BaseException | None) -> None:
        """Nobody waited for it: a failure of its own."""
        self._strays.append(error)


class Memory:
    """The most memory that was in use since it was made, and in which step."""

    def __init__(self) -> None:
        """Start to count."""
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        self._before = self._most = status("VmRSS")
        self._largest = 0
        self._step = self.where = "start"

    def mark(self, step: str) -> None:
        """A step ends, the next one begins."""
        most = status("VmHWM")
        if most - self._most > self._largest:
            self._largest, self.where = most - self._most, self._step
        self._most, self._step = most, step

    @property
    def growth(self) -> int:
        """In bytes."""
        return self._most - self._before


def status(name: str) -> int:
    """A figure of /proc/self/status, in bytes."""
    text = Path("/proc/self/status").read_text("ascii")
    start = text.index(f"{name}:") + len(name) + 1
    return int(text[start : text.index("kB", start)]) * 1024


def failure_of(error: BaseException | None) -> Failure:
    """What an exception says that is no `TinycogError`."""
    if error is None:
        return Failure("leak", "in the event loop", "an error without an exception")
    detail = "".join(traceback.format_exception(error))[-3000:]
    if isinstance(error, Differs):
        return Failure("differs", str(error).partition(":")[0], detail)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/src/tinycog/" in frame.filename] or frames[-1:]
    place = f"{Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else "nowhere"
    return Failure("leak", f"{type(error).__name__} in {place}", detail)


FRAME = re.compile(r'File "[^"]*/src/tinycog/([^"]*)\.py", line \d+ in (\w+)')


def death(number: int, dump: str) -> Failure:
    """What it says that a process was ended by a signal, or ended itself (0)."""
    kinds = {int(signal.SIGPROF): "slow", int(signal.SIGALRM): "hang"}
    name = signal.Signals(number).name if number else "exit"
    frames = FRAME.findall(dump)
    decoding = [frame for frame in frames if frame[0].startswith("decode/")]
    module, function = (decoding or frames or [("nowhere", "known")])[0]
    return Failure(
        kinds.get(number, "crash"), f"{name} in {Path(module).stem}.{function}", dump[-3000:]
    )
