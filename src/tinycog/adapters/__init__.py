"""Doors to other libraries: one module each, which imports its library when it is first used.

An adapter sees the public face of tinycog only, as any other user of it does.

::

    rio_tiler.py    rio-tiler's asynchronous reader
    zarr/           a zarr store of decoded tiles
"""
