"""Many cases in child processes, which may hang, burst or crash: the next child goes on behind."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from ctypes import c_longlong
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import IO, Any, NamedTuple, Protocol

from fuzz.watch import Exercise, Failure, Watch, death

FORK = multiprocessing.get_context("fork")
BATCH = 250
"""Cases of one child."""


class Item(Protocol):
    """What a child exercises."""

    @property
    def name(self) -> str: ...

    @property
    def turn(self) -> int: ...

    def make(self) -> bytes: ...


class Given(NamedTuple):
    """Bytes that are there already."""

    data: bytes
    turn: int
    name: str = ""

    def make(self) -> bytes:
        return self.data


Found = tuple[Any, Failure]


class Child:
    """A process that exercises items one after the other, and says which failed."""

    def __init__(self, items: Sequence[Item], slack: float, exercise: Exercise | None) -> None:
        self.items = items
        self._at = FORK.RawValue(c_longlong, 0)
        self._dump = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        self.answers, theirs = FORK.Pipe(duplex=False)
        arguments = (items, self._at, theirs, self._dump, slack, exercise)
        self._process = FORK.Process(target=_live, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def end(self) -> tuple[int, Failure | None]:
        """Bury it: how many items it finished or died of, and what it died of, if it did."""
        self._process.join()
        code = self._process.exitcode
        self._dump.seek(0)
        dump = self._dump.read().decode(errors="replace")
        self.close()
        if not code:
            return len(self.items), None
        return self._at.value + 1, death(max(-code, 0), dump)

    def close(self) -> None:
        """Let go of it, whatever it does."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._dump.close()
        self.answers.close()


def _live(
    items: Sequence[Item],
    at: Any,
    answers: Connection,
    dump: IO[bytes],
    slack: float,
    exercise: Exercise | None,
) -> None:
    """In the child."""
    watch = Watch(dump, slack, exercise)
    for i, item in enumerate(items):
        at.value = i
        failure = watch.see(item.make(), item.turn)
        if failure is not None:
            answers.send((i, failure))
    answers.close()


class Children:
    """Several children at a time over a run of items.

    Attributes:
        done: how many items are finished.
    """

    def __init__(
        self, processes: int = 1, slack: float = 1.0, exercise: Exercise | None = None
    ) -> None:
        """None are there yet; `slack` lengthens their time, `exercise` is what they do (all)."""
        self.done = 0
        self._processes, self._slack, self._exercise = processes, slack, exercise
        self._children: dict[Connection, Child] = {}

    def failures(self, items: Iterable[Any], batch: int = BATCH) -> Generator[Found]:
        """Exercise all items; give those that fail, with their failures."""
        batches = _batches(iter(items), batch)
        again: deque[Sequence[Any]] = deque()
        try:
            while True:
                self._fill(again, batches)
                if not self._children:
                    return
                for answers in wait(list(self._children)):
                    yield from self._listen(answers, again)  # type: ignore[arg-type]
        finally:
            for child in self._children.values():
                child.close()
            self._children.clear()

    def _fill(self, again: deque[Sequence[Any]], batches: Iterator[Sequence[Any]]) -> None:
        while len(self._children) < self._processes:
            items = again.popleft() if again else next(batches, None)
            if items is None:
                return
            child = Child(items, self._slack, self._exercise)
            self._children[child.answers] = child

    def _listen(self, answers: Connection, again: deque[Sequence[Any]]) -> Iterator[Found]:
        child = self._children[answers]
        try:
            i, failure = answers.recv()
        except EOFError:
            del self._children[answers]
            done, failure = child.end()
            self.done += done
            if done < len(child.items):
                again.append(child.items[done:])
            if failure is not None:
                yield child.items[done - 1], failure
        else:
            yield child.items[i], failure


def _batches(items: Iterator[Any], length: int) -> Iterator[Sequence[Any]]:
    while found := list(islice(items, length)):
        yield found
