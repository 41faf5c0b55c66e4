"""Pixels on another grid of the same raster: fewer, more, or shifted by a part of a pixel.

::

    window.py     bring a window to another shape; which source pixels that needs
    axis.py       weights along one axis; the list of methods
    bands.py      apply them to bands: kernels, areas, modes, extremes
    rounding.py   back to integers as GDAL rounds
"""
