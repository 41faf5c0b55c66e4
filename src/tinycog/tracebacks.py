"""Tracebacks that end where the caller's code called: `short_tracebacks`, on all that is public.

An error leaves a public function without the frames that it has passed in here, as errors leave a
function that is written in C, and without the errors of libraries that it was made of: its message
says what these said. What code of the caller's raised in here (a function that was passed in, a
store, a source) keeps its own frames.

An error that is neither a `TinycogError` nor an `OSError` nor the caller's keeps all frames: it is
a fault of this library, to be reported with them. So do `BaseException`s: a cancellation and an
interrupt are not touched. `tinycog.errors.show_tracebacks` shows all of them whole.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing
from functools import cached_property, wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, isgeneratorfunction
from types import TracebackType
from typing import Any, TypeVar, cast

from tinycog.errors import TinycogError, shows_tracebacks

T = TypeVar("T")

SPECIAL = frozenset(
    {
        *("__await__", "__aenter__", "__aexit__", "__enter__", "__exit__"),
        *("__getitem__", "__iter__", "__add__", "__array__"),
    }
)
"""Special methods that are public, too."""

LIBRARIES = frozenset(
    {
        *("affine", "aiohttp", "fsspec", "imagecodecs", "numcodecs", "numpy"),
        *("adlfs", "aiobotocore", "azure", "botocore", "gcsfs", "obstore", "s3fs"),
        *("dask", "fastparquet", "geopandas", "pandas", "pyarrow", "pyproj", "shapely"),
        *("matplotlib", "virtualizarr", "xarray", "zarr"),
    }
)
"""Packages whose functions are called in here; a caller's own are those of any other module."""

FACES = frozenset({__name__, "tinycog.sync", "tinycog.sync.blocking", "tinycog.sync.loop_thread"})
"""Modules that pass calls on to what was called."""

LOGGER = logging.getLogger("tinycog")


def short_tracebacks(public: T) -> T:
    """Shorten the tracebacks of errors that leave a function, or the public methods of a class."""
    if isinstance(public, type):
        for name, member in list(vars(public).items()):
            if name in SPECIAL or not name.startswith("_"):
                shortened = _shortened_member(member)
                if shortened is not member:
                    setattr(public, name, shortened)
        return public
    return cast("T", _shortened_member(public))


def _shortened_member(member: Any) -> Any:
    kind: Any = cast("object", type(member))
    if kind is property:
        return property(member.fget and _shortened(member.fget), doc=member.__doc__)
    inner: Any = getattr(cast("object", member), "__func__", None)
    if inner is not None and any(kind is one for one in METHODS):
        return kind(_shortened(inner))
    if kind is cached_property:
        member.func = _shortened(member.func)
    if not isfunction(cast("object", member)):
        return member
    return _shortened(member)


METHODS = (classmethod, staticmethod)


def _shortened(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same function, of its own kind: `raise` alone adds no frame to a traceback."""
    if iscoroutinefunction(function):
        return _coroutine(function)
    if isasyncgenfunction(function):
        return _async_generator(function)
    if isgeneratorfunction(function) or function.__name__ == "__await__":
        return _generator(function)

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Exception as error:
            shorten(error)
            raise

    return call


def _coroutine(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def call(*args: Any, **options: Any) -> Any:
        try:
            return await function(*args, **options)
        except Exception as error:
            shorten(error)
            raise

    return call


def _async_generator(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def call(*args: Any, **options: Any) -> AsyncGenerator[Any, None]:
        try:
            async with aclosing(function(*args, **options)) as items:
                async for item in items:
                    yield item
        except Exception as error:
            shorten(error)
            raise

    return call


def _generator(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **options: Any) -> Generator[Any, Any, Any]:
        try:
            return cast("object", (yield from function(*args, **options)))
        except Exception as error:
            shorten(error)
            raise

    return call


def shorten(error: Exception) -> None:
    """Drop the frames in here from an error that leaves it, and what it was made of."""
    if shows_tracebacks():
        return
    trace = error.__traceback__
    callers = _from_caller(trace)
    if callers is None and not isinstance(error, TinycogError | OSError) and _is_fault(trace):
        error.__traceback__ = trace and trace.tb_next  # without that of `call`
        return
    LOGGER.debug("an error leaves tinycog", exc_info=error)
    error.__traceback__ = callers
    _shorten_causes(error)


def _is_fault(trace: TracebackType | None) -> bool:
    """Return whether something failed in here; False where the call itself was refused by Python.

    A misspelt argument, for one.
    """
    while trace is not None:
        name = _module(trace)
        if _root(name) == "tinycog" and name not in FACES:
            return True
        trace = trace.tb_next
    return False


def _shorten_causes(error: BaseException) -> None:
    """Leave out of the causes of an error those that no code of the caller's has seen.

    The first of them stays its `__context__`, which is not shown.
    """
    seen = {id(error)}
    first = cause = _cause(error)
    is_explicit = True
    one = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        is_explicit = is_explicit and one.__cause__ is not None
        callers = _from_caller(cause.__traceback__)
        if callers is not None:
            cause.__traceback__ = callers
            if cause is not first:
                _put_cause(error, cause, is_explicit=is_explicit)
            error, first, is_explicit = cause, _cause(cause), True
        one, cause = cause, _cause(cause)
    if first is not None:
        error.__cause__ = None  # nor is the context shown then
        error.__context__ = first


def _put_cause(error: BaseException, cause: BaseException, *, is_explicit: bool) -> None:
    error.__cause__ = cause if is_explicit else None
    error.__context__ = cause
    error.__suppress_context__ = is_explicit


def _cause(error: BaseException) -> BaseException | None:
    """Return the error that a traceback shows before another."""
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _from_caller(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback from its first frame that is the caller's; None without one."""
    while trace is not None and _is_internal(trace):
        trace = trace.tb_next
    return trace


def _module(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__", ""))


def _root(module: str) -> str:
    return module.partition(".")[0]


def _is_internal(trace: TracebackType) -> bool:
    root = _root(_module(trace))
    return root == "tinycog" or root in LIBRARIES or root in sys.stdlib_module_names
