"""Resample to the grid of another CRS.

::

    plan.py       the source pixels that are needed, and at which resolution
    coordinate_grid.py       source coordinates, interpolated between transformed ones
    kernels.py    methods and their weights
    warp.py      sample an array by a plan
"""
