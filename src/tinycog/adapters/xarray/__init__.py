"""xarray: `xr.open_dataset(url, engine="tinycog")` and `xr.open_datatree`.

::

    backend.py       the engine: what xarray calls
    variables.py     variables of a level: how samples become values, attributes, chunks
    lazy_samples.py  an array that reads what is indexed
    selections.py    what is read for a key, and what is taken of that
    coordinates.py   x, y, band, and the palette
    grid_mapping.py  spatial_ref: CRS, GeoTransform, control points
    attributes.py    metadata as attributes
    lazy_stack.py    a stack as (time, band, y, x): `Stack.to_xarray`
    file_facts.py    what these are made from, looked up once
"""
