"""The way in: `open`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinycog.cog import Cog
from tinycog.limits import Limits
from tinycog.reader.read_header import HEAD_BYTES
from tinycog.reader.snapshot import pinned
from tinycog.sources.factory import Where, make_source
from tinycog.sources.http.credentials import Headers
from tinycog.sources.http.source import AllowHost
from tinycog.sources.protocol import Source


def open(  # noqa: A001 - the library's verb, as in rasterio
    where: Where | Source,
    *,
    fs: Any = None,  # noqa: ANN401 - fsspec has no types
    headers: Headers | None = None,
    auth: Headers | None = None,
    allow_host: AllowHost | None = None,
    storage_options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    head_bytes: int = HEAD_BYTES,
    snapshot: bytes | None = None,
    pin: str | None = None,
) -> Cog:
    """Make a handle for a TIFF, BigTIFF or COG, without any I/O.

    ::

        tile = await tinycog.open(url).read_tile(z, x, y)   # opens itself
        cog = await tinycog.open(url)                       # or at once: cog.levels
        async with tinycog.open(path) as cog: ...

    Args:
        where: a url (`https://`, `s3://` and whatever fsspec knows), a path, the bytes, an async
            function `get_range(start, stop) -> bytes` (half-open; short only at the end of the
            object), or a `Source`.
        fs: an fsspec file system; `where` is then a path in it.
        headers: sent along with each HTTP request, or a function that gives them, async or not:
            it is asked once, and again if the server says 401 or 403.
        auth: likewise, but these headers never go to another server that is redirected to; nor do
            those of `headers` whose names tell of secrets (Authorization, Cookie, X-Api-Key).
        allow_host: says of each url, those redirected to included, whether it may be asked.
        storage_options: for the fsspec file system of a url.
        limits: guards against files and servers that ask for too much; how long a request is
            tried is in it too (`Limits(retries=Retries(tries=1))`).
        head_bytes: bytes of the first request. Who knows that the header is longer than 32 KiB
            saves the requests for the rest of it.
        snapshot: what `Cog.snapshot()` gave: the header is not read again.
        pin: the generation that is wanted, from the first request on: a strong ETag as the server
            has it, with its quotes (or what `Cog.pin` gave). Any other is `SourceChangedError`.

    Raises:
        UsageError: `where`, `snapshot` or `pin` is none of these.
    """
    limits = limits or Limits()
    source = make_source(
        where,
        fs=fs,
        headers=headers,
        auth=auth,
        allow_host=allow_host,
        limits=limits,
        storage_options=storage_options,
    )
    return Cog(source, limits, head_bytes, snapshot if pin is None else pinned(snapshot, pin))
