"""Sources of bytes: memory, files, HTTP, fsspec, object stores, an async function.

A source knows nothing of TIFF. It answers a range with exactly those bytes, or raises a
`SourceError` that names the object and the range; an answer is short at
the end of the object, or its rest is requested anew.

::

    protocol.py      interface of a source, and of the sink of a range
    urls.py          what a string names: a path, a url, a chain of fsspec's
    allow_host.py    the caller's function that says which urls may be requested
    factory.py       the source for what `tinycog.open` was given
    signed_url.py    a url that a function signs
    siblings.py      names of files beside
    listing.py       files that patterns name
    condition.py     If-Match, and whether it is understood
    identity.py      what names an object and whoever reads it, for a cache
    memory.py        bytes
    local.py         files
    callable.py      an async function get_range(start, stop)
    binary_file.py   a file that the caller has open
    fsspec.py        any other scheme
    object_store.py  a path in a store with obspec's methods
    stores/          ranges in both, with their generation
    one_at_a_time.py what only one thread may use at a time
    http/            HTTP ranges
    redact.py        credentials masked in messages
    lazy_import.py   imports of heavy modules off the event loop
"""
