"""Arrays to arrays: resample, warp, mask, colour, PNG. No I/O.

::

    arrays.py     allocate arrays of pixels
    methods.py    names of the resampling methods
    resample/     another shape on the same grid, as GDAL's RasterIO
    warp/         another CRS
    mask.py       which pixels are valid
    to_rgb.py     samples to what a person would look at
    png.py        PNG, stretched for the eye; html.py for notebooks
"""
