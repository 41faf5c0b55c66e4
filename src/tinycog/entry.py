"""`open`: make a handle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from tinycog import configuration
from tinycog.cache.protocol import check_cache
from tinycog.checks import check_pinning
from tinycog.cog import Cog
from tinycog.errors import UsageError
from tinycog.limits import Limits
from tinycog.reader.open_file import OpenArguments
from tinycog.reader.page_bytes import HEAD_BYTES
from tinycog.sources.factory import make_source
from tinycog.sources.lazy_import import importing
from tinycog.sources.protocol import Source
from tinycog.sources.signed_url import SignedUrl
from tinycog.tiff.page_view import VIEW
from tinycog.tracebacks import short_tracebacks

if TYPE_CHECKING:
    from tinycog.argument_types import AllowHost, FileSystem, Headers, ObjectStore, Where
    from tinycog.cache.protocol import Cache
    from tinycog.checks import Pinning
    from tinycog.reader.snapshot import SnapshotDocument
    from tinycog.series.model import Plane
    from tinycog.sources.http.options import Http


LIMITS = Limits()
"""Those of handles that are given none: one object, so that what their headers say is recalled."""


@short_tracebacks
def open(  # noqa: A001 - the library's verb, as in rasterio
    where: Where | SignedUrl | Source,
    *,
    fs: FileSystem | None = None,
    store: ObjectStore | None = None,
    headers: Headers | None = None,
    auth: Headers | None = None,
    http: Http | None = None,
    allow_host: AllowHost | None = None,
    storage_options: Mapping[str, object] | None = None,
    limits: Limits | None = None,
    head_bytes: int = HEAD_BYTES,
    snapshot: bytes | SnapshotDocument | None = None,
    pin: str | None = None,
    pinning: Pinning = "strict",
    page: int | Sequence[int] | Plane = 0,
    sidecars: bool = False,
    cache: Cache | Literal[False] | None = None,
) -> Cog:
    """Make a handle of a TIFF, BigTIFF or COG, without any I/O.

    ::

        tile = await tinycog.open(url).read_tile(z, x, y)   # opens itself
        cog = await tinycog.open(url)                       # opened now: cog.levels
        async with tinycog.open(path) as cog: ...

    Args:
        where: a url (`https://`, `s3://` and whatever fsspec knows), a path, the bytes, an open
            binary file (it is not closed, and its position stays), an async function
            `get_range(start, stop) -> bytes` (half-open; short only at the end of the object), a
            `SignedUrl`, or a `Source`.
        fs: an fsspec file system; `where` is then a path in it.
        store: an object store with obspec's methods, as those of `obstore.store`; `where` is then
            a path in it. One that has neither `get_async` nor `get`, but `get_range_async`, tells
            no generation: `pin` is refused, and what is replaced by as many bytes goes unnoticed.
        headers: headers of every HTTP request, or a function, async or not, that returns them. It
            is called once, and again if the server responds 401 or 403.
        auth: likewise, but these headers are never sent to another origin after a redirect; nor
            are those of `headers` whose names suggest secrets (Authorization, Cookie, X-Api-Key).
        http: how HTTP requests are sent: proxy, certificates, cookies and more (`Http`), instead of
            what `tinycog.configure` has set for the process.
        allow_host: function of a url that returns whether it may be requested; it is also called
            for the targets of redirects.
        storage_options: options of the fsspec file system of a url.
        limits: guards against files and servers that demand too much, and how requests are retried
            (`Limits(retries=Retries(tries=1))`).
        head_bytes: bytes of the first request. A value above the known length of a long header
            saves the requests for the rest of it.
        snapshot: result of `Cog.snapshot()` or `Cog.snapshot_document()`: the header is not read
            again.
        pin: generation to read, from the first request on: a strong ETag as the server sends it,
            with its quotes (`Cog.pin`). Any other generation is a `SourceChangedError`.
        pinning: what is compared to know that all responses are of one object. "strict": its
            generation (ETag, else Last-Modified) and its size. "size": its size alone, for servers
            whose replicas name the same bytes differently; an object that is replaced by one of
            the same size goes unnoticed, and pixels of both may be mixed. "off": nothing.
        page: page, or plane of a series, to read as an image with levels, as for `Cog.page`; 0 =
            the first IFD.
        sidecars: read the files that lie beside the TIFF, as GDAL does: `.aux.xml`, world files
            (`.tfw`, `.tifw`, `.wld`), overviews (`.ovr`) and masks (`.msk`). They are requested
            with the header, all at once; one that is not found is absent.
        cache: where bytes are looked for before they are requested, and kept (`MemoryCache`,
            `DiskCache`), instead of what `tinycog.configure` has set; False = none. Only bytes
            whose generation a strong ETag or a store's number names are kept: of http urls and
            what fsspec reads, not with `pinning="size"` or "off" (cache.generation).

    Returns:
        A handle that opens itself at its first use.

    Raises:
        UsageError: `where`, `snapshot`, `pin`, `page` or `cache` is none of these, or an argument
            is given that such a source has no use for, as `sidecars` for what has no name, or with
            another page than the first, or `pin` where `pinning` is not "strict".

    Cost: 0 requests. `sidecars` cost one more each, with the first request and once for a handle,
    and the rest of the header of an `.ovr` or a `.msk` that is there.
    """
    view = VIEW
    if page != 0:
        from tinycog.series.model import as_view  # noqa: PLC0415 - other pages only

        view = as_view(page)
    limits = limits or LIMITS
    if cache is None:
        cache = configuration.current().cache
    elif cache is not False:
        check_cache(cache)
    make = partial(
        make_source,
        fs=fs,
        store=store,
        headers=headers,
        auth=auth,
        http=http,
        default_http=configuration.current().http,
        allow_host=allow_host,
        limits=limits,
        storage_options=storage_options,
    )
    with importing():
        source, beside = make(where), None
    if sidecars:
        from tinycog.sources.siblings import sibling_names  # noqa: PLC0415 - only here

        if view != VIEW:
            message = "files beside are those of the first page: leave out sidecars= or page="
            raise UsageError(message)
        given = storage_options or getattr(where, "storage_options", None)  # of a UPath
        names = sibling_names(where)
        beside = {
            ending: make(
                SignedUrl(name, where.sign) if isinstance(where, SignedUrl) else name,
                storage_options=given,
            )
            for ending, name in names.items()
        }
    pinning = check_pinning(pinning)
    if pin is not None and pinning != "strict":
        message = f'pin= has no use with pinning="{pinning}", which compares no generations'
        raise UsageError(message)
    kept = None if snapshot is None and pin is None else _kept(snapshot, pin)
    arguments = OpenArguments(
        source, limits, head_bytes, kept, view, beside, pinning, cache or None
    )
    return Cog(arguments)


def _kept(snapshot: bytes | SnapshotDocument | None, pin: str | None) -> bytes | None:
    """Return what a handle keeps of a snapshot and a pin, packed.

    Raises:
        UsageError: the snapshot is none, or not known to be of that generation.
    """
    from tinycog.reader.snapshot import pinned, unpack  # noqa: PLC0415 - loads json and hashlib

    given = None if snapshot is None else unpack(snapshot)
    if pin is None and isinstance(snapshot, bytes):
        return snapshot
    known = given if pin is None else pinned(given, pin)
    return None if known is None else known.pack()
