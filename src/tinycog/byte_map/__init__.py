"""What lies where in a file, and pictures of it. No I/O.

::

    layout.py      FileLayout and its FileSegments: the bytes of a file, each once
    read_parts.py  the parser that reads what lies where: IFDs, values, indices
    join_parts.py  parts to segments: runs of blocks, gaps
    magnify.py     which parts of a file are drawn again, larger
    bar.py         a bar of bytes in SVG
    terminal.py    a picture of letters; svg.py one for browsers
"""
