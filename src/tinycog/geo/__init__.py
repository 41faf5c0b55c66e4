"""Where pixels are and what they mean: tags of GeoTIFF and GDAL, without GDAL and without I/O.

::

    parse.py          everything in one step; georeference.py and metadata.py are its halves
    lazy.py           the same, parsed when first used; where a raster lies
    tag_values.py         values of tags
    keys.py           GeoKeys; their citation.py, esri_wkt.py, units.py, projection_methods.py
    epsg_codes.py     kind, unit and parts of EPSG's CRSs
    crs.py            Crs; make_crs.py makes it from GeoKeys
    given_crs.py      a CRS that a caller names; same_crs.py whether two mean the same
    build_crs.py      a pyproj.CRS of it; base_crs.py, registry.py
    transform.py      affine transforms, control points, RPCs
    windows.py        bounds to windows of a grid, points to pixels, pixel sizes to shapes
    bounds.py         bounds that a caller gives; outline.py those of another CRS
    asked_geometry.py a geometry that a caller gives; polygons.py its rings, in another CRS too
    footprint.py      where an image lies on the Earth, as bounds and GeoJSON
    longitudes.py     a full turn apart, and the same place
    transformer.py    coordinates from one CRS to another
    tile_matrix.py    OGC tile matrix sets; web_grid.py the web's quadtrees
    matrix_set.py     those that a caller names or gives as JSON
    colour.py         colour interpretations and palettes
    metadata_items.py          GDAL's metadata XML
    sidecars.py       .aux.xml and world files; wkt.py the CRS that WKT defines
    safe_xml.py       XML that may be hostile
    exif_items.py     items of Exif and GPS IFDs
    written_facts.py  what is written of an image besides its pixels
    write_tags.py     place and nodata; write_colour.py, write_metadata.py, write_tiff_tags.py
    write_keys.py     GeoKeys of a CRS; user_keys.py without a code; written_methods.py
    structure.py      items that repeat how an image is stored, and RPCs

pyproj loads when a `pyproj.CRS` is first needed. Its exceptions are translated where they are
raised: build_crs.py, user_keys.py, registry.py, transformer.py.
"""
