"""What may be shown of urls, and of what others wrote, in messages (http.secrets). No I/O.

The one place that decides it. Of a url these are scheme, host and path, found by parsing: a user, a
password, a query and a fragment are never shown, whatever they are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tinycog.errors import shows_urls
from tinycog.sources.urls import links_of

MASK = "***"
"""Stands for a credential."""

MIN_SECRET_LENGTH = 4
"""Characters from which on a value that was given is looked for in what others wrote."""

MAX_LINE_LENGTH = 500
"""Characters of foreign text in a message."""

MAX_CAUSES = 20
"""Causes of an error that are searched for credentials."""

URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)([^?#]*)(.*)", re.DOTALL)
"""Scheme, authority, path; query and fragment."""

SCHEME_BEFORE = r"[A-Za-z][A-Za-z0-9+.-]{,31}$"

AFTER_SCHEME = r"://\S*"
"""The rest of a url in a text. Its scheme is looked for before it: a search for schemes takes the
square of the time of a long word."""

HOST = re.compile(r"(\[[^\]@]*\]?|[^:@]*)(:[0-9]*)?")
"""Host and port, without a user."""

PIECES = r"[:/?#@&=;+ ]"
"""Between the parts of a user, a query or a fragment."""

GENERATION = r"#[0-9]{1,20}"
"""Generation of an object in a bucket of Google's: no secret."""


def shown_url(url: str) -> str:
    """Return what may be shown of a url, a chain of fsspec's or a path."""
    return url if shows_urls() else redacted_url(url)


def redacted_url(url: str) -> str:
    """Return what may always be shown of it, whatever `errors.show_urls` says."""
    return "::".join(map(_shown, links_of(url)))


def redact(text: str) -> str:
    """Return a text with what may be shown of the urls in it."""
    if "://" not in text or shows_urls():
        return text
    pieces: list[str] = []
    at = 0
    for found in re.finditer(AFTER_SCHEME, text):
        before = re.compile(SCHEME_BEFORE)
        scheme = before.search(text, max(at, found.start() - 32), found.start())
        start = found.start() if scheme is None else scheme.start()
        shown = f"://{MASK}" if scheme is None else shown_url(text[start : found.end()])
        pieces += [text[at:start], shown]
        at = found.end()
    return "".join([*pieces, text[at:]])


def redact_line(text: object, secrets: Iterable[str] = ()) -> str:
    """Return foreign text as one short line: redacted, control characters escaped.

    Args:
        text: what others wrote.
        secrets: what must not be shown wherever it stands (`secrets_in`).
    """
    # cut first: the expressions take long for a long text
    cut = str(text)[: 20 * MAX_LINE_LENGTH]
    for secret in () if shows_urls() else sorted(secrets, key=len, reverse=True):
        cut = cut.replace(secret, MASK)
    redacted = redact(cut)
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in redacted[:MAX_LINE_LENGTH])
    return line + "..." * (len(redacted) > MAX_LINE_LENGTH)


def safe_cause(error: BaseException, secrets: Iterable[str] = ()) -> BaseException | None:
    """Return the error to raise from, or None if its traceback would show a credential."""
    secrets = tuple(secrets)
    cause: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if cause is None:
            return error
        text = str(cause)
        if redact(text) != text or any(secret in text for secret in secrets):
            return None
        cause = cause.__cause__ or cause.__context__
    return None


def secrets_in(value: object) -> Iterator[str]:
    """Yield the texts in options of a file system that may be credentials: all that are no urls."""
    if isinstance(value, Mapping):
        for item in value.values():  # pyright: ignore[reportUnknownVariableType] - of anything
            yield from secrets_in(item)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list | tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from secrets_in(item)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, str) and len(value) >= MIN_SECRET_LENGTH and "://" not in value:
        yield value


def secrets_in_url(url: str) -> set[str]:
    """Return the texts in a url that may be credentials: those in user, query and fragment."""
    found = URL.fullmatch(url)
    if found is None:
        return set()
    from urllib.parse import unquote_plus  # noqa: PLC0415 - failures only

    _, authority, path, rest = found.groups()
    user = f"{authority}{path}{rest}".rpartition("@")[0]
    pieces = {user, rest, *re.split(PIECES, user), *re.split(PIECES, rest)}
    pieces |= {unquote_plus(piece) for piece in pieces}
    return {piece for piece in pieces if len(piece) >= MIN_SECRET_LENGTH}


def _shown(url: str) -> str:
    """Return what may be shown of one url; a path is returned as it is.

    What stands before the last @ may be a password that holds a slash, a question mark or a hash:
    of a url that has one behind its host, no more is shown than cannot be a part of it.
    """
    found = URL.fullmatch(url)
    if found is None:
        return url
    scheme, authority, path, rest = found.groups()
    _, at, host = authority.rpartition("@")
    if "@" in rest or HOST.fullmatch(host) is None:
        return scheme + MASK
    is_key = scheme.lower() not in ("http://", "https://") and not at and ":" not in authority
    if "@" in path and not is_key:
        return f"{scheme}{MASK}@{path.rpartition('@')[2]}"
    is_generation = scheme in ("gs://", "gcs://") and re.fullmatch(GENERATION, rest)
    return f"{scheme}{f'{MASK}@' * bool(at)}{host}{path}{rest * bool(is_generation)}"
