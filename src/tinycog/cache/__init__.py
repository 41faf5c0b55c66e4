"""Bytes of remote objects, kept for the next handle, thread or process (cache.generation).

::

    protocol.py   what a cache is, and what it keeps: blocks
    memory.py     the memory of the process
    disk.py       a folder: for all processes, and the next ones
    database.py   the SQLite file in it
"""
