"""Clients of Azure's blob storage, made of adlfs's `storage_options` (extra `azure`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from tinycog.errors import UsageError
from tinycog.extras import check_installed
from tinycog.sources.lazy_import import load
from tinycog.sources.redact import secrets_in

ENVIRONMENT = {
    name: f"AZURE_STORAGE_{name.upper()}"
    for name in (
        *("account_name", "account_key", "connection_string", "sas_token"),
        *("client_id", "client_secret", "tenant_id", "anon"),
    )
}
"""Variables that stand for options that are not given."""

OTHERS = frozenset({"credential", "account_host", "timeout", "connection_timeout", "read_timeout"})

FOR_READING = frozenset(
    {"request_session", "socket_timeout", "blocksize", "location_mode", "loop", "asynchronous"}
    | {"default_fill_cache", "default_cache_type", "version_aware", "assume_container_exists"}
    | {"max_concurrency", "use_listings_cache", "listings_expiry_time", "max_paths"}
    | {"skip_instance_cache"}
)
"""Options of adlfs that say how it reads, or how it goes about writing: none matters here."""

CLIENT: Mapping[str, object] = {
    "retry_total": 6,
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
    "connection_timeout": 10,
    "read_timeout": 60,
}
"""Arguments of the client, where options do not say otherwise: its own wait 15 s and more."""

IN_TEXT = ("AccountKey", "SharedAccessSignature")
"""Secrets in a connection string."""

NO = ("", "0", "f", "false")


class BlobPlace(NamedTuple):
    """A blob, or what is in a container.

    Attributes:
        container: its name.
        blob: its name, or the beginning of names.
        account: that a url of the form `abfs://container@account...` names, "" otherwise.
    """

    container: str
    blob: str
    account: str = ""


def parse_place(url: str) -> BlobPlace:
    """Return what `az://container/blob` names, or `abfs://container@account.../blob`."""
    authority, _, blob = url.partition("://")[2].partition("/")
    container, _, host = authority.partition("@")
    return BlobPlace(container, blob, host.partition(".")[0])


def check_options(options: Mapping[str, object]) -> None:
    """Check that there is a meaning here to each option of Azure.

    Raises:
        UsageError: there is none, or the extra `azure` is not installed.
    """
    check_installed("azure", "azure", "azure.storage.blob", "aiohttp")
    unknown = options.keys() - ENVIRONMENT.keys() - OTHERS - FOR_READING
    if unknown:
        message = f"storage_options of Azure: {min(unknown)!r} is not known"
        raise UsageError(message)


def with_environment(options: Mapping[str, object], account: str = "") -> dict[str, Any]:
    """Return the options, and what environment variables stand for those that are not given."""
    told = {name: os.environ.get(variable) for name, variable in ENVIRONMENT.items()}
    told |= {"account_name": account} if account else {}
    return told | {name: value for name, value in options.items() if value is not None}


def azure_secrets(options: Mapping[str, object]) -> Iterator[str]:
    """Yield the texts in options that must not be shown."""
    names = ("account_key", "sas_token", "client_secret", "credential")
    yield from secrets_in([options.get(name) for name in names])
    pairs = str(options.get("connection_string") or "").split(";")
    yield from secrets_in([value for name, _, value in map(_parted, pairs) if name in IN_TEXT])


def _parted(pair: str) -> tuple[str, str, str]:
    return pair.partition("=")


async def make_client(options: Mapping[str, Any], stack: AsyncExitStack) -> Any:  # noqa: ANN401 - it is loaded late
    """Make a client of an account, for one event loop; `stack` closes it.

    Args:
        options: as `with_environment` returns them; the first of these is used that is there:
            connection string, credential, account key, SAS token, service principal; else none
            if `anon`, else the default credential of this machine.
        stack: closes what is opened.

    Raises:
        UsageError: no account is named.
    """
    service = (await load("azure.storage.blob.aio")).BlobServiceClient
    timeouts = ("connection_timeout", "read_timeout")
    given = {name: options[name] for name in timeouts if name in options}
    arguments: dict[str, Any] = {**CLIENT, **given}
    text = options["connection_string"]
    if text:
        client = service.from_connection_string(text, **arguments)
        return await stack.enter_async_context(client)
    name = options["account_name"]
    host = options.get("account_host") or (name and f"{name}.blob.core.windows.net")
    if not host:
        message = "Azure: storage_options need account_name or connection_string"
        raise UsageError(message)
    credential = await _credential(options, stack)
    client = service(f"https://{host}", credential=credential, **arguments)
    return await stack.enter_async_context(client)


async def _credential(options: Mapping[str, Any], stack: AsyncExitStack) -> Any:  # noqa: ANN401 - one of several
    given = options.get("credential") or options["account_key"] or options["sas_token"]
    if given:
        return given.removeprefix("?") if isinstance(given, str) else given
    is_principal = options["client_id"] is not None
    if not is_principal and str(options["anon"] or "").lower() not in NO:
        return None
    check_installed("azure", "azure.identity")
    identity = await load("azure.identity.aio")
    names = ("tenant_id", "client_id", "client_secret")
    credential = (
        identity.ClientSecretCredential(**{name: options[name] for name in names})
        if is_principal
        else identity.DefaultAzureCredential()
    )
    return await stack.enter_async_context(credential)
