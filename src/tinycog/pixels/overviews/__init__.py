"""Pixels of a level to those of the next one, half its size (gdal.overviews.*).

::

    reducer.py   one step down: sizes, which pixels it needs, tiles to blocks
    axis.py      pixels of a level that count along one axis, and their weights
    counting.py  which samples count: masks, nodata, NaN, alpha; what is left where none do
    halves.py    means of 2 x 2 pixels, by words of twice their width
    means.py     weighted means and roots of means of squares: exact for integers
    picks.py     nearest, mode, minimum, maximum
    as_gdal.py   weighted means in GDAL's arithmetic
"""
