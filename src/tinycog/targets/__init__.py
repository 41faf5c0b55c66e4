"""Where a file is written: bytes, a path, a file-like, a store.

::

    protocol.py      the interface of a target
    factory.py       the target for whatever is passed
    head.py          what stands in front of level 0, as long as was said
    memory.py        bytes
    file.py          a path: the head inserted in front, then renamed
    temporary.py     temporary files beside it, and what killed writers left
    stream.py        what only takes bytes in order: level 0 waits in a spool
    binary_file.py   an open file, a pipe
    fsspec.py        a path or url of fsspec
    object_store.py  a path in a store with obspec's methods
    spool.py         bytes that wait for their place
    appended_file.py a file that bytes are appended to by a thread
    worker.py        that thread
    calls.py         calls that may hang
    fallocate.py     ranges that are inserted and freed
    file_errors.py   what the operating system raises
    parts.py         sizes of the parts of a numbered upload, before its length is known
    numbered.py      the upload in parts that a url names
    multipart.py     parts that are sent while later ones are made
    s3.py            S3 and its like, by s3_client.py
    gcs.py           Google's store, by S3's language
    azure.py         blocks of a blob, by azure_client.py
    uploads.py       uploads that a crash left
    store_errors.py  what stores raise
"""
