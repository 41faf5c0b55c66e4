"""Many files of one grid, read as one file: what `tinycog.mosaic` reads.

::

    fitting.py         whether files fit, and how they make one image
    placing.py         where each file lies in the common grid, and which levels they share
    chosen_grid.py     the grid that files are warped to
    members.py         what a file has of windows of the whole
    overlaps.py        which file's samples are taken where several have some
    mosaic_windows.py  windows of the whole, filled from windows of the files
    mosaic_file.py     facts of the whole, as reads need them
    matrix_files.py    which level is which tile matrix, and the files of one
"""
