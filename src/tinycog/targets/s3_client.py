"""Clients of S3 and its like, made of what s3fs calls its `storage_options` (extra `s3`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

from tinycog.errors import UsageError
from tinycog.extras import check_installed
from tinycog.sources.lazy_import import load
from tinycog.sources.redact import secrets_in

KEYS = {
    "key": "aws_access_key_id",
    "username": "aws_access_key_id",
    "secret": "aws_secret_access_key",
    "password": "aws_secret_access_key",
    "token": "aws_session_token",
    "endpoint_url": "endpoint_url",
    "use_ssl": "use_ssl",
}
"""What the client calls options of s3fs."""

CREDENTIALS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

OTHERS = frozenset(
    {"anon", "client_kwargs", "config_kwargs", "s3_additional_kwargs", "requester_pays"}
    | {"session", "profile"}
)
"""Options that are used here, in other ways."""

FOR_READING = frozenset(
    {"default_block_size", "default_fill_cache", "default_cache_type", "version_aware"}
    | {"cache_regions", "asynchronous", "loop", "max_concurrency", "fixed_upload_size"}
    | {"local_expiry_check", "skip_instance_cache", "use_listings_cache", "max_paths"}
    | {"listings_expiry_time"}
)
"""Options of s3fs that say how it reads, or how it goes about writing: none matters here."""

CONFIG: Mapping[str, Any] = {
    "connect_timeout": 10,
    "retries": {"mode": "standard", "total_max_attempts": 6},
    "s3": {"payload_signing_enabled": False},  # there is a checksum; TLS keeps the rest
}
"""Configuration of the client, where `config_kwargs` does not say otherwise."""


def check_options(options: Mapping[str, object]) -> None:
    """Check that there is a meaning here to each option of S3.

    Raises:
        UsageError: there is none, or the extra `s3` is not installed.
    """
    check_installed("s3", "aiobotocore")
    unknown = options.keys() - KEYS.keys() - OTHERS - FOR_READING
    if unknown:
        message = (
            f"storage_options of S3: {min(unknown)!r} is not known; a region is"
            " client_kwargs={'region_name': ...}, what a request has besides s3_additional_kwargs"
        )
        raise UsageError(message)


def s3_secrets(options: Mapping[str, object]) -> Iterator[str]:
    """Yield the texts in options that must not be shown."""
    shown = ("endpoint_url", "profile", "config_kwargs")
    yield from secrets_in({name: options[name] for name in options if name not in shown})


async def make_client(
    options: Mapping[str, object], defaults: Mapping[str, object]
) -> AbstractAsyncContextManager[Any]:
    """Make a client of aiobotocore's, for one event loop.

    Args:
        options: as s3fs takes them; checked by `check_options`.
        defaults: of the configuration, besides `CONFIG`.

    Raises:
        UsageError: the client library does not understand an option.
    """
    botocore = await load("botocore")
    config_class = (await load("aiobotocore.config")).AioConfig
    session: Any = options.get("session")
    if session is None:
        sessions = await load("aiobotocore.session")
        session = sessions.AioSession(profile=options.get("profile"))
    given = {KEYS[name]: value for name, value in options.items() if name in KEYS}
    given |= cast("Mapping[str, Any]", options.get("client_kwargs") or {})
    given = {name: value for name, value in given.items() if value is not None}
    settings: dict[str, Any] = {**CONFIG, **defaults}
    settings |= cast("Mapping[str, Any]", options.get("config_kwargs") or {})
    if options.get("anon"):
        given = {name: value for name, value in given.items() if name not in CREDENTIALS}
        settings["signature_version"] = botocore.UNSIGNED
    config = config_class(**settings)
    if "config" in given:
        config = config.merge(given.pop("config"))
    return session.create_client("s3", config=config, **given)


def request_options(
    options: Mapping[str, object],
    client: Any,  # noqa: ANN401 - it has no types
    method: str,
    place: Mapping[str, str],
) -> dict[str, Any]:
    """Return the place, and what `s3_additional_kwargs` and `requester_pays` add to a request.

    As in s3fs, a request has those of them that it has a place for.
    """
    operation = client.meta.method_to_api_mapping[method]
    model = client.meta.service_model.operation_model(operation)
    added: dict[str, Any] = {**place}
    added |= cast("Mapping[str, Any]", options.get("s3_additional_kwargs") or {})
    if options.get("requester_pays"):
        added["RequestPayer"] = "requester"
    return {name: value for name, value in added.items() if name in model.input_shape.members}
