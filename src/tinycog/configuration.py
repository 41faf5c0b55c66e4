"""`configure`: what `open` takes where an argument is not given, for the whole process."""

from __future__ import annotations

import threading
from types import EllipsisType
from typing import TYPE_CHECKING

from tinycog.cache.protocol import check_cache
from tinycog.records import NamedTuple
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from tinycog.cache.protocol import Cache
    from tinycog.sources.http.options import Http


class Configuration(NamedTuple):
    """What is set for the process.

    Attributes:
        http: how HTTP requests are sent.
        cache: where bytes are looked for before they are requested.
    """

    http: Http | None = None
    cache: Cache | None = None


_current = Configuration()

_lock = threading.Lock()


@short_tracebacks
def configure(
    *, http: Http | EllipsisType | None = ..., cache: Cache | EllipsisType | None = ...
) -> None:
    """Set what `tinycog.open` takes where an argument is not given, for the whole process.

    Handles keep what they were made with; so do those that were pickled. What is not named stays as
    it is; None takes it back. It may be called from any thread.

    Args:
        http: how HTTP requests are sent, where `open` has no `http=`: one counts as a whole.
        cache: where bytes are looked for before they are requested, and kept, where `open` has no
            `cache=`: a `MemoryCache`, a `DiskCache`, or another `Cache`.

    Raises:
        UsageError: it is no `Http`, or no `Cache`; nothing is set then.
    """
    global _current  # noqa: PLW0603 - one for the process
    if http is not None and not isinstance(http, EllipsisType):
        from tinycog.sources.http.options import check_http  # noqa: PLC0415 - only if it is given

        check_http(http)
    if cache is not None and not isinstance(cache, EllipsisType):
        check_cache(cache)
    with _lock:
        if not isinstance(http, EllipsisType):
            _current = _current._replace(http=http)
        if not isinstance(cache, EllipsisType):
            _current = _current._replace(cache=cache)


def current() -> Configuration:
    """Return what is set now."""
    return _current
