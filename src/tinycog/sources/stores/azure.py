"""Blobs of Azure, by adlfs: each answer names its ETag, which the next one must have."""

from __future__ import annotations

from functools import partial
from typing import Any

from tinycog.sources.lazy_import import load
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ask, check_unchanged
from tinycog.sources.stores.names import names_of


async def read(wanted: ObjectRead) -> ObjectAnswer:
    """Download a range, on condition that the ETag is the one that is known: one request.

    Raises:
        ReplacedError: the blob has another ETag now.
        Exception: whatever the client library raises.
    """
    return await ask(wanted, partial(_download, wanted))


async def _download(wanted: ObjectRead, etag: str | None) -> ObjectAnswer:
    fs, path, part = wanted[:3]
    container, blob, version = fs.split_path(fs._strip_protocol(path))  # noqa: SLF001 - as adlfs does
    options: dict[str, Any] = {"offset": part.start, "length": part.length}
    if version is not None:
        options["version_id"] = version
    if etag is not None:
        conditions = (await load("azure.core")).MatchConditions
        options |= {"etag": etag, "match_condition": conditions.IfNotModified}
    async with fs.service_client.get_blob_client(container=container, blob=blob) as client:
        stream = await client.download_blob(max_concurrency=1, **options)
        data = await stream.readall()
    wanted.arrived(len(data))
    facts = {name: stream.properties.get(name) for name in ("etag", "version_id")}
    names = names_of(facts)
    check_unchanged(wanted, etag, names)
    return ObjectAnswer(data, _size(stream.properties.content_range), names)


def _size(content_range: str) -> int:
    """Return the size of a blob: of its properties `size` is that of the range.

    What the client library makes of Content-Range ends where the range that was asked does.
    """
    return int(content_range.rpartition("/")[2])
