"""Pixels of a level to those of the next one, half its size (gdal.overviews.sizes).

::

    reducer.py   one step down: sizes, which pixels it needs, tiles to blocks
    memory.py    bytes that a step takes
    planes.py    one sample of each pixel of a block, by the method asked for
    axis.py      pixels of a level that count along one axis, and their weights
    counting.py  which samples count: masks, nodata, NaN, alpha; what is left where none do
    halves.py    means of 2 x 2 pixels, by words of twice their width
    means.py     weighted means and roots of means of squares: exact for integers
    picks.py     nearest, mode, minimum, maximum
    as_gdal.py   weighted means in GDAL's arithmetic
"""
