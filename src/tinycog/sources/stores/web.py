"""Urls by fsspec's own http file system: each answer names its ETag, or what stands for it."""

from __future__ import annotations

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.response import PRECONDITION_FAILED, STRONG_ETAG, generation
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ReplacedError
from tinycog.sources.stores.response import check_answer

CHUNK_BYTES = 1 << 18


async def read(wanted: ObjectRead) -> ObjectAnswer:
    """GET of a closed range with, once a strong ETag is known, If-Match: one request.

    Raises:
        ReplacedError: the object has another ETag now.
        Exception: whatever aiohttp raises.
    """
    fs, path, part, expected, arrived, _ = wanted
    options = dict(fs.kwargs)
    asked = {"Range": f"bytes={part.start}-{part.stop - 1}", "Accept-Encoding": "identity"}
    if expected is not None and STRONG_ETAG.fullmatch(expected):
        asked["If-Match"] = expected
    options["headers"] = {**(options.get("headers") or {}), **asked}
    session = await fs.set_session()
    async with session.get(fs.encode_url(path), **options) as response:
        headers = Fields(response.headers.items())
        if response.status == PRECONDITION_FAILED and expected is not None:
            raise ReplacedError(expected, headers.get("ETag"))
        fs._raise_not_found_for_status(response, path)  # noqa: SLF001 - as fsspec does
        size = check_answer(wanted, headers, response.content_length)
        chunks: list[bytes] = []
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            arrived(len(chunk))
            chunks.append(chunk)
    name = generation(headers)
    return ObjectAnswer(b"".join(chunks), size, () if name is None else (name,))
