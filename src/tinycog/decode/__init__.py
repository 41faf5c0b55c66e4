"""Encoded bytes of one tile to an array of samples. Pure CPU work: no I/O, safe in any thread.

::

    tile.py       decode one stored tile, or fill one that is not stored
    segment.py    what a stored tile must decode to: rows, columns, samples, bytes
    codec.py      one row of the table; codecs.py the table by compression code
    lossless.py   codecs that give back the stored bytes; samples.py goes on from there
    probes.py     what the installed imagecodecs does better than the oldest one
    streams.py    some of them in pieces, for tiles that are too large to decode at once
    prefix.py     the first rows of a tile, of its first bytes
    samples.py    bytes to samples: predictor, byte order, packed bits, complex numbers
    jpeg.py       JPEG: tables and colour; ycbcr.py YCbCr data units to RGB
    jpeg_stream.py  its markers, and whether a stream holds all of its pixels
    jpeg2000.py   JPEG 2000: sizes, tiles and packets of a stream, checked first
    jpegxl.py     JPEG XL: its size, checked first
    boxes.py      the boxes that both may lie in
    lerc.py       LERC: its layouts and masks
    libtiff.py    CCITT, LZW and others by the libtiff inside imagecodecs
    ccitt.py      whether all rows of a CCITT stream are there, code by code
    ccitt_encoded.py  the same at once, where the stream is what an encoder makes of its pixels
    pictures.py   WebP and others that give samples at once
    png.py        PNG: only what counts of it

The order is that of the rule tiff.decode.order: bit order, decompression, predictor, byte order,
unpacking.
"""
