"""Where bytes come from: memory, files, HTTP, fsspec.

A source knows nothing of TIFF. It answers a range with just those bytes, or raises a `SourceError`
that names the object and the range; only at the end of the object may an answer be short.

::

    protocol.py      what a source is, and what takes its answers
    factory.py       the source for a url, a path or bytes
    memory.py        bytes
    local.py         files
    fsspec.py        any other scheme
    http/            HTTP ranges by aiohttp
    redact.py        no credentials in messages
    lazy_import.py   heavy modules at their first use, off the event loop
"""
