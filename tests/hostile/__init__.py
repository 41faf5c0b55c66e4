"""Hostile files: each is opened in a process of its own, under limits, and must end well.

Well is: the pixels that GDAL or tifffile give, or a `TinycogError`; at most 5 s of CPU, 512 MiB of
address space and 50 requests; nothing on stderr.

The rooms::

    case.py       one file, as data; the registry of attacks
    structure.py  headers, chains, entries: what the structure can lie about
    values.py     every tag with every kind of wrong value
    sizes.py      images, tiles and indexes that are not what they claim
    streams.py    compressed streams that are bombs, or lie about what they hold
    pictures.py   the same of streams with headers of their own: JPEG, JPEG 2000, JPEG XL, ...
    meaning.py    georeference, metadata, nodata, colour maps
    mutants.py    fixtures with a few bytes changed, by seed
    visit.py      what is done to a file: all that a user may ask of it
    peers.py      what GDAL and tifffile make of it
    prison.py     one process for each visit, under limits
    run.py        the command
"""
