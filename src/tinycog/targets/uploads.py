"""Uploads that a crash left open: which there are, and how they are dropped (store.upload.left)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any, NamedTuple

from tinycog.errors import UnsupportedError, UsageError
from tinycog.sources.lazy_import import load
from tinycog.sources.redact import shown_url
from tinycog.sources.urls import check_text, scheme_of
from tinycog.targets import azure_client, gcs, s3_client
from tinycog.targets.store_errors import write_errors
from tinycog.tracebacks import short_tracebacks

S3_SCHEMES, GCS_SCHEMES, AZURE_SCHEMES = ("s3", "s3a"), ("gs", "gcs"), ("az", "abfs", "abfss")


class OpenUpload(NamedTuple):
    """An upload that was begun, and neither completed nor aborted.

    Attributes:
        url: of the object that it would make.
        key: of that object in its bucket or container.
        id: of the upload.
        started: when, or None where the store does not tell (Azure).
    """

    url: str
    key: str
    id: str
    started: datetime | None


@short_tracebacks
async def list_uploads(
    where: str, *, storage_options: Mapping[str, object] | None = None
) -> list[OpenUpload]:
    """Return the uploads that are open in a bucket or container: yours, and those of others.

    Azure tells of blobs that were never completed; of blocks for a blob that exists, only if
    `where` names that blob.

    Args:
        where: url of a bucket, of an object, or of what keys begin with (`s3://bucket/prefix`).
        storage_options: as `tinycog.write` takes them.

    Raises:
        UsageError: it is no url of such a store.
        SourceError: the store does not tell.
    """
    options = dict(storage_options or {})
    async with AsyncExitStack() as stack:
        store = _store_of(where, options, stack)
        with write_errors(shown_url(where), store.secrets()):
            return await store.list_open()


@short_tracebacks
async def abort_upload(
    upload: OpenUpload, *, storage_options: Mapping[str, object] | None = None
) -> None:
    """Drop an upload: its parts are deleted, and it cannot be completed any more.

    In Azure this drops what all uploads of that blob have staged; an empty blob is seen for a
    moment.

    Args:
        upload: as `list_uploads` returns it.
        storage_options: as `tinycog.write` takes them.

    Raises:
        NotFoundError: it is not open.
        UnsupportedError: the blob exists (Azure): what is staged for it is dropped in a week.
        SourceError: it cannot be dropped.
    """
    options = dict(storage_options or {})
    async with AsyncExitStack() as stack:
        store = _store_of(upload.url, options, stack)
        with write_errors(upload.url, store.secrets()):
            await store.abort(upload)


def _store_of(where: str, options: dict[str, object], stack: AsyncExitStack) -> _S3 | _Azure:
    where = check_text(where)
    scheme = scheme_of(where)
    if scheme in AZURE_SCHEMES:
        return _Azure(where, options, stack)
    if scheme in (*S3_SCHEMES, *GCS_SCHEMES):
        return _S3(where, options, stack)
    message = f"uploads are listed of s3://, gs:// and az:// urls, not of {scheme or 'a path'}"
    raise UsageError(message)


class _S3:
    """Multipart uploads in a bucket of S3, or of Google's with an HMAC key."""

    def __init__(self, where: str, options: dict[str, object], stack: AsyncExitStack) -> None:
        s3_client.check_options(options)
        self._scheme, _, path = where.partition("://")
        self._bucket, _, self._prefix = path.partition("/")
        is_google = scheme_of(where) in GCS_SCHEMES
        self._options = {"endpoint_url": gcs.ENDPOINT, **options} if is_google else options
        self._config: Mapping[str, object] = gcs.CONFIG if is_google else {}
        self._stack = stack

    def secrets(self) -> Iterator[str]:
        return s3_client.s3_secrets(self._options)

    async def list_open(self) -> list[OpenUpload]:
        client = await self._client()
        pages = client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self._bucket, Prefix=self._prefix
        )
        found = [upload async for page in pages for upload in page.get("Uploads", ())]
        return [
            OpenUpload(
                f"{self._scheme}://{self._bucket}/{told['Key']}",
                *(told["Key"], told["UploadId"], told.get("Initiated")),
            )
            for told in found
        ]

    async def abort(self, upload: OpenUpload) -> None:
        client = await self._client()
        place = {"Bucket": self._bucket, "Key": upload.key}
        await client.abort_multipart_upload(**place, UploadId=upload.id)

    async def _client(self) -> Any:  # noqa: ANN401 - it is loaded late
        client = await s3_client.make_client(self._options, self._config)
        return await self._stack.enter_async_context(client)


class _Azure:
    """Blocks that were staged in a container."""

    def __init__(self, where: str, options: dict[str, object], stack: AsyncExitStack) -> None:
        azure_client.check_options(options)
        self._place = azure_client.parse_place(where)
        self._options = azure_client.with_environment(options, self._place.account)
        self._root = f"{where.partition('://')[0]}://{where.partition('://')[2].partition('/')[0]}"
        self._stack = stack

    def secrets(self) -> Iterator[str]:
        return azure_client.azure_secrets(self._options)

    async def list_open(self) -> list[OpenUpload]:
        container = await self._container()
        listed = container.list_blobs(
            name_starts_with=self._place.blob or None, include=["uncommittedblobs"]
        )
        found: list[OpenUpload] = []
        async for blob in listed:
            if blob.size and blob.name != self._place.blob:
                continue
            _, staged = await container.get_blob_client(blob.name).get_block_list("all")
            ids = dict.fromkeys(block.id.rpartition("-")[0] for block in staged)
            url = f"{self._root}/{blob.name}"
            found += [OpenUpload(url, blob.name, name, None) for name in ids]
        return found

    async def abort(self, upload: OpenUpload) -> None:
        conditions = (await load("azure.core")).MatchConditions
        blob = (await self._container()).get_blob_client(upload.key)
        committed, _ = await blob.get_block_list("all")
        if committed or await blob.exists():
            message = (
                "blocks that are staged for a blob that exists cannot be dropped; Azure drops"
                f" them after a week, or with its next upload: {upload.url}"
            )
            raise UnsupportedError(message, feature="abort_upload", value=upload.id)
        made = await blob.commit_block_list([], match_condition=conditions.IfMissing)
        await blob.delete_blob(etag=made["etag"], match_condition=conditions.IfNotModified)

    async def _container(self) -> Any:  # noqa: ANN401 - it is loaded late
        service = await azure_client.make_client(self._options, self._stack)
        return service.get_container_client(self._place.container)
