"""Doors to other libraries: one module each, which imports its library when it is first used.

An adapter sees the public face of tinycog only, as any other user of it does.

::

    references/      stored tiles as chunks of zarr arrays, in kerchunk's words
    numcodecs.py     tinycog_tile for zarr 2
    zarr_codec.py    tinycog_tile for zarr 3
    virtualizarr.py  the same references as manifests of VirtualiZarr
    rio_tiler.py     rio-tiler's asynchronous reader
    zarr/            a zarr store of decoded tiles
"""
