"""Urls by fsspec's own http file system: each answer names its ETag, or what stands for it."""

from __future__ import annotations

from functools import partial

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.response import validators
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ask, check_unchanged
from tinycog.sources.stores.response import check_answer

CHUNK_BYTES = 1 << 18


async def read(wanted: ObjectRead) -> ObjectAnswer:
    """GET of a closed range with, once a strong ETag is known, If-Match: one request.

    Raises:
        ReplacedError: the object has another ETag now.
        Exception: whatever aiohttp raises.
    """
    return await ask(wanted, partial(_get, wanted))


async def _get(wanted: ObjectRead, etag: str | None) -> ObjectAnswer:
    fs, path, part = wanted[:3]
    asked = {"Range": f"bytes={part.start}-{part.stop - 1}", "Accept-Encoding": "identity"}
    if etag is not None:
        asked["If-Match"] = etag
    options = dict(fs.kwargs)
    options["headers"] = {**(options.get("headers") or {}), **asked}
    session = await fs.set_session()
    async with session.get(fs.encode_url(path), **options) as response:
        fs._raise_not_found_for_status(response, path)  # noqa: SLF001 - as fsspec does
        headers = Fields(response.headers.items())
        names = validators(headers)
        check_unchanged(wanted, etag, names)
        size = check_answer(wanted, headers, response.content_length)
        chunks: list[bytes] = []
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            wanted.arrived(len(chunk))
            chunks.append(chunk)
    return ObjectAnswer(b"".join(chunks), size, names)
