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
"""
