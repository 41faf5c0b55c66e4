"""The upload in numbered parts that a url names."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit

from tinycog.errors import UsageError
from tinycog.sources.redact import shown_url
from tinycog.sources.urls import links_of, scheme_of
from tinycog.targets.azure import AzureUpload
from tinycog.targets.azure_client import parse_place
from tinycog.targets.gcs import gcs_upload, has_hmac_key
from tinycog.targets.multipart import MultipartTarget, ObjectUpload
from tinycog.targets.parts import AZURE, GCS, OCI, R2, S3, Bounds, PartRules, plan_parts
from tinycog.targets.s3 import S3Upload
from tinycog.targets.uploads import AZURE_SCHEMES, GCS_SCHEMES, S3_SCHEMES

HOSTS = {
    ".r2.cloudflarestorage.com": R2,
    ".oraclecloud.com": OCI,
    ".oci.customer-oci.com": OCI,
    "storage.googleapis.com": GCS,
}
"""How hosts of stores end that speak S3's language and take other parts."""


def numbered_target(
    url: str,
    options: Mapping[str, object],
    *,
    overwrite: bool,
    part_bytes: int,
    bounds: Bounds | None = None,
    folder: str | None = None,
) -> MultipartTarget | None:
    """Return the target of a url of a store, or None for what is left to fsspec.

    That is any other scheme, a chain, and `gs://` without an HMAC key where gcsfs is installed.

    Args:
        url: of the object.
        options: what s3fs or adlfs calls its `storage_options`.
        overwrite: whether an object of that name is replaced.
        part_bytes: that parts grow to, unless they must be longer.
        bounds: of the length of the file; None: not known.
        folder: for what has to wait; None: where `tempfile` makes its files.

    Raises:
        UsageError: the url names no object, an option has no meaning, or an extra is missing.
        LimitError: the head does not fit.
    """
    found = _upload_to(url, options, overwrite=overwrite)
    if found is None:
        return None
    head, body = bounds or (0, None)
    plan = plan_parts(found[1], head, body, preferred=part_bytes)
    return MultipartTarget(found[0], plan, folder)


def _upload_to(
    url: str, options: Mapping[str, object], *, overwrite: bool
) -> tuple[ObjectUpload, PartRules] | None:
    scheme = scheme_of(url)
    if len(links_of(url)) > 1:
        return None
    if scheme in AZURE_SCHEMES:
        return AzureUpload(parse_place(url), options, overwrite=overwrite), AZURE
    bucket, _, key = url.partition("://")[2].partition("/")
    is_google = scheme in GCS_SCHEMES
    if scheme not in S3_SCHEMES and not is_google:
        return None
    if not bucket or not key or key.endswith("/"):
        message = f"the url names no object: expected {scheme}://bucket/key: {shown_url(url)}"
        raise UsageError(message)
    if not is_google:
        return S3Upload(bucket, key, options, overwrite=overwrite), rules_of(options)
    if has_hmac_key(options) or find_spec("gcsfs") is None:
        return gcs_upload(bucket, key, options, overwrite=overwrite), GCS
    return None


def rules_of(options: Mapping[str, object]) -> PartRules:
    """Return what a store takes that speaks S3's language, by its endpoint."""
    host = urlsplit(str(options.get("endpoint_url") or "")).hostname or ""
    return next((rules for end, rules in HOSTS.items() if host.endswith(end)), S3)
