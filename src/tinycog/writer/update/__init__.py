"""Part of a file is written anew: which bytes change, and which stay as they are.

::

    stored      the file as it is: its head, held against the one that would be written; its tiles
    region      which pixels of each level change, and which old ones are needed for them
    pixels      old and new pixels to the tiles that change
    recover     how the file was written, as far as its tags tell
    trials      the rest by trial: what gives the tiles that are there
    statistics  of all pixels, old and new
    pieces      the new file, of new bytes and of ranges of the old one
    change      all of that, in order
"""
