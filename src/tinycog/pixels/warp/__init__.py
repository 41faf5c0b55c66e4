"""Pixels on the grid of another CRS.

::

    plan.py       which source pixels are needed, at which resolution
    grid.py       coordinates between exact ones
    kernels.py    methods, and the weights of each
    array.py      sample an array by a plan
"""
