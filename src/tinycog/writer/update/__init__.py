"""A part of a file is written anew: what changes, and what stays as it is.

::

    stored.py      the file as it is: its head, held against the one that would be written
    old.py         its tiles, read and decoded once
    region.py      which pixels of each level change, and which old tiles are needed for that
    pixels.py      old and new pixels, to the tiles that change
    recover.py     how the file was written, as far as its tags tell
    trials.py      the rest by trial: what gives the tiles that are there
    ways.py        those ways that fit the tiles that were looked at
    statistics.py  of all pixels
    pieces.py      the new file, of new bytes and of ranges of the old one
    change.py      all of that, in order
"""
