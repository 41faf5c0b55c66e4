"""What stores with obspec's methods raise, by the names of its classes and obstore's text. No I/O.

Neither needs to be installed: obspec asks of every store that its errors have these names.
"""

from __future__ import annotations

import re

STATUSES = {
    "NotFoundError": 404,
    "PreconditionError": 412,
    "PermissionDeniedError": 403,
    "UnauthenticatedError": 401,
}
"""What the names stand for."""

IN_TEXT = re.compile(r"non-2xx status code: ([1-5][0-9]{2})\b")
"""The status in the text of obstore's `GenericError`."""

BEHIND_THE_END = "StartTooLarge"
"""Stands in the text of obstore's error for a range that begins at the end or after it."""

BROKEN = re.compile(r"HttpError \{\s*kind: (?:Connect|Timeout|Interrupted)\b")
"""Stands in obstore's text where a connection failed, or a time is over."""

NO_NAME, FOR_NOW = "dns error", "Temporary failure"

DETAILS = re.compile(r"\s*Debug source:.*", re.DOTALL)
"""What obstore adds to its text for its own developers."""


def obspec_status(exc: BaseException) -> int | None:
    """Return the HTTP status that an error of a store stands for, None if it stands for none."""
    names = _names(exc)
    if "BaseError" in names:
        text = str(exc)
        found = IN_TEXT.search(text)
        if found is not None:
            return int(found[1])
        if BEHIND_THE_END in text:
            return 416
    return next((STATUSES[name] for name in names if name in STATUSES), None)


def is_unsupported(exc: BaseException) -> bool:
    """Return whether a store says that it reads no ranges of an object."""
    return "NotSupportedError" in _names(exc)


def is_broken(exc: BaseException) -> bool:
    """Return whether obstore's connection failed; not where there is no host of that name."""
    if "BaseError" not in _names(exc):
        return False
    text = str(exc)
    is_nameless = NO_NAME in text and FOR_NOW not in text
    return BROKEN.search(text) is not None and not is_nameless


def without_details(exc: BaseException) -> str:
    """Return what an error says to users."""
    return DETAILS.sub("", str(exc)).strip()


def _names(exc: BaseException) -> list[str]:
    return [cls.__name__ for cls in type(exc).__mro__]
