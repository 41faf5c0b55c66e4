"""Sources of pixels: arrays, dask, xarray, iterators, another file."""
