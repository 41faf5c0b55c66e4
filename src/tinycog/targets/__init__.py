"""Where a file is written: bytes, a path, a file-like, a store.

::

    protocol.py      the interface of a target
    head.py          what stands in front of level 0, as long as was said
    memory.py        bytes
    file.py          a path: the head inserted in front, then renamed
    temporary.py     temporary files beside it, and what killed writers left
    spool.py         bytes that wait for their place
    appended_file.py a file that bytes are appended to by a thread
    worker.py        that thread
    fallocate.py     ranges that are inserted and freed
    file_errors.py   what the operating system raises
    parts.py         sizes of the parts of a numbered upload, before its length is known
    multipart.py     parts sent while later ones are made, the head last
    body.py          the bytes of one part
    s3.py            multipart uploads to S3 and its like
    gcs.py           the same to Google Cloud Storage
    azure.py         blocks of a blob
    s3_client.py     clients of S3, made of storage_options
    azure_client.py  clients of Azure, likewise
    store_errors.py  what client libraries of stores raise
    uploads.py       uploads that a crash left open
"""
