"""Where pixels are and what they mean: GeoTIFF's tags and GDAL's, without GDAL and without I/O.

::

    parse.py          all of it in one step; georeference.py, metadata.py its two halves
    lazy.py           the same, parsed when first asked for; where a raster lies
    keys.py           GeoKeys; citation.py, units.py, epsg_units.py, methods.py, values.py beside
    crs.py            Crs by GeoKeys; build.py, base.py, registry.py make a pyproj.CRS of it
    transform.py      affine transforms, control points, RPCs
    windows.py        bounds to windows of a grid, points to pixels, pixel sizes to shapes
    transformer.py    coordinates from one CRS to another
    tile_matrix.py    OGC tile matrix sets; web_grid.py the web's quadtrees
    colour.py         colour interpretations and palettes
    items.py          GDAL's metadata XML

pyproj is loaded only where a `pyproj.CRS` is asked for.
"""
