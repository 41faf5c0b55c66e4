"""What client libraries of stores raise while an object is written, as errors of ours."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

from tinycog.errors import (
    AccessDeniedError,
    NotFoundError,
    SourceBusyError,
    SourceChangedError,
    SourceError,
    SourceTimeoutError,
    TargetExistsError,
    TinycogError,
)
from tinycog.sources.http.response import TRANSIENT, TRANSIENT_CODES
from tinycog.sources.redact import redact_line, safe_cause
from tinycog.sources.stores.errors import BUSY, DENIED, NOT_FOUND, is_broken_connection
from tinycog.sources.stores.status import causes_of, status_of

NO_BUCKET = "there is no such bucket or container"
EXPIRED = "the credentials have expired: pass fresh ones"
SKEWED = "the store refuses the time of this machine: set its clock"
GONE = "the upload is no more: it was aborted, or completed, by another"

CODES: dict[str, tuple[type[SourceError], str]] = {
    "NoSuchBucket": (NotFoundError, NO_BUCKET),
    "ContainerNotFound": (NotFoundError, NO_BUCKET),
    "NoSuchUpload": (NotFoundError, GONE),
    "InvalidBlockList": (NotFoundError, GONE),
    "ExpiredToken": (AccessDeniedError, EXPIRED),
    "ExpiredTokenException": (AccessDeniedError, EXPIRED),
    "TokenRefreshRequired": (AccessDeniedError, EXPIRED),
    "RequestTimeTooSkewed": (AccessDeniedError, SKEWED),
    "RequestExpired": (AccessDeniedError, SKEWED),
    "InvalidAccessKeyId": (AccessDeniedError, "the store does not know the access key"),
    "InvalidToken": (AccessDeniedError, "the store does not know the token"),
    "SignatureDoesNotMatch": (AccessDeniedError, "the secret key is wrong"),
    "AuthenticationFailed": (AccessDeniedError, "the store refuses the credentials"),
    "SlowDown": (SourceBusyError, "the store limits requests"),
    "ServerBusy": (SourceBusyError, "the store limits requests"),
    "BadDigest": (SourceError, "bytes were damaged on their way"),
    "Md5Mismatch": (SourceError, "bytes were damaged on their way"),
}
"""What the codes of stores mean, whatever the status."""

NO_CREDENTIALS = frozenset(
    {
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
        *("ProfileNotFound", "NoAuthTokenError", "TokenRetrievalError"),  # botocore
        *("ClientAuthenticationError", "CredentialUnavailableError"),  # azure
    }
)
"""Names of classes of client libraries: there are no credentials, or none that hold."""

PRECONDITION_FAILED, CONFLICT = 412, 409


def code_of(exc: BaseException) -> str:
    """Return the code of a store's answer, "" if there is none."""
    for error in causes_of(exc):
        response: Any = getattr(error, "response", None)
        if isinstance(response, dict):
            code: object = response.get("Error", {}).get("Code", "")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        else:
            code = getattr(error, "error_code", None)
            code = getattr(code, "value", code)
        if isinstance(code, str) and code:
            return code
    return ""


@contextmanager
def write_errors(name: str, secrets: Iterable[str] = ()) -> Generator[None]:
    """Have what a client library raises raise an error of ours; none of `secrets` is shown.

    Raises:
        SourceError: whatever it is.
    """
    try:
        yield
    except TinycogError:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever the library raises
        error = to_write_error(exc, name, secrets)
        raise error from error.__cause__


def complete_error(error: SourceError, name: str, *, overwrite: bool) -> TinycogError:
    """Return the error to raise where an upload was not completed."""
    is_refused = error.status in (PRECONDITION_FAILED, CONFLICT)
    return TargetExistsError.of_target(name) if is_refused and not overwrite else error


@contextmanager
def unknown_outcome(name: str) -> Generator[None]:
    """Have an error that leaves open whether an object was published say so.

    Raises:
        NotFoundError: as it is: it was not.
        SourceError: it is not known.
    """
    try:
        yield
    except NotFoundError:
        raise
    except SourceError as exc:
        message = f"the store did not say whether the object was published, look at it ({exc})"
        raise SourceError(message, url=name) from exc


def to_write_error(exc: Exception, name: str, secrets: Iterable[str] = ()) -> SourceError:
    """Translate what a client library raised while an object was written.

    None of `secrets` is shown; the error has no cause that would show one.
    """
    secrets = tuple(secrets)
    status, code = status_of(exc), code_of(exc)
    error = _translated(exc, status, code, name, secrets)
    error.status = status
    is_broken = status is None and is_broken_connection(exc)
    error.may_pass = status in TRANSIENT or code in TRANSIENT_CODES or is_broken
    error.__cause__ = safe_cause(exc, secrets)
    return error


def _translated(
    exc: Exception, status: int | None, code: str, name: str, secrets: tuple[str, ...]
) -> SourceError:
    if code in CODES:
        kind, text = CODES[code]
        return kind(f"{text} ({code})", url=name)
    told = f"{type(exc).__name__}: {redact_line(exc, secrets)}"
    by_status = _by_status(status, code, name)
    if by_status is not None:
        return by_status
    if any(cls.__name__ in NO_CREDENTIALS for cls in type(exc).__mro__):
        return AccessDeniedError(f"there are no valid credentials: {told}", url=name)
    if isinstance(exc, TimeoutError) or "Timeout" in type(exc).__name__:
        return SourceTimeoutError("the store did not answer in time", url=name)
    return SourceError(f"the store cannot write it: {told}", url=name)


def _by_status(status: int | None, code: str, name: str) -> SourceError | None:
    told = f"({code or status})"
    if status in DENIED:
        return AccessDeniedError(f"the object may not be written {told}", url=name)
    if status in NOT_FOUND:
        return NotFoundError(f"there is no such object, bucket or upload {told}", url=name)
    if status in (PRECONDITION_FAILED, CONFLICT):
        return SourceChangedError(f"the object was changed by another meanwhile {told}", url=name)
    if status in BUSY:
        return SourceBusyError(f"the store is overloaded or limits requests {told}", url=name)
    return None
