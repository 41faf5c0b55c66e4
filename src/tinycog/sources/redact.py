"""Redact credentials and control characters from text bound for messages. No I/O.

The one place that decides what is a credential (http.secrets).
"""

from __future__ import annotations

import re

MASK = "***"
"""Stands for a credential."""

SECRET_NAME = re.compile(
    r"sig|token|secret|key|passw|pwd|auth|cred|session|policy|code|hash|hmac|jwt|md5|sas$",
    re.IGNORECASE,
)
"""Query parameters with such names are credentials (http.secrets)."""

MIN_SECRET_LENGTH = 32
"""Characters from which on a value of a query is a credential, whatever its name."""

MAX_LINE_LENGTH = 500
"""Characters of foreign text in a message."""

MAX_CAUSES = 20
"""Causes of an error that are searched for credentials."""

_USERINFO = re.compile(r"://[^\s/?#'\"<>]*@")

_PARAMETER = re.compile(r"([?&;])([^\s=&;#]*)=([^\s&;#'\"<>]*)")


def redact(text: str) -> str:
    """Return the text with the userinfo and the credentials of its urls masked."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(_redact_parameter, _USERINFO.sub(f"://{MASK}@", text))


def redact_line(text: object) -> str:
    """Return foreign text as one short line: redacted, control characters escaped."""
    # cut first: the expressions take long for a long text
    redacted = redact(str(text)[: 20 * MAX_LINE_LENGTH])
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in redacted[:MAX_LINE_LENGTH])
    return line + "..." * (len(redacted) > MAX_LINE_LENGTH)


def safe_cause(error: BaseException) -> BaseException | None:
    """Return the error to raise from, or None if its traceback would show a credential."""
    cause: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if cause is None:
            return error
        if redact(str(cause)) != str(cause):
            return None
        cause = cause.__cause__ or cause.__context__
    return None


def _redact_parameter(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    is_secret = SECRET_NAME.search(name) is not None or len(value) >= MIN_SECRET_LENGTH
    return f"{mark}{name}={MASK if is_secret else value}"
