"""A fault, and the cases that are made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faults.wire import Handler, Talk, Wire

RIGHT = "right"

WHENS: dict[str, Callable[[int], bool]] = {
    "at first": lambda n: n == 1,
    "later": lambda n: n == 2,
    "always": lambda _: True,
    "always after the header": lambda n: n > 1,
}
"""Which requests a fault hits, by their number."""


@dataclass(frozen=True)
class Fault:
    """One way to answer wrongly.

    Attributes:
        kind: class of faults.
        name: what goes wrong.
        handler: answers the requests that it hits.
        once: what a read comes to if it strikes once: "right", or the name of an error.
        always: likewise, if it goes on.
        whens: which of `WHENS` there are cases of.
        greeting: see `Wire`.
        server: kind of server.
    """

    kind: str
    name: str
    handler: Handler
    once: str
    always: str
    whens: tuple[str, ...]
    greeting: bytes | None = b""
    server: type[Wire] = Wire

    def cases(self) -> Iterator[Case]:
        """One for each time at which it strikes."""
        return (Case(self, when) for when in self.whens)


@dataclass(frozen=True)
class Case:
    """A fault that strikes at a time."""

    fault: Fault
    when: str

    @property
    def name(self) -> str:
        """Unique."""
        return f"{self.fault.kind}: {self.fault.name}, {self.when}"

    @property
    def expected(self) -> str:
        """What a read comes to: "right", or names of errors with "|" between."""
        if self.when.startswith("always"):
            return self.fault.always
        return f"{self.fault.once}|{RIGHT}"  # what is odd may be asked again, and is right then

    def serve(self, file: bytes) -> Wire:
        """The server of it."""
        return self.fault.server(file, self.answer, self.fault.greeting)

    async def answer(self, talk: Talk) -> None:
        """Answer a request: wrongly if it is hit."""
        if WHENS[self.when](talk.number):
            await self.fault.handler(talk)
        else:
            await talk.send(talk.right())


class Faults:
    """The faults of one kind, as they are declared."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.all: list[Fault] = []

    def passing(self, name: str, always: str = "SourceError", **more: object) -> _Declare:
        """One that may pass: a read gets over it."""
        return self.of(name, RIGHT, always, **more)

    def of(self, name: str, once: str, always: str | None = None, **more: object) -> _Declare:
        """One of which a read comes to `once`, and to `always` if it goes on."""

        def declare(handler: Handler) -> Handler:
            settings: dict[str, object] = {"whens": ("at first", "later", "always"), **more}
            fault = Fault(self.kind, name, handler, once, always or once, **settings)  # type: ignore[arg-type]
            self.all.append(fault)
            return handler

        return declare

    def says(
        self, name: str, once: str, make: Callable[[Talk], bytes], always: str | None = None
    ) -> None:
        """One that is just other bytes."""

        async def handler(talk: Talk) -> None:
            await talk.send(make(talk))

        self.of(name, once, always)(handler)


_Declare = Callable[[Handler], Handler]
