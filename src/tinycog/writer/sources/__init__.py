"""What pixels come from.

::

    make.py           a source of whatever the caller has
    told.py           what the caller says of it: shape, dtype, facts
    blocks.py         arrays of a source to blocks: dtypes, bands, masks
    in_thread.py      a blocking iterator, advanced in a thread of its own
    arrays.py         arrays in memory, memmaps
    iterators.py      iterators of ((row, col), block)
    dask.py           arrays of dask, chunk by chunk
    dask_graph.py     which tasks a batch of chunks needs, and what of them is kept for later
    dask_delayed.py   a write that dask computes
    xarray.py         DataArrays in memory, lazy or of dask
    xarray_facts.py   what a DataArray tells besides its pixels
    xarray_place.py   where its pixels lie
    cog.py            another file, by windows
    web_tiles.py      another file, warped to Web Mercator
"""
