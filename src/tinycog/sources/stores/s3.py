"""Objects of S3, by s3fs: each answer names the generation that its bytes are of (store.direct)."""

from __future__ import annotations

from typing import Any

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.response import PRECONDITION_FAILED, STRONG_ETAG
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ReplacedError
from tinycog.sources.stores.errors import status_of
from tinycog.sources.stores.names import names_of
from tinycog.sources.stores.response import check_answer

CHUNK_BYTES = 1 << 18


async def read(wanted: ObjectRead) -> ObjectAnswer:
    """GetObject with Range and, once an ETag is known, If-Match: one request.

    Raises:
        ReplacedError: the object has another ETag now.
        Exception: whatever s3fs raises.
    """
    fs, path, part, expected, arrived, _ = wanted
    bucket, key, version = fs.split_path(path)
    options: dict[str, Any] = {"Bucket": bucket, "Key": key}
    options["Range"] = f"bytes={part.start}-{part.stop - 1}"
    if version is not None:
        options["VersionId"] = version
    if expected is not None and STRONG_ETAG.fullmatch(expected):
        options["IfMatch"] = expected
    try:
        response = await fs._call_s3("get_object", **options)  # noqa: SLF001 - the only way to its headers
    except Exception as exc:
        if status_of(exc) != PRECONDITION_FAILED:
            raise
        raise ReplacedError(expected, await _found(fs, path)) from exc
    body = response["Body"]
    try:
        headers = Fields(response["ResponseMetadata"]["HTTPHeaders"].items())
        size = check_answer(wanted, headers, response["ContentLength"])
        chunks: list[bytes] = []
        while chunk := await body.read(CHUNK_BYTES):
            arrived(len(chunk))
            chunks.append(chunk)
    finally:
        body.close()
    names = names_of({name: response.get(name) for name in ("ETag", "VersionId")})
    return ObjectAnswer(b"".join(chunks), size, names)


async def _found(fs: Any, path: str) -> str | None:  # noqa: ANN401 - s3fs has no types
    """Return the generation that an object is of now, None if it is no more."""
    try:
        return names_of(await fs._info(path, refresh=True))[0]  # noqa: SLF001 - the same
    except (OSError, IndexError):
        return None
