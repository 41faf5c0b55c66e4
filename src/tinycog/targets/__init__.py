"""Where a file is written: bytes, a path, a file-like, a store.

::

    protocol.py      the interface of a target
"""
