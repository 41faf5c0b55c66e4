"""References to the stored tiles of a file as chunks of zarr arrays: kerchunk's dictionary.

::

    make.py         what `Cog.references` carries out
    levels.py       a level as chunks: shapes, places, what is stored short
    encoding.py     which codecs decode a chunk, or why none does exactly
    metadata.py     the documents of arrays and groups, zarr 2 and 3
    read_back.py    chunks read through the documents and compared
    files.py        JSON and Parquet
    tile_chunks.py  a chunk decoded by tinycog, which both codecs named `tinycog_tile` do
"""
