"""A file system in a child process (store.fork)."""

from __future__ import annotations

import pickle
from typing import Any

from tinycog.errors import SourceError
from tinycog.sources.redact import safe_cause


def renewed(fs: Any, name: str) -> Any:  # noqa: ANN401 - fsspec has no types
    """Return a file system that works after a fork: made anew if it has an event loop.

    Raises:
        SourceError: it cannot be made anew, as it does not pickle.
    """
    if not _has_loop(fs):
        return fs
    try:
        return pickle.loads(pickle.dumps(fs))  # noqa: S301 - our own
    except Exception as exc:  # noqa: BLE001 - a file system may raise anything
        message = (
            f"the {type(fs).__name__} was made before this process was forked and does not pickle:"
            " make it, and open the file, in the child process"
        )
        raise SourceError(message, url=name) from safe_cause(exc)


def _has_loop(fs: Any) -> bool:  # noqa: ANN401 - the same
    """Return whether a file system, or one that it stands on, is asynchronous."""
    while fs is not None:
        if getattr(fs, "async_impl", False):
            return True
        below = fs.__dict__.get("fs")
        fs = below if below is not None else getattr(fs.__dict__.get("fo"), "fs", None)
    return False
