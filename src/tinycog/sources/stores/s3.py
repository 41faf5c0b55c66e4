"""Objects of S3, by s3fs: each answer names the generation that its bytes are of (store.direct)."""

from __future__ import annotations

from functools import partial
from typing import Any

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ask, check_unchanged
from tinycog.sources.stores.names import names_of
from tinycog.sources.stores.response import check_answer

CHUNK_BYTES = 1 << 18


async def read(wanted: ObjectRead) -> ObjectAnswer:
    """GetObject with Range and, once an ETag is known, If-Match: one request.

    Raises:
        ReplacedError: the object has another ETag now.
        Exception: whatever s3fs raises.
    """
    return await ask(wanted, partial(_get_object, wanted))


async def _get_object(wanted: ObjectRead, etag: str | None) -> ObjectAnswer:
    fs, path, part = wanted[:3]
    bucket, key, version = fs.split_path(path)
    options: dict[str, Any] = {"Bucket": bucket, "Key": key, **getattr(fs, "req_kw", {})}
    options["Range"] = f"bytes={part.start}-{part.stop - 1}"
    if version is not None:
        options["VersionId"] = version
    if etag is not None:
        options["IfMatch"] = etag
    response = await fs._call_s3("get_object", **options)  # noqa: SLF001 - the only way to its headers
    names = names_of({name: response.get(name) for name in ("ETag", "VersionId")})
    body = response["Body"]
    try:
        check_unchanged(wanted, etag, names)
        headers = Fields(response["ResponseMetadata"]["HTTPHeaders"].items())
        size = check_answer(wanted, headers, response["ContentLength"])
        chunks: list[bytes] = []
        while chunk := await body.read(CHUNK_BYTES):
            wanted.arrived(len(chunk))
            chunks.append(chunk)
    finally:
        body.close()
    return ObjectAnswer(b"".join(chunks), size, names)
