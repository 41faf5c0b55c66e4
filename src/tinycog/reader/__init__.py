"""What the public methods carry out: the only rooms where parsers, network and threads meet.

::

    open_file.py       an open file: header, levels, georeference, read once
    read_header.py     how much of the header is read, and when
    snapshot.py        a header kept outside the handle
    arguments.py       arguments of a read to level, window and shape
    tile_parts.py      which stored tiles a read needs, and where their pixels go
    tile_reader.py     stored tiles: located, fetched, decoded into place
    decode_pool.py     threads for decoding
    read_tile.py       Cog.read_tile: tiles of one turn of the event loop together
    read_window.py     Cog.read: windows fetched, resampled, masked
    read_points.py     Cog.points
    read_web_tile.py   Cog.read_web_tile
    iter_tiles.py      Cog.iter_tiles
"""
