"""Values of `tinycog` whose methods block: made from their classes, method by method."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import cached_property, wraps
from types import TracebackType
from typing import Any, Self, cast

import tinycog
from tinycog.sync.loop_thread import THREAD
from tinycog.tracebacks import short_tracebacks

KEPT = frozenset({"__len__", "__getitem__", "__iter__", "__contains__"})
"""Special methods that are passed on; those of asyncio have others in their place."""

PRIVATE = "_repr_"
"""How names begin that notebooks call."""


TYPES: dict[type, type[Blocking]] = {}
"""Blocking classes, by those of the values that they stand for."""


class Blocking:
    """A value whose methods block; a property reads the header first, if it needs it.

    Subclasses name the class of the value (`of`) and get its public methods and properties.

    Attributes:
        asynchronous: the value that it stands for.
    """

    asynchronous: Any

    def __init_subclass__(cls, *, of: type, omit: Sequence[str] = (), **options: Any) -> None:
        """Make the methods of the public ones of a class, but for those in `omit`."""
        super().__init_subclass__(**options)
        TYPES[of] = cls
        for name, member in _members(of):
            if name not in vars(cls) and name not in omit:
                setattr(cls, name, short_tracebacks(_blocking_member(name, member, of)))

    def __init__(self, value: object) -> None:
        """Keep the value."""
        self.asynchronous = value

    def __getattr__(self, name: str) -> Any:
        """Return a field of the value."""
        if name.startswith("_"):
            message = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(message)
        return _read(self.asynchronous, lambda: getattr(self.asynchronous, name))

    def __dir__(self) -> list[str]:
        """Return the public names of the value, too."""
        return sorted({*super().__dir__(), *(n for n in dir(self.asynchronous) if n[:1] != "_")})

    def __eq__(self, other: object) -> bool:
        """Return whether both stand for equal values."""
        return isinstance(other, Blocking) and bool(self.asynchronous == other.asynchronous)

    def __hash__(self) -> int:
        """Return the hash of the value."""
        return hash(self.asynchronous)

    def __repr__(self) -> str:
        """Return the representation of the value."""
        return repr(self.asynchronous)

    def __reduce__(self) -> tuple[type[Blocking], tuple[object]]:
        """Pickle the value."""
        return (type(self), (self.asynchronous,))


@short_tracebacks
class Closing:
    """Methods of a value with `aclose`: `close`, and `with`."""

    asynchronous: Any

    def close(self) -> None:
        """Close what the handle holds open, as `aclose` does."""
        THREAD.run(self.asynchronous.aclose())

    def __enter__(self) -> Self:
        """Open it: read the header with all levels."""
        THREAD.run(self.asynchronous.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def blocking(value: object) -> Any:
    """Return a value with methods that block, where it or what it holds has others."""
    kind = type(value)
    if kind in TYPES:
        return TYPES[kind](value)
    if kind is not list and kind is not tuple:
        return value
    items: Any = value
    found = map(blocking, items)
    return list(found) if kind is list else tuple(found)


def _members(of: type) -> Iterator[tuple[str, Any]]:
    """Yield the public members of a class, of those above that are ours, too."""
    seen: set[str] = set()
    for one in of.__mro__:
        if one.__module__.partition(".")[0] != tinycog.__name__:
            continue
        for name, member in vars(one).items():
            is_public = not name.startswith("_") or name in KEPT or name.startswith(PRIVATE)
            if is_public and name not in seen:
                seen.add(name)
                yield name, member


def _blocking_member(name: str, member: Any, of: type) -> Any:
    if isinstance(member, classmethod):
        return _blocking_constructor(getattr(of, name), cast("Any", member).__func__)
    if isinstance(member, property | cached_property):
        look = _looking(name)
        return property(look, doc=member.__doc__)
    if inspect.isfunction(member):
        return _blocking_method(name, member)
    return property(_looking(name))


def _blocking_constructor(make: Callable[..., Any], of: Callable[..., Any]) -> Any:
    """Return a class method that makes the value of another class, waiting for it if it must."""

    def call(_: type, *args: Any, **options: Any) -> Any:
        made = make(*args, **options)
        return blocking(THREAD.run(made) if inspect.iscoroutine(made) else made)

    return cast("Any", classmethod)(wraps(of)(call))


def _looking(name: str) -> Callable[[Blocking], Any]:
    """Return what looks at a property."""
    return lambda self: _read(self.asynchronous, lambda: getattr(self.asynchronous, name))


def _read(value: Any, read: Callable[[], Any]) -> Any:
    """Return what a function without I/O returns, after reading what it needs of the file."""
    try:
        return blocking(read())
    except tinycog.UsageError:
        if not hasattr(value, "__await__"):
            raise
    THREAD.run(_wait_for(value))
    return blocking(read())


async def _wait_for(value: Awaitable[Any]) -> None:
    await value


def _blocking_method(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(method):

        def call(self: Blocking, *args: Any, **options: Any) -> Any:
            return blocking(THREAD.run(getattr(self.asynchronous, name)(*args, **options)))

    elif inspect.isasyncgenfunction(method):

        def call(self: Blocking, *args: Any, **options: Any) -> Any:
            return (yield from THREAD.iterate(getattr(self.asynchronous, name)(*args, **options)))

    elif name == "__iter__":

        def call(self: Blocking, *args: Any, **options: Any) -> Any:
            return map(blocking, iter(self.asynchronous, *args, **options))

    else:

        def call(self: Blocking, *args: Any, **options: Any) -> Any:
            return _read(
                self.asynchronous, lambda: getattr(self.asynchronous, name)(*args, **options)
            )

    return wraps(method)(call)
