"""Objects of Google Cloud Storage, by gcsfs: a generation is asked for by its number (store.gs)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from tinycog.sources.http.header_fields import Fields
from tinycog.sources.stores.answer import ObjectAnswer, ObjectRead, ReplacedError
from tinycog.sources.stores.names import names_of
from tinycog.sources.stores.response import check_answer


async def is_readable(fs: Any, path: str) -> bool:  # noqa: ANN401 - gcsfs has no types
    """Return whether the object is read by HTTP: that of a zonal bucket is not."""
    is_zonal = getattr(fs, "_is_zonal_bucket", None)
    return is_zonal is None or not await is_zonal(fs.split_path(path)[0])


async def read(wanted: ObjectRead) -> ObjectAnswer:
    """GET of the generation that is known, else of the newest: one request.

    Raises:
        ReplacedError: that generation is no more; another one is.
        FileNotFoundError: there is no generation of it.
        Exception: whatever gcsfs raises.
    """
    fs, path, part, expected, arrived = wanted[:5]
    bucket, key, generation = fs.split_path(path)
    if generation is None and expected is not None and expected.isdecimal():
        generation = expected
    url = fs.url(path, generation=generation)
    asked = {"Range": f"bytes={part.start}-{part.stop - 1}", "Accept-Encoding": "identity"}
    try:
        head, data = await fs._call("GET", url, headers=asked)  # noqa: SLF001 - the only way to its headers
    except FileNotFoundError as exc:
        found = None if generation is None else await _found(fs, bucket, key)
        if found is None:
            raise
        raise ReplacedError(generation, found, f"gs://{bucket}/{key}") from exc
    arrived(len(data))
    headers = Fields(head.items())
    size = check_answer(wanted, headers, len(data))
    number = headers.get("x-goog-generation")
    etag = names_of({"ETag": headers.get("ETag")})
    names = {} if number is None else {"generation": number, **etag}
    return ObjectAnswer(data, size, names)


async def _found(fs: Any, bucket: str, key: str) -> str | None:  # noqa: ANN401 - the same
    """Return the newest generation of an object, None if there is none."""
    with suppress(OSError):
        info = await fs._call("GET", "b/{}/o/{}", bucket, key, json_out=True)  # noqa: SLF001 - the same
        return str(info["generation"]) if "generation" in info else None
    return None
