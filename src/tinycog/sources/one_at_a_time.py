"""Locks by name: what only one thread may use at a time, whoever holds it."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

_locks: WeakValueDictionary[str, Any] = WeakValueDictionary()
_locks_lock = Lock()


def alone(key: str) -> AbstractContextManager[bool]:
    """Return the lock with a name; hold on to it no longer than it is locked."""
    with _locks_lock:
        return _locks.setdefault(key, Lock())


def _forget_locks() -> None:
    """Make new locks after a fork: a thread that held one stayed behind."""
    global _locks_lock  # noqa: PLW0603 - one for the process
    _locks_lock = Lock()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
