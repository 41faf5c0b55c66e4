"""Many files of one grid, read as one file: what `tinycog.mosaic` reads.

::

    placing          where each file lies in the common grid, and which levels they share
    overlaps         which file's samples are taken where several have some
    mosaic_windows   windows of the whole, filled from windows of the files
    mosaic_file      facts of the whole, as reads need them
"""
