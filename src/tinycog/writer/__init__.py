"""A COG in one pass: blocks of pixels to the bytes of a file.

::

    pixel_source.py  what gives pixels: blocks in an order that is asked for, or in its own
    sources/         arrays, dask, xarray, iterators, another file
    records.py       what is stored of one place in the tile grid, and where a level's payloads lie
    head.py          what stands in front of full resolution: IFDs, tile indices, overviews
"""
