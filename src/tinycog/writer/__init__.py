"""A COG in one pass: blocks of pixels to the bytes of a file.

::

    options.py       what a caller wants, checked; profiles as data
    plan.py          order, memory and spool, before a byte is written
    pending.py       what is returned before it is awaited
    check_facts.py   what a caller says besides pixels, checked for its kind
    design.py        what a file is to hold: its levels, how their tiles are encoded
    level_tags.py    the tags of a level
    cog_file.py      a file is written: its plan, its passes, its head
    marks.py         which pixels are valid, and how the file says so
    validity.py      what samples say of it
    opacity.py       a band of opacity, added or made a mask
    engine.py        one pass: pixels through all levels
    pixel_source.py  what gives pixels: blocks in an order that is asked for, or in its own
    sources/         arrays, dask, xarray, iterators, another file
    grid.py          tiles of a level, and the orders in which they are asked for
    assemble.py      blocks to whole tiles; spilled.py those that are put aside
    aside.py         pixels put aside, and read back
    halos.py         tiles with the pixels around them
    tile_work.py     what a thread does with a tile
    reduce.py        pixels of the next level
    statistics.py    exact ones of each band
    checksums.py     what went into each tile
    deferred.py      tiles that wait until a sample has decided how all are encoded
    in_order.py      records put in order
    journal.py       what a killed write had done, for the one that goes on
    update/          a window of a file that was written is changed
    records.py       what is stored of one place in the tile grid, and where a level's payloads lie
    head.py          what stands in front of full resolution: IFDs, tile indices, overviews
"""
