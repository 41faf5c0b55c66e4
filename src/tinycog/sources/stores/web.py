"""Urls by fsspec's own http file system: each answer names its ETag, or what stands for it."""

from __future__ import annotations

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.http.response import STRONG_ETAG, generation
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ReplacedError
from tinycog.sources.stores.errors import CONDITION_REFUSED, status_of
from tinycog.sources.stores.response import check_answer

CHUNK_BYTES = 1 << 18


async def read(wanted: ObjectRead) -> ObjectAnswer:
    """GET of a closed range with, once a strong ETag is known, If-Match: one request.

    Raises:
        ReplacedError: the object has another ETag now.
        Exception: whatever aiohttp raises.
    """
    part, expected = wanted.part, wanted.generation
    asked = {"Range": f"bytes={part.start}-{part.stop - 1}", "Accept-Encoding": "identity"}
    if expected is not None and STRONG_ETAG.fullmatch(expected):
        try:
            return await _get(wanted, {**asked, "If-Match": expected})
        except Exception as exc:
            if status_of(exc) not in CONDITION_REFUSED:
                raise
    return await _get(wanted, asked)


async def _get(wanted: ObjectRead, asked: dict[str, str]) -> ObjectAnswer:
    """Send one GET, and take an answer of the generation that is wanted."""
    fs, path, _, expected, arrived, _ = wanted
    options = dict(fs.kwargs)
    options["headers"] = {**(options.get("headers") or {}), **asked}
    session = await fs.set_session()
    async with session.get(fs.encode_url(path), **options) as response:
        fs._raise_not_found_for_status(response, path)  # noqa: SLF001 - as fsspec does
        headers = Fields(response.headers.items())
        name = generation(headers)
        if name is not None and expected not in (None, name):
            raise ReplacedError(expected, name)
        size = check_answer(wanted, headers, response.content_length)
        chunks: list[bytes] = []
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            arrived(len(chunk))
            chunks.append(chunk)
    return ObjectAnswer(b"".join(chunks), size, () if name is None else (name,))
