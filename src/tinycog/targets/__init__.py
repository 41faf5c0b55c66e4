"""Where a file is written: bytes, a path, a file-like, a store.

::

    protocol.py      the interface of a target
    parts.py         sizes of the parts of a numbered upload, before its length is known
"""
