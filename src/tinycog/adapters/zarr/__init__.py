"""zarr: `cog.zarr_store()`, a read-only zarr v3 store over decoded tiles; groups that are written.

::

    decoded_store.py  what zarr calls
    hierarchy.py      groups and arrays by path: which keys there are, what each of them holds
    levels.py         the levels of a file as a hierarchy
    arrays.py         arrays whose chunks are stored tiles, their masks, or few numbers
    documents.py      the documents of groups and arrays
    written.py        a group that `tinycog.export` writes, chunk by chunk
    attributes.py     what they say by the conventions, and by CF
"""
