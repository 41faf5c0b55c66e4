"""What the bytes of a TIFF say: ranges in, frozen values out, no I/O.

::

    spec.py         tables of TIFF 6.0, BigTIFF and GDAL: tags, field types, codes
    page_view.py    which page is read, and as what
    ranges.py       byte ranges, half-open
    buffer.py       the parts of a file that have arrived
    recall.py       what was parsed of one file, taken for others that say the same
    header_ranges.py which of them are its header
    steps.py        parsers as generators, run side by side
    parse.py        bytes to file header, IFD chain, entries, values
    layout.py       directories to bytes: its inverse, for the writer and for `tinycog.testing`
    image.py        Ifd to Image: typed facts, and the Grid of its tiles
    colormap.py     the colours of a palette
    orientation.py  how rows and columns as stored become those of the picture
    pyramid.py      the images of a page and what may belong to it
    roles.py        which of them is a level, a mask, a page of its own
    beside.py       levels and masks in files beside
    scan.py         whether a file may hold masks, without parsing its IFDs
    old_jpeg.py     heads of old-style JPEG streams
    tile_index.py   where stored tiles lie: TileOffsets and TileByteCounts by pages
    ghost.py        GDAL's structural metadata behind the file header, leaders and trailers
    exif.py         names of the tags of Exif, GPS and interoperability IFDs
    nodata.py       GDAL's nodata tag
    c_number.py         numbers in text, as C reads them
    text.py         text of any encoding
"""
