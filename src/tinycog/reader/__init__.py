"""Carry out the public methods: the only package where parsers, network and threads meet.

::

    open_file.py       a file: header, levels, georeference, read once
    open_header.py     its header: read once, however many callers wait
    read_header.py     how much of the header is read, and when
    page_bytes.py      bytes that are read at least of a header, and of values
    tags.py            Page.tags
    sidecars.py        files beside, in one batch
    whole_file.py      all bytes of what is no image
    images_beside.py   those that are TIFFs: overviews and masks
    absent.py          what counts as a file that is not there
    snapshot.py        a header packed into bytes, or a document
    arguments.py       arguments of a read to level, window and shape
    tile_parts.py      tiles and windows to stored tiles, and where their pixels go
    tile_reader.py     stored tiles located, read together
    prefixes.py        of tiles that points lie in, the bytes of their rows
    tile_job.py        the parts of one read: fetched, decoded into place
    colours.py         rgb=True
    scaled.py          scaled=True
    oriented.py        oriented=True
    validity.py        what says which pixels of a level are valid
    read_tile.py       Cog.read_tile, Cog.read_tiles: batched by turns of the event loop
    tile_buffer.py     a tile on its way to a raster: arrays, and what fills them
    tile_raster.py     the raster, once they are filled
    pixel_file.py      what reads of areas need of a file, or of many
    stored_windows.py  windows filled from stored tiles
    level_source.py    a level as reads take it
    window_buffers.py  what a window read fetches
    read_window.py     Cog.read: windows fetched, resampled, masked
    read_points.py     Cog.points
    read_warped.py     Cog.read_warped: pixels of a grid of any CRS
    read_web_tile.py   Cog.read_web_tile
    iter_tiles.py      Cog.iter_tiles
    judged_file.py     what rules look at, for validate
    decoded_tiles.py   every tile decoded, only to see that it can be
    check_tiles.py     the same of some tiles of an image, in batches
"""
