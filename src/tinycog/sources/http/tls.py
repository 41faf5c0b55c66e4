"""TLS contexts of this process, made in a worker thread: to read certificates takes some 100 ms.

Certificates are held against those of the caller, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`, which
OpenSSL reads, or of `CURL_CA_BUNDLE` or `REQUESTS_CA_BUNDLE`, or the system's (http.tls).
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from tinycog.errors import UsageError
from tinycog.sources.http.routes import TlsOptions
from tinycog.sources.lazy_import import in_worker

OPENSSL_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

BUNDLE_VARIABLES = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
"""Names of files or folders from which curl and Requests take certificates."""

MAX_CONTEXTS = 64
"""Contexts that are kept."""

DEFAULT = TlsOptions()

Stamp = tuple[tuple[str | None, int], ...]
"""Paths of certificates, and when they were modified: short-lived ones are replaced in place."""

_contexts: dict[tuple[TlsOptions, Stamp], ssl.SSLContext] = {}


async def context_of(options: TlsOptions | None) -> ssl.SSLContext:
    """Return the context of connections with these options; None = the default ones.

    Raises:
        UsageError: certificates cannot be read.
    """
    options = options or DEFAULT
    if options.context is not None:
        return options.context
    variables = map(os.environ.get, (*OPENSSL_VARIABLES, *BUNDLE_VARIABLES))
    paths = (options.ca_file, *options.client_cert[:2], *variables)
    key = options, tuple((path, _modified(path)) for path in paths)
    found = _contexts.get(key)
    if found is None:
        found = await in_worker(_make, options)
        if len(_contexts) >= MAX_CONTEXTS:
            _contexts.clear()
        _contexts[key] = found
    return found


def _modified(path: str | None) -> int:
    """Return the time of a file in nanoseconds; 0 if there is none."""
    try:
        return Path(path).stat().st_mtime_ns if path else 0
    except (OSError, ValueError):
        return 0


def _make(options: TlsOptions) -> ssl.SSLContext:
    """Make a context; certificates are read from files."""
    where, path = _authorities(options)
    try:
        is_folder = path is not None and Path(path).is_dir()
        files = (None, path) if is_folder else (path, None)
        context = ssl.create_default_context(cafile=files[0], capath=files[1])
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise _unreadable(where, path, exc) from None
    if not options.verifies:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    if options.client_cert:
        _load_client_cert(context, *options.client_cert)
    return context


def _authorities(options: TlsOptions) -> tuple[str, str | None]:
    """Return what names the certificates that are trusted, and their path; None = the system's."""
    if options.ca_file is not None:
        return "ca_file=", options.ca_file
    if options.trust_env and options.verifies and not any(map(os.environ.get, OPENSSL_VARIABLES)):
        for name in BUNDLE_VARIABLES:
            if os.environ.get(name):
                return name, os.environ[name]
    return "", None


def _load_client_cert(
    context: ssl.SSLContext, cert: str, key: str | None = None, password: str | None = None
) -> None:
    """Load a certificate and its key; nobody is asked for a password."""

    def ask() -> str:
        message = "client_cert=: the key needs a password: (cert, key, password)"
        raise UsageError(message)

    try:
        context.load_cert_chain(cert, key, ask if password is None else password)
    except (OSError, ValueError) as exc:
        if isinstance(exc, UsageError):
            raise
        shown = cert if key is None else f"{cert} with {key}"
        raise _unreadable("client_cert=", shown, exc) from None


def _unreadable(where: str, path: str | None, exc: Exception) -> UsageError:
    """Return the error of certificates that cannot be read."""
    told = (exc.strerror or exc) if isinstance(exc, OSError) else exc
    return UsageError(f"{where} {path} cannot be read as certificates in PEM: {told}".strip())
