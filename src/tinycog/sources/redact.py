"""What of a text from outside may be shown: the one place where credentials are hidden. No I/O."""

from __future__ import annotations

import re

HIDDEN = "***"

SECRET = re.compile(
    r"sig|token|secret|key|passw|pwd|auth|cred|session|policy|code|hash|hmac|jwt|md5|sas$",
    re.IGNORECASE,
)
"""Parameters of a query with such names are credentials (http.secrets)."""

SECRET_LENGTH = 32
"""So is a value of this length, whatever its name."""

MOST_SHOWN = 500
"""Characters of a text that somebody else wrote."""

MOST_CAUSES = 20
"""Errors behind an error that are looked at."""

_WHO = re.compile(r"://[^\s/?#'\"<>]*@")

_PARAMETER = re.compile(r"([?&;])([^\s=&;#]*)=([^\s&;#'\"<>]*)")


def redact(text: str) -> str:
    """The same text; of the urls in it, neither who asks nor the credentials of a query."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(_redact_parameter, _WHO.sub(f"://{HIDDEN}@", text))


def redact_line(text: object) -> str:
    """One line of what somebody else wrote: without secrets, of printable characters, not long."""
    told = redact(str(text)[: 20 * MOST_SHOWN])
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in told[:MOST_SHOWN])
    return line + "..." * (len(told) > MOST_SHOWN)


def safe_cause(error: BaseException) -> BaseException | None:
    """The error, to be raised from; None if a traceback would show by it what is hidden."""
    seen: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if seen is None:
            return error
        if redact(str(seen)) != str(seen):
            return None
        seen = seen.__cause__ or seen.__context__
    return None


def _redact_parameter(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    is_secret = SECRET.search(name) is not None or len(value) >= SECRET_LENGTH
    return f"{mark}{name}={HIDDEN if is_secret else value}"
