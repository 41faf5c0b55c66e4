"""Areas of any size, in pieces that fit into memory.

::

    split.py       an area to pieces: under a budget, cut where tiles begin
    area.py        an area of what can be read, and what a piece of it costs
    piecewise.py   pieces, the memory that they take, and how they are read side by side
    carry_out.py   pieces read, written, kept in the journal; then all gets its name
    journal.py     what is done, for the run that goes on
    parts.py       files under names of their own until they are whole
    to_array.py    to .npy
    to_folder.py   to a folder of chunks
    to_chunks.py   chunks of a grid of its own: parts of those that are not whole wait in a file
    to_sink.py     to a function
    as_file.py     an area as what `write` takes pixels from
"""
