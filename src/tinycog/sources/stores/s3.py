"""Objects of S3, by s3fs: each answer names the generation that its bytes are of (store.direct)."""

from __future__ import annotations

from typing import Any

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.response import STRONG_ETAG
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ReplacedError
from tinycog.sources.stores.errors import CONDITION_REFUSED, status_of
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
    options: dict[str, Any] = {"Bucket": bucket, "Key": key, **getattr(fs, "req_kw", {})}
    options["Range"] = f"bytes={part.start}-{part.stop - 1}"
    if version is not None:
        options["VersionId"] = version
    if expected is not None and STRONG_ETAG.fullmatch(expected):
        options["IfMatch"] = expected
    response = await _get_object(fs, options)
    names = names_of({name: response.get(name) for name in ("ETag", "VersionId")})
    body = response["Body"]
    try:
        if "IfMatch" in options and names and expected not in names:
            raise ReplacedError(expected, names[0])
        headers = Fields(response["ResponseMetadata"]["HTTPHeaders"].items())
        size = check_answer(wanted, headers, response["ContentLength"])
        chunks: list[bytes] = []
        while chunk := await body.read(CHUNK_BYTES):
            arrived(len(chunk))
            chunks.append(chunk)
    finally:
        body.close()
    return ObjectAnswer(b"".join(chunks), size, names)


async def _get_object(fs: Any, options: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - s3fs has no types
    """Ask with If-Match; if it is refused, without: the answer tells whether the ETag is another.

    There are stores that do not know the condition, or refuse it although the ETag is the same.
    """
    try:
        return await fs._call_s3("get_object", **options)  # noqa: SLF001 - the only way to its headers
    except Exception as exc:
        if "IfMatch" not in options or status_of(exc) not in CONDITION_REFUSED:
            raise
    plain = {name: value for name, value in options.items() if name != "IfMatch"}
    return await fs._call_s3("get_object", **plain)  # noqa: SLF001 - the same
