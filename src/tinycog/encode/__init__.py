"""Samples of one tile to the bytes that are stored: the mirror of `decode`. Pure, safe in threads.

::

    tile.py         make an encoder of a format; encode one tile
    tile_format.py  what all tiles of an IFD have in common, and what a codec may be told
    compressor.py   one row of the table; compressors.py the table by compression code
    check_format.py what a codec can hold, and what it may be told
    tile_bytes.py   samples to bytes before compression: byte order, packed bits, complex numbers
    differences.py  the predictors
    edges.py        tiles that reach beyond the image
    lossless.py     codecs that take bytes
    jpeg.py         JPEG: tables apart, as in GDAL; lerc.py LERC and its masks
    pictures.py     WebP, JPEG XL, JPEG 2000
    packed.py        pixels that are kept for a while, compressed quickly
    choose.py       the predictor and the level that suit a sample of the pixels
"""
