"""`configure`: what `open` takes where an argument is not given, for the whole process."""

from __future__ import annotations

from types import EllipsisType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tinycog.sources.http.options import Http


class Configuration(NamedTuple):
    """What is set for the process.

    Attributes:
        http: how HTTP requests are sent.
    """

    http: Http | None = None


_settings: dict[str, Http | None] = {}
"""By the name of the argument. Each is replaced at once, so that no thread needs a lock."""


def configure(*, http: Http | EllipsisType | None = ...) -> None:
    """Set what `tinycog.open` takes where an argument is not given, for the whole process.

    Handles keep what they were made with; so do those that were pickled. What is not named stays as
    it is; None takes it back. It may be called from any thread.

    Args:
        http: how HTTP requests are sent, where `open` has no `http=`: one counts as a whole.

    Raises:
        UsageError: it is no `Http`.
    """
    if isinstance(http, EllipsisType):
        return
    if http is not None:
        from tinycog.sources.http.options import check_http  # noqa: PLC0415 - only if it is given

        check_http(http)
    _settings["http"] = http


def current() -> Configuration:
    """Return what is set now."""
    return Configuration(**_settings)
