"""Where a file is written: bytes, a path, a file-like, a store.

::

    protocol.py      the interface of a target
    factory.py       the target for whatever is passed
    numbered.py      the upload in parts that a url names
    head.py          what stands in front of level 0, as long as was said
    memory.py        bytes
    file.py          a path: the head inserted in front, then renamed
    temporary.py     temporary files beside it, and what killed writers left
    stream.py        what only takes bytes in order: level 0 waits in a spool
    binary_file.py   an open file, a pipe
    fsspec.py        a path or url of fsspec
    object_store.py  a path in a store with obspec's methods
    spool.py         bytes that wait for their place
    kept_bytes.py    those of them that stay in memory
    appended_file.py a file that bytes are appended to by a thread
    journal_file.py  entries that outlive their writer
    worker.py        that thread
    calls.py         calls that may hang
    fallocate.py     ranges that are inserted and freed
    file_errors.py   what the operating system raises
    parts.py         sizes of the parts of a numbered upload, before its length is known
    multipart.py     parts sent while later ones are made, the head last
    body.py          the bytes of one part
    pieces.py        a file made of new bytes and of ranges of the old one, and its parts
    update_target.py a file that is read and replaced: update_object.py an object of S3,
                     update_file.py a path
    s3.py            multipart uploads to S3 and its like
    gcs.py           the same to Google Cloud Storage
    azure.py         blocks of a blob
    s3_client.py     clients of S3, made of storage_options
    azure_client.py  clients of Azure, likewise
    store_errors.py  what client libraries of stores raise
    uploads.py       uploads that a crash left open
"""
