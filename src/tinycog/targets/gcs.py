"""Multipart uploads to Google Cloud Storage, by its XML API: S3's language, with HMAC keys."""

from __future__ import annotations

from collections.abc import Mapping

from tinycog.errors import UsageError
from tinycog.targets.s3 import S3Upload

ENDPOINT = "https://storage.googleapis.com"

CONFIG: Mapping[str, object] = {
    "region_name": "auto",
    "request_checksum_calculation": "when_required",  # it knows MD5, and no checksum of Amazon's
    "response_checksum_validation": "when_required",
}


def gcs_upload(
    bucket: str, key: str, options: Mapping[str, object], *, overwrite: bool
) -> S3Upload:
    """Return an upload to an object of Google's.

    Args:
        bucket: its name.
        key: of the object.
        options: as for S3: `key` and `secret` are those of an HMAC key.
        overwrite: whether an object of that name is replaced; whether there is one is looked for
            before the start only.

    Raises:
        UsageError: there is no HMAC key, an option has no meaning here, or the extra `s3` is not
            installed.
    """
    if not has_hmac_key(options):
        message = (
            "an upload in parts to Google Cloud Storage needs an HMAC key:"
            " storage_options={'key': ..., 'secret': ...}"
        )
        raise UsageError(message)
    place = {"endpoint_url": options.get("endpoint_url") or ENDPOINT}
    told = {**options, **place}
    return S3Upload(
        bucket, key, told, overwrite=overwrite, scheme="gs", config=CONFIG, is_conditional=False
    )


def has_hmac_key(options: Mapping[str, object]) -> bool:
    """Return whether storage options hold an HMAC key; gcsfs's own hold a token."""
    return bool(options.get("key") and options.get("secret"))
