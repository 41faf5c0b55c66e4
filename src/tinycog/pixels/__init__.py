"""Arrays to arrays: resample, warp, mask, colour, PNG. No I/O.

::

    arrays.py     allocate arrays of pixels
    methods.py    names of the resampling methods
    resample/     resample to another shape on the same grid, as GDAL's RasterIO
    warp/         resample to the grid of another CRS
    mask.py       masks of valid pixels
    colouring.py  what the bands of pixels stand for
    validity.py   what says which pixels of a raster are valid
    orientation.py   turn pixels and masks
    account.py    what became of each pixel that was asked for
    rasterize.py  which pixels lie in polygons
    to_rgb.py     samples to 8-bit RGB; lab.py those of L*a*b*
    png.py        encode PNG, stretched for viewing
"""
