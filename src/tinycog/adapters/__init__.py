"""Doors to other libraries: one module or package each, imported when its library is used.

An adapter sees the public face of tinycog only, as any other user of it does.

::

    cf.py            what CF, GDAL and rioxarray call place and nodata
    xarray/          the engine of xarray
    zarr/            a zarr store of decoded tiles
    references/      stored tiles as chunks of zarr arrays, in kerchunk's words
    numcodecs.py     tinycog_tile for zarr 2
    zarr_codec.py    tinycog_tile for zarr 3
    virtualizarr.py  the same references as manifests of VirtualiZarr
    matplotlib.py    plots of rasters
    rio_tiler.py     rio-tiler's asynchronous reader
"""
