"""Doors to other libraries: one module or package each, imported when its library is used.

An adapter sees the public face of tinycog only, as any other user of it does.

::

    rio_tiler.py    rio-tiler's asynchronous reader
    xarray/         the engine of xarray
    zarr/           a zarr store of decoded tiles
"""
