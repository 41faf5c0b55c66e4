"""Images of many files, step by step in time, on one grid; `tinycog.stacks` is the handle.

::

    stack_options.py   what a caller wants, checked: grid, bands, methods
    stack_files.py     what is known of the files before they are opened, and their steps
    band_names.py      which band of which file is a band of the stack
    stack_grid.py      the grid: given, or that of the first file
    layers.py          files of a step and their bands, as windows of a mosaic
    chosen_bands.py    files as far as they could be opened, and the bands that they have
    stack_fit.py       files that do not fit the others
    made_stack.py      files that are open, as layers of steps
    read_stack.py      pieces read, with their masks and accounts; plans of them
    piece_arguments.py steps, bands and windows as given
    pieces.py          a stack in pieces of so many bytes
    stack_raster.py    pixels that were read, and where and when they lie: the result
"""
