"""Resample to another grid of the same CRS: fewer pixels, more, or shifted by a fraction.

::

    resample.py     resample a window to another shape; the source pixels that this needs
    axis.py       weights along one axis; the list of methods
    bands.py      apply weights to bands: kernels, areas, modes, extremes
    rounding.py   round to integers as GDAL does
"""
